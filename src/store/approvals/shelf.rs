//! What the clerk asks of whatever keeps the requests: rows, in transactions, and nothing of how
//! requests live.
//!
//! The rules of that life stand above, in [`Turn`](super::turn::Turn), once for every kind of
//! shelf. Rejected: a trait of whole errands, which each shelf would get wrong in its own way.

use super::{Entry, Letter, Posted, Voice};
use crate::approval::{Petition, RequestId, Shape, State};
use crate::intent::time::Time;
use jiff::Timestamp;
use std::sync::Arc;
use std::time::Duration;

/// One request as it is kept.
#[derive(Clone, Debug)]
pub(super) struct Record {
    /// What is told of it.
    pub(super) entry: Entry,
    /// What is compared when something of the call changed.
    pub(super) shape: Shape,
    /// For how long it waits, and for how long a no holds.
    pub(super) open_for: Duration,
    /// When time next changes how it stands.
    pub(super) due_at: Option<Timestamp>,
}

/// What makes two petitions the same.
#[derive(Clone, Debug)]
pub(super) struct Key<'a> {
    pub(super) intent_digest: String,
    pub(super) policy_digest: String,
    pub(super) route: &'a str,
}

/// Words that a call takes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Taking<'a> {
    pub(super) id: &'a RequestId,
    pub(super) call_id: &'a str,
    pub(super) tokens: &'a [String],
    /// What the request is again where no byte leaves.
    pub(super) back_to: State,
    pub(super) at: Timestamp,
}

/// How a call on a request ended.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ending<'a> {
    pub(super) call_id: &'a str,
    pub(super) at: Timestamp,
    pub(super) ending: &'a str,
    pub(super) status: Option<u16>,
}

/// One event for one webhook.
#[derive(Clone, Copy, Debug)]
pub(super) struct Post<'a> {
    pub(super) event_id: &'a str,
    pub(super) webhook: &'a str,
    pub(super) body: &'a str,
    pub(super) at: Timestamp,
}

/// Why a shelf did not do it.
#[derive(Debug, thiserror::Error)]
pub(super) enum Fault {
    /// This one thing contradicts what is kept; other things can still be done.
    #[error("{0}")]
    Refused(String),
    /// The shelf is of no use now.
    #[error("{0}")]
    Broken(String),
}

/// A transaction at a time, with marks that it can go back to.
pub(super) trait Shelf: Requests + Words + Outbox + Send {
    /// Begins; fails where the shelf is not the one that was opened.
    fn begin(&mut self) -> Result<(), Fault>;
    /// Sets a mark.
    fn mark(&mut self) -> Result<(), Fault>;
    /// Takes the mark away.
    fn keep(&mut self) -> Result<(), Fault>;
    /// Undoes all since the mark, and takes it away.
    fn forget(&mut self) -> Result<(), Fault>;
    /// Makes all durable before it returns.
    fn commit(&mut self) -> Result<(), Fault>;
    /// Counts changes, across processes.
    fn revision(&mut self) -> Result<u64, Fault>;
    /// Counts one more.
    fn revise(&mut self) -> Result<(), Fault>;
}

/// Requests.
pub(super) trait Requests {
    /// The newest of a key, newest first.
    fn newest(&mut self, key: &Key<'_>, limit: usize) -> Result<Vec<RequestId>, Fault>;
    /// One, with what was said of it and the call that ran on it.
    fn load(&mut self, id: &RequestId) -> Result<Option<Record>, Fault>;
    /// A new one.
    fn add(&mut self, record: &Record) -> Result<(), Fault>;
    /// Its state, version and times.
    fn save(&mut self, record: &Record) -> Result<(), Fault>;
    /// Adds to how often it was asked for.
    fn asked(&mut self, id: &RequestId, count: u64, at: Timestamp) -> Result<(), Fault>;
    /// Newest first; one more than wanted where there are more.
    fn list(&mut self, filter: &super::Filter) -> Result<Vec<RequestId>, Fault>;
    /// The last before it that ran for the same tool.
    fn precedent(&mut self, id: &RequestId) -> Result<Option<RequestId>, Fault>;
    /// What was asked for last under an intent.
    fn shape(&mut self, intent_digest: &str) -> Result<Option<Shape>, Fault>;
    /// Those that time changes by `now`.
    fn due(&mut self, now: Timestamp, limit: usize) -> Result<Vec<RequestId>, Fault>;
    /// How many are pending, of one caller or of all.
    fn pending(&mut self, identity: Option<&str>) -> Result<u64, Fault>;
    /// When the oldest pending one was made.
    fn oldest_pending(&mut self) -> Result<Option<Timestamp>, Fault>;
    /// Forgets some of those that ended before `before`.
    fn prune(&mut self, before: Timestamp, limit: usize) -> Result<(), Fault>;
}

/// What was said, and what was spent.
pub(super) trait Words {
    /// Adds a voice, with the token that was signed for it.
    fn speak(&mut self, id: &RequestId, voice: &Voice, token: Option<&str>) -> Result<(), Fault>;
    /// The token of that id, as it was signed.
    fn token(&mut self, token_id: &str) -> Result<Option<String>, Fault>;
    /// The login that a token was signed for, unless its request was denied. Whether it holds is not
    /// asked: whoever shows it is told what is wrong with it.
    fn recorded(&mut self, token_id: &str) -> Result<Option<Arc<str>>, Fault>;
    /// Whether a call took it, or the request that it was recorded for, or may have: one of before
    /// the shelf was made may.
    fn is_spent(&mut self, token_id: &str, created_at: Time) -> Result<bool, Fault>;
    /// Spends them for a call. Refused where one is spent.
    fn take(&mut self, taking: &Taking<'_>) -> Result<(), Fault>;
    /// Takes a call's words back, and says what its request was before.
    fn give_back(&mut self, call_id: &str) -> Result<Option<State>, Fault>;
    /// The request of a call that has not ended.
    fn running(&mut self, call_id: &str) -> Result<Option<RequestId>, Fault>;
    /// Calls that have not ended.
    fn all_running(&mut self) -> Result<Vec<Arc<str>>, Fault>;
    /// Writes down how a call ended.
    fn end(&mut self, ending: &Ending<'_>) -> Result<(), Fault>;
}

/// Events that were not told yet.
pub(super) trait Outbox {
    /// Adds one.
    fn post(&mut self, post: &Post<'_>) -> Result<(), Fault>;
    /// What is due for one webhook, oldest first.
    fn letters(
        &mut self,
        webhook: &str,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<Letter>, Fault>;
    /// What became of one.
    fn posted(&mut self, id: i64, posted: Posted) -> Result<(), Fault>;
    /// Drops some of those that are for nobody of these, or older than `before`.
    fn clear(
        &mut self,
        webhooks: &[Arc<str>],
        before: Timestamp,
        limit: usize,
    ) -> Result<(), Fault>;
}

impl<'a> Key<'a> {
    /// Of a petition.
    pub(super) fn of(petition: &'a Petition) -> Key<'a> {
        Key {
            intent_digest: petition.wanted.intent_digest.to_string(),
            policy_digest: petition.wanted.policy_digest.to_string(),
            route: &petition.route,
        }
    }
}
