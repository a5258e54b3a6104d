//! Where a config stands: its folder, the environment, and the files that it names.
//!
//! What is read through here counts into the digest of the config, so that a snapshot with another
//! certificate has another name. Secrets do not: a digest that is shown would let them be guessed.

use super::environment::Environment;
use crate::json::Digest;
use std::cell::RefCell;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// The largest file that a config can name.
const FILE_BYTES_MAX: u64 = 4 << 20;

/// What a config is read with.
pub(super) struct Site<'a> {
    folder: PathBuf,
    pub(super) environment: &'a Environment,
    read: RefCell<Vec<Digest>>,
}

impl<'a> Site<'a> {
    /// A config in `folder`; paths in it are relative to that.
    pub(super) fn new(folder: &Path, environment: &'a Environment) -> Site<'a> {
        Site { folder: folder.to_owned(), environment, read: RefCell::default() }
    }

    /// A path as the config means it.
    pub(super) fn path(&self, said: &str) -> PathBuf {
        self.folder.join(said)
    }

    /// A file that is no secret.
    ///
    /// # Errors
    /// Says which file, and what the system said.
    pub(super) fn file(&self, said: &str) -> Result<Vec<u8>, String> {
        let bytes = self.slurp(said)?;
        self.read.borrow_mut().push(Digest::of(&bytes));
        Ok(bytes.to_vec())
    }

    /// A file that is one.
    ///
    /// # Errors
    /// Says which file, and what the system said.
    pub(super) fn secret_file(&self, said: &str) -> Result<Zeroizing<Vec<u8>>, String> {
        self.slurp(said)
    }

    fn slurp(&self, said: &str) -> Result<Zeroizing<Vec<u8>>, String> {
        let path = self.path(said);
        read(&path).map_err(|error| format!("cannot read {}: {error}", path.display()))
    }

    /// The digest of the config text and of every file that was read.
    pub(super) fn digest(&self, text: &str) -> Digest {
        let read = self.read.borrow();
        if read.is_empty() {
            return Digest::of(text.as_bytes());
        }
        let texts: Vec<String> = read.iter().map(Digest::to_string).collect();
        let mut fields = vec![text.as_bytes()];
        fields.extend(texts.iter().map(String::as_bytes));
        Digest::of_fields(&fields)
    }
}

fn read(path: &Path) -> io::Result<Zeroizing<Vec<u8>>> {
    // Made large enough at once: a buffer that grows leaves copies behind that nobody wipes.
    let mut bytes = Zeroizing::new(Vec::with_capacity(64 << 10));
    File::open(path)?.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes)?;
    match bytes.len() as u64 > FILE_BYTES_MAX {
        true => {
            let what = format!("larger than {FILE_BYTES_MAX} bytes");
            Err(io::Error::new(io::ErrorKind::FileTooLarge, what))
        }
        false => Ok(bytes),
    }
}
