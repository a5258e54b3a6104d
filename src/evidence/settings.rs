//! What can be set of the log.
//!
//! Whoever runs a gateway sets these once, at its start; the config names the members that are
//! theirs, the others have one value that fits.

use super::event::InForce;
use std::{path::PathBuf, time::Duration};

/// Bounds of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// How many lines can be reserved or queued; an open call holds two.
    pub ledger_lines_max: usize,
    /// How many lines are written at once.
    pub batch_lines_max: usize,
    /// A segment that has reached this is sealed and followed by a new one.
    pub segment_bytes_max: u64,
    /// So is one that is this old.
    pub seal_after: Duration,
    /// Sealed segments whose last line is older are removed; `None` keeps them for ever.
    pub retention: Option<Duration>,
    /// The oldest sealed segments are removed while all together are larger.
    pub retention_bytes: Option<u64>,
    /// How long decisions gather before they are made durable together; zero for not at all.
    pub gather: Duration,
    /// The key that signs.
    pub signing_key: KeyFile,
    /// What is in force at the start, for its line.
    pub in_force: Option<InForce>,
    /// How long a line that nobody waits for may stay unsynced.
    pub sync_interval: Duration,
    /// How many bytes may be written and not synced; they are kept in memory too.
    pub unsynced_bytes_max: usize,
    /// How long to wait before trying again after an error.
    pub retry_interval: Duration,
}

/// Where the key lies that signs the log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum KeyFile {
    /// `evidence_signing.key` in the state directory, made at the first start.
    #[default]
    Own,
    /// A file of the operator's, never made by the gateway.
    At(PathBuf),
}

// === impl Settings ===

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            ledger_lines_max: 16_384,
            batch_lines_max: 512,
            segment_bytes_max: 64 << 20,
            seal_after: Duration::from_secs(24 * 3_600),
            retention: None,
            retention_bytes: None,
            gather: Duration::ZERO,
            signing_key: KeyFile::Own,
            in_force: None,
            sync_interval: Duration::from_secs(1),
            unsynced_bytes_max: 4 << 20,
            retry_interval: Duration::from_millis(250),
        }
    }
}
