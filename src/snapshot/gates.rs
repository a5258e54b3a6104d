//! What a route has to show before it may go on to the next stage.

use serde::{Serialize, Serializer};
use std::time::Duration;

/// Thresholds of the gates, for all routes; a status shows them beside what was found, times in
/// seconds and shares as parts of one.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Gates {
    /// How far back is looked, and never further than a route is in its stage; a status says that by
    /// itself.
    #[serde(skip)]
    pub window: Duration,
    /// Calls that it took in its stage.
    pub min_calls: u64,
    /// How long it is there.
    #[serde(rename = "min_time_seconds", serialize_with = "seconds")]
    pub min_time: Duration,
    /// Labels of decisions other than `allow`; where there are fewer such decisions, all of them.
    pub min_labels: u64,
    /// Share of wrong ones among those, at most.
    pub false_positive_rate: f64,
    /// How sure to be of that share, above 0.5 and below 1.
    pub confidence: f64,
    /// Calls that could not be judged, at most.
    pub evaluation_errors: u64,
    /// Calls of the whole gateway that no route took, but for what a stranger did not get; at most.
    pub unmapped_calls: u64,
    /// Requests for approval.
    pub min_approvals: u64,
    /// Nineteen of twenty were answered within this time.
    #[serde(rename = "approval_p95_seconds", serialize_with = "seconds")]
    pub approval_p95: Duration,
    /// Share of requests that were answered before they expired, at least.
    pub approvals_decided: f64,
}

const HOUR: Duration = Duration::from_secs(3_600);

impl Default for Gates {
    fn default() -> Gates {
        Gates {
            window: 720 * HOUR,
            min_calls: 100,
            min_time: 24 * HOUR,
            min_labels: 20,
            false_positive_rate: 0.01,
            confidence: 0.95,
            evaluation_errors: 0,
            unmapped_calls: 0,
            min_approvals: 10,
            approval_p95: Duration::from_secs(900),
            approvals_decided: 0.95,
        }
    }
}

fn seconds<S: Serializer>(time: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(time.as_secs_f64())
}
