//! A tool's own secret: what gait shows to it, and to nobody else.
//!
//! It is wiped from memory when the last snapshot that holds it goes. It has no text form, and
//! its debug form is redacted; equality goes by digest. It goes into a request after the permit,
//! so no intent, decision or line of evidence can hold it. What a tool sends back is the tool's to
//! answer for: an answer that repeats the secret is passed on as it is.

use crate::call::headers;
use crate::json::Digest;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderName, HeaderValue, header};
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use zeroize::Zeroizing;

/// Fields that are gait's to write, or the body's.
const NEVER: [&str; 13] = [
    "connection",
    "content-encoding",
    "content-length",
    "content-range",
    "content-type",
    "expect",
    "host",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// A header field with a secret in it.
#[derive(Clone)]
pub struct ToolCredential {
    name: HeaderName,
    value: Arc<Zeroizing<Vec<u8>>>,
    digest: Digest,
}

/// Why a secret cannot be sent; says nothing of what is in it.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum CredentialError {
    /// There is nothing.
    #[error("the secret is empty")]
    Empty,
    /// A header field cannot carry it.
    #[error(
        "the secret has characters that a header field cannot carry, such as a second line or a \
         space at its ends; write it in visible ASCII, on one line"
    )]
    Unsendable,
    /// The server would take a part of it for the whole.
    #[error("a bearer token has no spaces; write it without the word `Bearer`")]
    Spaced,
    /// It ends the user in `user:password`.
    #[error("`user` cannot hold a `:` or control characters (RFC 7617)")]
    User,
    /// Not a name, or not one to be set.
    #[error("`{0}` is no header field that a secret can go into")]
    Name(String),
}

impl ToolCredential {
    /// `Authorization: Bearer …` (RFC 6750).
    ///
    /// # Errors
    /// The token is empty or cannot stand in a field.
    pub fn bearer(token: &[u8]) -> Result<ToolCredential, CredentialError> {
        let token = line(token)?;
        if token.contains(&b' ') {
            return Err(CredentialError::Spaced);
        }
        ToolCredential::sealed(header::AUTHORIZATION, [b"Bearer ", token].concat().into())
    }

    /// `Authorization: Basic …` (RFC 7617), with the password in whatever encoding it has.
    ///
    /// # Errors
    /// The password is empty or has control characters; the user has them, or a colon.
    pub fn basic(user: &str, password: &[u8]) -> Result<ToolCredential, CredentialError> {
        let password = line(password)?;
        if user.contains(|c: char| c == ':' || c.is_control()) {
            return Err(CredentialError::User);
        }
        if password.iter().any(u8::is_ascii_control) {
            return Err(CredentialError::Unsendable);
        }
        let plain = Zeroizing::new([user.as_bytes(), b":", password].concat());
        let coded = Zeroizing::new(STANDARD.encode(&*plain));
        let value = Zeroizing::new([b"Basic ", coded.as_bytes()].concat());
        ToolCredential::sealed(header::AUTHORIZATION, value)
    }

    /// A field of the tool's own, such as `X-Api-Key`.
    ///
    /// # Errors
    /// The name is none, or one that gait writes itself; the value cannot stand in a field.
    pub fn header(name: &str, value: &[u8]) -> Result<ToolCredential, CredentialError> {
        let refused = || CredentialError::Name(name.to_owned());
        let parsed: HeaderName = name.parse().map_err(|_| refused())?;
        let folded = headers::fold(parsed.as_str());
        if NEVER.contains(&folded.as_str()) || folded.starts_with("gait-") {
            return Err(refused());
        }
        ToolCredential::sealed(parsed, line(value)?.to_vec().into())
    }

    fn sealed(
        name: HeaderName,
        value: Zeroizing<Vec<u8>>,
    ) -> Result<ToolCredential, CredentialError> {
        let inner = |byte: &u8| matches!(byte, b' '..=b'~');
        let outer = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_graphic);
        if !value.iter().all(inner) || !outer(value.first()) || !outer(value.last()) {
            return Err(CredentialError::Unsendable);
        }
        let digest = Digest::of_fields(&[name.as_str().as_bytes(), &value]);
        Ok(ToolCredential { name, value: Arc::new(value), digest })
    }

    /// Puts it into a request, in the place of whatever stands there in any spelling of the name
    /// that some server would fold into it.
    pub fn put_into(&self, fields: &mut HeaderMap) {
        let own = headers::fold(self.name.as_str());
        let spelt: Vec<HeaderName> =
            fields.keys().filter(|name| headers::fold(name.as_str()) == own).cloned().collect();
        for name in spelt {
            fields.remove(name);
        }
        // Checked when it was sealed, so there is no other branch to think of.
        if let Ok(mut value) = HeaderValue::from_bytes(&self.value) {
            value.set_sensitive(true);
            fields.insert(self.name.clone(), value);
        }
    }
}

/// The secret without the newline that editors and `echo` put at the end.
fn line(secret: &[u8]) -> Result<&[u8], CredentialError> {
    let bare = secret.strip_suffix(b"\n").unwrap_or(secret);
    let bare = bare.strip_suffix(b"\r").unwrap_or(bare);
    if bare.is_empty() { Err(CredentialError::Empty) } else { Ok(bare) }
}

// === impl ToolCredential ===

impl PartialEq for ToolCredential {
    fn eq(&self, other: &ToolCredential) -> bool {
        self.digest == other.digest
    }
}

impl Eq for ToolCredential {}

impl Hash for ToolCredential {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.digest.to_string().hash(state);
    }
}

impl fmt::Debug for ToolCredential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ToolCredential({}: redacted)", self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(credential: &ToolCredential, fields: &[(&'static str, &'static str)]) -> HeaderMap {
        let pair = |(name, value): &(&'static str, &'static str)| {
            (HeaderName::from_static(name), HeaderValue::from_static(value))
        };
        let mut map: HeaderMap = fields.iter().map(pair).collect();
        credential.put_into(&mut map);
        map
    }

    #[test]
    fn it_takes_the_place_of_every_spelling() {
        let key = ToolCredential::header("X-Api-Key", b"secret\n").unwrap();
        let sent =
            put(&key, &[("x-api-key", "a"), ("x_api_key", "b"), ("x.api.key", "c"), ("x", "d")]);
        let mut names: Vec<&str> = sent.keys().map(HeaderName::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, ["x", "x-api-key"]);
        assert_eq!(sent["x-api-key"], "secret");
        assert!(sent["x-api-key"].is_sensitive());
    }

    #[test]
    fn the_schemes_are_spelt_as_their_documents_say() {
        let bearer = ToolCredential::bearer(b"abc.def").unwrap();
        assert_eq!(put(&bearer, &[("authorization", "mine")])["authorization"], "Bearer abc.def");
        let basic = ToolCredential::basic("Aladdin", b"open sesame\r\n").unwrap();
        assert_eq!(put(&basic, &[])["authorization"], "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
    }

    #[test]
    fn what_cannot_be_sent_is_refused_unseen() {
        let refused = |error: Result<ToolCredential, CredentialError>| error.unwrap_err();
        for secret in ["a\nb", "a\r\n\r\nGET / HTTP/1.1", " a", "a ", "a\0", "ä", "a\tb", "a\n\n"]
        {
            let error = refused(ToolCredential::header("X-Api-Key", secret.as_bytes()));
            assert_eq!(error, CredentialError::Unsendable, "{secret:?}");
            assert!(!error.to_string().contains("GET"));
        }
        assert_eq!(refused(ToolCredential::bearer(b"\n")), CredentialError::Empty);
        assert_eq!(refused(ToolCredential::bearer(b"Bearer a")), CredentialError::Spaced);
        assert_eq!(refused(ToolCredential::basic("a:b", b"c")), CredentialError::User);
        assert_eq!(refused(ToolCredential::basic("a", b"c\nd")), CredentialError::Unsendable);
        for name in ["Host", "Transfer_Encoding", "Gait-Approval", "a b", "", "TE"] {
            let error = refused(ToolCredential::header(name, b"x"));
            assert_eq!(error, CredentialError::Name(name.to_owned()));
        }
    }

    #[test]
    fn debug_is_redacted_and_equality_goes_by_digest() {
        let credential = ToolCredential::bearer(b"abc").unwrap();
        assert_eq!(format!("{credential:?}"), "ToolCredential(authorization: redacted)");
        assert_eq!(credential, ToolCredential::bearer(b"abc\n").unwrap());
        assert_ne!(credential, ToolCredential::bearer(b"abd").unwrap());
    }
}
