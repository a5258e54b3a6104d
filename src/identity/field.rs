//! One header field that carries a credential: where it may stand, and how its value is read.
//!
//! What two servers could read differently is refused: the field twice, or a second one in a
//! spelling that some servers fold into its name.

use super::Refusal;
use crate::call::credential::{folds_to, scheme};
use crate::call::headers::{CredentialField, fold};
use http::header::{self, HeaderMap, HeaderName, HeaderValue};

/// The scheme of tokens in `Authorization` (RFC 6750, section 2.1), folded.
const BEARER: &str = "bearer";

/// A header field that is read once and in one spelling.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    name: HeaderName,
    folded: String,
}

impl Field {
    /// The field of this name.
    pub fn new(name: HeaderName) -> Field {
        Field { folded: fold(name.as_str()), name }
    }

    /// Whether two fields could be taken for one another.
    pub fn is_like(&self, other: &Field) -> bool {
        self.folded == other.folded
    }

    /// Whether tokens in it follow a scheme.
    pub fn has_scheme(&self) -> bool {
        self.name == header::AUTHORIZATION
    }

    /// What is withheld from tools.
    pub fn credential(&self) -> CredentialField {
        let scheme = self.has_scheme().then(|| BEARER.to_owned());
        CredentialField { name: self.folded.clone(), scheme }
    }

    /// Its value, where it is there.
    ///
    /// # Errors
    /// It is there twice, or in another spelling.
    pub(super) fn sole<'h>(
        &self,
        headers: &'h HeaderMap,
    ) -> Result<Option<&'h HeaderValue>, Refusal> {
        let other = |name: &&HeaderName| **name != self.name && folds_to(name, &self.folded);
        if headers.keys().any(|name| other(&name)) {
            return Err(Refusal::CredentialSpelling);
        }
        let mut values = headers.get_all(&self.name).iter();
        match (values.next(), values.next()) {
            (_, Some(_)) => Err(Refusal::CredentialRepeated),
            (value, None) => Ok(value),
        }
    }

    /// Whether this is its name, in any spelling.
    pub(super) fn is(&self, name: &HeaderName) -> bool {
        folds_to(name, &self.folded)
    }

    /// Whether it is there, in any spelling.
    pub(super) fn is_in(&self, headers: &HeaderMap) -> bool {
        headers.keys().any(|name| self.is(name))
    }

    /// The token in it, where there is one. In `Authorization` other schemes are the tool's.
    ///
    /// # Errors
    /// As [`Field::sole`], or there is no token where one belongs.
    pub(super) fn token<'h>(&self, headers: &'h HeaderMap) -> Result<Option<&'h [u8]>, Refusal> {
        let Some(value) = self.sole(headers)? else { return Ok(None) };
        let token = match self.has_scheme() {
            false => Some(value.as_bytes()),
            true if !scheme(value).eq_ignore_ascii_case(BEARER.as_bytes()) => return Ok(None),
            true => bearer(value.as_bytes()),
        };
        match token {
            Some(token) if !token.is_empty() => Ok(Some(token)),
            _ => Err(Refusal::CredentialMalformed),
        }
    }
}

/// What follows `Bearer` and exactly one space, in the characters of RFC 6750, section 2.1.
fn bearer(value: &[u8]) -> Option<&[u8]> {
    let (scheme, rest) = value.split_at_checked(BEARER.len())?;
    let token = rest.strip_prefix(b" ")?;
    let fits = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(byte);
    (scheme.eq_ignore_ascii_case(BEARER.as_bytes()) && token.iter().all(fits)).then_some(token)
}
