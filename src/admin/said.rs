//! What people say in a body, read strictly: every member is known, and of its type.

use super::problem::{Kind, Problem};
use super::{BODY_BYTES_MAX, Unread};
use crate::json;
use crate::store::approvals::Word;
use bytes::Bytes;
use http::{HeaderMap, header};
use jiff::SignedDuration;
use serde_json::{Map, Value};
use std::sync::Arc;
use std::time::Duration;

/// How long a reason may be.
pub(super) const REASON_CHARS_MAX: usize = 500;
/// A grant that holds for less is over before anybody can use it.
const TTL_MIN: Duration = Duration::from_secs(1);

/// Why, and for how long.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Said {
    pub(super) reason: Arc<str>,
    pub(super) holds: Duration,
}

/// What stands in a body and was not taken yet.
pub(super) struct Members(Map<String, Value>);

/// Reads the body of a grant or a denial; `holds` is how long a grant holds at most, and unless
/// said otherwise.
pub(super) fn read(
    headers: &HeaderMap,
    body: &Result<Bytes, Unread>,
    word: Word,
    holds: Duration,
) -> Result<Said, Problem> {
    let mut members = self::members(headers, body)?;
    let reason = members.text("reason", REASON_CHARS_MAX)?.into();
    let holds = match (word, members.0.remove("ttl")) {
        (Word::Grant, Some(ttl)) => ttl_of(&ttl, holds)?,
        (Word::Deny, Some(_)) => return Err(Problem::malformed("a denial has no `ttl`")),
        (_, None) => holds,
    };
    members.end()?;
    Ok(Said { reason, holds })
}

/// Reads a body that is an object.
pub(super) fn members(
    headers: &HeaderMap,
    body: &Result<Bytes, Unread>,
) -> Result<Members, Problem> {
    check_media(headers)?;
    let body = body.as_ref().map_err(|unread| refused(*unread))?;
    let value = json::parse(body).map_err(|error| Problem::malformed(format!("body: {error}")))?;
    match value {
        Value::Object(members) => Ok(Members(members)),
        _ => Err(Problem::malformed("the body must be a JSON object")),
    }
}

fn refused(unread: Unread) -> Problem {
    match unread {
        Unread::TooLarge => {
            let detail = format!("a body has at most {BODY_BYTES_MAX} bytes");
            Problem::new(Kind::TooLarge, detail)
        }
        Unread::Broken => Problem::malformed("the body broke off"),
    }
}

/// A form of another site can send other types without asking, but not this one.
fn check_media(headers: &HeaderMap) -> Result<(), Problem> {
    let mut fields = headers.get_all(header::CONTENT_TYPE).iter();
    let field = fields.next().and_then(|field| field.to_str().ok()).unwrap_or_default();
    let plain = field.to_ascii_lowercase().replace(' ', "");
    let fits = ["application/json", "application/json;charset=utf-8"].contains(&plain.as_str());
    match fits && fields.next().is_none() && !headers.contains_key(header::CONTENT_ENCODING) {
        true => Ok(()),
        false => {
            let detail = "send `Content-Type: application/json`, and no `Content-Encoding`";
            Err(Problem::new(Kind::NotJson, detail))
        }
    }
}

fn ttl_of(ttl: &Value, max: Duration) -> Result<Duration, Problem> {
    let text = ttl.as_str().unwrap_or_default();
    let read = text.parse::<SignedDuration>().ok().and_then(|ttl| Duration::try_from(ttl).ok());
    let in_bounds = |ttl: &Duration| (TTL_MIN..=max.max(TTL_MIN)).contains(ttl);
    read.filter(in_bounds).ok_or_else(|| {
        let what = format!("must be a duration from 1s to {}s, such as `5m`", max.as_secs());
        Problem::malformed(format!("`ttl` {what}"))
    })
}

// === impl Members ===

impl Members {
    /// A text that must be there, of at most so many characters.
    pub(super) fn text(&mut self, name: &str, chars_max: usize) -> Result<String, Problem> {
        self.optional_text(name, chars_max)?.ok_or_else(|| text_wanted(name, chars_max))
    }

    /// A text that may be there.
    pub(super) fn optional_text(
        &mut self,
        name: &str,
        chars_max: usize,
    ) -> Result<Option<String>, Problem> {
        let text = match self.0.remove(name) {
            None => return Ok(None),
            Some(Value::String(text)) => text,
            Some(_) => return Err(text_wanted(name, chars_max)),
        };
        let text = text.trim();
        let fits = (1..=chars_max).contains(&text.chars().count());
        match fits && !text.chars().any(char::is_control) {
            true => Ok(Some(text.to_owned())),
            false => Err(text_wanted(name, chars_max)),
        }
    }

    /// A whole number that may be there.
    pub(super) fn number(&mut self, name: &str, max: u64) -> Result<Option<u64>, Problem> {
        let wrong = || Problem::malformed(format!("`{name}` must be a whole number up to {max}"));
        let number = |value: Value| value.as_u64().filter(|number| *number <= max);
        self.0.remove(name).map(|value| number(value).ok_or_else(wrong)).transpose()
    }

    /// Yes or no; no where it is not there.
    pub(super) fn flag(&mut self, name: &str) -> Result<bool, Problem> {
        match self.0.remove(name) {
            None => Ok(false),
            Some(Value::Bool(flag)) => Ok(flag),
            Some(_) => Err(Problem::malformed(format!("`{name}` must be true or false"))),
        }
    }

    /// Refuses whatever is left.
    pub(super) fn end(self) -> Result<(), Problem> {
        match self.0.keys().next() {
            Some(name) => Err(Problem::malformed(format!("unknown member `{name}`"))),
            None => Ok(()),
        }
    }
}

fn text_wanted(name: &str, chars_max: usize) -> Problem {
    let what = format!("1 to {chars_max} characters, none of them a control character");
    Problem::malformed(format!("`{name}` must be text: {what}"))
}
