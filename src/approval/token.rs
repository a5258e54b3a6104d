//! The token itself: how it is read, and its normal form (spec C11.1, C11.2).

use crate::intent::stamp::Stamp;
use crate::intent::text::{list, lowlist, trimmed, word};
use crate::intent::time::Time;
use crate::json::Digest;
use crate::sign::Signature;
use crate::token::{self, ReadError, Reader};
use serde::Serialize;

/// The only `schema_id` of an approval token.
const SCHEMA_ID: &str = "gait.gate.approval_token";

/// For error texts.
pub(super) const KIND: &str = "approval";

const MEMBERS: [&str; 15] = [
    "schema_id",
    "schema_version",
    "created_at",
    "producer_version",
    "token_id",
    "approver_identity",
    "reason_code",
    "intent_digest",
    "policy_digest",
    "delegation_binding_digest",
    "scope",
    "max_targets",
    "max_ops",
    "expires_at",
    "signature",
];

/// An approval token as it was written, trimmed. Says nothing about whether it is worth anything.
/// Serialised, it is the file: members in written order.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Token {
    pub(super) schema_id: String,
    pub(super) schema_version: String,
    pub(super) created_at: Stamp,
    pub(super) producer_version: String,
    pub(super) token_id: String,
    pub(super) approver_identity: String,
    pub(super) reason_code: String,
    pub(super) intent_digest: String,
    pub(super) policy_digest: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(super) delegation_binding_digest: String,
    /// Trimmed, in the case it was written in; the normal form has it in lower case.
    pub(super) scope: Vec<String>,
    #[serde(skip_serializing_if = "is_zero")]
    pub(super) max_targets: i64,
    #[serde(skip_serializing_if = "is_zero")]
    pub(super) max_ops: i64,
    pub(super) expires_at: Stamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) signature: Option<Signature>,
}

/// A token in normal form, without its signature: the thing that is signed.
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
            approver_identity: trimmed(said.text("approver_identity")?),
            reason_code: trimmed(said.text("reason_code")?),
            intent_digest: word(said.text("intent_digest")?),
            policy_digest: word(said.text("policy_digest")?),
            delegation_binding_digest: word(said.text("delegation_binding_digest")?),
            scope: list(said.list("scope")?),
            max_targets: said.integer("max_targets")?,
            max_ops: said.integer("max_ops")?,
            expires_at: said.time("expires_at")?,
            signature: said.signature()?,
        })
    }

    /// The id that the token claims; its signature covers it.
    pub fn token_id(&self) -> &str {
        &self.token_id
    }

    /// Who approves, trimmed.
    pub fn approver_identity(&self) -> &str {
        &self.approver_identity
    }

    /// Why, as a code.
    pub fn reason_code(&self) -> &str {
        &self.reason_code
    }

    /// What it permits.
    pub fn scope(&self) -> &[String] {
        &self.scope
    }

    /// When it was made, as it says itself; its signature covers it.
    pub fn created_at(&self) -> Time {
        self.created_at.at()
    }

    /// From when on it is worth nothing.
    pub fn expires_at(&self) -> Time {
        self.expires_at.at()
    }

    /// The intent that it is for; `None` where it names none.
    pub fn intent_digest(&self) -> Option<Digest> {
        Digest::parse(&self.intent_digest)
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
        let texts = [&self.token_id, &self.approver_identity, &self.reason_code];
        let digests = [&self.intent_digest, &self.policy_digest];
        let times = [&self.created_at, &self.expires_at];
        texts.iter().all(|text| !text.is_empty())
            && digests.iter().all(|text| Digest::parse(text).is_some())
            && token::is_digest_or_empty(&self.delegation_binding_digest)
            && times.iter().all(|time| time.at().is_given())
            && !self.scope.is_empty()
            && self.max_targets >= 0
            && self.max_ops >= 0
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

fn is_zero(number: &i64) -> bool {
    *number == 0
}
