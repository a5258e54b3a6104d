//! Times as the public formats write them (spec C1.3).
//!
//! A [`Time`] is kept as a date and a clock reading in UTC, not as jiff's `Timestamp`: that one
//! ends on 9999-12-30, a day short of the `9999-12-31` by which people say *never*.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, civil};
use std::fmt;

/// A point in time, UTC, years 0000 to 9999. Shown in output form: RFC 3339, the fraction only
/// where there is one, without trailing zeros.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Time(DateTime);

/// What an intent without a time was created at: 1980-01-01T00:00:00Z.
pub const DEFAULT: Time = Time(civil::date(1980, 1, 1).at(0, 0, 0, 0));

/// The zero time of the formats, 0001-01-01T00:00:00Z; it stands for "not given".
pub const ZERO: Time = Time(civil::date(1, 1, 1).at(0, 0, 0, 0));

/// Digits of a fraction of a second that count; later ones are ignored.
const FRACTION_DIGITS: usize = 9;

/// Reads RFC 3339 in its strict form: upper-case `T` and `Z`, seconds required, no second 60,
/// offset `Z` or `±hh:mm`. `None` for anything else, and for a time that in UTC has no year of
/// four digits.
pub fn parse(text: &str) -> Option<Time> {
    let (whole, rest) = text.split_at_checked(19)?;
    let (fraction, offset) = split_fraction(rest)?;
    let utc = local(whole, fraction)?.checked_sub(offset_of(offset)?).ok()?;
    Time::from_civil(utc)
}

/// Date and clock reading in their strict form; the fraction comes with its point.
fn local(whole: &str, fraction: &str) -> Option<DateTime> {
    if !fits(whole, "dddd-dd-ddTdd:dd:dd") || whole.ends_with("60") {
        return None;
    }
    if fraction.is_empty() {
        return whole.parse().ok();
    }
    let fraction = fraction.get(..=FRACTION_DIGITS).unwrap_or(fraction);
    format!("{whole}{fraction}").parse().ok()
}

/// The fraction with its point, or nothing, and what follows.
fn split_fraction(text: &str) -> Option<(&str, &str)> {
    let Some(digits) = text.strip_prefix('.') else { return Some(("", text)) };
    let count = digits.bytes().take_while(u8::is_ascii_digit).count();
    if count == 0 { None } else { text.split_at_checked(count + 1) }
}

/// How far local time is ahead of UTC.
fn offset_of(text: &str) -> Option<SignedDuration> {
    if text == "Z" {
        return Some(SignedDuration::ZERO);
    }
    let (sign, clock) = text.split_at_checked(1)?;
    if !fits(clock, "dd:dd") {
        return None;
    }
    let (hours, minutes) = clock.split_once(':')?;
    let (hours, minutes): (i64, i64) = (hours.parse().ok()?, minutes.parse().ok()?);
    let ahead =
        (hours < 24 && minutes < 60).then(|| SignedDuration::from_mins(hours * 60 + minutes))?;
    match sign {
        "+" => Some(ahead),
        "-" => Some(-ahead),
        _ => None,
    }
}

/// Whether `text` has the shape of `pattern`, in which `d` stands for a digit.
fn fits(text: &str, pattern: &str) -> bool {
    text.len() == pattern.len()
        && text.bytes().zip(pattern.bytes()).all(|(byte, wanted)| match wanted {
            b'd' => byte.is_ascii_digit(),
            other => byte == other,
        })
}

// === impl Time ===

impl Time {
    /// A point in time as jiff has it. One before the year 0, which the format cannot write, is
    /// [`ZERO`].
    pub fn from_timestamp(timestamp: Timestamp) -> Time {
        let utc = TimeZone::UTC.to_datetime(timestamp);
        if utc.year() < 0 { ZERO } else { Time(utc) }
    }

    /// A clock reading in UTC; `None` where it has no year of four digits.
    pub fn from_civil(utc: DateTime) -> Option<Time> {
        (utc.year() >= 0).then_some(Time(utc))
    }

    /// A clock reading without an offset, as `YYYY-MM-DDThh:mm:ss` with or without a fraction.
    pub fn parse_local(text: &str) -> Option<DateTime> {
        let (whole, rest) = text.split_at_checked(19)?;
        let (fraction, rest) = split_fraction(rest)?;
        if rest.is_empty() { local(whole, fraction) } else { None }
    }

    /// Date and clock reading in UTC, for arithmetic.
    pub fn civil(self) -> DateTime {
        self.0
    }

    /// Whether it was given, that is, is not [`ZERO`].
    pub fn is_given(self) -> bool {
        self != ZERO
    }
}

impl serde::Serialize for Time {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}Z", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::{DEFAULT, Time, ZERO, parse};

    #[test]
    fn strict_rfc_3339_is_read_and_written_in_utc() {
        for (text, utc) in [
            ("2026-01-02T03:04:05Z", "2026-01-02T03:04:05Z"),
            ("2026-01-02T03:04:05+05:30", "2026-01-01T21:34:05Z"),
            ("2026-01-02T03:04:05.120Z", "2026-01-02T03:04:05.12Z"),
            ("2026-01-02T03:04:05.1234567899Z", "2026-01-02T03:04:05.123456789Z"),
            ("2024-02-29T00:00:00-00:00", "2024-02-29T00:00:00Z"),
            ("2026-01-02T03:04:05-23:59", "2026-01-03T03:03:05Z"),
            ("9999-12-31T23:59:59.999999999Z", "9999-12-31T23:59:59.999999999Z"),
            ("0000-01-01T00:00:00Z", "0000-01-01T00:00:00Z"),
        ] {
            assert_eq!(parse(text).unwrap().to_string(), utc, "{text}");
        }
        assert_eq!(DEFAULT.to_string(), "1980-01-01T00:00:00Z");
        assert_eq!(ZERO.to_string(), "0001-01-01T00:00:00Z");
        assert_eq!(parse("0001-01-01T01:00:00+01:00"), Some(ZERO));
    }

    #[test]
    fn other_forms_are_refused() {
        for text in [
            "",
            "yesterday",
            "2026-01-02",
            "2026-01-02T03:04Z",
            "2026-01-02 03:04:05Z",
            "2026-01-02t03:04:05Z",
            "2026-01-02T03:04:05z",
            "2026-01-02T03:04:60Z",
            "2026-02-30T00:00:00Z",
            "2025-02-29T00:00:00Z",
            "2026-01-02T24:00:00Z",
            "2026-01-02T03:04:05",
            "2026-01-02T03:04:05.Z",
            "2026-01-02T03:04:05,1Z",
            "2026-01-02T03:04:05+0530",
            "2026-01-02T03:04:05+05:60",
            "2026-01-02T03:04:05+24:00",
            "2026-01-02T03:04:05Z ",
            "２026-01-02T03:04:05Z",
            "0000-01-01T00:00:00+00:01",
            "9999-12-31T23:59:59-00:01",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn timestamps_become_times_in_utc() {
        for text in ["2026-01-02T03:04:05.12Z", "1969-12-31T23:59:59Z", "0000-01-01T00:00:00Z"] {
            let time = Time::from_timestamp(text.parse().unwrap());
            assert_eq!(Some(time), parse(text), "{text}");
            assert_eq!(format!("{}Z", time.civil()), text);
        }
        assert_eq!(Time::from_timestamp(jiff::Timestamp::MIN), ZERO);
        assert!(!ZERO.is_given() && DEFAULT.is_given());
    }
}
