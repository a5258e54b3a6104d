//! How the log is doing, for `/readyz`, the metrics and the ledger's own refusals.
//!
//! Written by the writer alone, read by anybody without a lock.

use super::chain::Head;
use crate::metrics::{Missed, Unlined};
use arc_swap::{ArcSwap, ArcSwapOption};
use jiff::Timestamp;
use std::{
    sync::{
        Arc, OnceLock,
        atomic::{AtomicI64, AtomicU8, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

/// Shared state of the log.
#[derive(Debug)]
pub struct Health {
    base: Instant,
    /// What lines may wait for a sync before the disk is said to hang.
    lag_max: Duration,
    state: AtomicU8,
    failures: AtomicU64,
    /// Nanoseconds from `base` to the arrival of the oldest line that is not durable, plus one;
    /// 0 where all are.
    oldest: AtomicU64,
    durable: ArcSwap<Durable>,
    trouble: ArcSwapOption<String>,
    /// Counters that lines tell of now and then.
    unlined: OnceLock<Unlined>,
    /// Nanoseconds of Unix time at `base`, by the latest of all durable lines; only ever rises.
    origin: AtomicI64,
}

/// What is durable, all of one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Durable {
    /// The last line.
    pub anchor: Anchor,
    /// All that this process made durable.
    pub totals: Totals,
}

/// The last durable line, and so what speaks for the log: kept elsewhere, it proves its tail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Anchor {
    /// Its place.
    pub head: Head,
    /// The number of its segment; 0 where there is none.
    pub segment: u32,
    /// Hex id of the key that signs; `None` in a log that no key has signed.
    pub key_id: Option<Arc<str>>,
    /// When it was made; `None` before the first.
    pub time: Option<Timestamp>,
}

/// What one process has made durable.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Lines.
    pub lines: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Syncs, and as many signatures; one more for each new segment.
    pub syncs: u64,
    /// Files of the log that are there.
    pub segments: u64,
    /// When a segment was sealed last.
    pub sealed: Option<Timestamp>,
}

/// Whether lines can be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Yes.
    Writing,
    /// No: the disk refused or there is no key, and the writer is trying to come back.
    Failed,
    /// No, and not again in this process: the writer has ended.
    Stopped,
}

// === impl Health ===

impl Health {
    pub(super) fn new(durable: Durable, base: Instant, lag_max: Duration) -> Health {
        let health = Health {
            base,
            lag_max,
            state: AtomicU8::new(State::Writing as u8),
            failures: AtomicU64::new(0),
            oldest: AtomicU64::new(0),
            durable: ArcSwap::from_pointee(durable),
            trouble: ArcSwapOption::empty(),
            unlined: OnceLock::new(),
            origin: AtomicI64::new(i64::MIN),
        };
        health.note_time(base);
        health
    }

    /// Whether lines can be written.
    pub fn state(&self) -> State {
        match self.state.load(Ordering::Acquire) {
            0 => State::Writing,
            1 => State::Failed,
            _ => State::Stopped,
        }
    }

    /// Why lines cannot be written, without a path or a name; `None` where they can.
    pub fn trouble(&self, now: Instant) -> Option<Arc<String>> {
        match self.state() {
            State::Writing if self.is_stuck(now) => {
                Some(Arc::new("the disk does not answer".to_owned()))
            }
            State::Writing => None,
            State::Failed => self.trouble.load_full(),
            State::Stopped => Some(Arc::new("the writer has ended".to_owned())),
        }
    }

    /// Failed writes and syncs, retries included.
    pub fn failures(&self) -> u64 {
        self.failures.load(Ordering::Relaxed)
    }

    /// The age of the oldest line that is not yet durable; zero where there is none.
    pub fn lag(&self, now: Instant) -> Duration {
        match self.oldest.load(Ordering::Relaxed).checked_sub(1) {
            None => Duration::ZERO,
            Some(nanos) => {
                now.saturating_duration_since(self.base).saturating_sub(Duration::from_nanos(nanos))
            }
        }
    }

    /// Whether a disk that refuses nothing has let lines wait for longer than it ever should.
    pub fn is_stuck(&self, now: Instant) -> bool {
        self.state() == State::Writing && self.lag(now) > self.lag_max
    }

    /// The place of the last durable line: what `--expect-head` is compared with.
    pub fn head(&self) -> Head {
        self.durable.load().anchor.head
    }

    /// What is durable.
    pub fn durable(&self) -> Arc<Durable> {
        self.durable.load_full()
    }

    /// Has the log tell these counters with each reload and in the end; the first ones stay.
    pub fn tell(&self, unlined: &Unlined) {
        // A process has one set of counters, so there is never a second to set.
        let _ = self.unlined.set(unlined.clone());
    }

    /// What the process did without a line; `None` where nobody counts.
    pub(super) fn missed(&self) -> Option<Missed> {
        self.unlined.get().map(Unlined::read)
    }

    /// The later of the wall's time and of the last durable line's with what has passed since: a
    /// clock that is set back brings nothing back that has ended.
    pub fn time(&self, wall: Timestamp, now: Instant) -> Timestamp {
        let passed = nanos(now.saturating_duration_since(self.base));
        let time = self.origin.load(Ordering::Relaxed).saturating_add(passed);
        Timestamp::from_nanosecond(time.into()).map_or(wall, |time| time.max(wall))
    }

    fn note_time(&self, now: Instant) {
        if let Some(time) = self.durable.load().anchor.time {
            let passed = nanos(now.saturating_duration_since(self.base));
            let time = i64::try_from(time.as_nanosecond()).unwrap_or(i64::MAX);
            self.origin.fetch_max(time.saturating_sub(passed), Ordering::Relaxed);
        }
    }

    pub(super) fn set_state(&self, state: State) {
        self.state.store(state as u8, Ordering::Release);
    }

    /// Notes that lines cannot be written, and why.
    pub(super) fn fail(&self, trouble: String) {
        self.trouble.store(Some(Arc::new(trouble)));
        self.set_state(State::Failed);
        self.count_failure();
    }

    pub(super) fn count_failure(&self) {
        self.failures.fetch_add(1, Ordering::Relaxed);
    }

    /// Notes that a line came at `now`, unless an older one is waiting.
    pub(super) fn line_came(&self, now: Instant) {
        let nanos = now.saturating_duration_since(self.base).as_nanos();
        let mark = u64::try_from(nanos).unwrap_or(u64::MAX - 1) + 1;
        // The writer alone writes here, so two steps do not race.
        if self.oldest.load(Ordering::Relaxed) == 0 {
            self.oldest.store(mark, Ordering::Relaxed);
        }
    }

    /// Notes that every line so far is durable and none is waiting.
    pub(super) fn all_durable(&self, durable: Durable, now: Instant) {
        self.durable.store(Arc::new(durable));
        self.note_time(now);
        self.oldest.store(0, Ordering::Relaxed);
    }
}

fn nanos(passed: Duration) -> i64 {
    i64::try_from(passed.as_nanos()).unwrap_or(i64::MAX)
}

// === impl Anchor ===

impl Anchor {
    /// That of a log without a line.
    pub(super) fn genesis() -> Anchor {
        Anchor { head: Head::genesis(), segment: 0, key_id: None, time: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn health(base: Instant) -> Health {
        let durable = Durable { anchor: Anchor::genesis(), totals: Totals::default() };
        Health::new(durable, base, Duration::from_secs(6))
    }

    #[test]
    fn lag_is_the_age_of_the_oldest_line() {
        let base = crate::clock::instant();
        let at = |seconds| base + Duration::from_secs(seconds);
        let health = health(base);
        assert_eq!(health.lag(at(9)), Duration::ZERO);
        health.line_came(at(2));
        health.line_came(at(3));
        assert_eq!(health.lag(at(9)), Duration::from_secs(7));
        assert!(health.is_stuck(at(9)) && health.trouble(at(9)).is_some());
        assert!(!health.is_stuck(at(8)) && health.trouble(at(8)).is_none());
        health.all_durable((*health.durable()).clone(), at(9));
        assert_eq!(health.lag(at(9)), Duration::ZERO);
    }

    #[test]
    fn a_clock_that_is_set_back_is_not_followed() {
        let base = crate::clock::instant();
        let at = |seconds| base + Duration::from_secs(seconds);
        let second = |second| Timestamp::from_second(second).unwrap();
        let health = health(base);
        assert_eq!(health.time(second(7), at(9)), second(7), "without a line the wall is all");
        let line = |time| {
            let anchor = Anchor { time: Some(second(time)), ..Anchor::genesis() };
            Durable { anchor, totals: Totals::default() }
        };
        health.all_durable(line(1_000), at(10));
        assert_eq!(health.time(second(5), at(13)), second(1_003));
        assert_eq!(health.time(second(1_004), at(13)), second(1_004));
        health.all_durable(line(5), at(14));
        assert_eq!(health.time(second(6), at(15)), second(1_005));
        let next = Health::new(line(1_000), base, Duration::from_secs(6));
        assert_eq!(next.time(second(5), at(2)), second(1_002), "the log of the process before");
    }

    #[test]
    fn states_are_read_as_they_were_set_and_trouble_ends_with_them() {
        let now = crate::clock::instant();
        let health = health(now);
        assert_eq!((health.state(), health.trouble(now)), (State::Writing, None));
        health.fail("no room".to_owned());
        let told = health.trouble(now).unwrap();
        assert_eq!((health.state(), told.as_str()), (State::Failed, "no room"));
        health.set_state(State::Writing);
        assert_eq!(health.trouble(now), None);
        health.set_state(State::Stopped);
        assert!(health.trouble(now).is_some());
    }
}
