//! Conditions on query, header and body, with three answers: yes, no, unreadable.
//!
//! A missing member is a plain no. Whatever another reader could understand differently (a key
//! twice, another type, a body that is not strict JSON) is unreadable, and ends routing: falling
//! through to a lower-risk route would be how a caller picks its own risk class.

use crate::call::body::Content;
use crate::call::query::{self, Found};
use crate::call::{Head, headers};
use crate::json;
use http::HeaderName;
use serde_json::Value;

/// Where a value of the request stands.
#[derive(Clone, Debug, PartialEq)]
pub enum Place {
    /// A query parameter.
    Query(String),
    /// A header field.
    Header(HeaderName),
    /// A JSON Pointer into the body (RFC 6901).
    Body(String),
}

/// What the value must be.
#[derive(Clone, Debug, PartialEq)]
pub enum Test {
    /// Exactly this.
    Equals(Value),
    /// One of these.
    OneOf(Vec<Value>),
    /// A number within both bounds, which are part of it.
    Range {
        /// Lower bound.
        min: Option<f64>,
        /// Upper bound.
        max: Option<f64>,
    },
    /// There.
    Present,
    /// Not there.
    Absent,
}

/// One condition.
#[derive(Clone, Debug, PartialEq)]
pub struct Predicate {
    /// Where to look.
    pub place: Place,
    /// What to find.
    pub test: Test,
}

/// The answer to a condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It holds.
    Yes,
    /// It does not.
    No,
    /// It cannot be said; the code says why.
    Unreadable(&'static str),
}

/// A value that was looked up.
enum Seen<'a> {
    Text(String),
    Json(&'a Value),
    Missing,
    Unreadable(&'static str),
}

impl Predicate {
    /// Evaluates the condition. `content` is what the body says; `Content::None` where the body
    /// was not needed.
    pub fn holds(&self, head: &Head, content: &Content) -> Answer {
        match look(&self.place, head, content) {
            Seen::Unreadable(code) => Answer::Unreadable(code),
            Seen::Missing => yes_if(self.test == Test::Absent),
            Seen::Text(text) => self.test.on(&Value::String(text)),
            Seen::Json(value) => self.test.on(value),
        }
    }

    /// Whether the body must be read for it.
    pub fn reads_body(&self) -> bool {
        matches!(self.place, Place::Body(_))
    }
}

impl Test {
    /// Applies the test to a value that is there.
    fn on(&self, value: &Value) -> Answer {
        match self {
            Test::Present => Answer::Yes,
            Test::Absent => Answer::No,
            Test::Equals(want) => one_of(std::slice::from_ref(want), value),
            Test::OneOf(wants) => one_of(wants, value),
            Test::Range { min, max } => range(*min, *max, value),
        }
    }
}

fn yes_if(condition: bool) -> Answer {
    if condition { Answer::Yes } else { Answer::No }
}

/// Equal to one of `wants`; of a type that none of them has, it is unreadable.
fn one_of(wants: &[Value], value: &Value) -> Answer {
    if wants.iter().any(|want| equal(want, value)) {
        return Answer::Yes;
    }
    let same_type = |want: &Value| std::mem::discriminant(want) == std::mem::discriminant(value);
    match wants.iter().any(same_type) {
        true => Answer::No,
        false => Answer::Unreadable("predicate_wrong_type"),
    }
}

/// Numbers are compared as the doubles that they denote: `1` equals `1.0`.
fn equal(want: &Value, value: &Value) -> bool {
    match (want.as_f64(), value.as_f64()) {
        (Some(want), Some(value)) => want == value,
        _ => want == value,
    }
}

fn range(min: Option<f64>, max: Option<f64>, value: &Value) -> Answer {
    match value.as_f64() {
        Some(number) => {
            yes_if(min.is_none_or(|min| number >= min) && max.is_none_or(|max| number <= max))
        }
        None => Answer::Unreadable("predicate_wrong_type"),
    }
}

/// Looks a value up, for a condition or for an argument.
fn look<'a>(place: &Place, head: &Head, content: &'a Content) -> Seen<'a> {
    match place {
        Place::Query(key) => match query::find(head.target().query(), key) {
            Found::One(value) => Seen::Text(value),
            Found::Missing => Seen::Missing,
            Found::Unreadable => Seen::Unreadable("query_unreadable"),
        },
        Place::Header(name) => header(head, name),
        Place::Body(pointer) => match content {
            Content::None => Seen::Missing,
            Content::Unreadable(why) => Seen::Unreadable(why.code()),
            Content::Json(Value::Array(_)) => Seen::Unreadable("body_batch"),
            Content::Json(value) => member(value, pointer),
        },
    }
}

/// Follows a pointer. A step that finds the member under another spelling, as some readers do, is
/// unreadable: to them it is not missing.
fn member<'a>(value: &'a Value, pointer: &str) -> Seen<'a> {
    let mut value = value;
    for token in pointer.split('/').skip(1) {
        let token = token.replace("~1", "/").replace("~0", "~");
        let next = match value {
            Value::Object(members) => {
                let folded = json::folded_name(&token);
                let mut alike = members.keys().filter(|name| json::folded_name(name) == folded);
                if alike.any(|name| *name != token) {
                    return Seen::Unreadable("body_aliased_member");
                }
                members.get(&token)
            }
            Value::Array(_) => value.pointer(&format!("/{token}")),
            _ => None,
        };
        let Some(next) = next else { return Seen::Missing };
        value = next;
    }
    Seen::Json(value)
}

/// One value under one spelling: a server that folds names takes `X_Mode` for `X-Mode`.
fn header<'a>(head: &Head, name: &HeaderName) -> Seen<'a> {
    let folded = headers::fold(name.as_str());
    let mut alike = head.headers().iter().filter(|(key, _)| headers::fold(key.as_str()) == folded);
    match (alike.next(), alike.next()) {
        (None, _) => Seen::Missing,
        (Some((key, value)), None) if key == name => {
            let text = value.to_str().map(str::to_owned);
            text.map_or(Seen::Unreadable("header_unreadable"), Seen::Text)
        }
        _ => Seen::Unreadable("header_unreadable"),
    }
}

/// Looks up the value of an argument: `Ok(None)` where it is missing.
///
/// # Errors
/// The code of why it cannot be read.
pub fn value_at(
    place: &Place,
    head: &Head,
    content: &Content,
) -> Result<Option<Value>, &'static str> {
    match look(place, head, content) {
        Seen::Text(text) => Ok(Some(Value::String(text))),
        Seen::Json(value) => Ok(Some(value.clone())),
        Seen::Missing => Ok(None),
        Seen::Unreadable(code) => Err(code),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::host::HostRule;
    use serde_json::json;

    fn holds(place: Place, test: Test, body: Content) -> Answer {
        let request = http::Request::builder()
            .uri("/a?mode=read&twice=1&twice=2")
            .header("host", "h")
            .header("x-one", "1")
            .header("x-two", "1")
            .header("x-two", "2")
            .header("x-three", "1")
            .header("x_three", "2");
        let parts = request.body(()).unwrap().into_parts().0;
        let head = Head::read(&parts, &HostRule::Any).unwrap();
        Predicate { place, test }.holds(&head, &body)
    }

    #[test]
    fn three_answers() {
        let body = || Content::Json(json!({"amount": 100, "text": "x", "nil": null}));
        let at = |pointer: &str| Place::Body(pointer.into());
        let range = || Test::Range { min: Some(0.0), max: Some(100.0) };
        let wrong = Answer::Unreadable("predicate_wrong_type");
        let rows = [
            (at("/amount"), range(), body(), Answer::Yes),
            (at("/amount"), range(), Content::Json(json!({"amount": 100.01})), Answer::No),
            (at("/amount"), range(), Content::Json(json!({"amount": "1"})), wrong),
            (at("/amount"), range(), Content::Json(json!({})), Answer::No),
            (at("/amount"), range(), Content::None, Answer::No),
            (at("/amount"), range(), Content::Json(json!([])), Answer::Unreadable("body_batch")),
            (
                at("/amount"),
                range(),
                Content::Json(json!({"Amount": 5})),
                Answer::Unreadable("body_aliased_member"),
            ),
            (
                at("/a~1b/0/c"),
                Test::Present,
                Content::Json(json!({"a/b": [{"c": 1}]})),
                Answer::Yes,
            ),
            (at("/text"), Test::Equals(json!("x")), body(), Answer::Yes),
            (at("/text"), Test::Equals(json!(1)), body(), wrong),
            (at("/amount"), Test::Equals(json!(100.0)), body(), Answer::Yes),
            (at("/nil"), Test::Present, body(), Answer::Yes),
            (at("/gone"), Test::Absent, body(), Answer::Yes),
            (Place::Query("mode".into()), Test::Equals(json!("read")), body(), Answer::Yes),
            (Place::Query("mode".into()), Test::OneOf(vec![json!("w")]), body(), Answer::No),
            (
                Place::Query("twice".into()),
                Test::Present,
                body(),
                Answer::Unreadable("query_unreadable"),
            ),
            (
                Place::Header(HeaderName::from_static("x-one")),
                Test::Equals(json!("1")),
                body(),
                Answer::Yes,
            ),
            (
                Place::Header(HeaderName::from_static("x-three")),
                Test::Equals(json!("1")),
                body(),
                Answer::Unreadable("header_unreadable"),
            ),
            (
                Place::Header(HeaderName::from_static("x-two")),
                Test::Equals(json!("1")),
                body(),
                Answer::Unreadable("header_unreadable"),
            ),
        ];
        for (place, test, content, want) in rows {
            let label = format!("{place:?} {test:?}");
            assert_eq!(holds(place, test, content), want, "{label}");
        }
    }
}
