//! What an approver says, read strictly.

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
const REASON_CHARS_MAX: usize = 500;
/// A grant that holds for less is over before anybody can use it.
const TTL_MIN: Duration = Duration::from_secs(1);

/// Why, and for how long.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Said {
    pub(super) reason: Arc<str>,
    pub(super) holds: Duration,
}

/// Reads the body of a grant or a denial; `holds` is how long a grant holds at most, and unless
/// said otherwise.
pub(super) fn read(
    headers: &HeaderMap,
    body: &Result<Bytes, Unread>,
    word: Word,
    holds: Duration,
) -> Result<Said, Problem> {
    check_media(headers)?;
    let body = body.as_ref().map_err(|unread| refused(*unread))?;
    let value = json::parse(body).map_err(|error| Problem::malformed(format!("body: {error}")))?;
    let Value::Object(mut members) = value else {
        return Err(Problem::malformed("the body must be an object with a `reason`"));
    };
    let reason = reason(&mut members)?;
    let holds = match (word, members.remove("ttl")) {
        (Word::Grant, Some(ttl)) => ttl_of(&ttl, holds)?,
        (Word::Deny, Some(_)) => return Err(Problem::malformed("a denial has no `ttl`")),
        (_, None) => holds,
    };
    match members.keys().next() {
        Some(name) => Err(Problem::malformed(format!("unknown member `{name}`"))),
        None => Ok(Said { reason, holds }),
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

fn reason(members: &mut Map<String, Value>) -> Result<Arc<str>, Problem> {
    let wrong = || {
        let what = format!("1 to {REASON_CHARS_MAX} characters, none of them a control character");
        Problem::malformed(format!("`reason` must be text: {what}"))
    };
    let Some(Value::String(text)) = members.remove("reason") else { return Err(wrong()) };
    let text = text.trim();
    let fits = (1..=REASON_CHARS_MAX).contains(&text.chars().count());
    match fits && !text.chars().any(char::is_control) {
        true => Ok(text.into()),
        false => Err(wrong()),
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
