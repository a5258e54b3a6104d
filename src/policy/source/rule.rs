//! One rule of a policy file (spec C2.2, C2.3).

use super::{DOCUMENT, plain, verdict_mend, vocabulary};
use crate::intent::EndpointClass;
use crate::intent::text::{list, lowlist, shown, trimmed, word};
use crate::policy::{Match, Rule, Verdict, reason};
use crate::yaml::{Fault, Fields, Keys, Node, Place};

const RULE: Keys = Keys {
    document: DOCUMENT,
    read: &[
        "name",
        "priority",
        "effect",
        "action",
        "match",
        "reason_codes",
        "violations",
        "min_approvals",
        "require_distinct_approvers",
    ],
    refused: &[
        "endpoint",
        "dataflow",
        "rate_limit",
        "destructive_budget",
        "freeze_window",
        "sandbox",
        "require_context_evidence",
        "required_context_evidence_mode",
        "max_context_age_seconds",
        "require_broker_credential",
        "broker_reference",
        "broker_scopes",
        "require_declared_agent",
        "allowed_agent_ids",
        "denied_agent_ids",
        "required_agent_manifest_digest",
        "allowed_agent_manifest_publishers",
        "allowed_agent_manifest_sources",
        "required_agent_lifecycle_states",
        "require_agent_owner",
        "require_unexpired_agent",
        "block_standing_credentials",
        "allowed_credential_sources",
        "allowed_credential_issuers",
        "allowed_credential_access_types",
        "max_credential_ttl_seconds",
        "require_jit_credential",
    ],
    legacy: &[],
};

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
    ],
    refused: &[
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

/// Reads the rule at `index` of the list.
pub(super) fn read(node: Node, index: usize) -> Result<Rule, Fault> {
    let mut fields = Fields::open(node, format!("rules[{index}]"), &RULE)?;
    let (name, place) = fields.text("name")?;
    let name = trimmed(name);
    if name.is_empty() {
        let what = format!("rule name is required; give `{}` a text", fields.at("name"));
        return Err(Fault::validate(place, what));
    }
    let effect = effect(&mut fields, &name)?;
    let (priority, _) = fields.integer("priority")?;
    let matcher = matcher(fields.take("match"), &fields.at("match"), &name)?;
    let mut reason_codes = list(plain(fields.texts("reason_codes")?));
    let violations = list(plain(fields.texts("violations")?));
    let min_approvals = min_approvals(&mut fields, &name)?;
    let distinct = fields.flag("require_distinct_approvers")?;
    let digested_reason_codes = reason_codes.clone();
    if reason_codes.is_empty() {
        reason_codes.push(reason::of_rule(&name));
    }
    Ok(Rule {
        name,
        priority,
        effect,
        matcher,
        digested_reason_codes,
        violations,
        min_approvals,
        require_distinct_approvers: distinct || min_approvals > 1,
        reason_codes,
    })
}

fn effect(fields: &mut Fields, name: &str) -> Result<Verdict, Fault> {
    let (said, place) = fields.text("effect")?;
    let (alias, alias_place) = fields.text("action")?;
    let (said, alias, name) = (word(said), word(alias), shown(name));
    if !said.is_empty() && !alias.is_empty() && said != alias {
        let what = format!("rule action must match effect for `{name}`; remove one");
        return Err(Fault::validate(alias_place, what));
    }
    let (said, place) = if said.is_empty() { (alias, alias_place) } else { (said, place) };
    if said.is_empty() {
        let what = format!("rule effect is required for `{name}`; {}", verdict_mend());
        return Err(Fault::validate(fields.place(), what));
    }
    Verdict::parse(&said).ok_or_else(|| {
        let said = shown(&said);
        let what = format!("invalid rule effect `{said}` for `{name}`; {}", verdict_mend());
        Fault::validate(place, what)
    })
}

fn min_approvals(fields: &mut Fields, name: &str) -> Result<u64, Fault> {
    let (number, place) = fields.integer("min_approvals")?;
    u64::try_from(number).map_err(|_| {
        Fault::validate(place, format!("min_approvals must be >= 0 for `{}`", shown(name)))
    })
}

fn matcher(node: Node, path: &str, name: &str) -> Result<Match, Fault> {
    let mut fields = Fields::open(node, path.to_owned(), &MATCH)?;
    let mut tool_names = fields.texts("tool_names")?;
    tool_names.push(fields.text("tool_name")?);
    Ok(Match {
        tool_names: lowlist(plain(tool_names)),
        risk_classes: lowlist(plain(fields.texts("risk_classes")?)),
        target_kinds: lowlist(plain(fields.texts("target_kinds")?)),
        target_values: list(plain(fields.texts("target_values")?)),
        endpoint_classes: endpoint_classes(&mut fields, name)?,
        data_classes: lowlist(plain(fields.texts("data_classes")?)),
        destination_kinds: lowlist(plain(fields.texts("destination_kinds")?)),
        destination_values: list(plain(fields.texts("destination_values")?)),
        destination_operations: lowlist(plain(fields.texts("destination_operations")?)),
        provenance_sources: lowlist(plain(fields.texts("provenance_sources")?)),
        identities: list(plain(fields.texts("identities")?)),
        workspace_prefixes: list(plain(fields.texts("workspace_prefixes")?)),
    })
}

fn endpoint_classes(fields: &mut Fields, name: &str) -> Result<Vec<EndpointClass>, Fault> {
    let mut said: Vec<(String, Place)> = fields.texts("endpoint_class")?;
    said.extend(fields.texts("endpoint_classes")?);
    let refusal = |word| format!("unsupported match endpoint_class {word} for `{}`", shown(name));
    vocabulary(said, EndpointClass::parse, refusal, EndpointClass::known)
}
