//! The digest of a policy (spec C3), in the member names of the format.
//!
//! Views, not derives on the model: the names and what is left out when empty are a contract of
//! their own, and it stands here whole. Terms that are digested as one object serialise as that
//! object; they are in their own files.

mod terms;

use super::mcp_trust::McpTrust;
use super::rule::{Annotations, Match, Rule};
use super::script::ScriptTerms;
use super::{HighRiskField, Parts, RequiredField, SCHEMA_ID, SCHEMA_VERSION, Verdict};
use crate::intent::{DiscoveryMethod, EndpointClass};
use crate::json::{self, CanonicalError, Digest};
use serde::Serialize;
use terms::TermsView;

/// The digest over sorted rules.
pub(super) fn of(parts: &Parts) -> Result<Digest, CanonicalError> {
    let fail_closed = &parts.fail_closed;
    json::digest(&PolicyView {
        schema_id: SCHEMA_ID,
        schema_version: SCHEMA_VERSION,
        default_verdict: parts.default_verdict,
        fail_closed: FailClosedView {
            enabled: fail_closed.enabled,
            risk_classes: &fail_closed.risk_classes,
            required_fields: &fail_closed.required_fields,
            required_high_risk_fields: &fail_closed.required_high_risk_fields,
        },
        rules: parts.rules.iter().map(rule).collect(),
        scripts: (!parts.scripts.is_unset()).then_some(&parts.scripts),
        mcp_trust: parts.mcp_trust.as_ref(),
    })
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct PolicyView<'a> {
    #[serde(rename = "SchemaID")]
    schema_id: &'a str,
    schema_version: &'a str,
    default_verdict: Verdict,
    fail_closed: FailClosedView<'a>,
    rules: Vec<RuleView<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scripts: Option<&'a ScriptTerms>,
    #[serde(rename = "MCPTrust", skip_serializing_if = "Option::is_none")]
    mcp_trust: Option<&'a McpTrust>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct FailClosedView<'a> {
    enabled: bool,
    risk_classes: &'a [String],
    required_fields: &'a [RequiredField],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    required_high_risk_fields: &'a [HighRiskField],
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct RuleView<'a> {
    name: &'a str,
    priority: i64,
    effect: Verdict,
    r#match: MatchView<'a>,
    reason_codes: &'a [String],
    violations: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    min_approvals: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    require_distinct_approvers: Option<bool>,
    #[serde(flatten)]
    terms: TermsView<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct MatchView<'a> {
    tool_names: &'a [String],
    risk_classes: &'a [String],
    target_kinds: &'a [String],
    target_values: &'a [String],
    provenance_sources: &'a [String],
    identities: &'a [String],
    workspace_prefixes: &'a [String],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    endpoint_classes: &'a [EndpointClass],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    data_classes: &'a [String],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    destination_kinds: &'a [String],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    destination_values: &'a [String],
    #[serde(rename = "DestinationOps", skip_serializing_if = "<[_]>::is_empty")]
    destination_operations: &'a [String],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    discovery_methods: &'a [DiscoveryMethod],
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_annotations: Option<Annotations>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    skill_publishers: &'a [String],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    skill_sources: &'a [String],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    context_tool_names: &'a [String],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    context_data_classes: &'a [String],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    context_endpoint_classes: &'a [String],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    context_autonomy_levels: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    require_delegation: Option<bool>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    allowed_delegator_identities: &'a [String],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    allowed_delegate_identities: &'a [String],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    delegation_scopes: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    max_delegation_depth: Option<u64>,
}

fn rule(rule: &Rule) -> RuleView<'_> {
    RuleView {
        name: &rule.name,
        priority: rule.priority,
        effect: rule.effect,
        r#match: matcher(&rule.matcher),
        reason_codes: &rule.digested_reason_codes,
        violations: &rule.violations,
        min_approvals: Some(rule.min_approvals).filter(|count| *count > 0),
        require_distinct_approvers: rule.require_distinct_approvers.then_some(true),
        terms: TermsView::of(&rule.terms),
    }
}

fn matcher(matcher: &Match) -> MatchView<'_> {
    MatchView {
        tool_names: &matcher.tool_names,
        risk_classes: &matcher.risk_classes,
        target_kinds: &matcher.target_kinds,
        target_values: &matcher.target_values,
        provenance_sources: &matcher.provenance_sources,
        identities: &matcher.identities,
        workspace_prefixes: &matcher.workspace_prefixes,
        endpoint_classes: &matcher.endpoint_classes,
        data_classes: &matcher.data_classes,
        destination_kinds: &matcher.destination_kinds,
        destination_values: &matcher.destination_values,
        destination_operations: &matcher.destination_operations,
        discovery_methods: &matcher.discovery_methods,
        tool_annotations: Some(matcher.tool_annotations)
            .filter(|annotations| *annotations != Annotations::default()),
        skill_publishers: &matcher.skill_publishers,
        skill_sources: &matcher.skill_sources,
        context_tool_names: &matcher.inventory.tool_names,
        context_data_classes: &matcher.inventory.data_classes,
        context_endpoint_classes: &matcher.inventory.endpoint_classes,
        context_autonomy_levels: &matcher.inventory.autonomy_levels,
        require_delegation: matcher.delegation.required.then_some(true),
        allowed_delegator_identities: &matcher.delegation.delegators,
        allowed_delegate_identities: &matcher.delegation.delegates,
        delegation_scopes: &matcher.delegation.scopes,
        max_delegation_depth: matcher.delegation.max_depth,
    }
}
