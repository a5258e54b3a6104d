//! Counters that gait itself looks at again: the gates of the rollout want them at nought.
//!
//! The exporter does not give a counter back, so these are counted twice. Rejected: reading them out
//! of a rendered page.

use super::{BypassLabel, Metrics};
use std::sync::atomic::Ordering;

impl Metrics {
    /// Counts a send that the send seam stopped.
    pub fn bypass(&self, cause: BypassLabel) {
        if let Some(counter) = self.0.fixed.bypass.get(cause as usize) {
            counter.increment(1);
        }
        self.0.bypasses.fetch_add(1, Ordering::Relaxed);
    }

    /// How many sends the seam has stopped.
    pub fn bypasses(&self) -> u64 {
        self.0.bypasses.load(Ordering::Relaxed)
    }

    /// Counts a call that went out in observe without a record.
    pub fn unrecorded(&self) {
        self.0.fixed.unrecorded.increment(1);
        self.0.unrecorded.fetch_add(1, Ordering::Relaxed);
    }

    /// How many calls went out without a record.
    pub fn unrecorded_calls(&self) -> u64 {
        self.0.unrecorded.load(Ordering::Relaxed)
    }
}
