//! A stretch of time, as people say it.

use crate::intent::time::{self, Time};
use jiff::{SignedDuration, Timestamp};

/// From when to when, both included; open where nothing was said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct When {
    /// From here on.
    pub since: Option<Time>,
    /// Up to here.
    pub until: Option<Time>,
}

/// Which end of a stretch a text means: a date is the whole day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edge {
    /// Its beginning.
    Since,
    /// Its end.
    Until,
}

/// Units that a time before now can be said in, in seconds.
const UNITS: [(&str, i64); 5] =
    [("s", 1), ("m", 60), ("h", 3_600), ("d", 86_400), ("w", 7 * 86_400)];

// === impl When ===

impl When {
    /// Whether a time is in it.
    pub fn has(&self, time: Time) -> bool {
        self.since.is_none_or(|since| since <= time) && !self.is_after(time)
    }

    /// Whether a time is later than all of it.
    pub(super) fn is_after(&self, time: Time) -> bool {
        self.until.is_some_and(|until| until < time)
    }
}

// === impl Edge ===

impl Edge {
    /// Reads RFC 3339, a date (UTC), or a time before `now` such as `15m`, `2h` or `7d`. `None`
    /// for anything else.
    pub fn read(self, text: &str, now: Timestamp) -> Option<Time> {
        time::parse(text).or_else(|| self.date(text)).or_else(|| before(text, now))
    }

    fn date(self, text: &str) -> Option<Time> {
        let clock = match self {
            Edge::Since => "00:00:00Z",
            Edge::Until => "23:59:59.999999999Z",
        };
        let is_date = text.len() == 10;
        is_date.then(|| time::parse(&format!("{text}T{clock}"))).flatten()
    }
}

fn before(text: &str, now: Timestamp) -> Option<Time> {
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let (_, seconds) = UNITS.into_iter().find(|(name, _)| *name == unit)?;
    let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    let count: i64 = is_number.then(|| number.parse().ok()).flatten()?;
    let ago = SignedDuration::from_secs(count.checked_mul(seconds)?);
    Some(Time::from_timestamp(now.checked_sub(ago).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(edge: Edge, text: &str) -> Option<String> {
        let now = "2026-01-10T12:00:00.5Z".parse().unwrap();
        edge.read(text, now).map(|time| time.to_string())
    }

    #[test]
    fn times_are_said_in_three_ways() {
        for (text, since) in [
            ("2026-01-02T03:04:05+01:00", "2026-01-02T02:04:05Z"),
            ("2026-01-02", "2026-01-02T00:00:00Z"),
            ("90s", "2026-01-10T11:58:30.5Z"),
            ("15m", "2026-01-10T11:45:00.5Z"),
            ("7d", "2026-01-03T12:00:00.5Z"),
            ("1w", "2026-01-03T12:00:00.5Z"),
        ] {
            assert_eq!(read(Edge::Since, text).as_deref(), Some(since), "{text}");
        }
        let day = read(Edge::Until, "2026-01-02").unwrap();
        assert_eq!(day, "2026-01-02T23:59:59.999999999Z");
        for text in
            ["", "m", "-5m", "5", "5y", "1.5h", "2026-1-2", "yesterday", "9".repeat(30).as_str()]
        {
            assert_eq!(read(Edge::Since, text), None, "{text}");
        }
        assert_eq!(read(Edge::Since, "99999999999999w"), None);
    }

    #[test]
    fn both_ends_are_in_it() {
        let time = |text| time::parse(text);
        let when =
            When { since: time("2026-01-02T03:00:00Z"), until: time("2026-01-02T04:00:00Z") };
        let has = |text| when.has(time(text).unwrap());
        assert!(has("2026-01-02T03:00:00Z") && has("2026-01-02T04:00:00Z"));
        assert!(!has("2026-01-02T02:59:59Z") && !has("2026-01-02T04:00:00.000001Z"));
    }
}
