//! Numbers that canonical form would change.
//!
//! RFC 8785 writes `9007199254740993` and `9007199254740992` alike, so a digest over it binds
//! neither. [`inexact_number`] finds such numbers in the text that will be forwarded. It compares
//! decimals, not floats: a comparison in floats would have the very blindness it looks for.

use super::canonical;
use super::text::plain_bytes;

/// Any number of up to this many digits is the one that is written for its double, as long as no
/// exponent takes it to where doubles are sparse.
const EXACT_DIGITS: usize = 15;

/// The first number in `text` whose exact value differs from that of its canonical text.
///
/// `text` must have passed [`parse`](super::parse); for other bytes the answer means nothing.
/// Spelling does not count: `1.50` and `15e-1` are exact, and so is `0.1`, which canonical form
/// writes as `0.1`.
pub fn inexact_number(text: &[u8]) -> Option<String> {
    Tokens { rest: text }.find(|token| !is_exact(token)).map(str::to_owned)
}

/// The number tokens outside strings.
struct Tokens<'a> {
    rest: &'a [u8],
}

/// `digits` times ten to the `exponent`; no zeros at either end, and no digits at all for zero.
#[derive(PartialEq, Eq)]
struct Decimal {
    negative: bool,
    digits: Vec<u8>,
    exponent: i64,
}

fn is_exact(token: &str) -> bool {
    let digits = token.strip_prefix('-').unwrap_or(token);
    if digits.len() <= EXACT_DIGITS && digits.bytes().all(|b| b.is_ascii_digit() || b == b'.') {
        return true;
    }
    token.parse::<f64>().is_ok_and(|double| {
        canonical(&double).ok().and_then(|bytes| Some(decimal(std::str::from_utf8(&bytes).ok()?)))
            == Some(decimal(token))
    })
}

/// Reads a JSON number exactly. An exponent beyond 64 bits saturates: no double comes near it.
fn decimal(token: &str) -> Decimal {
    let (negative, token) = match token.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, token),
    };
    let (mantissa, exponent) = token.split_once(['e', 'E']).unwrap_or((token, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let all: Vec<u8> = whole.bytes().chain(fraction.bytes()).collect();
    let digits = trim_zeros(&all);
    if digits.is_empty() {
        return Decimal { negative: false, digits: Vec::new(), exponent: 0 };
    }
    let trailing = all.iter().rev().take_while(|digit| **digit == b'0').count();
    let shift = length(trailing).saturating_sub(length(fraction.len()));
    let exponent = saturating_parse(exponent).saturating_add(shift);
    Decimal { negative, digits: digits.to_vec(), exponent }
}

fn trim_zeros(digits: &[u8]) -> &[u8] {
    let start = digits.iter().take_while(|digit| **digit == b'0').count();
    let digits = digits.get(start..).unwrap_or_default();
    let end = digits.iter().rposition(|digit| *digit != b'0').map_or(0, |last| last + 1);
    digits.get(..end).unwrap_or_default()
}

fn length(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

fn saturating_parse(exponent: &str) -> i64 {
    let limit = if exponent.starts_with('-') { i64::MIN } else { i64::MAX };
    exponent.parse().unwrap_or(limit)
}

// === impl Tokens ===

impl<'a> Iterator for Tokens<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        while let Some((&byte, rest)) = self.rest.split_first() {
            match byte {
                b'"' => self.rest = after_string(rest),
                b'-' | b'0'..=b'9' => {
                    let (token, rest) = self.rest.split_at(number_bytes(self.rest));
                    self.rest = rest;
                    return std::str::from_utf8(token).ok();
                }
                _ => self.rest = rest,
            }
        }
        None
    }
}

/// What follows the closing quote; `text` starts after the opening one.
fn after_string(text: &[u8]) -> &[u8] {
    let mut rest = text;
    loop {
        rest = rest.get(plain_bytes(rest)..).unwrap_or_default();
        rest = match rest {
            [b'"', after @ ..] => return after,
            [b'\\', _, after @ ..] | [_, after @ ..] => after,
            [] => return rest,
        };
    }
}

fn number_bytes(text: &[u8]) -> usize {
    let in_number = |byte: &u8| matches!(byte, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E');
    text.iter().take_while(|byte| in_number(byte)).count()
}

#[cfg(test)]
mod tests {
    use super::{canonical, decimal, inexact_number};
    use proptest::prelude::*;

    #[test]
    fn numbers_that_canonical_form_would_change_are_found() {
        for text in [
            "9007199254740993",
            "-9007199254740993",
            "18446744073709551615",
            "0.1000000000000000055511151231257827",
            "1424953923781206.25",
            "123456789012345678901234567890",
            "1e-400",
            "1e-99999999999999999999",
            "1.0000000000000000000000001",
        ] {
            assert_eq!(inexact_number(text.as_bytes()), Some(text.to_owned()), "{text}");
        }
    }

    #[test]
    fn numbers_that_keep_their_value_pass_however_they_are_spelt() {
        for text in [
            "0",
            "-0",
            "0.000",
            "0e99999999999999999999",
            "-0.0e-5",
            "1.50",
            "15e-1",
            "1E3",
            "0.1",
            "9007199254740992",
            "123456789012345680000",
            "1e22",
            "1e+21",
            "5e-324",
            "1.5e300",
            "100000000000000000000000",
            "2.5000000000000000000000000000000000000000",
        ] {
            assert_eq!(inexact_number(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn only_numbers_outside_strings_count() {
        let text = br#"{"9007199254740993":"\"9007199254740993\\","a":[1,{"b":9007199254740995}]}"#;
        assert_eq!(inexact_number(text), Some("9007199254740995".to_owned()));
        assert_eq!(inexact_number(br#"{"a":"9007199254740993"}"#), None);
    }

    proptest! {
        #[test]
        fn shifting_the_point_keeps_the_value(whole in 0u32..1000, fraction in "[0-9]{0,20}", e in -30i32..30) {
            let pointed = format!("{whole}.{fraction}0e{e}");
            let shifted = format!("{whole}{fraction}e{}", e - i32::try_from(fraction.len()).unwrap());
            prop_assert!(decimal(&pointed) == decimal(&shifted));
        }

        /// What is answered at a glance is what the decimals say.
        #[test]
        fn few_digits_are_exact(token in "-?(0|[1-9][0-9]{0,6})(\\.[0-9]{1,7})?") {
            let double: f64 = token.parse().unwrap();
            let written = String::from_utf8(canonical(&double).unwrap()).unwrap();
            prop_assert!(decimal(&token) == decimal(&written));
            prop_assert_eq!(inexact_number(token.as_bytes()), None);
        }

        #[test]
        fn the_canonical_text_of_a_double_is_exact(double in -1e308..1e308) {
            prop_assert_eq!(inexact_number(&canonical(&double).unwrap()), None);
        }
    }
}
