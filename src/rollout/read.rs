//! A log, summed up; what does not change is read once.
//!
//! A segment that has not changed has the summary that it had, so that is kept by what the system says
//! of its file. Of segments that lie before the window little is kept, but of each: so a log of any
//! length comes to an end in as many tries as it takes to read it once. Rejected: a file of summaries
//! beside the log, which would be one more thing that can be wrong.

use super::summary::Summary;
use crate::audit::Log;
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

/// Summaries reach back so much longer than they have to: a clock that is set back must not have all
/// of the log read again, and the window moves on without each being made smaller each time.
const SPARE: SignedDuration = SignedDuration::from_hours(24);

/// Summaries of segments, by number.
#[derive(Debug, Default)]
pub struct Cache {
    kept: BTreeMap<u32, Kept>,
}

#[derive(Debug)]
struct Kept {
    file: Identity,
    summary: Summary,
}

/// What the system says of a file; lines are only ever added to one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Identity {
    place: (u64, u64),
    bytes: u64,
    changed: (i64, i64),
}

/// Why a log is not summed up; what was read is kept.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotRead {
    /// There was no time to read all of it.
    #[error("{read} of {of} segments of the log are read; ask again")]
    Cut {
        /// Segments that were read.
        read: usize,
        /// Segments that there are.
        of: usize,
    },
    /// Retention is faster than the reading.
    #[error("segments of the log are removed while it is read; ask again")]
    Gone,
    /// A segment cannot be read to its end: a part must not pass for the whole.
    #[error("the log cannot be read: {0}")]
    Failed(String),
}

/// Sums up all that counts in a log since `edge`, a full hour. `goes_on` is asked before each segment
/// that is to be read.
///
/// # Errors
/// It was told to stop, or the disk refuses.
pub fn read(
    log: &Log,
    cache: &mut Cache,
    edge: Timestamp,
    mut goes_on: impl FnMut() -> bool,
) -> Result<Summary, NotRead> {
    match pass(log, cache, edge, &mut goes_on) {
        // Retention takes them from the front, and whoever lists them again finds that so.
        Err(NotRead::Gone) => {
            let again = Log::open(log.dir()).map_err(|error| NotRead::Failed(error.to_string()))?;
            pass(&again, cache, edge, &mut goes_on)
        }
        other => other,
    }
}

fn pass(
    log: &Log,
    cache: &mut Cache,
    edge: Timestamp,
    goes_on: &mut dyn FnMut() -> bool,
) -> Result<Summary, NotRead> {
    let of = log.segments().len();
    let kept_from = edge.checked_sub(SPARE).unwrap_or(edge);
    let mut whole = Summary::since(edge);
    cache.keep_only(log);
    for (read, (number, path)) in log.segments().iter().enumerate() {
        let file = Identity::of(path)?;
        if let Some(summary) = cache.find(*number, file, edge) {
            whole.extend(summary);
            continue;
        }
        if !goes_on() {
            return Err(NotRead::Cut { read, of });
        }
        let Some(segment) = log.segment(*number) else { continue };
        let summary = sum(&segment, kept_from, u64::MAX)?;
        whole.extend(&summary);
        cache.kept.insert(*number, Kept { file, summary });
    }
    cache.shrink(kept_from);
    Ok(whole)
}

/// Sums up the lines of a log up to this `seq` that count since `edge`, a full hour, in one go.
///
/// # Errors
/// The disk refuses.
pub fn read_to(log: &Log, edge: Timestamp, last_seq: u64) -> Result<Summary, NotRead> {
    sum(log, edge, last_seq)
}

fn sum(log: &Log, from: Timestamp, last_seq: u64) -> Result<Summary, NotRead> {
    let (mut summary, mut scan) = (Summary::since(from), log.scan());
    let mut spoilt = 0;
    while let Some(entry) = scan.next_line().map(|found| found.entry) {
        let lines = scan.passed().lines;
        summary.spoil(lines - std::mem::replace(&mut spoilt, lines));
        if entry.seq() <= last_seq {
            summary.take(&entry);
        }
    }
    summary.spoil(scan.passed().lines - spoilt);
    let passed = scan.passed();
    match passed.failures.first() {
        Some(failure) => Err(NotRead::Failed(failure.clone())),
        None if passed.gone > 0 => Err(NotRead::Gone),
        None => Ok(summary),
    }
}

// === impl Cache ===

impl Cache {
    fn find(&self, number: u32, file: Identity, edge: Timestamp) -> Option<&Summary> {
        let kept = self.kept.get(&number)?;
        (kept.file == file && kept.summary.reaches(edge)).then_some(&kept.summary)
    }

    /// Lets those go whose segments are gone.
    fn keep_only(&mut self, log: &Log) {
        let numbers = log.segments();
        self.kept.retain(|number, _| numbers.binary_search_by_key(number, |(one, _)| *one).is_ok());
    }

    /// Lets go what came before `from`, now and then.
    fn shrink(&mut self, from: Timestamp) {
        for kept in self.kept.values_mut().filter(|kept| kept.summary.is_stale(from, SPARE)) {
            let mut less = Summary::since(from);
            less.extend(&kept.summary);
            kept.summary = less;
        }
    }
}

// === impl Identity ===

impl Identity {
    fn of(path: &Path) -> Result<Identity, NotRead> {
        let there = path.metadata().map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => NotRead::Gone,
            _ => NotRead::Failed(format!("read {}: {error}", path.display())),
        })?;
        Ok(Identity {
            place: (there.dev(), there.ino()),
            bytes: there.len(),
            changed: (there.ctime(), there.ctime_nsec()),
        })
    }
}
