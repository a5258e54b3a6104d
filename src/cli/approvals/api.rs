//! The questions that the commands ask, and what is said where they are refused.

use super::wire::{Page, Problem, Summary};
use crate::approval::RequestId;
use crate::cli::answer::Failure;
use crate::egress::{Admin, Answered, Ask};
use bytes::Bytes;
use http::{Method, StatusCode};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::fmt::Write as _;
use std::time::Duration;

/// Requests on one page.
const PAGE_ROWS: usize = 100;

/// No list is read further than this.
const PAGES_MAX: usize = 200;

/// The fewest characters of an id that may stand for it.
const PREFIX_CHARS_MIN: usize = 4;

/// The admin API of one gait.
pub(super) struct Api {
    admin: Admin,
}

/// Which requests are wanted.
#[derive(Clone, Debug, Default)]
pub(super) struct Filter {
    /// In any of these states; none for all.
    pub(super) states: Vec<String>,
    /// Of this tool.
    pub(super) tool: Option<String>,
}

/// A request as its document, and as it is read.
#[derive(Clone, Debug)]
pub(super) struct Listed {
    pub(super) value: Value,
    pub(super) summary: Summary,
}

/// What is said of a request.
pub(super) struct Word<'a> {
    /// Of which.
    pub(super) id: &'a str,
    /// `grant` or `deny`.
    pub(super) word: &'static str,
    /// The version that was seen.
    pub(super) version: u64,
    /// The document that goes with it.
    pub(super) body: Value,
}

impl Filter {
    fn query(&self, rows: usize) -> String {
        let mut query = format!("/v1/approvals?limit={rows}");
        // Writing to a string cannot fail.
        if !self.states.is_empty() {
            let _ = write!(query, "&state={}", self.states.join(","));
        }
        if let Some(tool) = &self.tool {
            let _ = write!(query, "&tool={}", utf8_percent_encode(tool, NON_ALPHANUMERIC));
        }
        query
    }
}

impl Api {
    pub(super) fn new(admin: Admin) -> Api {
        Api { admin }
    }

    /// Every request that is wanted, newest first, and the revision before the first was read.
    ///
    /// # Errors
    /// As all of these: exit 1 where gait or its store does not answer, 6 for all else.
    pub(super) async fn list(&self, filter: &Filter) -> Result<(u64, Vec<Listed>), Failure> {
        let query = filter.query(PAGE_ROWS);
        let (mut target, mut revision, mut found) = (query.clone(), None, Vec::new());
        for _ in 0..PAGES_MAX {
            let page: Page = read(&self.get(&target, Duration::ZERO).await?)?;
            revision = revision.or(Some(page.revision));
            for value in page.approvals {
                found.push(Listed { summary: read(&value)?, value });
            }
            match page.next {
                Some(next) => target = format!("{query}&before={}", plain(&next)),
                None => return Ok((revision.unwrap_or_default(), found)),
            }
        }
        Err(Failure::input("there are too many requests; narrow them with --state or --tool"))
    }

    /// The newest requests, of whatever state.
    pub(super) async fn newest(&self) -> Result<Vec<Listed>, Failure> {
        let page: Page =
            read(&self.get(&Filter::default().query(PAGE_ROWS), Duration::ZERO).await?)?;
        let listed = |value: Value| Ok(Listed { summary: read(&value)?, value });
        page.approvals.into_iter().map(listed).collect()
    }

    /// Waits until something is newer than `revision`, or `wait` is over.
    pub(super) async fn change(&self, revision: u64, wait: Duration) -> Result<(), Failure> {
        let query = Filter::default().query(1);
        let target = format!("{query}&since={revision}&wait={}", wait.as_secs());
        self.get(&target, wait).await.map(drop)
    }

    /// One request, whole; `given` is its id, or how it begins.
    pub(super) async fn show(&self, given: &str) -> Result<Value, Failure> {
        let id = self.whole_id(given).await?;
        self.get(&format!("/v1/approvals/{id}"), Duration::ZERO).await
    }

    /// The id that begins as `given`.
    pub(super) async fn whole_id(&self, given: &str) -> Result<String, Failure> {
        if RequestId::parse(given).is_some() {
            return Ok(given.to_owned());
        }
        let is_word = given.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
        if given.len() < PREFIX_CHARS_MIN || !is_word {
            return Err(Failure::input(format!(
                "`{given}` is no id; give one that `gait approvals list` shows, or at least its \
                 first {PREFIX_CHARS_MIN} characters"
            )));
        }
        let (_, all) = self.list(&Filter::default()).await?;
        let mut ids = all.into_iter().map(|one| one.summary.id).filter(|id| id.starts_with(given));
        match (ids.next(), ids.next()) {
            (Some(id), None) => Ok(plain(&id)),
            (Some(one), Some(other)) => Err(Failure::input(format!(
                "`{given}` may be `{one}` or `{other}`; give more of the id"
            ))),
            (None, _) => Err(unknown(given)),
        }
    }

    /// Says yes or no.
    pub(super) async fn say(&self, word: Word<'_>) -> Result<Value, Failure> {
        let target = format!("/v1/approvals/{}/{}", word.id, word.word);
        let ask = Ask {
            method: Method::POST,
            target: &target,
            if_match: Some(word.version),
            body: Bytes::from(word.body.to_string()),
            wait: Duration::ZERO,
        };
        self.ask(ask).await
    }

    async fn get(&self, target: &str, wait: Duration) -> Result<Value, Failure> {
        let (method, body) = (Method::GET, Bytes::new());
        self.ask(Ask { method, target, if_match: None, body, wait }).await
    }

    async fn ask(&self, ask: Ask<'_>) -> Result<Value, Failure> {
        let target = ask.target.to_owned();
        let place = self.admin.place();
        let Answered { status, body } =
            self.admin.ask(ask).await.map_err(|error| match error.is_input() {
                true => Failure::input(error),
                false => Failure::internal(format!("gait cannot be reached at {place}: {error}")),
            })?;
        match serde_json::from_slice(&body) {
            Ok(value) if status == StatusCode::OK => Ok(value),
            Ok(value) => Err(refusal(status, &read(&value).unwrap_or_default(), &target)),
            Err(_) => Err(Failure::internal(format!(
                "what answers at {place} is no admin API of gait: {status} without JSON"
            ))),
        }
    }
}

/// Reads a document of the API.
pub(super) fn read<T: DeserializeOwned>(value: &Value) -> Result<T, Failure> {
    T::deserialize(value)
        .map_err(|error| Failure::internal(format!("the answer of gait cannot be read: {error}")))
}

/// An id as it may stand in a target, whatever was answered.
fn plain(id: &str) -> String {
    utf8_percent_encode(id, NON_ALPHANUMERIC).to_string()
}

fn unknown(id: &str) -> Failure {
    Failure::input(format!(
        "there is no request `{id}`; `gait approvals list --state all` shows all there are"
    ))
}

/// Why gait did not do it, and the mend.
fn refusal(status: StatusCode, problem: &Problem, target: &str) -> Failure {
    let id = target.split('/').nth(3).unwrap_or_default();
    let said = match problem.detail.as_str() {
        "" if problem.title.is_empty() => status.to_string(),
        "" => problem.title.clone(),
        detail => detail.to_owned(),
    };
    let said = match problem.reason.as_deref() {
        Some(reason) => format!("{reason}: {said}{}", mend(reason)),
        None => said,
    };
    let failure = match status.as_u16() {
        401 => Failure::input(format!(
            "{said}; gait does not know this token: name another with --token-file or \
             GAIT_ADMIN_TOKEN"
        )),
        404 if !id.is_empty() => unknown(id),
        409 => Failure::input(format!("{said}; `gait approvals show {id}` says how it stands")),
        412 => Failure::input(format!(
            "the request has changed since it was shown; look again: `gait approvals show {id}`"
        )),
        500.. => Failure::internal(said),
        _ => Failure::input(said),
    };
    failure.with("reason", problem.reason.clone().unwrap_or_default())
}

/// What to do about a word that does not count.
fn mend(reason: &str) -> &'static str {
    match reason {
        "approver_is_requester" => "; somebody else must decide it",
        "approver_out_of_scope" => "; ask an approver whose `may` in the config covers it",
        "approver_not_authorized" => "; name this login at an approver in `approvals.approvers`",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(status: u16, reason: Option<&str>) -> String {
        let problem = Problem {
            title: "t".to_owned(),
            detail: "why".to_owned(),
            reason: reason.map(str::to_owned),
        };
        let status = StatusCode::from_u16(status).unwrap();
        refusal(status, &problem, "/v1/approvals/abcdefghjkmn/grant").to_string()
    }

    #[test]
    fn a_refusal_says_why_and_what_to_do() {
        let requester = said(403, Some("approver_is_requester"));
        assert_eq!(requester, "approver_is_requester: why; somebody else must decide it");
        assert!(said(401, None).contains("--token-file"));
        assert!(said(404, None).contains("no request `abcdefghjkmn`"));
        assert!(said(409, Some("executed")).contains("executed: why"));
        assert!(said(412, None).contains("gait approvals show abcdefghjkmn"));
        assert_eq!(said(503, None), "why");
    }

    #[test]
    fn a_filter_cannot_forge_a_query() {
        let tool = Some("a&state=all b".to_owned());
        let query = Filter { states: vec!["pending".to_owned()], tool }.query(5);
        assert_eq!(query, "/v1/approvals?limit=5&state=pending&tool=a%26state%3Dall%20b");
    }
}
