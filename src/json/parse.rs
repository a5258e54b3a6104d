//! The strict parser: one document, one meaning.
//!
//! serde_json does the tokens (UTF-8 only, no byte order mark, no lone surrogates, no `1e400`,
//! nothing after the value); the visitor here adds what it lets through: two members of one name
//! at any depth, compared after decoding, and nesting beyond [`DEPTH_MAX`].

use super::Node;
use super::tree::Tree;
use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Number, Value};
use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

/// How many arrays and objects may stand inside one another.
pub const DEPTH_MAX: usize = 64;

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
///
/// # Errors
/// The first fault of the text, with its place.
pub fn parse(bytes: &[u8]) -> Result<Value, JsonError> {
    grow(bytes)
}

/// Reads one document as [`parse`] does, without copying what can be borrowed from it.
///
/// # Errors
/// The first fault of the text, with its place.
pub fn tree(bytes: &[u8]) -> Result<Node<'_>, JsonError> {
    grow(bytes)
}

fn grow<'t, T: Tree<'t>>(bytes: &'t [u8]) -> Result<T, JsonError> {
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let tree = Strict { room: DEPTH_MAX, tree: PhantomData }.deserialize(&mut deserializer)?;
    deserializer.end()?;
    Ok(tree)
}

/// A value with `room` levels of nesting left.
struct Strict<T> {
    room: usize,
    tree: PhantomData<T>,
}

/// The name of a member.
struct Name;

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

impl<T> Strict<T> {
    /// For a value that stands directly in this one.
    fn inner<E: serde::de::Error>(&self) -> Result<Strict<T>, E> {
        match self.room.checked_sub(1) {
            Some(room) => Ok(Strict { room, tree: PhantomData }),
            None => Err(E::custom(format_args!("nesting deeper than {DEPTH_MAX} levels"))),
        }
    }

    fn again(&self) -> Strict<T> {
        Strict { room: self.room, tree: PhantomData }
    }
}

impl<'de, T: Tree<'de>> DeserializeSeed<'de> for Strict<T> {
    type Value = T;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<T, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, T: Tree<'de>> Visitor<'de> for Strict<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<T, E> {
        Ok(().into())
    }

    fn visit_bool<E>(self, value: bool) -> Result<T, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<T, E> {
        Ok(Number::from(value).into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<T, E> {
        Ok(Number::from(value).into())
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<T, E> {
        Number::from_f64(value).map(T::from).ok_or_else(|| E::custom("number out of range"))
    }

    fn visit_borrowed_str<E>(self, value: &'de str) -> Result<T, E> {
        Ok(Cow::Borrowed(value).into())
    }

    fn visit_str<E>(self, value: &str) -> Result<T, E> {
        Ok(Cow::<str>::Owned(value.to_owned()).into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<T, A::Error> {
        let inner = self.inner()?;
        let mut items = Vec::new();
        while let Some(item) = seq.next_element_seed(inner.again())? {
            items.push(item);
        }
        Ok(items.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<T, A::Error> {
        let inner = self.inner()?;
        let mut members = T::Members::default();
        while let Some(name) = map.next_key_seed(Name)? {
            T::add(&mut members, name, || map.next_value_seed(inner.again()))?;
        }
        Ok(members.into())
    }
}

// === impl Name ===

impl<'de> DeserializeSeed<'de> for Name {
    type Value = Cow<'de, str>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Cow<'de, str>, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Name {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a member name")
    }

    fn visit_borrowed_str<E>(self, name: &'de str) -> Result<Cow<'de, str>, E> {
        Ok(Cow::Borrowed(name))
    }

    fn visit_str<E>(self, name: &str) -> Result<Cow<'de, str>, E> {
        Ok(Cow::Owned(name.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::{DEPTH_MAX, parse, tree};
    use serde_json::Value;

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
    fn a_duplicate_is_found_among_few_and_many_names() {
        for count in 0..40 {
            let members: Vec<_> =
                (0..count).map(|number| format!("\"n{number}\":{number}")).collect();
            let object = |more: &str| ["{", &members.join(","), more, "}"].concat();
            let whole = object("");
            let value = parse(whole.as_bytes()).unwrap();
            assert_eq!(value.as_object().unwrap().len(), count);
            assert_eq!(Value::from(tree(whole.as_bytes()).unwrap()), value);
            for twin in 0..count {
                let text = object(&format!(",\"\\u006e{twin}\":0"));
                let error = tree(text.as_bytes()).unwrap_err();
                assert_eq!(error.what, format!("duplicate member `n{twin}`"));
                assert_eq!(parse(text.as_bytes()), Err(error));
            }
        }
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
