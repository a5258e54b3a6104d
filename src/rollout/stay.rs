//! Since when a route stands in a stage.
//!
//! A reload says which routes stand elsewhere than before; a process that starts does not say where
//! they stand, and a stage that was set for a time ends without a word. So the calls speak as well:
//! a route is in the stage that its calls were judged in. What the log does not prove does not count
//! in favour of a route: a stay ends where the route was seen only elsewhere.

use super::policy_key::PolicyKey;
use super::summary::{Announced, Cell, CellKey, Summary, Trail};
use crate::stage::Stage;
use jiff::Timestamp;
use serde::Serialize;
use std::collections::BTreeSet;

/// A stretch of time in which a route stood in a stage, up to now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stay {
    /// Since when.
    pub since: Timestamp,
    /// How that is known.
    pub proof: Proof,
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
}

impl Summary {
    /// The stay of a route in a stage; `None` where nothing in the log shows one.
    pub fn stay(&self, route: &str, stage: Stage) -> Option<Stay> {
        let trail = self.trails.get(route)?;
        let marks = trail.announced.keys().chain(self.starts.keys()).copied();
        let marks: BTreeSet<u64> = marks.chain([0]).collect();
        let mut found = None;
        for mark in marks.into_iter().rev() {
            let epoch = Epoch { trail, mark, announced: trail.announced.get(&mark) };
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
            Some(announced) if announced.stages.contains(&stage) => {
                let epoch = self.mark;
                let stay = Stay { since: announced.at, proof: Proof::Announced, epoch };
                // It ended by itself in between, and began anew.
                match (self.has_left(announced), later) {
                    (false, _) => Shows::Stay(stay),
                    (true, true) => Shows::Other,
                    (true, false) => Shows::Begins(stay),
                }
            }
            Some(announced) => self.came_back(stage, announced),
            None => self.seen(stage),
        }
    }

    /// Without a word calls are judged in a stage that was not announced: whatever was for a time is
    /// over. A call that came before the announcement was only late.
    fn came_back(&self, stage: Stage, announced: &Announced) -> Shows {
        let late = self.cells(stage).filter(|cell| cell.last >= announced.at);
        let first = |cell: &Cell| if cell.first >= announced.at { cell.first } else { cell.last };
        // The cells of one hour are not in the order of their calls.
        let Some(since) = late.map(first).min() else { return Shows::Other };
        Shows::Begins(Stay { since, proof: Proof::Seen, epoch: self.mark })
    }

    fn has_left(&self, announced: &Announced) -> bool {
        let foreign = |(key, cell): (&CellKey, &Cell)| {
            !announced.stages.contains(&key.stage) && cell.last >= announced.at
        };
        self.all().any(foreign)
    }

    /// Where nobody said where the route stands, and it was seen elsewhere as well, nothing says that
    /// it stood there before.
    fn seen(&self, stage: Stage) -> Shows {
        let proof = if self.mark == 0 { Proof::AtLeast } else { Proof::Seen };
        let stay = |since| Stay { since, proof, epoch: self.mark };
        let first = self.cells(stage).map(|cell| cell.first).min().map(stay);
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
