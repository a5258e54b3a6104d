//! From what a delegator says to a signed token (spec E8, C11.2).

use super::Token;
use crate::intent::text::{lowlist, trimmed, word};
use crate::intent::time::{Time, ZERO};
use crate::json::Digest;
use crate::sign::PrivateKey;
use crate::token;

/// Who wrote the token.
const PRODUCER: &str = env!("CARGO_PKG_VERSION");

/// Who may act for whom, in what and until when, as said.
#[derive(Clone, Debug)]
pub struct Grant {
    /// Who passes a right on.
    pub delegator_identity: String,
    /// Who gets it.
    pub delegate_identity: String,
    /// What for: free words, or `*`.
    pub scope: Vec<String>,
    /// A further such word; may be empty.
    pub scope_class: String,
    /// The one intent that it is for, 64 hex characters; empty for any.
    pub intent_digest: String,
    /// The one policy that it is for, 64 hex characters; empty for any.
    pub policy_digest: String,
    /// Now.
    pub created_at: Time,
    /// From when on the token is worth nothing.
    pub expires_at: Time,
}

/// Why a grant cannot become a token; the first that applies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "each is said in full by its text")]
pub enum GrantError {
    #[error("scope is required: say what is delegated, such as `write`")]
    Scope,
    #[error("delegator identity is required")]
    Delegator,
    #[error("delegate identity is required")]
    Delegate,
    #[error("intent_digest must be sha256 hex when set")]
    IntentDigest,
    #[error("policy_digest must be sha256 hex when set")]
    PolicyDigest,
    #[error("the token expires before it could be used; give a time after its creation")]
    Lifetime,
    #[error("the token has no normal form")]
    Form,
}

impl Grant {
    /// Checks, normalises and signs.
    ///
    /// # Errors
    /// The first [`GrantError`] that applies.
    pub fn mint(self, key: &PrivateKey) -> Result<Token, GrantError> {
        let grant = self.normalised();
        grant.check()?;
        let token = grant.unsigned();
        let normal = token.normal().ok_or(GrantError::Form)?;
        let signature = token::seal(normal.unsigned(), key).ok_or(GrantError::Form)?;
        Ok(normal.signed(signature))
    }

    fn normalised(self) -> Grant {
        Grant {
            delegator_identity: trimmed(self.delegator_identity),
            delegate_identity: trimmed(self.delegate_identity),
            scope: lowlist(self.scope),
            scope_class: word(self.scope_class),
            intent_digest: word(self.intent_digest),
            policy_digest: word(self.policy_digest),
            ..self
        }
    }

    fn check(&self) -> Result<(), GrantError> {
        for (holds, error) in [
            (!self.scope.is_empty(), GrantError::Scope),
            (!self.delegator_identity.is_empty(), GrantError::Delegator),
            (!self.delegate_identity.is_empty(), GrantError::Delegate),
            (token::is_digest_or_empty(&self.intent_digest), GrantError::IntentDigest),
            (token::is_digest_or_empty(&self.policy_digest), GrantError::PolicyDigest),
            (ZERO < self.created_at && self.created_at < self.expires_at, GrantError::Lifetime),
        ] {
            if !holds {
                return Err(error);
            }
        }
        Ok(())
    }

    fn unsigned(self) -> Token {
        Token {
            token_id: self.id(),
            created_at: self.created_at.into(),
            producer_version: PRODUCER.to_owned(),
            delegator_identity: self.delegator_identity,
            delegate_identity: self.delegate_identity,
            scope: self.scope,
            scope_class: self.scope_class,
            intent_digest: self.intent_digest,
            policy_digest: self.policy_digest,
            expires_at: self.expires_at.into(),
            ..Token::default()
        }
    }

    fn id(&self) -> String {
        let text = format!(
            "{}:{}:{}:{}:{}:{}:{}",
            self.delegator_identity,
            self.delegate_identity,
            self.scope.join(","),
            self.scope_class,
            self.intent_digest,
            self.policy_digest,
            self.expires_at,
        );
        Digest::of(text.as_bytes()).short()
    }
}
