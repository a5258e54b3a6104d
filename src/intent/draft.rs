//! An intent as it was said: the form that readers and adapters fill.
//!
//! Every field is public and nothing is checked. The only way on is
//! [`Draft::normalise`](super::Draft::normalise), which gives an [`Intent`](super::Intent) or
//! says what is wrong.

use super::time::Time;
use super::words::Label;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// An intent as said (spec C4.1).
#[derive(Clone, Debug, Default)]
pub struct Draft {
    /// When it was made; not part of the digest.
    pub created_at: Option<Time>,
    /// The tool that is called.
    pub tool_name: String,
    /// What it is called with.
    pub args: Map<String, Value>,
    /// The steps, where it is a script; the tool is then `script`, whatever is said.
    pub script: Option<ScriptDraft>,
    /// What it acts on; that of the steps where it is empty.
    pub targets: Vec<TargetDraft>,
    /// Where the args came from; that of the steps where it is empty.
    pub arg_provenance: Vec<ProvenanceDraft>,
    /// Which skill made it.
    pub skill_provenance: Option<SkillDraft>,
    /// Who calls, from where, at what risk.
    pub context: ContextDraft,
    /// On whose behalf.
    pub delegation: Option<DelegationDraft>,
}

/// A target as said (spec C4.3). Empty text means not given.
#[derive(Clone, Debug, Default)]
pub struct TargetDraft {
    /// A [`Kind`](super::Kind); required.
    pub kind: String,
    /// A path, URL, name ...; required, its case is kept.
    pub value: String,
    /// A free word such as `read` or `delete`.
    pub operation: String,
    /// The data class.
    pub sensitivity: String,
    /// An [`EndpointClass`](super::EndpointClass); inferred where empty.
    pub endpoint_class: String,
    /// The host; inferred where empty.
    pub endpoint_domain: String,
    /// Can raise, never lower, what the operation implies.
    pub destructive: bool,
    /// A [`DiscoveryMethod`](super::DiscoveryMethod); `unknown` where empty.
    pub discovery_method: String,
    /// The tool says that it only reads.
    pub read_only_hint: bool,
    /// The tool says that it destroys; makes the target destructive.
    pub destructive_hint: bool,
    /// The tool says that a second call changes nothing.
    pub idempotent_hint: bool,
    /// The tool says that it reaches outside.
    pub open_world_hint: bool,
}

/// The origin of one argument, as said (spec C4.2).
#[derive(Clone, Debug, Default)]
pub struct ProvenanceDraft {
    /// Which argument; required.
    pub arg_path: String,
    /// A [`ProvenanceSource`](super::ProvenanceSource); required.
    pub source: String,
    /// A free reference.
    pub source_ref: String,
    /// SHA-256 of the source, 64 hex characters.
    pub integrity_digest: String,
}

/// The context as said (spec C4.5). Empty text means not given.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ContextDraft {
    /// Who calls; required.
    pub identity: String,
    /// From where; required.
    pub workspace: String,
    /// Any word; required.
    pub risk_class: String,
    /// A [`Phase`](super::Phase); `apply` where empty.
    pub phase: String,
    /// What is known of the caller's authentication.
    pub auth_context: Map<String, Value>,
    /// What is attested of the sandbox.
    pub sandbox: Option<SandboxDraft>,
    /// What the agent is declared to be.
    pub agent_identity: Option<AgentDraft>,
    /// A claim: digest of the context set.
    pub context_set_digest: String,
    /// A claim: an [`EvidenceMode`](super::EvidenceMode).
    pub context_evidence_mode: String,
    /// A claim: references into the context set.
    pub context_refs: Vec<String>,
    /// How long the credential lives, seconds; 0 means not given.
    pub credential_ttl_seconds: i64,
    /// A [`CredentialSource`](super::CredentialSource).
    pub credential_source: String,
    /// An [`AccessType`](super::AccessType).
    pub credential_access_type: String,
    /// What the credential may do.
    pub credential_scopes: Vec<String>,
    /// The remaining fields, all free text.
    pub labels: BTreeMap<Label, String>,
}

/// A script as said (spec E12).
#[derive(Clone, Debug, Default)]
pub struct ScriptDraft {
    /// 1 to 64 of them.
    pub steps: Vec<StepDraft>,
}

/// One call of a script, as said.
#[derive(Clone, Debug, Default)]
pub struct StepDraft {
    /// The tool that is called; required.
    pub tool_name: String,
    /// What it is called with.
    pub args: Map<String, Value>,
    /// What it acts on.
    pub targets: Vec<TargetDraft>,
    /// Where the args came from.
    pub arg_provenance: Vec<ProvenanceDraft>,
}

/// The origin of a skill as said (spec E9). Empty text means not given.
#[derive(Clone, Debug, Default)]
pub struct SkillDraft {
    /// Its name; required.
    pub skill_name: String,
    /// Where it was found; required.
    pub source: String,
    /// Who published it; required.
    pub publisher: String,
    /// Its version.
    pub skill_version: String,
    /// Which key signed it.
    pub signature_key_id: String,
    /// SHA-256 of its content, 64 hex characters.
    pub digest: String,
}

/// A delegation as said (spec E8). Empty text means not given.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DelegationDraft {
    /// Who asks; required.
    pub requester_identity: String,
    /// A free word.
    pub scope_class: String,
    /// References to tokens.
    pub token_refs: Vec<String>,
    /// From the first delegator to the requester.
    pub chain: Vec<LinkDraft>,
    /// From when it holds.
    pub issued_at: Option<Time>,
    /// Until when it holds.
    pub expires_at: Option<Time>,
}

/// One step of a delegation, as said.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LinkDraft {
    /// Who passes the right on; required.
    pub delegator_identity: String,
    /// Who gets it; required.
    pub delegate_identity: String,
    /// A free word.
    pub scope_class: String,
    /// Reference to a token.
    pub token_ref: String,
    /// From when it holds.
    pub issued_at: Option<Time>,
    /// Until when it holds.
    pub expires_at: Option<Time>,
}

/// The declared identity of an agent, as said (spec E4). Empty text means not given.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AgentDraft {
    /// What it has been through.
    pub lifecycle_states: Vec<String>,
    /// Who answers for it.
    pub owner: String,
    /// Who published its manifest.
    pub publisher: String,
    /// SHA-256 of its manifest, 64 hex characters.
    pub manifest_digest: String,
    /// Where the manifest was found.
    pub source: String,
    /// When it was made known.
    pub issued_at: Option<Time>,
    /// When it was approved.
    pub approved_at: Option<Time>,
    /// Until when it holds.
    pub expires_at: Option<Time>,
    /// Whether it was taken back.
    pub revoked: bool,
}

/// A sandbox as said (spec E7). Empty text means not given.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SandboxDraft {
    /// A [`NetworkMode`](super::NetworkMode).
    pub network_mode: String,
    /// An [`EnvExposure`](super::EnvExposure).
    pub env_exposure_mode: String,
    /// A [`FilesystemIsolation`](super::FilesystemIsolation).
    pub filesystem_isolation: String,
    /// A [`UserMode`](super::UserMode).
    pub user_mode: String,
    /// How long it may run, seconds; 0 means not given.
    pub timeout_seconds: i64,
    /// Where it may write.
    pub writable_paths: Vec<String>,
    /// What it can only read.
    pub read_only_roots: Vec<String>,
    /// Reference to the evidence of all this.
    pub evidence_ref: String,
    /// SHA-256 of that evidence, 64 hex characters.
    pub evidence_digest: String,
}
