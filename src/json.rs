//! Strict and canonical JSON.
//!
//! One parser for everything that somebody else wrote ([`parse`]), one canonical form for
//! everything that is digested ([`canonical`]), and the check that binds the two
//! ([`inexact_number`]). Rejected: `serde_json::from_slice` into a `Value`, which keeps the last
//! of two equal members; what is judged could then differ from what a tool reads.

mod alias;
mod canonical;
pub mod guarded;
mod node;
mod number;
mod parse;
mod text;
mod tree;

pub use alias::{aliased_member, folded_name};
pub use canonical::{CanonicalError, canonical, canonical_into, canonical_object, digest};
pub use node::Node;
pub use number::inexact_number;
pub use parse::{DEPTH_MAX, JsonError, parse, tree};

use std::fmt;

/// How many hex characters of a digest make an id.
const SHORT_HEX_CHARS: usize = 24;

/// A SHA-256 digest, shown as 64 lower-case hex characters.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; 32]);

impl Digest {
    /// SHA-256 of `bytes`.
    pub fn of(bytes: &[u8]) -> Digest {
        use sha2::Digest as _;
        Digest(sha2::Sha256::digest(bytes).into())
    }

    /// SHA-256 of `parts`, one behind the other as if they were one.
    pub fn of_parts(parts: &[&[u8]]) -> Digest {
        use sha2::Digest as _;
        let mut hash = sha2::Sha256::new();
        parts.iter().for_each(|part| hash.update(part));
        Digest(hash.finalize().into())
    }

    /// SHA-256 of `fields`, each behind its length (64 bits, big-endian): no two lists share one.
    pub fn of_fields(fields: &[&[u8]]) -> Digest {
        use sha2::Digest as _;
        let mut hash = sha2::Sha256::new();
        for field in fields {
            hash.update((field.len() as u64).to_be_bytes());
            hash.update(field);
        }
        Digest(hash.finalize().into())
    }

    /// Reads exactly 64 lower-case hex characters; `None` for anything else.
    pub fn parse(text: &str) -> Option<Digest> {
        let (pairs, rest) = text.as_bytes().as_chunks::<2>();
        if pairs.len() != 32 || !rest.is_empty() {
            return None;
        }
        let mut bytes = [0; 32];
        for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
            *byte = nibble(*high)? << 4 | nibble(*low)?;
        }
        Some(Digest(bytes))
    }

    /// The first 12 bytes, hex: how the public formats make ids.
    pub fn short(&self) -> String {
        self.to_string().chars().take(SHORT_HEX_CHARS).collect()
    }

    /// All characters, put into `text`.
    fn hex<'t>(&self, text: &'t mut [[u8; 2]; 32]) -> &'t str {
        *text = self.0.map(hex);
        std::str::from_utf8(text.as_flattened()).unwrap_or_default()
    }

    /// The raw bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

fn nibble(hex: u8) -> Option<u8> {
    match hex {
        b'0'..=b'9' => Some(hex - b'0'),
        b'a'..=b'f' => Some(hex - b'a' + 10),
        _ => None,
    }
}

/// The two hex characters of a byte.
fn hex(byte: u8) -> [u8; 2] {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let digit = |nibble: u8| HEX.get(usize::from(nibble)).copied().unwrap_or(b'0');
    [digit(byte >> 4), digit(byte & 15)]
}

impl serde::Serialize for Digest {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.hex(&mut [[0; 2]; 32]))
    }
}

impl From<[u8; 32]> for Digest {
    fn from(bytes: [u8; 32]) -> Digest {
        Digest(bytes)
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.hex(&mut [[0; 2]; 32]))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::Digest;

    #[test]
    fn a_digest_reads_back_what_it_shows() {
        let digest = Digest::of(b"x");
        assert_eq!(Digest::parse(&digest.to_string()), Some(digest));
    }

    #[test]
    fn only_64_lower_case_hex_characters_are_a_digest() {
        let text = Digest::of(b"x").to_string();
        let short = text.get(1..).unwrap();
        for bad in [text.to_uppercase(), short.to_owned(), format!("{short}g"), format!("{text}0")]
        {
            assert_eq!(Digest::parse(&bad), None, "{bad}");
        }
    }
}
