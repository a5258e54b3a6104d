//! The thresholds in force, as a status shows them beside what was found.

use crate::snapshot::Gates;
use serde::Serialize;

/// What the gates want; times are in seconds, shares parts of one.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Thresholds {
    /// Calls that the policy in force judged, at least.
    pub min_calls: u64,
    /// Time in the stage, at least.
    pub min_time_seconds: f64,
    /// Labels of verdicts other than `allow`, at least, or all of them.
    pub min_labels: u64,
    /// Share of wrong ones among those, at most.
    pub false_positive_rate: f64,
    /// How sure to be of that share.
    pub confidence: f64,
    /// Calls that could not be judged, at most.
    pub evaluation_errors: u64,
    /// Calls that no route took, at most.
    pub unmapped_calls: u64,
    /// Requests for approval, at least.
    pub min_approvals: u64,
    /// Time within which 19 of 20 were decided, at most.
    pub approval_p95_seconds: f64,
    /// Share of them that was decided in time, at least.
    pub approvals_decided: f64,
}

// === impl Thresholds ===

impl Thresholds {
    pub(super) fn of(gates: &Gates) -> Thresholds {
        Thresholds {
            min_calls: gates.min_calls,
            min_time_seconds: gates.min_time.as_secs_f64(),
            min_labels: gates.min_labels,
            false_positive_rate: gates.false_positive_rate,
            confidence: gates.confidence,
            evaluation_errors: gates.evaluation_errors,
            unmapped_calls: gates.unmapped_calls,
            min_approvals: gates.min_approvals,
            approval_p95_seconds: gates.approval_p95.as_secs_f64(),
            approvals_decided: gates.approvals_decided,
        }
    }
}
