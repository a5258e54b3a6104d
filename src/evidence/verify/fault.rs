//! What can be wrong with a log, and with which line.

use std::fmt;

/// A line of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The number in the segment's file name.
    pub segment: u32,
    /// The first line of the segment is 1.
    pub line: u64,
}

/// The first line that is not as it was written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place}, seq {seq}: {fault}")]
pub struct Broken {
    /// Where it stands, or should.
    pub place: Place,
    /// The `seq` that the line there has by what stands before it.
    pub seq: u64,
    /// What is wrong with it.
    pub fault: Fault,
}

/// What can be wrong with a line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// Its bytes do not give its hash.
    #[error("changed since it was written")]
    Changed,
    /// Its own hash is right, but a line beside it was written next to another.
    #[error("replaced: a line beside it was written next to another one")]
    Replaced,
    /// It stands between two lines that follow each other.
    #[error("inserted: the lines around it were written next to each other")]
    Inserted,
    /// A line whose place was taken already.
    #[error("found `seq` {found} once more where {expected} should be")]
    Repeated {
        /// The `seq` that should be here.
        expected: u64,
        /// The `seq` that is.
        found: u64,
    },
    /// Lines that should be here are nowhere behind.
    #[error("found `seq` {found} where {expected} should be: lines were dropped before it")]
    Dropped {
        /// The `seq` that should be here.
        expected: u64,
        /// The `seq` that is.
        found: u64,
    },
    /// The line that should be here stands further behind.
    #[error("found `seq` {found} where {expected} should be: lines were reordered")]
    Reordered {
        /// The `seq` that should be here.
        expected: u64,
        /// The `seq` that is.
        found: u64,
    },
    /// Bytes that are no line, and that the next start line does not report, or not like this.
    #[error("{bytes} bytes that are no line, and not what the next process found here")]
    Torn {
        /// How many, to the next line.
        bytes: u64,
    },
    /// A start line reports torn bytes that are not there any more.
    #[error("reports a torn tail of {reported} bytes that is gone")]
    TailGone {
        /// The bytes that it reports.
        reported: u64,
    },
    /// It is the first line that no good signature covers, and a signature behind is wrong.
    #[error(
        "written anew, here or in a line up to seq {signed}, whose signature does not hold; \
         the line before is the last that a good signature covers"
    )]
    Forged {
        /// The line with the signature.
        signed: u64,
    },
    /// It is signed by another key than the one that signs here.
    #[error("signed by key {key_id}, which no line before it brings in")]
    UnknownKey {
        /// The key that it names.
        key_id: String,
    },
    /// Another key takes over, and the one before did not sign that.
    #[error(
        "the log goes on under key {key_id}, and the key before it does not vouch for it; \
         if you know of the change, name the new key as one that you trust"
    )]
    Unendorsed {
        /// The new key.
        key_id: String,
    },
    /// It stands behind the seal of its segment.
    #[error("written behind the seal of the segment")]
    AfterSeal,
    /// A line before the key line of its segment, in a log that has had a key.
    #[error(
        "written before any key line of its segment: gait begins every segment with its key, so \
         this came from elsewhere, though a later signature may cover it"
    )]
    Unkeyed,
    /// A seal that is made for another segment, or for another beginning of this one.
    #[error("seals another segment than the one that it stands in")]
    Seal,
    /// Segments before it are gone, and no trusted signature covers the line that says so.
    #[error(
        "segments before it are removed, and no trusted signature covers the line that says so"
    )]
    Removal,
    /// Keys were given, and none of them signed.
    #[error("no line from here on is signed by a key that is trusted")]
    Untrusted,
    /// The log ends before the head that it is known to have had.
    #[error("the log ends here, {missing} lines before the expected head: its end was cut off")]
    Cut {
        /// How many lines are missing at least.
        missing: u64,
    },
    /// The chain does not lead over the head that it is known to have had.
    #[error(
        "the expected head is not on this chain: lines were cut off or written anew, \
         or it is the head of another log"
    )]
    OtherHead,
}

// === impl Fault ===

impl Fault {
    /// One word, for machines.
    pub fn as_str(&self) -> &'static str {
        match self {
            Fault::Changed => "changed",
            Fault::Replaced => "replaced",
            Fault::Inserted => "inserted",
            Fault::Repeated { .. } => "repeated",
            Fault::Dropped { .. } => "dropped",
            Fault::Reordered { .. } => "reordered",
            Fault::Torn { .. } => "torn",
            Fault::TailGone { .. } => "tail_gone",
            Fault::Forged { .. } => "forged",
            Fault::UnknownKey { .. } => "unknown_key",
            Fault::Unendorsed { .. } => "unendorsed_key",
            Fault::AfterSeal => "after_seal",
            Fault::Unkeyed => "unkeyed",
            Fault::Seal => "seal",
            Fault::Removal => "removal",
            Fault::Untrusted => "untrusted",
            Fault::Cut { .. } => "cut",
            Fault::OtherHead => "other_head",
        }
    }
}

// === impl Place ===

impl Place {
    /// The name of the file that it is in.
    pub fn file(&self) -> String {
        format!("{:06}.jsonl", self.segment)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, line {}", self.file(), self.line)
    }
}
