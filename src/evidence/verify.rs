//! Checks a whole log, offline, and names the first line that is not as it was written.
//!
//! Each segment is surveyed by itself, several at a time: its lines against each other, and its
//! signatures against the key that it names. Then the surveys are joined in order: the segments
//! against each other, keys against those that vouch for them, torn tails against the start lines
//! that report them, removed segments against the lines that say so. Where something does not
//! fit, the lines from there on are read once more to say what was done: what is wrong shows
//! often only at the line behind.
//!
//! Bytes behind the last whole line of a segment count as a crash's only where a crash can have
//! left them (`tail`), and only at the very end of the log or where the next process gave their
//! number and digest in its start line.
//!
//! What this cannot see without [`Trust`]: lines cut off at the very end, which needs a head kept
//! elsewhere, and a log that was written anew from its first line on with another key. What no
//! signature covers is only chained, and the [`Report`] says how much that is.
//!
//! Rejected: checking the last signature alone, which covers all before it. A log that was written
//! anew from the middle on could then only be called wrong, not where. Batch verification of the
//! signatures was rejected too: it accepts some that strict verification refuses.

mod crew;
mod join;
mod diagnose;
mod survey;
mod source;
mod trust;
mod report;
mod fault;
mod mark;

#[cfg(test)]
mod tests;

pub use fault::{Broken, Fault, Place};
pub use report::{Adopted, Known, Removed, Report, Segments, Signer, Standing, Torn};
pub use trust::{BadHead, KeptHead, Trust};

use join::Join;
use source::{Files, Parts, Source};
use std::{io, path::Path};
use survey::Survey;

/// Why a log could not be verified.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// It is not as it was written.
    #[error(transparent)]
    Broken(#[from] Broken),
    /// There are no segments, or none holds a line.
    #[error("no evidence in `{directory}`: no file 000001.jsonl or later holds a line")]
    Nothing {
        /// The directory that was given.
        directory: String,
    },
    /// It could not be read.
    #[error("cannot read evidence in `{directory}`: {source}")]
    Unreadable {
        /// The directory that was given.
        directory: String,
        /// What the system said.
        source: io::Error,
    },
}

/// Hears how many bytes are read, of how many in all; from several threads.
pub type Progress<'a> = &'a (dyn Fn(u64, u64) + Sync);

/// Verifies the segments in `directory` (`evidence` below a state directory), with one thread a
/// core and a few megabytes of memory for each.
///
/// # Errors
/// The log is broken, cannot be read, or is not there.
pub fn verify(
    directory: &Path,
    trust: &Trust,
    progress: Progress<'_>,
) -> Result<Report, VerifyError> {
    let name = || directory.display().to_string();
    let unreadable = |source| VerifyError::Unreadable { directory: name(), source };
    let files = Files::list(directory).map_err(unreadable)?;
    let surveys = crew::survey_all(&files, trust, progress).map_err(unreadable)?;
    let report = join(&files, surveys, trust).map_err(unreadable)??;
    if report.lines == 0 { Err(VerifyError::Nothing { directory: name() }) } else { Ok(report) }
}

/// Verifies segments that are at hand, by number and bytes, in this order.
///
/// # Errors
/// The log is broken.
pub fn verify_parts(parts: &[(u32, &[u8])], trust: &Trust) -> Result<Report, VerifyError> {
    let unreadable = |source| VerifyError::Unreadable { directory: "memory".to_owned(), source };
    let source = Parts(parts);
    let read = |at| survey::survey(&source, at, trust, &|_| {});
    let surveys = (0..source.count()).map(read).collect::<io::Result<_>>().map_err(unreadable)?;
    Ok(join(&source, surveys, trust).map_err(unreadable)??)
}

/// Joins all surveys; where one does not fit, finds out which line it is.
fn join(
    source: &impl Source,
    surveys: Vec<Survey>,
    trust: &Trust,
) -> io::Result<Result<Report, Broken>> {
    let mut join = Join::new(trust, &surveys);
    let joined = surveys.iter().enumerate().try_for_each(|(at, survey)| join.segment(at, survey));
    match joined.and_then(|()| join.finish()) {
        Ok(report) => Ok(Ok(report)),
        Err(suspect) => diagnose::diagnose(source, &suspect).map(Err),
    }
}
