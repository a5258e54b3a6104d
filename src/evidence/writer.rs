//! The group commit, and the only maker of [`Committed`].
//!
//! What is queued is written at once, and where a decision is among it one sync makes all of it
//! durable; while it syncs the next group gathers. Lines that nobody waits for are synced at the
//! latest [`Settings::sync_interval`] later.
//!
//! After any error the log is failed: every commit that waits is refused and its decision taken
//! back, new records are refused, closing lines are kept (their slots bound how many), and the
//! engine tries to come back until it can. Then it writes a line that says so, then what was
//! kept. A disk that was full or read-only for a while needs no restart.

use super::{
    chain::Head,
    event::Event,
    facts::CallId,
    health::{Health, State},
    journal::{Durability, Journal},
    line::{Entry, Line},
    queue::Post,
    segment::Disk,
};
use crate::{clock, json::Digest};
use std::{
    io,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

/// Bounds of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// How many lines can be reserved or queued; an open call holds two.
    pub ledger_lines_max: usize,
    /// How many lines are written at once.
    pub batch_lines_max: usize,
    /// A segment that has reached this is sealed and followed by a new one.
    pub segment_bytes_max: u64,
    /// So is one that is this old.
    pub seal_after: Duration,
    /// Sealed segments whose last line is older are removed; `None` keeps them for ever.
    pub retention: Option<Duration>,
    /// The oldest sealed segments are removed while all together are larger.
    pub retention_bytes: Option<u64>,
    /// How long decisions gather before they are made durable together; zero for not at all.
    pub gather: Duration,
    /// The key that signs.
    pub signing_key: KeyFile,
    /// How long a line that nobody waits for may stay unsynced.
    pub sync_interval: Duration,
    /// How many bytes may be written and not synced; they are kept in memory too.
    pub unsynced_bytes_max: usize,
    /// How long to wait before trying again after an error.
    pub retry_interval: Duration,
}

/// Where the key lies that signs the log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum KeyFile {
    /// `evidence_signing.key` in the state directory, made at the first start.
    #[default]
    Own,
    /// A file of the operator's, never made by the gateway.
    At(PathBuf),
}

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
pub(super) struct Engine<D> {
    journal: Journal<D>,
    health: Arc<Health>,
    settings: Settings,
    phase: Phase,
    /// When the lines written must be synced; `None` where all are.
    sync_due: Option<Instant>,
}

#[derive(Debug)]
enum Phase {
    Writing,
    Failed(Failure),
}

/// A time in which the disk refuses.
#[derive(Debug)]
struct Failure {
    error: String,
    withdrawn: u64,
    kept: Vec<Post>,
    retry_at: Instant,
}

// === impl Settings ===

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            ledger_lines_max: 16_384,
            batch_lines_max: 512,
            segment_bytes_max: 64 << 20,
            seal_after: Duration::from_secs(24 * 3_600),
            retention: None,
            retention_bytes: None,
            gather: Duration::ZERO,
            signing_key: KeyFile::Own,
            sync_interval: Duration::from_secs(1),
            unsynced_bytes_max: 4 << 20,
            retry_interval: Duration::from_millis(250),
        }
    }
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

impl<D: Disk> Engine<D> {
    pub(super) fn new(journal: Journal<D>, settings: Settings) -> Engine<D> {
        let health = Arc::new(Health::new(journal.head(), clock::instant()));
        Engine { journal, health, settings, phase: Phase::Writing, sync_due: None }
    }

    pub(super) fn health(&self) -> &Arc<Health> {
        &self.health
    }

    /// How many lines to take at once.
    pub(super) fn batch_lines_max(&self) -> usize {
        self.settings.batch_lines_max
    }

    /// When [`Engine::tend`] has something to do.
    pub(super) fn due(&self) -> Option<Instant> {
        match &self.phase {
            Phase::Writing => self.sync_due,
            Phase::Failed(failure) => Some(failure.retry_at),
        }
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
            Err(error) => self.fail(&error, posts, now),
        }
    }

    /// Syncs or tries to come back, where that is due.
    pub(super) fn tend(&mut self, tally: &mut impl FnMut(&Line), now: Instant) {
        let full = self.journal.unsynced_bytes() >= self.settings.unsynced_bytes_max;
        let due = self.due().is_some_and(|due| due <= now);
        match &self.phase {
            Phase::Writing if due || full => self.sync(now),
            Phase::Failed(_) if due => self.recover(tally, now),
            _ => {}
        }
    }

    fn sync(&mut self, now: Instant) {
        match self.journal.sync() {
            Ok(()) => self.note_progress(now),
            Err(error) => self.fail(&error, Vec::new(), now),
        }
    }

    fn note_progress(&mut self, now: Instant) {
        if self.journal.unsynced_bytes() == 0 {
            self.sync_due = None;
            self.health.all_durable(self.journal.head());
        } else {
            self.sync_due.get_or_insert(now + self.settings.sync_interval);
        }
    }

    fn fail(&mut self, error: &io::Error, posts: Vec<Post>, now: Instant) {
        tracing::error!(
            %error,
            "the evidence log cannot be written: calls beyond observe are refused until it can be; \
             see to the disk of the state directory"
        );
        self.health.set_state(State::Failed);
        self.health.count_failure();
        let retry_at = now + self.settings.retry_interval;
        let (error, kept) = (error.to_string(), Vec::new());
        let mut failure = Failure { error, withdrawn: 0, kept, retry_at };
        failure.keep(posts);
        self.phase = Phase::Failed(failure);
    }

    /// Tries once to write what was kept, behind a line that says what happened.
    fn recover(&mut self, tally: &mut impl FnMut(&Line), now: Instant) {
        if let Phase::Failed(mut failure) = std::mem::replace(&mut self.phase, Phase::Writing)
            && let Err(error) = self.try_recover(&mut failure, tally)
        {
            tracing::debug!(%error, "the evidence log still cannot be written");
            self.health.count_failure();
            failure.retry_at = now + self.settings.retry_interval;
            self.phase = Phase::Failed(failure);
        }
    }

    fn try_recover(
        &mut self,
        failure: &mut Failure,
        tally: &mut impl FnMut(&Line),
    ) -> io::Result<()> {
        let (error, withdrawn) = (failure.error.clone(), failure.withdrawn);
        let event = Entry::Event(Event::Recover { error, withdrawn });
        let mut line = Line::new(clock::now(), event);
        let kept = failure.kept.iter_mut().map(Post::settle);
        self.journal.recover(std::iter::once(&mut line).chain(kept))?;
        self.sync_due = None;
        self.health.all_durable(self.journal.head());
        tally(&line);
        failure.kept.iter().for_each(|post| tally(post.line()));
        self.health.set_state(State::Writing);
        tracing::warn!(withdrawn, "the evidence log can be written again");
        Ok(())
    }

    /// The last line and the last sync.
    pub(super) fn finish(mut self, tally: &mut impl FnMut(&Line)) -> Result<Head, Unwritten> {
        if let Phase::Failed(mut failure) = std::mem::replace(&mut self.phase, Phase::Writing) {
            self.try_recover(&mut failure, tally)
                .map_err(|error| Unwritten { lines: failure.kept.len(), error })?;
        }
        let mut stop = Line::new(clock::now(), Entry::Event(Event::Stop));
        self.journal
            .write(std::iter::once(&mut stop), Durability::Now)
            .map_err(|error| Unwritten { lines: 1, error })?;
        self.health.all_durable(self.journal.head());
        tally(&stop);
        Ok(self.journal.head())
    }
}

/// Answers a commit; called only once the line is durable.
fn acknowledge(post: Post) {
    if let Post::Decision { line, reply, .. } = post {
        // Whoever gave up waiting has no use for the proof; the closing line will say so.
        let _ = reply.send(Committed::of(&line));
    }
}

// === impl Failure ===

impl Failure {
    /// Keeps what is a fact, refuses what asks for leave.
    fn keep(&mut self, posts: Vec<Post>) {
        for post in posts {
            match post {
                Post::Decision { standing, reply, .. } => {
                    standing.withdraw();
                    self.withdrawn += 1;
                    // As above: nobody may be waiting any more.
                    let _ = reply.send(Err(CommitFailed::Failed));
                }
                post => self.kept.push(post),
            }
        }
    }
}

#[cfg(test)]
mod tests;
