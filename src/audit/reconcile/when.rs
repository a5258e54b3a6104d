//! Times as access logs write them.
//!
//! Whole microseconds since 1970: as exact as the evidence is. A log that says seconds cuts the
//! rest off; who compares must allow for it.

use jiff::Timestamp;
use jiff::fmt::strtime;
use serde_json::Number;

/// Digits that tell the units of a bare number apart, until the year 5138.
const SECONDS_BELOW: f64 = 1e11;
const MILLIS_BELOW: f64 = 1e14;
const MICROS_BELOW: f64 = 1e17;

/// Reads `10/Oct/2026:13:55:36 -0700`, RFC 3339, or a number of seconds, milliseconds,
/// microseconds or nanoseconds since 1970.
pub(super) fn of_text(text: &str) -> Option<i64> {
    let common = || {
        let civil = strtime::parse("%d/%b/%Y:%H:%M:%S %z", text).ok()?;
        civil.to_timestamp().ok()
    };
    if let Ok(number) = text.parse::<f64>() {
        return of_float(number);
    }
    let time: Option<Timestamp> = text.parse().ok().or_else(common);
    time.map(Timestamp::as_microsecond)
}

/// Reads a bare number since 1970, whatever its unit.
pub(super) fn of_number(number: &Number) -> Option<i64> {
    of_float(number.as_f64()?)
}

fn of_float(number: f64) -> Option<i64> {
    let micros = match number {
        n if n < SECONDS_BELOW => n * 1e6,
        n if n < MILLIS_BELOW => n * 1e3,
        n if n < MICROS_BELOW => n,
        n => n / 1e3,
    };
    // Until 1970 nobody logged, and after 9999 no text can say it.
    let known = (0.0..=253e15).contains(&micros);
    known.then(|| micros.round() as i64)
}

/// The same moment as people read it.
pub fn shown(micros: i64) -> String {
    Timestamp::from_microsecond(micros).map_or_else(|_| micros.to_string(), |time| time.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_to_say_a_moment_is_one_moment() {
        let want = Some(1_770_000_000_250_000);
        for text in [
            "2026-02-02T02:40:00.25Z",
            "2026-02-02T04:40:00.250000+02:00",
            "1770000000.25",
            "1770000000250",
            "1770000000250000",
            "1770000000250000000",
        ] {
            assert_eq!(of_text(text), want, "{text}");
        }
        assert_eq!(of_text("02/Feb/2026:03:40:00 +0100"), Some(1_770_000_000_000_000));
        assert_eq!(of_number(&Number::from(1_770_000_000)), Some(1_770_000_000_000_000));
        assert_eq!(shown(1_770_000_000_250_000), "2026-02-02T02:40:00.25Z");
    }

    #[test]
    fn what_is_no_moment_is_none() {
        for text in ["", "-", "now", "-1", "NaN", "inf", "1e300", "32/Feb/2026:03:40:00 +0100"] {
            assert_eq!(of_text(text), None, "{text}");
        }
    }
}
