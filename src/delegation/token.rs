//! The token itself: how it is read, and its normal form (spec E8, C11.2).

use crate::intent::stamp::Stamp;
use crate::intent::text::{list, lowlist, trimmed, word};
use crate::intent::time::Time;
use crate::json::Digest;
use crate::sign::Signature;
use crate::token::{self, ReadError, Reader};
use serde::Serialize;

/// The only `schema_id` of a delegation token.
const SCHEMA_ID: &str = "gait.gate.delegation_token";

/// For error texts.
pub(super) const KIND: &str = "delegation";

const MEMBERS: [&str; 13] = [
    "schema_id",
    "schema_version",
    "created_at",
    "producer_version",
    "token_id",
    "delegator_identity",
    "delegate_identity",
    "scope",
    "scope_class",
    "intent_digest",
    "policy_digest",
    "expires_at",
    "signature",
];

/// A delegation token as it was written, trimmed. Says nothing about whether it is worth
/// anything. Serialised, it is the file: members in written order.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Token {
    pub(super) schema_id: String,
    pub(super) schema_version: String,
    pub(super) created_at: Stamp,
    pub(super) producer_version: String,
    pub(super) token_id: String,
    pub(super) delegator_identity: String,
    pub(super) delegate_identity: String,
    /// Trimmed, in the case it was written in; the normal form has it in lower case.
    pub(super) scope: Vec<String>,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) scope_class: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) intent_digest: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) policy_digest: String,
    pub(super) expires_at: Stamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) signature: Option<Signature>,
}

/// A token in normal form, without its signature: the thing that is signed.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Normal(Token);

// === impl Token ===

impl Token {
    /// Reads one token.
    ///
    /// # Errors
    /// Not strict JSON, a member of the wrong type or in another case, or a time that is none.
    pub fn read(bytes: &[u8]) -> Result<Token, ReadError> {
        Token::parse(bytes).map_err(|reason| ReadError::Parse { kind: KIND, reason })
    }

    pub(super) fn parse(bytes: &[u8]) -> Result<Token, String> {
        let mut said = Reader::open(bytes, &MEMBERS)?;
        Ok(Token {
            schema_id: said.text("schema_id")?,
            schema_version: said.text("schema_version")?,
            created_at: said.time("created_at")?,
            producer_version: said.text("producer_version")?,
            token_id: trimmed(said.text("token_id")?),
            delegator_identity: trimmed(said.text("delegator_identity")?),
            delegate_identity: trimmed(said.text("delegate_identity")?),
            scope: list(said.list("scope")?),
            scope_class: word(said.text("scope_class")?),
            intent_digest: word(said.text("intent_digest")?),
            policy_digest: word(said.text("policy_digest")?),
            expires_at: said.time("expires_at")?,
            signature: said.signature()?,
        })
    }

    /// The id that the token claims; its signature covers it.
    pub fn token_id(&self) -> &str {
        &self.token_id
    }

    /// Who passes a right on, trimmed.
    pub fn delegator_identity(&self) -> &str {
        &self.delegator_identity
    }

    /// Who gets it, trimmed.
    pub fn delegate_identity(&self) -> &str {
        &self.delegate_identity
    }

    /// What for.
    pub fn scope(&self) -> &[String] {
        &self.scope
    }

    /// A further scope, lower-case; may be empty.
    pub fn scope_class(&self) -> &str {
        &self.scope_class
    }

    /// The one intent that it is for, if it names one.
    pub fn intent_digest(&self) -> Option<Digest> {
        Digest::parse(&self.intent_digest)
    }

    /// The one policy that it is for, if it names one.
    pub fn policy_digest(&self) -> Option<Digest> {
        Digest::parse(&self.policy_digest)
    }

    /// From when on it is worth nothing.
    pub fn expires_at(&self) -> Time {
        self.expires_at.at()
    }

    /// The key that the signature names; `None` where there is no signature.
    pub fn key_id(&self) -> Option<&str> {
        self.signature.as_ref().map(|signature| signature.key_id.as_str())
    }

    /// The normal form; `None` if a member breaks a rule of the format.
    pub(super) fn normal(&self) -> Option<Normal> {
        let token = Token {
            schema_id: token::default_or_exact(&self.schema_id, SCHEMA_ID)?,
            schema_version: token::default_or_exact(&self.schema_version, token::SCHEMA_VERSION)?,
            scope: lowlist(self.scope.clone()),
            signature: None,
            ..self.clone()
        };
        token.is_whole().then_some(Normal(token))
    }

    fn is_whole(&self) -> bool {
        let texts = [&self.token_id, &self.delegator_identity, &self.delegate_identity];
        let digests = [&self.intent_digest, &self.policy_digest];
        let times = [&self.created_at, &self.expires_at];
        texts.iter().all(|text| !text.is_empty())
            && digests.iter().all(|text| token::is_digest_or_empty(text))
            && times.iter().all(|time| time.at().is_given())
            && !self.scope.is_empty()
    }
}

// === impl Normal ===

impl Normal {
    /// The token without its signature.
    pub(super) fn unsigned(&self) -> &Token {
        &self.0
    }

    /// The token with its signature.
    pub(super) fn signed(self, signature: Signature) -> Token {
        Token { signature: Some(signature), ..self.0 }
    }
}
