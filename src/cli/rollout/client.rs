//! The questions that go to the gait that runs, and what is said where they are refused.

use crate::cli::answer::Failure;
use crate::cli::approvals::Door;
use crate::egress::{Admin, Answered, Ask};
use bytes::Bytes;
use http::{Method, StatusCode};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;
use std::time::Duration;

/// A long log is read in several goes, each of which is answered with *busy*.
const BUSY_MAX: usize = 120;
const BUSY_PAUSE: Duration = Duration::from_millis(500);

/// Gets a document.
///
/// # Errors
/// Exit 1 where gait does not answer or cannot, 6 for all else.
pub(super) fn get(door: &Door, target: &str) -> Result<Value, Failure> {
    match exchange(door, Method::GET, target, &Bytes::new())? {
        (StatusCode::OK, value) => Ok(value),
        (status, value) => Err(refusal(status, &value)),
    }
}

/// Has something done; whatever is answered is an answer.
///
/// # Errors
/// Exit 1 where gait does not answer, 6 where it cannot be asked.
pub(super) fn post(
    door: &Door,
    target: &str,
    body: &Value,
) -> Result<(StatusCode, Value), Failure> {
    exchange(door, Method::POST, target, &Bytes::from(body.to_string()))
}

/// Asks, and again while gait is busy; whatever is answered is an answer.
///
/// # Errors
/// As [`post`].
pub(super) fn exchange(
    door: &Door,
    method: Method,
    target: &str,
    body: &Bytes,
) -> Result<(StatusCode, Value), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(Failure::internal)?;
    let admin = door.admin()?;
    runtime.block_on(async {
        for _ in 0..BUSY_MAX {
            // Who is busy has done nothing.
            match ask(&admin, method.clone(), target, body.clone()).await? {
                (status, value) if is_busy(status, &value) => {
                    tokio::time::sleep(BUSY_PAUSE).await;
                }
                answered => return Ok(answered),
            }
        }
        Err(Failure::internal("gait is still reading its log; ask again later"))
    })
}

/// A value as it may stand in a query.
pub(super) fn escaped(value: &str) -> String {
    utf8_percent_encode(value, NON_ALPHANUMERIC).to_string()
}

async fn ask(
    admin: &Admin,
    method: Method,
    target: &str,
    body: Bytes,
) -> Result<(StatusCode, Value), Failure> {
    let (place, wait) = (admin.place(), Duration::ZERO);
    let answered = admin.ask(Ask { method, target, if_match: None, body, wait }).await;
    let Answered { status, body } = answered.map_err(|error| match error.is_input() {
        true => Failure::input(error),
        false => Failure::internal(format!("gait cannot be reached at {place}: {error}")),
    })?;
    let value = serde_json::from_slice(&body).map_err(|_| {
        let what = format!("{status} without JSON");
        Failure::internal(format!("what answers at {place} is no admin API of gait: {what}"))
    })?;
    Ok((status, value))
}

fn is_busy(status: StatusCode, problem: &Value) -> bool {
    let kind = problem.get("type").and_then(Value::as_str);
    status == StatusCode::SERVICE_UNAVAILABLE && kind == Some("urn:gait:admin:busy")
}

/// A member of a problem.
pub(super) fn text(problem: &Value, name: &str) -> Option<String> {
    problem.get(name).and_then(Value::as_str).map(str::to_owned)
}

/// Why gait did not answer, and the mend.
pub(super) fn refusal(status: StatusCode, problem: &Value) -> Failure {
    let text = |name| text(problem, name);
    let said = text("detail").or_else(|| text("title")).unwrap_or_else(|| status.to_string());
    let failure = match status.as_u16() {
        401 => Failure::input(format!(
            "{said}; gait does not know this token: name another with --token-file or \
             GAIT_ADMIN_TOKEN"
        )),
        500.. => Failure::internal(said),
        _ => Failure::input(said),
    };
    failure.with("reason", text("reason").unwrap_or_default())
}

/// Adds a member to a document, where there is something to say.
pub(super) fn add(body: &mut Value, name: &str, value: Option<impl Into<Value>>) {
    if let (Value::Object(members), Some(value)) = (body, value) {
        members.insert(name.to_owned(), value.into());
    }
}
