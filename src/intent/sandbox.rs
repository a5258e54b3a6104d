//! The sandbox that a call runs in (spec E7), as the caller attests it.

use super::words::{EnvExposure, FilesystemIsolation, NetworkMode, UserMode};
use crate::json::Digest;
use serde::Serialize;

/// What is said of a sandbox, normalised; something is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Sandbox {
    /// What it can reach.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network_mode: Option<NetworkMode>,
    /// Which environment variables it sees.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub env_exposure_mode: Option<EnvExposure>,
    /// Which files it sees.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filesystem_isolation: Option<FilesystemIsolation>,
    /// As whom it runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_mode: Option<UserMode>,
    /// How long it may run, seconds; 0 means not given.
    #[serde(skip_serializing_if = "super::is_zero")]
    pub timeout_seconds: u64,
    /// Where it may write, lexically clean, unique and sorted.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub writable_paths: Vec<String>,
    /// What it can only read, lexically clean, unique and sorted.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub read_only_roots: Vec<String>,
    /// Reference to the evidence of all this; may be empty.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub evidence_ref: String,
    /// Digest of that evidence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub evidence_digest: Option<Digest>,
}
