//! The ledger hands out records; a record is one call's room in the log, and writes its line
//! however the call ends.
//!
//! A record is opened before anything is judged and holds the slots of both its lines from then
//! on, so that closing it needs no waiting and cannot fail: it can be done in `Drop`. *No room to
//! record, no permission to act* is thereby said by a type and not by a setting; and the number
//! of slots bounds how many calls are open.

use super::{
    approval::Approval,
    ending::{Ending, Reach},
    event::{Event, Reload},
    facts::{Judgement, Opening},
    health::{Health, State},
    key::KeyFiles,
    line::{About, Close, Entry, Follows, Line},
    queue::{Bell, Message, Post, Standing},
    writer::{CommitFailed, Committed},
};
use crate::{clock, sign::PrivateKey};
use jiff::Timestamp;
use std::sync::Arc;
use tokio::sync::{
    mpsc::{OwnedPermit, Sender, error::TrySendError},
    oneshot,
};

/// The door to the log; cheap to clone.
#[derive(Clone, Debug)]
pub struct Ledger {
    queue: Sender<Message>,
    bell: Arc<Bell>,
    health: Arc<Health>,
    keys: KeyFiles,
}

/// Why a call cannot be recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LedgerRefused {
    /// Too many calls are open, or the disk is slower than they come.
    #[error("the evidence ledger is full")]
    Full,
    /// The disk refuses.
    #[error("the evidence log cannot be written")]
    Failed,
    /// The writer has ended.
    #[error("the evidence log is closed")]
    Stopped,
}

/// A line that is durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// Its place in the chain.
    pub seq: u64,
    /// Its time, as it stands in it.
    pub time: Timestamp,
}

/// Room for one line about a request for approval; given back when dropped. To be had before the
/// word is taken, so that nothing is approved that cannot be recorded.
#[derive(Debug)]
pub struct Room(OwnedPermit<Message>);

/// One call's place in the log. Leaves exactly one closing line, on [`Record::close`] or when it
/// is dropped.
#[derive(Debug)]
#[must_use = "a record that is dropped says that its call was abandoned"]
pub struct Record {
    opening: Opening,
    judgement: Arc<Judgement>,
    reach: Option<Reach>,
    slots: Option<Slots>,
    /// Set once the decision line is on its way.
    standing: Option<Standing>,
}

#[derive(Debug)]
struct Slots {
    decision: Option<OwnedPermit<Message>>,
    closing: OwnedPermit<Message>,
    bell: Arc<Bell>,
}

// === impl Ledger ===

impl Ledger {
    pub(super) fn new(
        queue: Sender<Message>,
        bell: Arc<Bell>,
        health: Arc<Health>,
        keys: KeyFiles,
    ) -> Ledger {
        Ledger { queue, bell, health, keys }
    }

    /// Reserves a call's room in the log, or says why there is none.
    pub fn open(&self, opening: Opening) -> Result<Record, LedgerRefused> {
        let (decision, closing) = (Some(self.reserve()?), self.reserve()?);
        let slots = Slots { decision, closing, bell: self.bell.clone() };
        Ok(Record::new(opening, Some(slots)))
    }

    /// Records that another snapshot came into force, in any health and however full the queue
    /// is: the writer keeps the line until it can be written. Lines stand in the order of the
    /// calls, and before the one that a later [`Ledger::stop`] leads to.
    ///
    /// # Errors
    /// The writer has ended, or the disk hangs and a thousand such lines wait.
    pub fn reloaded(&self, reload: Reload) -> Result<(), LedgerRefused> {
        if self.health.state() == State::Stopped {
            return Err(LedgerRefused::Stopped);
        }
        let reload = Reload { missed: self.health.missed(), ..reload };
        let line = Line::new(clock::now(), Entry::Event(Event::Reload(Box::new(reload))));
        self.bell.leave(line)
    }

    /// Reserves room for a line about a request for approval, or says why there is none.
    ///
    /// # Errors
    /// The log is full, or cannot be written.
    pub fn room(&self) -> Result<Room, LedgerRefused> {
        Ok(Room(self.reserve()?))
    }

    /// Writes what a person did, and waits until it is durable: signed and synced. Whatever is done
    /// on the strength of it is done after that.
    ///
    /// Whoever stops waiting does not take the line back.
    ///
    /// # Errors
    /// The log is full or cannot be written; then no such line stands in it.
    pub async fn record(&self, deed: Event) -> Result<Recorded, LedgerRefused> {
        let slot = self.reserve()?;
        let (reply, answer) = oneshot::channel();
        let line = Line::new(clock::now(), Entry::Event(deed));
        slot.send(Message::Post(Post::Deed { line, reply }));
        self.bell.ring();
        answer.await.unwrap_or(Err(LedgerRefused::Stopped))
    }

    /// How the log is doing.
    pub fn health(&self) -> &Arc<Health> {
        &self.health
    }

    /// The files of the key that signs, to look at again.
    pub fn key_files(&self) -> &KeyFiles {
        &self.keys
    }

    /// Lets this key sign from now on; the one that signs now says so. Waits only for room in the
    /// queue.
    pub async fn sign_with(&self, key: PrivateKey) {
        // Without a writer there is nothing to sign.
        let _ = self.queue.send(Message::Key(key)).await;
        self.bell.ring();
    }

    /// Refuses new records from now on, and lets the writer end once those that are open are
    /// closed. Waits only for room in the queue.
    pub async fn stop(&self) {
        // A queue that is closed already has a writer that has ended or is about to.
        let _ = self.queue.send(Message::Stop).await;
        self.bell.ring();
    }

    fn reserve(&self) -> Result<OwnedPermit<Message>, LedgerRefused> {
        match self.health.state() {
            State::Writing => {}
            State::Failed => return Err(LedgerRefused::Failed),
            State::Stopped => return Err(LedgerRefused::Stopped),
        }
        self.queue.clone().try_reserve_owned().map_err(|refusal| match refusal {
            TrySendError::Full(_) => LedgerRefused::Full,
            TrySendError::Closed(_) => LedgerRefused::Stopped,
        })
    }
}

// === impl Recorded ===

impl Recorded {
    /// To be asked for only once the line is durable.
    pub(super) fn of(line: &Line) -> Recorded {
        let time = line.time();
        let micros = Timestamp::from_microsecond(time.as_microsecond());
        Recorded { seq: line.seq(), time: micros.unwrap_or(time) }
    }
}

// === impl Room ===

impl Room {
    /// Records what somebody said.
    pub fn approval(self, approval: Approval) {
        let line = Line::new(clock::now(), Entry::Event(Event::Approval(Box::new(approval))));
        self.0.send(Message::Post(Post::Event(line)));
    }
}

// === impl Record ===

impl Record {
    /// A record that writes nothing, for a call that the ledger has no room for. Whoever makes one
    /// counts it.
    pub fn unrecorded(opening: Opening) -> Record {
        Record::new(opening, None)
    }

    /// Whether this call leaves a line.
    pub fn is_recorded(&self) -> bool {
        self.slots.is_some()
    }

    /// The call that this is about.
    pub fn opening(&self) -> &Opening {
        &self.opening
    }

    /// What is known of the call so far.
    pub fn judgement(&self) -> &Judgement {
        &self.judgement
    }

    /// Sets what is known of the call; the last word stands in the lines.
    pub fn judged(&mut self, judgement: Judgement) {
        self.judgement = Arc::new(judgement);
    }

    /// Notes how far the call has come, for the line of a record that is dropped.
    pub fn reached(&mut self, reach: Reach) {
        self.reach = Some(reach);
    }

    /// Sends the decision line at once, and waits until it is durable.
    ///
    /// A caller that stops waiting loses the proof, not the line: the record's closing line then
    /// follows a decision whose call did not go out.
    pub fn commit(
        &mut self,
    ) -> impl Future<Output = Result<Committed, CommitFailed>> + Send + use<> {
        let sent = self.send_decision();
        async move { sent?.await.unwrap_or(Err(CommitFailed::Stopped)) }
    }

    /// Writes the closing line.
    pub fn close(mut self, ending: Ending) {
        self.send_closing(ending);
    }

    fn new(opening: Opening, slots: Option<Slots>) -> Record {
        Record { opening, judgement: Arc::default(), reach: None, slots, standing: None }
    }

    fn send_decision(
        &mut self,
    ) -> Result<oneshot::Receiver<Result<Committed, CommitFailed>>, CommitFailed> {
        let about = self.about();
        let slots = self.slots.as_mut().ok_or(CommitFailed::Unrecorded)?;
        if about.judgement.intent_digest.is_none() || about.judgement.policy_digest.is_none() {
            return Err(CommitFailed::Undecided);
        }
        let slot = slots.decision.take().ok_or(CommitFailed::Spent)?;
        let (reply, answer) = oneshot::channel();
        let standing = Standing::default();
        self.standing = Some(standing.clone());
        let line = Line::new(clock::now(), Entry::Decision(about));
        slot.send(Message::Post(Post::Decision { line, standing, reply }));
        slots.bell.ring();
        Ok(answer)
    }

    /// Sends the closing line unless it was sent.
    fn send_closing(&mut self, ending: Ending) {
        if let Some(slots) = self.slots.take() {
            let duration = clock::instant().saturating_duration_since(self.opening.received);
            let close = Close { ending, duration };
            let entry = Entry::Closing { about: self.about(), close, follows: Follows::Nothing };
            let line = Line::new(clock::now(), entry);
            let standing = self.standing.take();
            slots.closing.send(Message::Post(Post::Closing { line, standing }));
        }
    }

    fn about(&self) -> About {
        About { opening: self.opening.clone(), judgement: Arc::clone(&self.judgement) }
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        // Nothing leaves without a permit, and the judgement says of each that was made.
        let unsent = self.judgement.permit.is_none().then_some(Reach::Unsent);
        let reach = self.reach.or(unsent);
        let ending = match std::thread::panicking() {
            true => Ending::Panicked(reach),
            false => Ending::Abandoned(reach),
        };
        self.send_closing(ending);
    }
}
