//! How the log is doing, for `/readyz`, the metrics and the ledger's own refusals.
//!
//! Written by the writer alone, read by anybody without a lock.

use super::chain::Head;
use arc_swap::ArcSwap;
use std::{
    sync::{
        Arc,
        atomic::{AtomicU8, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

/// Shared state of the log.
#[derive(Debug)]
pub struct Health {
    base: Instant,
    state: AtomicU8,
    failures: AtomicU64,
    /// Nanoseconds from `base` to the arrival of the oldest line that is not durable, plus one;
    /// 0 where all are.
    oldest: AtomicU64,
    head: ArcSwap<Head>,
}

/// Whether lines can be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Yes.
    Writing,
    /// No: the disk refused, and the writer is trying to come back.
    Failed,
    /// No, and not again in this process: the writer has ended.
    Stopped,
}

// === impl Health ===

impl Health {
    pub(super) fn new(head: Head, base: Instant) -> Health {
        Health {
            base,
            state: AtomicU8::new(State::Writing as u8),
            failures: AtomicU64::new(0),
            oldest: AtomicU64::new(0),
            head: ArcSwap::from_pointee(head),
        }
    }

    /// Whether lines can be written.
    pub fn state(&self) -> State {
        match self.state.load(Ordering::Acquire) {
            0 => State::Writing,
            1 => State::Failed,
            _ => State::Stopped,
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

    /// The last durable line: what `--expect-head` is compared with.
    pub fn head(&self) -> Head {
        **self.head.load()
    }

    pub(super) fn set_state(&self, state: State) {
        self.state.store(state as u8, Ordering::Release);
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

    /// Notes that every line up to `head` is durable and none is waiting.
    pub(super) fn all_durable(&self, head: Head) {
        self.head.store(Arc::new(head));
        self.oldest.store(0, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lag_is_the_age_of_the_oldest_line() {
        let base = crate::clock::instant();
        let at = |seconds| base + Duration::from_secs(seconds);
        let health = Health::new(Head::genesis(), base);
        assert_eq!(health.lag(at(9)), Duration::ZERO);
        health.line_came(at(2));
        health.line_came(at(3));
        assert_eq!(health.lag(at(9)), Duration::from_secs(7));
        health.all_durable(Head::genesis());
        assert_eq!(health.lag(at(9)), Duration::ZERO);
    }

    #[test]
    fn states_are_read_as_they_were_set() {
        let health = Health::new(Head::genesis(), crate::clock::instant());
        for state in [State::Writing, State::Failed, State::Stopped] {
            health.set_state(state);
            assert_eq!(health.state(), state);
        }
    }
}
