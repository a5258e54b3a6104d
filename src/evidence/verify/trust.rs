//! Whose word counts: what the auditor knows from elsewhere, and which key signs where.
//!
//! A key that the auditor names is trusted from the line on that brings it in, and with it every
//! key that a trusted one hands over to. Without a named key the first of the log is trusted,
//! which proves that nobody without it wrote the log, but not who did.

use super::fault::Fault;
use super::report::{Signer, Standing};
use super::survey::{By, Era, Wrong};
use crate::evidence::chain::{Head, Whole};
use crate::json::Digest;
use crate::sign::PublicKey;
use std::str::FromStr;

/// What an auditor knows of a log from elsewhere.
#[derive(Clone, Debug, Default)]
pub struct Trust {
    /// Keys that may sign it. None: the first key of the log.
    pub keys: Vec<PublicKey>,
    /// A head that it had, now or at any time before.
    pub head: Option<KeptHead>,
}

/// A head that was kept elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeptHead {
    /// Its place, where it was kept too: with it a cut can be told from another log.
    pub seq: Option<u64>,
    /// Its hash.
    pub hash: Digest,
}

/// A text is no head.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a head is 64 lower-case hex digits, or `seq` and a colon before them")]
pub struct BadHead;

/// The keys of a log, as its lines bring them in.
pub(super) struct Ring<'t> {
    named: &'t [PublicKey],
    in_force: Option<Held>,
    signers: Vec<Signer>,
}

/// The key that signs.
struct Held {
    key: PublicKey,
    id: String,
    standing: Standing,
}

// === impl Trust ===

impl Trust {
    /// Whether this is the expected head, or stands in its place.
    pub(super) fn is_near(&self, head: &Head) -> bool {
        self.head.is_some_and(|want| want.hash == head.hash || want.seq == Some(head.seq))
    }
}

// === impl KeptHead ===

impl KeptHead {
    /// Whether this is it.
    pub(super) fn is(&self, head: &Head) -> bool {
        self.hash == head.hash && self.seq.is_none_or(|seq| seq == head.seq)
    }
}

impl FromStr for KeptHead {
    type Err = BadHead;

    fn from_str(text: &str) -> Result<KeptHead, BadHead> {
        let (seq, hash) = match text.split_once(':') {
            Some((seq, hash)) => (Some(seq.parse().map_err(|_| BadHead)?), hash),
            None => (None, text),
        };
        Ok(KeptHead { seq, hash: Digest::parse(hash).ok_or(BadHead)? })
    }
}

// === impl Ring ===

impl<'t> Ring<'t> {
    /// No key yet.
    pub(super) fn new(named: &'t [PublicKey]) -> Ring<'t> {
        Ring { named, in_force: None, signers: Vec::new() }
    }

    /// The key that signs now.
    pub(super) fn key(&self) -> Option<&PublicKey> {
        self.in_force.as_ref().map(|held| &held.key)
    }

    /// All that signed.
    pub(super) fn into_signers(self) -> Vec<Signer> {
        self.signers
    }

    /// Takes a key line; says whether a trusted key other than the new one signed it.
    pub(super) fn introduce(&mut self, era: &Era) -> Result<Standing, Wrong> {
        let (standing, vouched) = match (&era.by, &self.in_force) {
            (By::Itself, Some(held)) if held.key == era.key => return Ok(Standing::Unknown),
            (By::Itself, Some(_)) if !self.is_named(&era.key) => {
                return Err(Wrong::Line(Fault::Unendorsed { key_id: era.id.clone() }));
            }
            (By::Itself, _) => (self.first(&era.key), Standing::Unknown),
            (By::Another(line), _) => self.endorsed(&era.key, line)?,
        };
        self.signers.push(Signer {
            key_id: era.id.clone(),
            standing,
            from_seq: era.spot.head.seq.saturating_add(1),
            signatures: 0,
        });
        self.in_force = Some(Held { key: era.key.clone(), id: era.id.clone(), standing });
        Ok(vouched)
    }

    /// Counts signatures of the key in force; says what they are worth.
    pub(super) fn signed(&mut self, signatures: u64) -> Standing {
        if let Some(signer) = self.signers.last_mut() {
            signer.signatures += signatures;
        }
        self.in_force.as_ref().map_or(Standing::Unknown, |held| held.standing)
    }

    /// The standing of a key that another signed, and that of the other.
    fn endorsed(&mut self, key: &PublicKey, line: &[u8]) -> Result<(Standing, Standing), Wrong> {
        let stamp = Whole::read(line).and_then(|whole| whole.stamp).ok_or(Wrong::Signature)?;
        let (old, standing) = match &self.in_force {
            Some(held) if held.id == stamp.key_id => (held.key.clone(), held.standing),
            Some(_) => {
                let key_id = stamp.key_id.to_owned();
                return Err(Wrong::Line(Fault::UnknownKey { key_id }));
            }
            // The lines that the other key signed are removed: only an auditor can know it.
            None => match self.named.iter().find(|named| named.id() == stamp.key_id) {
                Some(named) => (named.clone(), Standing::Named),
                None => return Ok((self.first(key), Standing::Unknown)),
            },
        };
        stamp.verify(&old).map_err(|_| Wrong::Signature)?;
        if let Some(signer) = self.signers.last_mut() {
            signer.signatures += 1;
        }
        let new = match self.is_named(key) {
            true => Standing::Named,
            false if standing.is_trusted() => Standing::Endorsed,
            false => Standing::Unknown,
        };
        Ok((new, standing))
    }

    /// The standing of a key that speaks for itself.
    fn first(&self, key: &PublicKey) -> Standing {
        match self.is_named(key) {
            true => Standing::Named,
            false if self.named.is_empty() => Standing::First,
            false => Standing::Unknown,
        }
    }

    fn is_named(&self, key: &PublicKey) -> bool {
        self.named.contains(key)
    }
}
