//! What is brought before the gate: a call in its lane, and what is known about it.
//!
//! Apart from the gate so that the file an auditor reads holds only what it must. Nothing in here
//! permits anything.

mod facts;
mod kept;

pub use facts::{asked, facts, label, note_held};

use crate::approval::{Proof, RequestId, Sanction};
use crate::call::{Call, Malformed};
use crate::delegation::Delegated;
use crate::evidence::{CallId, CommitFailed, Committed, Dissent, Kept, Record};
use crate::identity::Refusal;
use crate::intent::Intent;
use crate::intent::time::Time;
use crate::json::Digest;
use crate::policy::{Decision, Verdict};
use crate::snapshot::Lane;
use crate::store::approvals::Claim;
use crate::store::rate_limits::Charged;
use crate::trace;
use jiff::Timestamp;
use std::sync::{Arc, OnceLock};

/// The reason code of a call that people approved.
const APPROVED: &str = "approval_granted";

/// A call before the gate: read, recorded, and standing in a lane.
#[derive(Debug)]
pub struct Case {
    /// The call itself.
    pub call: Call,
    /// Its open record.
    pub record: Record,
    /// Where it stands.
    pub lane: Arc<Lane>,
    /// Whether the caller asked for a dry run.
    pub wish: Wish,
    /// The snapshot that judges it.
    pub snapshot: Arc<str>,
    /// The one that judged it first, where it waited for an approval since.
    pub asked_under: Option<Arc<str>>,
    /// Who calls; `None` where the caller is not who it says.
    pub caller: Option<Author>,
}

/// Who calls, as the evidence has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Author {
    /// The name, proven or that of callers without credentials.
    pub identity: Arc<str>,
    /// The source that proved it; `None` where none did.
    pub source: Option<Arc<str>>,
}

/// What the caller asks of gait itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// Nothing.
    None,
    /// `Gait-Dry-Run`: the decision, and no execution.
    DryRun,
}

/// What is known when the gate is asked.
#[derive(Debug)]
pub enum Finding {
    /// The policy decided.
    Decided(Box<Judged>),
    /// It wants an approval, and there is none.
    Unapproved(Box<Judged>, Box<Unapproved>),
    /// It could not be asked.
    Undecided(Cause),
}

/// An intent with its decision.
#[derive(Debug)]
pub struct Judged {
    /// What the call wants to do.
    pub intent: Intent,
    /// What the policy says of it.
    pub decision: Decision,
    /// Which policy.
    pub policy_digest: Digest,
    /// Names the decision (spec C13.2).
    pub trace_id: String,
    /// What blocks it beside the rules.
    pub bar: Option<Bar>,
    /// Proof that it is within the limits that its rules set.
    pub charged: Option<Charged>,
    /// Proof of the delegation that it claims, where its rules want one.
    pub delegated: Option<Delegated>,
    /// What the candidate policy says, where that is another verdict. It permits nothing.
    pub candidate: Option<Arc<Dissent>>,
    /// The tokens that its delegation was read from.
    pub delegation_ref: Option<String>,
    /// Proof of the approval that it wants.
    pub approved: Option<Approved>,
    /// What its lines keep of the intent, once the first was written.
    pub kept: OnceLock<Option<Kept>>,
}

/// Proof that people approved a call, and that it is the one which their words let run.
#[derive(Debug)]
pub struct Approved {
    /// The words are taken, durably, for this call alone.
    pub claim: Claim,
    /// They stood when the call was judged for the last time.
    pub sanction: Sanction,
}

/// What stands behind a permit in the evidence.
#[derive(Debug)]
pub enum Backing {
    /// Nothing has to.
    None,
    /// Its decision is durable.
    Committed(Committed),
    /// The evidence refused the decision, and the config lets such calls go.
    Forgone(CommitFailed),
}

/// Why there is no approval for a call that wants one, and what its caller can do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unapproved {
    /// What kind of lack it is.
    pub lack: Lack,
    /// Stable reason codes. Sorted, unique.
    pub codes: Vec<&'static str>,
    /// The request that waits for approval, where there is one.
    pub request: Option<RequestId>,
    /// When that ends, if nobody says anything more.
    pub expires_at: Option<Timestamp>,
    /// How many approvals are wanted, and how many there are.
    pub count: (u64, u64),
    /// Who said no, and why.
    pub denied: Option<(Arc<str>, Arc<str>)>,
    /// Whether a recorded grant lets the same call run, or only a token that it shows.
    pub proof: Proof,
    /// Where people find the request.
    pub url: Option<String>,
    /// When to ask again, in seconds.
    pub retry_after: u64,
    /// Whether the call waited for it.
    pub waited: Waited,
}

/// What is lacking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lack {
    /// Nobody has decided yet.
    Pending,
    /// Somebody said no.
    Denied,
    /// What the caller showed does not count.
    Refused,
    /// What the caller showed has let a call run before, or the very same call is running.
    Spent,
    /// Too many requests of this caller wait.
    Crowded,
    /// Nobody can say: a fault of ours.
    Unknown,
}

/// Whether a call waited, open, for its approval.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waited {
    /// It did.
    Held,
    /// It did not.
    No,
}

/// What blocks an intent beside the rules that matched it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bar {
    /// What it is; of several, the one that counts most.
    pub why: Why,
    /// When it is lifted by itself, where that is known.
    pub until: Option<Time>,
}

/// Kinds of bar, in rising order of what the caller is told first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Why {
    /// A target without a host that can be read in one way only, under rules about domains.
    Domain,
    /// A brokered credential is wanted.
    Broker,
    /// Other delegation tokens are wanted than were shown.
    Delegation,
    /// A rate limit or a destructive budget is used up.
    Limit,
    /// A freeze window is open.
    Freeze,
    /// Nobody knows what is ordered.
    SwitchLost,
    /// An order to stop is in force.
    Stopped,
}

/// Why a call is not simply forwarded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The decision itself.
    Decision,
    /// The caller asked for a dry run.
    DryRunAsked,
    /// Strictness refused it.
    Malformed(Malformed),
    /// Its caller is not who it says, or nobody where somebody is wanted.
    Caller(Refusal),
    /// A condition of its route cannot be read.
    Unreadable(&'static str),
    /// It has no valid intent.
    Intent {
        /// Stable reason code.
        code: &'static str,
        /// For the caller.
        detail: String,
    },
    /// It wants an approval that there is not.
    Unapproved(Box<Unapproved>),
    /// No route takes it.
    Unmapped,
    /// Our own fault; the code says which.
    Fault(&'static str),
}

// === impl Finding ===

impl Finding {
    /// The verdict, where there is a decision.
    pub fn verdict(&self) -> Option<Verdict> {
        match self {
            Finding::Decided(judged) | Finding::Unapproved(judged, _) => {
                Some(judged.decision.verdict)
            }
            Finding::Undecided(_) => None,
        }
    }

    /// The decision, where there is one.
    pub fn into_judged(self) -> Option<Box<Judged>> {
        match self {
            Finding::Decided(judged) | Finding::Unapproved(judged, _) => Some(judged),
            Finding::Undecided(_) => None,
        }
    }
}

// === impl Judged ===

impl Judged {
    /// What the evidence keeps of the intent: looked for once, and written in every line.
    fn kept(&self, lane: &Lane) -> Option<Kept> {
        self.kept.get_or_init(|| kept::kept(&self.intent, lane)).clone()
    }

    /// Whether everything that the decision asks for was shown or spent. While it was not, the
    /// decision permits nothing.
    pub fn is_met(&self) -> bool {
        let demands = &self.decision.demands;
        let limited = demands.rate_limit.is_some() || demands.destructive_budget.is_some();
        let counted = || self.charged.as_ref().is_some_and(|c| c.covers(demands, &self.intent));
        self.is_delegated() && demands.broker.is_none() && (!limited || counted())
    }

    /// Whether people approved this very call, and their words are taken for it.
    pub fn is_approved(&self, call_id: CallId) -> bool {
        let (intent, policy) = (self.intent.digest(), self.policy_digest);
        self.approved.as_ref().is_some_and(|Approved { claim, sanction }| {
            let claimed = claim.sanction().tokens();
            claim.covers(&call_id.to_string(), intent, policy)
                && sanction.covers(intent, policy)
                && sanction.tokens().iter().all(|token| claimed.contains(token))
        })
    }

    /// What an approval makes of the decision (spec C11.4).
    pub fn grant(&mut self) {
        self.decision.verdict = Verdict::Allow;
        self.decision.reason_codes.push(APPROVED.to_owned());
        self.decision.reason_codes.sort_unstable();
        let intent = self.intent.digest();
        self.trace_id = trace::trace_id(self.policy_digest, intent, Verdict::Allow);
    }

    fn is_delegated(&self) -> bool {
        let Some(demand) = &self.decision.demands.delegation else { return true };
        let proof = self.delegated.as_ref();
        proof.is_some_and(|proof| proof.covers(&self.intent, self.policy_digest, &demand.scopes))
    }
}

// === impl Cause ===

impl Cause {
    /// The reason codes that the cause adds to those of the decision.
    pub fn codes(&self) -> Vec<&'static str> {
        match self {
            Cause::Decision => Vec::new(),
            Cause::DryRunAsked => vec!["dry_run_requested"],
            Cause::Malformed(malformed) => vec![malformed.code()],
            Cause::Caller(refusal) => vec![refusal.code()],
            Cause::Unreadable(code) | Cause::Intent { code, .. } | Cause::Fault(code) => {
                vec![code]
            }
            Cause::Unapproved(unapproved) => unapproved.codes.clone(),
            Cause::Unmapped => vec!["unmapped"],
        }
    }
}
