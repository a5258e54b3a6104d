//! Whether one `match` takes in all that another does, and whether the two can meet.
//!
//! Both answers are proofs from the keys alone: each list matches if any item does, and all keys
//! must match, so a shorter list under every key is a narrower match.

use crate::policy::{Annotations, DelegationMatch, Match};

/// Whether every intent that matches `narrow` matches `wide`.
pub(super) fn implies(narrow: &Match, wide: &Match) -> bool {
    let call = [
        (&narrow.tool_names, &wide.tool_names),
        (&narrow.risk_classes, &wide.risk_classes),
        (&narrow.identities, &wide.identities),
        (&narrow.provenance_sources, &wide.provenance_sources),
        (&narrow.data_classes, &wide.data_classes),
        (&narrow.destination_operations, &wide.destination_operations),
        (&narrow.skill_publishers, &wide.skill_publishers),
        (&narrow.skill_sources, &wide.skill_sources),
        (&narrow.inventory.tool_names, &wide.inventory.tool_names),
        (&narrow.inventory.data_classes, &wide.inventory.data_classes),
        (&narrow.inventory.endpoint_classes, &wide.inventory.endpoint_classes),
        (&narrow.inventory.autonomy_levels, &wide.inventory.autonomy_levels),
    ];
    call.iter().all(|(narrow, wide)| within(narrow, wide))
        && within(&narrow.endpoint_classes, &wide.endpoint_classes)
        && within(&narrow.discovery_methods, &wide.discovery_methods)
        && targets(narrow, wide)
        && workspaces(narrow, wide)
        && annotations(narrow.tool_annotations, wide.tool_annotations)
        && delegation(&narrow.delegation, &wide.delegation)
}

/// Whether one intent could match both, as far as the keys with a single value tell.
pub(super) fn meet(first: &Match, second: &Match) -> bool {
    let shares = |a: &[String], b: &[String]| {
        a.is_empty() || b.is_empty() || a.iter().any(|item| b.binary_search(item).is_ok())
    };
    let (a, b) = (&first.workspace_prefixes, &second.workspace_prefixes);
    let nested = |a: &String| b.iter().any(|b| a.starts_with(b) || b.starts_with(a));
    shares(&first.tool_names, &second.tool_names)
        && shares(&first.risk_classes, &second.risk_classes)
        && shares(&first.identities, &second.identities)
        && (a.is_empty() || b.is_empty() || a.iter().any(nested))
}

/// Whether a list that matches makes the other one match. All lists are sorted.
fn within<T: Ord>(narrow: &[T], wide: &[T]) -> bool {
    let listed = |item: &T| wide.binary_search(item).is_ok();
    wide.is_empty() || (!narrow.is_empty() && narrow.iter().all(listed))
}

/// Kinds and values have two keys each, which ask the same of the same targets.
fn targets(narrow: &Match, wide: &Match) -> bool {
    let either = |a: &[String], b: &[String], wide: &[String]| within(a, wide) || within(b, wide);
    let kinds = |wide| either(&narrow.target_kinds, &narrow.destination_kinds, wide);
    let values = |wide| either(&narrow.target_values, &narrow.destination_values, wide);
    kinds(&wide.target_kinds)
        && kinds(&wide.destination_kinds)
        && values(&wide.target_values)
        && values(&wide.destination_values)
}

fn workspaces(narrow: &Match, wide: &Match) -> bool {
    let (narrow, wide) = (&narrow.workspace_prefixes, &wide.workspace_prefixes);
    let below = |prefix: &String| wide.iter().any(|wide| prefix.starts_with(wide));
    wide.is_empty() || (!narrow.is_empty() && narrow.iter().all(below))
}

fn annotations(narrow: Annotations, wide: Annotations) -> bool {
    let hints = [
        (narrow.read_only_hint, wide.read_only_hint),
        (narrow.destructive_hint, wide.destructive_hint),
        (narrow.idempotent_hint, wide.idempotent_hint),
        (narrow.open_world_hint, wide.open_world_hint),
    ];
    hints.iter().all(|(narrow, wide)| wide.is_none() || narrow == wide)
}

fn delegation(narrow: &DelegationMatch, wide: &DelegationMatch) -> bool {
    let is_delegated = *narrow != DelegationMatch::default();
    let depth = wide.max_depth.is_none_or(|wide| narrow.max_depth.is_some_and(|n| n <= wide));
    (is_delegated || !wide.required)
        && depth
        && within(&narrow.delegators, &wide.delegators)
        && within(&narrow.delegates, &wide.delegates)
        && within(&narrow.scopes, &wide.scopes)
}

#[cfg(test)]
mod tests {
    use super::{implies, meet};
    use crate::policy::{Match, Policy, source};

    fn policy(keys: &str) -> Policy {
        let text = format!("rules: [{{name: a, effect: block, match: {{{keys}}}}}]");
        source::parse("p.yaml", text.as_bytes()).unwrap()
    }

    fn is(holds: fn(&Match, &Match) -> bool, first: &str, second: &str) -> bool {
        let (first, second) = (policy(first), policy(second));
        holds(&first.rules()[0].matcher, &second.rules()[0].matcher)
    }

    #[test]
    fn each_key_narrows_and_none_is_forgotten() {
        for (narrow, wide) in [
            ("tool_names: [a]", "tool_names: [a, b]"),
            ("risk_classes: [a]", "risk_classes: [a, b]"),
            ("identities: [a]", "identities: [a, b]"),
            ("workspace_prefixes: [/a/b, /a/c]", "workspace_prefixes: [/a/, /b]"),
            ("target_kinds: [path]", "target_kinds: [path, url]"),
            ("target_values: [a]", "target_values: [a, b]"),
            ("endpoint_classes: [fs.read]", "endpoint_classes: [fs.read, fs.write]"),
            ("data_classes: [a]", "data_classes: [a, b]"),
            ("destination_kinds: [path]", "target_kinds: [path, url]"),
            ("target_values: [a]", "destination_values: [a, b]"),
            ("destination_operations: [a]", "destination_operations: [a, b]"),
            ("provenance_sources: [user]", "provenance_sources: [user, external]"),
            ("discovery_method: [mcp]", "discovery_method: [mcp, a2a]"),
            (
                "tool_annotations: {readOnlyHint: true, openWorldHint: false}",
                "tool_annotations: {openWorldHint: false}",
            ),
            ("skill_publishers: [a]", "skill_publishers: [a, b]"),
            ("skill_sources: [a]", "skill_sources: [a, b]"),
            ("context_tool_names: [a]", "context_tool_names: [a, b]"),
            ("context_data_classes: [a]", "context_data_classes: [a, b]"),
            ("context_endpoint_classes: [a]", "context_endpoint_classes: [a, b]"),
            ("context_autonomy_levels: [a]", "context_autonomy_levels: [a, b]"),
            ("delegation_scopes: [a]", "require_delegation: true"),
            ("allowed_delegator_identities: [a]", "allowed_delegator_identities: [a, b]"),
            ("allowed_delegate_identities: [a]", "allowed_delegate_identities: [a, b]"),
            ("delegation_scopes: [a]", "delegation_scopes: [a, b]"),
            ("max_delegation_depth: 1", "max_delegation_depth: 2"),
        ] {
            assert!(is(implies, narrow, wide), "{narrow} {wide}");
            assert!(is(implies, narrow, ""), "{narrow}");
            assert!(!is(implies, wide, narrow), "{wide} {narrow}");
            assert!(!is(implies, "", wide), "{wide}");
        }
        let (some, all) = ("workspace_prefixes: [/a/b, /c]", "workspace_prefixes: [/a]");
        assert!(!is(implies, some, all));
        let (yes, no) =
            ("tool_annotations: {readOnlyHint: true}", "tool_annotations: {readOnlyHint: false}");
        assert!(!is(implies, yes, no));
    }

    #[test]
    fn matches_with_a_key_that_has_one_value_meet_or_do_not() {
        for (first, second, meets) in [
            ("tool_names: [a, b]", "tool_names: [b]", true),
            ("tool_names: [a]", "risk_classes: [b]", true),
            ("tool_names: [a]", "tool_names: [b]", false),
            ("risk_classes: [a]", "risk_classes: [b]", false),
            ("identities: [a]", "identities: [b]", false),
            ("workspace_prefixes: [/a]", "workspace_prefixes: [/a/b]", true),
            ("workspace_prefixes: [/a]", "workspace_prefixes: [/b]", false),
            ("target_kinds: [path]", "target_kinds: [url]", true),
        ] {
            assert_eq!(is(meet, first, second), meets, "{first} {second}");
            assert_eq!(is(meet, second, first), meets, "{second} {first}");
        }
    }
}
