//! The members of a trace record, in the order in which they are written (spec C13.1).
//!
//! A missing member and an empty one are the same, so every member has a default and only those
//! of the public form's fixed part are written when empty. Members of parts that gait does not
//! evaluate are here all the same: a record that another tool signed is verified over everything
//! that the public format knows. What is nested in those is carried as it came.

use super::delegated::DelegationRef;
use super::relationship::Relationship;
use crate::intent::{Context, Label};
use crate::sign::Signature;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One trace record.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Record {
    pub(super) schema_id: String,
    pub(super) schema_version: String,
    pub(super) created_at: String,
    pub(super) observed_at: String,
    pub(super) producer_version: String,
    pub(super) trace_id: String,
    pub(super) event_id: String,
    pub(super) correlation_id: String,
    pub(super) tool_name: String,
    pub(super) args_digest: String,
    pub(super) intent_digest: String,
    pub(super) policy_digest: String,
    #[serde(flatten)]
    pub(super) context: ContextMembers,
    #[serde(flatten)]
    pub(super) broker: BrokerMembers,
    #[serde(flatten)]
    pub(super) references: ReferenceMembers,
    pub(super) policy_id: String,
    pub(super) policy_version: String,
    #[serde(skip_serializing_if = "unset")]
    pub(super) matched_rule_ids: Vec<String>,
    pub(super) verdict: String,
    #[serde(flatten)]
    pub(super) evaluation: EvaluationMembers,
    #[serde(skip_serializing_if = "unset")]
    pub(super) violations: Vec<String>,
    #[serde(skip_serializing_if = "unset")]
    pub(super) latency_ms: f64,
    #[serde(skip_serializing_if = "unset")]
    pub(super) approval_token_ref: String,
    #[serde(flatten)]
    pub(super) proofs: ProofMembers,
    #[serde(skip_serializing_if = "unset")]
    pub(super) relationship: Option<Relationship>,
    #[serde(skip_serializing_if = "unset")]
    pub(super) skill_provenance: Value,
    #[serde(skip_serializing_if = "unset")]
    pub(super) signature: Option<Signature>,
}

/// What the intent's context says of the agent and its credential.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct ContextMembers {
    #[serde(skip_serializing_if = "unset")]
    agent_id: String,
    #[serde(skip_serializing_if = "unset")]
    agent_identity: Value,
    #[serde(skip_serializing_if = "unset")]
    run_id: String,
    #[serde(skip_serializing_if = "unset")]
    workflow_id: String,
    #[serde(skip_serializing_if = "unset")]
    repo: String,
    #[serde(skip_serializing_if = "unset")]
    environment: String,
    #[serde(skip_serializing_if = "unset")]
    credential_ref: String,
    #[serde(skip_serializing_if = "unset")]
    credential_source: String,
    #[serde(skip_serializing_if = "unset")]
    credential_access_type: String,
    #[serde(skip_serializing_if = "unset")]
    credential_issuer: String,
    #[serde(skip_serializing_if = "unset")]
    credential_subject: String,
    #[serde(skip_serializing_if = "unset")]
    credential_owner: String,
    #[serde(skip_serializing_if = "unset")]
    credential_target_binding: String,
    #[serde(skip_serializing_if = "unset")]
    credential_run_binding: String,
    #[serde(skip_serializing_if = "unset")]
    credential_job_binding: String,
    #[serde(skip_serializing_if = "unset")]
    credential_ttl_seconds: u64,
}

/// What a credential broker issued.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct BrokerMembers {
    #[serde(skip_serializing_if = "unset")]
    pub(super) broker_credential_ref: String,
    #[serde(skip_serializing_if = "unset")]
    pub(super) broker_credential_source: String,
    #[serde(skip_serializing_if = "unset")]
    pub(super) broker_credential_access_type: String,
    #[serde(skip_serializing_if = "unset")]
    pub(super) broker_credential_issuer: String,
    #[serde(skip_serializing_if = "unset")]
    pub(super) broker_request_digest: String,
    #[serde(skip_serializing_if = "unset")]
    pub(super) broker_target_binding: String,
    #[serde(skip_serializing_if = "unset")]
    pub(super) broker_run_binding: String,
    #[serde(skip_serializing_if = "unset")]
    pub(super) broker_job_binding: String,
}

/// What the intent's context refers to elsewhere.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct ReferenceMembers {
    #[serde(skip_serializing_if = "unset")]
    approval_ref: String,
    #[serde(skip_serializing_if = "unset")]
    wrkr_inventory_ref: String,
    #[serde(skip_serializing_if = "unset")]
    agent_action_bom_ref: String,
}

/// How the verdict came about, where it was not a single evaluation.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct EvaluationMembers {
    #[serde(skip_serializing_if = "unset")]
    pub(super) context_set_digest: String,
    #[serde(skip_serializing_if = "unset")]
    pub(super) context_evidence_mode: String,
    #[serde(skip_serializing_if = "unset")]
    pub(super) context_ref_count: i64,
    #[serde(skip_serializing_if = "unset")]
    pub(super) context_source: String,
    #[serde(skip_serializing_if = "unset")]
    pub(super) script: bool,
    #[serde(skip_serializing_if = "unset")]
    pub(super) step_count: i64,
    #[serde(skip_serializing_if = "unset")]
    pub(super) script_hash: String,
    #[serde(skip_serializing_if = "unset")]
    pub(super) composite_risk_class: String,
    #[serde(skip_serializing_if = "unset")]
    pub(super) step_verdicts: Vec<Value>,
    #[serde(skip_serializing_if = "unset")]
    pub(super) pre_approved: bool,
    #[serde(skip_serializing_if = "unset")]
    pub(super) pattern_id: String,
    #[serde(skip_serializing_if = "unset")]
    pub(super) registry_reason: String,
}

/// Decisions beside the rules.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct ProofMembers {
    #[serde(skip_serializing_if = "unset")]
    pub(super) delegation_ref: Option<DelegationRef>,
    #[serde(skip_serializing_if = "unset")]
    pub(super) freeze_window: Value,
    #[serde(skip_serializing_if = "unset")]
    pub(super) sandbox: Value,
    #[serde(skip_serializing_if = "unset")]
    pub(super) kill_switch: Value,
    #[serde(skip_serializing_if = "unset")]
    pub(super) mcp_trust: Value,
}

// === impl ContextMembers ===

impl ContextMembers {
    /// What the trace repeats of an intent's context.
    pub(super) fn of(context: &Context) -> ContextMembers {
        let label = |label| context.labels.get(&label).cloned().unwrap_or_default();
        let source = context.credential_source.map(|word| word.as_str().to_owned());
        let access_type = context.credential_access_type.map(|word| word.as_str().to_owned());
        ContextMembers {
            agent_id: label(Label::AgentId),
            agent_identity: value(&context.agent_identity),
            run_id: label(Label::RunId),
            workflow_id: label(Label::WorkflowId),
            repo: label(Label::Repo),
            environment: label(Label::Environment),
            credential_ref: label(Label::CredentialRef),
            credential_source: source.unwrap_or_default(),
            credential_access_type: access_type.unwrap_or_default(),
            credential_issuer: label(Label::CredentialIssuer),
            credential_subject: label(Label::CredentialSubject),
            credential_owner: label(Label::CredentialOwner),
            credential_target_binding: label(Label::CredentialTargetBinding),
            credential_run_binding: label(Label::CredentialRunBinding),
            credential_job_binding: label(Label::CredentialJobBinding),
            credential_ttl_seconds: context.credential_ttl_seconds,
        }
    }
}

// === impl ReferenceMembers ===

impl ReferenceMembers {
    /// What an intent's context refers to.
    pub(super) fn of(context: &Context) -> ReferenceMembers {
        let label = |label| context.labels.get(&label).cloned().unwrap_or_default();
        ReferenceMembers {
            approval_ref: label(Label::ApprovalRef),
            wrkr_inventory_ref: label(Label::WrkrInventoryRef),
            agent_action_bom_ref: label(Label::AgentActionBomRef),
        }
    }
}

/// What another room says, in the form in which it says it.
pub(super) fn value<T: Serialize>(said: &T) -> Value {
    // What is digested and answered always has a JSON form.
    serde_json::to_value(said).unwrap_or_default()
}

/// Whether a member is left out when written.
pub(super) fn unset<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}
