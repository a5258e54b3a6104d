//! A token as it is sent: three segments (RFC 7515, section 7.1), taken apart strictly.

use crate::identity::Refusal;
use crate::identity::algorithm::Algorithm;
use crate::identity::keys::Key;
use crate::json;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

/// The longest token that is read.
const BYTES_MAX: usize = 16 << 10;

/// Header members that change what a token means (RFC 7515, section 4.1.11; RFC 7797).
const EXTENSIONS: [&str; 2] = ["crit", "b64"];

/// What may stand before a type (RFC 7515, section 4.1.9).
const TYPE_PREFIX: &str = "application/";

/// A token whose signature is not checked yet.
pub(in crate::identity) struct Jws<'t> {
    header: Value,
    signed: &'t str,
    claims: Vec<u8>,
    signature: &'t str,
}

/// Whether a text has the shape of one.
pub(in crate::identity) fn is_shaped(token: &[u8]) -> bool {
    token.iter().filter(|byte| **byte == b'.').count() == 2
}

impl<'t> Jws<'t> {
    /// Takes a token apart.
    ///
    /// # Errors
    /// It is too long, or not three segments of base64url with a strict JSON header.
    pub(in crate::identity) fn parse(token: &'t [u8]) -> Result<Jws<'t>, Refusal> {
        if token.len() > BYTES_MAX {
            return Err(Refusal::JwtTooLarge);
        }
        let token = std::str::from_utf8(token).map_err(|_| Refusal::JwtMalformed)?;
        Jws::split(token).ok_or(Refusal::JwtMalformed)
    }

    fn split(token: &'t str) -> Option<Jws<'t>> {
        let (signed, signature) = token.rsplit_once('.')?;
        let (header, claims) = signed.split_once('.')?;
        let header = object(&segment(header)?)?;
        segment(signature)?;
        Some(Jws { header, signed, claims: segment(claims)?, signature })
    }

    pub(super) fn has_extensions(&self) -> bool {
        EXTENSIONS.iter().any(|member| self.header.get(member).is_some())
    }

    /// Whether `typ` is absent or one of these.
    pub(super) fn is_of_type(&self, types: &[String]) -> bool {
        let Some(said) = self.header.get("typ") else { return true };
        let said = said.as_str().map(bare_type);
        said.is_some_and(|said| types.iter().any(|own| bare_type(own).eq_ignore_ascii_case(said)))
    }

    pub(super) fn algorithm(&self) -> Option<Algorithm> {
        Algorithm::parse(self.header.get("alg")?.as_str()?)
    }

    /// The name of its key.
    pub(super) fn key_id(&self) -> Result<Option<&str>, Refusal> {
        let said = self.header.get("kid");
        said.map(|said| said.as_str().ok_or(Refusal::JwtMalformed)).transpose()
    }

    pub(super) fn is_signed_by(&self, key: &Key, algorithm: Algorithm) -> bool {
        key.verifies(algorithm, self.signed.as_bytes(), self.signature)
    }

    /// What it says, believed or not.
    ///
    /// # Errors
    /// It is not a strict JSON object.
    pub(in crate::identity) fn claims(&self) -> Result<Value, Refusal> {
        object(&self.claims).ok_or(Refusal::JwtClaimsMalformed)
    }
}

/// A segment without padding and with zero trailing bits; an empty one is none.
fn segment(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok().filter(|bytes| !bytes.is_empty())
}

fn object(bytes: &[u8]) -> Option<Value> {
    json::parse(bytes).ok().filter(Value::is_object)
}

fn bare_type(text: &str) -> &str {
    match text.split_at_checked(TYPE_PREFIX.len()) {
        Some((prefix, rest)) if prefix.eq_ignore_ascii_case(TYPE_PREFIX) => rest,
        _ => text,
    }
}
