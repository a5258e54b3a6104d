//! Ed25519 keys and signatures in the public 1.x forms (spec C11.2, C12).
//!
//! One signature form serves traces, tokens and evidence: the 32 raw bytes of a SHA-256 digest
//! are signed, never the JSON or the hex. Verification is `verify_strict`, so small-order keys
//! and malleable encodings are refused. Private material is wiped when dropped.
//!
//! Rejected: PKCS#8 or PEM files, because the public tool's files are bare base64 and a second
//! format would only add a second way to load the wrong key.

mod source;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signer as _, SigningKey, VerifyingKey};
use serde::{Deserialize, Serialize};
use sha2::Digest as _;
use std::fmt;
use std::fmt::Write as _;
use zeroize::Zeroizing;

pub use source::Source;

/// The only algorithm name in use.
const ALG: &str = "ed25519";

/// Seed and public half, as they lie in a private key file.
const PRIVATE_KEY_BYTES: usize = 64;

/// A public key file.
const PUBLIC_KEY_BYTES: usize = 32;

/// A key that signs. Wiped on drop, never printed.
pub struct PrivateKey {
    key: SigningKey,
    /// Kept: whoever signs line after line names it on each.
    id: String,
}

/// A key that verifies.
#[derive(Clone, PartialEq, Eq)]
pub struct PublicKey(VerifyingKey);

/// A signature as it stands in traces and tokens (spec C11.1).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Signature {
    /// `ed25519`.
    pub alg: String,
    /// Hex SHA-256 of the 32 public key bytes; may be empty in foreign records.
    pub key_id: String,
    /// Standard base64 of 64 bytes.
    pub sig: String,
    /// Hex of the digest that was signed.
    pub signed_digest: String,
}

/// Which half of a key pair a message is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Half {
    /// The half that signs.
    Private,
    /// The half that verifies.
    Public,
}

/// Why no key could be had (spec C12); every one is invalid input.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The file could not be read.
    #[error("read {half} key: {reason}")]
    Read {
        /// The half that was wanted.
        half: Half,
        /// The path and what the system said.
        reason: String,
    },
    /// Not standard, padded base64.
    #[error("decode {half} key: {reason}; a key file holds one line of standard base64")]
    Decode {
        /// The half that was wanted.
        half: Half,
        /// What is wrong with the text; never the text.
        reason: base64::DecodeError,
    },
    /// Base64 of something else.
    #[error("invalid {half} key length: {bytes}; {want} bytes are wanted", want = half.bytes())]
    Length {
        /// The half that was wanted.
        half: Half,
        /// How many bytes came out.
        bytes: usize,
    },
    /// The bytes are no key, or the two halves in a private key file do not belong together.
    #[error("invalid {half} key: the bytes are not an ed25519 key")]
    Bytes {
        /// The half that was wanted.
        half: Half,
    },
    /// The environment variable is missing or blank.
    #[error("{half} key env not set: {name}")]
    EnvNotSet {
        /// The half that was wanted.
        half: Half,
        /// The variable.
        name: String,
    },
    /// A path and an environment variable for the same half.
    #[error("{half} key source: set either path or env")]
    TwoSources {
        /// The half that was wanted.
        half: Half,
    },
}

/// Why a signature does not hold, in the order in which it is looked at (spec C13.4).
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// There is no `signed_digest`.
    #[error("missing signed_digest")]
    DigestMissing,
    /// What was signed is not what is here.
    #[error("signed_digest mismatch")]
    DigestMismatch,
    /// It names another key.
    #[error("key id mismatch")]
    KeyId,
    /// It is no ed25519 signature.
    #[error("unsupported alg: {0}")]
    Alg(String),
    /// `sig` is not base64.
    #[error("decode sig: {0}")]
    Decode(base64::DecodeError),
    /// `sig` is base64 of something else.
    #[error("invalid signature length: {0}")]
    Length(usize),
    /// The mathematics says no.
    #[error("the signature was not made by this key")]
    Untrue,
}

// === impl PrivateKey ===

impl PrivateKey {
    /// A new key from the system's randomness.
    ///
    /// # Errors
    /// The system has none to give.
    pub fn generate() -> Result<PrivateKey, getrandom::Error> {
        let mut seed = Zeroizing::new([0_u8; ed25519_dalek::SECRET_KEY_LENGTH]);
        getrandom::fill(seed.as_mut_slice())?;
        Ok(PrivateKey::of(SigningKey::from_bytes(&seed)))
    }

    /// Reads base64 of seed ‖ public key; surrounding space, TAB, CR and LF are ignored.
    ///
    /// # Errors
    /// Not base64, not 64 bytes, or a public half that is not the seed's own.
    pub fn parse(text: &str) -> Result<PrivateKey, KeyError> {
        let half = Half::Private;
        let bytes: Zeroizing<[u8; PRIVATE_KEY_BYTES]> = decode(half, text)?;
        let key = SigningKey::from_keypair_bytes(&bytes).map_err(|_| KeyError::Bytes { half })?;
        Ok(PrivateKey::of(key))
    }

    /// The text of a private key file, line end included.
    pub fn to_text(&self) -> Zeroizing<String> {
        let bytes = Zeroizing::new(self.key.to_keypair_bytes());
        // Room up front: growing would leave unwiped copies behind.
        let mut text = Zeroizing::new(String::with_capacity(2 * PRIVATE_KEY_BYTES));
        STANDARD.encode_string(bytes.as_slice(), &mut text);
        text.push('\n');
        text
    }

    /// The half that verifies.
    pub fn public(&self) -> PublicKey {
        PublicKey(self.key.verifying_key())
    }

    /// The id of that half.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Signs the raw bytes of a SHA-256 digest.
    pub fn sign(&self, digest: &[u8; 32]) -> Signature {
        Signature {
            alg: ALG.to_owned(),
            key_id: self.id.clone(),
            sig: STANDARD.encode(self.key.sign(digest).to_bytes()),
            signed_digest: hex(digest),
        }
    }
}

impl PrivateKey {
    fn of(key: SigningKey) -> PrivateKey {
        let id = PublicKey(key.verifying_key()).id();
        PrivateKey { key, id }
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PrivateKey({})", self.id)
    }
}

// === impl PublicKey ===

impl PublicKey {
    /// Reads base64 of 32 bytes; surrounding space, TAB, CR and LF are ignored.
    ///
    /// # Errors
    /// Not base64, not 32 bytes, or no point of the curve.
    pub fn parse(text: &str) -> Result<PublicKey, KeyError> {
        let half = Half::Public;
        let bytes: Zeroizing<[u8; PUBLIC_KEY_BYTES]> = decode(half, text)?;
        let key = VerifyingKey::from_bytes(&bytes).map_err(|_| KeyError::Bytes { half })?;
        Ok(PublicKey(key))
    }

    /// The text of a public key file, line end included.
    pub fn to_text(&self) -> String {
        STANDARD.encode(self.0.as_bytes()) + "\n"
    }

    /// Hex SHA-256 of the key bytes.
    pub fn id(&self) -> String {
        hex(&sha2::Sha256::digest(self.0.as_bytes()))
    }

    /// Whether `signature` is this key's word on `digest`.
    ///
    /// An empty `key_id` is accepted, as the public tool accepts it: the key is chosen by the
    /// caller, so the id only serves to say more clearly what is wrong.
    ///
    /// # Errors
    /// The first [`Refusal`] that applies.
    pub fn verify(&self, signature: &Signature, digest: &[u8; 32]) -> Result<(), Refusal> {
        self.check_labels(signature, digest)?;
        let bytes = STANDARD.decode(&signature.sig).map_err(Refusal::Decode)?;
        let sig = ed25519_dalek::Signature::from_slice(&bytes)
            .map_err(|_| Refusal::Length(bytes.len()))?;
        self.0.verify_strict(digest, &sig).map_err(|_| Refusal::Untrue)
    }

    /// Everything about a signature that is not mathematics.
    fn check_labels(&self, signature: &Signature, digest: &[u8; 32]) -> Result<(), Refusal> {
        if signature.signed_digest.is_empty() {
            return Err(Refusal::DigestMissing);
        }
        if signature.signed_digest != hex(digest) {
            return Err(Refusal::DigestMismatch);
        }
        if !signature.key_id.is_empty() && signature.key_id != self.id() {
            return Err(Refusal::KeyId);
        }
        if signature.alg != ALG {
            return Err(Refusal::Alg(signature.alg.clone()));
        }
        Ok(())
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({})", self.id())
    }
}

// === impl Half ===

impl Half {
    /// How long the key is, in bytes.
    fn bytes(self) -> usize {
        match self {
            Half::Private => PRIVATE_KEY_BYTES,
            Half::Public => PUBLIC_KEY_BYTES,
        }
    }
}

impl fmt::Display for Half {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Half::Private => "private",
            Half::Public => "public",
        })
    }
}

/// Base64 text to exactly `N` bytes, wiped on drop.
fn decode<const N: usize>(half: Half, text: &str) -> Result<Zeroizing<[u8; N]>, KeyError> {
    let text = text.trim_matches([' ', '\t', '\r', '\n']);
    let bytes = STANDARD.decode(text).map_err(|reason| KeyError::Decode { half, reason })?;
    let bytes = Zeroizing::new(bytes);
    let mut key = Zeroizing::new([0; N]);
    if bytes.len() != N {
        return Err(KeyError::Length { half, bytes: bytes.len() });
    }
    key.copy_from_slice(&bytes);
    Ok(key)
}

/// Lower-case hex.
fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Seed 0x07 repeated; the fixed test key of the recorded answers.
    const SEVEN: &str =
        "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwfqSmxj4pxSCr71UHsTLsX5lUd2rr6+e5JCHuppFEbSLA==";
    const SEVEN_PUBLIC: &str = "6kpsY+KcUgq+9VB7Ey7F+ZVHdq6+vnuSQh7qaRRG0iw=";

    #[test]
    fn key_text_and_id_are_the_public_forms() {
        let key = PrivateKey::parse(&format!(" {SEVEN}\r\n\t")).unwrap();
        assert_eq!(key.to_text().trim_end(), SEVEN);
        assert_eq!(key.public().to_text().trim_end(), SEVEN_PUBLIC);
        assert_eq!(key.public(), PublicKey::parse(SEVEN_PUBLIC).unwrap());
        assert_eq!(
            key.public().id(),
            "fe812c12f3ab4ce6ac5db69ac352f906cb1b11ef43fb33e252ef7ff552263889"
        );
        assert!(!format!("{key:?}").contains(SEVEN));
    }

    #[test]
    fn bad_key_texts_are_named_without_being_shown() {
        let said = |text: &str| PrivateKey::parse(text).unwrap_err().to_string();
        assert!(said("%%%").starts_with("decode private key: "), "{}", said("%%%"));
        assert!(said(SEVEN_PUBLIC).starts_with("invalid private key length: 32"));
        let other = format!("C{}", SEVEN.get(1..).unwrap());
        assert!(said(&other).starts_with("invalid private key: "), "{}", said(&other));
        let public = PublicKey::parse(SEVEN).unwrap_err().to_string();
        assert!(public.starts_with("invalid public key length: 64"), "{public}");
    }

    #[test]
    fn a_signature_holds_for_its_digest_and_key_only() {
        let key = PrivateKey::generate().unwrap();
        let digest = [3_u8; 32];
        let good = key.sign(&digest);
        assert_eq!(key.public().verify(&good, &digest), Ok(()));
        let anonymous = Signature { key_id: String::new(), ..good.clone() };
        assert_eq!(key.public().verify(&anonymous, &digest), Ok(()));

        let verify = |signature| key.public().verify(&signature, &digest);
        assert_eq!(verify(Signature::default()), Err(Refusal::DigestMissing));
        assert_eq!(key.public().verify(&good, &[4; 32]), Err(Refusal::DigestMismatch));
        let other = PrivateKey::generate().unwrap();
        assert_eq!(other.public().verify(&good, &digest), Err(Refusal::KeyId));
        let alg = Signature { alg: "none".to_owned(), ..good.clone() };
        assert_eq!(verify(alg), Err(Refusal::Alg("none".to_owned())));
        let long = Signature { sig: STANDARD.encode([0; 65]), ..good.clone() };
        assert_eq!(verify(long), Err(Refusal::Length(65)));
        let zero = Signature { sig: STANDARD.encode([0; 64]), ..good.clone() };
        assert_eq!(verify(zero), Err(Refusal::Untrue));
        let text = Signature { sig: "?".to_owned(), ..good };
        assert!(matches!(verify(text), Err(Refusal::Decode(_))));
    }
}
