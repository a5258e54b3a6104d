//! What a tool's own log says arrived, against what the evidence says was sent.
//!
//! A log that gait does not write is the only witness of what went past it. [`Arrivals`] are read
//! from access logs, [`Permits`] from the evidence; [`Findings`] says which arrival no call
//! explains, and which call nobody saw arrive.
//!
//! - A call that was surely sent explains one arrival; one whose outcome nobody knows may.
//! - Where the log has the `traceparent` that the tool was given, it names the call, and method,
//!   target and moment must agree with it. One call's name is good once.
//! - Else method, target and status must agree, and the moment: arrivals and calls are paired so
//!   that as few as possible stay over. Which ones stay over is not always one answer; arrivals that
//!   could be exchanged for one another are told as a crowd, with how many of them are too many.
//! - What cannot be told is told as the worse of both: a line that cannot be read may be a call that
//!   nobody permitted.
//!
//! It is as good as the evidence is: verify that first. Both sides are held in memory: a million
//! lines and their calls were measured at 300 MB, more where all ask for one target, and each target
//! is held once. A limit refuses what would be absurd.

mod request;
mod combined;
mod fields;
mod reader;
mod arrivals;
mod permits;
mod findings;
mod by_name;
mod by_moment;
mod doubt;
mod pair;
mod skip;
mod stab;
mod span;
mod key;
mod when;
mod names;

pub use arrivals::{Act, Arrival, Arrivals, Garbled, Log, ReadFailed};
pub use fields::{FieldRefused, NAMES as FIELD_NAMES};
pub use findings::{Bypass, Crowd, Findings, Repeat, Skew, Uncertain, Why};
pub use permits::{Certainty, Facts, Law, Permits, Sent, TooManyCalls, Violation};
pub use reader::{Format, Reader};
pub use request::Unread;
pub use span::Span;
pub use when::shown as moment;

use super::When;

/// Requests that are held at most; with as many calls they take about 3 GB.
const LINES_MAX: usize = 10_000_000;
/// Calls that are held at most.
const CALLS_MAX: usize = 10_000_000;

/// From when to when, in microseconds since 1970, both included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Period {
    since: Option<i64>,
    until: Option<i64>,
}

// === impl Period ===

impl Period {
    /// Whether a moment is in it.
    fn holds(&self, moment: i64) -> bool {
        self.meets(moment, moment)
    }

    /// Whether a stretch has a part in it.
    fn meets(&self, from: i64, to: i64) -> bool {
        self.since.is_none_or(|since| since <= to) && self.until.is_none_or(|until| from <= until)
    }
}

impl From<When> for Period {
    fn from(when: When) -> Period {
        let micros = |time: crate::intent::time::Time| when::of_text(&time.to_string());
        Period { since: when.since.and_then(micros), until: when.until.and_then(micros) }
    }
}
