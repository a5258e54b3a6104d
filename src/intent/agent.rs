//! Which agent calls (spec E4), as its manifest declares it.

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
