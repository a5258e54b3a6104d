//! `match` in the normal form.

use crate::policy::Match;
use crate::policy::rule::{Annotations, DelegationMatch};
use crate::yaml::Mapping;

/// The keys that are not empty.
pub(super) fn mapping(matcher: &Match) -> Mapping {
    let inventory = &matcher.inventory;
    let mapping = Mapping::default()
        .texts("tool_names", &matcher.tool_names)
        .texts("risk_classes", &matcher.risk_classes)
        .texts("identities", &matcher.identities)
        .texts("workspace_prefixes", &matcher.workspace_prefixes)
        .texts("target_kinds", &matcher.target_kinds)
        .texts("target_values", &matcher.target_values)
        .texts("endpoint_classes", matcher.endpoint_classes.iter().map(|class| class.as_str()))
        .texts("data_classes", &matcher.data_classes)
        .texts("destination_kinds", &matcher.destination_kinds)
        .texts("destination_values", &matcher.destination_values)
        .texts("destination_operations", &matcher.destination_operations)
        .texts("provenance_sources", &matcher.provenance_sources)
        .texts("discovery_method", matcher.discovery_methods.iter().map(|way| way.as_str()))
        .mapping("tool_annotations", annotations(matcher.tool_annotations))
        .texts("skill_publishers", &matcher.skill_publishers)
        .texts("skill_sources", &matcher.skill_sources)
        .texts("context_tool_names", &inventory.tool_names)
        .texts("context_data_classes", &inventory.data_classes)
        .texts("context_endpoint_classes", &inventory.endpoint_classes)
        .texts("context_autonomy_levels", &inventory.autonomy_levels);
    add_delegation(mapping, &matcher.delegation)
}

fn annotations(hints: Annotations) -> Mapping {
    Mapping::default()
        .given("readOnlyHint", hints.read_only_hint)
        .given("destructiveHint", hints.destructive_hint)
        .given("idempotentHint", hints.idempotent_hint)
        .given("openWorldHint", hints.open_world_hint)
}

fn add_delegation(mapping: Mapping, delegation: &DelegationMatch) -> Mapping {
    mapping
        .flag("require_delegation", delegation.required)
        .texts("allowed_delegator_identities", &delegation.delegators)
        .texts("allowed_delegate_identities", &delegation.delegates)
        .texts("delegation_scopes", &delegation.scopes)
        .given("max_delegation_depth", delegation.max_depth)
}
