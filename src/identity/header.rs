//! Callers that a trusted peer names in a header, such as an authenticating proxy.
//!
//! The header is worth what its peer is worth. From any other peer it is not left out but refused:
//! somebody tries.

use super::Refusal;
use super::facts::{Facts, Field as Fact};
use super::field::Field;
use super::text::is_plain;
use super::trust::Trust;
use crate::call::peer::Peer;
use http::{HeaderMap, HeaderName, HeaderValue};

/// Which header names callers, and who may send it.
#[derive(Clone, Debug, PartialEq)]
pub struct Header {
    /// The header with the identity.
    pub name: Field,
    /// Who may send it.
    pub from: Trust,
    /// Further headers, and what they say.
    pub fields: Vec<(Fact, Field)>,
}

impl Header {
    /// What the headers say of the caller.
    ///
    /// # Errors
    /// They come from a peer that may not send them, stand twice or in another spelling, or are no
    /// plain text.
    pub(super) fn facts(&self, headers: &HeaderMap, peer: &Peer) -> Result<Option<Facts>, Refusal> {
        if !self.all().any(|field| field.is_in(headers)) {
            return Ok(None);
        }
        if !self.from.holds(peer) {
            return Err(Refusal::IdentityHeaderUntrusted);
        }
        let Some(identity) = read(&self.name, headers)? else { return Ok(None) };
        // Whoever joins two fields of one name writes a comma between them (RFC 9110, 5.3).
        if identity.contains(',') {
            return Err(Refusal::IdentityHeaderInvalid);
        }
        let mut facts = Facts { identity, ..Facts::default() };
        for (fact, field) in &self.fields {
            if let Some(text) = read(field, headers)? {
                facts.fields.insert(*fact, text);
            }
        }
        Ok(Some(facts))
    }

    /// Whether it reads this header, or one that could be taken for it.
    pub(super) fn has(&self, name: &HeaderName) -> bool {
        self.all().any(|field| field.is(name))
    }

    /// Every header it reads.
    pub fn all(&self) -> impl Iterator<Item = &Field> {
        std::iter::once(&self.name).chain(self.fields.iter().map(|(_, field)| field))
    }
}

fn read(field: &Field, headers: &HeaderMap) -> Result<Option<String>, Refusal> {
    field.sole(headers)?.map(text).transpose()
}

fn text(value: &HeaderValue) -> Result<String, Refusal> {
    let text = std::str::from_utf8(value.as_bytes()).map_err(|_| Refusal::IdentityHeaderInvalid)?;
    match is_plain(text) {
        true => Ok(text.to_owned()),
        false => Err(Refusal::IdentityHeaderInvalid),
    }
}
