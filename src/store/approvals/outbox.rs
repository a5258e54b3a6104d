//! What webhooks are to be told: written down together with what happened, so that neither is lost
//! without the other, and told until somebody took it.

use jiff::Timestamp;
use std::sync::Arc;

/// One event for one webhook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Letter {
    /// Names the letter.
    pub id: i64,
    /// Names the event, for every webhook and every try: who gets it twice can tell.
    pub event_id: Arc<str>,
    /// For whom.
    pub webhook: Arc<str>,
    /// How often it was tried.
    pub attempts: u32,
    /// What is told: a JSON object.
    pub body: Arc<str>,
}

/// What became of a letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Posted {
    /// It was taken.
    Taken,
    /// It was not, and is due again.
    Again(Timestamp),
    /// It is given up.
    GivenUp,
}
