//! What one line says of a call, as far as the rollout wants to know.

use super::policy_key::PolicyKey;
use crate::audit::Entry;
use crate::identity::Refusal;
use crate::limits::CROWDED_OUT;
use crate::policy::Verdict;
use crate::snapshot::{REFUSED, UNMAPPED};
use crate::stage::{Disposition, Stage};
use jiff::Timestamp;
use uuid::Uuid;

/// A line about a call.
pub(super) struct Heard {
    pub(super) call_id: String,
    /// When its head had come.
    pub(super) begun: Timestamp,
    pub(super) route: String,
    pub(super) stage: Stage,
    pub(super) policy: PolicyKey,
    pub(super) verdict: Option<Verdict>,
    pub(super) disposition: Option<Disposition>,
    pub(super) is_rehearsed: bool,
    /// The request for approval that it waits for, or went out on.
    pub(super) request: Option<String>,
    /// When that ends, if nobody says anything more.
    pub(super) expires: Option<Timestamp>,
    standing: Standing,
    is_protected: bool,
    is_sent: bool,
    is_approved: bool,
    is_caller_refused: bool,
    is_caller_proven: bool,
    is_crowded_out: bool,
}

/// What stands before a closing line.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Standing {
    Alone,
    WithDecision,
}

// === impl Heard ===

impl Heard {
    /// Reads a line of the kinds `decision`, `outcome` and `call`; `None` for a call that found no
    /// place to be judged in.
    pub(super) fn read(entry: &Entry) -> Option<Heard> {
        let call_id = entry.text("call_id")?.to_owned();
        let alone = entry.kind() == "call";
        let word = entry.text("disposition");
        let refused = |code: &str| Refusal::ALL.iter().any(|refusal| refusal.code() == code);
        Some(Heard {
            begun: begun(&call_id).or_else(|| time(entry))?,
            route: entry.text("route")?.to_owned(),
            stage: entry.text("stage").and_then(Stage::parse)?,
            policy: PolicyKey::read(entry),
            verdict: entry.text("verdict").and_then(Verdict::parse),
            disposition: Disposition::ALL.into_iter().find(|done| Some(done.as_str()) == word),
            is_rehearsed: entry.flag("dry_run_requested") == Some(true),
            request: entry.text("approval_request").map(str::to_owned),
            expires: entry.text("approval_expires_at").and_then(|at| at.parse().ok()),
            standing: if alone { Standing::Alone } else { Standing::WithDecision },
            is_protected: entry.flag("protected") == Some(true),
            is_sent: entry.flag("sent") == Some(true),
            is_approved: entry.text("permit") == Some("approved"),
            is_caller_refused: entry.texts("reason_codes").any(refused),
            is_crowded_out: entry.texts("reason_codes").any(|code| CROWDED_OUT.contains(&code)),
            // Who is nobody in particular has none.
            is_caller_proven: entry.text("identity_source").is_some(),
            call_id,
        })
    }

    pub(super) fn is_forwarded(&self) -> bool {
        self.disposition == Some(Disposition::Forwarded)
    }

    /// Went to the tool where that needs a durable decision, and has none.
    pub(super) fn is_unproven(&self) -> bool {
        let needs = self.is_protected && self.stage != Stage::Observe;
        needs && self.is_sent && self.standing == Standing::Alone
    }

    /// A call that a route is wanting for. What a stranger asked for and did not get is none, or any
    /// scanner could hold every gate shut; and what strictness refuses nobody could have mapped, but
    /// it must not go on unjudged.
    pub(super) fn is_stray(&self) -> bool {
        match self.route.as_str() {
            UNMAPPED => self.is_forwarded() || self.is_caller_proven,
            REFUSED => self.is_forwarded(),
            _ => false,
        }
    }

    pub(super) fn is_for_approval(&self) -> bool {
        self.is_approved || self.verdict == Some(Verdict::RequireApproval)
    }

    /// Whoever is not known is refused for that, by right; but where it was let through all the same,
    /// the next stage would not. Nor may a stranger hold the gate shut with calls that it breaks and
    /// does not get, nor by taking room that all callers share; where our own side failed otherwise, that
    /// counts whoever called.
    pub(super) fn is_unjudged(&self) -> bool {
        let is_fault = self.disposition == Some(Disposition::Failed) && !self.is_crowded_out;
        let is_ours = self.is_caller_proven || is_fault;
        let is_wanting = self.is_forwarded() || (is_ours && !self.is_caller_refused);
        self.verdict.is_none() && is_wanting
    }
}

/// When a line was made.
pub(super) fn time(entry: &Entry) -> Option<Timestamp> {
    entry.text("time")?.parse().ok()
}

/// When a call came, by its id: to the millisecond.
pub(super) fn begun(call_id: &str) -> Option<Timestamp> {
    let (seconds, nanos) = Uuid::parse_str(call_id).ok()?.get_timestamp()?.to_unix();
    Timestamp::new(i64::try_from(seconds).ok()?, i32::try_from(nanos).ok()?).ok()
}
