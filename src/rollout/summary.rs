//! What a stretch of the log says of the rollout, small enough to be kept.
//!
//! Summaries of neighbouring stretches join into that of both, and wherever the log is cut the whole
//! is the same. What is open at an end of a stretch is therefore carried: decisions without their
//! outcome, outcomes without their decision, requests and words on them, and calls of which only an
//! earlier stretch can say when their stage began. Calls are counted by the hour, so that a window
//! over them can move.

use super::counts::Counts;
use super::policy_key::PolicyKey;
use super::processes::Processes;
use super::ticks::Ticks;
use crate::evidence::Opinion;
use crate::policy::Verdict;
use crate::stage::{Stage, Standing};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

/// Decisions that wait for their outcome, and outcomes for their decision.
const OPEN_MAX: usize = 1 << 17;
/// Requests for approval.
const REQUESTS_MAX: usize = 1 << 17;
/// Calls with a label.
const LABELS_MAX: usize = 1 << 17;
/// Hours of routes in stages under policies.
const CELLS_MAX: usize = 1 << 18;
/// Starts of processes, and announcements of stages.
const MARKS_MAX: usize = 1 << 16;

/// What a stretch of the log says of the rollout.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Summary {
    pub(super) span: Option<Span>,
    /// Where processes took up the log.
    pub(super) starts: BTreeSet<u64>,
    /// What they say that they did without a line.
    pub(super) processes: Processes,
    pub(super) trails: BTreeMap<String, Trail>,
    cells: usize,
    /// Lines that are not there.
    pub(super) gaps: Ticks,
    /// Calls that no route took.
    pub(super) strays: Ticks,
    /// Decisions without an outcome so far, by call.
    pub(super) open: BTreeMap<String, Open>,
    /// Outcomes whose decision stands before this stretch.
    ends: BTreeSet<String>,
    pub(super) requests: BTreeMap<String, Request>,
    pub(super) labels: BTreeMap<String, Labelled>,
    /// What there was no room for.
    pub(super) dropped: u64,
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

/// What became of one route.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Trail {
    /// By `seq`.
    pub(super) announced: BTreeMap<u64, Announced>,
    pub(super) cells: BTreeMap<CellKey, Cell>,
}

/// A snapshot in which the route stands elsewhere than before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Announced {
    pub(super) at: Timestamp,
    pub(super) standing: Standing,
}

/// Which calls of a route are counted together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct CellKey {
    /// `seq` of the start or announcement before them; 0 where that is before the stretch.
    pub(super) epoch: u64,
    pub(super) stage: Stage,
    /// Hours since 1970.
    pub(super) hour: i64,
    pub(super) policy: PolicyKey,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Cell {
    pub(super) counts: Counts,
    /// When the first of its calls came.
    pub(super) first: Timestamp,
    /// And the last.
    pub(super) last: Timestamp,
}

/// A decision without an outcome.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Open {
    pub(super) route: String,
    pub(super) key: CellKey,
    pub(super) begun: Timestamp,
}

/// A request for approval.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Request {
    /// The first call that wanted it.
    pub(super) asked: Option<Asked>,
    /// When it was decided, and whether by a yes.
    pub(super) decided: Option<(Timestamp, Said)>,
}

/// Who decided a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Said {
    Yes,
    No,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Asked {
    pub(super) begun: Timestamp,
    pub(super) stage: Stage,
    pub(super) route: String,
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
    /// The policy whose verdict that is.
    pub(super) policy: PolicyKey,
    /// When the call came.
    pub(super) begun: Timestamp,
}

// === impl Summary ===

impl Summary {
    /// From which line to which it goes; `None` for no line.
    pub fn span(&self) -> Option<Span> {
        self.span
    }

    /// Adds the stretch that comes right after this one.
    pub fn extend(&mut self, later: &Summary) {
        if let Some(span) = later.span {
            self.reach(span);
        }
        self.end_open(later);
        // Before the announcements of the later stretch, which these calls may stand before.
        for (call_id, open) in &later.open {
            let key = self.rekeyed(&open.route, open.key);
            self.hold(call_id.clone(), Open { key, ..open.clone() });
        }
        for (route, trail) in &later.trails {
            self.extend_trail(route, trail);
        }
        later.starts.iter().for_each(|seq| self.start(*seq));
        self.dropped += self.processes.extend(&later.processes);
        self.gaps.extend(&later.gaps);
        self.strays.extend(&later.strays);
        later.requests.iter().for_each(|(id, request)| self.request(id, request.clone()));
        later.labels.iter().for_each(|(call_id, label)| self.label(call_id, label.clone()));
        self.dropped += later.dropped;
    }

    /// Goes on with these lines; what is missing between is a gap.
    pub(super) fn reach(&mut self, next: Span) {
        let Some(span) = &mut self.span else {
            self.span = Some(next);
            return;
        };
        let missing = next.first_seq.saturating_sub(span.last_seq.saturating_add(1));
        // A line that stands twice is as wrong as one that is missing.
        let repeated = u64::from(next.first_seq <= span.last_seq);
        let last_time = span.last_time.max(next.last_time);
        *span = Span { last_seq: span.last_seq.max(next.last_seq), last_time, ..*span };
        if missing + repeated > 0 {
            self.gaps.add(next.first_time, missing + repeated);
        }
    }

    /// The start or announcement that the next call of a route comes after.
    pub(super) fn epoch(&self, route: &str) -> u64 {
        let announced = self.trails.get(route).and_then(|trail| trail.announced.last_key_value());
        let announced = announced.map_or(0, |(seq, _)| *seq);
        announced.max(self.starts.last().copied().unwrap_or_default())
    }

    /// The counts of a cell; `None` where there is no room for it.
    pub(super) fn cell(
        &mut self,
        route: &str,
        key: CellKey,
        begun: Timestamp,
    ) -> Option<&mut Cell> {
        let known = self.trails.get(route).is_some_and(|trail| trail.cells.contains_key(&key));
        if !known && self.cells >= CELLS_MAX {
            self.dropped += 1;
            return None;
        }
        self.cells += usize::from(!known);
        let trail = self.trails.entry(route.to_owned()).or_default();
        let fresh = Cell { counts: Counts::default(), first: begun, last: begun };
        let cell = trail.cells.entry(key).or_insert(fresh);
        (cell.first, cell.last) = (cell.first.min(begun), cell.last.max(begun));
        Some(cell)
    }

    /// Keeps a decision until its outcome comes.
    pub(super) fn hold(&mut self, call_id: String, open: Open) {
        self.open.insert(call_id, open);
        let over = self.open.len() > OPEN_MAX;
        self.dropped += u64::from(over && self.open.pop_first().is_some());
    }

    /// Lets the decision of a call go.
    pub(super) fn end(&mut self, call_id: &str) {
        if self.open.remove(call_id).is_none() {
            self.ends.insert(call_id.to_owned());
            let over = self.ends.len() > OPEN_MAX;
            self.dropped += u64::from(over && self.ends.pop_first().is_some());
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
    pub(super) fn start(&mut self, seq: u64) {
        self.starts.insert(seq);
        self.dropped +=
            u64::from(self.starts.len() > MARKS_MAX && self.starts.pop_first().is_some());
    }

    /// A route stands elsewhere.
    pub(super) fn announce(&mut self, route: &str, seq: u64, announced: Announced) {
        let marks = &mut self.trails.entry(route.to_owned()).or_default().announced;
        marks.insert(seq, announced);
        self.dropped += u64::from(marks.len() > MARKS_MAX && marks.pop_first().is_some());
    }

    /// Adds what is known of a request: the first that asked, and the first that decided.
    pub(super) fn request(&mut self, id: &str, more: Request) {
        let request = self.requests.entry(id.to_owned()).or_default();
        request.asked = least(request.asked.take(), more.asked);
        request.decided = least(request.decided, more.decided);
        let over = self.requests.len() > REQUESTS_MAX;
        self.dropped += u64::from(over && self.requests.pop_first().is_some());
    }

    /// Sets the label of a call; the last counts.
    pub(super) fn label(&mut self, call_id: &str, label: Labelled) {
        let is_news = self.labels.get(call_id).is_none_or(|before| before.seq < label.seq);
        if is_news {
            self.labels.insert(call_id.to_owned(), label);
        }
        let over = self.labels.len() > LABELS_MAX;
        self.dropped += u64::from(over && self.labels.pop_first().is_some());
    }

    fn end_open(&mut self, later: &Summary) {
        later.ends.iter().for_each(|call_id| self.end(call_id));
        if !later.starts.is_empty() {
            self.lose_open();
        }
    }

    fn extend_trail(&mut self, route: &str, later: &Trail) {
        for (key, cell) in &later.cells {
            let key = self.rekeyed(route, *key);
            if let Some(sum) = self.cell(route, key, cell.first) {
                sum.last = sum.last.max(cell.last);
                sum.counts += cell.counts;
            }
        }
        for (seq, announced) in &later.announced {
            self.announce(route, *seq, announced.clone());
        }
    }

    /// The key of a cell of the next stretch, before its starts and announcements are added here.
    fn rekeyed(&self, route: &str, key: CellKey) -> CellKey {
        match key.epoch {
            0 => CellKey { epoch: self.epoch(route), ..key },
            _ => key,
        }
    }
}

/// The lesser of what there is.
fn least<T: Ord>(one: Option<T>, other: Option<T>) -> Option<T> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}
