//! The group commit, and the only maker of [`Committed`].
//!
//! What is queued is written at once, and where a decision is among it one sync makes all of it
//! durable; while it syncs the next group gathers. Lines that nobody waits for are synced at the
//! latest [`Settings::sync_interval`] later.
//!
//! After any error the log is failed: every commit that waits is refused and its decision taken
//! back, new records are refused, closing lines are kept (their slots bound how many), and the
//! engine tries to come back until it can. Then it writes a line that says so, then what was
//! kept. A disk that was full or read-only for a while needs no restart, nor does a key that could
//! not be read.

mod house;

use super::{
    chain::Head,
    event::Event,
    expire::{self, Shelf},
    facts::CallId,
    failure::{Failure, Trouble},
    health::{Durable, Health, State, Totals},
    journal::{Durability, Journal},
    key::{self, KeyFault, Keys},
    line::{Entry, Line},
    queue::Post,
    record::Recorded,
    segment::Disk,
    settings::Settings,
    watch::Watch,
};
use crate::{clock, json::Digest, sign::PrivateKey};
use std::{
    io,
    sync::Arc,
    time::{Duration, Instant},
};

/// How much later than due a sync may be before the disk is said to hang.
const STUCK_AFTER: Duration = Duration::from_secs(5);

/// Proof that the decision line of a call is durable. Only the writer makes one, after its sync.
///
/// Nobody else can:
/// ```compile_fail,E0451
/// # use gait::{evidence::{CallId, Committed}, json::Digest};
/// fn forge(call_id: CallId, digest: Digest) -> Committed {
///     Committed { call_id, intent_digest: digest, policy_digest: digest }
/// }
/// ```
/// And one sync proves one call:
/// ```compile_fail,E0599
/// # use gait::evidence::Committed;
/// fn twice(committed: Committed) -> (Committed, Committed) {
///     (committed.clone(), committed)
/// }
/// ```
#[derive(Debug)]
#[must_use = "a commit that no permit is made of is a sync for nothing"]
pub struct Committed {
    call_id: CallId,
    intent_digest: Digest,
    policy_digest: Digest,
}

/// Why a decision is not durable. The call must not go out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CommitFailed {
    /// The disk refused.
    #[error("the evidence log cannot be written")]
    Failed,
    /// The writer has ended.
    #[error("the evidence log is closed")]
    Stopped,
    /// The record has no room in the log.
    #[error("the call is not recorded")]
    Unrecorded,
    /// The judgement lacks a policy digest or an intent digest.
    #[error("the call has no decision to commit")]
    Undecided,
    /// The record was committed before.
    #[error("the decision was committed before")]
    Spent,
}

/// Why the writer ended before everything was written.
#[derive(Debug, thiserror::Error)]
#[error("evidence log closed with {lines} lines unwritten: {error}")]
pub struct Unwritten {
    /// How many closing and event lines are lost.
    pub lines: usize,
    /// The error of the last try.
    pub error: io::Error,
}

/// The group commit, one batch at a time.
#[derive(Debug)]
pub(super) struct Engine<D, K> {
    journal: Journal<D>,
    keys: K,
    shelf: Shelf,
    watch: Watch,
    health: Arc<Health>,
    settings: Settings,
    phase: Phase,
    /// The process's first line, where there was no key to sign it with yet.
    start: Option<Line>,
    /// A key that takes over as soon as the log can say so.
    next_key: Option<PrivateKey>,
    /// When the lines written must be synced; `None` where all are.
    sync_due: Option<Instant>,
    /// When the current segment is old; `None` where it tells nothing yet.
    seal_due: Option<Instant>,
    /// When to look for old segments; `None` where all are kept.
    look_due: Option<Instant>,
}

#[derive(Debug)]
enum Phase {
    Writing,
    Failed(Failure),
}

// === impl Committed ===

impl Committed {
    /// The call whose decision is durable.
    pub fn call_id(&self) -> CallId {
        self.call_id
    }

    /// The intent that was judged.
    pub fn intent_digest(&self) -> Digest {
        self.intent_digest
    }

    /// The policy that judged it.
    pub fn policy_digest(&self) -> Digest {
        self.policy_digest
    }

    /// The proof for a decision line; asked for only after the sync.
    fn of(line: &Line) -> Result<Committed, CommitFailed> {
        let Entry::Decision(about) = line.entry() else { return Err(CommitFailed::Undecided) };
        let digests = (about.judgement.intent_digest, about.judgement.policy_digest);
        let (Some(intent_digest), Some(policy_digest)) = digests else {
            return Err(CommitFailed::Undecided);
        };
        Ok(Committed { call_id: about.opening.call_id, intent_digest, policy_digest })
    }
}

// === impl Engine ===

impl<D: Disk, K: Keys> Engine<D, K> {
    /// Begins with the line `start`, which comes back where it is written. Without a key to sign
    /// it with, the engine begins failed and goes on looking for one.
    pub(super) fn begin(
        journal: Journal<D>,
        keys: K,
        shelf: Shelf,
        settings: Settings,
        start: Line,
    ) -> io::Result<(Engine<D, K>, Option<Line>)> {
        let now = clock::instant();
        let lag_max = settings.sync_interval + STUCK_AFTER;
        let health = Arc::new(Health::new(durable(&journal, &shelf), now, lag_max));
        let watch = Watch::new(journal.anchor().time.unwrap_or_else(clock::now), now);
        let look_due = expire::next_look(&settings, 0).map(|_| now);
        let mut engine = Engine {
            journal,
            keys,
            shelf,
            watch,
            health,
            settings,
            phase: Phase::Writing,
            start: None,
            next_key: None,
            sync_due: None,
            seal_due: None,
            look_due,
        };
        let start = engine.write_start(start, now)?;
        Ok((engine, start))
    }

    fn write_start(&mut self, mut start: Line, now: Instant) -> io::Result<Option<Line>> {
        match self.take_key() {
            Ok(()) => {}
            Err(fault) if fault.is_machine() => return Err(io::Error::other(fault)),
            Err(fault) => {
                self.fail(&fault.into(), Vec::new(), now);
                self.start = Some(start);
                return Ok(None);
            }
        }
        if let Err(error) = self.journal.write(std::iter::once(&mut start), Durability::Now) {
            self.journal.give_up();
            return Err(error);
        }
        self.note_progress(now);
        self.forget_previous_key();
        Ok(Some(start))
    }

    /// To be called once the log durably says who signs: nobody needs the key before any more.
    fn forget_previous_key(&self) {
        if let Some(key_id) = &self.journal.anchor().key_id {
            self.keys.forget_previous(key_id);
        }
    }

    fn take_key(&mut self) -> Result<(), KeyFault> {
        if !self.journal.is_keyed() {
            let last = self.journal.anchor().key_id.as_deref();
            let signer = key::take(&self.keys, last)?;
            self.journal.sign_with(signer);
        }
        Ok(())
    }

    pub(super) fn health(&self) -> &Arc<Health> {
        &self.health
    }

    /// How many lines to take at once, and for how long to gather decisions.
    pub(super) fn settings(&self) -> &Settings {
        &self.settings
    }

    /// When [`Engine::tend`] has something to do.
    pub(super) fn due(&self) -> Option<Instant> {
        match &self.phase {
            Phase::Writing => {
                [self.sync_due, self.seal_due, self.look_due].into_iter().flatten().min()
            }
            Phase::Failed(failure) => Some(failure.retry_at),
        }
    }

    /// Lets another key sign from the next [`Engine::tend`] on.
    pub(super) fn rekey(&mut self, key: PrivateKey) {
        self.next_key = Some(key);
    }

    /// Takes a batch from the queue.
    pub(super) fn take(&mut self, posts: Vec<Post>, tally: &mut impl FnMut(&Line), now: Instant) {
        if posts.is_empty() {
            return;
        }
        self.health.line_came(now);
        match &mut self.phase {
            Phase::Writing => self.write(posts, tally, now),
            Phase::Failed(failure) => failure.keep(posts),
        }
    }

    fn write(&mut self, mut posts: Vec<Post>, tally: &mut impl FnMut(&Line), now: Instant) {
        let durability = match posts.iter().any(Post::is_awaited) {
            true => Durability::Now,
            false => Durability::Later,
        };
        match self.journal.write(posts.iter_mut().map(Post::settle), durability) {
            Ok(()) => {
                self.note_progress(now);
                posts.iter().for_each(|post| tally(post.line()));
                posts.into_iter().for_each(acknowledge);
            }
            Err(error) => self.fail(&error.into(), posts, now),
        }
    }

    /// Does what is due: syncs, changes the key, seals, removes, or tries to come back.
    pub(super) fn tend(&mut self, tally: &mut impl FnMut(&Line), now: Instant) {
        if self.due().is_some_and(|due| due <= now) && self.is_failed() {
            self.recover(tally, now);
        }
        // Also right after recovery: a key that came meanwhile must not wait for a call.
        if !self.is_failed()
            && let Err(error) = self.keep_house(now)
        {
            self.fail(&error.into(), Vec::new(), now);
        }
    }

    fn is_failed(&self) -> bool {
        matches!(self.phase, Phase::Failed(_))
    }

    fn note_progress(&mut self, now: Instant) {
        if self.journal.is_sealable() {
            self.seal_due.get_or_insert(now + self.settings.seal_after);
        }
        if self.journal.unsynced_bytes() == 0 {
            self.sync_due = None;
            self.health.all_durable(durable(&self.journal, &self.shelf), clock::instant());
        } else {
            self.sync_due.get_or_insert(now + self.settings.sync_interval);
        }
    }

    fn fail(&mut self, trouble: &Trouble, posts: Vec<Post>, now: Instant) {
        trouble.log();
        self.health.fail(trouble.told());
        let mut failure = Failure::new(trouble, now + self.settings.retry_interval);
        failure.keep(posts);
        self.phase = Phase::Failed(failure);
    }

    /// Tries once to write what was kept, behind a line that says what happened.
    fn recover(&mut self, tally: &mut impl FnMut(&Line), now: Instant) {
        if let Phase::Failed(mut failure) = std::mem::replace(&mut self.phase, Phase::Writing)
            && let Err(trouble) = self.try_recover(&mut failure, tally, now)
        {
            tracing::debug!(%trouble, "the evidence log still cannot be written");
            self.health.fail(trouble.told());
            failure.retry_at = now + self.settings.retry_interval;
            self.phase = Phase::Failed(failure);
        }
    }

    fn try_recover(
        &mut self,
        failure: &mut Failure,
        tally: &mut impl FnMut(&Line),
        now: Instant,
    ) -> Result<(), Trouble> {
        self.take_key()?;
        let (error, withdrawn) = (failure.error.clone(), failure.withdrawn);
        let event = Entry::Event(Event::Recover { error, withdrawn });
        let mut line = Line::new(clock::now(), event);
        let kept = failure.kept.iter_mut().map(Post::settle);
        let first = self.start.iter_mut().chain([&mut line]);
        self.journal.recover(first.chain(kept))?;
        self.note_progress(now);
        if self.start.is_some() {
            self.forget_previous_key();
        }
        self.start.take().iter().chain([&line]).for_each(&mut *tally);
        failure.kept.iter().for_each(|post| tally(post.line()));
        self.health.set_state(State::Writing);
        tracing::warn!(withdrawn, "the evidence log can be written again");
        Ok(())
    }

    /// The last line, its seal and the last sync.
    pub(super) fn finish(mut self, tally: &mut impl FnMut(&Line)) -> Result<Head, Unwritten> {
        let now = clock::instant();
        if let Phase::Failed(mut failure) = std::mem::replace(&mut self.phase, Phase::Writing) {
            let tried = self.try_recover(&mut failure, tally, now);
            tried.map_err(|trouble| {
                let lines = self.start.iter().count() + failure.kept.len();
                Unwritten { lines, error: trouble.into() }
            })?;
        }
        let event = Event::Stop { missed: self.health.missed() };
        let mut stop = Line::new(clock::now(), Entry::Event(event));
        self.seal(std::iter::once(&mut stop), now)
            .map_err(|error| Unwritten { lines: 1, error })?;
        tally(&stop);
        Ok(self.journal.anchor().head)
    }
}

/// What is durable, with what is on the shelf.
fn durable<D: Disk>(journal: &Journal<D>, shelf: &Shelf) -> Durable {
    let open = u64::from(journal.open_bytes() > 0);
    let totals = Totals { segments: shelf.count() as u64 + open, ..journal.totals() };
    Durable { anchor: journal.anchor().clone(), totals }
}

/// Answers who waits; called only once the line is durable.
fn acknowledge(post: Post) {
    match post {
        Post::Decision { line, reply, .. } => {
            // Whoever gave up waiting has no use for the proof; the closing line will say so.
            let _ = reply.send(Committed::of(&line));
        }
        Post::Deed { line, reply } => {
            let _ = reply.send(Ok(Recorded::of(&line)));
        }
        Post::Closing { .. } | Post::Event(_) => {}
    }
}

#[cfg(test)]
mod tests;
