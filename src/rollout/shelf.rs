//! Where the overlay lies: one file in the state directory.
//!
//! Absent, it says nothing; but a gait that runs keeps it also while it is empty, so that its absence
//! beside a log tells that it was lost. Whoever changes it reads, changes and writes it in one turn, so that of
//! two who change it at once neither undoes the other; a reader never sees half of it.

use super::{Overlay, OverlayError};
use crate::store::file::{self, Existing};
use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// Its name.
const NAME: &str = "rollout.json";

/// The largest that is read or written, as of all files of a config: an entry has 400 bytes and a
/// reason.
const BYTES_MAX: u64 = 4 << 20;

/// The file of the overlay.
#[derive(Debug)]
pub struct Shelf {
    path: PathBuf,
    keeping: Keeping,
    /// Held while it is changed.
    turn: Mutex<()>,
}

/// Whether it is the file that stages are set by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Keeping {
    /// A process reads it, or may: whoever can write it sets stages.
    Own,
    /// It only says what was: whoever copied it gave it any mode.
    Copied,
}

/// Why the overlay cannot be had or changed.
#[derive(Debug, thiserror::Error)]
pub enum ShelfError {
    /// It is there and cannot be read.
    #[error(
        "cannot read it: {0}; let gait read it, or move it away, and every route stands where the config alone says"
    )]
    Read(#[source] io::Error),
    /// A process that runs always keeps one, so what was set before is lost.
    #[error("it is gone, and with it what was set before; reload first, then look at what stands")]
    Gone,
    /// It cannot be written.
    #[error("cannot write it: {0}; the one before stands")]
    Write(#[source] io::Error),
    /// Others could set stages without a line that says so.
    #[error("its mode {0:o} lets others write it; look who did, then run `chmod 600` on it")]
    Open(u32),
    /// Nobody could read it any more.
    #[error(
        "it would be larger than {BYTES_MAX} bytes; take stages into the config that are to stay"
    )]
    Full,
    /// It does not say what an overlay says.
    #[error(transparent)]
    Overlay(#[from] OverlayError),
}

// === impl Shelf ===

impl Shelf {
    /// The overlay in this state directory.
    pub fn new(state_dir: &Path) -> Shelf {
        Shelf { path: state_dir.join(NAME), keeping: Keeping::Own, turn: Mutex::default() }
    }

    /// The one in a copy of a state directory, which is read whatever its mode.
    pub fn copied(state_dir: &Path) -> Shelf {
        Shelf { keeping: Keeping::Copied, ..Shelf::new(state_dir) }
    }

    /// Where it lies.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What it says; nothing where there is none.
    ///
    /// # Errors
    /// It cannot be read, or is no overlay.
    pub fn read(&self) -> Result<Overlay, ShelfError> {
        let parsed = self.parse(file::read(&self.path, BYTES_MAX));
        parsed.map(Option::unwrap_or_default)
    }

    /// What it says in a process that keeps it.
    ///
    /// # Errors
    /// It cannot be read, is no overlay, or is gone.
    pub fn kept(&self) -> Result<Overlay, ShelfError> {
        self.parse(file::read(&self.path, BYTES_MAX))?.ok_or(ShelfError::Gone)
    }

    /// The same of bytes that somebody else read from it; `None` where there is none.
    ///
    /// # Errors
    /// They could not be read, or are no overlay.
    pub fn parse(&self, read: io::Result<impl AsRef<[u8]>>) -> Result<Option<Overlay>, ShelfError> {
        match read {
            Ok(text) => {
                self.check_mode()?;
                Ok(Some(Overlay::parse(text.as_ref())?))
            }
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(ShelfError::Read(error)),
        }
    }

    fn check_mode(&self) -> Result<(), ShelfError> {
        if self.keeping == Keeping::Copied {
            return Ok(());
        }
        let mode = fs::metadata(&self.path).map_err(ShelfError::Read)?.mode() & 0o777;
        if mode & 0o022 == 0 { Ok(()) } else { Err(ShelfError::Open(mode)) }
    }

    /// Changes it, or makes it where there is none: durable once this returns.
    ///
    /// # Errors
    /// It cannot be read or written. After a write that failed, it may be the new one that stands.
    pub fn change<T>(&self, change: impl FnOnce(&mut Overlay) -> T) -> Result<T, ShelfError> {
        self.turn(Shelf::read, change)
    }

    /// Changes one that is kept: of one that is gone it makes none that says this alone.
    ///
    /// # Errors
    /// As of [`Shelf::change`], or it is gone.
    pub fn amend<T>(&self, change: impl FnOnce(&mut Overlay) -> T) -> Result<T, ShelfError> {
        self.turn(Shelf::kept, change)
    }

    fn turn<T>(
        &self,
        read: impl FnOnce(&Shelf) -> Result<Overlay, ShelfError>,
        change: impl FnOnce(&mut Overlay) -> T,
    ) -> Result<T, ShelfError> {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let mut overlay = read(self)?;
        let changed = change(&mut overlay);
        let text = overlay.to_text()?;
        if u64::try_from(text.len()).is_ok_and(|bytes| bytes > BYTES_MAX) {
            return Err(ShelfError::Full);
        }
        self.write(&text).map_err(ShelfError::Write)?;
        Ok(changed)
    }

    fn write(&self, text: &str) -> io::Result<()> {
        file::write(&self.path, text.as_bytes(), Existing::Replace)?;
        // A name is durable with its directory.
        self.path.parent().map_or(Ok(()), |dir| File::open(dir)?.sync_all())
    }
}

// === impl ShelfError ===

impl From<serde_json::Error> for ShelfError {
    fn from(error: serde_json::Error) -> ShelfError {
        ShelfError::Overlay(error.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rollout::Entry;
    use crate::stage::{Stage, Standing};
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt as _;

    fn entry() -> Entry {
        Entry {
            standing: Standing::Whole(Stage::DryRun),
            over: "observe".to_owned(),
            by: "ada@desk".to_owned(),
            at: "2026-11-01T00:00:00Z".parse().unwrap(),
            reason: None,
            until: None,
            then: None,
        }
    }

    #[test]
    fn changes_made_at_once_all_stand() {
        let dir = tempfile::tempdir().unwrap();
        let shelf = Shelf::new(dir.path());
        assert!(shelf.read().unwrap().is_empty());
        let refused = shelf.amend(|overlay| overlay.set("a", entry())).unwrap_err().to_string();
        assert!(refused.contains("reload first") && !shelf.path().exists(), "{refused}");
        std::thread::scope(|scope| {
            for at in 0..8 {
                let shelf = &shelf;
                scope.spawn(move || {
                    let name = format!("route.{at}");
                    shelf.change(|overlay| overlay.set(&name, entry())).unwrap();
                });
            }
        });
        assert_eq!(shelf.read().unwrap().entries().count(), 8);
        let mode = std::fs::metadata(shelf.path()).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600);
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1, "nothing else is left");
    }

    #[test]
    fn what_cannot_be_read_is_not_taken_for_nothing_nor_written_over() {
        let dir = tempfile::tempdir().unwrap();
        let shelf = Shelf::new(dir.path());
        std::fs::write(shelf.path(), "{").unwrap();
        assert!(shelf.read().unwrap_err().to_string().contains("move it away"));
        assert!(shelf.change(|overlay| overlay.set("a", entry())).is_err());
        assert_eq!(std::fs::read(shelf.path()).unwrap(), b"{");
        std::fs::write(shelf.path(), r#"{"v":1,"routes":{}}"#).unwrap();
        assert!(shelf.read().is_ok());
        for mode in [0o620, 0o602] {
            std::fs::set_permissions(shelf.path(), Permissions::from_mode(mode)).unwrap();
            assert!(shelf.read().unwrap_err().to_string().contains("chmod 600"));
            assert!(shelf.change(|overlay| overlay.set("a", entry())).is_err());
            assert!(Shelf::copied(dir.path()).read().is_ok(), "a copy has any mode");
        }
        std::fs::remove_file(shelf.path()).unwrap();
        std::fs::create_dir(shelf.path()).unwrap();
        assert!(shelf.read().unwrap_err().to_string().contains("move it away"));
    }
}
