//! What was passed over, so that it can be said.

use std::path::Path;
use std::{fmt, io};

/// So many lines that were passed over are named.
const NAMED_MAX: usize = 5;

/// What could not be read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Passed {
    /// Lines that are no evidence lines.
    pub lines: u64,
    /// Where the first of them stand, and what is wrong with them.
    pub named: Vec<String>,
    /// Bytes behind the last line feed of a segment: torn by a crash, or just being written.
    pub open_bytes: u64,
    /// Segments that were removed between the listing and the reading.
    pub gone: u64,
    /// Segments that could not be read, or not to their end, and why. What was found is then
    /// not all that there is.
    pub failures: Vec<String>,
}

// === impl Passed ===

impl Passed {
    /// Notes a line.
    pub(super) fn line(&mut self, place: impl fmt::Display, why: impl fmt::Display) {
        self.lines += 1;
        if self.named.len() < NAMED_MAX {
            self.named.push(format!("{place}: {why}"));
        }
    }

    /// Notes a segment.
    pub(super) fn segment(&mut self, path: &Path, error: &io::Error) {
        match error.kind() {
            io::ErrorKind::NotFound => self.gone += 1,
            _ => self.failures.push(format!("read {}: {error}", path.display())),
        }
    }

    /// Whether a whole line was passed over, or may have been.
    pub fn has_lines(&self) -> bool {
        self.lines > 0 || self.gone > 0 || !self.failures.is_empty()
    }

    /// What there is to say to a person, a sentence each; none where all was read.
    pub fn sentences(&self) -> Vec<String> {
        let mut said = self.named.clone();
        let more = self.lines - self.named.len() as u64;
        if more > 0 {
            said.push(format!("{more} more lines are no evidence lines"));
        }
        if self.open_bytes > 0 {
            let bytes = self.open_bytes;
            said.push(format!("{bytes} bytes at the end of a segment are no whole line"));
        }
        if self.gone > 0 {
            said.push(format!("{} segments were removed meanwhile", self.gone));
        }
        said
    }
}
