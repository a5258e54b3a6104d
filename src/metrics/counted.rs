//! Counters that gait itself looks at again: the gates of the rollout want them at nought.
//!
//! The exporter does not give a counter back, so these are counted twice. Rejected: reading them out
//! of a rendered page.

use super::{BypassLabel, Metrics};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Counters of what has no line of its own in the evidence. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct Unlined(Arc<Pair>);

#[derive(Debug, Default)]
struct Pair {
    bypasses: AtomicU64,
    unrecorded: AtomicU64,
}

/// What a process did without a line, since it began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Missed {
    /// Sends that the send seam stopped.
    pub bypasses: u64,
    /// Calls that went out without a record.
    pub unrecorded: u64,
}

// === impl Metrics ===

impl Metrics {
    /// Counts a send that the send seam stopped.
    pub fn bypass(&self, cause: BypassLabel) {
        if let Some(counter) = self.0.fixed.bypass.get(cause as usize) {
            counter.increment(1);
        }
        self.0.unlined.0.bypasses.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a call that went out in observe without a record.
    pub fn unrecorded(&self) {
        self.0.fixed.unrecorded.increment(1);
        self.0.unlined.0.unrecorded.fetch_add(1, Ordering::Relaxed);
    }

    /// The counters of what has no line, for the log to tell.
    pub fn unlined(&self) -> &Unlined {
        &self.0.unlined
    }
}

// === impl Unlined ===

impl Unlined {
    /// How they stand.
    pub fn read(&self) -> Missed {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Missed { bypasses: read(&self.0.bypasses), unrecorded: read(&self.0.unrecorded) }
    }
}
