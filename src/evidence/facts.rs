//! What is known of one call: who it is, and what was made of it.
//!
//! Facts gather as the call goes on; the record keeps the latest and both its lines carry them.
//! Args appear here only where the route captures them; otherwise there is their digest, and of the
//! target too: paths may hold secrets.

use crate::{
    call::trace_context::Spans,
    json::Digest,
    policy::Verdict,
    stage::{Disposition, Protection, Stage},
};
use http::Method;
use jiff::Timestamp;
use serde_json::value::RawValue;
use std::{fmt, sync::Arc, time::Instant};
use uuid::{NoContext, Uuid};

/// The unique id of one call, a version 7 UUID (RFC 9562): ids of later calls sort later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallId(Uuid);

/// What is known of a call before anything is made of it.
#[derive(Clone, Debug)]
pub struct Opening {
    /// Its id, the same in answers and evidence.
    pub call_id: CallId,
    /// The request method.
    pub method: Method,
    /// SHA-256 of the canonical target.
    pub target_digest: Digest,
    /// When its head had been read; durations count from here.
    pub received: Instant,
    /// Its spans, where the system had random ids for them.
    pub spans: Option<Spans>,
}

/// What was made of a call. What was never found out stays `None` or empty, and the line leaves
/// it out.
#[derive(Clone, Debug, Default)]
pub struct Judgement {
    /// Config name of the upstream.
    pub upstream: Option<Arc<str>>,
    /// Config name of the route.
    pub route: Option<Arc<str>>,
    /// The stage that was in force for this call.
    pub stage: Option<Stage>,
    /// The intent's tool.
    pub tool_name: Option<Arc<str>>,
    /// The intent's risk class.
    pub risk_class: Option<Arc<str>>,
    /// Whether the operation is protected.
    pub protection: Option<Protection>,
    /// Who called; `None` where the caller was not who it said.
    pub identity: Option<Arc<str>>,
    /// The source of identity that found it.
    pub identity_source: Option<Arc<str>>,
    /// What the policy said.
    pub verdict: Option<Verdict>,
    /// Whether it went out although the verdict was another than `allow`.
    pub simulated: bool,
    /// Whether the caller asked for a dry run.
    pub dry_run_requested: bool,
    /// What the proxy did.
    pub disposition: Option<Disposition>,
    /// The kind of permit, where one was minted.
    pub permit: Option<PermitKind>,
    /// Sorted, unique (spec C6).
    pub reason_codes: Vec<String>,
    /// Sorted, unique (spec C6).
    pub violations: Vec<String>,
    /// Names of the rules that matched, comma-joined.
    pub matched_rule: Option<String>,
    /// What the candidate policy says, where that is another verdict.
    pub candidate: Option<Arc<Dissent>>,
    /// Ids of the tokens that the intent's delegation was read from, sorted, comma-joined.
    pub delegation_ref: Option<String>,
    /// The approval that it went out on, or waits for.
    pub approval: Option<Box<OnApproval>>,
    /// The name of the decision (spec C13); many calls can share one.
    pub trace_id: Option<String>,
    /// Digest of the policy that judged.
    pub policy_digest: Option<Digest>,
    /// Digest of the intent that was judged.
    pub intent_digest: Option<Digest>,
    /// Digest of the intent's args.
    pub args_digest: Option<Digest>,
    /// The intent itself, where the route wants it kept.
    pub kept: Option<Kept>,
    /// The snapshot that was in force.
    pub snapshot: Option<Arc<str>>,
    /// The one that was in force when the call began to wait for an approval.
    pub asked_under: Option<Arc<str>>,
}

/// What a policy that is only tried out would have said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dissent {
    /// Its verdict.
    pub verdict: Verdict,
    /// What it differs from: the verdict of the policy in force, before limits and approvals make
    /// another of it.
    pub against: Verdict,
    /// Sorted, unique (spec C6).
    pub reason_codes: Vec<String>,
    /// Names of the rules that matched, comma-joined.
    pub matched_rule: Option<String>,
    /// Which policy.
    pub policy_digest: Digest,
}

/// What is kept of an intent beside its digests.
#[derive(Clone, Debug)]
pub enum Kept {
    /// Itself, in the public format.
    Intent {
        /// The document.
        text: Arc<RawValue>,
        /// JSON Pointers to what was taken out of it; with any it does not give its digest.
        masked: Arc<[String]>,
    },
    /// Nothing: it would make the line too long.
    TooLong {
        /// How long it is.
        bytes: usize,
    },
}

/// The approval that a call went out on; of one that waits there is the request alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OnApproval {
    /// The request.
    pub request: String,
    /// When one that waits ends, if nobody says anything more.
    pub expires_at: Option<Timestamp>,
    /// Ids of the tokens, sorted, comma-joined.
    pub tokens: String,
    /// Who approved, sorted.
    pub approvers: Vec<String>,
}

/// On what ground a call was permitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PermitKind {
    /// The policy allowed it.
    Allow,
    /// People approved it.
    Approved,
    /// Its stage forwards whatever the verdict.
    Observed,
}

// === impl CallId ===

impl CallId {
    /// A fresh id for a call that came at `now`.
    pub fn fresh(now: Timestamp) -> CallId {
        // Before 1970 there is no such UUID; a clock that is so wrong still gets unique ids.
        let seconds = u64::try_from(now.as_second()).unwrap_or(0);
        let nanos = u32::try_from(now.subsec_nanosecond()).unwrap_or(0);
        CallId(Uuid::new_v7(uuid::Timestamp::from_unix(NoContext, seconds, nanos)))
    }

    /// The id as it is, without a form.
    pub fn bytes(self) -> [u8; 16] {
        self.0.into_bytes()
    }
}

impl fmt::Display for CallId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

// === impl PermitKind ===

impl PermitKind {
    /// All kinds, in metric order.
    pub const ALL: [PermitKind; 3] =
        [PermitKind::Allow, PermitKind::Approved, PermitKind::Observed];

    /// The word used in evidence and metric labels.
    pub fn as_str(self) -> &'static str {
        match self {
            PermitKind::Allow => "allow",
            PermitKind::Approved => "approved",
            PermitKind::Observed => "observed",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_version_7_unique_and_sorted_by_time() {
        let early = CallId::fresh("2026-01-02T03:04:05.678Z".parse().unwrap());
        let late = CallId::fresh("2026-01-02T03:04:05.679Z".parse().unwrap());
        assert!(early < late);
        assert_eq!(early.0.get_version_num(), 7);
        assert_ne!(late, CallId::fresh("2026-01-02T03:04:05.679Z".parse().unwrap()));
    }
}
