//! In what sandbox a call must run (spec E7).
//!
//! The intent describes its sandbox and refers to evidence for it; the description is held
//! against the rule, the evidence is not fetched.

use super::dataflow::True;
use super::say::Say;
use super::subject::Subject;
use crate::intent::words::words;
use crate::intent::{EnvExposure, FilesystemIsolation, NetworkMode, Sandbox, UserMode};
use crate::json::Digest;
use serde::{Serialize, Serializer};

/// The constraint, in force. Serialises as the policy digest has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct SandboxTerms {
    pub(super) enabled: True,
    /// Empty for any; so are the other lists.
    pub allowed_network_modes: Vec<NetworkMode>,
    /// Cleaned paths below which the sandbox may write.
    #[serde(serialize_with = "null_if_empty")]
    pub allowed_writable_path_prefixes: Vec<String>,
    /// Cleaned paths of which every declared read-only root must be one.
    #[serde(serialize_with = "null_if_empty")]
    pub required_read_only_roots: Vec<String>,
    /// What it may see of the environment.
    pub allowed_env_exposure_modes: Vec<EnvExposure>,
    /// How long it may run, seconds; 0 for any time.
    pub max_timeout_seconds: u64,
    /// How its files are kept apart.
    pub allowed_filesystem_isolations: Vec<FilesystemIsolation>,
    /// As whom it may run.
    pub allowed_user_modes: Vec<UserMode>,
}

words! {
    /// What the check of a sandbox came to.
    pub enum SandboxStatus {
        Disallowed = "disallowed",
        Missing = "missing",
        Valid = "valid",
    }
}

/// How a sandbox was judged, in the form of the answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SandboxFinding {
    /// What the check came to.
    pub status: SandboxStatus,
    /// As the intent has it; so are the following.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network_mode: Option<NetworkMode>,
    /// What it sees of the environment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub env_exposure_mode: Option<EnvExposure>,
    /// How long it may run; 0 means not given.
    #[serde(skip_serializing_if = "is_zero")]
    pub timeout_seconds: u64,
    /// How its files are kept apart.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filesystem_isolation: Option<FilesystemIsolation>,
    /// As whom it runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_mode: Option<UserMode>,
    /// Where the evidence is.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub evidence_ref: String,
    /// Its digest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub evidence_digest: Option<Digest>,
    /// What is wrong with it; sorted, unique.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub reason_codes: Vec<&'static str>,
}

impl SandboxTerms {
    /// Whether they ask for nothing.
    pub(super) fn is_unset(&self) -> bool {
        self.allowed_network_modes.is_empty()
            && self.allowed_writable_path_prefixes.is_empty()
            && self.required_read_only_roots.is_empty()
            && self.allowed_env_exposure_modes.is_empty()
            && self.max_timeout_seconds == 0
            && self.allowed_filesystem_isolations.is_empty()
            && self.allowed_user_modes.is_empty()
    }

    /// Blocks where the sandbox is not described, or not as it must be.
    pub(super) fn check(&self, subject: &Subject<'_>, say: &mut Say<'_>) {
        let sandbox = subject.context.sandbox.as_ref();
        let mut faults = match sandbox {
            None => vec!["sandbox_metadata_missing"],
            Some(sandbox) => self.faults(sandbox),
        };
        faults.sort_unstable();
        faults.dedup();
        faults.iter().for_each(|fault| say.block(fault));
        say.sandbox = Some(SandboxFinding::of(sandbox, faults));
    }

    fn faults(&self, sandbox: &Sandbox) -> Vec<&'static str> {
        let evidence = sandbox.evidence_ref.is_empty() || sandbox.evidence_digest.is_none();
        let roots = &sandbox.read_only_roots;
        let stray_root = roots.iter().any(|root| !self.required_read_only_roots.contains(root));
        [
            evidence.then_some("sandbox_evidence_missing"),
            held(
                sandbox.network_mode,
                &self.allowed_network_modes,
                ["sandbox_network_mode_missing", "sandbox_network_mode_disallowed"],
            ),
            held(
                sandbox.env_exposure_mode,
                &self.allowed_env_exposure_modes,
                ["sandbox_env_exposure_mode_missing", "sandbox_env_exposure_mode_disallowed"],
            ),
            self.timeout_fault(sandbox.timeout_seconds),
            held(
                sandbox.filesystem_isolation,
                &self.allowed_filesystem_isolations,
                ["sandbox_filesystem_isolation_missing", "sandbox_filesystem_isolation_disallowed"],
            ),
            held(
                sandbox.user_mode,
                &self.allowed_user_modes,
                ["sandbox_user_mode_missing", "sandbox_user_mode_disallowed"],
            ),
            self.writes_elsewhere(sandbox).then_some("sandbox_writable_path_disallowed"),
            (!self.required_read_only_roots.is_empty() && stray_root)
                .then_some("sandbox_read_only_root_missing"),
        ]
        .into_iter()
        .flatten()
        .collect()
    }

    fn timeout_fault(&self, seconds: u64) -> Option<&'static str> {
        match seconds {
            0 => Some("sandbox_timeout_missing"),
            _ if self.max_timeout_seconds == 0 => None,
            _ => (seconds > self.max_timeout_seconds).then_some("sandbox_timeout_exceeded"),
        }
    }

    fn writes_elsewhere(&self, sandbox: &Sandbox) -> bool {
        let allowed = &self.allowed_writable_path_prefixes;
        let below = |path: &str, prefix: &str| {
            prefix == "/"
                || path.strip_prefix(prefix).is_some_and(|r| r.is_empty() || r.starts_with('/'))
        };
        let stray = |path: &String| !allowed.iter().any(|prefix| below(path, prefix));
        !allowed.is_empty() && sandbox.writable_paths.iter().any(stray)
    }
}

/// The fault of one mode: not given, which counts also where any will do, or not in the list.
fn held<T: PartialEq>(
    mode: Option<T>,
    allowed: &[T],
    [missing, disallowed]: [&'static str; 2],
) -> Option<&'static str> {
    match mode {
        None => Some(missing),
        Some(mode) => (!allowed.is_empty() && !allowed.contains(&mode)).then_some(disallowed),
    }
}

impl SandboxFinding {
    fn of(sandbox: Option<&Sandbox>, reason_codes: Vec<&'static str>) -> SandboxFinding {
        let status = if reason_codes.is_empty() {
            SandboxStatus::Valid
        } else if reason_codes.iter().any(|code| code.ends_with("_missing")) {
            SandboxStatus::Missing
        } else {
            SandboxStatus::Disallowed
        };
        SandboxFinding {
            status,
            network_mode: sandbox.and_then(|sandbox| sandbox.network_mode),
            env_exposure_mode: sandbox.and_then(|sandbox| sandbox.env_exposure_mode),
            timeout_seconds: sandbox.map_or(0, |sandbox| sandbox.timeout_seconds),
            filesystem_isolation: sandbox.and_then(|sandbox| sandbox.filesystem_isolation),
            user_mode: sandbox.and_then(|sandbox| sandbox.user_mode),
            evidence_ref: sandbox.map_or_else(String::new, |s| s.evidence_ref.clone()),
            evidence_digest: sandbox.and_then(|sandbox| sandbox.evidence_digest),
            reason_codes,
        }
    }

    /// Whether the sandbox is as it must be.
    pub fn is_valid(&self) -> bool {
        self.status == SandboxStatus::Valid
    }

    /// The one that is told, of several.
    pub(super) fn worst(findings: impl Iterator<Item = SandboxFinding>) -> Option<SandboxFinding> {
        findings.reduce(|first, second| if second.outranks(&first) { second } else { first })
    }

    fn outranks(&self, other: &SandboxFinding) -> bool {
        let rank = |finding: &SandboxFinding| match finding.status {
            SandboxStatus::Valid => 0,
            SandboxStatus::Disallowed => 1,
            SandboxStatus::Missing => 2,
        };
        rank(self) > rank(other)
    }
}

fn null_if_empty<S: Serializer>(paths: &[String], to: S) -> Result<S::Ok, S::Error> {
    if paths.is_empty() { to.serialize_none() } else { paths.serialize(to) }
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}
