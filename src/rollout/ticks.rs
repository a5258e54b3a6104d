//! Things that happened to the whole gateway, counted to the second.

use jiff::Timestamp;
use std::collections::BTreeMap;

/// So many seconds are told apart; what is older is one heap.
const SECONDS_MAX: usize = 100_000;

/// Counts by second; of too many the oldest are put together, and then count as late as the last of
/// them: too many rather than too few.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Ticks {
    seconds: BTreeMap<i64, u64>,
    heap: u64,
    heap_until: Option<i64>,
}

// === impl Ticks ===

impl Ticks {
    pub(super) fn add(&mut self, at: Timestamp, count: u64) {
        self.put(at.as_second(), count);
    }

    /// Adds what others counted since a time.
    pub(super) fn extend(&mut self, other: &Ticks, from: Timestamp) {
        let from = from.as_second();
        if other.heap_until.is_some_and(|until| until >= from) {
            self.heap += other.heap;
            self.heap_until = self.heap_until.max(other.heap_until);
        }
        other.seconds.range(from..).for_each(|(second, count)| self.put(*second, *count));
    }

    /// How many since a time.
    pub(super) fn since(&self, from: Timestamp) -> u64 {
        let from = from.as_second();
        let heap = if self.heap_until.is_some_and(|until| until >= from) { self.heap } else { 0 };
        heap + self.seconds.range(from..).map(|(_, count)| count).sum::<u64>()
    }

    fn put(&mut self, second: i64, count: u64) {
        *self.seconds.entry(second).or_default() += count;
        if self.seconds.len() > SECONDS_MAX
            && let Some((second, count)) = self.seconds.pop_first()
        {
            self.heap += count;
            self.heap_until = self.heap_until.max(Some(second));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::new(second, 0).unwrap()
    }

    #[test]
    fn what_is_forgotten_counts_as_late_as_it_can() {
        let mut ticks = Ticks::default();
        (0..SECONDS_MAX as i64 + 10).for_each(|second| ticks.add(at(second), 2));
        assert_eq!(ticks.since(at(SECONDS_MAX as i64)), 20);
        assert_eq!(ticks.since(at(10)), 2 * SECONDS_MAX as u64);
        assert_eq!(ticks.since(at(9)), 2 * SECONDS_MAX as u64 + 20);
        assert_eq!(ticks.since(at(SECONDS_MAX as i64 + 10)), 0);
    }
}
