//! RFC 8785 canonical form and the digest over it.
//!
//! Numbers are read as IEEE 754 doubles before they are written, as the RFC wants: integers above
//! 2^53 lose precision here, which is why protected calls are also checked by
//! [`inexact_number`](super::inexact_number).
//!
//! Number formatting is `serde_json_canonicalizer`'s, escaping serde_json's, and what is left,
//! the order of names, is written here: that crate parses and sorts every name anew in buffers of
//! its own, at fifteen times the cost of writing, and every judged call pays it. A property test
//! holds the two together.

use super::Digest;
use serde::Serialize;
use serde_json::{Map, Number, Value};

/// Integers within this distance of zero are written as they are; a double holds them exactly.
const EXACT_INTEGER_MAX: u64 = 1 << 53;

/// A value has no JSON form: for example a member name that is not text.
#[derive(Debug, thiserror::Error)]
#[error("cannot write canonical json: {0}")]
pub struct CanonicalError(#[from] serde_json::Error);

/// The RFC 8785 bytes of `value`. A float that is not finite becomes `null`, as in serde_json.
pub fn canonical<T: Serialize>(value: &T) -> Result<Vec<u8>, CanonicalError> {
    let mut out = Vec::with_capacity(128);
    write_value(&serde_json::to_value(value)?, &mut out)?;
    Ok(out)
}

/// The RFC 8785 bytes of an object that is already JSON, without copying it first.
pub fn canonical_object(object: &Map<String, Value>) -> Result<Vec<u8>, CanonicalError> {
    let mut out = Vec::with_capacity(128);
    write_object(object, &mut out)?;
    Ok(out)
}

/// SHA-256 over the RFC 8785 bytes of `value`.
pub fn digest<T: Serialize>(value: &T) -> Result<Digest, CanonicalError> {
    canonical(value).map(|bytes| Digest::of(&bytes))
}

fn write_value(value: &Value, out: &mut Vec<u8>) -> serde_json::Result<()> {
    match value {
        Value::Null | Value::Bool(_) | Value::String(_) => serde_json::to_writer(out, value),
        Value::Number(number) => write_number(number, out),
        Value::Array(items) => write_array(items, out),
        Value::Object(object) => write_object(object, out),
    }
}

fn write_number(number: &Number, out: &mut Vec<u8>) -> serde_json::Result<()> {
    let is_exact = number.as_i64().is_some_and(|int| int.unsigned_abs() <= EXACT_INTEGER_MAX);
    match number.as_f64() {
        Some(double) if !is_exact => serde_json_canonicalizer::to_writer(&double, out),
        _ => serde_json::to_writer(out, number),
    }
}

fn write_array(items: &[Value], out: &mut Vec<u8>) -> serde_json::Result<()> {
    out.push(b'[');
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        write_value(item, out)?;
    }
    out.push(b']');
    Ok(())
}

fn write_object(object: &Map<String, Value>, out: &mut Vec<u8>) -> serde_json::Result<()> {
    // The map is in code point order, which is UTF-16 order up to where the surrogates start.
    if object.keys().all(|name| name.chars().all(|c| c < '\u{e000}')) {
        return write_members(object.iter(), out);
    }
    let mut members: Vec<_> = object.iter().collect();
    members.sort_by(|(left, _), (right, _)| left.encode_utf16().cmp(right.encode_utf16()));
    write_members(members.into_iter(), out)
}

fn write_members<'a>(
    members: impl Iterator<Item = (&'a String, &'a Value)>,
    out: &mut Vec<u8>,
) -> serde_json::Result<()> {
    out.push(b'{');
    for (index, (name, value)) in members.enumerate() {
        if index > 0 {
            out.push(b',');
        }
        serde_json::to_writer(&mut *out, name)?;
        out.push(b':');
        write_value(value, out)?;
    }
    out.push(b'}');
    Ok(())
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
