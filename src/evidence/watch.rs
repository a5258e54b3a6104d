//! Whether the wall clock can be believed where evidence would go for good by its word.
//!
//! It is measured against the time of the last line and the time that has passed since by the
//! monotonic clock. One that is far ahead is believed only once it has been so for a week: by then
//! somebody has seen the error, or the gateway was simply not running for a while.
//!
//! Rejected: believing the clock again with the next line, which carries its word on.

use jiff::Timestamp;
use std::time::{Duration, Instant};

/// How far ahead a clock may be.
const AHEAD_MAX: Duration = Duration::from_secs(24 * 3_600);
/// How long it must have been ahead to be right.
const BELIEVED_AFTER: Duration = Duration::from_secs(7 * 24 * 3_600);

/// What the wall clock is measured against.
#[derive(Clone, Copy, Debug)]
pub(super) struct Watch {
    /// A time that is believed, and when it was.
    time: Timestamp,
    seen: Instant,
    /// Since when the wall clock has been ahead.
    ahead_since: Option<Instant>,
}

// === impl Watch ===

impl Watch {
    /// That of a process that sees `time` as the last of the log at `seen`.
    pub(super) fn new(time: Timestamp, seen: Instant) -> Watch {
        Watch { time, seen, ahead_since: None }
    }

    /// Whether `wall` is not to be believed at `now`.
    pub(super) fn doubts(&mut self, wall: Timestamp, now: Instant) -> bool {
        let passed = now.saturating_duration_since(self.seen);
        // A clock that was set back makes nothing old.
        let told = Duration::try_from(wall.duration_since(self.time)).unwrap_or_default();
        if told <= passed.saturating_add(AHEAD_MAX) {
            self.ahead_since = None;
            return false;
        }
        let since = *self.ahead_since.get_or_insert(now);
        let is_doubtful = now.saturating_duration_since(since) < BELIEVED_AFTER;
        if !is_doubtful {
            *self = Watch::new(wall, now);
        }
        is_doubtful
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(3_600);

    #[test]
    fn a_clock_that_is_a_day_ahead_is_doubted_for_a_week_or_until_it_is_right() {
        let (time, seen) =
            ("2026-01-02T03:04:05Z".parse::<Timestamp>().unwrap(), crate::clock::instant());
        let mut watch = Watch::new(time, seen);
        let mut doubts = |hours: u32, ahead: i64| {
            let wall = time + HOUR * hours;
            let wall = wall + jiff::SignedDuration::from_hours(ahead);
            watch.doubts(wall, seen + HOUR * hours)
        };
        assert!(!doubts(0, 24) && !doubts(1_000, 24) && !doubts(1_000, -9_999));
        assert!(doubts(1_001, 25) && !doubts(1_002, 0) && doubts(1_003, 9_999));
        assert!(doubts(1_003 + 7 * 24 - 1, 9_999));
        assert!(!doubts(1_003 + 7 * 24, 9_999), "a week is long enough");
        assert!(!doubts(2_000, 9_999) && doubts(2_000, 9_999 + 25));
    }
}
