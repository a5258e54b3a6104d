//! RFC 8785 canonical form and the digest over it.
//!
//! Numbers are read as IEEE 754 doubles before they are written, as the RFC wants: integers above
//! 2^53 lose precision here, which is why protected calls are also checked by
//! [`inexact_number`](super::inexact_number).
//!
//! Number formatting is `serde_json_canonicalizer`'s, escaping serde_json's, and what is left,
//! the order of names, is written here ([`writer`]): that crate parses and sorts every name anew
//! in buffers of its own, at fifteen times the cost of writing, and every judged call pays it.
//! Property tests hold the two together.

mod object;
mod value;
mod writer;

use super::Digest;
use serde::Serialize;
use serde_json::{Map, Value};
use writer::Writer;

/// What a canonical text holds at the least, in bytes; most hold a little more.
const USUAL_BYTES: usize = 128;

/// A value has no JSON form: for example a member name that is not text.
#[derive(Debug, thiserror::Error)]
#[error("cannot write canonical json: {0}")]
pub struct CanonicalError(#[from] serde_json::Error);

/// The RFC 8785 bytes of `value`. A float that is not finite becomes `null`, as in serde_json.
///
/// # Errors
/// The value has no JSON form.
pub fn canonical<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, CanonicalError> {
    let mut out = Vec::with_capacity(USUAL_BYTES);
    canonical_into(value, &mut out)?;
    Ok(out)
}

/// Adds the RFC 8785 bytes of `value` to `out`.
///
/// # Errors
/// The value has no JSON form; what was added until then means nothing.
pub fn canonical_into<T: Serialize + ?Sized>(
    value: &T,
    out: &mut Vec<u8>,
) -> Result<(), CanonicalError> {
    Ok(value.serialize(&mut Writer::to(out))?)
}

/// The RFC 8785 bytes of an object that is JSON already.
///
/// # Errors
/// None that is known; the parts it shares with [`canonical`] can fail.
pub fn canonical_object(object: &Map<String, Value>) -> Result<Vec<u8>, CanonicalError> {
    let mut out = Vec::with_capacity(USUAL_BYTES);
    value::write_object(object, &mut out)?;
    Ok(out)
}

/// SHA-256 over the RFC 8785 bytes of `value`.
///
/// # Errors
/// The value has no JSON form.
pub fn digest<T: Serialize + ?Sized>(value: &T) -> Result<Digest, CanonicalError> {
    canonical(value).map(|bytes| Digest::of(&bytes))
}

#[cfg(test)]
mod tests {
    use super::{canonical, canonical_object};
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

    /// All that serialises and is no JSON yet: what `Value` makes of it is what is written.
    #[test]
    fn what_serialises_is_written_as_its_value_would_be() {
        #[derive(serde::Serialize)]
        enum Kind {
            Unit,
            One(u8),
            Two(i8, Option<char>),
            Named { z: f32, a: (), m: [bool; 2] },
        }
        #[derive(serde::Serialize)]
        struct Outer<'a> {
            z: Vec<Kind>,
            a: &'a [u8],
            // Between the two, and twice: the later one counts.
            #[serde(flatten)]
            more: Pairs<'a>,
            #[serde(rename = "\u{fb33}\"")]
            odd: (i64, u64, f64),
            #[serde(rename = "\u{1f600}")]
            pair: std::collections::BTreeMap<String, Kind>,
        }
        impl serde::Serialize for Pairs<'_> {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_map(self.0.iter().copied())
            }
        }
        struct Pairs<'a>(&'a [(&'a str, i32)]);
        let kinds = || {
            vec![
                Kind::Unit,
                Kind::One(1),
                Kind::Two(-1, Some('"')),
                Kind::Two(0, None),
                Kind::Named { z: 0.5, a: (), m: [true, false] },
            ]
        };
        let outer = Outer {
            z: kinds(),
            a: b"ab",
            more: Pairs(&[("n", 1), ("b", 2), ("n", 3), ("a", 4)]),
            odd: (i64::MIN, u64::MAX, f64::NAN),
            pair: kinds().into_iter().map(|kind| ("\\k".to_owned(), kind)).collect(),
        };
        let value = serde_json::to_value(&outer).unwrap();
        assert_eq!(canonical(&outer).unwrap(), canonical(&value).unwrap());
        assert_eq!(canonical(&value).unwrap(), serde_json_canonicalizer::to_vec(&value).unwrap());
        assert!(canonical(&std::collections::BTreeMap::from([(1, 2)])).is_err());
        assert!(canonical(&std::collections::BTreeMap::from([(Some(vec![1]), 2)])).is_err());
    }

    /// Names on both sides of the surrogates, where the orders differ, and any others.
    const NAME: &str = "[a-c\\u{e000}\\u{ffff}\\u{10000}]{0,2}|.{0,3}";

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
            let members = proptest::collection::btree_map(NAME, inner.clone(), 0..4);
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
            prop_assert_eq!(&serde_json_canonicalizer::to_vec(&value).unwrap(), &bytes);
            let object = Map::from_iter([("k".to_owned(), value.clone())]);
            prop_assert_eq!(canonical_object(&object).unwrap(), canonical(&object).unwrap());
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
