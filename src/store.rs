//! Small state files that several processes share: counters and kill switches (spec E13, E15).
//!
//! Every change is read, modify, write under a lock file beside the state; every write goes to a
//! new file that takes the old one's name. Whoever is killed in between leaves the old state or
//! the new one, never half of either.
//!
//! Rejected: a database. The files are a public format that another tool reads and writes too.

pub mod file;
mod database;
pub mod labels;
mod lock;
pub mod approvals;
pub mod kill_switches;
pub mod rate_limits;
pub mod seats;
pub mod switch;

use file::Existing;
use std::io;
use std::path::{Path, PathBuf};

/// No state file is read that is larger.
const READ_BYTES_MAX: u64 = 16 << 20;

/// What a state file is called in errors, and how large gait lets it grow.
#[derive(Clone, Copy, Debug)]
struct Species {
    /// The words before `state` and `lock`.
    name: &'static str,
    /// Less than what is read, so that what was written can be read again.
    write_bytes_max: usize,
}

/// Why a state could not be had or changed. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Others held the lock all the time.
    #[error(
        "acquire {name} lock: timeout; `{}` is held, remove it if no gait runs",
        path.display()
    )]
    Held {
        /// Which state.
        name: &'static str,
        /// The lock file.
        path: PathBuf,
    },
    /// The lock file can be neither made nor read.
    #[error("acquire {name} lock: {}: {source}", path.display())]
    Lock {
        /// Which state.
        name: &'static str,
        /// The lock file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file cannot be read.
    #[error("read {name} state: {}: {source}", path.display())]
    Read {
        /// Which state.
        name: &'static str,
        /// The state file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file holds something else.
    #[error("parse {name} state: {}: {what}; mend the file or move it away", path.display())]
    Parse {
        /// Which state.
        name: &'static str,
        /// The state file.
        path: PathBuf,
        /// What is wrong.
        what: String,
    },
    /// The file cannot be written.
    #[error("write {name} state: {}: {source}", path.display())]
    Write {
        /// Which state.
        name: &'static str,
        /// The state file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file would become too large.
    #[error(
        "write {name} state: {}: it would be larger than {bytes_max} bytes; wait for the next window, or end old entries",
        path.display()
    )]
    Full {
        /// Which state.
        name: &'static str,
        /// The state file.
        path: PathBuf,
        /// The bound.
        bytes_max: usize,
    },
}

// === impl Species ===

impl Species {
    /// Where the state lies that `path` names.
    fn place(self, path: &Path) -> Result<PathBuf, StoreError> {
        let name = self.name;
        file::behind_link(path).map_err(|source| StoreError::Read {
            name,
            path: path.to_owned(),
            source,
        })
    }

    /// Puts `bytes` in the place of the state.
    fn write(self, path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
        let Species { name, write_bytes_max: bytes_max } = self;
        let owned = || path.to_owned();
        if bytes.len() > bytes_max {
            return Err(StoreError::Full { name, path: owned(), bytes_max });
        }
        file::write(path, bytes, Existing::Replace).map_err(|source| StoreError::Write {
            name,
            path: owned(),
            source,
        })
    }
}

// === impl StoreError ===

impl StoreError {
    /// Whether the file that somebody gave is at fault, and not the machine.
    pub fn is_input(&self) -> bool {
        matches!(self, StoreError::Read { .. } | StoreError::Parse { .. })
    }
}
