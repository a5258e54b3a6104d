//! What is counted of requests for approval.
//!
//! Reasons are a closed list that is given at start; what is not on it counts as `other`.

use super::catalogue::{
    APPROVAL_HOLDS, APPROVAL_REFUSALS, APPROVAL_WAIT, APPROVALS, APPROVALS_OLDEST,
    APPROVALS_PENDING, APPROVALS_STORE_UP,
};
use super::registry::Registry;
use super::{Held, OTHER_REASON};
use metrics::{Counter, Gauge, Histogram};
use std::fmt;
use std::time::Duration;

/// The `outcome` label of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ApprovalLabel {
    /// It was made.
    Requested,
    /// Somebody said yes.
    Granted,
    /// Somebody said no.
    Denied,
    /// Its time was over.
    Expired,
    /// A call ran on it.
    Executed,
    /// A call took it, and gave it back before a byte left.
    Released,
    /// A call left on it, and nobody knows what became of it.
    Unknown,
}

/// The handles of approvals. Cheap to clone; counting allocates nothing and takes no lock.
#[derive(Clone)]
pub struct ApprovalMetrics {
    outcomes: [Counter; ApprovalLabel::ALL.len()],
    pending: Gauge,
    oldest: Gauge,
    wait: Histogram,
    refused: Vec<(&'static str, Counter)>,
    refused_other: Counter,
    holds: Gauge,
    up: Gauge,
}

// === impl ApprovalLabel ===

impl ApprovalLabel {
    /// All words, in label order.
    pub const ALL: [ApprovalLabel; 7] = [
        ApprovalLabel::Requested,
        ApprovalLabel::Granted,
        ApprovalLabel::Denied,
        ApprovalLabel::Expired,
        ApprovalLabel::Executed,
        ApprovalLabel::Released,
        ApprovalLabel::Unknown,
    ];

    /// The label's value.
    pub fn as_str(self) -> &'static str {
        match self {
            ApprovalLabel::Requested => "requested",
            ApprovalLabel::Granted => "granted",
            ApprovalLabel::Denied => "denied",
            ApprovalLabel::Expired => "expired",
            ApprovalLabel::Executed => "executed",
            ApprovalLabel::Released => "released",
            ApprovalLabel::Unknown => "unknown",
        }
    }
}

// === impl ApprovalMetrics ===

impl ApprovalMetrics {
    pub(super) fn new(registry: &Registry, reasons: &[&'static str]) -> ApprovalMetrics {
        let refused = |reason: &'static str| registry.counter(&APPROVAL_REFUSALS, &[reason]);
        ApprovalMetrics {
            outcomes: ApprovalLabel::ALL
                .map(|label| registry.counter(&APPROVALS, &[label.as_str()])),
            pending: registry.gauge(&APPROVALS_PENDING, &[]),
            oldest: registry.gauge(&APPROVALS_OLDEST, &[]),
            wait: registry.histogram(&APPROVAL_WAIT, &[]),
            refused: reasons.iter().map(|reason| (*reason, refused(reason))).collect(),
            refused_other: refused(OTHER_REASON),
            holds: registry.gauge(&APPROVAL_HOLDS, &[]),
            up: registry.gauge(&APPROVALS_STORE_UP, &[]),
        }
    }

    /// Counts what happened to a request.
    pub fn happened(&self, label: ApprovalLabel) {
        if let Some(counter) = self.outcomes.get(label as usize) {
            counter.increment(1);
        }
    }

    /// Sets how many requests wait, and for how long the oldest does.
    pub fn pending(&self, count: u64, oldest: Duration) {
        self.pending.set(count as f64);
        self.oldest.set(oldest.as_secs_f64());
    }

    /// Records how long a request waited for the last yes that it needed.
    pub fn waited(&self, duration: Duration) {
        self.wait.record(duration);
    }

    /// Counts a word that was not enough, by reason code.
    pub fn refused(&self, reason: &str) {
        let known = self.refused.iter().find(|(known, _)| *known == reason);
        known.map_or(&self.refused_other, |(_, counter)| counter).increment(1);
    }

    /// Counts a call that waits open for its approval, for as long as the guard lives.
    pub fn holding(&self) -> Held {
        Held::new(self.holds.clone(), 1.0)
    }

    /// Says that the store answers.
    pub fn store_up(&self) {
        self.up.set(1.0);
    }

    /// Says that it does not.
    pub fn store_down(&self) {
        self.up.set(0.0);
    }
}

impl fmt::Debug for ApprovalMetrics {
    /// Counters have nothing to tell a log; `/metrics` does.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApprovalMetrics")
    }
}
