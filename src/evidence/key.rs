//! Who signs the log, and how each key of it comes to be known.
//!
//! Every segment says in its first lines with which key it goes on. A key that takes over from
//! another is vouched for by the old one where that is at hand; where it is not, the line says
//! whom it replaces, and a verifier sees a change that nothing vouches for. So losing a key never
//! keeps the gateway from being started again, and is never hidden.
//!
//! Rejected: refusing a key that the log does not know, since a lost key would then end the log.

mod files;
mod rotate;

pub use files::KeyFiles;
pub use rotate::{RotateFailed, Rotated, rotate};

use super::{
    chain::{self, Head},
    event::{Event, SigningKey},
    line::{Entry, Line},
};
use crate::{
    clock,
    sign::{KeyError, PrivateKey, PublicKey},
};
use std::{io, path::PathBuf, sync::Arc};

/// Where keys come from; tests put something in that fails on demand.
pub(super) trait Keys {
    /// The key that is to sign.
    fn read(&self) -> Result<PrivateKey, KeyFault>;
    /// A new one, durable when this returns.
    fn make(&self) -> Result<PrivateKey, KeyFault>;
    /// The one before, where it is at hand.
    fn previous(&self) -> Option<PrivateKey>;
    /// Removes that one for good, unless it is the key `signs`.
    fn forget_previous(&self, signs: &str);
}

/// Why there is no key to sign with.
#[derive(Debug, thiserror::Error)]
pub enum KeyFault {
    /// There is no file.
    #[error(
        "evidence signing key `{}` is missing: put it back, or another in its place, which the \
         log then calls a change that nothing vouches for",
        path.display()
    )]
    Missing {
        /// Where it should be.
        path: PathBuf,
    },
    /// The file cannot be read.
    #[error("cannot read the evidence signing key `{}`: {source}; let this user read it", path.display())]
    Unreadable {
        /// Where it is.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file holds no key.
    #[error("evidence signing key `{}`: {source}; put the key back", path.display())]
    Bad {
        /// Where it is.
        path: PathBuf,
        /// What is wrong with it.
        source: KeyError,
    },
    /// None can be made.
    #[error("cannot make the evidence signing key `{}`: {source}", path.display())]
    Unmade {
        /// Where it should be.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// The key that signs, and what a log must be told of it.
#[derive(Debug)]
pub(super) struct Signer {
    key: PrivateKey,
    id: Arc<str>,
    /// Until the log knows of it.
    change: Option<Change>,
}

/// Another key than the last of the log.
#[derive(Debug)]
struct Change {
    replaces: String,
    endorser: Option<PrivateKey>,
}

/// The key to sign with in a log whose last key is `last`; made where the log has none.
pub(super) fn take(keys: &impl Keys, last: Option<&str>) -> Result<Signer, KeyFault> {
    let key = match (keys.read(), last) {
        (Err(KeyFault::Missing { .. }), None) => keys.make(),
        (read, _) => read,
    }?;
    let replaced = last.filter(|last| *last != key.id());
    let change = replaced.map(|replaces| Change {
        replaces: replaces.to_owned(),
        endorser: keys.previous().filter(|previous| previous.id() == replaces),
    });
    if let Some(Change { replaces, endorser: None }) = &change {
        tracing::warn!(
            replaces,
            key_id = key.id(),
            "security event: the evidence log goes on with another key, and its last key is not \
             at hand to vouch for it"
        );
    }
    Ok(Signer { change, ..Signer::new(key) })
}

/// The line that says that `key` signs from here on.
fn line(key: PublicKey, replaces: Option<String>) -> Line {
    let event = Event::Key(Box::new(SigningKey { key, replaces }));
    Line::new(clock::now(), Entry::Event(event))
}

// === impl Signer ===

impl Signer {
    /// A key that the log knows, or that is its first.
    pub(super) fn new(key: PrivateKey) -> Signer {
        Signer { id: key.id().into(), key, change: None }
    }

    /// Hex id of the key.
    pub(super) fn id(&self) -> &Arc<str> {
        &self.id
    }

    /// Appends the line by which a segment begins to be signed.
    pub(super) fn introduce(&self, head: Head, out: &mut Vec<u8>) -> io::Result<Head> {
        let replaces = self.change.as_ref().map(|change| change.replaces.clone());
        let endorser = self.change.as_ref().and_then(|change| change.endorser.as_ref());
        let mut line = line(self.key.public(), replaces);
        chain::append_signed(head, &mut line, endorser.unwrap_or(&self.key), out)
    }

    /// Appends a signed line of the log's own.
    pub(super) fn sign(&self, head: Head, event: Event, out: &mut Vec<u8>) -> io::Result<Head> {
        let mut line = Line::new(clock::now(), Entry::Event(event));
        chain::append_signed(head, &mut line, &self.key, out)
    }

    /// That `next` signs from here on, for this key to sign.
    pub(super) fn successor(&self, next: &PrivateKey) -> Event {
        let replaces = Some(self.id.to_string());
        Event::Key(Box::new(SigningKey { key: next.public(), replaces }))
    }

    /// Notes that the log durably says who signs.
    pub(super) fn introduced(&mut self) {
        self.change = None;
    }
}

// === impl KeyFault ===

impl KeyFault {
    /// Whether the machine failed, and not what it was given.
    pub(super) fn is_machine(&self) -> bool {
        matches!(self, KeyFault::Unmade { .. })
    }
}
