//! Which MCP servers may be called (spec E17).
//!
//! It is read, checked and digested, and takes effect where a call names its MCP server. A REST
//! call names none, so there it has no effect, as in the public tool; `policy validate` says so.

use super::Verdict;
use super::dataflow::True;
use crate::intent::duration;
use crate::intent::text::shown;
use serde::Serialize;

/// Risk classes that it guards where it names none.
pub(super) const GUARDED: [&str; 2] = ["critical", "high"];

/// The constraint. Serialises as the policy digest has it.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct McpTrust {
    pub(super) enabled: True,
    /// The file that says what is known of servers.
    pub snapshot_path: String,
    /// What a server that is not trusted means at least.
    pub action: Verdict,
    /// For which risk classes.
    pub required_risk_classes: Vec<String>,
    /// How good its score must be, 0 to 1.
    pub min_score: f64,
    /// How old what is known may be, in normal form; empty for any age.
    pub max_age: String,
    /// Who may have published it; empty for any.
    pub publisher_allowlist: Vec<String>,
    /// Whether a registry must list it.
    pub require_registry: bool,
}

/// A positive duration such as `90m` in normal form; empty stays empty.
pub(super) fn normal_duration(text: &str) -> Result<String, String> {
    if text.is_empty() {
        return Ok(String::new());
    }
    match duration::positive(text) {
        Some(duration) => Ok(duration::written(duration)),
        None => Err(format!(
            "parse mcp_trust.max_age: `{}` is no duration; mcp_trust.max_age must be > 0, such as \
             90m",
            shown(text)
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::normal_duration;

    #[test]
    fn an_age_is_a_positive_duration() {
        assert_eq!(normal_duration("90m").as_deref(), Ok("1h30m0s"));
        assert_eq!(normal_duration("").as_deref(), Ok(""));
        for text in ["soon", "-1h", "0s", "-"] {
            assert!(normal_duration(text).unwrap_err().contains("must be > 0"), "{text}");
        }
    }
}
