//! A JWK Set (RFC 7517, section 5), read strictly.

use super::jwk::{self, Entry, Key};
use crate::json::{self, JsonError};
use serde_json::Value;

/// The largest set that is read.
const BYTES_MAX: usize = 1 << 20;

/// The most keys that a set may list, used or not.
const KEYS_MAX: usize = 256;

/// The public keys of one issuer; there is at least one.
#[derive(Clone, Debug, PartialEq)]
pub struct KeySet {
    keys: Vec<Key>,
}

/// Why a text is no key set.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeySetError {
    /// It is too long.
    #[error("larger than {BYTES_MAX} bytes")]
    Bytes,
    /// It is not strict JSON.
    #[error("not strict JSON: {0}")]
    Json(#[from] JsonError),
    /// It is not an object with a list of objects.
    #[error("not a JWK Set; it is written `{{\"keys\": [{{...}}]}}`")]
    Shape,
    /// It lists too many.
    #[error("more than {KEYS_MAX} keys")]
    Keys,
    /// It gives a private key away. Such an issuer can no longer be believed.
    #[error("key {index} holds the private member `{member}`; publish public keys only")]
    Private {
        /// Counted from 1.
        index: usize,
        /// The member's name.
        member: &'static str,
    },
    /// It lists none that can be used. More likely a mistake than an issuer that takes all back.
    #[error(
        "no key for signatures; RSA of 2048 to 8192 bits, EC on P-256 or P-384 and OKP Ed25519 \
         are taken, with `use` absent or `sig`"
    )]
    Empty,
}

impl KeySet {
    /// Reads a JWK Set of at most 1 MiB and 256 keys. Kinds that are not used here are left out,
    /// symmetric keys (`oct`) among them.
    ///
    /// # Errors
    /// It is too long, not strict JSON, not a set, holds a private key, or none that can be used.
    pub fn parse(bytes: &[u8]) -> Result<KeySet, KeySetError> {
        if bytes.len() > BYTES_MAX {
            return Err(KeySetError::Bytes);
        }
        let document = json::parse(bytes)?;
        let listed = document.get("keys").and_then(Value::as_array).ok_or(KeySetError::Shape)?;
        if listed.len() > KEYS_MAX {
            return Err(KeySetError::Keys);
        }
        let mut keys = Vec::new();
        for (at, entry) in listed.iter().enumerate() {
            match jwk::read(entry.as_object().ok_or(KeySetError::Shape)?) {
                Entry::Key(key) => keys.push(key),
                Entry::Skipped => {}
                Entry::Private(member) => {
                    return Err(KeySetError::Private { index: at + 1, member });
                }
            }
        }
        if keys.is_empty() { Err(KeySetError::Empty) } else { Ok(KeySet { keys }) }
    }

    /// The keys, in the order of the set.
    pub fn keys(&self) -> &[Key] {
        &self.keys
    }
}
