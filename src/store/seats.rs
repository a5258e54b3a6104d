//! The key that seats callers where a stage is shared out, in a file of the state directory.
//!
//! Made once and never renewed: with another key everybody would have another seat, and a share
//! would be of other callers than the day before. Whoever reads it can tell who stands where, and
//! choose a name by it, so only its owner may.

use super::file::{self, Existing};
use crate::stage::SeatKey;
use std::fs;
use std::io::{self, ErrorKind};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// Its name in the state directory.
const NAME: &str = "rollout.key";
/// Anybody but the owner.
const OTHERS: u32 = 0o077;

/// Why there is no key; the process must not serve.
#[derive(Debug, thiserror::Error)]
pub enum SeatsError {
    /// It can be neither read nor made.
    #[error("cannot use the rollout key `{}`: {source}", path.display())]
    Unusable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Others can read it, so it may be known.
    #[error(
        "the rollout key `{}` is open to others (mode {mode:03o}): `chmod 600` it, or remove it for \
         a new one, which seats every caller anew",
        path.display()
    )]
    Open {
        /// The file.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// It holds something else.
    #[error(
        "`{}` holds no rollout key: put it back, or remove it for a new one, which seats every \
         caller anew",
        path.display()
    )]
    Spoilt {
        /// The file.
        path: PathBuf,
    },
}

// === impl SeatsError ===

impl SeatsError {
    /// Whether the file is at fault, and not the machine.
    pub fn is_input(&self) -> bool {
        !matches!(self, SeatsError::Unusable { .. })
    }
}

/// The key in this state directory; makes it where there is none.
///
/// # Errors
/// The file cannot be used as it is.
pub fn open(state_dir: &Path) -> Result<SeatKey, SeatsError> {
    let path = state_dir.join(NAME);
    match find(state_dir)? {
        Some(key) => Ok(key),
        None => make(&path).map_err(|source| SeatsError::Unusable { path, source }),
    }
}

/// The key in this state directory, where there is one.
///
/// # Errors
/// The file cannot be used as it is.
pub fn find(state_dir: &Path) -> Result<Option<SeatKey>, SeatsError> {
    let path = state_dir.join(NAME);
    match fs::symlink_metadata(&path) {
        Ok(_) => read(path).map(Some),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(source) => Err(SeatsError::Unusable { path, source }),
    }
}

fn read(path: PathBuf) -> Result<SeatKey, SeatsError> {
    let read = fs::metadata(&path).and_then(|there| {
        let bytes = Zeroizing::new(file::read(&path, SeatKey::BYTES as u64 + 1)?);
        Ok((there.permissions().mode() & 0o777, bytes))
    });
    match read {
        Err(source) if source.kind() == ErrorKind::FileTooLarge => Err(SeatsError::Spoilt { path }),
        Err(source) => Err(SeatsError::Unusable { path, source }),
        Ok((mode, _)) if mode & OTHERS != 0 => Err(SeatsError::Open { path, mode }),
        Ok((_, bytes)) => match bytes.as_slice().try_into() {
            Ok(key) => Ok(SeatKey::new(Zeroizing::new(key))),
            Err(_) => Err(SeatsError::Spoilt { path }),
        },
    }
}

fn make(path: &Path) -> io::Result<SeatKey> {
    let mut key = Zeroizing::new([0; SeatKey::BYTES]);
    getrandom::fill(key.as_mut_slice()).map_err(io::Error::other)?;
    file::write(path, key.as_slice(), Existing::Refuse)?;
    Ok(SeatKey::new(key))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_made_once_and_for_its_owner_alone() {
        let dir = tempfile::tempdir().unwrap();
        assert!(find(dir.path()).unwrap().is_none(), "looking makes none");
        let seat = |key: &SeatKey| key.seat("keys", "ada", "files.delete");
        let made = open(dir.path()).unwrap();
        let mode = fs::metadata(dir.path().join(NAME)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "nothing else is left");
        let again = [open(dir.path()).unwrap(), find(dir.path()).unwrap().unwrap()];
        assert!(again.iter().all(|key| seat(key) == seat(&made)), "everybody keeps the seat");
    }

    #[test]
    fn a_key_that_others_may_know_or_that_is_none_stops_the_start() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(NAME);
        open(dir.path()).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        assert!(open(dir.path()).unwrap_err().to_string().contains("mode 640"));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        for bytes in [0, 1, 31, 33, 600] {
            fs::write(&path, vec![7; bytes]).unwrap();
            let error = open(dir.path()).unwrap_err();
            assert!(error.is_input() && error.to_string().contains("put it back"), "{bytes}");
        }
    }
}
