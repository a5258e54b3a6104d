//! Evidence: what happened to every call, in a log that cannot be quietly changed.
//!
//! A call opens a [`Record`] in the [`Ledger`] before it is judged. A protected call that may go
//! commits its decision first and goes only with the [`Committed`] that it gets back. However
//! the call ends, the record leaves one closing line. The [`Writer`], one thread, chains the
//! lines by their hashes, writes them to segments below the state directory, and shows each to a
//! tally, from which the metrics are counted.
//!
//! Promised:
//! - A `Committed` exists only after the sync that made its decision line durable. Durable means
//!   signed: a signature is the last that is written before every sync, and by the chain it speaks
//!   for all lines before it.
//! - A record leaves exactly one closing line, kind `outcome` where its decision line stands in
//!   the log, else `call`: also when its task is dropped, when the caller is gone, on a panic.
//! - Without room in the log there is no record; while the disk refuses or the key is missing there
//!   are no records and no commits, and once it no longer does there are, without a restart.
//! - [`verify`] names the first line that was changed, dropped or reordered.
//! - What a crash left behind the last whole line stays where it is, and the next process
//!   reports it in its first line.
//! - A segment that ends in order has a seal; a key that changes, and a segment that is removed,
//!   are lines of the log.
//!
//! Not promised:
//! - Closing lines are durable only up to [`Settings::sync_interval`] later: losing power loses
//!   those of the last moment, never a decision that a call went out on. A process that ends
//!   while the disk still refuses loses those that it kept, and says how many ([`Unwritten`]).
//! - A last line that was spoilt until it is no JSON any more cannot be told from a torn one.
//! - Whoever has the key can write the log anew; whoever can write the files can cut off its end.
//!   Against both a head kept elsewhere helps ([`Health::head`]).
//!
//! Rejected: logging through a logger, which may drop what it cannot write; a database, whose
//! file no text tool reads and whose compaction breaks a chain over its bytes; one file a call, which
//! proves no order.

mod ending;
mod facts;
mod record;
mod queue;
mod thread;
mod writer;
mod failure;
mod expire;
mod watch;
mod journal;
mod key;
mod segment;
mod survey;
mod settings;
mod health;
mod verify;
mod line;
mod event;
mod approval;
mod rollout;
mod vouch;
mod tail;
mod chain;

pub use approval::Approval;
pub use chain::Head;
pub use ending::{Cut, Ending, Exchange, Reach};
pub use event::{Event, Expired, InForce, Reload, Seal, SigningKey, TornTail};
pub use facts::{CallId, Dissent, Judgement, Kept, OnApproval, Opening, PermitKind};
pub use health::{Anchor, Durable, Health, State, Totals};
pub use key::{KeyFault, KeyFiles, RotateFailed, Rotated, rotate as rotate_key};
pub use line::{About, Close, Entry, Follows, Line};
pub use record::{Ledger, LedgerRefused, Record, Recorded, Room};
pub use rollout::{GateFact, Label, Labelled, Opinion, StageChange, Via};
pub use segment::list as segments;
pub use settings::{KeyFile, Settings};
pub use thread::Writer;
pub use verify::{
    Adopted, BadHead, Broken, Fault, KeptHead, Known, Place, Progress, Removed, Report, Segments,
    Signer, Standing, Torn, Trust, VerifyError, verify, verify_parts,
};
pub use vouch::{Vouched, vouched};
pub use writer::{CommitFailed, Committed, Unwritten};

use crate::state::StateDir;
use std::{io, sync::Arc};

/// The fewest lines a ledger can hold: those of one call.
const LINES_MIN: usize = 2;
/// The most; beyond it memory is the bound that is met first.
const LINES_MAX: usize = 1 << 20;
/// Calls of one process that can be open at once: each holds the room of its last line.
pub const OPEN_CALLS_MAX: usize = LINES_MAX;

/// The log could not be taken up; the process must not serve.
#[derive(Debug, thiserror::Error)]
#[error("cannot begin an evidence segment in `{directory}`: {source}")]
pub struct StartFailed {
    /// The state directory.
    pub directory: String,
    /// What the system said.
    pub source: io::Error,
}

/// Takes up the log of a state directory: continues its chain in a new segment whose first lines
/// are durable when this returns. The writer must then be run on a thread of its own.
///
/// Without its key the log cannot be signed, so nothing of it can be durable: then this returns
/// too, [`Health`] says failed, and the writer looks for the key until it is there.
///
/// # Errors
/// The disk refuses.
pub fn start(state: &StateDir, settings: Settings) -> Result<(Ledger, Writer), StartFailed> {
    let lines = settings.ledger_lines_max.clamp(LINES_MIN, LINES_MAX);
    let keys = KeyFiles::of(state.path(), &settings.signing_key);
    keys.sweep();
    let (sender, queue) = tokio::sync::mpsc::channel(lines);
    let bell = Arc::new(queue::Bell::default());
    let writer = Writer::open(state, keys.clone(), settings, queue, bell.clone())
        .map_err(|source| StartFailed { directory: state.path().display().to_string(), source })?;
    let ledger = Ledger::new(sender, bell, writer.health().clone(), keys);
    Ok((ledger, writer))
}
