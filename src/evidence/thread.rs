//! The one thread that owns the log.
//!
//! A plain thread and not a task: a sync blocks for as long as the disk likes. It polls the queue
//! itself and parks until something comes or is due; a runtime of its own would do no more.
//! While lines keep coming it lingers a moment between batches, deaf to all but the bell: a line
//! that nobody waits for needs no wake-up of its own.

use super::{
    chain::Head,
    event::Event,
    health::{Health, State},
    journal::Journal,
    key::KeyFiles,
    line::{Entry, Line},
    queue::{Bell, Message, Post},
    segment::Segments,
    settings::Settings,
    survey::{Left, LeftState},
    writer::{Engine, Unwritten},
};
use crate::{clock, state::StateDir};
use std::{
    io,
    sync::Arc,
    task::{Context, Poll, Wake, Waker},
    thread::Thread,
    time::{Duration, Instant},
};
use tokio::sync::mpsc;

/// How long lines gather before the next batch, unless the bell rings.
const LINGER: Duration = Duration::from_millis(1);

/// The writing side of the log.
#[derive(Debug)]
pub struct Writer {
    engine: Engine<Segments, KeyFiles>,
    queue: mpsc::Receiver<Message>,
    bell: Arc<Bell>,
    /// The line it began with, where that is written.
    start: Option<Line>,
    // The lock is held for as long as somebody writes.
    _state: StateDir,
}

/// Sets the health to stopped however the thread ends.
struct StoppedOnDrop(Arc<Health>);

/// Wakes the writer's thread.
struct Unpark(Thread);

// === impl Writer ===

impl Writer {
    /// Begins a segment, with a durable start line unless there is no key to sign it with.
    pub(super) fn open(
        state: &StateDir,
        keys: KeyFiles,
        settings: Settings,
        queue: mpsc::Receiver<Message>,
        bell: Arc<Bell>,
    ) -> io::Result<Writer> {
        let (segments, left, shelf) = Segments::open(&state.path().join("evidence"))?;
        note(&left);
        let settings = match left.state {
            LeftState::Sound => settings,
            LeftState::Broken => Settings { retention: None, retention_bytes: None, ..settings },
        };
        let event = Event::Start { torn: left.torn, in_force: settings.in_force.clone() };
        let start = Line::new(clock::now(), Entry::Event(event));
        let journal = Journal::new(segments, left.anchor);
        let (engine, start) = Engine::begin(journal, keys, shelf, settings, start)?;
        Ok(Writer { engine, queue, bell, start, _state: state.clone() })
    }

    pub(super) fn health(&self) -> &Arc<Health> {
        self.engine.health()
    }

    /// Writes until the ledger is stopped, or every ledger and record is gone; blocks. Needs a
    /// thread of its own. `tally` sees every line once, in order, after it was written and
    /// before a commit that waits for it returns.
    pub fn run(mut self, mut tally: impl FnMut(&Line) + Send) -> Result<Head, Unwritten> {
        let _stopped = StoppedOnDrop(Arc::clone(self.engine.health()));
        self.start.iter().for_each(&mut tally);
        self.bell.hang(std::thread::current());
        let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
        let mut cx = Context::from_waker(&waker);
        let mut batch = Vec::new();
        // A limit of 0 would read like an empty, closed queue.
        let max = self.engine.settings().batch_lines_max.max(1);
        loop {
            let polled = self.queue.poll_recv_many(&mut cx, &mut batch, max);
            let is_awaited = batch.iter().any(Message::is_awaited);
            if is_awaited {
                self.gather(&mut cx, &mut batch, max);
            }
            // What was left aside comes first: a reload stands before every call that it judged.
            let mut posts: Vec<Post> = self.bell.collect().collect();
            posts.append(&mut self.sort(&mut batch));
            let is_idle = posts.is_empty();
            self.engine.take(posts, &mut tally, clock::instant());
            match polled {
                Poll::Ready(0) => return self.engine.finish(&mut tally),
                Poll::Ready(_) if !is_awaited => std::thread::park_timeout(LINGER),
                Poll::Pending if is_idle => park_until(self.engine.due()),
                Poll::Ready(_) | Poll::Pending => {}
            }
            self.engine.tend(&mut tally, clock::instant());
        }
    }

    /// Lets more lines join a batch that has a decision, as long as the settings say. It sleeps
    /// and is not woken by each line that comes: that would cost what gathering saves.
    fn gather(&mut self, cx: &mut Context<'_>, batch: &mut Vec<Message>, max: usize) {
        let until = clock::instant() + self.engine.settings().gather;
        loop {
            let left = until.saturating_duration_since(clock::instant());
            let room = max.saturating_sub(batch.len());
            if left.is_zero() || self.queue.len() >= room {
                break;
            }
            std::thread::sleep(left.min(LINGER));
        }
        let room = max.saturating_sub(batch.len());
        if room > 0 && !self.queue.is_empty() {
            // Nothing to wait for: what is there is taken.
            let _ = self.queue.poll_recv_many(cx, batch, room);
        }
    }

    /// The posts of a batch; a stop closes the queue, which ends once it is empty.
    fn sort(&mut self, batch: &mut Vec<Message>) -> Vec<Post> {
        let mut posts = Vec::with_capacity(batch.len());
        for message in batch.drain(..) {
            match message {
                Message::Post(post) => posts.push(post),
                Message::Key(key) => self.engine.rekey(key),
                Message::Stop => self.queue.close(),
            }
        }
        posts
    }
}

// === impl StoppedOnDrop ===

impl Drop for StoppedOnDrop {
    fn drop(&mut self) {
        self.0.set_state(State::Stopped);
    }
}

// === impl Unpark ===

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

fn note(left: &Left) {
    if let Some(torn) = left.torn {
        tracing::warn!(bytes = torn.bytes, "the evidence log has a torn tail, kept as is");
    }
    if left.anchor.key_id.is_none() && left.anchor.head.seq > 0 {
        tracing::warn!(
            lines = left.anchor.head.seq,
            "security: the evidence log holds lines and no key; who wrote them cannot be proved"
        );
    }
    if left.state == LeftState::Broken {
        tracing::error!(
            "the evidence log was changed while nobody wrote it, and until the next start nothing of \
             it is removed; `gait trace verify` names the line"
        );
    }
}

fn park_until(due: Option<Instant>) {
    match due {
        None => std::thread::park(),
        Some(due) => std::thread::park_timeout(due.saturating_duration_since(clock::instant())),
    }
}
