//! Keys of a policy that speak of it as a whole: `scripts` and `mcp_trust` (spec E12, E17).

use super::matcher::lowered;
use super::{DOCUMENT, guard_word_of_whole};
use crate::intent::text::trimmed;
use crate::policy::Verdict;
use crate::policy::dataflow::True;
use crate::policy::mcp_trust::{GUARDED, McpTrust, normal_duration};
use crate::policy::script::ScriptTerms;
use crate::yaml::{Fault, Fields, Keys, Node};

const SCRIPTS: Keys = Keys {
    document: DOCUMENT,
    read: &["max_steps", "require_approval_above", "block_mixed_risk"],
    legacy: &[],
};

const MCP_TRUST: Keys = Keys {
    document: DOCUMENT,
    read: &[
        "enabled",
        "snapshot",
        "action",
        "required_risk_classes",
        "min_score",
        "max_age",
        "publisher_allowlist",
        "require_registry",
    ],
    legacy: &[],
};

/// Reads `scripts`.
pub(super) fn scripts(node: Node) -> Result<ScriptTerms, Fault> {
    let mut fields = Fields::open(node, "scripts".to_owned(), &SCRIPTS)?;
    let block_mixed_risk = fields.flag("block_mixed_risk")?;
    let max_steps = count(&mut fields, "max_steps")?;
    let require_approval_above = count(&mut fields, "require_approval_above")?;
    Ok(ScriptTerms { max_steps, require_approval_above, block_mixed_risk })
}

fn count(fields: &mut Fields, key: &str) -> Result<u64, Fault> {
    let (number, place) = fields.integer(key)?;
    let what = || format!("{} must be >= 0", fields.at(key));
    u64::try_from(number).map_err(|_| Fault::validate(place, what()))
}

/// Reads `mcp_trust`; any key that is set puts it in force.
pub(super) fn mcp_trust(node: Node) -> Result<Option<McpTrust>, Fault> {
    let mut fields = Fields::open(node, "mcp_trust".to_owned(), &MCP_TRUST)?;
    let fields = &mut fields;
    let enabled = fields.flag("enabled")?;
    let (snapshot, snapshot_place) = fields.text("snapshot")?;
    let snapshot = trimmed(snapshot);
    let action = fields.text("action")?;
    let mut required_risk_classes = lowered(fields, "required_risk_classes")?;
    let (min_score, score_place) = fields.number("min_score")?;
    let (max_age, age_place) = fields.text("max_age")?;
    let max_age = trimmed(max_age);
    let publisher_allowlist = lowered(fields, "publisher_allowlist")?;
    let require_registry = fields.flag("require_registry")?;
    let texts = [snapshot.as_str(), max_age.as_str(), action.0.trim()];
    let lists = [&required_risk_classes, &publisher_allowlist];
    let said = enabled
        || require_registry
        || min_score > 0.0
        || texts.iter().any(|text| !text.is_empty())
        || lists.iter().any(|list| !list.is_empty());
    if !said {
        return Ok(None);
    }
    if snapshot.is_empty() {
        let what = "mcp_trust.snapshot is required when mcp_trust is configured".to_owned();
        return Err(Fault::validate(snapshot_place, what));
    }
    let action = guard_word_of_whole(action, "mcp_trust.action")?.unwrap_or(Verdict::Block);
    if !(0.0..=1.0).contains(&min_score) {
        let what = "mcp_trust.min_score must be between 0 and 1".to_owned();
        return Err(Fault::validate(score_place, what));
    }
    let max_age = normal_duration(&max_age).map_err(|what| Fault::validate(age_place, what))?;
    if required_risk_classes.is_empty() {
        required_risk_classes = GUARDED.map(str::to_owned).to_vec();
    }
    Ok(Some(McpTrust {
        enabled: True,
        snapshot_path: snapshot,
        action,
        required_risk_classes,
        min_score,
        max_age,
        publisher_allowlist,
        require_registry,
    }))
}
