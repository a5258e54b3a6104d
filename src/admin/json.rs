//! The JSON forms of a request. What is in the exhibit comes from a caller: it is passed on as the
//! JSON that it is, and never as anything else.

use super::diff::{self, Change};
use super::rights::May;
use crate::json::{self, Digest};
use crate::store::approvals::{Entry, Summary, Voice, Word};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;

/// A request, whole.
#[derive(Serialize)]
pub(super) struct Request<'a> {
    #[serde(flatten)]
    summary: Summary<'a>,
    changed_at: String,
    intent_digest: &'a str,
    policy_digest: &'a str,
    delegation_digest: Option<&'a str>,
    scope: &'a [String],
    call: &'a RawValue,
    voices: Vec<Said<'a>>,
    run: Option<Ran<'a>>,
    precedent: Option<Precedent<'a>>,
    may: May,
}

#[derive(Serialize)]
struct Said<'a> {
    word: &'static str,
    approver: &'a str,
    login: &'a str,
    reason: &'a str,
    at: String,
    expires_at: Option<String>,
}

#[derive(Serialize)]
struct Ran<'a> {
    call_id: &'a str,
    claimed_at: String,
    ended_at: Option<String>,
    ending: Option<&'a str>,
    status: Option<u16>,
}

#[derive(Serialize)]
struct Precedent<'a> {
    id: &'a str,
    at: String,
    approvers: Vec<&'a str>,
    changes: Vec<Change>,
    /// Whether there are more changes than are told.
    more: bool,
}

impl<'a> Request<'a> {
    pub(super) fn of(
        entry: &'a Entry,
        precedent: Option<&'a Entry>,
        may: May,
        now: Timestamp,
    ) -> Request<'a> {
        let run = entry.run.as_ref().map(|run| Ran {
            call_id: &run.call_id,
            claimed_at: time(run.claimed_at),
            ended_at: run.ended_at.map(time),
            ending: run.ending.as_deref(),
            status: run.status,
        });
        let delegation = entry.delegation_digest.as_str();
        Request {
            summary: entry.summary(now),
            changed_at: time(entry.changed_at),
            intent_digest: &entry.intent_digest,
            policy_digest: &entry.policy_digest,
            delegation_digest: Digest::parse(delegation).map(|_| delegation),
            scope: &entry.scope,
            call: &entry.exhibit,
            voices: entry.voices.iter().map(Said::of).collect(),
            run,
            precedent: precedent.map(|before| Precedent::of(before, entry)),
            may,
        }
    }
}

impl<'a> Said<'a> {
    fn of(voice: &'a Voice) -> Said<'a> {
        Said {
            word: voice.word.as_str(),
            approver: &voice.approver,
            login: &voice.login,
            reason: &voice.reason,
            at: time(voice.at),
            expires_at: voice.expires_at.map(time),
        }
    }
}

impl<'a> Precedent<'a> {
    fn of(before: &'a Entry, now: &Entry) -> Precedent<'a> {
        let changes = diff::between(&read(&before.exhibit), &read(&now.exhibit));
        let grants = before.voices.iter().filter(|voice| voice.word == Word::Grant);
        Precedent {
            id: before.id.as_str(),
            at: time(before.run.as_ref().map_or(before.changed_at, |run| run.claimed_at)),
            approvers: grants.map(|voice| &*voice.approver).collect(),
            changes: changes.told,
            more: changes.more,
        }
    }
}

/// RFC 3339, in milliseconds.
pub(super) fn time(time: Timestamp) -> String {
    format!("{time:.3}")
}

/// An exhibit that cannot be read shows no parts; whole it is shown all the same.
fn read(exhibit: &RawValue) -> Value {
    json::parse(exhibit.get().as_bytes()).unwrap_or_default()
}
