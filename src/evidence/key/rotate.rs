//! A new key for a log: made beside a running gateway, and taken up at its next reload or start.
//!
//! At every moment there is a whole key under the name that is read, and the old one is durable
//! under the other name before it goes from the first: whatever is interrupted can be done again.

use super::{
    KeyFault,
    files::{self, KeyFiles},
};
use crate::{
    evidence::{segment, settings::KeyFile, survey},
    sign::PrivateKey,
    store::file::Existing,
};
use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

/// What a rotation made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rotated {
    /// Hex id of the new key.
    pub key_id: String,
    /// Where it lies.
    pub path: PathBuf,
    /// Hex id of the key that signs until the log takes up the new one.
    pub previous_id: String,
    /// Where that lies.
    pub previous_path: PathBuf,
}

/// Why a key was not rotated. The one in force stays.
#[derive(Debug, thiserror::Error)]
pub enum RotateFailed {
    /// There is no key to rotate.
    #[error(
        "{0}; where `evidence.signing_key` names a file, put the new key there yourself, and the \
         old one beside it as NAME.previous.key"
    )]
    NoKey(#[source] KeyFault),
    /// The log signs with another key than the file holds.
    #[error(
        "the log has not taken up the key in `{}` yet, and would lose the one that can vouch for \
         it: reload or start the gateway first",
        path.display()
    )]
    Pending {
        /// The key file.
        path: PathBuf,
    },
    /// The machine failed.
    #[error("cannot rotate the evidence signing key: {0}")]
    Machine(#[from] io::Error),
}

/// Makes a new key for the log of the state directory `state`, and keeps the one in force as
/// `evidence_signing.previous.key` for it to vouch for the new one.
///
/// # Errors
/// There is none, or the rotation before is not taken up yet.
pub fn rotate(state: &Path) -> Result<Rotated, RotateFailed> {
    let keys = KeyFiles::of(state, &KeyFile::Own);
    let (path, previous_path) = (keys.path().to_owned(), keys.previous_path());
    let old = files::load(&path).map_err(RotateFailed::NoKey)?;
    let last = last_key(&state.join("evidence"))?;
    if last.is_some_and(|last| *last != *old.id()) {
        return Err(RotateFailed::Pending { path });
    }
    let new = PrivateKey::generate().map_err(io::Error::other)?;
    files::write(&previous_path, &old, Existing::Replace)?;
    files::write(&path, &new, Existing::Replace)?;
    keys.publish(&new);
    let (key_id, previous_id) = (new.id().to_owned(), old.id().to_owned());
    Ok(Rotated { key_id, path, previous_id, previous_path })
}

/// Id of the key that signs the log last.
fn last_key(directory: &Path) -> io::Result<Option<Arc<str>>> {
    if !directory.exists() {
        return Ok(None);
    }
    for (_, path) in segment::list(directory)?.iter().rev() {
        let found = survey::last_key(&std::fs::read(path)?);
        if found.is_some() {
            return Ok(found);
        }
    }
    Ok(None)
}
