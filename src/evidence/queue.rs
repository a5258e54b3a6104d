//! What records hand to the writer.

use super::{
    line::{Entry, Follows, Line},
    record::LedgerRefused,
    writer::{CommitFailed, Committed},
};
use crate::sign::PrivateKey;
use std::{
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread::Thread,
};
use tokio::sync::oneshot;

/// A writer that takes none of so many has a disk that hangs.
const NOTICES_MAX: usize = 1_024;

/// One message of the queue.
#[derive(Debug)]
pub(super) enum Message {
    /// A line to write.
    Post(Post),
    /// Sign with this key from now on.
    Key(PrivateKey),
    /// Take nothing more in, write what is there, end.
    Stop,
}

/// A line on its way to the log.
#[derive(Debug)]
pub(super) enum Post {
    /// A decision somebody waits for.
    Decision { line: Line, standing: Standing, reply: Reply },
    /// The end of a call, and the standing of its decision where it had one.
    Closing { line: Line, standing: Option<Standing> },
    /// An event of the process.
    Event(Line),
}

/// Wakes the writer at once. Lines that nobody waits for do not ring: the writer comes round by
/// itself, and a wake-up for each line would cost more than the line.
///
/// Beside it lies what must be recorded and cannot wait for room in the queue.
#[derive(Debug, Default)]
pub(super) struct Bell {
    thread: OnceLock<Thread>,
    notices: Mutex<Vec<Line>>,
}

/// Where the answer to a commit goes.
pub(super) type Reply = oneshot::Sender<Result<Committed, CommitFailed>>;

/// Whether a call's decision line stands in the log. Its closing line asks when it is written,
/// because only then it is known: a commit may be given up while the writer is at it.
#[derive(Clone, Debug, Default)]
pub(super) struct Standing(Arc<AtomicBool>);

// === impl Message ===

impl Message {
    /// Whether somebody waits for it to be durable.
    pub(super) fn is_awaited(&self) -> bool {
        matches!(self, Message::Post(post) if post.is_awaited())
    }
}

// === impl Bell ===

impl Bell {
    /// The thread that is to be woken; the first one stays.
    pub(super) fn hang(&self, thread: Thread) {
        // A writer has one thread for life, so there is never a second to set.
        let _ = self.thread.set(thread);
    }

    pub(super) fn ring(&self) {
        if let Some(thread) = self.thread.get() {
            thread.unpark();
        }
    }

    /// Leaves an event for the writer, in order; refused where too many lie there.
    pub(super) fn leave(&self, line: Line) -> Result<(), LedgerRefused> {
        let mut notices = self.notices.lock().unwrap_or_else(PoisonError::into_inner);
        if notices.len() >= NOTICES_MAX {
            return Err(LedgerRefused::Full);
        }
        notices.push(line);
        drop(notices);
        self.ring();
        Ok(())
    }

    /// What lies there, the oldest first.
    pub(super) fn collect(&self) -> impl Iterator<Item = Post> + use<> {
        let mut notices = self.notices.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *notices).into_iter().map(Post::Event)
    }
}

// === impl Post ===

impl Post {
    pub(super) fn line(&self) -> &Line {
        let (Post::Decision { line, .. } | Post::Closing { line, .. } | Post::Event(line)) = self;
        line
    }

    /// The line as it must be written now. Decisions come before their closings in the queue, so
    /// what a closing finds is settled.
    pub(super) fn settle(&mut self) -> &mut Line {
        match self {
            Post::Decision { line, standing, .. } => {
                standing.set();
                line
            }
            Post::Closing { line, standing } => {
                if let Entry::Closing { follows, .. } = &mut line.entry {
                    *follows = standing.as_ref().map_or(Follows::Nothing, Standing::follows);
                }
                line
            }
            Post::Event(line) => line,
        }
    }

    /// Whether somebody waits for it to be durable.
    pub(super) fn is_awaited(&self) -> bool {
        matches!(self, Post::Decision { .. })
    }
}

// === impl Standing ===

impl Standing {
    fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// The decision was taken back: it will not be in the log.
    pub(super) fn withdraw(&self) {
        self.0.store(false, Ordering::Relaxed);
    }

    fn follows(&self) -> Follows {
        match self.0.load(Ordering::Relaxed) {
            true => Follows::Decision,
            false => Follows::Nothing,
        }
    }
}
