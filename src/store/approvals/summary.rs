//! A request in short, as the admin API lists it and webhooks are told of it.
//!
//! One form for both, so that a bridge needs one reader. Everything in it that comes from a caller
//! is a JSON text and nothing more.

use super::{Entry, Word};
use crate::approval::Proof;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeSet;

/// A request in short; times as RFC 3339, in milliseconds.
#[derive(Clone, Debug, Serialize)]
pub struct Summary<'a> {
    id: &'a str,
    state: &'static str,
    version: u64,
    route: &'a str,
    tool_name: &'a str,
    risk_class: &'a str,
    requester: Requester<'a>,
    required_approvals: u64,
    granted_by: BTreeSet<&'a str>,
    created_at: String,
    expires_at: String,
    asked_at: String,
    asked: u64,
    age_seconds: i64,
    method: String,
    path: String,
}

/// Who wants it.
#[derive(Clone, Debug, Serialize)]
struct Requester<'a> {
    identity: &'a str,
    proven: bool,
    on_behalf_of: &'a [String],
}

impl Entry {
    /// The request in short, seen at `now`. Named as having granted it are those whose yes holds,
    /// or held when a call took it.
    pub fn summary(&self, now: Timestamp) -> Summary<'_> {
        let requester = &self.requester;
        let exhibit: Value = serde_json::from_str(self.exhibit.get()).unwrap_or_default();
        let shown = |name: &str| {
            let text = exhibit.get(name).and_then(Value::as_str);
            text.unwrap_or_default().to_owned()
        };
        Summary {
            id: self.id.as_str(),
            state: self.state.as_str(),
            version: self.version,
            route: &self.route,
            tool_name: &self.tool_name,
            risk_class: &self.risk_class,
            requester: Requester {
                identity: &requester.identity,
                proven: requester.proof == Proof::Proven,
                on_behalf_of: &requester.behalf,
            },
            required_approvals: self.required,
            granted_by: self.granted_by(now),
            created_at: format!("{:.3}", self.created_at),
            expires_at: format!("{:.3}", self.expires_at),
            asked_at: format!("{:.3}", self.asked_at),
            asked: self.asked,
            age_seconds: now.duration_since(self.created_at).as_secs().max(0),
            method: shown("method"),
            path: shown("path"),
        }
    }

    fn granted_by(&self, now: Timestamp) -> BTreeSet<&str> {
        let at = self.run.as_ref().map_or(now, |run| run.claimed_at);
        let grants = self.voices.iter().filter(|voice| voice.word == Word::Grant);
        let held = grants.filter(|voice| voice.expires_at.is_some_and(|end| end > at));
        held.map(|voice| &*voice.approver).collect()
    }
}
