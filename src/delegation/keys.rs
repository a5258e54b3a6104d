//! The keys whose word on a delegation counts.
//!
//! A token's signature names its key, and only that one is tried: trying all of them would let a
//! caller pay with our time, and say less clearly what is wrong. A signature that names none is
//! refused, although the format lets it pass where there is one key only.

use super::{Code, Proven, Token, prove};
use crate::intent::time::Time;
use crate::sign::PublicKey;

/// Keys by their ids; may be empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Keys(Vec<(String, PublicKey)>);

impl Keys {
    /// These keys, and no others.
    pub fn new(keys: impl IntoIterator<Item = PublicKey>) -> Keys {
        Keys(keys.into_iter().map(|key| (key.id(), key)).collect())
    }

    /// Whether nobody's word counts.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether one of the keys signed `token` and it has not expired at the time `now`.
    ///
    /// # Errors
    /// The first code that applies, as for one key.
    pub fn prove(&self, token: &Token, now: Time) -> Result<Proven, Code> {
        match self.named(token.key_id()) {
            Some(key) => prove(token, key, now),
            None if token.normal().is_none() => Err(Code::Invalid),
            None if token.key_id().is_none() => Err(Code::SignatureMissing),
            None => Err(Code::SignatureInvalid),
        }
    }

    fn named(&self, id: Option<&str>) -> Option<&PublicKey> {
        self.0.iter().find(|(known, _)| id == Some(known)).map(|(_, key)| key)
    }
}
