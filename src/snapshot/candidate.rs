//! A policy that is tried out: judged beside the one in force, never acting.

use crate::metrics::{CandidateMetrics, Metrics};
use crate::policy::Policy;
use std::sync::Arc;

/// A policy that is tried out.
#[derive(Debug)]
pub struct Candidate {
    /// Its rules.
    pub policy: Arc<Policy>,
    /// Its counters.
    pub metrics: CandidateMetrics,
}

// === impl Candidate ===

impl Candidate {
    /// Registers what is counted of it on these routes; without a candidate nothing is shown.
    pub(super) fn register(
        policy: Option<Arc<Policy>>,
        routes: &[Arc<str>],
        metrics: &Metrics,
    ) -> Option<Candidate> {
        if policy.is_none() {
            metrics.no_candidate();
        }
        policy.map(|policy| Candidate { policy, metrics: metrics.candidate(routes) })
    }
}
