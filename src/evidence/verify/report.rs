//! What a sound log holds, and how far signatures speak for it.

use super::fault::Place;
use super::survey::Survey;
use crate::evidence::chain::Head;
use jiff::Timestamp;

/// What a sound log holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The end of the chain; compare its hash with one kept elsewhere to prove the tail.
    pub head: Head,
    /// Lines that are here.
    pub lines: u64,
    /// Of them, those that close a call.
    pub calls: u64,
    /// And decisions that were made durable before a call went out.
    pub decisions: u64,
    /// Time of the first line.
    pub first_time: Option<Timestamp>,
    /// Time of the last.
    pub last_time: Option<Timestamp>,
    /// The files.
    pub segments: Segments,
    /// Segments that retention took away before the first line.
    pub removed: Option<Removed>,
    /// The keys of the log in the order in which they signed; none in a log that is only chained.
    pub signers: Vec<Signer>,
    /// `seq` of the last line that a trusted key signed: it and all lines before are covered. 0
    /// where there is none.
    pub covered_to: u64,
    /// Lines in segments from before the first key of the log. Where a later signature covers them
    /// it says that they were there then, and nothing about who wrote them.
    pub unkeyed: u64,
    /// Lines that no signature of their own process covers: one died, and the next signed over
    /// what it found.
    pub adopted: Vec<Adopted>,
    /// Torn tails that a later start line accounts for.
    pub mended: Vec<Torn>,
    /// A torn tail at the very end, not yet accounted for.
    pub torn: Option<Torn>,
    /// The head that was expected, found on the chain.
    pub known: Option<Known>,
}

/// Files of the log that hold anything.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Segments {
    /// That end with a seal.
    pub sealed: u32,
    /// That do not: the process died, or still writes.
    pub unsealed: u32,
}

/// What was before the first line that is here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Removed {
    /// The last segment that is gone.
    pub segment: u32,
    /// Its last line, as the line that tells of the removal has it.
    pub last: Head,
}

/// A key of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signer {
    /// Hex.
    pub key_id: String,
    /// Why it is trusted, or that it is not.
    pub standing: Standing,
    /// Its first line.
    pub from_seq: u64,
    /// Good signatures that it made.
    pub signatures: u64,
}

/// Why a key is trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// The auditor named it.
    Named,
    /// It is the first of the log, and no key was named: the log speaks for itself.
    First,
    /// The trusted key before it signed that it takes over.
    Endorsed,
    /// It is not: keys were named, and neither is it one of them nor does one vouch for it.
    Unknown,
}

/// Bytes that a crash left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Torn {
    /// Where they begin.
    pub place: Place,
    /// How many, to the end of the log or to the next start line.
    pub bytes: u64,
}

/// Lines behind the last signature of a process that died: what is honest is what it wrote in
/// one sync interval.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Adopted {
    /// The first of them.
    pub from_seq: u64,
    /// How many.
    pub lines: u64,
}

/// A head that was kept elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Known {
    /// Its place.
    pub seq: u64,
    /// Lines that were written since.
    pub newer: u64,
}

// === impl Report ===

impl Report {
    /// Of nothing.
    pub(super) fn empty() -> Report {
        Report {
            head: Head::genesis(),
            lines: 0,
            calls: 0,
            decisions: 0,
            first_time: None,
            last_time: None,
            segments: Segments::default(),
            removed: None,
            signers: Vec::new(),
            covered_to: 0,
            unkeyed: 0,
            adopted: Vec::new(),
            mended: Vec::new(),
            torn: None,
            known: None,
        }
    }

    /// Adds the lines of the next segment.
    pub(super) fn add(&mut self, survey: &Survey) {
        self.head = survey.head.unwrap_or(self.head);
        self.lines += survey.lines;
        self.calls += survey.calls;
        self.decisions += survey.decisions;
        self.first_time = self.first_time.or(survey.first_time);
        self.last_time = survey.last_time.or(self.last_time);
        self.segments.sealed += u32::from(survey.is_sealed);
        self.segments.unsealed += u32::from(!survey.is_sealed);
    }

    /// How many lines at the end are chained and not covered by a signature of a trusted key.
    pub fn uncovered(&self) -> u64 {
        self.head.seq.saturating_sub(self.covered_to)
    }
}

// === impl Standing ===

impl Standing {
    /// Whether what the key signs is covered.
    pub fn is_trusted(self) -> bool {
        self != Standing::Unknown
    }

    /// One word, for machines.
    pub fn as_str(self) -> &'static str {
        match self {
            Standing::Named => "named",
            Standing::First => "self_attested",
            Standing::Endorsed => "endorsed",
            Standing::Unknown => "unknown",
        }
    }
}
