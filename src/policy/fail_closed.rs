//! What must be known before a rule is even looked at (spec C7).

use super::merge::set;
use super::{Decision, FailClosed, HighRiskField, RequiredField, Verdict};
use crate::intent::{Context, EndpointClass, Intent, Label};

/// Reason codes and violations, in no order.
#[derive(Default)]
pub(super) struct Missing {
    reason_codes: Vec<String>,
    violations: Vec<String>,
}

/// What the intent lacks; `None` where nothing is missing or its risk class is not covered.
pub(super) fn check(rule: &FailClosed, intent: &Intent) -> Option<Missing> {
    if !rule.enabled || !rule.risk_classes.contains(&intent.context().risk_class) {
        return None;
    }
    let mut missing = Missing::default();
    for field in rule.required_fields.iter().filter(|field| !has(intent, **field)) {
        missing.field(*field);
    }
    let context = intent.context();
    for field in rule.required_high_risk_fields.iter().filter(|field| !says(context, **field)) {
        missing.add(
            format!("fail_closed_missing_{}", field.as_str()),
            format!("missing_{}", field.as_str()),
        );
    }
    if has_unknown_endpoint(intent) {
        missing.add(
            "fail_closed_endpoint_class_unknown".to_owned(),
            "endpoint_class_unknown".to_owned(),
        );
    }
    Some(missing).filter(|missing| !missing.reason_codes.is_empty())
}

impl Missing {
    /// The block that it comes to.
    pub(super) fn decision(&self) -> Decision {
        Decision {
            reason_codes: set(self.reason_codes.iter().map(String::as_str)),
            violations: set(self.violations.iter().map(String::as_str)),
            ..Decision::of(Verdict::Block)
        }
    }

    fn field(&mut self, field: RequiredField) {
        let name = field.as_str();
        let reason_code = match field {
            RequiredField::ContextEvidence => format!("{name}_missing"),
            _ => format!("fail_closed_missing_{name}"),
        };
        self.add(reason_code, format!("missing_{name}"));
    }

    fn add(&mut self, reason_code: String, violation: String) {
        self.reason_codes.push(reason_code);
        self.violations.push(violation);
    }
}

fn has(intent: &Intent, field: RequiredField) -> bool {
    match field {
        RequiredField::ArgProvenance => !intent.arg_provenance().is_empty(),
        RequiredField::EndpointClass => !has_unknown_endpoint(intent),
        RequiredField::Targets => !intent.targets().is_empty(),
        RequiredField::Delegation => intent.delegation().is_some(),
        // An intent can only claim context evidence, and claims do not count.
        RequiredField::ContextEvidence => false,
    }
}

/// Also where only a step's is: targets of its own do not hide those of a script's steps.
fn has_unknown_endpoint(intent: &Intent) -> bool {
    let steps = intent.script().into_iter().flat_map(|script| &script.steps);
    let mut targets = intent.targets().iter().chain(steps.flat_map(|step| &step.targets));
    targets.any(|target| target.endpoint_class == EndpointClass::Other)
}

fn says(context: &Context, field: HighRiskField) -> bool {
    let label = |label: Label| context.labels.contains_key(&label);
    match field {
        HighRiskField::AgentActionBomRef => label(Label::AgentActionBomRef),
        HighRiskField::AgentId => label(Label::AgentId),
        HighRiskField::AgentIdentity => context.agent_identity.is_some(),
        HighRiskField::ApprovalRef => label(Label::ApprovalRef),
        HighRiskField::CredentialAccessType => context.credential_access_type.is_some(),
        HighRiskField::CredentialIssuer => label(Label::CredentialIssuer),
        HighRiskField::CredentialRef => label(Label::CredentialRef),
        HighRiskField::CredentialSource => context.credential_source.is_some(),
        HighRiskField::CredentialTtlSeconds => context.credential_ttl_seconds > 0,
        HighRiskField::Environment => label(Label::Environment),
        HighRiskField::Repo => label(Label::Repo),
        HighRiskField::RunId => label(Label::RunId),
        HighRiskField::WorkflowId => label(Label::WorkflowId),
        HighRiskField::WrkrInventoryRef => label(Label::WrkrInventoryRef),
    }
}
