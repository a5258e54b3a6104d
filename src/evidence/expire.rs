//! Which old segments are removed, and when.
//!
//! Always the oldest, so that what stays is one log to its end; never the open one. A line says
//! durably where the removed part ended before its file goes: whoever verifies what is left knows
//! that nobody cut it off. After a crash between the two the next pass finds the file and does
//! both again.

use super::{
    event::{Event, Expired},
    line::{Entry, Line},
    segment::Disk,
    settings::Settings,
    survey::End,
};
use jiff::Timestamp;
use std::{collections::VecDeque, io, time::Duration};

/// How many segments one pass removes: calls wait for it.
const AT_ONCE_MAX: usize = 4;
/// How often to look when nothing is sealed.
const LOOK_EVERY: Duration = Duration::from_secs(3_600);

/// The segments that have ended, the oldest first.
#[derive(Debug, Default)]
pub(super) struct Shelf(VecDeque<Ended>);

/// A segment that has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ended {
    pub(super) number: u32,
    pub(super) bytes: u64,
    /// Where it ends; `None` until somebody looks.
    pub(super) end: Option<End>,
}

/// What is kept, as seen at `now`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    pub(super) now: Timestamp,
    pub(super) retention: Option<Duration>,
    pub(super) retention_bytes: Option<u64>,
}

// === impl Shelf ===

impl Shelf {
    pub(super) fn push(&mut self, ended: Ended) {
        self.0.push_back(ended);
    }

    /// How many.
    pub(super) fn count(&self) -> usize {
        self.0.len()
    }

    /// The lines that say which segments go now, beside an open one of `open_bytes`.
    pub(super) fn expired(
        &self,
        disk: &mut impl Disk,
        bounds: &Bounds,
        open_bytes: u64,
    ) -> io::Result<Vec<Line>> {
        let Bounds { now, retention, retention_bytes } = *bounds;
        let mut total = self.0.iter().fold(open_bytes, |sum, one| sum.saturating_add(one.bytes));
        let mut lines = Vec::new();
        for Ended { number, bytes, end } in self.0.iter().copied().take(AT_ONCE_MAX) {
            let is_over = retention_bytes.is_some_and(|max| total > max);
            let End { head: last, time } = end.map_or_else(|| disk.end(number), Ok)?;
            if !is_over && !is_old(time, now, retention) {
                break;
            }
            total = total.saturating_sub(bytes);
            let event = Event::Expired(Expired { segment: number, last });
            lines.push(Line::new(now, Entry::Event(event)));
        }
        Ok(lines)
    }

    /// Removes the oldest segments, as many as durable lines say.
    pub(super) fn remove(&mut self, disk: &mut impl Disk, count: usize) -> io::Result<()> {
        for _ in 0..count {
            if let Some(oldest) = self.0.front() {
                disk.remove(oldest.number)?;
                self.0.pop_front();
            }
        }
        Ok(())
    }
}

impl FromIterator<Ended> for Shelf {
    fn from_iter<I: IntoIterator<Item = Ended>>(ended: I) -> Shelf {
        Shelf(ended.into_iter().collect())
    }
}

/// How long until the next look, where anything is ever removed: at once after a pass that did
/// not see everything.
pub(super) fn next_look(settings: &Settings, removed: usize) -> Option<Duration> {
    let is_bounded = settings.retention.is_some() || settings.retention_bytes.is_some();
    let wait = if removed == AT_ONCE_MAX { Duration::ZERO } else { LOOK_EVERY };
    is_bounded.then_some(wait)
}

/// A line from the future, as a clock that was set back leaves them, is not old.
fn is_old(time: Timestamp, now: Timestamp, retention: Option<Duration>) -> bool {
    let age = Duration::try_from(now.duration_since(time)).unwrap_or_default();
    retention.is_some_and(|retention| age > retention)
}
