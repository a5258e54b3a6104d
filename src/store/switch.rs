//! The kill switch in force: orders to stop in memory that follow their file (spec E15).
//!
//! Somebody polls; a call only reads a pointer. Where the file cannot be had, or nobody could look
//! for a while, the last good orders stay in force for most calls, and those that could do the
//! most harm are stopped: nobody knows what was ordered since.
//!
//! Rejected: a watch by the kernel. It misses files that are mounted, linked or replaced, and the
//! poll would be needed beside it.

use super::{StoreError, kill_switches};
use crate::clock;
use crate::intent::Intent;
use crate::intent::time::{Time, ZERO};
use crate::kill_switch::{Entry, EntryStatus, Outcome, State};
use arc_swap::ArcSwapOption;
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Orders that nobody could compare with their file for longer are stale.
const STALE_AFTER: Duration = Duration::from_secs(5);

/// A file that was changed just before it was read may be changed once more without a trace in
/// its times.
const YOUNG: Duration = Duration::from_secs(2);

/// A kill switch file and what it said when it was read.
#[derive(Clone, Debug)]
pub struct Given {
    /// The file.
    pub path: PathBuf,
    /// Its orders.
    pub state: State,
}

/// The orders in force.
#[derive(Debug)]
pub struct Switch {
    /// `None` where no file was given.
    reading: ArcSwapOption<Reading>,
    watched: Mutex<Watched>,
}

/// What the file said when somebody last looked.
#[derive(Debug)]
struct Reading {
    state: Arc<State>,
    standing: Standing,
    seen: Instant,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    Good,
    /// The file could not be had; these are the orders before.
    Lost,
}

/// What to look at.
#[derive(Clone, Debug, Default)]
struct Watched {
    path: Option<PathBuf>,
    /// Of the file as it was read; `None` where it is to be read in any case.
    mark: Option<Mark>,
    /// Rises when another file is to be followed.
    turn: u64,
}

/// What changes when a file does.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Mark {
    device: u64,
    inode: u64,
    bytes: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

/// What the switch says of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Order {
    /// It must stop.
    Stop {
        /// Why.
        outcome: Outcome,
        /// When the last of the orders ends; `None` where one does not.
        until: Option<Time>,
    },
    /// Nothing is ordered, as far as is known; but the file cannot be had.
    Unknown,
}

/// How the switch stands, for whoever watches gait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Face {
    /// No file is followed.
    Off,
    /// The orders are those of the file.
    Loaded,
    /// The file cannot be had; the orders are older.
    Lost,
}

/// What it would be to follow another file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// It is the same one, or the first.
    Same,
    /// It has all orders that are in force.
    Other,
    /// It lacks some of them.
    Fewer,
    /// None would be followed any more.
    Off,
}

/// What a look at the file brought.
#[derive(Debug)]
pub enum Refreshed {
    /// Nothing new.
    Same,
    /// Other orders, or the file is back.
    Changed,
    /// The file cannot be had any more.
    Lost(StoreError),
}

// === impl Given ===

impl Given {
    /// Reads a file that is to be followed.
    ///
    /// # Errors
    /// It is not there, is not a regular file, cannot be read, or is none.
    pub fn load(path: PathBuf) -> Result<Given, StoreError> {
        kill_switches::metadata(&path)?;
        Ok(Given { state: kill_switches::load(&path)?, path })
    }
}

// === impl Switch ===

impl Switch {
    /// A switch that follows a file, or none.
    pub fn new(given: Option<Given>) -> Switch {
        let switch = Switch { reading: ArcSwapOption::empty(), watched: Mutex::default() };
        switch.follow(given);
        switch
    }

    /// Follows this file from now on, or none. Where that is the one that it follows, what it says was
    /// read before now, and may lack what was ordered since: looks alone take up more.
    pub fn follow(&self, given: Option<Given>) {
        let mut watched = lock(&self.watched);
        let (path, state) = given.map(|given| (given.path, given.state)).unzip();
        if path == watched.path && self.is_followed() == path.is_some() {
            return;
        }
        *watched = Watched { path, mark: None, turn: watched.turn + 1 };
        self.reading.store(state.map(|state| Reading::of(Arc::new(state), Standing::Good)));
    }

    /// Whether it follows a file.
    fn is_followed(&self) -> bool {
        self.reading.load().is_some()
    }

    /// What it would be to follow this file from now on, or none.
    pub fn step(&self, given: Option<&Given>, at: Time) -> Step {
        let watched = lock(&self.watched);
        let Some(reading) = self.reading.load_full() else { return Step::Same };
        let Some(given) = given else { return Step::Off };
        let is_kept = |entry: &Entry| given.state.entries().contains(entry);
        let is_lost = |entry: &&Entry| entry.status(at) == EntryStatus::Active && !is_kept(entry);
        if watched.path.as_ref() == Some(&given.path) {
            Step::Same
        } else if reading.state.entries().iter().any(|entry| is_lost(&entry)) {
            Step::Fewer
        } else {
            Step::Other
        }
    }

    /// What is ordered for a call; `None` for nothing. Neither locks nor, without orders, allocates.
    pub fn order(&self, intent: &Intent, at: Time) -> Option<Order> {
        let reading = self.reading.load();
        let reading = reading.as_ref()?;
        let outcome = reading.state.judge(intent, at);
        if outcome.violation().is_some() {
            let until = reading.end_of(&outcome);
            return Some(Order::Stop { outcome, until });
        }
        (!reading.is_good()).then_some(Order::Unknown)
    }

    /// How it stands, and how many orders are active.
    pub fn face(&self, at: Time) -> (Face, usize) {
        match &*self.reading.load() {
            None => (Face::Off, 0),
            Some(reading) => {
                let face = if reading.is_good() { Face::Loaded } else { Face::Lost };
                (face, reading.state.active_count(at))
            }
        }
    }

    /// Rises with each other file that is followed.
    pub fn turn(&self) -> u64 {
        lock(&self.watched).turn
    }

    /// Looks at the file; blocks. One at a time for each file: a late look at another says nothing.
    pub fn refresh(&self) -> Refreshed {
        let before = lock(&self.watched).clone();
        let Some(path) = &before.path else { return Refreshed::Same };
        let found = look(path, before.mark.as_ref());
        let mut watched = lock(&self.watched);
        let last = self.reading.load_full();
        let Some(last) = last.filter(|_| watched.turn == before.turn) else {
            return Refreshed::Same;
        };
        let (state, mark, told) = match found {
            Ok(None) => (last.state.clone(), before.mark, Refreshed::Same),
            Ok(Some((state, mark))) => {
                let is_new = state != *last.state || last.standing == Standing::Lost;
                let told = if is_new { Refreshed::Changed } else { Refreshed::Same };
                (Arc::new(state), mark, told)
            }
            Err(error) => {
                watched.mark = None;
                self.reading.store(Some(Reading::of(last.state.clone(), Standing::Lost)));
                return match last.standing {
                    Standing::Good => Refreshed::Lost(error),
                    Standing::Lost => Refreshed::Same,
                };
            }
        };
        watched.mark = mark;
        self.reading.store(Some(Reading::of(state, Standing::Good)));
        told
    }
}

fn lock(mutex: &Mutex<Watched>) -> MutexGuard<'_, Watched> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Reads the file where it is not the one that was read before; with the mark that it then has,
/// if that can be trusted.
fn look(path: &Path, known: Option<&Mark>) -> Result<Option<(State, Option<Mark>)>, StoreError> {
    // Before it is read: what changes in between is read again.
    let mark = Mark::of(&kill_switches::metadata(path)?);
    if known == Some(&mark) {
        return Ok(None);
    }
    let state = kill_switches::load(path)?;
    Ok(Some((state, Some(mark).filter(Mark::is_settled))))
}

// === impl Reading ===

impl Reading {
    fn of(state: Arc<State>, standing: Standing) -> Arc<Reading> {
        Arc::new(Reading { state, standing, seen: clock::instant() })
    }

    fn is_good(&self) -> bool {
        let age = clock::instant().saturating_duration_since(self.seen);
        self.standing == Standing::Good && age <= STALE_AFTER
    }

    /// When the last of the orders that stop a call ends. One without a name is not told in the
    /// outcome, so where there is one nobody can say.
    fn end_of(&self, outcome: &Outcome) -> Option<Time> {
        let entries = self.state.entries();
        if entries.iter().any(|entry| entry.entry_id.is_empty()) {
            return None;
        }
        let of_this = |id: &String| outcome.matched_entry_ids.contains(id);
        let ends: Vec<Time> = entries
            .iter()
            .filter(|entry| of_this(&entry.entry_id))
            .map(|entry| entry.expires_at)
            .collect();
        if ends.contains(&ZERO) { None } else { ends.into_iter().max() }
    }
}

// === impl Mark ===

impl Mark {
    fn of(file: &Metadata) -> Mark {
        Mark {
            device: file.dev(),
            inode: file.ino(),
            bytes: file.len(),
            modified: (file.mtime(), file.mtime_nsec()),
            changed: (file.ctime(), file.ctime_nsec()),
        }
    }

    /// Whether another change would show.
    fn is_settled(&self) -> bool {
        let (second, _) = self.changed.max(self.modified);
        let young = i64::try_from(YOUNG.as_secs()).unwrap_or(i64::MAX);
        clock::now().as_second().saturating_sub(second) > young
    }
}

#[cfg(test)]
mod tests;
