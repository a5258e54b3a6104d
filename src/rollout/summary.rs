//! What a stretch of the log says of the rollout, small enough to be kept.
//!
//! Summaries of neighbouring stretches join into that of both, and wherever the log is cut the whole
//! is the same. What is open at an end of a stretch is therefore carried: decisions without their
//! outcome, outcomes without their decision, requests and words on them, and calls of which only an
//! earlier stretch can say when their stage began. Calls are counted by the hour, so that a window
//! over them can move.
//!
//! What came before the edge is let go, but for what says since when a route is in its stage. So a
//! log may grow for ever: what there is room for is bounded within the window alone.

use super::heard::begun;
use super::holes::Holes;
use super::policy_key::PolicyKey;
use super::processes::Processes;
pub(super) use super::requests::{Asked, Request, Said};
use super::requests::{LIFE_MAX, Requests};
use super::tally::hour;
use super::ticks::Ticks;
pub(super) use super::trail::{Announced, Cell, CellKey, Trail};
use crate::evidence::Opinion;
use crate::policy::Verdict;
use crate::stage::Stage;
use jiff::{SignedDuration, Timestamp};
use std::collections::{BTreeMap, BTreeSet};

/// Decisions that wait for their outcome, and outcomes for their decision.
const OPEN_MAX: usize = 1 << 17;
/// Calls with a label.
const LABELS_MAX: usize = 1 << 17;
/// Hours of routes in stages under policies.
const CELLS_MAX: usize = 1 << 18;
/// Starts of processes, and announcements of stages.
const MARKS_MAX: usize = 1 << 16;

/// What a stretch of the log says of the rollout.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Summary {
    /// What came before this does not count.
    edge: Timestamp,
    pub(super) span: Option<Span>,
    /// Where processes took up the log, and when: not before any line before it.
    pub(super) starts: BTreeMap<u64, Timestamp>,
    /// What they say that they did without a line.
    pub(super) processes: Processes,
    pub(super) trails: BTreeMap<String, Trail>,
    /// How many cells lie within the window.
    cells: usize,
    /// Lines that are not there.
    pub(super) holes: Holes,
    /// Calls that no route took.
    pub(super) strays: Ticks,
    /// Decisions without an outcome so far, by call.
    pub(super) open: BTreeMap<String, Open>,
    /// Outcomes whose decision stands before this stretch.
    ends: BTreeSet<String>,
    pub(super) requests: Requests,
    /// By route and call.
    labels: BTreeMap<String, BTreeMap<String, Labelled>>,
    labelled: usize,
    /// When that was for which there was no room.
    pub(super) dropped: Ticks,
}

/// The lines of a stretch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// `seq` of the first.
    pub first_seq: u64,
    /// And of the last.
    pub last_seq: u64,
    /// Time of the first.
    pub first_time: Timestamp,
    /// And of the last.
    pub last_time: Timestamp,
}

/// A decision without an outcome.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Open {
    pub(super) route: String,
    pub(super) key: CellKey,
    pub(super) begun: Timestamp,
}

/// The last word on a decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Labelled {
    pub(super) seq: u64,
    pub(super) opinion: Opinion,
    pub(super) route: String,
    pub(super) stage: Stage,
    /// `None` for a call that could not be judged.
    pub(super) verdict: Option<Verdict>,
    /// Its line says that it takes the call out of those that could not be judged.
    pub(super) dismisses: bool,
    /// The policy whose verdict that is.
    pub(super) policy: PolicyKey,
    /// When the call came.
    pub(super) begun: Timestamp,
}

// === impl Summary ===

impl Summary {
    /// Nothing so far; what will be added counts where it came at `edge` or after, which is a full hour.
    pub fn since(edge: Timestamp) -> Summary {
        Summary { edge, ..Summary::default() }
    }

    /// Whether it has all that counts since then.
    pub fn reaches(&self, edge: Timestamp) -> bool {
        let is_past = |span: Span| edge.duration_since(span.last_time) > LIFE_MAX;
        self.edge <= edge || self.span.is_none_or(is_past)
    }

    /// Whether it holds much from before `from`, which counts no more.
    pub(super) fn is_stale(&self, from: Timestamp, spare: SignedDuration) -> bool {
        let is_old = self.span.is_some_and(|span| span.first_time < from);
        is_old && from.duration_since(self.edge) >= spare
    }

    /// From which line to which it goes; `None` for no line.
    pub fn span(&self) -> Option<Span> {
        self.span
    }

    /// What there was no room to remember of what counts.
    pub fn dropped(&self) -> u64 {
        self.dropped.since(self.edge)
    }

    /// Adds the stretch that comes right after this one.
    pub fn extend(&mut self, later: &Summary) {
        self.holes.extend((self.span, later.span), &later.holes, self.edge);
        let since = self.span.map_or(Timestamp::MIN, |span| span.last_time);
        later.span.into_iter().for_each(|span| self.reach(span));
        self.end_open(later);
        // Before the announcements of the later stretch, which these calls may stand before.
        for (call_id, open) in &later.open {
            let key = open.key.after(self.epoch(&open.route));
            self.hold(call_id.clone(), Open { key, ..open.clone() });
        }
        for (route, trail) in &later.trails {
            self.extend_trail(route, trail);
        }
        later.starts.iter().for_each(|(seq, at)| self.start(*seq, since.max(*at)));
        self.processes.extend(&later.processes, since, &mut self.dropped);
        self.strays.extend(&later.strays, self.edge);
        self.requests.extend(&later.requests, self.edge, &mut self.dropped);
        for (call_id, label) in later.labels.values().flatten() {
            self.label(call_id, label.clone());
        }
        self.dropped.extend(&later.dropped, self.edge);
    }

    /// Notes lines that cannot be read, where the next would stand.
    pub(super) fn spoil(&mut self, lines: u64) {
        self.holes.spoil(lines);
    }

    /// Goes on with these lines.
    pub(super) fn reach(&mut self, next: Span) {
        let Some(span) = &mut self.span else {
            self.span = Some(next);
            return;
        };
        let last_time = span.last_time.max(next.last_time);
        *span = Span { last_seq: span.last_seq.max(next.last_seq), last_time, ..*span };
    }

    /// The start or announcement that the next call of a route comes after.
    pub(super) fn epoch(&self, route: &str) -> u64 {
        let announced = self.trails.get(route).and_then(|trail| trail.announced.last_key_value());
        let announced = announced.map_or(0, |(seq, _)| *seq);
        announced.max(self.starts.last_key_value().map_or(0, |(seq, _)| *seq))
    }

    /// The counts of a cell; `None` where there is no room for it.
    pub(super) fn cell(
        &mut self,
        route: &str,
        key: CellKey,
        begun: Timestamp,
    ) -> Option<&mut Cell> {
        let from = hour(self.edge);
        let is_old = key.hour < from;
        let trail = self.trails.get(route);
        if !is_old && trail.is_none_or(|trail| !trail.cells.contains_key(&key)) {
            if self.cells >= CELLS_MAX {
                self.dropped.add(begun, 1);
                return None;
            }
            self.cells += 1;
        }
        let front = self.span.map(|span| span.first_time);
        let trail = self.trails.entry(route.to_owned()).or_default();
        let key = if is_old { trail.filed(key, front) } else { key };
        Some(trail.cell(key, begun, from))
    }

    /// Keeps a decision until its outcome comes.
    pub(super) fn hold(&mut self, call_id: String, open: Open) {
        self.open.insert(call_id, open);
        if self.open.len() > OPEN_MAX
            && let Some((_, open)) = self.open.pop_first()
        {
            self.dropped.add(open.begun, 1);
        }
    }

    /// Lets the decision of a call go.
    pub(super) fn end(&mut self, call_id: &str) {
        if self.open.remove(call_id).is_none() {
            self.ends.insert(call_id.to_owned());
            if self.ends.len() > OPEN_MAX
                && let Some(call_id) = self.ends.pop_first()
            {
                let last = self.span.map(|span| span.last_time);
                self.dropped.add(begun(&call_id).or(last).unwrap_or(Timestamp::MAX), 1);
            }
        }
    }

    /// Whoever starts ends what the process before left open: nobody will write its outcome.
    pub(super) fn lose_open(&mut self) {
        for (_, open) in std::mem::take(&mut self.open) {
            if let Some(cell) = self.cell(&open.route, open.key, open.begun) {
                cell.counts.lost += 1;
            }
        }
    }

    /// A process took up the log.
    pub(super) fn start(&mut self, seq: u64, at: Timestamp) {
        self.starts.insert(seq, at);
        if self.starts.len() > MARKS_MAX
            && let Some((_, at)) = self.starts.pop_first()
        {
            self.dropped.add(at, 1);
        }
    }

    /// A route stands elsewhere.
    pub(super) fn announce(&mut self, route: &str, seq: u64, announced: Announced) {
        let marks = &mut self.trails.entry(route.to_owned()).or_default().announced;
        marks.insert(seq, announced);
        if marks.len() > MARKS_MAX
            && let Some((_, oldest)) = marks.pop_first()
        {
            self.dropped.add(oldest.at, 1);
        }
    }

    /// Adds what is known of a request: the first that asked, and the first that decided.
    pub(super) fn request(&mut self, id: &str, more: Request) {
        self.requests.add(id, &more, self.edge, &mut self.dropped);
    }

    /// Sets the label of a call; the last counts.
    pub(super) fn label(&mut self, call_id: &str, label: Labelled) {
        if label.begun < self.edge {
            return;
        }
        let labels = self.labels.entry(label.route.clone()).or_default();
        match labels.get_mut(call_id) {
            Some(before) if before.seq < label.seq => *before = label,
            Some(_) => {}
            None => {
                labels.insert(call_id.to_owned(), label);
                self.labelled += 1;
            }
        }
        if self.labelled > LABELS_MAX
            && let Some((_, oldest)) = labels.pop_first()
        {
            self.labelled -= 1;
            self.dropped.add(oldest.begun, 1);
        }
    }

    /// The labels of decisions on a route, by call. A decision counts once its call has ended; so does
    /// what is said of it.
    pub(super) fn labels(&self, route: &str) -> impl Iterator<Item = &Labelled> {
        let labels = self.labels.get(route).into_iter().flatten();
        labels.filter(|(id, _)| !self.open.contains_key(*id)).map(|(_, label)| label)
    }

    fn end_open(&mut self, later: &Summary) {
        later.ends.iter().for_each(|call_id| self.end(call_id));
        if !later.starts.is_empty() {
            self.lose_open();
        }
    }

    fn extend_trail(&mut self, route: &str, later: &Trail) {
        let epoch = self.epoch(route);
        // First of all, since where a cell is kept depends on them.
        for (seq, announced) in &later.announced {
            self.announce(route, *seq, announced.clone());
        }
        for (key, cell) in &later.cells {
            if let Some(sum) = self.cell(route, key.after(epoch), cell.first) {
                sum.last = sum.last.max(cell.last);
                sum.end(cell.ended);
                sum.counts += cell.counts;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rollout::stay::Part;
    use crate::rollout::tally::begins;
    use crate::stage::Standing;

    const EDGE: i64 = 300_000;

    fn add(summary: &mut Summary, epoch: u64, hour: i64) -> bool {
        let (stage, policy) = (Stage::Observe, PolicyKey::NONE);
        let key = CellKey { epoch, stage, hour, policy };
        summary.cell("r", key, begins(hour)).is_some()
    }

    fn since_edge() -> Summary {
        let mut summary = Summary::since(begins(EDGE));
        let time = begins(1);
        summary.reach(Span { first_seq: 1, last_seq: 1, first_time: time, last_time: time });
        summary
    }

    #[test]
    fn there_is_room_for_the_window_whatever_was_before() {
        let mut summary = since_edge();
        let many = CELLS_MAX as i64;
        assert!((1..EDGE).all(|hour| add(&mut summary, 0, hour)));
        assert_eq!((summary.trails["r"].cells.len(), summary.cells), (3, 0));
        assert!((0..many).all(|hour| add(&mut summary, 0, EDGE + hour)));
        assert_eq!(summary.dropped(), 0);
        assert!(!add(&mut summary, 0, EDGE + many));
        assert_eq!(summary.dropped(), 1);
    }

    #[test]
    fn what_is_forgotten_makes_a_stay_no_longer() {
        let mut summary = since_edge();
        let standing = Standing::Whole(Stage::Observe);
        summary.announce("r", 2, Announced { at: begins(1), standing });
        let since = |summary: &Summary| {
            summary.stay("r", Stage::Observe, Part::Whole).map(|stay| stay.since)
        };
        assert_eq!(since(&summary), Some(begins(1)));
        for start in 3..1_000 {
            summary.start(start, begins(start as i64));
            assert!(add(&mut summary, start, start as i64));
        }
        let stay = since(&summary).unwrap();
        assert!(begins(700) < stay && stay < begins(EDGE), "{stay}");
        assert_eq!(summary.dropped(), 0);
    }
}
