//! Where a config stands: its folder, the environment, and the files that it names.
//!
//! What is read through here counts into the digest of the config, so that a snapshot with another
//! certificate has another name. Secrets do not: a digest that is shown would let them be guessed.

use super::environment::Environment;
use super::files::Files;
use crate::json::Digest;
use crate::policy::Policy;
use crate::policy::source::{self, PolicyError};
use std::cell::RefCell;
use std::io;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// What a config is read with.
pub(super) struct Site<'a> {
    folder: PathBuf,
    pub(super) environment: &'a Environment,
    read: RefCell<Vec<Digest>>,
    files: RefCell<Files>,
}

impl<'a> Site<'a> {
    /// A config in `folder`; paths in it are relative to that.
    pub(super) fn new(folder: &Path, environment: &'a Environment) -> Site<'a> {
        let folder = folder.to_owned();
        Site { folder, environment, read: RefCell::default(), files: RefCell::default() }
    }

    /// Every file that was read or looked for here.
    pub(super) fn into_files(self) -> Files {
        self.files.into_inner()
    }

    /// A path as the config means it.
    pub(super) fn path(&self, said: impl AsRef<Path>) -> PathBuf {
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

    /// A policy; its path as it is, and no part of the digest of the config: it has its own.
    ///
    /// # Errors
    /// It cannot be read, or is none.
    pub(super) fn policy(&self, path: &Path) -> Result<Policy, PolicyError> {
        let file = path.display().to_string();
        match self.bytes(path) {
            Ok(bytes) => source::parse(&file, &bytes),
            Err(source) => Err(PolicyError::Read { file, source }),
        }
    }

    /// Any other file that what is loaded depends on; its path as it is.
    ///
    /// # Errors
    /// What the system said.
    pub(super) fn bytes(&self, path: &Path) -> io::Result<Zeroizing<Vec<u8>>> {
        self.files.borrow_mut().read(path)
    }

    /// Has a file watched that others read, and follow once it could be read.
    pub(super) fn note(&self, path: &Path) {
        self.files.borrow_mut().note(path);
    }

    fn slurp(&self, said: &str) -> Result<Zeroizing<Vec<u8>>, String> {
        let path = self.path(said);
        self.bytes(&path).map_err(|error| format!("cannot read {}: {error}", path.display()))
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
