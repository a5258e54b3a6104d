//! Times as the public formats write them (spec C1.3).

use jiff::Timestamp;

/// What an intent without a time was created at: 1980-01-01T00:00:00Z.
pub const DEFAULT: Timestamp = Timestamp::constant(315_532_800, 0);

/// The zero time of the formats, 0001-01-01T00:00:00Z; it stands for "not given".
pub const ZERO: Timestamp = Timestamp::constant(-62_135_596_800, 0);

/// Digits of a fraction of a second that count; later ones are ignored.
const FRACTION_DIGITS: usize = 9;

/// Reads RFC 3339 in its strict form: upper-case `T` and `Z`, seconds required, no second 60,
/// offset `Z` or `±hh:mm`. `None` for anything else.
pub fn parse(text: &str) -> Option<Timestamp> {
    let (whole, rest) = text.split_at_checked(19)?;
    let (fraction, offset) = split_fraction(rest)?;
    if !fits(whole, "dddd-dd-ddTdd:dd:dd") || whole.ends_with("60") || !is_offset(offset) {
        return None;
    }
    format!("{whole}{}{offset}", fraction.get(..=FRACTION_DIGITS).unwrap_or(fraction)).parse().ok()
}

/// The fraction with its point, or nothing, and what follows.
fn split_fraction(text: &str) -> Option<(&str, &str)> {
    let Some(digits) = text.strip_prefix('.') else { return Some(("", text)) };
    let count = digits.bytes().take_while(u8::is_ascii_digit).count();
    if count == 0 { None } else { text.split_at_checked(count + 1) }
}

fn is_offset(text: &str) -> bool {
    text == "Z" || fits(text, "+dd:dd") || fits(text, "-dd:dd")
}

/// Whether `text` has the shape of `pattern`, in which `d` stands for a digit.
fn fits(text: &str, pattern: &str) -> bool {
    text.len() == pattern.len()
        && text.bytes().zip(pattern.bytes()).all(|(byte, wanted)| match wanted {
            b'd' => byte.is_ascii_digit(),
            other => byte == other,
        })
}

#[cfg(test)]
mod tests {
    use super::{DEFAULT, ZERO, parse};

    #[test]
    fn strict_rfc_3339_is_read_and_written_in_utc() {
        for (text, utc) in [
            ("2026-01-02T03:04:05Z", "2026-01-02T03:04:05Z"),
            ("2026-01-02T03:04:05+05:30", "2026-01-01T21:34:05Z"),
            ("2026-01-02T03:04:05.120Z", "2026-01-02T03:04:05.12Z"),
            ("2026-01-02T03:04:05.1234567899Z", "2026-01-02T03:04:05.123456789Z"),
            ("2024-02-29T00:00:00-00:00", "2024-02-29T00:00:00Z"),
        ] {
            assert_eq!(parse(text).unwrap().to_string(), utc, "{text}");
        }
        assert_eq!(DEFAULT.to_string(), "1980-01-01T00:00:00Z");
        assert_eq!(ZERO.to_string(), "0001-01-01T00:00:00Z");
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
            "2026-01-02T24:00:00Z",
            "2026-01-02T03:04:05",
            "2026-01-02T03:04:05.Z",
            "2026-01-02T03:04:05,1Z",
            "2026-01-02T03:04:05+0530",
            "2026-01-02T03:04:05+05:60",
            "2026-01-02T03:04:05Z ",
            "２026-01-02T03:04:05Z",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
