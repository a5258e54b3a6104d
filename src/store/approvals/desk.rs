//! The desk: where calls and people ask, and wait to be answered by the clerk.

use super::entry::{Conflict, Entry, Filter, Page, Resolve, Resolved};
use super::outbox::{Letter, Posted};
use super::{
    Ask, Claim, Claiming, Ended, Recalled, Rules, Standing, TokenShown, Unclaimed, Unfiled,
};
use crate::approval::RequestId;
use crate::json::Digest;
use crate::limits::{Budget, Lease};
use crate::sign::PublicKey;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::{oneshot, watch};

/// Nobody waits longer for the store. What it has not begun for them by then is left undone, and
/// words that it took for a call are given back.
const PATIENCE: Duration = Duration::from_secs(5);
/// What calls ask may take up while it lies at the desk: whoever asked may be gone long before a
/// store that hangs looks at it.
const CALLS_BYTES_MAX: u64 = 64 << 20;
/// The same for people and webhooks, whom calls must not keep from the desk.
const PEOPLE_BYTES_MAX: u64 = 4 << 20;
/// One errand, beside what a call shows.
const ERRAND_BYTES: u64 = 2 << 10;

/// Where everybody asks; cheap to clone.
#[derive(Clone, Debug)]
pub struct Desk {
    orders: Orders,
    waiting: Arc<Waiting>,
    gateway: PublicKey,
    calls: Budget,
    people: Budget,
}

/// What goes to the clerk. Unbounded itself: what has an answer has a [`Reply`], whose room is
/// bounded, and of the rest there is one for each of those.
pub type Orders = UnboundedSender<Errand>;

/// The answer to whoever asked, and the room that the errand takes up until then.
#[derive(Debug)]
pub struct Reply<T> {
    answer: oneshot::Sender<T>,
    _room: Lease,
}

/// One thing for the clerk to do.
#[derive(Debug)]
pub enum Errand {
    /// Find or make the request of a petition.
    Ask(Box<Ask>, Reply<Result<Standing, Unfiled>>),
    /// Tell what is known of tokens and of the intents that they name.
    Recall(Vec<TokenShown>, Vec<Digest>, Reply<Result<Recalled, Down>>),
    /// Take its words for a call.
    Claim(Box<Claiming>, Reply<Result<Claim, Unclaimed>>),
    /// Write down how that call ended.
    Settle {
        /// Which.
        call_id: Arc<str>,
        /// How.
        ended: Ended,
    },
    /// Write down what an approver says.
    Resolve(Box<Resolve>, Reply<Result<Result<Resolved, Conflict>, Down>>),
    /// Tell of many requests.
    List(Filter, Reply<Result<Page, Down>>),
    /// Tell of one.
    Show(RequestId, Reply<Result<Option<Entry>, Down>>),
    /// Tell of the last before it that ran for the same tool.
    Precedent(RequestId, Reply<Result<Option<Entry>, Down>>),
    /// Tell of what is due to be told to one webhook, oldest first, at most so many.
    Letters(Arc<str>, usize, Reply<Result<Vec<Letter>, Down>>),
    /// Write down what became of a letter.
    Posted {
        /// Which.
        id: i64,
        /// What.
        posted: Posted,
    },
    /// Take over other rules.
    Rules(Rules),
    /// End, once all that came before is done.
    Stop,
}

/// The store does not answer, or cannot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the store of approvals does not answer")]
pub struct Down;

/// Who waits for which request.
#[derive(Debug, Default)]
pub struct Waiting(Mutex<HashMap<RequestId, watch::Sender<()>>>);

/// A place where one waits for a request to change.
#[derive(Debug)]
pub struct Waiter {
    id: RequestId,
    changed: watch::Receiver<()>,
    waiting: Arc<Waiting>,
}

impl Desk {
    /// A desk whose clerk reads `orders` and signs with the private half of `gateway`.
    pub fn new(orders: Orders, waiting: Arc<Waiting>, gateway: PublicKey) -> Desk {
        let (calls, people) = (Budget::new(CALLS_BYTES_MAX), Budget::new(PEOPLE_BYTES_MAX));
        Desk { orders, waiting, gateway, calls, people }
    }

    /// The key that signs recorded grants.
    pub fn gateway(&self) -> &PublicKey {
        &self.gateway
    }

    /// The request of a petition.
    ///
    /// # Errors
    /// None can be made.
    pub async fn ask(&self, ask: Ask) -> Result<Standing, Unfiled> {
        let room = room(&self.calls, ERRAND_BYTES.saturating_add(ask.bytes()));
        let answered =
            answered(&self.orders, room, |reply| Errand::Ask(Box::new(ask), reply)).await;
        answered.unwrap_or(Err(Unfiled::Down))
    }

    /// What is known of tokens and of the intents that they name; makes no request.
    ///
    /// # Errors
    /// `Down`.
    pub async fn recall(
        &self,
        tokens: Vec<TokenShown>,
        intents: Vec<Digest>,
    ) -> Result<Recalled, Down> {
        let room = room(&self.calls, ERRAND_BYTES);
        answered(&self.orders, room, |reply| Errand::Recall(tokens, intents, reply)).await?
    }

    /// Takes what was approved for one call; durable when this returns.
    ///
    /// # Errors
    /// Somebody else has taken it, or it is over.
    pub async fn claim(&self, claiming: Claiming) -> Result<Claim, Unclaimed> {
        let room = room(&self.calls, ERRAND_BYTES);
        let errand = |reply| Errand::Claim(Box::new(claiming), reply);
        let answered = answered(&self.orders, room, errand).await;
        answered.unwrap_or(Err(Unclaimed::Down))
    }

    /// Writes down what an approver says; durable when this returns.
    ///
    /// # Errors
    /// `Down`; within, why it does not count.
    pub async fn resolve(&self, resolve: Resolve) -> Result<Result<Resolved, Conflict>, Down> {
        self.answered(|reply| Errand::Resolve(Box::new(resolve), reply)).await?
    }

    /// Requests, newest first.
    ///
    /// # Errors
    /// `Down`.
    pub async fn list(&self, filter: Filter) -> Result<Page, Down> {
        self.answered(|reply| Errand::List(filter, reply)).await?
    }

    /// One request.
    ///
    /// # Errors
    /// `Down`.
    pub async fn show(&self, id: &RequestId) -> Result<Option<Entry>, Down> {
        self.answered(|reply| Errand::Show(id.clone(), reply)).await?
    }

    /// The last request before `id` that ran for the same tool.
    ///
    /// # Errors
    /// `Down`.
    pub async fn precedent(&self, id: &RequestId) -> Result<Option<Entry>, Down> {
        self.answered(|reply| Errand::Precedent(id.clone(), reply)).await?
    }

    /// What is due to be told to one webhook, oldest first. Of one alone: what waits for another,
    /// which does not answer, must not stand before it.
    ///
    /// # Errors
    /// `Down`.
    pub async fn letters(&self, webhook: &Arc<str>, limit: usize) -> Result<Vec<Letter>, Down> {
        self.answered(|reply| Errand::Letters(webhook.clone(), limit, reply)).await?
    }

    /// Writes down what became of a letter.
    pub fn posted(&self, id: i64, posted: Posted) {
        // Where the clerk is gone, the letter is told again by the next process.
        let _ = self.orders.send(Errand::Posted { id, posted });
    }

    /// Hands over other rules.
    pub fn configure(&self, rules: Rules) {
        // Without a clerk there is nothing to rule.
        let _ = self.orders.send(Errand::Rules(rules));
    }

    /// Lets the clerk end.
    pub fn close(&self) {
        let _ = self.orders.send(Errand::Stop);
    }

    /// A place to wait for a request; take it before you look how the request stands.
    pub fn waiter(&self, id: &RequestId) -> Waiter {
        let mut waiting = self.waiting.lock();
        // Two who leave at the same moment both take the other for one who stays.
        waiting.retain(|_, sender| sender.receiver_count() > 0);
        let sender = waiting.entry(id.clone()).or_insert_with(|| watch::channel(()).0);
        Waiter { id: id.clone(), changed: sender.subscribe(), waiting: self.waiting.clone() }
    }

    async fn answered<T>(&self, errand: impl FnOnce(Reply<T>) -> Errand) -> Result<T, Down> {
        answered(&self.orders, room(&self.people, ERRAND_BYTES), errand).await
    }
}

/// Room at the desk; none where what lies there is too much already.
fn room(budget: &Budget, bytes: u64) -> Result<Lease, Down> {
    let mut room = budget.lease();
    room.grow_to(bytes).map_err(|_| Down)?;
    Ok(room)
}

async fn answered<T>(
    orders: &Orders,
    room: Result<Lease, Down>,
    errand: impl FnOnce(Reply<T>) -> Errand,
) -> Result<T, Down> {
    let (reply, answer) = oneshot::channel();
    let reply = Reply { answer: reply, _room: room? };
    orders.send(errand(reply)).map_err(|_| Down)?;
    match tokio::time::timeout(PATIENCE, answer).await {
        Ok(Ok(answered)) => Ok(answered),
        _ => Err(Down),
    }
}

impl<T> Reply<T> {
    /// Tells whoever asked.
    ///
    /// # Errors
    /// The answer, where nobody waits for it any more.
    pub fn send(self, answer: T) -> Result<(), T> {
        self.answer.send(answer)
    }

    /// Whether nobody waits for it any more.
    pub fn is_closed(&self) -> bool {
        self.answer.is_closed()
    }
}

impl Waiting {
    /// Wakes all who wait for `id`.
    pub fn wake(&self, id: &RequestId) {
        if let Some(sender) = self.lock().get(id) {
            sender.send_replace(());
        }
    }

    /// The map is still a map after a panic elsewhere, so poison is ignored. Never held while
    /// anything is awaited.
    fn lock(&self) -> MutexGuard<'_, HashMap<RequestId, watch::Sender<()>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiter {
    /// Returns once the request has changed since the last look.
    pub async fn changed(&mut self) {
        if self.changed.changed().await.is_err() {
            // Nobody will ever say so.
            std::future::pending::<()>().await;
        }
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        let mut waiting = self.waiting.lock();
        // This one is still counted.
        if waiting.get(&self.id).is_some_and(|sender| sender.receiver_count() <= 1) {
            waiting.remove(&self.id);
        }
    }
}
