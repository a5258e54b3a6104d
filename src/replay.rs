//! Replay: many intents under many policies, and what changed against a baseline.
//!
//! Intents come from files, one each or one a line, and from evidence whose lines hold them
//! ([`find`], [`evidence`]). One thread reads and cuts the input into batches, some threads judge
//! whole batches ([`pool`]), and the caller's thread merges what they found ([`Tally`]) in the
//! order of the input, so that the answer does not depend on the number of threads.
//!
//! Memory is bounded by threads × batches, never by the number of intents: what is kept of them
//! are counts, groups of equal changes, and a few examples of each. All differences, one by one,
//! go to the [`Listener`] as JSON lines, if they are wanted.
//!
//! A replay judges by rules alone. What depends on state (rate limits, budgets, kill switches,
//! approvals) is not replayed.
//!
//! Rejected: one shared queue with a buffer that restores the order, which has no bound when one
//! batch is slow; a thread pool as a library, for a job that splits evenly by itself; rebuilding
//! an intent from an evidence line's digests and names, which can never give the digest again.

mod find;
mod feed;
mod evidence;
mod ruling;
mod judge;
mod details;
mod tally;
mod pool;

pub use find::{FindError, Form, Source, evidence_segments, intent_files, policy_files};
pub use pool::{Listener, Stopped};
pub use tally::{Counts, Examples, Fault, Group, Skip, Spot, Tally, Tool};

use crate::intent::time::Time;
use crate::policy::Policy;
use std::num::NonZeroUsize;
use std::path::PathBuf;

/// A line or a document that is longer than this is no intent, in bytes.
pub const INTENT_BYTES_MAX: u64 = 4 << 20;

/// What to replay under what.
#[derive(Debug)]
pub struct Plan {
    /// The input, in the order in which it is reported.
    pub sources: Vec<Source>,
    /// The policies, in the order of the matrix.
    pub policies: Vec<Named>,
    /// What the verdicts are compared with; `None` for what evidence lines recorded.
    pub baseline: Option<Policy>,
    /// When the intents are judged.
    pub at: At,
    /// How many threads judge.
    pub jobs: NonZeroUsize,
    /// How many examples of each change are kept.
    pub examples_max: usize,
    /// Whether each difference is wanted as a JSON line.
    pub details: Details,
}

/// A policy and the file that it came from.
#[derive(Debug)]
pub struct Named {
    /// The file.
    pub path: PathBuf,
    /// What it holds.
    pub policy: Policy,
}

/// The time at which intents are judged, for rules that look at the clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum At {
    /// All of them at this time.
    Fixed(Time),
    /// Recorded calls at the time of their line, intents from files at this one.
    Recorded(Time),
}

/// Whether differences are told one by one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Details {
    /// As JSON lines, with what was invalid or skipped.
    Wanted,
    /// Only counted and grouped.
    Counted,
}

impl Plan {
    /// Replays; what it found, merged in the order of the input.
    ///
    /// # Errors
    /// The listener failed, or a thread did. What an intent file holds is never an error here but
    /// counted in the tally.
    pub fn run(&self, listener: &mut impl Listener) -> Result<Tally, Stopped> {
        pool::run(self, listener)
    }

    /// The size of all input, in bytes, as it was when it was found.
    pub fn bytes(&self) -> u64 {
        self.sources.iter().map(|source| source.bytes).sum()
    }
}
