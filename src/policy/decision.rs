//! What a policy says of one intent, and on what terms (spec C6).

use super::Verdict;
use super::credential::CredentialTerms;
use super::freeze::FreezeFinding;
use super::limit::Limit;
use super::sandbox::SandboxFinding;
use super::script::ScriptFinding;

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
    /// How many approvals a `require_approval` needs; 0 for other verdicts, except that a script
    /// keeps what its steps ask for.
    pub min_approvals: u64,
    /// Whether those approvals must come from different people.
    pub distinct_approvers: bool,
    /// What must still be shown or spent, whatever the verdict.
    pub demands: Demands,
    /// What was found out on the way, for the answer and the records.
    pub details: Details,
}

/// What the rules that gave the verdict ask for beside it (spec E8, E13, E14). Who carries out a
/// decision must meet all of it or refuse.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Demands {
    /// Tokens for the delegation.
    pub delegation: Option<DelegationDemand>,
    /// A credential from a broker.
    pub broker: Option<BrokerDemand>,
    /// So many calls in a window.
    pub rate_limit: Option<Limit>,
    /// So many destructive calls in a window.
    pub destructive_budget: Option<Limit>,
}

/// That the delegation must be proved by tokens.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DelegationDemand {
    /// Any one of these must be in a token's scope; sorted, unique, may be empty.
    pub scopes: Vec<String>,
}

/// That a broker must issue a credential.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BrokerDemand {
    /// Which one; may be empty.
    pub reference: String,
    /// For what; sorted, unique, lower-case.
    pub scopes: Vec<String>,
    /// What the receipt must satisfy: the credential terms of every rule that matched.
    pub terms: Vec<CredentialTerms>,
}

/// What was found out on the way to a verdict.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Details {
    /// The freeze window that counted most (spec E6).
    pub freeze_window: Option<FreezeFinding>,
    /// How the sandbox was judged (spec E7).
    pub sandbox: Option<SandboxFinding>,
    /// The steps of a script (spec E12).
    pub script: Option<Box<ScriptFinding>>,
}

impl Decision {
    /// A verdict without reasons, rules or demands.
    pub fn of(verdict: Verdict) -> Decision {
        Decision {
            verdict,
            reason_codes: Vec::new(),
            violations: Vec::new(),
            matched_rule: None,
            min_approvals: 0,
            distinct_approvers: false,
            demands: Demands::default(),
            details: Details::default(),
        }
    }
}
