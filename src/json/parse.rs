//! The strict parser: one document, one meaning.
//!
//! serde_json does the tokens (UTF-8 only, no byte order mark, no lone surrogates, no `1e400`,
//! nothing after the value); the visitor here adds what it lets through: two members of one name
//! at any depth, compared after decoding, and nesting beyond [`DEPTH_MAX`].

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use std::fmt;

/// How many arrays and objects may stand inside one another.
pub const DEPTH_MAX: usize = 64;

/// A name in an error text is cut after this many characters.
const SHOWN_CHARS_MAX: usize = 64;

/// Why a text is not strict JSON. Line and column count from 1.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} at line {line} column {column}")]
pub struct JsonError {
    /// The line of the first offending byte.
    pub line: usize,
    /// The column of the first offending byte.
    pub column: usize,
    /// What is wrong there.
    pub what: String,
}

/// Reads one JSON document (RFC 8259) with one meaning (RFC 7493 for what it refuses).
pub fn parse(bytes: &[u8]) -> Result<Value, JsonError> {
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let value = Strict { room: DEPTH_MAX }.deserialize(&mut deserializer)?;
    deserializer.end()?;
    Ok(value)
}

/// A value with `room` levels of nesting left.
#[derive(Clone, Copy)]
struct Strict {
    room: usize,
}

// === impl JsonError ===

impl From<serde_json::Error> for JsonError {
    fn from(error: serde_json::Error) -> JsonError {
        let (line, column) = (error.line(), error.column());
        let text = error.to_string();
        let place = format!(" at line {line} column {column}");
        let what = text.strip_suffix(&place).unwrap_or(&text).to_owned();
        JsonError { line, column, what }
    }
}

// === impl Strict ===

impl Strict {
    fn inner<E: serde::de::Error>(self) -> Result<Strict, E> {
        match self.room.checked_sub(1) {
            Some(room) => Ok(Strict { room }),
            None => Err(E::custom(format_args!("nesting deeper than {DEPTH_MAX} levels"))),
        }
    }
}

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("number out of range"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let inner = self.inner()?;
        let mut items = Vec::new();
        while let Some(item) = seq.next_element_seed(inner)? {
            items.push(item);
        }
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let inner = self.inner()?;
        let mut members = Map::new();
        while let Some(name) = map.next_key::<String>()? {
            // Before the value, so that the position is that of the second name.
            if members.contains_key(&name) {
                let shown: String = name.chars().take(SHOWN_CHARS_MAX).collect();
                return Err(A::Error::custom(format_args!("duplicate member `{shown}`")));
            }
            members.insert(name, map.next_value_seed(inner)?);
        }
        Ok(Value::Object(members))
    }
}

#[cfg(test)]
mod tests {
    use super::{DEPTH_MAX, parse};

    fn what(text: &[u8]) -> String {
        parse(text).unwrap_err().what
    }

    #[test]
    fn duplicates_are_refused_at_any_depth_and_after_decoding() {
        for text in [r#"{"a":1,"a":1}"#, r#"[{"x":{"a":1,"\u0061":2}}]"#, r#"{"\/":1,"/":1}"#] {
            assert!(what(text.as_bytes()).starts_with("duplicate member"), "{text}");
        }
        let error = parse(b"{\"a\":1,\n  \"a\":2}").unwrap_err();
        assert_eq!((error.line, error.column), (2, 5));
        assert!(parse(br#"[{"a":1},{"a":1}]"#).is_ok());
    }

    #[test]
    fn nesting_is_bounded() {
        let nested = |depth| ["[".repeat(depth), "]".repeat(depth)].concat();
        assert!(parse(nested(DEPTH_MAX).as_bytes()).is_ok());
        assert!(what(nested(DEPTH_MAX + 1).as_bytes()).contains("deeper than 64"));
        assert!(parse("[".repeat(1 << 20).as_bytes()).is_err());
    }

    #[test]
    fn what_servers_read_differently_is_refused() {
        let bad: [&[u8]; 17] = [
            b"",
            b" ",
            b"{} {}",
            b"{}x",
            b"\xef\xbb\xbf{}",
            b"{\"a\":1e400}",
            b"\"\\ud800\"",
            b"\"\\udc00\\ud800\"",
            b"\"\xff\"",
            b"\"\xed\xa0\x80\"",
            b"{'a':1}",
            b"{a:1}",
            b"[1,]",
            b"{\"a\":1,}",
            b"01",
            b"NaN",
            b"/**/1",
        ];
        for text in bad {
            assert!(parse(text).is_err(), "{}", text.escape_ascii());
        }
        assert!(parse(b" {\"a\":[1,-0.0,1e-400,\"\\ud83d\\ude00\"]}\r\n\t ").is_ok());
    }
}
