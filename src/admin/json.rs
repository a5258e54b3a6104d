//! The JSON forms of a request. What is in the exhibit comes from a caller: it is passed on as the
//! JSON that it is, and never as anything else.

use super::diff::{self, Change};
use super::rights::{self, May};
use crate::approval::Proof;
use crate::json::{self, Digest};
use crate::store::approvals::{Entry, Voice, Word};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;

/// A request in a list.
#[derive(Serialize)]
pub(super) struct Summary<'a> {
    id: &'a str,
    state: &'static str,
    version: u64,
    route: &'a str,
    tool_name: &'a str,
    risk_class: &'a str,
    requester: Requester<'a>,
    required_approvals: u64,
    granted_by: Vec<&'a str>,
    created_at: String,
    expires_at: String,
    asked_at: String,
    asked: u64,
    age_seconds: i64,
    method: String,
    path: String,
}

#[derive(Serialize)]
struct Requester<'a> {
    identity: &'a str,
    proven: bool,
    on_behalf_of: &'a [String],
}

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

impl<'a> Summary<'a> {
    pub(super) fn of(entry: &'a Entry, now: Timestamp) -> Summary<'a> {
        let call = read(&entry.exhibit);
        let text =
            |name: &str| call.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        Summary {
            id: entry.id.as_str(),
            state: entry.state.as_str(),
            version: entry.version,
            route: &entry.route,
            tool_name: &entry.tool_name,
            risk_class: &entry.risk_class,
            requester: Requester {
                identity: &entry.requester.identity,
                proven: entry.requester.proof == Proof::Proven,
                on_behalf_of: &entry.requester.behalf,
            },
            required_approvals: entry.required,
            granted_by: rights::granted_by(entry, now).collect(),
            created_at: time(entry.created_at),
            expires_at: time(entry.expires_at),
            asked_at: time(entry.asked_at),
            asked: entry.asked,
            age_seconds: now.as_second().saturating_sub(entry.created_at.as_second()).max(0),
            method: text("method"),
            path: text("path"),
        }
    }
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
            summary: Summary::of(entry, now),
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
