//! When a letter that was not taken is told again, and when no more.

use super::PostError;
use crate::store::approvals::{Letter, Posted};
use http::StatusCode;
use jiff::Timestamp;
use std::time::Duration;
use uuid::Uuid;

/// How long it is tried.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    /// Before the second try; doubles with every further one.
    pub(super) first: Duration,
    /// Never longer, whatever the webhook asks for.
    pub(super) longest: Duration,
    /// Tries of one letter.
    pub(super) tries: u32,
    /// Age of the event at which no further try is made.
    pub(super) age: Duration,
}

impl Default for Patience {
    fn default() -> Patience {
        let hour = Duration::from_secs(60 * 60);
        Patience { first: Duration::from_secs(5), longest: hour, tries: 20, age: 72 * hour }
    }
}

impl Patience {
    /// What becomes of a letter that was not taken. `roll` spreads those that failed together.
    pub(super) fn fate(
        &self,
        letter: &Letter,
        error: &PostError,
        now: Timestamp,
        roll: u8,
    ) -> Posted {
        let tried = letter.attempts.saturating_add(1);
        let is_too_old = event_at(letter).is_some_and(|at| now.duration_since(at) >= self.signed());
        if is_gone(error) || tried >= self.tries || is_too_old {
            return Posted::GivenUp;
        }
        let doubled = self.first.saturating_mul(2_u32.saturating_pow(letter.attempts));
        let delay = jittered(doubled.min(self.longest), roll).max(self.asked_for(error));
        // Time ends before anybody waits that long.
        Posted::Again(now.saturating_add(delay).unwrap_or(now))
    }

    /// For how long nothing at all is told after a failure.
    pub(super) fn rest(&self, error: &PostError) -> Duration {
        self.first.max(self.asked_for(error))
    }

    /// What the webhook asked for, as far as that is heard.
    fn asked_for(&self, error: &PostError) -> Duration {
        match error {
            PostError::Status { retry_after: Some(asked), .. } => self.longest.min(*asked),
            _ => Duration::ZERO,
        }
    }

    fn signed(&self) -> jiff::SignedDuration {
        self.age.try_into().unwrap_or(jiff::SignedDuration::MAX)
    }
}

/// Whether the webhook said that nobody will ever listen there.
fn is_gone(error: &PostError) -> bool {
    matches!(error, PostError::Status { status: StatusCode::GONE, .. })
}

/// When it happened: the ids of events hold the time.
fn event_at(letter: &Letter) -> Option<Timestamp> {
    let (seconds, nanos) = Uuid::try_parse(&letter.event_id).ok()?.get_timestamp()?.to_unix();
    Timestamp::new(seconds.try_into().ok()?, nanos.try_into().ok()?).ok()
}

/// Up to a quarter earlier.
fn jittered(delay: Duration, roll: u8) -> Duration {
    delay - delay / 4 * u32::from(roll) / 255
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::NoContext;

    const NOW: i64 = 1_800_000_000;

    fn now() -> Timestamp {
        Timestamp::from_second(NOW).unwrap()
    }

    fn letter(attempts: u32, age: i64) -> Letter {
        let at = uuid::Timestamp::from_unix(NoContext, (NOW - age) as u64, 0);
        let event_id = Uuid::new_v7(at).to_string().into();
        Letter { id: 1, event_id, webhook: "chat".into(), attempts, body: "{}".into() }
    }

    fn status(code: u16, retry_after: Option<u64>) -> PostError {
        let status = StatusCode::from_u16(code).unwrap();
        PostError::Status { status, retry_after: retry_after.map(Duration::from_secs) }
    }

    /// In how many seconds the letter is told again.
    fn again(letter: &Letter, error: &PostError, roll: u8) -> Option<i64> {
        match Patience::default().fate(letter, error, now(), roll) {
            Posted::Again(at) => Some(at.as_second() - NOW),
            Posted::GivenUp => None,
            Posted::Taken => panic!("nobody took it"),
        }
    }

    #[test]
    fn delays_double_up_to_an_hour_and_end_with_the_twentieth_try() {
        let delays: Vec<_> =
            (0..20).map(|tried| again(&letter(tried, 0), &PostError::Late, 0)).collect();
        let mut want: Vec<_> = (0..10).map(|tried| Some(5 << tried)).collect();
        want.extend([Some(3_600); 9]);
        want.push(None);
        assert_eq!(delays, want);
        assert_eq!(again(&letter(u32::MAX, 0), &PostError::Late, 0), None);
    }

    #[test]
    fn those_that_failed_together_come_back_apart_and_never_later() {
        let delays: Vec<_> = [0, 85, 170, 255]
            .map(|roll| again(&letter(9, 0), &PostError::Late, roll).unwrap())
            .into();
        assert_eq!(delays, [2_560, 2_346, 2_133, 1_920]);
    }

    #[test]
    fn an_old_event_is_told_no_more() {
        let hours = |count: i64| count * 3_600;
        assert!(again(&letter(0, hours(72) - 1), &PostError::Late, 0).is_some());
        assert_eq!(again(&letter(0, hours(72)), &PostError::Late, 0), None);
        let unnamed = Letter { event_id: "an event".into(), ..letter(0, 0) };
        assert_eq!(again(&unnamed, &PostError::Late, 0), Some(5));
    }

    #[test]
    fn the_webhook_says_when_within_an_hour() {
        let asked = |seconds| again(&letter(0, 0), &status(503, Some(seconds)), 255);
        assert_eq!([asked(1), asked(60), asked(9_999)], [Some(3), Some(60), Some(3_600)]);
        assert_eq!(again(&letter(9, 0), &status(429, Some(60)), 0), Some(2_560));
        assert_eq!(again(&letter(0, 0), &status(410, None), 0), None);
        let rest = |error| Patience::default().rest(&error).as_secs();
        assert_eq!(rest(status(503, Some(60))), 60);
        assert_eq!(rest(status(503, Some(9_999))), 3_600);
        assert_eq!([rest(status(500, None)), rest(PostError::Late)], [5, 5]);
    }
}
