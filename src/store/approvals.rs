//! Requests for approval, the words that were given for them, and what has run on them.
//!
//! A [`Desk`] is where everybody asks; one thread, the clerk, answers, over a shelf that keeps
//! it all. One thread, so that the order of answers is the order of what is durable, and no caller
//! ever waits for a lock. A word is claimed before its call leaves: [`Claim`] exists only once that
//! is durable, and gives the word back only while no byte of the call has left.
//!
//! What fails here denies those calls that need an approval, and no others.

mod claim;
mod clerk;
mod desk;
mod entry;
mod open;
mod outbox;
mod shelf;
mod sqlite;
mod summary;
mod turn;

pub use claim::{Claim, Claiming, Ended, Unclaimed};
pub use clerk::Clerk;
pub use desk::{Desk, Down, Errand, Orders, Reply, Waiter, Waiting};
pub use entry::{Conflict, Entry, Filter, Page, Resolve, Resolved, Run, Voice, Word};
pub use open::{DATABASE_FILE, KEY_FILE, OpenError, open};
pub use outbox::{Letter, Posted};
pub use sqlite::Past;
pub use summary::Summary;

use crate::approval::{Petition, RequestId, Shape, State, Token};
use crate::intent::time::Time;
use jiff::Timestamp;
use std::sync::Arc;

/// What is asked for a call.
#[derive(Clone, Debug)]
pub struct Ask {
    /// What is to be approved.
    pub petition: Arc<Petition>,
    /// Tokens that the caller shows.
    pub tokens: Vec<TokenShown>,
}

/// A token that a caller shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenShown {
    /// Its id.
    pub id: String,
    /// When it was made, as it says itself.
    pub created_at: Time,
}

impl Ask {
    /// What of it has no bound but that of the call's own head and body.
    fn bytes(&self) -> u64 {
        let tokens: usize = self.tokens.iter().map(|token| token.id.len()).sum();
        tokens.saturating_add(self.petition.exhibit.get().len()) as u64
    }
}

impl TokenShown {
    /// What the store needs to know of a token.
    pub fn of(token: &Token) -> TokenShown {
        TokenShown { id: token.token_id().to_owned(), created_at: token.created_at() }
    }
}

/// What is known of tokens by themselves, before anybody is asked to approve anything.
#[derive(Clone, Debug, Default)]
pub struct Recalled {
    /// Of those that are known, by id.
    pub known: Vec<(String, Known)>,
    /// What was approved under the other intents that they name, where that is known.
    pub others: Vec<Shape>,
}

/// How a petition stands.
#[derive(Clone, Debug)]
pub struct Standing {
    /// Its request: the one that waits for the same, or a new one.
    pub id: RequestId,
    /// How that stands; always one that is open.
    pub state: State,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends, if nobody says anything more.
    pub expires_at: Timestamp,
    /// Words that were recorded for it and not withdrawn.
    pub grants: Vec<Recorded>,
    /// What is known of the tokens that were shown, by id.
    pub known: Vec<(String, Known)>,
    /// Who said no, and why, where somebody did.
    pub denied: Option<Refused>,
    /// How the request before it for the very same ended.
    pub before: Option<State>,
}

/// A word that was recorded.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// The token that the gateway signed for it: JSON.
    pub token: String,
    /// The login of who gave it.
    pub login: Arc<str>,
}

/// What is known of a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Known {
    /// The gateway signed it for this login, and it was not withdrawn.
    Recorded(Arc<str>),
    /// A call has run on it, or runs, or may have before the store was made.
    Spent,
}

/// Somebody's no.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Whose.
    pub approver: Arc<str>,
    /// Why.
    pub reason: Arc<str>,
}

/// Bounds of what is kept; taken over at every load of a config.
#[derive(Clone, Debug)]
pub struct Rules {
    /// Requests that wait, of all callers together.
    pub pending_max: usize,
    /// Of one caller.
    pub pending_per_identity_max: usize,
    /// For how long requests that have ended are kept.
    pub retention: std::time::Duration,
    /// Names of the webhooks that are told.
    pub webhooks: Vec<Arc<str>>,
}

/// Why there is no request for a petition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unfiled {
    /// Too many wait.
    Full,
    /// Too many of this caller wait.
    FullForCaller,
    /// The store does not answer.
    Down,
}

impl Unfiled {
    /// All of them.
    pub const ALL: [Unfiled; 3] = [Unfiled::Full, Unfiled::FullForCaller, Unfiled::Down];

    /// The stable reason code.
    pub fn code(self) -> &'static str {
        match self {
            Unfiled::Full => "approvals_full",
            Unfiled::FullForCaller => "approvals_full_for_caller",
            Unfiled::Down => UNAVAILABLE,
        }
    }
}

/// The reason code of a store that does not answer.
pub const UNAVAILABLE: &str = "approval_store_unavailable";

#[cfg(test)]
mod tests;
