//! What the store tells of a request to those who look after it, and what they say of it.

use crate::approval::{RequestId, State};
use jiff::Timestamp;
use serde_json::value::RawValue;
use std::sync::Arc;
use std::time::Duration;

/// One request, whole.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Its name.
    pub id: RequestId,
    /// How it stands.
    pub state: State,
    /// Rises with every change of it.
    pub version: u64,
    /// The route of the call.
    pub route: Arc<str>,
    /// Its tool.
    pub tool_name: Arc<str>,
    /// Its risk class.
    pub risk_class: Arc<str>,
    /// Who wants it.
    pub requester: crate::approval::Requester,
    /// How many approvals are wanted.
    pub required: u64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it stops waiting.
    pub expires_at: Timestamp,
    /// When its state was last changed.
    pub changed_at: Timestamp,
    /// When its caller last asked.
    pub asked_at: Timestamp,
    /// How often it was asked for.
    pub asked: u64,
    /// The intent, hex.
    pub intent_digest: String,
    /// The policy, hex.
    pub policy_digest: String,
    /// The delegation that the intent rests on, hex; empty for none.
    pub delegation_digest: String,
    /// What an approval must permit.
    pub scope: Vec<String>,
    /// What is shown of the call: a JSON object.
    pub exhibit: Box<RawValue>,
    /// What was said of it, in order.
    pub voices: Vec<Voice>,
    /// The call that ran on it, where one did.
    pub run: Option<Run>,
}

/// What one approver said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Voice {
    /// Yes or no.
    pub word: Word,
    /// Who.
    pub approver: Arc<str>,
    /// Logged in as.
    pub login: Arc<str>,
    /// Why, in words.
    pub reason: Arc<str>,
    /// When.
    pub at: Timestamp,
    /// Until when a yes holds.
    pub expires_at: Option<Timestamp>,
    /// The token of a yes.
    pub token_id: Option<String>,
}

/// Yes or no.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Word {
    /// It may run.
    Grant,
    /// It may not.
    Deny,
}

impl Word {
    /// `grant` or `deny`.
    pub fn as_str(self) -> &'static str {
        match self {
            Word::Grant => "grant",
            Word::Deny => "deny",
        }
    }
}

/// A call that took its words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// Which.
    pub call_id: Arc<str>,
    /// When the words were claimed.
    pub claimed_at: Timestamp,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// How: a word of [`Ending`](crate::evidence::Ending), `outcome unknown` where the process died.
    pub ending: Option<Arc<str>>,
    /// The tool's status.
    pub status: Option<u16>,
}

/// Which requests are wanted.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// In any of these states; none for all.
    pub states: Vec<State>,
    /// Of this tool.
    pub tool_name: Option<String>,
    /// Older than this one, for the next page.
    pub before: Option<RequestId>,
    /// At most so many, newest first.
    pub limit: usize,
}

/// Requests, newest first.
#[derive(Clone, Debug)]
pub struct Page {
    /// They.
    pub entries: Vec<Entry>,
    /// Where the next page begins.
    pub next: Option<RequestId>,
    /// Rises with every change of any request.
    pub revision: u64,
}

/// What an approver says of a request.
#[derive(Clone, Debug)]
pub struct Resolve {
    /// Of which.
    pub id: RequestId,
    /// The version that the approver saw.
    pub version: u64,
    /// Yes or no.
    pub word: Word,
    /// Who, by the roster.
    pub approver: Arc<str>,
    /// Logged in as.
    pub login: Arc<str>,
    /// Why, in words.
    pub reason: Arc<str>,
    /// How long a yes holds.
    pub holds: Duration,
}

/// What came of it.
#[derive(Clone, Debug)]
pub struct Resolved {
    /// The request as it stands now.
    pub entry: Entry,
    /// The token of a yes, for a caller that must show one: JSON.
    pub token: Option<String>,
}

/// Why nothing came of it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Conflict {
    /// There is none of that name.
    #[error("there is no such request")]
    NoSuch,
    /// It is not as the approver saw it.
    #[error("it has changed since: version {0}")]
    Changed(u64),
    /// It has ended, or its call has left.
    #[error("it is {} already", .0.as_str())]
    Over(State),
    /// The same person has said yes before.
    #[error("you have granted it already")]
    Twice,
}
