//! One key of a set.
//!
//! What is not understood is left out, as the format asks (RFC 7517, section 5); what gives a
//! secret away is not.

use crate::identity::algorithm::Algorithm;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{DecodingKey, DecodingKeyKind};
use serde_json::{Map, Value};
use std::fmt;

/// Members that hold a secret (RFC 7518, section 6; RFC 8037, section 2).
const PRIVATE: [&str; 7] = ["d", "p", "q", "dp", "dq", "qi", "oth"];

/// Sizes of an RSA modulus that are taken.
const RSA_BITS: std::ops::RangeInclusive<usize> = 2_048..=8_192;

/// An RSA exponent is odd, at least 3 and of at most this many bytes.
const EXPONENT_BYTES_MAX: usize = 4;

/// What a key can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// RSA of 2048 to 8192 bits.
    Rsa,
    /// ECDSA on P-256.
    P256,
    /// ECDSA on P-384.
    P384,
    /// Ed25519.
    Ed25519,
}

/// A public key that can check a signature.
#[derive(Clone)]
pub struct Key {
    id: Option<String>,
    kind: Kind,
    algorithm: Option<Algorithm>,
    material: DecodingKey,
}

/// What became of one entry of a set.
pub(super) enum Entry {
    /// A key.
    Key(Key),
    /// Nothing that is used here.
    Skipped,
    /// It holds this private member.
    Private(&'static str),
}

/// Reads one entry.
pub(super) fn read(jwk: &Map<String, Value>) -> Entry {
    let kind = text(jwk, "kty").unwrap_or_default();
    if kind == "oct" {
        return Entry::Skipped;
    }
    if let Some(private) = PRIVATE.into_iter().find(|member| jwk.contains_key(*member)) {
        return Entry::Private(private);
    }
    key(kind, jwk).map_or(Entry::Skipped, Entry::Key)
}

fn key(kty: &str, jwk: &Map<String, Value>) -> Option<Key> {
    if !is_for_signatures(jwk) {
        return None;
    }
    let (kind, material) = match kty {
        "RSA" => (Kind::Rsa, rsa(jwk)?),
        "EC" => curve(jwk)?,
        "OKP" if text(jwk, "crv")? == "Ed25519" => {
            (Kind::Ed25519, DecodingKey::from_ed_der(&sized(jwk, "x", 32)?))
        }
        _ => return None,
    };
    let algorithm = match jwk.get("alg") {
        None => None,
        Some(said) => Some(Algorithm::parse(said.as_str()?).filter(|said| said.kind() == kind)?),
    };
    let id = match jwk.get("kid") {
        None => None,
        Some(said) => Some(said.as_str()?.to_owned()),
    };
    Some(Key { id, kind, algorithm, material })
}

/// Whether `use` and `key_ops`, where they are there, let the key check signatures.
fn is_for_signatures(jwk: &Map<String, Value>) -> bool {
    let verifies = |operations: &Value| {
        operations.as_array().is_some_and(|all| all.iter().any(|one| one == "verify"))
    };
    jwk.get("use").is_none_or(|said| said == "sig") && jwk.get("key_ops").is_none_or(verifies)
}

fn rsa(jwk: &Map<String, Value>) -> Option<DecodingKey> {
    let (modulus, exponent) = (number(jwk, "n")?, number(jwk, "e")?);
    let odd = |number: &[u8]| number.last().is_some_and(|last| last & 1 == 1);
    let fits = RSA_BITS.contains(&bits(&modulus)) && exponent.len() <= EXPONENT_BYTES_MAX;
    (fits && odd(&modulus) && odd(&exponent) && exponent != [1])
        .then(|| DecodingKey::from_rsa_raw_components(&modulus, &exponent))
}

fn curve(jwk: &Map<String, Value>) -> Option<(Kind, DecodingKey)> {
    let (kind, bytes) = match text(jwk, "crv")? {
        "P-256" => (Kind::P256, 32),
        "P-384" => (Kind::P384, 48),
        _ => return None,
    };
    // An uncompressed point (SEC 1, section 2.3.3). One off the curve checks no signature.
    let point = [vec![4], sized(jwk, "x", bytes)?, sized(jwk, "y", bytes)?].concat();
    Some((kind, DecodingKey::from_ec_der(&point)))
}

fn text<'j>(jwk: &'j Map<String, Value>, member: &str) -> Option<&'j str> {
    jwk.get(member)?.as_str()
}

fn bytes(jwk: &Map<String, Value>, member: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text(jwk, member)?).ok()
}

fn sized(jwk: &Map<String, Value>, member: &str, count: usize) -> Option<Vec<u8>> {
    bytes(jwk, member).filter(|bytes| bytes.len() == count)
}

/// A positive number, big-endian, without the zeros that some issuers put in front.
fn number(jwk: &Map<String, Value>, member: &str) -> Option<Vec<u8>> {
    let bytes = bytes(jwk, member)?;
    let number: Vec<u8> = bytes.into_iter().skip_while(|byte| *byte == 0).collect();
    Some(number).filter(|number| !number.is_empty())
}

fn bits(number: &[u8]) -> usize {
    let unused = number.first().map_or(0, |byte| byte.leading_zeros() as usize);
    (number.len() * 8).saturating_sub(unused)
}

// === impl Key ===

impl Key {
    /// Its name in the set.
    pub fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// What it is.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Whether it may check a signature of this algorithm.
    pub fn fits(&self, algorithm: Algorithm) -> bool {
        self.kind == algorithm.kind() && self.algorithm.is_none_or(|own| own == algorithm)
    }

    /// Whether `signature` (base64url) over `message` was made with its private half.
    pub fn verifies(&self, algorithm: Algorithm, message: &[u8], signature: &str) -> bool {
        let said = || {
            let algorithm = algorithm.of_library();
            jsonwebtoken::crypto::verify(signature, message, &self.material, algorithm)
        };
        self.fits(algorithm) && matches!(said(), Ok(true))
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Key) -> bool {
        let said = |key: &Key| (key.kind, key.algorithm);
        self.id == other.id
            && said(self) == said(other)
            && material(&self.material) == material(&other.material)
    }
}

/// The two parts of an RSA key; of others the second is empty.
fn material(key: &DecodingKey) -> (&[u8], &[u8]) {
    match key.kind() {
        DecodingKeyKind::SecretOrDer(bytes) => (bytes, &[]),
        DecodingKeyKind::RsaModulusExponent { n, e } => (n, e),
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key").field("id", &self.id).field("kind", &self.kind).finish()
    }
}
