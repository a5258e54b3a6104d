//! Rules, and the decision that they give an intent (spec C2, C3, C6, C7).
//!
//! A [`Policy`] is read by [`source`] from YAML, compiled once, and immutable from then on.
//! [`Policy::decide`] is pure and total: the same intent gets the same decision, always, and
//! always one.

pub mod source;
mod rule;
mod reason;
mod digest;
mod written;
mod index;
mod fail_closed;
mod subject;
mod matcher;
pub mod glob;
mod zone;
pub mod dataflow;
pub mod endpoint;
pub mod context_evidence;
pub mod agent;
pub mod credential;
pub mod freeze;
pub mod sandbox;
pub mod limit;
pub mod broker;
pub mod script;
pub mod mcp_trust;
mod say;
mod merge;
mod decide;
pub mod decision;
pub mod explain;

pub use decision::Decision;
pub use matcher::MatchKey;
pub use rule::{Annotations, DelegationMatch, InventoryMatch, Match, Rule, Terms};
pub use say::Term;

use self::index::Index;
use self::mcp_trust::McpTrust;
use self::script::ScriptTerms;
use crate::intent::words::words;
use crate::json::{CanonicalError, Digest};
use serde::{Serialize, Serializer};

/// The only `schema_id` that a policy may have.
pub const SCHEMA_ID: &str = "gait.gate.policy";

/// The only `schema_version` that a policy may have.
pub const SCHEMA_VERSION: &str = "1.0.0";

/// The four verdicts, in rising restrictiveness (spec C6.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verdict {
    /// Execute.
    Allow,
    /// Answer with the decision, do not execute.
    DryRun,
    /// Execute only with an approval.
    RequireApproval,
    /// Never execute.
    Block,
}

impl Verdict {
    /// All verdicts, least restrictive first.
    pub const ALL: [Verdict; 4] =
        [Verdict::Allow, Verdict::DryRun, Verdict::RequireApproval, Verdict::Block];

    /// The word used in policies, answers, evidence and metric labels.
    pub fn as_str(self) -> &'static str {
        match self {
            Verdict::Allow => "allow",
            Verdict::DryRun => "dry_run",
            Verdict::RequireApproval => "require_approval",
            Verdict::Block => "block",
        }
    }

    /// Reads the exact word; `None` for any other.
    pub fn parse(word: &str) -> Option<Verdict> {
        Verdict::ALL.into_iter().find(|verdict| verdict.as_str() == word)
    }
}

/// A compiled policy. Immutable.
#[derive(Debug)]
pub struct Policy {
    default_verdict: Verdict,
    fail_closed: FailClosed,
    scripts: ScriptTerms,
    mcp_trust: Option<McpTrust>,
    rules: Box<[Rule]>,
    index: Index,
    digest: Digest,
    ignored: IgnoredDocuments,
}

/// What an intent of a covered risk class must say, or be blocked (spec C7).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FailClosed {
    /// Whether it is in force.
    pub enabled: bool,
    /// The risk classes it covers.
    pub risk_classes: Vec<String>,
    /// What must be there.
    pub required_fields: Vec<RequiredField>,
    /// Which context fields must be there, in every covered class.
    pub required_high_risk_fields: Vec<HighRiskField>,
}

/// Whether YAML documents follow the one that is the policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IgnoredDocuments {
    /// None does.
    None,
    /// Some do; nothing in them counts.
    Some,
}

words! {
    /// Parts of an intent that `fail_closed` can require.
    pub enum RequiredField {
        ArgProvenance = "arg_provenance",
        ContextEvidence = "context_evidence",
        Delegation = "delegation",
        EndpointClass = "endpoint_class",
        Targets = "targets",
    }
}

words! {
    /// Context fields that `fail_closed` can require.
    pub enum HighRiskField {
        AgentActionBomRef = "agent_action_bom_ref",
        AgentId = "agent_id",
        AgentIdentity = "agent_identity",
        ApprovalRef = "approval_ref",
        CredentialAccessType = "credential_access_type",
        CredentialIssuer = "credential_issuer",
        CredentialRef = "credential_ref",
        CredentialSource = "credential_source",
        CredentialTtlSeconds = "credential_ttl_seconds",
        Environment = "environment",
        Repo = "repo",
        RunId = "run_id",
        WorkflowId = "workflow_id",
        WrkrInventoryRef = "wrkr_inventory_ref",
    }
}

/// What a policy is compiled from, in the order of the file.
struct Parts {
    default_verdict: Verdict,
    fail_closed: FailClosed,
    mcp_trust: Option<McpTrust>,
    scripts: ScriptTerms,
    rules: Vec<Rule>,
    ignored: IgnoredDocuments,
}

impl Serialize for Verdict {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl FailClosed {
    /// The risk classes where it is in force and the policy names none.
    const RISK_CLASSES: [&str; 2] = ["critical", "high"];
}

// === impl Policy ===

impl Policy {
    /// Sorts the rules (spec C2.4), digests them and builds the index.
    fn compile(mut parts: Parts) -> Result<Policy, CanonicalError> {
        parts.rules.sort_by(|a, b| (a.priority, &a.name).cmp(&(b.priority, &b.name)));
        let digest = digest::of(&parts)?;
        let index = Index::of(&parts.rules);
        Ok(Policy {
            default_verdict: parts.default_verdict,
            fail_closed: parts.fail_closed,
            scripts: parts.scripts,
            mcp_trust: parts.mcp_trust,
            rules: parts.rules.into_boxed_slice(),
            index,
            digest,
            ignored: parts.ignored,
        })
    }

    /// `policy_digest`: binds everything that can change a decision.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// Always [`SCHEMA_ID`].
    pub fn schema_id(&self) -> &'static str {
        SCHEMA_ID
    }

    /// Always [`SCHEMA_VERSION`].
    pub fn schema_version(&self) -> &'static str {
        SCHEMA_VERSION
    }

    /// The verdict where no rule matches.
    pub fn default_verdict(&self) -> Verdict {
        self.default_verdict
    }

    /// What covered intents must say.
    pub fn fail_closed(&self) -> &FailClosed {
        &self.fail_closed
    }

    /// What it says of scripts as such.
    pub fn scripts(&self) -> &ScriptTerms {
        &self.scripts
    }

    /// Which MCP servers it trusts.
    pub fn mcp_trust(&self) -> Option<&McpTrust> {
        self.mcp_trust.as_ref()
    }

    /// How many rules there are.
    pub fn rule_count(&self) -> usize {
        self.rules.len()
    }

    /// The rules, in the order in which they are evaluated.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// Whether the file goes on after the first YAML document. The format ignores the rest, which
    /// is worth a warning.
    pub fn ignored_documents(&self) -> IgnoredDocuments {
        self.ignored
    }
}
