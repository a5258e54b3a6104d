//! What approval and delegation tokens share (spec C11.1, C11.2, C1.4).
//!
//! A token is a small signed JSON object that somebody else wrote. It is read strictly: two
//! members of one name, or a known name in another case, are refused, so that no two readers see
//! two tokens in one text. Unknown members are ignored; the signature does not cover them.
//!
//! Rejected: deriving readers on the token types, which let a member in another case go missing.

use crate::intent::members::Members;
use crate::intent::stamp::Stamp;
use crate::intent::text::shown;
use crate::json::{self, Digest, Node};
use crate::sign::{PrivateKey, PublicKey, Signature};
use serde::Serialize;

/// The version of both token forms.
pub(crate) const SCHEMA_VERSION: &str = "1.0.0";

/// A token is a few hundred bytes; one that is larger is none.
pub const TOKEN_BYTES_MAX: usize = 64 << 10;

/// No decision looks at more tokens than this: each costs a signature check.
pub const TOKENS_MAX: usize = 64;

/// Scope of a token that permits everything.
const ANY_SCOPE: &str = "*";

/// A token as it was shown.
#[derive(Clone, Copy, Debug)]
pub struct Shown<'a> {
    /// Where it came from, for an error text; a path.
    pub name: &'a str,
    /// The JSON text.
    pub bytes: &'a [u8],
}

/// Why what was shown is no token at all; invalid input, before any question of trust.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// Not strict JSON, a member of the wrong type or in another case, or a time that is none.
    #[error("parse {kind} token: {reason}")]
    Parse {
        /// `approval` or `delegation`.
        kind: &'static str,
        /// What is wrong, and in which text.
        reason: String,
    },
    /// More than [`TOKENS_MAX`].
    #[error("{count} {kind} tokens were given; at most {TOKENS_MAX} are looked at")]
    TooMany {
        /// `approval` or `delegation`.
        kind: &'static str,
        /// How many.
        count: usize,
    },
}

/// Why a signature does not stand for its token.
pub(crate) enum Unsealed {
    /// There is none.
    Missing,
    /// It is not this key's, not over this token, or no signature.
    Invalid,
}

/// The members of one token and the word for its kind.
pub(crate) struct Reader<'t> {
    members: Members<'t>,
}

// === impl Reader ===

impl<'t> Reader<'t> {
    /// Opens a token text. `null` is a token without members, as in the public tool.
    pub(crate) fn open(bytes: &'t [u8], known: &[&str]) -> Result<Reader<'t>, String> {
        if bytes.len() > TOKEN_BYTES_MAX {
            return Err(format!("longer than {TOKEN_BYTES_MAX} bytes"));
        }
        let node = json::tree(bytes).map_err(|error| error.to_string())?;
        Ok(Reader { members: Members::of(node, "token", &[known])? })
    }

    pub(crate) fn text(&mut self, name: &str) -> Result<String, String> {
        self.members.text(name)
    }

    pub(crate) fn integer(&mut self, name: &str) -> Result<i64, String> {
        self.members.integer(name)
    }

    pub(crate) fn list(&mut self, name: &str) -> Result<Vec<String>, String> {
        self.members.each(name, |item, path| match item {
            Node::Null => Ok(String::new()),
            Node::Text(text) => Ok(text.into_owned()),
            _ => Err(format!("`{path}` must be text")),
        })
    }

    /// A time; the zero time where it is not given.
    pub(crate) fn time(&mut self, name: &str) -> Result<Stamp, String> {
        match self.members.take(name) {
            Node::Null => Ok(Stamp::default()),
            Node::Text(text) => Stamp::parse(&text).ok_or_else(|| {
                let text = shown(&text);
                format!("`token.{name}` is `{text}`; write it like 2026-01-02T03:04:05Z")
            }),
            _ => Err(format!("`token.{name}` must be text")),
        }
    }

    pub(crate) fn signature(&mut self) -> Result<Option<Signature>, String> {
        let value = self.members.take("signature");
        if value == Node::Null {
            return Ok(None);
        }
        let known = ["alg", "key_id", "sig", "signed_digest"];
        let mut members = Members::of(value, "token.signature", &[&known])?;
        Ok(Some(Signature {
            alg: members.text("alg")?,
            key_id: members.text("key_id")?,
            sig: members.text("sig")?,
            signed_digest: members.text("signed_digest")?,
        }))
    }
}

// === reading several ===

/// Reads every token that was shown.
///
/// # Errors
/// The first that is none, by name, or too many.
pub(crate) fn read_all<T>(
    kind: &'static str,
    shown: &[Shown<'_>],
    read: impl Fn(&[u8]) -> Result<T, String>,
) -> Result<Vec<T>, ReadError> {
    if shown.len() > TOKENS_MAX {
        return Err(ReadError::TooMany { kind, count: shown.len() });
    }
    let each = |token: &Shown<'_>| {
        read(token.bytes).map_err(|reason| ReadError::Parse {
            kind,
            reason: format!("{}: {reason}", token.name),
        })
    };
    shown.iter().map(each).collect()
}

// === normal form ===

/// `said`, or `want` where nothing was said; `None` for anything else.
pub(crate) fn default_or_exact(said: &str, want: &str) -> Option<String> {
    (said.is_empty() || said == want).then(|| want.to_owned())
}

/// Whether the text is absent or a digest.
pub(crate) fn is_digest_or_empty(text: &str) -> bool {
    text.is_empty() || Digest::parse(text).is_some()
}

/// Whether a scope permits everything.
pub(crate) fn is_unlimited(scope: &[String]) -> bool {
    scope.iter().any(|item| item == ANY_SCOPE)
}

/// Ids as the public formats list them: sorted, unique, comma-joined.
pub(crate) fn joined<'a>(ids: impl Iterator<Item = &'a str>) -> String {
    let ids: std::collections::BTreeSet<&str> = ids.collect();
    ids.into_iter().collect::<Vec<_>>().join(",")
}

// === signing ===

/// Signs a token in normal form that has no signature yet; `None` if it has no canonical form,
/// which no token lacks.
pub(crate) fn seal<T: Serialize>(unsigned: &T, key: &PrivateKey) -> Option<Signature> {
    json::digest(unsigned).ok().map(|digest| key.sign(digest.as_bytes()))
}

/// Whether `signature` is `key`'s word on a token in normal form, without its signature.
pub(crate) fn check_seal<T: Serialize>(
    unsigned: &T,
    signature: Option<&Signature>,
    key: &PublicKey,
) -> Result<(), Unsealed> {
    let signature = signature.ok_or(Unsealed::Missing)?;
    let digest = json::digest(unsigned).map_err(|_| Unsealed::Invalid)?;
    key.verify(signature, digest.as_bytes()).map_err(|_| Unsealed::Invalid)
}
