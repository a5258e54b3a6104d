//! Times as a signed record keeps them (spec C1.3, C11.2).
//!
//! A record keeps the offset that it was written with, because the signature covers it, so a
//! time here is text in normal form and not a point in time.

use crate::intent::time::parse;

/// Digits of a fraction that count; later ones are ignored.
const FRACTION_DIGITS_MAX: usize = 9;

/// `text` in output form: fraction cut to what counts, offset kept, a zero offset as `Z`.
/// `None` if `text` is not a time of the format.
pub(super) fn normal(text: &str) -> Option<String> {
    parse(text)?;
    let (seconds, rest) = text.split_at_checked("YYYY-MM-DDThh:mm:ss".len())?;
    let (fraction, offset) = rest.split_at_checked(rest.find(['Z', '+', '-'])?)?;
    Some(format!("{seconds}{}{}", cut(fraction), zulu(offset)))
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
    use super::normal;

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
            assert_eq!(normal(text).as_deref(), Some(want), "{text}");
        }
        assert_eq!(normal("2026-01-02 03:04:05Z"), None);
    }
}
