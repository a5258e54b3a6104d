//! The approval audit record: what an approval was asked for, and who gave one (spec C11.6).

use super::relationship::{Names, Relationship};
use super::{PRODUCER, SCHEMA_VERSION};
use crate::intent::time::Time;
use crate::json::Digest;
use serde::Serialize;

/// One audit record, its members in the written order. Not signed: it points at a trace that is.
#[derive(Debug, Serialize)]
pub struct Audit {
    schema_id: &'static str,
    schema_version: &'static str,
    created_at: String,
    producer_version: &'static str,
    trace_id: String,
    tool_name: String,
    intent_digest: String,
    policy_digest: String,
    required_approvals: u64,
    valid_approvals: u32,
    approved: bool,
    relationship: Relationship,
    /// `null`, which is how the public format says that no token was shown.
    entries: (),
}

/// What an approval was asked for.
#[derive(Debug)]
pub struct Asked<'a> {
    /// The result's time, UTC.
    pub created_at: Time,
    /// The id of the trace that the audit belongs to.
    pub trace_id: &'a str,
    /// The tool, as normalised.
    pub tool_name: &'a str,
    /// What was to be approved.
    pub intent_digest: Digest,
    /// Under which policy.
    pub policy_digest: Digest,
    /// How many approvals were wanted; at least 1.
    pub required_approvals: u64,
}

impl Audit {
    /// The record of a demand to which nobody answered.
    pub fn unanswered(asked: &Asked<'_>) -> Audit {
        let names =
            Names { tool: asked.tool_name, trace: asked.trace_id, policy: asked.policy_digest };
        Audit {
            schema_id: "gait.gate.approval_audit_record",
            schema_version: SCHEMA_VERSION,
            created_at: asked.created_at.to_string(),
            producer_version: PRODUCER,
            trace_id: asked.trace_id.to_owned(),
            tool_name: asked.tool_name.to_owned(),
            intent_digest: asked.intent_digest.to_string(),
            policy_digest: asked.policy_digest.to_string(),
            required_approvals: asked.required_approvals,
            valid_approvals: 0,
            approved: false,
            relationship: Relationship::of_audit(&names),
            entries: (),
        }
    }
}
