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
    /// What it acts on.
    pub targets: Vec<TargetDraft>,
    /// Where the args came from.
    pub arg_provenance: Vec<ProvenanceDraft>,
    /// Who calls, from where, at what risk.
    pub context: ContextDraft,
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
#[derive(Clone, Debug, Default)]
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
