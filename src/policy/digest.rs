//! The digest of a policy (spec C3), in the member names of the format.
//!
//! Views, not derives on the model: the names and what is left out when empty are a contract of
//! their own, and it stands here whole.

use super::{
    FailClosed, HighRiskField, Match, RequiredField, Rule, SCHEMA_ID, SCHEMA_VERSION, Verdict,
};
use crate::intent::EndpointClass;
use crate::json::{self, CanonicalError, Digest};
use serde::Serialize;

/// The digest over sorted rules.
pub(super) fn of(
    default_verdict: Verdict,
    fail_closed: &FailClosed,
    rules: &[Rule],
) -> Result<Digest, CanonicalError> {
    json::digest(&PolicyView {
        schema_id: SCHEMA_ID,
        schema_version: SCHEMA_VERSION,
        default_verdict: default_verdict.as_str(),
        fail_closed: FailClosedView {
            enabled: fail_closed.enabled,
            risk_classes: &fail_closed.risk_classes,
            required_fields: &fail_closed.required_fields,
            required_high_risk_fields: &fail_closed.required_high_risk_fields,
        },
        rules: rules.iter().map(rule).collect(),
    })
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct PolicyView<'a> {
    #[serde(rename = "SchemaID")]
    schema_id: &'a str,
    schema_version: &'a str,
    default_verdict: &'a str,
    fail_closed: FailClosedView<'a>,
    rules: Vec<RuleView<'a>>,
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
    effect: &'a str,
    r#match: MatchView<'a>,
    reason_codes: &'a [String],
    violations: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    min_approvals: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    require_distinct_approvers: Option<bool>,
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
}

fn rule(rule: &Rule) -> RuleView<'_> {
    RuleView {
        name: &rule.name,
        priority: rule.priority,
        effect: rule.effect.as_str(),
        r#match: matcher(&rule.matcher),
        reason_codes: &rule.digested_reason_codes,
        violations: &rule.violations,
        min_approvals: Some(rule.min_approvals).filter(|count| *count > 0),
        require_distinct_approvers: rule.require_distinct_approvers.then_some(true),
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
    }
}
