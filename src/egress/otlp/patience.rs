//! When a batch that was not taken is told again, and when no more.

use super::PostError;
use http::StatusCode;
use std::time::Duration;

/// How long it is tried.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    /// Before the second try; doubles with every further one.
    pub(super) first: Duration,
    /// No pause is longer, whatever the collector asks for.
    pub(super) longest: Duration,
    /// Tries of one batch.
    pub(super) tries: u32,
}

/// What becomes of a batch that was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It is told again after a pause.
    Again(Duration),
    /// It was tried often enough.
    Dropped,
    /// It would be refused again.
    Rejected,
}

/// Statuses that the protocol wants tried again.
const BUSY: [StatusCode; 4] = [
    StatusCode::TOO_MANY_REQUESTS,
    StatusCode::BAD_GATEWAY,
    StatusCode::SERVICE_UNAVAILABLE,
    StatusCode::GATEWAY_TIMEOUT,
];

impl Default for Patience {
    /// About five minutes of pauses in all.
    fn default() -> Patience {
        let seconds = Duration::from_secs;
        Patience { first: seconds(1), longest: seconds(30), tries: 14 }
    }
}

impl Patience {
    /// What becomes of a batch after this many further tries in vain.
    pub(super) fn fate(&self, error: &PostError, tries: u32) -> Fate {
        let asked = match error {
            PostError::Status { status, .. } if !BUSY.contains(status) => return Fate::Rejected,
            PostError::Status { retry_after, .. } => retry_after.unwrap_or_default(),
            _ => Duration::ZERO,
        };
        if tries.saturating_add(1) >= self.tries {
            return Fate::Dropped;
        }
        let doubled = self.first.saturating_mul(2_u32.saturating_pow(tries));
        Fate::Again(doubled.max(asked).min(self.longest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(code: u16, retry_after: Option<u64>) -> PostError {
        let status = StatusCode::from_u16(code).unwrap();
        PostError::Status { status, retry_after: retry_after.map(Duration::from_secs) }
    }

    #[test]
    fn pauses_double_and_end() {
        let fates: Vec<Fate> =
            (0..14).map(|tries| Patience::default().fate(&PostError::Late, tries)).collect();
        let again = |seconds| Fate::Again(Duration::from_secs(seconds));
        let mut want: Vec<Fate> = [1, 2, 4, 8, 16].into_iter().map(again).collect();
        want.extend([again(30); 8]);
        want.push(Fate::Dropped);
        assert_eq!(fates, want);
    }

    #[test]
    fn only_those_who_are_busy_are_asked_again() {
        let fate = |code, asked| Patience::default().fate(&status(code, asked), 0);
        for code in [429, 502, 503, 504] {
            assert_eq!(fate(code, None), Fate::Again(Duration::from_secs(1)), "{code}");
        }
        for code in [301, 400, 401, 403, 404, 413, 500] {
            assert_eq!(fate(code, Some(1)), Fate::Rejected, "{code}");
        }
        assert_eq!(fate(503, Some(7)), Fate::Again(Duration::from_secs(7)));
        assert_eq!(fate(429, Some(9_999)), Fate::Again(Duration::from_secs(30)), "within bounds");
    }
}
