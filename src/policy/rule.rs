//! One rule, normalised: which intents it matches, what it says of them, and on what terms.
//!
//! A rule is data. What its parts do is in the files named after them: [`Match`] is tested in
//! `matcher`, the [`Terms`] each have a file, and `say` puts them together.

use super::Verdict;
use super::agent::AgentTerms;
use super::broker::BrokerTerms;
use super::context_evidence::ContextTerms;
use super::credential::CredentialTerms;
use super::dataflow::Dataflow;
use super::endpoint::Endpoint;
use super::freeze::FreezeWindow;
use super::limit::Limit;
use super::sandbox::SandboxTerms;
use super::say::Term;
use crate::intent::{DiscoveryMethod, EndpointClass};
use serde::Serialize;

/// One rule, normalised.
#[derive(Clone, Debug)]
pub struct Rule {
    /// Its name; never empty.
    pub name: String,
    /// The line of the policy file on which it starts, from 1.
    pub line: u64,
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
    /// What else must be so, or be shown, or be spent.
    pub terms: Terms,
    /// The reasons as the policy names them, which is what its digest holds.
    pub(super) digested_reason_codes: Vec<String>,
}

/// What a rule asks of an intent that matches (spec E1 to E7), and of the call after the decision
/// (E13, E14).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Terms {
    /// Where tainted arguments may not flow.
    pub dataflow: Option<Dataflow>,
    /// Which paths, domains and classes are in bounds.
    pub endpoint: Option<Endpoint>,
    /// How good the context evidence must be.
    pub context: Option<ContextTerms>,
    /// What must be known of the agent.
    pub agent: Option<AgentTerms>,
    /// How the caller's credential must be held.
    pub credential: Option<CredentialTerms>,
    /// When nothing may be changed.
    pub freeze_window: Option<FreezeWindow>,
    /// In what sandbox the call must run.
    pub sandbox: Option<SandboxTerms>,
    /// The credential that must be brokered.
    pub broker: BrokerTerms,
    /// How many calls.
    pub rate_limit: Option<Limit>,
    /// How many destructive calls.
    pub destructive_budget: Option<Limit>,
}

impl Terms {
    /// Those that can change the rule's effect, in the order in which they are heeded.
    pub(super) fn in_force(&self) -> impl Iterator<Item = Term> {
        let terms = [
            (self.dataflow.is_some(), Term::Dataflow),
            (self.endpoint.is_some(), Term::Endpoint),
            (self.context.is_some(), Term::ContextEvidence),
            (self.agent.is_some(), Term::Agent),
            (self.credential.is_some(), Term::Credential),
            (self.freeze_window.is_some(), Term::FreezeWindow),
            (self.sandbox.is_some(), Term::Sandbox),
        ];
        terms.into_iter().filter(|(given, _)| *given).map(|(_, term)| term)
    }
}

/// Which intents a rule matches: all of the keys that are not empty, and of each any item
/// (spec C6.3). All lists are unique and sorted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
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
    /// How the caller found some target (spec E10).
    pub discovery_methods: Vec<DiscoveryMethod>,
    /// What the tool says of itself (spec E10).
    pub tool_annotations: Annotations,
    /// Who published the skill, lower-case (spec E9).
    pub skill_publishers: Vec<String>,
    /// Where the skill came from (spec E9).
    pub skill_sources: Vec<String>,
    /// What the inventory knows of the tool (spec E11).
    pub inventory: InventoryMatch,
    /// On whose behalf the caller acts (spec E8).
    pub delegation: DelegationMatch,
}

/// Hints that some target must carry, or must lack (spec E10).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Annotations {
    /// `readOnlyHint`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub read_only_hint: Option<bool>,
    /// `destructiveHint`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub destructive_hint: Option<bool>,
    /// `idempotentHint`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idempotent_hint: Option<bool>,
    /// `openWorldHint`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub open_world_hint: Option<bool>,
}

/// Values of the `wrkr.*` members of `auth_context` (spec E11), lower-case.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InventoryMatch {
    /// `wrkr.tool_name`.
    pub tool_names: Vec<String>,
    /// `wrkr.data_class`.
    pub data_classes: Vec<String>,
    /// `wrkr.endpoint_class`.
    pub endpoint_classes: Vec<String>,
    /// `wrkr.autonomy_level`.
    pub autonomy_levels: Vec<String>,
}

/// What the intent's delegation must say (spec E8). Any key makes an intent without one miss.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DelegationMatch {
    /// That there is one; also asks for tokens that prove it.
    pub required: bool,
    /// Some link's delegator.
    pub delegators: Vec<String>,
    /// The requester, or some link's delegate.
    pub delegates: Vec<String>,
    /// The scope class, or some link's.
    pub scopes: Vec<String>,
    /// How long the chain may be.
    pub max_depth: Option<u64>,
}
