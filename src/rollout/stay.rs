//! Since when a route stands in a stage.
//!
//! A reload says which routes stand elsewhere than before. A process that starts says in one where
//! those stand that stand in several stages or in another than the config says, and nothing of all
//! others; and a stage that was set for a time ends without a word. So the calls speak as well: a
//! route is in the stage that its calls were judged in. What the log does not prove does not count in
//! favour of a route: a stay ends where the route was seen only elsewhere.
//!
//! Rejected: to take a start that says nothing for one that says what was said last. A share that the
//! config takes back while nothing runs is such a start.

use super::policy_key::PolicyKey;
use super::summary::{Announced, Cell, CellKey, Summary, Trail};
use crate::stage::Stage;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use std::collections::BTreeSet;

/// A line that puts a route elsewhere stands before that is so: calls that come meanwhile are judged
/// where it stood before.
const LATENESS: SignedDuration = SignedDuration::from_secs(1);

/// A stretch of time in which a route stood in a stage, up to now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stay {
    pub(super) since: Timestamp,
    /// How that is known.
    pub(super) proof: Proof,
    /// `seq` of the start or announcement that its first calls come after.
    pub(super) epoch: u64,
}

/// What says when a stay began.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Proof {
    /// A line says that the route was put there.
    Announced,
    /// The first call that was judged there.
    Seen,
    /// The first call of the log: it may have begun before.
    AtLeast,
}

/// Where those stand who do not stand in a stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// Not in a laxer one: the stage is that of the route as a whole.
    Whole,
    /// Anywhere: the stage is that of a share.
    Share,
}

/// What one stretch between two marks shows of a stage.
enum Shows {
    /// It began in it, or was so already at its front.
    Stay(Stay),
    /// It began in it, and not before.
    Begins(Stay),
    /// The route was elsewhere.
    Other,
    /// The route was not seen.
    Nothing,
}

/// What lies between two marks.
struct Epoch<'a> {
    trail: &'a Trail,
    mark: u64,
    announced: Option<&'a Announced>,
    part: Part,
}

// === impl Stay ===

impl Stay {
    /// All that the log holds.
    pub(super) const ALL: Stay = Stay { since: Timestamp::MIN, proof: Proof::AtLeast, epoch: 0 };
}

// === impl Summary ===

impl Summary {
    /// The stay of a route in a stage; `None` where nothing in the log shows one. What only a share
    /// showed is no stay of the whole.
    pub(super) fn stay(&self, route: &str, stage: Stage, part: Part) -> Option<Stay> {
        let trail = self.trails.get(route)?;
        let marks = trail.announced.keys().chain(self.starts.keys()).copied();
        let marks: BTreeSet<u64> = marks.chain([0]).collect();
        let mut found = None;
        for mark in marks.into_iter().rev() {
            let epoch = Epoch { trail, mark, announced: trail.announced.get(&mark), part };
            match epoch.shows(stage, found.is_some()) {
                Shows::Stay(stay) => found = Some(stay),
                Shows::Begins(stay) => return Some(stay),
                Shows::Other => return found,
                Shows::Nothing => {}
            }
        }
        found
    }
}

// === impl Epoch ===

impl Epoch<'_> {
    /// `later` says whether the stay goes on after it.
    fn shows(&self, stage: Stage, later: bool) -> Shows {
        match self.announced {
            Some(announced) if self.is_there(announced, stage) => {
                let epoch = self.mark;
                let stay = Stay { since: announced.at, proof: Proof::Announced, epoch };
                // It ended by itself in between, and began anew.
                match (self.has_left(announced), later) {
                    (false, _) => Shows::Stay(stay),
                    (true, true) => Shows::Other,
                    (true, false) => Shows::Begins(stay),
                }
            }
            // Its calls are those of some: they do not say when the others came after.
            Some(announced) if self.part == Part::Whole && announced.reaches(stage) => Shows::Other,
            Some(announced) => self.came_back(stage, announced),
            None => self.seen(stage),
        }
    }

    fn is_there(&self, announced: &Announced, stage: Stage) -> bool {
        match self.part {
            Part::Whole => announced.standing.laxest() == stage,
            Part::Share => announced.has_share(stage),
        }
    }

    /// Without a word calls are judged in a stage that was not announced: whatever was for a time is
    /// over. A call that came before the announcement was only late.
    fn came_back(&self, stage: Stage, announced: &Announced) -> Shows {
        let settled = announced.settled();
        let late = self.cells(stage).filter(|cell| cell.last >= settled);
        let first = |cell: &Cell| if cell.first >= settled { cell.first } else { cell.last };
        // The cells of one hour are not in the order of their calls.
        let Some(since) = late.map(first).min() else { return Shows::Other };
        let since = self.after_laxer(stage, since);
        Shows::Begins(Stay { since, proof: Proof::Seen, epoch: self.mark })
    }

    fn has_left(&self, announced: &Announced) -> bool {
        let settled = announced.settled();
        let foreign =
            |(key, cell): (&CellKey, &Cell)| !announced.reaches(key.stage) && cell.last >= settled;
        self.all().any(foreign)
    }

    /// Not before the last call that a laxer stage let through.
    fn after_laxer(&self, stage: Stage, since: Timestamp) -> Timestamp {
        let laxer = self.all().filter(|(key, _)| self.part == Part::Whole && key.stage < stage);
        laxer.map(|(_, cell)| cell.last).fold(since, Timestamp::max)
    }

    /// Where nobody said where the route stands, and it was seen elsewhere as well, nothing says that
    /// it stood there before.
    fn seen(&self, stage: Stage) -> Shows {
        let proof = if self.mark == 0 { Proof::AtLeast } else { Proof::Seen };
        let stay = |since| Stay { since, proof, epoch: self.mark };
        let first = self.cells(stage).map(|cell| cell.first).min();
        let first = first.map(|first| stay(self.after_laxer(stage, first)));
        let is_elsewhere = self.all().any(|(key, _)| key.stage != stage);
        match (first, is_elsewhere) {
            (Some(stay), false) => Shows::Stay(stay),
            (Some(stay), true) => Shows::Begins(stay),
            (None, true) => Shows::Other,
            (None, false) => Shows::Nothing,
        }
    }

    fn cells(&self, stage: Stage) -> impl Iterator<Item = &Cell> {
        self.all().filter(move |(key, _)| key.stage == stage).map(|(_, cell)| cell)
    }

    fn all(&self) -> impl Iterator<Item = (&CellKey, &Cell)> {
        let (stage, policy) = (Stage::Observe, PolicyKey::NONE);
        let from = CellKey { epoch: self.mark, stage, hour: i64::MIN, policy };
        self.trail.cells.range(from..).take_while(|(key, _)| key.epoch == self.mark)
    }
}

// === impl Announced ===

impl Announced {
    /// A share of nothing is none.
    fn has_share(&self, stage: Stage) -> bool {
        self.standing.shares().into_iter().any(|(one, share)| one == stage && share > 0.0)
    }

    /// Whether anybody is judged there; who is not known stands in the strictest, whatever its share.
    fn reaches(&self, stage: Stage) -> bool {
        self.has_share(stage) || stage == self.standing.strictest()
    }

    /// From when on no call is judged by what was before.
    fn settled(&self) -> Timestamp {
        self.at.checked_add(LATENESS).unwrap_or(self.at)
    }
}
