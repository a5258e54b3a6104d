//! Lines that are not there, or that nobody can read.
//!
//! A hole is as late as the latest line before it: a clock that is set back must not move it before
//! the stage in which it came to be. Rejected: its time alone, and its place alone, since a window is
//! of the one and a stay of the other.

use super::summary::Span;
use jiff::Timestamp;
use std::collections::BTreeMap;

/// So many holes are told apart; the oldest are put together, and then count as late as the last of
/// them: too many rather than too few.
const HOLES_MAX: usize = 100_000;

/// Holes of a stretch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Holes {
    /// By `seq` of the line behind each.
    known: BTreeMap<u64, Hole>,
    /// Lines before the first one that could not be read.
    front: u64,
    /// The same behind the last one.
    tail: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Hole {
    at: Timestamp,
    lines: u64,
}

// === impl Holes ===

impl Holes {
    /// A line is there and cannot be read.
    pub(super) fn spoil(&mut self, lines: u64) {
        self.tail += lines;
    }

    /// Goes on with these lines behind those of `span`.
    pub(super) fn reach(&mut self, span: Option<Span>, next: Span) {
        let spoilt = std::mem::take(&mut self.tail);
        let Some(span) = span else {
            self.front += spoilt;
            return;
        };
        let missing = next.first_seq.saturating_sub(span.last_seq.saturating_add(1));
        // A line that stands twice is as wrong as one that is missing.
        let repeated = u64::from(next.first_seq <= span.last_seq);
        // One that cannot be read is missing in the numbers as well.
        let lines = missing.max(spoilt) + repeated;
        if lines > 0 {
            self.put(next.first_seq, Hole { at: span.last_time.max(next.first_time), lines });
        }
    }

    /// Adds those of a stretch `next`, which comes behind `span`; what came before `edge` is let go.
    pub(super) fn extend(
        &mut self,
        (span, next): (Option<Span>, Option<Span>),
        later: &Holes,
        edge: Timestamp,
    ) {
        self.tail += later.front;
        if let Some(next) = next {
            self.reach(span, next);
        }
        for (seq, hole) in &later.known {
            let at = span.map_or(hole.at, |span| hole.at.max(span.last_time));
            self.put(*seq, Hole { at, ..*hole });
        }
        self.tail += later.tail;
        self.known.retain(|_, hole| hole.at >= edge);
    }

    /// How many lines are missing since a time, and since the line `seq`, in a log of these lines.
    pub(super) fn since(&self, from: Timestamp, seq: u64, span: Option<Span>) -> u64 {
        let own = self.known.range(seq..).map(|(_, hole)| hole).filter(|hole| hole.at >= from);
        let front = span.filter(|span| span.first_time >= from && span.first_seq >= seq);
        let front = front.map_or(0, |_| self.front);
        own.map(|hole| hole.lines).sum::<u64>() + front + self.tail
    }

    fn put(&mut self, seq: u64, more: Hole) {
        let hole = self.known.entry(seq).or_insert(Hole { lines: 0, ..more });
        *hole = Hole { at: hole.at.max(more.at), lines: hole.lines + more.lines };
        if self.known.len() > HOLES_MAX
            && let Some((_, oldest)) = self.known.pop_first()
            && let Some((seq, _)) = self.known.first_key_value()
        {
            self.put(*seq, oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(seq: u64, second: i64) -> Span {
        let time = Timestamp::new(second, 0).unwrap();
        Span { first_seq: seq, last_seq: seq, first_time: time, last_time: time }
    }

    fn since(holes: &Holes, second: i64, seq: u64) -> u64 {
        holes.since(Timestamp::new(second, 0).unwrap(), seq, Some(span(1, 0)))
    }

    #[test]
    fn a_line_that_cannot_be_read_is_missing_once() {
        let mut holes = Holes::default();
        holes.spoil(1);
        holes.reach(Some(span(1, 10)), span(3, 20));
        assert_eq!(since(&holes, 0, 0), 1);
        holes.spoil(2);
        assert_eq!(since(&holes, 0, 0), 3, "nothing says that a line was lost at the end");
        holes.reach(Some(span(3, 20)), span(4, 30));
        assert_eq!((since(&holes, 0, 0), since(&holes, 21, 0), since(&holes, 0, 4)), (3, 2, 2));
    }

    #[test]
    fn a_clock_that_is_set_back_hides_nothing() {
        let mut holes = Holes::default();
        holes.reach(Some(span(7, 1_000)), span(9, 10));
        assert_eq!((since(&holes, 1_000, 8), since(&holes, 1_001, 8)), (1, 0));
        assert_eq!(since(&holes, 0, 10), 0, "it is of an earlier stay");
    }

    #[test]
    fn of_too_many_the_oldest_count_as_late_as_the_next() {
        let mut holes = Holes::default();
        let many = HOLES_MAX as i64 + 10;
        for n in 0..many {
            holes.put(n as u64, Hole { at: Timestamp::new(n, 0).unwrap(), lines: 2 });
        }
        assert_eq!(since(&holes, 10, 10), 2 * many as u64);
        assert_eq!(since(&holes, 11, 11), 2 * many as u64 - 22);
    }
}
