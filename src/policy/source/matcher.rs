//! The `match` of a rule (spec C2.2, E8 to E11).

use super::{DOCUMENT, optional_count, plain, vocabulary};
use crate::intent::text::{list, lowlist, shown};
use crate::intent::{DiscoveryMethod, EndpointClass};
use crate::policy::Match;
use crate::policy::rule::{Annotations, DelegationMatch, InventoryMatch};
use crate::yaml::{Fault, Fields, Keys, Node, Place};

const MATCH: Keys = Keys {
    document: DOCUMENT,
    read: &[
        "tool_name",
        "tool_names",
        "risk_classes",
        "target_kinds",
        "target_values",
        "endpoint_class",
        "endpoint_classes",
        "data_classes",
        "destination_kinds",
        "destination_values",
        "destination_operations",
        "provenance_sources",
        "identities",
        "workspace_prefixes",
        "discovery_method",
        "tool_annotations",
        "skill_publishers",
        "skill_sources",
        "context_tool_names",
        "context_data_classes",
        "context_endpoint_classes",
        "context_autonomy_levels",
        "require_delegation",
        "allowed_delegator_identities",
        "allowed_delegate_identities",
        "delegation_scopes",
        "max_delegation_depth",
    ],
    legacy: &[],
};

const ANNOTATIONS: Keys = Keys {
    document: DOCUMENT,
    read: &["readOnlyHint", "destructiveHint", "idempotentHint", "openWorldHint"],
    legacy: &[],
};

/// Reads the mapping; one that is not there matches everything.
pub(super) fn read(node: Node, path: &str, rule: &str) -> Result<Match, Fault> {
    let mut fields = Fields::open(node, path.to_owned(), &MATCH)?;
    let fields = &mut fields;
    let mut tool_names = fields.texts("tool_names")?;
    tool_names.push(fields.text("tool_name")?);
    Ok(Match {
        tool_names: lowlist(plain(tool_names)),
        risk_classes: lowered(fields, "risk_classes")?,
        target_kinds: lowered(fields, "target_kinds")?,
        target_values: exact(fields, "target_values")?,
        endpoint_classes: endpoint_classes(fields, rule)?,
        data_classes: lowered(fields, "data_classes")?,
        destination_kinds: lowered(fields, "destination_kinds")?,
        destination_values: exact(fields, "destination_values")?,
        destination_operations: lowered(fields, "destination_operations")?,
        provenance_sources: lowered(fields, "provenance_sources")?,
        identities: exact(fields, "identities")?,
        workspace_prefixes: exact(fields, "workspace_prefixes")?,
        discovery_methods: discovery_methods(fields, rule)?,
        tool_annotations: annotations(fields)?,
        skill_publishers: lowered(fields, "skill_publishers")?,
        skill_sources: lowered(fields, "skill_sources")?,
        inventory: inventory(fields)?,
        delegation: delegation(fields, rule)?,
    })
}

/// A list whose letter case does not count.
pub(super) fn lowered(fields: &mut Fields, key: &str) -> Result<Vec<String>, Fault> {
    Ok(lowlist(plain(fields.texts(key)?)))
}

/// A list whose letter case counts.
pub(super) fn exact(fields: &mut Fields, key: &str) -> Result<Vec<String>, Fault> {
    Ok(list(plain(fields.texts(key)?)))
}

fn endpoint_classes(fields: &mut Fields, rule: &str) -> Result<Vec<EndpointClass>, Fault> {
    let mut said: Vec<(String, Place)> = fields.texts("endpoint_class")?;
    said.extend(fields.texts("endpoint_classes")?);
    let refusal = |word| format!("unsupported match endpoint_class {word} for `{}`", shown(rule));
    vocabulary(said, EndpointClass::parse, refusal, EndpointClass::known)
}

fn discovery_methods(fields: &mut Fields, rule: &str) -> Result<Vec<DiscoveryMethod>, Fault> {
    let refusal = |word| format!("unsupported match discovery_method {word} for `{}`", shown(rule));
    let said = fields.texts("discovery_method")?;
    vocabulary(said, DiscoveryMethod::parse, refusal, DiscoveryMethod::known)
}

fn annotations(fields: &mut Fields) -> Result<Annotations, Fault> {
    let path = fields.at("tool_annotations");
    let mut hints = Fields::open(fields.take("tool_annotations"), path, &ANNOTATIONS)?;
    Ok(Annotations {
        read_only_hint: hints.optional_flag("readOnlyHint")?,
        destructive_hint: hints.optional_flag("destructiveHint")?,
        idempotent_hint: hints.optional_flag("idempotentHint")?,
        open_world_hint: hints.optional_flag("openWorldHint")?,
    })
}

fn inventory(fields: &mut Fields) -> Result<InventoryMatch, Fault> {
    Ok(InventoryMatch {
        tool_names: lowered(fields, "context_tool_names")?,
        data_classes: lowered(fields, "context_data_classes")?,
        endpoint_classes: lowered(fields, "context_endpoint_classes")?,
        autonomy_levels: lowered(fields, "context_autonomy_levels")?,
    })
}

fn delegation(fields: &mut Fields, rule: &str) -> Result<DelegationMatch, Fault> {
    Ok(DelegationMatch {
        required: fields.flag("require_delegation")?,
        delegators: exact(fields, "allowed_delegator_identities")?,
        delegates: exact(fields, "allowed_delegate_identities")?,
        scopes: lowered(fields, "delegation_scopes")?,
        max_depth: optional_count(fields, "max_delegation_depth", rule)?,
    })
}
