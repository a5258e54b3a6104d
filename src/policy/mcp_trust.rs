//! Which MCP servers may be called (spec E17).
//!
//! It is read, checked and digested, and takes effect where a call names its MCP server. A REST
//! call names none, so there it has no effect, as in the public tool; `policy validate` says so.

use super::Verdict;
use super::dataflow::True;
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

/// Units of a duration, in nanoseconds.
const UNITS: [(&str, u128); 8] = [
    ("ns", 1),
    ("us", 1_000),
    ("\u{b5}s", 1_000),
    ("\u{3bc}s", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
];

/// A positive duration such as `90m` or `1h0.5s`, in the form `1h30m0s`; empty stays empty.
pub(super) fn normal_duration(text: &str) -> Result<String, String> {
    if text.is_empty() {
        return Ok(String::new());
    }
    let (sign, body) = match text.strip_prefix(['-', '+']) {
        Some(body) => (text.starts_with('-'), body),
        None => (false, text),
    };
    let nanos = match body {
        "" => None,
        "0" => Some(0),
        body => nanoseconds(body),
    };
    match nanos {
        None => Err(format!("parse mcp_trust.max_age: `{text}` is no duration; write it like 90m")),
        Some(nanos) if sign || nanos == 0 => Err("mcp_trust.max_age must be > 0".to_owned()),
        Some(nanos) => Ok(written(nanos)),
    }
}

/// The sum of numbers with units; at most what 63 bits hold.
fn nanoseconds(mut text: &str) -> Option<u128> {
    let mut sum = 0_u128;
    while !text.is_empty() {
        let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, rest) = text.split_at_checked(digits)?;
        let letters = rest.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(rest.len());
        let (unit, rest) = rest.split_at_checked(letters)?;
        let (_, unit) = UNITS.iter().find(|(name, _)| *name == unit)?;
        sum = sum.checked_add(amount(number, *unit)?)?;
        text = rest;
    }
    i64::try_from(sum).is_ok().then_some(sum)
}

fn amount(number: &str, unit: u128) -> Option<u128> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let digits = |text: &str| if text.is_empty() { Some(0) } else { text.parse::<u64>().ok() };
    let fraction = fraction.get(..fraction.len().min(18))?;
    let scale = 10_u128.checked_pow(u32::try_from(fraction.len()).ok()?)?;
    let part = u128::from(digits(fraction)?).checked_mul(unit)?.checked_div(scale)?;
    u128::from(digits(whole)?).checked_mul(unit)?.checked_add(part)
}

fn written(nanos: u128) -> String {
    if nanos < 1_000 {
        return format!("{nanos}ns");
    }
    if nanos < 1_000_000 {
        return format!("{}\u{b5}s", decimal(nanos, 1_000));
    }
    if nanos < 1_000_000_000 {
        return format!("{}ms", decimal(nanos, 1_000_000));
    }
    let minutes = nanos / 60_000_000_000;
    let seconds = decimal(nanos % 60_000_000_000, 1_000_000_000);
    match (minutes / 60, minutes % 60) {
        (0, 0) => format!("{seconds}s"),
        (0, minutes) => format!("{minutes}m{seconds}s"),
        (hours, minutes) => format!("{hours}h{minutes}m{seconds}s"),
    }
}

/// `number / unit` without trailing zeros; `unit` is a power of ten.
fn decimal(number: u128, unit: u128) -> String {
    let (whole, rest) = (number / unit, number % unit);
    if rest == 0 {
        return whole.to_string();
    }
    let digits = (unit + rest).to_string();
    let fraction = digits.get(1..).unwrap_or_default().trim_end_matches('0');
    format!("{whole}.{fraction}")
}

#[cfg(test)]
mod tests {
    use super::normal_duration;

    #[test]
    fn durations_have_one_form() {
        for (text, normal) in [
            ("90m", "1h30m0s"),
            ("45s", "45s"),
            ("1h30m0.5s", "1h30m0.5s"),
            ("1.5h", "1h30m0s"),
            ("1500ms", "1.5s"),
            ("+2m", "2m0s"),
            ("1.5us", "1.5\u{b5}s"),
            ("24h", "24h0m0s"),
            (".5s", "500ms"),
            ("", ""),
        ] {
            assert_eq!(normal_duration(text).as_deref(), Ok(normal), "{text}");
        }
        for text in ["soon", "1", "1 h", "h", "1d", ".s", "-", "9999999h", "1h-5m"] {
            assert!(normal_duration(text).unwrap_err().starts_with("parse "), "{text}");
        }
        for text in ["0", "-1h", "0s", "-0"] {
            assert_eq!(normal_duration(text).unwrap_err(), "mcp_trust.max_age must be > 0");
        }
    }
}
