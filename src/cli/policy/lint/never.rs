//! Keys of `match` that cannot match, and items in them that mean less than they seem to.

use super::Findings;
use crate::intent::time::Time;
use crate::intent::{Kind, ProvenanceSource};
use crate::policy::Rule;

/// Warns of rules that never match, and of items that never do.
pub(super) fn check(rule: &Rule, _: Time, findings: &mut Findings) {
    let matcher = &rule.matcher;
    for (key, items) in
        [("target_kinds", &matcher.target_kinds), ("destination_kinds", &matcher.destination_kinds)]
    {
        unknown(rule, key, items, |word| Kind::parse(word).is_some(), Kind::known, findings);
    }
    let sources = &matcher.provenance_sources;
    let is_source = |word: &str| ProvenanceSource::parse(word).is_some();
    unknown(rule, "provenance_sources", sources, is_source, ProvenanceSource::known, findings);
    workspaces(rule, findings);
    literal(rule, findings);
    if matcher.tool_names.iter().any(|name| name == "script") {
        findings.rule(rule, SCRIPT);
    }
    let delegation = &matcher.delegation;
    if delegation.max_depth == Some(0) && !delegation.delegators.is_empty() {
        let keys = "max_delegation_depth: 0 leaves no link for allowed_delegator_identities";
        findings.rule(rule, format!("never matches: {keys}"));
    }
}

const SCRIPT: &str = "names the tool `script`; a script is judged step by step, by the tools of \
                      its steps";

/// Items that are no word of a closed vocabulary.
fn unknown(
    rule: &Rule,
    key: &str,
    items: &[String],
    is_known: impl Fn(&str) -> bool,
    known: fn() -> String,
    findings: &mut Findings,
) {
    let strange: Vec<&str> = items.iter().map(String::as_str).filter(|i| !is_known(i)).collect();
    if !strange.is_empty() {
        let never = if strange.len() == items.len() { "never matches: it " } else { "" };
        let (strange, known) = (strange.join("`, `"), known());
        findings.rule(rule, format!("{never}lists {key} `{strange}`; known are {known}"));
    }
}

/// An intent's workspace has no backslashes; they are turned into slashes.
fn workspaces(rule: &Rule, findings: &mut Findings) {
    let prefixes = &rule.matcher.workspace_prefixes;
    let strange: Vec<&str> =
        prefixes.iter().map(String::as_str).filter(|prefix| prefix.contains('\\')).collect();
    if let Some(prefix) = strange.first() {
        let never = if strange.len() == prefixes.len() { "never matches: it " } else { "" };
        findings.rule(
            rule,
            format!("{never}lists workspace prefix `{prefix}`; write it with forward slashes"),
        );
    }
}

/// Items that look like patterns, in keys that know none.
fn literal(rule: &Rule, findings: &mut Findings) {
    let matcher = &rule.matcher;
    let any_star: fn(&str) -> bool = |item| item.contains('*');
    // Values may be queries; those that end in a star are meant for patterns.
    let last_star: fn(&str) -> bool = |item| item.ends_with('*') && !item.contains(' ');
    let keys = [
        ("tool_names", &matcher.tool_names, any_star),
        ("risk_classes", &matcher.risk_classes, any_star),
        ("identities", &matcher.identities, any_star),
        ("workspace_prefixes", &matcher.workspace_prefixes, any_star),
        ("target_values", &matcher.target_values, last_star),
        ("destination_values", &matcher.destination_values, last_star),
    ];
    for (key, items, is_pattern) in keys {
        if let Some(item) = items.iter().find(|item| is_pattern(item)) {
            findings.rule(
                rule,
                format!(
                    "lists {key} `{item}`, in which `*` is only a star: {key} know no patterns"
                ),
            );
        }
    }
}
