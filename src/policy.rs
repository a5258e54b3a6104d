//! Rules, and the decision that they give an intent (spec C2, C3, C6, C7).
//!
//! A [`Policy`] is read by [`source`] from YAML, compiled once, and immutable from then on.
//! [`Policy::decide`] is pure and total: the same intent gets the same decision, always, and
//! always one. What the format knows and this version does not evaluate is refused while reading,
//! so a policy in force is evaluated whole.

pub mod source;
mod reason;
mod digest;
mod index;
mod fail_closed;
mod decide;

use self::index::Index;
use crate::intent::EndpointClass;
use crate::intent::words::words;
use crate::json::{CanonicalError, Digest};

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

/// What a policy says of one intent (spec C6).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// The strictest effect of the rules that matched, or the default.
    pub verdict: Verdict,
    /// Sorted, unique.
    pub reason_codes: Vec<String>,
    /// Sorted, unique.
    pub violations: Vec<String>,
    /// Names of all rules that matched, comma-joined; `None` when none did.
    pub matched_rule: Option<String>,
    /// How many approvals a `require_approval` needs; 0 for other verdicts.
    pub min_approvals: u64,
    /// Whether those approvals must come from different people.
    pub distinct_approvers: bool,
}

/// A compiled policy. Immutable.
#[derive(Debug)]
pub struct Policy {
    default_verdict: Verdict,
    fail_closed: FailClosed,
    rules: Box<[Rule]>,
    index: Index,
    digest: Digest,
    ignored: IgnoredDocuments,
}

/// One rule, normalised.
#[derive(Clone, Debug)]
pub struct Rule {
    /// Its name; never empty.
    pub name: String,
    /// Lower is evaluated first.
    pub priority: i64,
    /// What it says of an intent that matches.
    pub effect: Verdict,
    /// Which intents match.
    pub matcher: Match,
    /// The reasons it gives; derived from its name where the policy names none.
    pub reason_codes: Vec<String>,
    /// The violations it reports.
    pub violations: Vec<String>,
    /// How many approvals it asks for; 0 where the policy does not say.
    pub min_approvals: u64,
    /// Whether they must come from different people; always so where it asks for several.
    pub require_distinct_approvers: bool,
    /// The reasons as the policy names them, which is what its digest holds.
    digested_reason_codes: Vec<String>,
}

/// Which intents a rule matches: all of the keys that are not empty, and of each any item
/// (spec C6.3). All lists are unique and sorted.
#[derive(Clone, Debug, Default)]
pub struct Match {
    /// The tool.
    pub tool_names: Vec<String>,
    /// The risk class.
    pub risk_classes: Vec<String>,
    /// The kind of some target.
    pub target_kinds: Vec<String>,
    /// The value of some target.
    pub target_values: Vec<String>,
    /// The endpoint class of some target.
    pub endpoint_classes: Vec<EndpointClass>,
    /// The sensitivity of some target.
    pub data_classes: Vec<String>,
    /// The kind of some target.
    pub destination_kinds: Vec<String>,
    /// The value of some target.
    pub destination_values: Vec<String>,
    /// The operation of some target.
    pub destination_operations: Vec<String>,
    /// The source of some arg.
    pub provenance_sources: Vec<String>,
    /// Who calls, in exact case.
    pub identities: Vec<String>,
    /// How the workspace starts; plain prefixes, `/srv/ap` matches `/srv/app`.
    pub workspace_prefixes: Vec<String>,
}

/// What an intent of a covered risk class must say, or be blocked (spec C7).
#[derive(Clone, Debug, Default)]
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

// === impl Policy ===

impl Policy {
    /// Sorts the rules (spec C2.4), digests them and builds the index.
    fn compile(
        default_verdict: Verdict,
        fail_closed: FailClosed,
        mut rules: Vec<Rule>,
        ignored: IgnoredDocuments,
    ) -> Result<Policy, CanonicalError> {
        rules.sort_by(|a, b| (a.priority, &a.name).cmp(&(b.priority, &b.name)));
        let digest = digest::of(default_verdict, &fail_closed, &rules)?;
        let index = Index::of(&rules);
        let rules = rules.into_boxed_slice();
        Ok(Policy { default_verdict, fail_closed, rules, index, digest, ignored })
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
