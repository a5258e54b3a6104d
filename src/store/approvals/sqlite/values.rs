//! Values between rows and what they mean. A row that means nothing is a damaged file.

use super::super::shelf::Fault;
use crate::approval::{RequestId, Shape, State};
use jiff::Timestamp;
use serde_json::value::RawValue;

/// Microseconds since 1970.
pub(super) fn micros(at: Timestamp) -> i64 {
    at.as_microsecond()
}

/// The other way.
pub(super) fn time(micros: i64) -> Result<Timestamp, Fault> {
    Timestamp::from_microsecond(micros).map_err(|error| damaged("time", &error.to_string()))
}

/// The largest number that a row holds stands for all beyond it.
pub(super) fn integer(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// How many rows at most.
pub(super) fn rows(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

/// The other way; a row holds no negative one.
pub(super) fn number(integer: i64) -> Result<u64, Fault> {
    u64::try_from(integer).map_err(|error| damaged("number", &error.to_string()))
}

/// A request's name.
pub(super) fn id(text: &str) -> Result<RequestId, Fault> {
    RequestId::parse(text).ok_or_else(|| damaged("id", text))
}

/// A state.
pub(super) fn state(text: &str) -> Result<State, Fault> {
    State::parse(text).ok_or_else(|| damaged("state", text))
}

/// Words as a JSON list.
pub(super) fn list(words: &[String]) -> Result<String, Fault> {
    serde_json::to_string(words).map_err(|error| Fault::Refused(error.to_string()))
}

/// The other way.
pub(super) fn words(text: &str) -> Result<Vec<String>, Fault> {
    serde_json::from_str(text).map_err(|error| damaged("list", &error.to_string()))
}

/// A shape as a JSON list of its parts.
pub(super) fn parts(shape: &Shape) -> Result<String, Fault> {
    let Shape { method, host, path, query, content_type, body, identity } = shape.clone();
    list(&[method, host, path, query, content_type, body, identity])
}

/// The other way.
pub(super) fn shape(text: &str) -> Result<Shape, Fault> {
    let parts: Result<[String; 7], _> = words(text)?.try_into();
    let Ok([method, host, path, query, content_type, body, identity]) = parts else {
        return Err(damaged("shape", text));
    };
    Ok(Shape { method, host, path, query, content_type, body, identity })
}

/// JSON that is handed on as it is.
pub(super) fn raw(text: String) -> Result<Box<RawValue>, Fault> {
    RawValue::from_string(text).map_err(|error| damaged("exhibit", &error.to_string()))
}

fn damaged(what: &str, why: &str) -> Fault {
    Fault::Broken(format!("the file is damaged: a {what} is none: {why}"))
}
