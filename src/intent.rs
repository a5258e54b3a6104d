//! What a call wants to do, in the public intent format (spec C4, C5).
//!
//! A [`Draft`] is what was said, by a file or by an adapter; an [`Intent`] is what it means:
//! trimmed, lowered, inferred, checked, sorted, and bound by two digests. There is no other way
//! to an `Intent` than [`Draft::normalise`], and no way to change one but
//! [`Intent::without_claims`] and [`Intent::with_inventory`], so whoever holds one holds the very
//! thing that was digested.
//!
//! Rejected: deriving readers on the types. A derived reader ignores a member in another case,
//! and that is how a field goes missing; [`read`] names every member itself.

pub mod miss;
pub mod pattern;
pub mod predicates;
pub mod routes;
pub mod rest;
pub(crate) mod words;
pub(crate) mod text;
pub mod time;
pub(crate) mod duration;
pub mod stamp;
mod error;
mod draft;
pub mod read;
pub(crate) mod members;
mod normalise;
mod field;
mod args;
mod credentials;
pub mod conceal;
mod targets;
mod provenance;
mod domain;
mod context;
mod skill;
mod agent;
mod sandbox;
mod delegation;
mod script;
mod digest;
mod write;
mod inventory;

pub use agent::AgentIdentity;
pub use delegation::{Delegation, Link};
pub use draft::{
    AgentDraft, ContextDraft, DelegationDraft, Draft, LinkDraft, ProvenanceDraft, SandboxDraft,
    ScriptDraft, SkillDraft, StepDraft, TargetDraft,
};
pub use error::IntentError;
pub use inventory::{Inventory, InventoryEntry};
pub use sandbox::Sandbox;
pub use script::{Script, Step};
pub use skill::SkillProvenance;
pub use words::{
    AccessType, CredentialSource, DiscoveryMethod, EndpointClass, EnvExposure, EvidenceMode,
    FilesystemIsolation, Kind, Label, NetworkMode, Phase, ProvenanceSource, UserMode,
};

use crate::json::Digest;
use serde::Serialize;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use time::Time;

/// A normalised intent. Immutable.
#[derive(Clone, Debug)]
pub struct Intent {
    created_at: Time,
    tool_name: String,
    args: Map<String, Value>,
    script: Option<Script>,
    targets: Vec<Target>,
    arg_provenance: Vec<Provenance>,
    skill_provenance: Option<SkillProvenance>,
    context: Context,
    delegation: Option<Delegation>,
    args_digest: Digest,
    digest: Digest,
    digest_without_claims: Digest,
}

/// What is acted on, normalised. The order of the fields is the order in which targets sort.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Target {
    /// What it is.
    pub kind: Kind,
    /// Its path, URL or name, in the case it was said in.
    pub value: String,
    /// A free word, lower-case; may be empty.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub operation: String,
    /// The data class, lower-case; may be empty.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub sensitivity: String,
    /// What is done to it, said or inferred.
    pub endpoint_class: EndpointClass,
    /// Its host, said or inferred; may be empty.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub endpoint_domain: String,
    /// Whether the act cannot be undone, as far as anything said or implied it.
    #[serde(skip_serializing_if = "is_false")]
    pub destructive: bool,
    /// How the caller found the tool.
    pub discovery_method: DiscoveryMethod,
    /// The tool says that it only reads.
    #[serde(skip_serializing_if = "is_false")]
    pub read_only_hint: bool,
    /// The tool says that it destroys.
    #[serde(skip_serializing_if = "is_false")]
    pub destructive_hint: bool,
    /// The tool says that a second call changes nothing.
    #[serde(skip_serializing_if = "is_false")]
    pub idempotent_hint: bool,
    /// The tool says that it reaches outside.
    #[serde(skip_serializing_if = "is_false")]
    pub open_world_hint: bool,
}

/// Where an argument came from, normalised. The order of the fields is the sort order.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Provenance {
    /// Which argument.
    pub arg_path: String,
    /// From where.
    pub source: ProvenanceSource,
    /// A free reference; may be empty.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub source_ref: String,
    /// Digest of the source.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub integrity_digest: Option<Digest>,
}

/// Who calls, from where, at what risk, normalised.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Context {
    /// Who calls.
    pub identity: String,
    /// From where, with forward slashes.
    pub workspace: String,
    /// Any word, lower-case.
    pub risk_class: String,
    /// Plan or apply.
    pub phase: Phase,
    /// What is known of the caller's authentication.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub auth_context: Map<String, Value>,
    /// What is attested of the sandbox.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sandbox: Option<Sandbox>,
    /// What the agent is declared to be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent_identity: Option<AgentIdentity>,
    /// A claim that nobody verified; see [`Intent::without_claims`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub context_set_digest: Option<Digest>,
    /// Another such claim.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub context_evidence_mode: Option<EvidenceMode>,
    /// Another such claim.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub context_refs: Vec<String>,
    /// How long the credential lives, seconds; 0 means not given.
    #[serde(skip_serializing_if = "is_zero")]
    pub credential_ttl_seconds: u64,
    /// Where the credential came from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credential_source: Option<CredentialSource>,
    /// How it is held.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credential_access_type: Option<AccessType>,
    /// What it may do.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub credential_scopes: Vec<String>,
    /// The remaining fields; none is empty.
    #[serde(flatten)]
    pub labels: BTreeMap<Label, String>,
}

// === impl Intent ===

impl Intent {
    /// When it was made, UTC; 1980-01-01 where it did not say. Not part of the digest.
    pub fn created_at(&self) -> Time {
        self.created_at
    }

    /// The tool, trimmed and lower-case; never empty.
    pub fn tool_name(&self) -> &str {
        &self.tool_name
    }

    /// The args, with trimmed strings and keys.
    pub fn args(&self) -> &Map<String, Value> {
        &self.args
    }

    /// The targets, unique and sorted.
    pub fn targets(&self) -> &[Target] {
        &self.targets
    }

    /// Where the args came from, unique and sorted.
    pub fn arg_provenance(&self) -> &[Provenance] {
        &self.arg_provenance
    }

    /// The steps, where the intent is a script; its tool is then `script`.
    pub fn script(&self) -> Option<&Script> {
        self.script.as_ref()
    }

    /// Which skill made the call.
    pub fn skill_provenance(&self) -> Option<&SkillProvenance> {
        self.skill_provenance.as_ref()
    }

    /// On whose behalf the call is made.
    pub fn delegation(&self) -> Option<&Delegation> {
        self.delegation.as_ref()
    }

    /// Who calls, from where, at what risk.
    pub fn context(&self) -> &Context {
        &self.context
    }

    /// `args_digest`: binds the args alone.
    pub fn args_digest(&self) -> Digest {
        self.args_digest
    }

    /// `intent_digest`: binds everything but the times.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// Takes away the context evidence that the intent only claims (spec E3, step 1), and gives
    /// it the digest that it then has.
    pub fn without_claims(mut self) -> Intent {
        context::drop_claims(&mut self.context);
        self.digest = self.digest_without_claims;
        self
    }
}

fn is_false(flag: &bool) -> bool {
    !flag
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}
