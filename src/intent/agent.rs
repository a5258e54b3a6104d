//! Which agent calls (spec E4), as its manifest declares it.

use super::draft::AgentDraft;
use super::error::IntentError;
use super::field::{ends_after, invalid, or_zero, sha256};
use super::text::{list, trimmed, word};
use super::time::Time;
use crate::json::Digest;
use serde::Serialize;

/// The declared identity of an agent, normalised. Times are
/// [`time::ZERO`](super::time::ZERO) where they are not given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AgentIdentity {
    /// What it has been through, unique and sorted, in the case it was said in.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub lifecycle_states: Vec<String>,
    /// Who answers for it; may be empty.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub owner: String,
    /// Who published its manifest; may be empty.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub publisher: String,
    /// Digest of its manifest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub manifest_digest: Option<Digest>,
    /// Where the manifest was found, lower-case; may be empty.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub source: String,
    /// When it was made known.
    pub issued_at: Time,
    /// When it was approved.
    pub approved_at: Time,
    /// Until when it holds.
    pub expires_at: Time,
    /// Whether it was taken back.
    #[serde(skip_serializing_if = "super::is_false")]
    pub revoked: bool,
}

pub(super) fn normalise(draft: AgentDraft) -> Result<AgentIdentity, IntentError> {
    let manifest_digest = sha256(draft.manifest_digest, |_| {
        "context.agent_identity.manifest_digest must be sha256 hex".to_owned()
    })?;
    let (issued_at, approved_at) = (or_zero(draft.issued_at), or_zero(draft.approved_at));
    let expires_at = or_zero(draft.expires_at);
    check_times(issued_at, approved_at, expires_at)?;
    Ok(AgentIdentity {
        lifecycle_states: list(draft.lifecycle_states),
        owner: trimmed(draft.owner),
        publisher: trimmed(draft.publisher),
        manifest_digest,
        source: word(draft.source),
        issued_at,
        approved_at,
        expires_at,
        revoked: draft.revoked,
    })
}

/// The times that are given must come in their order.
fn check_times(issued: Time, approved: Time, expires: Time) -> Result<(), IntentError> {
    if issued.is_given() && approved.is_given() && approved < issued {
        return Err(invalid("context.agent_identity.approved_at must be on or after issued_at"));
    }
    ends_after(issued, expires, "context.agent_identity.expires_at must be after issued_at")?;
    ends_after(approved, expires, "context.agent_identity.expires_at must be after approved_at")
}
