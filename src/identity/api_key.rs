//! Callers that are known by a shared secret.
//!
//! Only the SHA-256 of a key is kept, and keys are found by it: what a comparison could leak in
//! time is a digest of what was sent, from which no key is learnt. Keys must be random, as an
//! API key is; a slow hash would serve for passwords, which this is not for.

use super::Refusal;
use crate::intent::rest::Caller;
use crate::intent::time::Time;
use crate::json::Digest;
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

/// The keys of one source, by their digest.
#[derive(Clone, Default, PartialEq)]
pub struct ApiKeys(HashMap<Digest, Holder>);

/// Whose key it is.
#[derive(Clone, Debug, PartialEq)]
pub struct Holder {
    /// The caller.
    pub caller: Arc<Caller>,
    /// From when on it is refused.
    pub expires_at: Option<Time>,
}

impl ApiKeys {
    /// Adds a key; `None` where it is there already.
    pub fn add(&mut self, digest: Digest, holder: Holder) -> Option<()> {
        match self.0.contains_key(&digest) {
            true => None,
            false => {
                self.0.insert(digest, holder);
                Some(())
            }
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whose key this is.
    ///
    /// # Errors
    /// Nobody's, or it has expired.
    pub(super) fn caller(&self, key: &[u8], now: Time) -> Result<Arc<Caller>, Refusal> {
        let holder = self.0.get(&Digest::of(key)).ok_or(Refusal::ApiKeyUnknown)?;
        match holder.expires_at.is_some_and(|expires_at| now >= expires_at) {
            true => Err(Refusal::ApiKeyExpired),
            false => Ok(holder.caller.clone()),
        }
    }
}

impl fmt::Debug for ApiKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The digest of a weak key could be searched for.
        write!(f, "ApiKeys({})", self.0.len())
    }
}
