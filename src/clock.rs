//! The only place that reads time.
//!
//! Everything else is handed a `Timestamp` (wall) or an `Instant` (monotonic), so that what is
//! pure stays pure and a test can choose the hour. `.clippy.toml` bans the other doors.
#![expect(clippy::disallowed_methods, reason = "this is the one module that reads time")]

use jiff::Timestamp;
use std::time::Instant;

/// Wall time, UTC, nanosecond resolution.
pub fn now() -> Timestamp {
    Timestamp::now()
}

/// Monotonic time, for durations and deadlines.
pub fn instant() -> Instant {
    Instant::now()
}
