//! Counters in memory, for a process that counts every call (spec E13).
//!
//! The process owns the file: it reads it at start, counts in memory and writes behind, so that a
//! call waits for no disk. Whoever kills it makes it forget the calls since the last write, and
//! no others.
//!
//! A window that is over is dropped by the next call. The room for counters is bounded in bytes
//! of the file: there may be one for each caller and tool.
//!
//! Rejected: locking and writing the file for every call, as the command line does. One disk
//! would then be the limit of all.

use super::counters::Counters;
use super::{Charge, Counted, SPECIES, StoreError, charges, load};
use crate::intent::Intent;
use crate::json::Digest;
use crate::policy::decision::Demands;
use crate::policy::limit::{Limit, Scope, Window};
use jiff::Timestamp;
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What a counter takes in the file beside its key, at most.
const FRAME_BYTES: usize = 128;

/// The counters of one process.
#[derive(Debug)]
pub struct Live {
    path: PathBuf,
    /// Never held while anything is awaited, read or written.
    table: Mutex<Table>,
    /// The version that is in the file; held while the file is written.
    written: Mutex<u64>,
}

/// The windows that are open now.
#[derive(Clone, Debug)]
struct Table {
    hour: Bucket,
    minute: Bucket,
    /// Rises with every count.
    version: u64,
}

/// The counters of one window.
#[derive(Clone, Debug)]
struct Bucket {
    window: Window,
    /// Which one, counted from the epoch.
    slot: i64,
    /// By scope and key.
    counts: HashMap<Arc<str>, u64>,
    /// What they take in the file.
    bytes: usize,
}

/// Whether a call is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Toll {
    /// It is.
    Take,
    /// It is only held against what was counted.
    Look,
}

/// What became of a call at its limits.
#[derive(Debug)]
pub struct Tally {
    /// The limits that are used up.
    pub exceeded: Vec<Counted>,
    /// When the last of them is renewed.
    pub renewed_at: Option<Timestamp>,
    /// Proof for the gate; only where the call was counted and no limit is used up.
    pub charged: Option<Charged>,
}

/// Proof that a call was counted, and found within its limits. Only the counters make one.
///
/// Nobody else can:
/// ```compile_fail,E0451
/// # use gait::{json::Digest, store::rate_limits::Charged};
/// fn forge(intent: Digest) -> Charged {
///     Charged { intent, rate_limit: None, destructive_budget: None }
/// }
/// ```
#[derive(Debug)]
#[must_use = "a call that was counted and does not go was counted for nothing"]
pub struct Charged {
    intent: Digest,
    rate_limit: Option<Limit>,
    destructive_budget: Option<Limit>,
}

/// There is no room for another counter: the call cannot be counted, and must not go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full;

// === impl Live ===

impl Live {
    /// Takes up the counters of a file; no file is no counters.
    ///
    /// # Errors
    /// The file cannot be read, or is none: a counter that was lost is a limit that was lost.
    pub fn open(path: PathBuf) -> Result<Live, StoreError> {
        let mut table = Table::new();
        for (key, count) in load(&path)?.entries() {
            // What is not of this form was never counted here.
            let _ = table.restore(key, count);
        }
        Ok(Live { path, table: Mutex::new(table), written: Mutex::new(0) })
    }

    /// Counters that begin at none and are kept nowhere.
    pub fn unkept() -> Live {
        let (table, written) = (Mutex::new(Table::new()), Mutex::new(0));
        Live { path: PathBuf::new(), table, written }
    }

    /// Counts a call against its limits, one after the other; a limit that is used up does not
    /// keep the next from being counted.
    ///
    /// # Errors
    /// `Full` where a new counter would make the file larger than `bytes_max`.
    pub fn charge(
        &self,
        demands: &Demands,
        intent: &Intent,
        toll: Toll,
        now: Timestamp,
        bytes_max: usize,
    ) -> Result<Tally, Full> {
        let mut tally = Tally { exceeded: Vec::new(), renewed_at: None, charged: None };
        let charges = charges(demands, intent);
        let mut table = lock(&self.table);
        table.roll(now);
        for charge in charges {
            if !table.count(&charge, toll, bytes_max)? {
                tally.exceeded.push(charge.counted);
                let end = table.bucket(charge.limit.window).end();
                tally.renewed_at = tally.renewed_at.max(Some(end));
            }
        }
        if toll == Toll::Take && tally.exceeded.is_empty() {
            tally.charged = Some(Charged::of(demands, intent));
        }
        Ok(tally)
    }

    /// How many counters there are.
    pub fn counters(&self) -> usize {
        let table = lock(&self.table);
        table.hour.counts.len() + table.minute.counts.len()
    }

    /// Writes what is not in the file yet; blocks.
    ///
    /// # Errors
    /// The system says no. Nothing is lost: the next call writes it.
    pub fn flush(&self) -> Result<(), StoreError> {
        let mut written = lock(&self.written);
        let changed = {
            let table = lock(&self.table);
            (table.version != *written).then(|| table.clone())
        };
        if let Some(table) = changed {
            SPECIES.write(&SPECIES.place(&self.path)?, &table.counters().to_json())?;
            *written = table.version;
        }
        Ok(())
    }
}

/// A counter is still a counter after a panic elsewhere, so poison is ignored.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

// === impl Charged ===

impl Charged {
    fn of(demands: &Demands, intent: &Intent) -> Charged {
        Charged {
            intent: intent.digest(),
            rate_limit: demands.rate_limit,
            destructive_budget: demands.destructive_budget,
        }
    }

    /// Whether it proves that this intent was counted for these demands.
    pub fn covers(&self, demands: &Demands, intent: &Intent) -> bool {
        self.intent == intent.digest()
            && self.rate_limit == demands.rate_limit
            && self.destructive_budget == demands.destructive_budget
    }
}

// === impl Table ===

impl Table {
    fn new() -> Table {
        let bucket = |window| Bucket { window, slot: i64::MIN, counts: HashMap::new(), bytes: 0 };
        Table { hour: bucket(Window::Hour), minute: bucket(Window::Minute), version: 0 }
    }

    fn bucket(&mut self, window: Window) -> &mut Bucket {
        match window {
            Window::Hour => &mut self.hour,
            Window::Minute => &mut self.minute,
        }
    }

    fn roll(&mut self, now: Timestamp) {
        self.hour.roll(now);
        self.minute.roll(now);
    }

    /// Whether the limit lets the call through.
    fn count(&mut self, charge: &Charge, toll: Toll, bytes_max: usize) -> Result<bool, Full> {
        let Limit { requests, window, scope } = charge.limit;
        let room = bytes_max.saturating_sub(self.hour.bytes + self.minute.bytes);
        let key = format!("{}|{}", scope.as_str(), charge.scope_key());
        let within = self.bucket(window).count(key, requests, toll, room)?;
        if within && toll == Toll::Take {
            self.version += 1;
        }
        Ok(within)
    }

    /// Takes over a counter of the file: `WINDOW|SCOPE|BUCKET|KEY`.
    fn restore(&mut self, whole: &str, count: u64) -> Option<()> {
        let (window, rest) = whole.split_once('|')?;
        let (scope, rest) = rest.split_once('|')?;
        let (start, key) = rest.split_once('|')?;
        let (window, scope) = (Window::parse(window)?, Scope::parse(scope)?);
        let slot = slot(window, start.parse().ok()?);
        let bucket = self.bucket(window);
        if slot > bucket.slot {
            bucket.open(slot);
        }
        if slot == bucket.slot {
            bucket.insert(format!("{}|{key}", scope.as_str()), count);
        }
        Some(())
    }

    fn counters(&self) -> Counters {
        let mut counters = Counters::default();
        for bucket in [&self.hour, &self.minute] {
            let (window, start) = (bucket.window, super::bucket(bucket.window, bucket.start()));
            for (key, count) in &bucket.counts {
                let (scope, key) = key.split_once('|').unwrap_or_default();
                let whole = format!("{}|{scope}|{start}|{key}", window.as_str());
                *counters.count(whole) = *count;
            }
        }
        counters
    }
}

// === impl Bucket ===

impl Bucket {
    /// Leaves a window that is over. A clock that is set back by a little does not open a window
    /// again that was used; one that is set back by more is believed.
    fn roll(&mut self, now: Timestamp) {
        let slot = slot(self.window, now);
        if slot != self.slot && slot != self.slot.saturating_sub(1) {
            self.open(slot);
        }
    }

    fn open(&mut self, slot: i64) {
        (self.slot, self.bytes) = (slot, 0);
        self.counts.clear();
    }

    /// Whether the count is below `requests`; counts it, if that is wanted.
    fn count(&mut self, key: String, requests: u64, toll: Toll, room: usize) -> Result<bool, Full> {
        let known = self.counts.get_mut(key.as_str());
        let used = known.as_ref().map_or(0, |count| **count);
        if used >= requests || toll == Toll::Look {
            return Ok(used < requests);
        }
        match known {
            Some(count) => *count += 1,
            None if cost(&key) > room => return Err(Full),
            None => self.insert(key, 1),
        }
        Ok(true)
    }

    fn insert(&mut self, key: String, count: u64) {
        self.bytes += cost(&key);
        self.counts.insert(key.into(), count);
    }

    fn start(&self) -> Timestamp {
        at(self.window, self.slot)
    }

    fn end(&self) -> Timestamp {
        at(self.window, self.slot.saturating_add(1))
    }
}

fn seconds(window: Window) -> i64 {
    match window {
        Window::Hour => 3_600,
        Window::Minute => 60,
    }
}

fn slot(window: Window, now: Timestamp) -> i64 {
    now.as_second().div_euclid(seconds(window))
}

fn at(window: Window, slot: i64) -> Timestamp {
    let second = slot.saturating_mul(seconds(window));
    Timestamp::from_second(second).unwrap_or(Timestamp::MAX)
}

/// The bytes of a counter in the file, at most: a key may be all escapes there.
fn cost(key: &str) -> usize {
    serde_json::to_string(key).map_or(key.len(), |text| text.len()) + FRAME_BYTES
}

#[cfg(test)]
mod tests;
