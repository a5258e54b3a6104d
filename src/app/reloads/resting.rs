//! An overlay that lost something and waits for rest by itself.
//!
//! What waits beside it is another file, and says nothing of it: where the config cannot be read, the
//! overlay is not among what was loaded. Rejected: one rest for both, by which an overlay that went a
//! moment ago would go at once, as a config had rested.

use super::held::{REST, has_passed};
use crate::config::{OverlayFile, Taken};
use crate::rollout::Overlay;
use std::time::Instant;

/// What waits, if anything does.
#[derive(Default)]
pub(super) struct Resting(Option<Seen>);

/// What an overlay said when it was read.
struct Seen {
    said: Overlay,
    file: OverlayFile,
    /// Since when it says that.
    since: Instant,
}

// === impl Resting ===

impl Resting {
    /// Since when it has said what it says now.
    pub(super) fn since(&mut self, taken: &Taken, now: Instant) -> Instant {
        let is_same = |seen: &Seen| seen.said == taken.found && seen.file == taken.file;
        let since = self.0.take().filter(is_same).map_or(now, |seen| seen.since);
        self.0 = Some(Seen { said: taken.found.clone(), file: taken.file, since });
        since
    }

    /// Has nothing wait any more.
    pub(super) fn end(&mut self) {
        self.0 = None;
    }
}

/// Whether that is long enough.
pub(super) fn has_rested(since: Instant, now: Instant) -> bool {
    has_passed(since, REST, now)
}
