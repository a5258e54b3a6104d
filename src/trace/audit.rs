//! The audit records: what an approval or a delegation was asked for, and who gave it (spec C11.6,
//! E8). They are not signed: each points at a trace that is.

use super::relationship::{Names, Relationship};
use super::{PRODUCER, SCHEMA_VERSION};
use crate::intent::time::Time;
use crate::json::Digest;
use crate::{approval, delegation};
use serde::Serialize;

/// The approval audit record, its members in the written order.
#[derive(Debug, Serialize)]
pub struct ApprovalAudit {
    #[serde(flatten)]
    head: Head,
    required_approvals: u64,
    valid_approvals: u64,
    approved: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    approvers: Vec<String>,
    relationship: Relationship,
    /// `null` where no token was shown, as the public format has it.
    entries: Option<Vec<approval::Entry>>,
}

/// The delegation audit record, its members in the written order.
#[derive(Debug, Serialize)]
pub struct DelegationAudit {
    #[serde(flatten)]
    head: Head,
    delegation_required: bool,
    valid_delegations: u64,
    delegated: bool,
    #[serde(skip_serializing_if = "String::is_empty")]
    delegation_ref: String,
    relationship: Relationship,
    entries: Vec<delegation::Entry>,
}

/// What both begin with.
#[derive(Debug, Serialize)]
struct Head {
    schema_id: &'static str,
    schema_version: &'static str,
    created_at: String,
    producer_version: &'static str,
    trace_id: String,
    tool_name: String,
    intent_digest: String,
    policy_digest: String,
}

/// What an approval or a delegation was asked for.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// The result's time, UTC.
    pub created_at: Time,
    /// The id of the trace that the audit belongs to.
    pub trace_id: &'a str,
    /// The tool, as normalised.
    pub tool_name: &'a str,
    /// What was to be done.
    pub intent_digest: Digest,
    /// Under which policy.
    pub policy_digest: Digest,
}

// === impl ApprovalAudit ===

impl ApprovalAudit {
    /// The record of `required` approvals for which no token was looked at.
    pub fn unanswered(asked: &Asked<'_>, required: u64) -> ApprovalAudit {
        ApprovalAudit {
            head: asked.head("gait.gate.approval_audit_record"),
            required_approvals: required,
            valid_approvals: 0,
            approved: false,
            approvers: Vec::new(),
            relationship: Relationship::of_approval(&asked.names(), &[]),
            entries: None,
        }
    }

    /// The record of the tokens that were shown. `approved` says that they were enough, not that
    /// they came from enough people, as the public format has it.
    pub fn answered(asked: &Asked<'_>, outcome: &approval::Outcome) -> ApprovalAudit {
        ApprovalAudit {
            valid_approvals: outcome.valid,
            approved: outcome.valid >= outcome.required,
            approvers: outcome.approvers.clone(),
            relationship: Relationship::of_approval(&asked.names(), &outcome.approvers),
            entries: outcome.entries.clone(),
            ..ApprovalAudit::unanswered(asked, outcome.required)
        }
    }
}

// === impl DelegationAudit ===

impl DelegationAudit {
    /// The record of a delegation that was demanded.
    pub fn of(asked: &Asked<'_>, outcome: &delegation::Outcome) -> DelegationAudit {
        DelegationAudit {
            head: asked.head("gait.gate.delegation_audit_record"),
            delegation_required: true,
            valid_delegations: outcome.valid,
            delegated: outcome.valid > 0,
            delegation_ref: outcome.delegation_ref.clone(),
            relationship: Relationship::of_delegation(&asked.names(), &outcome.entries),
            entries: outcome.entries.clone(),
        }
    }
}

// === impl Asked ===

impl Asked<'_> {
    fn names(&self) -> Names<'_> {
        Names { tool: self.tool_name, trace: self.trace_id, policy: self.policy_digest }
    }

    fn head(&self, schema_id: &'static str) -> Head {
        Head {
            schema_id,
            schema_version: SCHEMA_VERSION,
            created_at: self.created_at.to_string(),
            producer_version: PRODUCER,
            trace_id: self.trace_id.to_owned(),
            tool_name: self.tool_name.to_owned(),
            intent_digest: self.intent_digest.to_string(),
            policy_digest: self.policy_digest.to_string(),
        }
    }
}
