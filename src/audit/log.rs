//! Where a log is, and its segments.

use super::backwards::Backwards;
use super::lines::Lines;
use super::scan::Scan;
use super::sieve::Sieve;
use crate::evidence::{self, Place};
use std::fs::File;
use std::io::{self, BufReader};
use std::path::{Path, PathBuf};

/// The folder of a state directory that holds its log.
const FOLDER: &str = "evidence";

/// The segments of a log, as they were when it was opened.
#[derive(Clone, Debug)]
pub struct Log {
    dir: PathBuf,
    segments: Vec<(u32, PathBuf)>,
}

/// Why there is no log to read.
#[derive(Debug, thiserror::Error)]
pub enum NoLog {
    /// The directory holds no segment.
    #[error(
        "no evidence in `{}`; name a state directory, or the folder `evidence` in it",
        .0.display()
    )]
    Empty(PathBuf),
    /// It cannot be listed.
    #[error("cannot read evidence in `{}`: {source}", dir.display())]
    Unlisted {
        /// The directory.
        dir: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

// === impl Log ===

impl Log {
    /// Opens the log in `dir`, which is a folder of segments or a state directory.
    ///
    /// # Errors
    /// There is none.
    pub fn open(dir: &Path) -> Result<Log, NoLog> {
        let inner = dir.join(FOLDER);
        let dir = if inner.is_dir() { inner } else { dir.to_owned() };
        let segments = evidence::segments(&dir)
            .map_err(|source| NoLog::Unlisted { dir: dir.clone(), source })?;
        if segments.is_empty() {
            return Err(NoLog::Empty(dir));
        }
        Ok(Log { dir, segments })
    }

    /// The folder of its segments.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Its segments, oldest first.
    pub fn segments(&self) -> &[(u32, PathBuf)] {
        &self.segments
    }

    /// One of its segments as a log of its own.
    pub fn segment(&self, number: u32) -> Option<Log> {
        let own = self.segments.iter().find(|(one, _)| *one == number)?.clone();
        Some(Log { dir: self.dir.clone(), segments: vec![own] })
    }

    /// How many bytes they hold.
    pub fn bytes(&self) -> u64 {
        let bytes = |path: &PathBuf| path.metadata().map_or(0, |there| there.len());
        self.segments.iter().map(|(_, path)| bytes(path)).sum()
    }

    /// All its lines, oldest first.
    pub fn scan(&self) -> Scan {
        self.scan_for(Sieve::default())
    }

    /// The lines that a sieve lets through, oldest first.
    pub fn scan_for(&self, sieve: Sieve) -> Scan {
        Scan::new(self.segments.clone(), sieve)
    }

    /// The bytes of the lines from one on, without their LF. Ends where a file cannot be read.
    pub fn raw_from(&self, place: Place) -> impl Iterator<Item = Vec<u8>> {
        let ours = self.segments.iter().filter(move |(number, _)| *number >= place.segment);
        let files = ours.map_while(move |(number, path)| {
            let skipped = if *number == place.segment { place.line.saturating_sub(1) } else { 0 };
            File::open(path).ok().map(|file| (Lines::new(BufReader::new(file)), skipped))
        });
        files.flat_map(|(lines, skipped)| {
            lines.whole().skip(usize::try_from(skipped).unwrap_or(usize::MAX))
        })
    }

    /// The same of one segment alone.
    pub(super) fn segment_backwards(&self, segment: (u32, PathBuf), sieve: Sieve) -> Backwards {
        Backwards::new(self.dir.clone(), vec![segment], sieve)
    }

    /// The lines that a sieve lets through, newest first.
    pub fn backwards(&self, sieve: Sieve) -> Backwards {
        Backwards::new(self.dir.clone(), self.segments.clone(), sieve)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_is_found_in_its_folder_and_in_the_state_directory() {
        let state = tempfile::tempdir().unwrap();
        let refused = Log::open(state.path()).unwrap_err().to_string();
        assert!(refused.starts_with("no evidence in `"), "{refused}");
        let folder = state.path().join("evidence");
        std::fs::create_dir(&folder).unwrap();
        std::fs::write(folder.join("000002.jsonl"), "{}\n").unwrap();
        std::fs::write(folder.join("notes.txt"), "x").unwrap();
        for dir in [state.path(), &folder] {
            let log = Log::open(dir).unwrap();
            assert_eq!((log.dir(), log.bytes()), (folder.as_path(), 3));
            assert_eq!(log.segments().len(), 1);
        }
        let refused = Log::open(&state.path().join("nowhere")).unwrap_err().to_string();
        assert!(refused.starts_with("cannot read evidence in `"), "{refused}");
    }
}
