//! Telling webhooks what becomes of requests for approval, in the form of Standard Webhooks.
//!
//! The store writes a letter down together with what happened, and keeps it until this has brought
//! it to an end: so a letter is told at least once, and its id tells those apart that come twice.
//! Every webhook has a [`Teller`] of its own, which tells one letter at a time in the order of
//! events: a webhook that does not answer keeps no other waiting, and no call.
//!
//! A webhook that fails rests before anything else is told to it. Without that, a thousand letters
//! for a dead one would be a thousand calls at once when it comes back, and a thousand time-outs
//! until then. Rejected: giving up on the whole webhook after a 410: only config takes one away.

mod patience;
mod post;
mod signature;

use super::post::PostError;
use crate::clock;
use crate::metrics::WebhookMetrics;
use crate::snapshot::{UpstreamSpec, Webhook};
use crate::store::approvals::{Desk, Letter, Posted};
use patience::Patience;
use post::post;
use serde_json::Value;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

/// Letters that are fetched from the store at once.
const BATCH: usize = 16;

/// Tells one webhook what is due.
#[derive(Debug)]
pub struct Teller {
    desk: Desk,
    metrics: WebhookMetrics,
    patience: Patience,
    rest: Option<Rest>,
    /// What became of letters that the store may still list, by event: at most a batch.
    ended: HashMap<Arc<str>, Posted>,
}

/// A webhook that failed is left alone for a while, unless it was changed since.
#[derive(Debug)]
struct Rest {
    until: Instant,
    failed: Arc<Webhook>,
}

/// Whether it is worth asking again at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Round {
    /// More may be due.
    More,
    /// Nothing is, or the webhook rests.
    Idle,
}

impl Teller {
    /// One that takes its letters from `desk`.
    pub fn new(desk: Desk, metrics: WebhookMetrics) -> Teller {
        Teller { desk, metrics, patience: Patience::default(), rest: None, ended: HashMap::new() }
    }

    /// Tells a few of the letters that are due, up to the first that is not taken. May be dropped
    /// at any time: what was not brought to an end is told again.
    pub async fn round(&mut self, webhook: &Arc<Webhook>, tools: &[Arc<UpstreamSpec>]) -> Round {
        if self.rests(webhook) {
            return Round::Idle;
        }
        // A store that does not answer says so elsewhere.
        let Ok(letters) = self.desk.letters(&webhook.name, BATCH).await else { return Round::Idle };
        self.ended.retain(|event, _| letters.iter().any(|letter| letter.event_id == *event));
        let mut round = if letters.len() < BATCH { Round::Idle } else { Round::More };
        for letter in letters {
            // The store lists what it could not write down, as on a full disk. Told anew each time,
            // it would be told as fast as the webhook takes it.
            if let Some(posted) = self.ended(&letter) {
                self.desk.posted(letter.id, posted);
                round = Round::Idle;
                continue;
            }
            let posted = self.tell(webhook, &letter, tools).await;
            self.desk.posted(letter.id, posted);
            self.ended.insert(letter.event_id, posted);
            if posted != Posted::Taken {
                return Round::Idle;
            }
        }
        round
    }

    /// What became of a letter that is not to be told now.
    fn ended(&self, letter: &Letter) -> Option<Posted> {
        let is_due = |posted: &Posted| matches!(posted, Posted::Again(at) if *at <= clock::now());
        self.ended.get(&letter.event_id).copied().filter(|posted| !is_due(posted))
    }

    fn rests(&self, webhook: &Arc<Webhook>) -> bool {
        let left = |rest: &Rest| rest.failed == *webhook && clock::instant() < rest.until;
        self.rest.as_ref().is_some_and(left)
    }

    async fn tell(
        &mut self,
        webhook: &Arc<Webhook>,
        letter: &Letter,
        tools: &[Arc<UpstreamSpec>],
    ) -> Posted {
        if !is_wanted(webhook, letter) {
            return Posted::Taken;
        }
        match post(webhook, letter, tools).await {
            Ok(()) => {
                if self.rest.take().is_some() {
                    tracing::info!(webhook = %webhook.name, "a webhook takes what it is told again");
                }
                self.metrics.taken();
                Posted::Taken
            }
            Err(error) => self.failed(webhook, letter, &error),
        }
    }

    fn failed(&mut self, webhook: &Arc<Webhook>, letter: &Letter, error: &PostError) -> Posted {
        let (name, event) = (&webhook.name, &letter.event_id);
        let is_first = self.rest.is_none();
        let until = clock::instant() + self.patience.rest(error);
        self.rest = Some(Rest { until, failed: webhook.clone() });
        let posted = self.patience.fate(letter, error, clock::now(), roll());
        if posted == Posted::GivenUp {
            self.metrics.given_up();
            tracing::error!(webhook = %name, %event, %error, "a webhook is not told: given up");
        } else {
            self.metrics.failed();
            // A letter a failure, until one is taken: the log must not fill with one dead webhook.
            match is_first {
                true => tracing::warn!(webhook = %name, %event, %error, "a webhook is told later"),
                false => tracing::debug!(webhook = %name, %event, %error, "told later again"),
            }
        }
        posted
    }
}

/// Whether the webhook asked to be told of such events. One that says of no event is told.
fn is_wanted(webhook: &Webhook, letter: &Letter) -> bool {
    let body: Value = serde_json::from_str(&letter.body).unwrap_or_default();
    let event = body.get("type").and_then(Value::as_str);
    webhook.events.is_empty()
        || event.is_none_or(|event| webhook.events.iter().any(|wanted| wanted == event))
}

/// A random share of 255; none where the system has no randomness.
fn roll() -> u8 {
    let mut bytes = [0_u8; 1];
    let [roll] = if getrandom::fill(&mut bytes).is_ok() { bytes } else { [0] };
    roll
}

#[cfg(test)]
mod tests;
