//! A store is opened: its key, its desk, and the clerk that somebody must give a thread.

use super::clerk::{Clerk, Opener};
use super::desk::{Desk, Waiting};
use super::shelf::Shelf;
use super::sqlite::{Past, Place};
use crate::metrics::Metrics;
use crate::sign::{KeyError, PrivateKey};
use crate::store::file::{self, Existing};
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::sync::mpsc;
use zeroize::Zeroizing;

/// The key that signs recorded grants, in the state directory.
pub const KEY_FILE: &str = "approval_signing.key";
/// The database, in the state directory.
pub const DATABASE_FILE: &str = "approvals.db";

/// A key is far shorter.
const KEY_BYTES_MAX: u64 = 4096;
/// Anybody but the owner.
const OTHERS: u32 = 0o077;

/// Why there is no store.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The key can be neither read nor made.
    #[error("approval signing key: {}: {source}", path.display())]
    Key {
        /// Where it should be.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Others can read it, so they could say yes in anybody's name.
    #[error(
        "approval signing key: `{}` is open to others (mode {mode:03o}): move it away for a new \
         one, which makes recorded grants void, or, if nobody has read it, `chmod 600` it",
        path.display()
    )]
    Open {
        /// Where it is.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// The file holds no key.
    #[error("approval signing key: {}: {source}; put the key back, or move the file away", path.display())]
    NoKey {
        /// Where it is.
        path: PathBuf,
        /// What is wrong.
        source: KeyError,
    },
}

/// The desk and the clerk of the store in `folder`. A database that cannot be opened is no error
/// here: the clerk says so to whoever asks, and tries again.
///
/// # Errors
/// There is no key, and none can be made.
pub fn open(folder: &Path, past: Past, metrics: &Metrics) -> Result<(Desk, Clerk), OpenError> {
    let signer = signer(&folder.join(KEY_FILE))?;
    let gateway = signer.public();
    let (orders, inbox) = mpsc::unbounded_channel();
    let waiting = Arc::new(Waiting::default());
    let mut place = Place::new(folder.join(DATABASE_FILE), past);
    let opener: Opener =
        Box::new(move |now| place.open(now).map(|shelf| Box::new(shelf) as Box<dyn Shelf>));
    let metrics = metrics.approvals(&[]);
    let clerk = Clerk::new((&orders, inbox), waiting.clone(), signer, opener, metrics);
    Ok((Desk::new(orders, waiting, gateway), clerk))
}

/// The key of the file, or a new one. A file that is there is never changed.
fn signer(path: &Path) -> Result<PrivateKey, OpenError> {
    let failed = |source| OpenError::Key { path: path.to_owned(), source };
    if let Ok(there) = std::fs::metadata(path)
        && there.permissions().mode() & OTHERS != 0
    {
        let mode = there.permissions().mode() & 0o777;
        return Err(OpenError::Open { path: path.to_owned(), mode });
    }
    match file::read(path, KEY_BYTES_MAX) {
        Ok(bytes) => parse(path, &Zeroizing::new(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => make(path).map_err(failed),
        Err(error) => Err(failed(error)),
    }
}

fn parse(path: &Path, bytes: &[u8]) -> Result<PrivateKey, OpenError> {
    // What is no text is no base64 either.
    let text = std::str::from_utf8(bytes).unwrap_or_default();
    let wrong = |source| OpenError::NoKey { path: path.to_owned(), source };
    PrivateKey::parse(text).map_err(wrong)
}

fn make(path: &Path) -> io::Result<PrivateKey> {
    let key = PrivateKey::generate().map_err(io::Error::other)?;
    file::write(path, key.to_text().as_bytes(), Existing::Refuse)?;
    if let Some(folder) = path.parent() {
        std::fs::File::open(folder)?.sync_all()?;
    }
    Ok(key)
}
