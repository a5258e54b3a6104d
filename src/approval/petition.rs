//! What people are asked to approve: one intent under one policy, and who wants it.
//!
//! A petition holds what binds an approval (digests, scope), what is told when something of it
//! changed (the shape), and what an approver is shown (the exhibit). Two calls with the same
//! digests are the same petition, so that nobody is asked twice for one thing.

use super::{Approvers, Demand, Wanted};
use crate::call::Call;
use crate::intent::Intent;
use crate::intent::text::lower;
use crate::intent::words::words;
use crate::json::Digest;
use http::header;
use serde_json::value::RawValue;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use unicode_normalization::UnicodeNormalization as _;

/// How long an id is.
const ID_CHARS: usize = 12;
/// What ids are made of: nothing that is mistaken for something else when it is read aloud.
const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";

/// Names one request for approval; short enough to type.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(Arc<str>);

/// What people are asked to approve.
#[derive(Clone, Debug)]
pub struct Petition {
    /// What an approval must permit.
    pub wanted: Wanted,
    /// How many approvals there must be.
    pub demand: Demand,
    /// The route that the call took.
    pub route: Arc<str>,
    /// The tool's name, in lower case.
    pub tool_name: Arc<str>,
    /// The intent's risk class.
    pub risk_class: Arc<str>,
    /// Who wants it.
    pub requester: Requester,
    /// The request, part by part.
    pub shape: Shape,
    /// What an approver is shown: a JSON object, masked where config says.
    pub exhibit: Arc<RawValue>,
    /// For how long it waits for an approval.
    pub open_for: Duration,
}

/// Who wants something approved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Requester {
    /// The caller's name.
    pub identity: Arc<str>,
    /// Whether the name is proven.
    pub proof: Proof,
    /// All in whose name it calls, as tokens have proven. None of them may approve it either.
    pub behalf: Vec<String>,
}

/// Whether a caller is who it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// It showed a credential.
    Proven,
    /// It is nobody in particular: only a token that it shows can let its call run.
    Unproven,
}

/// A request, part by part: to say what changed since it was approved.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shape {
    /// The method.
    pub method: String,
    /// The authority.
    pub host: String,
    /// Digest of the canonical path, which may hold secrets.
    pub path: String,
    /// Digest of the canonical query, which may hold them, too; empty for none.
    pub query: String,
    /// Digest of the content type as it came; that of nothing for none.
    pub content_type: String,
    /// Digest of the body.
    pub body: String,
    /// The caller's name.
    pub identity: String,
}

words! {
    /// What of a call is another than what was approved, as reason code.
    pub enum Changed {
        Body = "approved_other_body",
        ContentType = "approved_other_content_type",
        Facts = "approved_other_facts",
        Host = "approved_other_host",
        Identity = "approved_other_identity",
        Method = "approved_other_method",
        Path = "approved_other_path",
        Query = "approved_other_query",
    }
}

words! {
    /// How a request for approval stands.
    pub enum State {
        Approved = "approved",
        Denied = "denied",
        Executed = "executed",
        Expired = "expired",
        Pending = "pending",
        Running = "running",
        Unknown = "unknown",
    }
}

// === impl RequestId ===

impl RequestId {
    /// An id of random bytes.
    pub fn of(bytes: [u8; ID_CHARS]) -> RequestId {
        let letter =
            |byte: u8| ALPHABET.get(usize::from(byte & 31)).map_or('a', |c| char::from(*c));
        RequestId(bytes.into_iter().map(letter).collect::<String>().into())
    }

    /// Reads an id; `None` for what is none.
    pub fn parse(text: &str) -> Option<RequestId> {
        let fits = text.len() == ID_CHARS && text.bytes().all(|byte| ALPHABET.contains(&byte));
        fits.then(|| RequestId(text.into()))
    }

    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

// === impl Petition ===

impl Petition {
    /// Whether each approval must come from somebody else.
    pub fn is_distinct(&self) -> bool {
        self.demand.approvers == Approvers::Distinct
    }
}

// === impl Requester ===

impl Requester {
    /// Who wants `intent`.
    pub fn of(intent: &Intent, proof: Proof) -> Requester {
        let identity = intent.context().identity.as_str();
        let behalf = intent.delegation().map(|delegation| {
            let chain = delegation.chain.iter();
            let names = chain.flat_map(|link| [&link.delegator_identity, &link.delegate_identity]);
            names.chain([&delegation.requester_identity]).cloned().collect::<Vec<_>>()
        });
        Requester { identity: identity.into(), proof, behalf: behalf.unwrap_or_default() }
    }

    /// Whether `name` is one of those who want it, in whatever case and form it is written: who
    /// proves names may write them otherwise than config does.
    pub fn includes(&self, name: &str) -> bool {
        let name = folded(name);
        folded(&self.identity) == name || self.behalf.iter().any(|one| folded(one) == name)
    }
}

fn folded(name: &str) -> String {
    lower(&name.trim().nfkc().collect::<String>())
}

// === impl Shape ===

impl Shape {
    /// The parts of a call whose body is whole.
    pub fn of(call: &Call, identity: &str) -> Shape {
        let head = call.head();
        let digest = |bytes: &[u8]| Digest::of(bytes).to_string();
        let content_type = head.headers().get(header::CONTENT_TYPE);
        Shape {
            method: head.method().to_string(),
            host: head.authority().as_str().to_owned(),
            path: digest(head.target().path().as_bytes()),
            query: head.target().query().map_or_else(String::new, |query| digest(query.as_bytes())),
            content_type: digest(content_type.map(|value| value.as_bytes()).unwrap_or_default()),
            body: digest(call.body().whole().unwrap_or_default()),
            identity: identity.to_owned(),
        }
    }

    /// What is another than in `approved`; `Facts` where none of the parts is, but something else
    /// that the intent says.
    pub fn changed_since(&self, approved: &Shape) -> Vec<Changed> {
        let pairs = [
            (&self.method, &approved.method, Changed::Method),
            (&self.host, &approved.host, Changed::Host),
            (&self.path, &approved.path, Changed::Path),
            (&self.query, &approved.query, Changed::Query),
            (&self.content_type, &approved.content_type, Changed::ContentType),
            (&self.body, &approved.body, Changed::Body),
            (&self.identity, &approved.identity, Changed::Identity),
        ];
        let changed = pairs.into_iter().filter(|(now, then, _)| now != then);
        let changed: Vec<Changed> = changed.map(|(_, _, what)| what).collect();
        if changed.is_empty() { vec![Changed::Facts] } else { changed }
    }
}

// === impl State ===

impl State {
    /// Whether the same call joins this request; any other state is the end of it.
    pub fn is_open(self) -> bool {
        matches!(self, State::Pending | State::Approved | State::Denied | State::Running)
    }
}
