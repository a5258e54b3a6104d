//! What became of one route.
//!
//! Of what lies before the window only that is kept which says since when a route is in its stage:
//! where it was put, and when it was first and last seen in each stage. It is kept as cells that are
//! counted in no window, so that whoever looks for the stay need not know of it.

use super::counts::Counts;
use super::policy_key::PolicyKey;
use super::tally::hour;
use crate::stage::{Stage, Standing};
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;

/// So many cells before the window are kept of a route; of more the oldest are let go, and a stay
/// that is older begins later.
const OLD_CELLS_MAX: usize = 256;

/// So many hours after an announcement calls are told apart by hour: some began before it.
const NEAR_HOURS: i64 = 2;

/// A call that came longer than this before its stay is one of the stay before, however late it ended.
pub(super) const LATE_MAX: SignedDuration = SignedDuration::from_secs(1);

/// What became of one route.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Trail {
    /// By `seq`.
    pub(super) announced: BTreeMap<u64, Announced>,
    pub(super) cells: BTreeMap<CellKey, Cell>,
    /// How many of the cells lie before the window.
    old: usize,
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
    /// When the first of them to end did, by its line.
    pub(super) ended: Option<Timestamp>,
}

// === impl CellKey ===

impl CellKey {
    /// The same in a longer stretch, in which `epoch` is the mark before the part that it is of.
    pub(super) fn after(self, epoch: u64) -> CellKey {
        match self.epoch {
            0 => CellKey { epoch, ..self },
            _ => self,
        }
    }
}

// === impl Cell ===

impl Cell {
    /// Calls ended then.
    pub(super) fn end(&mut self, at: Option<Timestamp>) {
        self.ended = self.ended.into_iter().chain(at).min();
    }

    /// Whether all its calls came before a stay and ended in it. Where the clock was set back, they ended
    /// before it as well.
    pub(super) fn is_of_before(&self, since: Timestamp) -> bool {
        let came_before = since.checked_sub(LATE_MAX).is_ok_and(|late| self.last < late);
        came_before && self.ended.is_some_and(|ended| ended >= since)
    }
}

// === impl Trail ===

impl Trail {
    /// Whether a call was judged in a stage since a mark, or the whole route was put there.
    pub(super) fn shows_since(&self, mark: u64, stage: Stage) -> bool {
        let mut put = self.announced.range(mark..).map(|(_, announced)| announced.standing);
        let mut judged = self.cells.keys().filter(|key| key.epoch >= mark);
        put.any(|standing| standing.laxest() == stage) || judged.any(|key| key.stage == stage)
    }

    /// The key under which calls from before the window are kept, in a stretch that begins at `front`:
    /// those that may have come before the announcement by their hour, all others in one heap.
    pub(super) fn filed(&self, key: CellKey, front: Option<Timestamp>) -> CellKey {
        let policy = PolicyKey::NONE;
        let mark = match key.epoch {
            0 => front,
            seq => self.announced.get(&seq).map(|announced| announced.at),
        };
        match mark.map(|at| hour(at) + NEAR_HOURS) {
            Some(far) if key.hour < far => key,
            Some(far) => CellKey { hour: far, policy, ..key },
            // Nobody asks what came before a start.
            None => CellKey { hour: i64::MIN, policy, ..key },
        }
    }

    /// The cell of a call that came then; a new one may lie before the window, which begins at `from`.
    pub(super) fn cell(&mut self, key: CellKey, begun: Timestamp, from: i64) -> &mut Cell {
        if key.hour < from && !self.cells.contains_key(&key) {
            self.make_room(from);
            self.old += 1;
        }
        let fresh = Cell { counts: Counts::default(), first: begun, last: begun, ended: None };
        let cell = self.cells.entry(key).or_insert(fresh);
        (cell.first, cell.last) = (cell.first.min(begun), cell.last.max(begun));
        cell
    }

    /// Forgets the oldest stretch between two marks, where it lies before the window and is too much.
    fn make_room(&mut self, from: i64) {
        let Some(oldest) = self.cells.keys().next().map(|key| key.epoch) else { return };
        let mut own = self.cells.keys().take_while(|key| key.epoch == oldest);
        let is_last = self.cells.keys().next_back().is_none_or(|key| key.epoch == oldest);
        if self.old < OLD_CELLS_MAX || is_last || own.any(|key| key.hour >= from) {
            return;
        }
        let before = self.cells.len();
        self.cells.retain(|key, _| key.epoch != oldest);
        self.old -= before - self.cells.len();
        // Who was there before must not be taken for having been there all the time.
        self.announced.retain(|seq, _| *seq > oldest);
    }
}
