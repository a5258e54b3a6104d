//! How often callers can make gait fetch: a token bucket.

use std::time::{Duration, Instant};

/// Fetches at once: an issuer that changes its keys again and again must be followed, while a flood
/// of made-up key names costs it little.
const BURST: u32 = 30;

/// One more after so long.
const EVERY: Duration = Duration::from_secs(2);

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
        let at = |seconds: u64| start + Duration::from_secs(seconds);
        let taken = |bucket: &mut Bucket, seconds: u64| {
            (0..99).filter(|_| bucket.take(at(seconds))).count()
        };
        assert_eq!(taken(&mut bucket, 100), 30);
        assert_eq!(taken(&mut bucket, 101), 0);
        assert_eq!(taken(&mut bucket, 102), 1);
        assert_eq!(taken(&mut bucket, 107), 2);
        assert_eq!(taken(&mut bucket, 107), 0);
        assert_eq!(taken(&mut bucket, 108), 1, "what is begun counts on");
        assert_eq!(taken(&mut bucket, 9_999), 30);
    }
}
