//! The kill switch file, and the journal beside it (spec E15).

use super::file;
use super::lock::Lock;
use super::{READ_BYTES_MAX, Species, StoreError};
use crate::kill_switch::{Note, State};
use std::fs::{self, Metadata};
use std::io;
use std::path::{Path, PathBuf};

const SPECIES: Species = Species { name: "kill switch", write_bytes_max: 8 << 20 };

/// The journal's name; it stands beside the state.
const JOURNAL: &str = "kill_switch_journal.jsonl";

/// Reads a state.
///
/// # Errors
/// It is not there, cannot be read, or is none.
pub fn load(path: &Path) -> Result<State, StoreError> {
    let bytes = file::read(path, READ_BYTES_MAX).map_err(|source| unread(path, source))?;
    State::from_json(&bytes).map_err(|error| StoreError::Parse {
        name: SPECIES.name,
        path: path.to_owned(),
        what: error.to_string(),
    })
}

/// How a state stands on disk that is to be read again and again. Whoever opened a pipe in its
/// place could wait for ever.
///
/// # Errors
/// It is not there, or is not a regular file.
pub fn metadata(path: &Path) -> Result<Metadata, StoreError> {
    let found = fs::metadata(path).map_err(|source| unread(path, source))?;
    match found.is_file() {
        true => Ok(found),
        false => Err(unread(path, io::Error::other("not a regular file"))),
    }
}

fn unread(path: &Path, source: io::Error) -> StoreError {
    StoreError::Read { name: SPECIES.name, path: path.to_owned(), source }
}

/// Changes a state while nobody else can; `change` gets `None` where there is no file yet.
///
/// # Errors
/// The state cannot be locked, read or written, or `change` refuses. Then it is as it was.
pub fn update<T, E: From<StoreError>>(
    path: &Path,
    change: impl FnOnce(Option<State>) -> Result<(State, T), E>,
) -> Result<T, E> {
    let _lock = Lock::take(SPECIES, path)?;
    let state = match load(path) {
        Ok(state) => Some(state),
        Err(StoreError::Read { source, .. }) if source.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(error.into()),
    };
    let (state, outcome) = change(state)?;
    SPECIES.write(path, &state.to_json())?;
    Ok(outcome)
}

/// Adds a line to the journal beside the state; returns the journal's path.
///
/// # Errors
/// The system says no.
pub fn note(state: &Path, note: &Note) -> io::Result<PathBuf> {
    let journal = state.with_file_name(JOURNAL);
    file::append_line(&journal, &serde_json::to_string(note)?)?;
    Ok(journal)
}
