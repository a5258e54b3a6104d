//! How often callers can make gait fetch: a token bucket.

use std::time::{Duration, Instant};

/// Fetches at once.
const BURST: u32 = 5;

/// One more after so long.
const EVERY: Duration = Duration::from_secs(5);

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
    fn five_at_once_and_then_one_in_five_seconds() {
        let start = crate::clock::instant();
        let mut bucket = Bucket::new(start);
        let at = |seconds: u64| start + Duration::from_secs(seconds);
        let taken = |bucket: &mut Bucket, seconds: u64| {
            (0..20).filter(|_| bucket.take(at(seconds))).count()
        };
        assert_eq!(taken(&mut bucket, 100), 5);
        assert_eq!(taken(&mut bucket, 104), 0);
        assert_eq!(taken(&mut bucket, 105), 1);
        assert_eq!(taken(&mut bucket, 109), 0);
        assert_eq!(taken(&mut bucket, 117), 2);
        assert_eq!(taken(&mut bucket, 119), 0, "what is begun counts on");
        assert_eq!(taken(&mut bucket, 120), 1);
        assert_eq!(taken(&mut bucket, 9_999), 5);
    }
}
