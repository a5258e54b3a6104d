//! Where the overlay lies: one file in the state directory.
//!
//! Absent, it says nothing; but a gait that runs keeps it also while it is empty, so that its absence
//! beside a log tells that it was lost. Whoever changes it reads, changes and writes it in one turn, so
//! that of two who change it at once neither undoes the other; a reader never sees half of it. The
//! process knows what it said: whoever goes back while it is gone or spoilt has that written anew.
//! Rejected: to let a promotion do so, which can wait until people know what stands.

use super::{Overlay, OverlayError};
use crate::store::file::{self, Existing};
use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

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
    /// Held while it is changed, and while it is held against what is known of it.
    turn: Mutex<()>,
    known: Mutex<Known>,
}

/// What a process that keeps it knows of it.
#[derive(Debug, Default)]
struct Known {
    /// What it said when it was laid or written last.
    said: Option<Overlay>,
    /// It was lost and written anew, and nobody has told that yet.
    is_mended: bool,
}

/// What becomes of a change where what the file said is lost: it is gone, another, or spoilt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IfLost {
    /// It is refused.
    Refuse,
    /// It is made of what the file said, which is written anew with it.
    Mend,
}

/// What a change begins with.
struct Basis {
    overlay: Overlay,
    origin: Origin,
}

/// Where that is from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Origin {
    File,
    Memory,
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
    #[error(
        "it is gone, and what it said holds until the next load; put it back, or reload, and every route \
         stands where the config says; a demotion is possible at once"
    )]
    Gone,
    /// Somebody put another in its place, an older copy say, which no command was meant for.
    #[error(
        "it is not the one whose stages are in force; put that back, or reload first, and what it says now \
         holds; a demotion is possible at once"
    )]
    Other,
    /// It cannot be written.
    #[error("cannot write it: {0}")]
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
        let (path, keeping) = (state_dir.join(NAME), Keeping::Own);
        Shelf { path, keeping, turn: Mutex::default(), known: Mutex::default() }
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

    /// What it says in a process that keeps it, or said, where the change mends that.
    ///
    /// # Errors
    /// It cannot be read, is no overlay, or is lost.
    pub fn kept(&self, if_lost: IfLost) -> Result<Overlay, ShelfError> {
        // What is written meanwhile would look as if somebody else had put it there.
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        self.basis(if_lost).map(|basis| basis.overlay)
    }

    fn basis(&self, if_lost: IfLost) -> Result<Basis, ShelfError> {
        let found = self.parse(file::read(&self.path, BYTES_MAX));
        let said = self.known().said.clone();
        let fault = match found {
            Ok(Some(overlay)) if said.as_ref().is_none_or(|said| *said == overlay) => {
                return Ok(Basis { overlay, origin: Origin::File });
            }
            Ok(Some(_)) => ShelfError::Other,
            Ok(None) => ShelfError::Gone,
            Err(fault) => fault,
        };
        let is_mended = if_lost == IfLost::Mend && fault.ends_with_the_file();
        let overlay = said.filter(|_| is_mended).ok_or(fault)?;
        Ok(Basis { overlay, origin: Origin::Memory })
    }

    /// Notes what it said when it was laid.
    pub fn knows(&self, said: Overlay) {
        self.known().said = Some(said);
    }

    /// Whether it was lost and written anew; told once.
    pub fn tells_mended(&self) -> bool {
        std::mem::take(&mut self.known().is_mended)
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What bytes say that somebody else read from it; `None` where there is none.
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
        let basis = |shelf: &Shelf| {
            let overlay = shelf.read()?;
            Ok(Basis { overlay, origin: Origin::File })
        };
        self.turn(basis, change)
    }

    /// Takes from it what was dropped and what is over, and nothing that was set since; makes it where
    /// there is none. Gives what it says then.
    ///
    /// # Errors
    /// As of [`Shelf::change`].
    pub fn tidy(&self, dropped: &Overlay, ended: &Overlay) -> Result<Overlay, ShelfError> {
        let tidy = |overlay: &mut Overlay| {
            overlay.give_way(ended);
            overlay.remove(dropped);
        };
        let written = self.change(|overlay| {
            tidy(overlay);
            overlay.clone()
        })?;
        // Whoever took it out: no mend is to write it anew.
        self.known().said.iter_mut().for_each(tidy);
        Ok(written)
    }

    /// Changes one that is kept: of one that is lost it makes none that says this alone.
    ///
    /// # Errors
    /// As of [`Shelf::change`], or it is lost.
    pub fn amend<T>(
        &self,
        if_lost: IfLost,
        change: impl FnOnce(&mut Overlay) -> T,
    ) -> Result<T, ShelfError> {
        self.turn(|shelf| shelf.basis(if_lost), change)
    }

    fn turn<T>(
        &self,
        basis: impl FnOnce(&Shelf) -> Result<Basis, ShelfError>,
        change: impl FnOnce(&mut Overlay) -> T,
    ) -> Result<T, ShelfError> {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let Basis { mut overlay, origin } = basis(self)?;
        let before = overlay.clone();
        let changed = change(&mut overlay);
        let text = overlay.to_text()?;
        if u64::try_from(text.len()).is_ok_and(|bytes| bytes > BYTES_MAX) {
            return Err(ShelfError::Full);
        }
        self.write(&text).map_err(ShelfError::Write)?;
        self.known().follow(origin, before, overlay);
        Ok(changed)
    }

    fn write(&self, text: &str) -> io::Result<()> {
        file::write(&self.path, text.as_bytes(), Existing::Replace)?;
        // A name is durable with its directory.
        self.path.parent().map_or(Ok(()), |dir| File::open(dir)?.sync_all())
    }
}

// === impl Known ===

impl Known {
    /// Notes what was written in the place of what was there. What somebody else put there is not known
    /// for that it was tidied.
    fn follow(&mut self, origin: Origin, before: Overlay, written: Overlay) {
        if self.said.as_ref().is_none_or(|said| *said == before) {
            self.said = Some(written);
        }
        self.is_mended |= origin == Origin::Memory;
    }
}

// === impl ShelfError ===

impl ShelfError {
    /// Whether another file in its place is without it. A disk that fails would fail that one as
    /// well, and of a directory nothing takes the place.
    fn ends_with_the_file(&self) -> bool {
        match self {
            ShelfError::Read(error) => {
                matches!(error.kind(), ErrorKind::PermissionDenied | ErrorKind::FileTooLarge)
            }
            ShelfError::Gone | ShelfError::Other | ShelfError::Open(_) | ShelfError::Overlay(_) => {
                true
            }
            ShelfError::Write(_) | ShelfError::Full => false,
        }
    }
}

impl From<serde_json::Error> for ShelfError {
    fn from(error: serde_json::Error) -> ShelfError {
        ShelfError::Overlay(error.into())
    }
}

#[cfg(test)]
mod tests;
