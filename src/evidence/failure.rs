//! A time in which the log cannot be written, and what is kept of it.
//!
//! What asks for leave is refused at once; what is a fact waits until it can be written. The slots
//! of the ledger bound how much that is.

use super::{key::KeyFault, queue::Post, record::LedgerRefused, writer::CommitFailed};
use std::{io, time::Instant};

/// Why the log cannot be written.
#[derive(Debug, thiserror::Error)]
pub(super) enum Trouble {
    /// The disk refuses.
    #[error(transparent)]
    Disk(#[from] io::Error),
    /// There is no key to sign with.
    #[error(transparent)]
    Key(#[from] KeyFault),
}

/// A time in which it cannot.
#[derive(Debug)]
pub(super) struct Failure {
    /// The first error.
    pub(super) error: String,
    /// Decisions that were taken back.
    pub(super) withdrawn: u64,
    /// Lines to write once that is possible.
    pub(super) kept: Vec<Post>,
    pub(super) retry_at: Instant,
}

// === impl Trouble ===

impl Trouble {
    /// The words for `/readyz`, which anybody may read: no path and no name.
    pub(super) fn told(&self) -> String {
        match self {
            Trouble::Disk(error) => format!("the disk refuses: {}", error.kind()),
            Trouble::Key(_) => "the signing key cannot be used; the log names the file".to_owned(),
        }
    }

    /// Says it to who runs the gateway.
    pub(super) fn log(&self) {
        match self {
            Trouble::Disk(error) => tracing::error!(
                %error,
                "the evidence log cannot be written: calls beyond observe are refused until it can \
                 be; see to the disk of the state directory"
            ),
            Trouble::Key(fault) => tracing::error!(
                %fault,
                "the evidence log cannot be signed: calls beyond observe are refused until it can be"
            ),
        }
    }
}

impl From<Trouble> for io::Error {
    fn from(trouble: Trouble) -> io::Error {
        match trouble {
            Trouble::Disk(error) => error,
            Trouble::Key(fault) => io::Error::other(fault),
        }
    }
}

// === impl Failure ===

impl Failure {
    pub(super) fn new(trouble: &Trouble, retry_at: Instant) -> Failure {
        let error = trouble.to_string();
        Failure { error, withdrawn: 0, kept: Vec::new(), retry_at }
    }

    /// Keeps what is a fact, refuses what asks for leave.
    pub(super) fn keep(&mut self, posts: Vec<Post>) {
        for post in posts {
            match post {
                Post::Decision { standing, reply, .. } => {
                    standing.withdraw();
                    self.withdrawn += 1;
                    // Whoever gave up waiting needs no answer.
                    let _ = reply.send(Err(CommitFailed::Failed));
                }
                Post::Deed { reply, .. } => {
                    let _ = reply.send(Err(LedgerRefused::Failed));
                }
                post => self.kept.push(post),
            }
        }
    }
}
