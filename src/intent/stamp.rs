//! Times as a signed record keeps them (spec C1.3, C11.2).
//!
//! A record keeps the offset that it was written with, because the signature covers it. So a
//! [`Stamp`] is the text in output form, and beside it the point in time that is compared.

use super::time::{Time, ZERO, parse};
use serde::{Serialize, Serializer};
use std::fmt;

/// Digits of a fraction that count; later ones are ignored.
const FRACTION_DIGITS_MAX: usize = 9;

/// A time with the offset it was written with; shown in output form: fraction cut to what counts,
/// a zero offset as `Z`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stamp {
    at: Time,
    written: String,
}

impl Stamp {
    /// Reads RFC 3339 in the strict form of [`parse`]; `None` for anything else.
    pub fn parse(text: &str) -> Option<Stamp> {
        let at = parse(text)?;
        let (seconds, rest) = text.split_at_checked("YYYY-MM-DDThh:mm:ss".len())?;
        let (fraction, offset) = rest.split_at_checked(rest.find(['Z', '+', '-'])?)?;
        Some(Stamp { at, written: format!("{seconds}{}{}", cut(fraction), zulu(offset)) })
    }

    /// The point in time, UTC.
    pub fn at(&self) -> Time {
        self.at
    }
}

impl Default for Stamp {
    /// The zero time, which stands for "not given".
    fn default() -> Stamp {
        Stamp::from(ZERO)
    }
}

impl From<Time> for Stamp {
    fn from(at: Time) -> Stamp {
        Stamp { at, written: at.to_string() }
    }
}

impl fmt::Display for Stamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written)
    }
}

impl Serialize for Stamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.written)
    }
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
    use super::{Stamp, parse};

    #[test]
    fn the_output_form_keeps_the_offset_and_cuts_the_fraction() {
        for (text, want) in [
            ("2026-01-02T03:04:05Z", "2026-01-02T03:04:05Z"),
            ("2026-01-02T03:04:05+00:00", "2026-01-02T03:04:05Z"),
            ("2026-01-02T03:04:05.2500+02:00", "2026-01-02T03:04:05.25+02:00"),
            ("2026-01-02T03:04:05.000Z", "2026-01-02T03:04:05Z"),
            ("2026-01-02T03:04:05.1234567891Z", "2026-01-02T03:04:05.123456789Z"),
            ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z"),
        ] {
            let stamp = Stamp::parse(text).unwrap();
            assert_eq!(stamp.to_string(), want, "{text}");
            assert_eq!(Some(stamp.at()), parse(text), "{text}");
        }
        assert_eq!(Stamp::parse("2026-01-02 03:04:05Z"), None);
        assert_eq!(Stamp::default().to_string(), "0001-01-01T00:00:00Z");
    }
}
