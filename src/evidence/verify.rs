//! Checks a whole log and names the first line that was changed, dropped or reordered.
//!
//! Bytes after the last whole line of a segment are a torn tail: a crash in the midst of a write
//! leaves them, and no line of the chain is lost with them that anyone was told is durable. They
//! count as a crash's only where the next process said so in its start line, with their number,
//! or where they are the very end of the log; and only where they are not JSON, because a line
//! that was whole and is now wrong was changed by somebody.
//!
//! What this cannot see: lines cut off at the very end, or the log written anew from some line
//! on. The one needs a head kept elsewhere to compare with, the other signatures.

use super::chain::{Head, Whole};
use super::segment;
use super::tail::{lines, split_line};
use std::{fmt, io, path::Path};

/// What a sound log holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The end of the chain; compare its hash with one kept elsewhere to prove the tail.
    pub head: Head,
    /// Torn tails that a later start line accounts for.
    pub mended: Vec<Torn>,
    /// A torn tail at the very end, not yet accounted for.
    pub torn: Option<Torn>,
}

/// Bytes that a crash left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Torn {
    /// Where they begin.
    pub place: Place,
    /// How many, to the end of the log or to the next start line.
    pub bytes: u64,
}

/// A line of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The number in the segment's file name.
    pub segment: u32,
    /// The first line of the segment is 1.
    pub line: u64,
}

/// The first line that is not as it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {fault}")]
pub struct Broken {
    /// Which line.
    pub place: Place,
    /// What is wrong with it.
    pub fault: Fault,
}

/// What can be wrong with a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// Its bytes do not give its hash.
    #[error("changed since it was written")]
    Changed,
    /// Its own hash is right, but it names another predecessor than the line before it.
    #[error("does not follow the line before it: one of the two was replaced")]
    Replaced,
    /// Lines that should be here are not in this segment.
    #[error("found `seq` {found} where {expected} should be: lines were dropped before it")]
    Dropped {
        /// The `seq` that should be here.
        expected: u64,
        /// The `seq` that is.
        found: u64,
    },
    /// The line that should be here stands elsewhere.
    #[error("found `seq` {found} where {expected} should be: lines were reordered")]
    Reordered {
        /// The `seq` that should be here.
        expected: u64,
        /// The `seq` that is.
        found: u64,
    },
    /// A start line reports torn bytes that are not there any more.
    #[error("reports a torn tail of {reported} bytes that is gone")]
    TailGone {
        /// The bytes that it reports.
        reported: u64,
    },
}

/// Why a log could not be verified.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// It is not as it was written.
    #[error(transparent)]
    Broken(#[from] Broken),
    /// It could not be read.
    #[error("cannot read evidence in `{directory}`: {source}")]
    Unreadable {
        /// The directory that was given.
        directory: String,
        /// What the system said.
        source: io::Error,
    },
}

/// Verifies a log segment by segment, in their order. Pure.
#[derive(Debug)]
pub struct Verifier {
    report: Report,
}

/// Verifies the segments in `directory` (`evidence` below a state directory), one in memory at
/// a time.
pub fn verify(directory: &Path) -> Result<Report, VerifyError> {
    let unreadable =
        |source| VerifyError::Unreadable { directory: directory.display().to_string(), source };
    let mut verifier = Verifier::new();
    for (number, path) in segment::list(directory).map_err(unreadable)? {
        verifier.segment(number, &std::fs::read(path).map_err(unreadable)?)?;
    }
    Ok(verifier.finish())
}

// === impl Verifier ===

impl Verifier {
    /// Nothing read yet.
    #[expect(clippy::new_without_default, reason = "a verifier of nothing is no default value")]
    pub fn new() -> Verifier {
        Verifier { report: Report { head: Head::genesis(), mended: Vec::new(), torn: None } }
    }

    /// Reads the next segment's bytes.
    pub fn segment(&mut self, number: u32, bytes: &[u8]) -> Result<(), Broken> {
        let mut place = Place { segment: number, line: 1 };
        let mut rest = bytes;
        while let Some((line, after)) = split_line(rest) {
            let Some(whole) = Whole::read(line) else {
                return self.tear(place, line, after, rest.len());
            };
            self.step(place, whole, line, after)?;
            place.line += 1;
            rest = after;
        }
        if rest.is_empty() { Ok(()) } else { self.tear(place, b"", b"", rest.len()) }
    }

    /// What there is to say once all segments are read.
    pub fn finish(self) -> Report {
        self.report
    }

    /// Takes a line whose own hash is right.
    fn step(
        &mut self,
        place: Place,
        whole: Whole<'_>,
        line: &[u8],
        after: &[u8],
    ) -> Result<(), Broken> {
        self.mend(place, whole, line)?;
        let head = self.report.head;
        if whole.continues(&head) {
            self.report.head = whole.head;
            return Ok(());
        }
        let (expected, found) = (head.seq.saturating_add(1), whole.head.seq);
        let fault = match found.cmp(&expected) {
            std::cmp::Ordering::Equal => Fault::Replaced,
            std::cmp::Ordering::Greater if !holds(after, expected) => {
                Fault::Dropped { expected, found }
            }
            _ => Fault::Reordered { expected, found },
        };
        Err(Broken { place, fault })
    }

    /// Sets the torn bytes before a line against those that it reports.
    fn mend(&mut self, place: Place, whole: Whole<'_>, line: &[u8]) -> Result<(), Broken> {
        let reported = if whole.kind == "start" { torn_bytes(line) } else { 0 };
        match (self.report.torn.take(), reported) {
            (None, 0) => Ok(()),
            (Some(torn), reported) if torn.bytes == reported => {
                self.report.mended.push(torn);
                Ok(())
            }
            (Some(torn), _) => Err(Broken { place: torn.place, fault: Fault::Changed }),
            (None, reported) => Err(Broken { place, fault: Fault::TailGone { reported } }),
        }
    }

    /// Takes what is no whole line: the segment's torn tail, or a changed line.
    fn tear(
        &mut self,
        place: Place,
        line: &[u8],
        after: &[u8],
        bytes: usize,
    ) -> Result<(), Broken> {
        let is_json = serde_json::from_slice::<serde_json::Value>(line).is_ok();
        if is_json || lines(after).any(|line| Whole::read(line).is_some()) {
            return Err(Broken { place, fault: Fault::Changed });
        }
        let torn = self.report.torn.get_or_insert(Torn { place, bytes: 0 });
        torn.bytes = torn.bytes.saturating_add(bytes as u64);
        Ok(())
    }
}

// === impl Place ===

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "segment {:06}, line {}", self.segment, self.line)
    }
}

/// The torn bytes that a start line reports.
fn torn_bytes(line: &[u8]) -> u64 {
    let members: Option<serde_json::Value> = serde_json::from_slice(line).ok();
    members.and_then(|members| members.get("torn_bytes")?.as_u64()).unwrap_or(0)
}

/// Whether a whole line with this `seq` is among these.
fn holds(bytes: &[u8], seq: u64) -> bool {
    lines(bytes).filter_map(Whole::read).any(|whole| whole.head.seq == seq)
}
