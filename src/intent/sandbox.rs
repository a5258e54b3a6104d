//! The sandbox that a call runs in (spec E7), as the caller attests it.

use super::credentials;
use super::draft::SandboxDraft;
use super::error::IntentError;
use super::field::{invalid, natural, one_of, sha256};
use super::text::{clean_path, trimmed};
use super::words::{EnvExposure, FilesystemIsolation, NetworkMode, UserMode};
use crate::json::Digest;
use serde::Serialize;

/// A reference to evidence that starts so is one, however much it looks like a secret.
const EVIDENCE_PREFIXES: [&str; 5] = ["ref:", "receipt:", "proof:", "sandbox:", "sha256:"];

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

/// The sandbox; `None` where nothing is said of it.
pub(super) fn normalise(draft: SandboxDraft) -> Result<Option<Sandbox>, IntentError> {
    let sandbox = Sandbox {
        network_mode: one_of(draft.network_mode, NetworkMode::parse, |word| {
            unsupported("network_mode", &word, &NetworkMode::known())
        })?,
        env_exposure_mode: one_of(draft.env_exposure_mode, EnvExposure::parse, |word| {
            unsupported("env_exposure_mode", &word, &EnvExposure::known())
        })?,
        filesystem_isolation: one_of(
            draft.filesystem_isolation,
            FilesystemIsolation::parse,
            |word| unsupported("filesystem_isolation", &word, &FilesystemIsolation::known()),
        )?,
        user_mode: one_of(draft.user_mode, UserMode::parse, |word| {
            unsupported("user_mode", &word, &UserMode::known())
        })?,
        timeout_seconds: natural(draft.timeout_seconds, "context.sandbox.timeout_seconds")?,
        writable_paths: paths("writable_paths", draft.writable_paths)?,
        read_only_roots: paths("read_only_roots", draft.read_only_roots)?,
        evidence_ref: evidence_ref(draft.evidence_ref)?,
        evidence_digest: sha256(draft.evidence_digest, |_| {
            "context.sandbox.evidence_digest must be sha256 hex".to_owned()
        })?,
    };
    Ok((!sandbox.is_empty()).then_some(sandbox))
}

fn unsupported(field: &str, word: &str, known: &str) -> String {
    format!("context.sandbox.{field} is unsupported: {word}; known are {known}")
}

/// Clean paths, unique and sorted, without the one that means where one stands.
fn paths(field: &str, said: Vec<String>) -> Result<Vec<String>, IntentError> {
    let mut paths = Vec::with_capacity(said.len());
    for (index, said) in said.into_iter().enumerate() {
        let said = trimmed(said);
        let path = clean_path(&said);
        // Cleaning can hide an assignment as well as lay one bare.
        refuse_assignment(&format!("{field}[{index}]"), &said)?;
        refuse_assignment(&format!("{field}[{index}]"), &path)?;
        if path != "." {
            paths.push(path);
        }
    }
    paths.sort_unstable();
    paths.dedup();
    Ok(paths)
}

fn evidence_ref(said: String) -> Result<String, IntentError> {
    let said = trimmed(said);
    refuse_assignment("evidence_ref", &said)?;
    let is_marked = EVIDENCE_PREFIXES.iter().any(|prefix| said.starts_with(prefix));
    if !is_marked && credentials::is_material(&said) {
        return Err(invalid(
            "context.sandbox.evidence_ref must not contain secret-like sandbox material; \
             use sandbox evidence refs or digests instead",
        ));
    }
    Ok(said)
}

/// Refuses `NAME=…`: the value of an environment variable may be a secret.
fn refuse_assignment(field: &str, said: &str) -> Result<(), IntentError> {
    let is_name = |name: &str| {
        name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    };
    match said.split_once('=') {
        Some((name, _)) if is_name(name) => Err(invalid(format!(
            "context.sandbox.{field} must not contain raw environment variable assignments"
        ))),
        _ => Ok(()),
    }
}

// === impl Sandbox ===

impl Sandbox {
    fn is_empty(&self) -> bool {
        self.network_mode.is_none()
            && self.env_exposure_mode.is_none()
            && self.filesystem_isolation.is_none()
            && self.user_mode.is_none()
            && self.timeout_seconds == 0
            && self.writable_paths.is_empty()
            && self.read_only_roots.is_empty()
            && self.evidence_ref.is_empty()
            && self.evidence_digest.is_none()
    }
}
