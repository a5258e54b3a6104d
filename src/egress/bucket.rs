//! How often callers can make gait fetch: a token bucket.

use std::time::{Duration, Instant};

/// Fetches at once: an issuer that changes its keys again and again must be followed, while a flood
/// of made-up key names costs it little.
const BURST: u32 = 60;

/// One more after so long.
const EVERY: Duration = Duration::from_secs(1);

/// What is left of one ring's fetches.
#[derive(Debug)]
pub(super) struct Bucket {
    left: u32,
    /// Until when `left` is filled up.
    filled: Instant,
}

impl Bucket {
    /// A full one.
    pub(super) fn new(now: Instant) -> Bucket {
        Bucket { left: BURST, filled: now }
    }

    /// Takes one, if there is one.
    pub(super) fn take(&mut self, now: Instant) -> bool {
        while self.left < BURST && now.saturating_duration_since(self.filled) >= EVERY {
            self.left += 1;
            self.filled += EVERY;
        }
        if self.left == BURST {
            self.filled = now;
        }
        let taken = self.left > 0;
        self.left = self.left.saturating_sub(1);
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_and_then_one_now_and_then() {
        let start = crate::clock::instant();
        let mut bucket = Bucket::new(start);
        let at = |millis: u64| start + Duration::from_millis(millis);
        let taken =
            |bucket: &mut Bucket, millis: u64| (0..99).filter(|_| bucket.take(at(millis))).count();
        assert_eq!(taken(&mut bucket, 100_000), 60);
        assert_eq!(taken(&mut bucket, 100_900), 0);
        assert_eq!(taken(&mut bucket, 101_000), 1);
        assert_eq!(taken(&mut bucket, 103_500), 2);
        assert_eq!(taken(&mut bucket, 103_900), 0);
        assert_eq!(taken(&mut bucket, 104_000), 1, "what is begun counts on");
        assert_eq!(taken(&mut bucket, 9_999_000), 60);
    }
}
