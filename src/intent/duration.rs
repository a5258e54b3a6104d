//! Durations as the public formats have them: `15m`, `1h30m`, `1.5h` (spec C11.3, E17).
//!
//! Rejected: jiff's reader of durations, which also takes `1 hour`, `2d` and ISO 8601; a text
//! that the public tool refuses would be accepted here.

use jiff::SignedDuration;

/// Units and their nanoseconds; `µ` has two code points.
const UNITS: [(&str, i128); 8] = [
    ("ns", 1),
    ("us", 1_000),
    ("\u{b5}s", 1_000),
    ("\u{3bc}s", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
];

/// Digits of a number that count, before the point and after it; more overflow anyway.
const DIGITS_MAX: usize = 19;

/// Reads a positive duration: numbers with units, summed up. `None` for anything else, zero,
/// and more than 2^63 nanoseconds.
pub(crate) fn positive(text: &str) -> Option<SignedDuration> {
    let mut rest = text.strip_prefix('+').unwrap_or(text);
    let mut nanos: i128 = 0;
    while !rest.is_empty() {
        let (part, after) = first_part(rest)?;
        nanos += part;
        rest = after;
    }
    let nanos = i64::try_from(nanos).ok().filter(|nanos| *nanos > 0)?;
    Some(SignedDuration::from_nanos(nanos))
}

/// A positive duration in its one form: `1h30m0s`, `45s`, `1.5ms`.
pub(crate) fn written(duration: SignedDuration) -> String {
    let nanos = duration.as_nanos();
    let small = UNITS.iter().rfind(|(name, unit)| name.is_ascii() && *unit <= nanos);
    let minutes = nanos / 60_000_000_000;
    let seconds = decimal(nanos % 60_000_000_000, 1_000_000_000);
    match (minutes / 60, minutes % 60, small) {
        (0, 0, Some(("us", unit))) => format!("{}\u{b5}s", decimal(nanos, *unit)),
        (0, 0, Some((name, unit))) => format!("{}{name}", decimal(nanos, *unit)),
        (0, 0, None) => format!("{seconds}s"),
        (0, minutes, _) => format!("{minutes}m{seconds}s"),
        (hours, minutes, _) => format!("{hours}h{minutes}m{seconds}s"),
    }
}

/// `number / unit` without trailing zeros; `unit` is a power of ten.
fn decimal(number: i128, unit: i128) -> String {
    let (whole, rest) = (number / unit, number % unit);
    if rest == 0 {
        return whole.to_string();
    }
    let digits = (unit + rest).to_string();
    let fraction = digits.get(1..).unwrap_or_default().trim_end_matches('0');
    format!("{whole}.{fraction}")
}

/// The nanoseconds of the first number and its unit, and what follows.
fn first_part(text: &str) -> Option<(i128, &str)> {
    let is_number = |c: char| c.is_ascii_digit() || c == '.';
    let (number, rest) = text.split_at_checked(text.find(|c| !is_number(c))?)?;
    let (unit, rest) = rest.split_at_checked(rest.find(is_number).unwrap_or(rest.len()))?;
    let (_, nanos) = UNITS.iter().find(|(name, _)| *name == unit)?;
    Some((times(number, *nanos)?, rest))
}

/// A decimal number times `unit`, rounded down.
fn times(number: &str, unit: i128) -> Option<i128> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let fraction = fraction.get(..DIGITS_MAX).unwrap_or(fraction);
    let scale = 10_i128.checked_pow(u32::try_from(fraction.len()).ok()?)?;
    Some(digits(whole)? * unit + digits(fraction)? * unit / scale)
}

/// Digits only; nothing is zero.
fn digits(text: &str) -> Option<i128> {
    let plain = text.len() <= DIGITS_MAX && text.bytes().all(|byte| byte.is_ascii_digit());
    if !plain {
        return None;
    }
    if text.is_empty() { Some(0) } else { text.parse().ok() }
}

#[cfg(test)]
mod tests {
    use super::{positive, written};

    #[test]
    fn durations_are_sums_of_numbers_with_units() {
        for (text, nanos) in [
            ("1ns", 1),
            ("2us", 2_000),
            ("2\u{b5}s", 2_000),
            ("2\u{3bc}s", 2_000),
            ("3ms", 3_000_000),
            ("+15m", 900_000_000_000),
            ("1h30m", 5_400_000_000_000),
            ("30m1h", 5_400_000_000_000),
            ("1.5h", 5_400_000_000_000),
            (".5s", 500_000_000),
            ("1.s", 1_000_000_000),
            ("0h1ns", 1),
            ("0.0000000001s1ns", 1),
            ("0.33333333333333333333333333333333s", 333_333_333),
            ("9223372036854775807ns", i64::MAX),
        ] {
            assert_eq!(positive(text).map(|d| d.as_nanos()), Some(i128::from(nanos)), "{text}");
        }
    }

    #[test]
    fn durations_have_one_form() {
        for (text, normal) in [
            ("90m", "1h30m0s"),
            ("45s", "45s"),
            ("1h30m0.5s", "1h30m0.5s"),
            ("1500ms", "1.5s"),
            ("1.5us", "1.5\u{b5}s"),
            ("24h", "24h0m0s"),
            ("60s", "1m0s"),
            (".5s", "500ms"),
            ("7ns", "7ns"),
        ] {
            assert_eq!(written(positive(text).unwrap()), normal, "{text}");
        }
    }

    #[test]
    fn other_texts_are_refused() {
        for text in [
            "",
            "+",
            "0",
            "0s",
            "5",
            "-5m",
            "m",
            ".s",
            "1.2.3s",
            "1d",
            "1 h",
            " 1h",
            "1H",
            "1hour",
            "1h5",
            "PT1H",
            "٣s",
            "9223372036854775808ns",
            "99999999999999999999h",
            "9999999999h",
        ] {
            assert_eq!(positive(text), None, "{text}");
        }
    }
}
