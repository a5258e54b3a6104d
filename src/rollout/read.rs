//! A log, summed up; what is sealed is read once.
//!
//! A sealed segment never changes, so its summary is kept by its number and the hash of its seal.
//! Rejected: a file of summaries beside the log, which would be one more thing that can be wrong.

use super::summary::Summary;
use crate::audit::{Log, Sieve};
use std::collections::BTreeMap;

/// So many segments are kept; of more the oldest are read each time.
const SEGMENTS_MAX: usize = 4_096;

/// Summaries of sealed segments, by number.
#[derive(Debug, Default)]
pub struct Cache {
    sealed: BTreeMap<u32, Sealed>,
}

#[derive(Debug)]
struct Sealed {
    /// Hash of its last line.
    hash: String,
    summary: Summary,
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
    /// A segment cannot be read to its end: a part must not pass for the whole.
    #[error("the log cannot be read: {0}")]
    Failed(String),
}

/// Sums up all that is in a log. `goes_on` is asked before each segment.
///
/// # Errors
/// It was told to stop, or the disk refuses.
pub fn read(
    log: &Log,
    cache: &mut Cache,
    mut goes_on: impl FnMut() -> bool,
) -> Result<Summary, NotRead> {
    let mut whole = Summary::default();
    let of = log.segments().len();
    for (read, (number, _)) in log.segments().iter().enumerate() {
        let Some(segment) = log.segment(*number) else { continue };
        let seal = seal(&segment);
        match cache.find(*number, seal.as_deref()) {
            Some(summary) => whole.extend(summary),
            None if !goes_on() => return Err(NotRead::Cut { read, of }),
            None => {
                let summary = sum(&segment)?;
                whole.extend(&summary);
                cache.keep(*number, seal, summary);
            }
        }
    }
    Ok(whole)
}

fn sum(segment: &Log) -> Result<Summary, NotRead> {
    let (mut summary, mut scan) = (Summary::default(), segment.scan());
    while let Some(found) = scan.next_line() {
        summary.take(&found.entry);
    }
    match scan.passed().failures.first() {
        Some(failure) => Err(NotRead::Failed(failure.clone())),
        None => Ok(summary),
    }
}

/// The hash of the seal, where the segment has one.
fn seal(segment: &Log) -> Option<String> {
    let (last, _) = segment.backwards(Sieve::default()).next_line()?;
    let hash = last.text("hash").filter(|_| last.kind() == "seal")?;
    Some(hash.to_owned())
}

// === impl Cache ===

impl Cache {
    fn find(&self, number: u32, seal: Option<&str>) -> Option<&Summary> {
        let sealed = self.sealed.get(&number)?;
        (Some(&*sealed.hash) == seal).then_some(&sealed.summary)
    }

    fn keep(&mut self, number: u32, seal: Option<String>, summary: Summary) {
        let Some(hash) = seal else { return };
        self.sealed.insert(number, Sealed { hash, summary });
        if self.sealed.len() > SEGMENTS_MAX {
            self.sealed.pop_first();
        }
    }
}
