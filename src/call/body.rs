//! The body of a call: absent, buffered because it is judged, or streaming past.
//!
//! A buffered body holds its lease on the global budget for as long as it lives. What a body
//! says is read by one strict parser, and only if it says that it is plain JSON: another media
//! type, a charset, or a content coding is unreadable here, because some other reader may take it
//! for something else.

use super::arriving::Arriving;
use super::screen::Screen;
use super::trailers::Trailers;
use crate::json;
use crate::limits::Lease;
use bytes::Bytes;
use http::{HeaderMap, header};
use serde_json::Value;

/// The bytes after the head.
#[derive(Debug)]
pub enum Body {
    /// None.
    Empty,
    /// All of it, bounded.
    Whole {
        /// The bytes that were judged, and will be sent.
        bytes: Bytes,
        /// Keeps the budget; absent where the bytes were never received.
        lease: Option<Lease>,
    },
    /// As it arrives; it was not judged.
    Stream {
        /// What had been read before it was found that it cannot be judged whole.
        front: Bytes,
        /// The rest.
        rest: Arriving,
        /// What is looked for on the way.
        screen: Screen,
        /// What is done with what comes behind it.
        trailers: Trailers,
    },
}

/// What a body says.
#[derive(Clone, Debug, PartialEq)]
pub enum Content {
    /// No body.
    None,
    /// Strict JSON.
    Json(Value),
    /// Anything else, with the reason.
    Unreadable(Unreadable),
}

/// How a body is read, beyond strict JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading {
    /// It decides what the call is: no member that another reader takes for another, and only
    /// numbers whose exact value is that of their canonical text (design section 4, point 10).
    Exact,
    /// It only describes the call.
    Plain,
}

/// Why a body is not read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unreadable {
    /// Not exactly `application/json`, or more than one content type.
    MediaType,
    /// A content coding.
    Coding,
    /// Not strict JSON.
    Syntax(String),
    /// A number that another reader could take for another.
    InexactNumber(String),
    /// A member that another reader could take for another of the same object.
    AliasedMember(String),
}

impl Body {
    /// A whole body that was made here.
    pub fn of_bytes(bytes: Bytes) -> Body {
        Body::Whole { bytes, lease: None }
    }

    /// All bytes, unless they stream.
    pub fn whole(&self) -> Option<&[u8]> {
        match self {
            Body::Empty => Some(&[]),
            Body::Whole { bytes, .. } => Some(bytes),
            Body::Stream { .. } => None,
        }
    }
}

impl Content {
    /// Reads a buffered body under its own content type.
    pub fn read(headers: &HeaderMap, body: &[u8], reading: Reading) -> Content {
        if body.is_empty() {
            return Content::None;
        }
        if headers.contains_key(header::CONTENT_ENCODING) {
            return Content::Unreadable(Unreadable::Coding);
        }
        if !is_plain_json(headers) {
            return Content::Unreadable(Unreadable::MediaType);
        }
        let value = match json::parse(body) {
            Ok(value) => value,
            Err(error) => return Content::Unreadable(Unreadable::Syntax(error.to_string())),
        };
        let doubt = match reading {
            Reading::Exact => doubt(body, &value),
            Reading::Plain => None,
        };
        doubt.map_or(Content::Json(value), Content::Unreadable)
    }
}

impl Unreadable {
    /// The stable reason code.
    pub fn code(&self) -> &'static str {
        match self {
            Unreadable::MediaType => "body_media_type",
            Unreadable::Coding => "body_coding",
            Unreadable::Syntax(_) => "body_not_strict_json",
            Unreadable::InexactNumber(_) => "body_inexact_number",
            Unreadable::AliasedMember(_) => "body_aliased_member",
        }
    }
}

/// What in a strict body two readers could still take for two things.
fn doubt(body: &[u8], value: &Value) -> Option<Unreadable> {
    let inexact = json::inexact_number(body).map(Unreadable::InexactNumber);
    let aliased = || Some(Unreadable::AliasedMember(json::aliased_member(value)?.to_owned()));
    inexact.or_else(aliased)
}

/// Exactly one `application/json`, at most with `charset=utf-8`.
fn is_plain_json(headers: &HeaderMap) -> bool {
    let mut types = headers.get_all(header::CONTENT_TYPE).iter();
    let (Some(only), None) = (types.next(), types.next()) else { return false };
    let Ok(text) = only.to_str() else { return false };
    let text = text.to_ascii_lowercase();
    let (media, parameter) = text.split_once(';').unwrap_or((&text, ""));
    let parameter = parameter.trim();
    media.trim() == "application/json"
        && ["", "charset=utf-8", "charset=\"utf-8\""].contains(&parameter)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(content_type: &'static str, body: &str) -> Content {
        let value = header::HeaderValue::from_static(content_type);
        Content::read(
            &[(header::CONTENT_TYPE, value)].into_iter().collect(),
            body.as_bytes(),
            Reading::Exact,
        )
    }

    #[test]
    fn only_plain_json_is_read() {
        let json = Content::Json(serde_json::json!({"a": 1}));
        assert_eq!(read("application/json", "{\"a\":1}"), json);
        assert_eq!(read("Application/JSON; charset=UTF-8", "{\"a\":1}"), json);
        for other in ["text/plain", "application/json; charset=utf-16", "application/json, x/y"] {
            assert_eq!(read(other, "{}"), Content::Unreadable(Unreadable::MediaType), "{other}");
        }
        assert_eq!(read("text/plain", ""), Content::None);
    }

    #[test]
    fn an_inexact_number_is_unreadable_where_exact_ones_are_asked() {
        let value = header::HeaderValue::from_static("application/json");
        let headers: HeaderMap = [(header::CONTENT_TYPE, value)].into_iter().collect();
        let body = b"{\"id\":9007199254740993}";
        assert!(matches!(Content::read(&headers, body, Reading::Plain), Content::Json(_)));
        let exact = Content::read(&headers, body, Reading::Exact);
        assert!(matches!(exact, Content::Unreadable(Unreadable::InexactNumber(_))));
    }

    #[test]
    fn a_member_in_two_spellings_is_unreadable_where_the_body_decides() {
        let content = read("application/json", "{\"amount\":5,\"Amount\":500}");
        assert_eq!(content, Content::Unreadable(Unreadable::AliasedMember("amount".into())));
    }

    #[test]
    fn a_member_twice_is_unreadable() {
        let content = read("application/json", "{\"a\":1,\"\\u0061\":2}");
        assert!(matches!(content, Content::Unreadable(Unreadable::Syntax(_))));
    }
}
