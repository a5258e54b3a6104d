//! RFC 8785 canonical form and the digest over it.
//!
//! A thin door to `serde_json_canonicalizer`, so that nobody digests anything else. Numbers are
//! read as IEEE 754 doubles before they are written, as the RFC wants: integers above 2^53 lose
//! precision here, which is why protected calls are also checked by
//! [`inexact_number`](super::inexact_number).

use super::Digest;
use serde::Serialize;

/// A value has no canonical form: a number that is not finite, or a member name that is not text.
#[derive(Debug, thiserror::Error)]
#[error("cannot write canonical json: {0}")]
pub struct CanonicalError(#[from] serde_json::Error);

/// The RFC 8785 bytes of `value`.
pub fn canonical<T: Serialize>(value: &T) -> Result<Vec<u8>, CanonicalError> {
    Ok(serde_json_canonicalizer::to_vec(value)?)
}

/// SHA-256 over the RFC 8785 bytes of `value`.
pub fn digest<T: Serialize>(value: &T) -> Result<Digest, CanonicalError> {
    canonical(value).map(|bytes| Digest::of(&bytes))
}

#[cfg(test)]
mod tests {
    use super::canonical;
    use crate::json::parse;
    use proptest::prelude::*;
    use serde_json::{Map, Value};

    fn canon(text: &str) -> String {
        String::from_utf8(canonical(&parse(text.as_bytes()).unwrap()).unwrap()).unwrap()
    }

    /// Spec C1.2, C15.3, and the number vectors of RFC 8785 appendix B.
    #[test]
    fn numbers_are_written_as_ecmascript_writes_them() {
        for (text, written) in [
            ("1.0", "1"),
            ("-0.0", "0"),
            ("-0", "0"),
            ("1e21", "1e+21"),
            ("1e20", "100000000000000000000"),
            ("123456789012345680000", "123456789012345680000"),
            ("1e-7", "1e-7"),
            ("0.000001", "0.000001"),
            ("0.30000000000000004", "0.30000000000000004"),
            ("5e-324", "5e-324"),
            ("1e-400", "0"),
            ("1.5e300", "1.5e+300"),
            ("1.7976931348623157e308", "1.7976931348623157e+308"),
            ("9007199254740993", "9007199254740992"),
            ("-9007199254740993", "-9007199254740992"),
            ("9223372036854775807", "9223372036854776000"),
            ("18446744073709551615", "18446744073709552000"),
            ("18446744073709551616", "18446744073709552000"),
            ("295147905179352830000", "295147905179352830000"),
            ("999999999999999900000", "999999999999999900000"),
            ("333333333.33333329", "333333333.3333333"),
            ("-0.0000033333333333333333", "-0.0000033333333333333333"),
            ("1424953923781206.25", "1424953923781206.2"),
        ] {
            assert_eq!(canon(text), written, "{text}");
        }
    }

    #[test]
    fn names_are_ordered_by_utf16_and_text_is_escaped_minimally() {
        let text = r#"{"\ufb33":1,"\ud83d\ude00":2,"\u20ac":3,"1":4,"\u0080":5,"\r":"<&>\/\u2028\u007f\u0001\b\f\u001F"}"#;
        let written = "{\"\\r\":\"<&>/\u{2028}\u{7f}\\u0001\\b\\f\\u001f\",\"1\":4,\"\u{80}\":5,\
                       \"\u{20ac}\":3,\"\u{1f600}\":2,\"\u{fb33}\":1}";
        assert_eq!(canon(text), written);
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i32>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            (-1e300..1e300).prop_map(Value::from),
            ".{0,6}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 24, 4, |inner| {
            let members = proptest::collection::btree_map(".{0,3}", inner.clone(), 0..4);
            prop_oneof![
                proptest::collection::vec(inner, 0..4).prop_map(Value::from),
                members.prop_map(|map| Value::Object(Map::from_iter(map))),
            ]
        })
    }

    proptest! {
        /// Two values share their bytes only if they are equal once numbers are doubles: the
        /// bytes read back to the same bytes, and to an equal value.
        #[test]
        fn canonical_form_reads_back_to_itself(value in any_json()) {
            let bytes = canonical(&value).unwrap();
            let again = parse(&bytes).unwrap();
            prop_assert_eq!(&canonical(&again).unwrap(), &bytes);
            prop_assert!(same(&value, &again));
        }
    }

    fn same(left: &Value, right: &Value) -> bool {
        match (left, right) {
            (Value::Number(left), Value::Number(right)) => left.as_f64() == right.as_f64(),
            (Value::Array(left), Value::Array(right)) => {
                left.len() == right.len() && left.iter().zip(right).all(|(l, r)| same(l, r))
            }
            (Value::Object(left), Value::Object(right)) => {
                left.len() == right.len()
                    && left.iter().all(|(k, l)| right.get(k).is_some_and(|r| same(l, r)))
            }
            _ => left == right,
        }
    }
}
