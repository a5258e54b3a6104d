//! Times as the public format writes them (spec C1.3).
//!
//! A record keeps the offset that it was written with, because the signature covers it, so a
//! time here is text in normal form and not a point in time.

use jiff::Timestamp;

/// What stands for a missing time.
pub const ZERO: &str = "0001-01-01T00:00:00Z";

/// Digits of a fraction that count; later ones are ignored.
const FRACTION_DIGITS_MAX: usize = 9;

/// The point in time that `text` names; `None` if it is not RFC 3339 with upper-case `T` and
/// `Z`, seconds, and a date and time of day that exist.
pub fn parse(text: &str) -> Option<Timestamp> {
    normal(text)?.parse().ok()
}

/// `text` in output form: fraction cut to what counts, offset kept, a zero offset as `Z`.
/// `None` if `text` is no such time.
pub fn normal(text: &str) -> Option<String> {
    let (seconds, rest) = text.split_at_checked("YYYY-MM-DDThh:mm:ss".len())?;
    let (fraction, offset) = rest.split_at_checked(rest.find(['Z', '+', '-'])?)?;
    let shaped = fits(seconds, "0000-00-00T00:00:00") && !seconds.ends_with(":60");
    if !shaped || !is_fraction(fraction) || !is_offset(offset) {
        return None;
    }
    let normal = format!("{seconds}{}{}", cut(fraction), zulu(offset));
    // Last, because only a calendar knows which days exist.
    normal.parse::<Timestamp>().is_ok().then_some(normal)
}

/// Whether `text` has a digit where `shape` has `0`, and the same character elsewhere.
fn fits(text: &str, shape: &str) -> bool {
    text.len() == shape.len()
        && text.bytes().zip(shape.bytes()).all(|(byte, want)| match want {
            b'0' => byte.is_ascii_digit(),
            _ => byte == want,
        })
}

fn is_fraction(text: &str) -> bool {
    match text.strip_prefix('.') {
        Some(digits) => !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()),
        None => text.is_empty(),
    }
}

fn is_offset(text: &str) -> bool {
    text == "Z" || fits(text, "+00:00") || fits(text, "-00:00")
}

/// The fraction without digits that do not count; empty when nothing is left.
fn cut(fraction: &str) -> &str {
    let kept = fraction.get(..=FRACTION_DIGITS_MAX).unwrap_or(fraction);
    kept.trim_end_matches('0').trim_end_matches('.')
}

fn zulu(offset: &str) -> &str {
    match offset {
        "+00:00" | "-00:00" => "Z",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_output_form_keeps_the_offset_and_cuts_the_fraction() {
        for (text, want) in [
            ("2026-01-02T03:04:05Z", "2026-01-02T03:04:05Z"),
            ("2026-01-02T03:04:05+00:00", "2026-01-02T03:04:05Z"),
            ("2026-01-02T03:04:05.2500+02:00", "2026-01-02T03:04:05.25+02:00"),
            ("2026-01-02T03:04:05.000Z", "2026-01-02T03:04:05Z"),
            ("2026-01-02T03:04:05.1234567891Z", "2026-01-02T03:04:05.123456789Z"),
            (ZERO, ZERO),
        ] {
            assert_eq!(normal(text).as_deref(), Some(want), "{text}");
        }
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in [
            "",
            "yesterday",
            "2026-01-02t03:04:05Z",
            "2026-01-02T03:04:05z",
            "2026-01-02 03:04:05Z",
            "2026-01-02T03:04Z",
            "2026-01-02T03:04:60Z",
            "2026-01-02T24:00:00Z",
            "2026-02-30T03:04:05Z",
            "2026-01-02T03:04:05.Z",
            "2026-01-02T03:04:05",
            "2026-01-02T03:04:05+0200",
            "2026-01-02T03:04:05,5Z",
        ] {
            assert_eq!(normal(text), None, "{text}");
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
