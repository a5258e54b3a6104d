//! From what an approver says to a signed token (spec C11.2, C11.3).

use super::Token;
use crate::intent::text::{lowlist, trimmed, word};
use crate::intent::time::{Time, ZERO};
use crate::json::Digest;
use crate::sign::PrivateKey;
use crate::token;

/// Who wrote the token.
const PRODUCER: &str = env!("CARGO_PKG_VERSION");

/// What is approved, by whom and until when, as said.
#[derive(Clone, Debug)]
pub struct Grant {
    /// The intent, 64 hex characters.
    pub intent_digest: String,
    /// The policy that it is judged by, 64 hex characters.
    pub policy_digest: String,
    /// The delegation that it rests on; empty where there is none.
    pub delegation_binding_digest: String,
    /// Who approves.
    pub approver_identity: String,
    /// Why, as a code.
    pub reason_code: String,
    /// What is permitted: `tool:<name>`, `phase:apply`, `destructive:apply`, or `*`.
    pub scope: Vec<String>,
    /// The most targets that the call may have; 0 for no bound.
    pub max_targets: i64,
    /// The most operations that the call may have; 0 for no bound.
    pub max_ops: i64,
    /// Now.
    pub created_at: Time,
    /// From when on the token is worth nothing.
    pub expires_at: Time,
}

/// Why a grant cannot become a token; the first that applies, in the order of spec C11.3.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "each is said in full by its text")]
pub enum GrantError {
    #[error("scope is required: say what is permitted, such as `tool:files.write`")]
    Scope,
    #[error("intent_digest must be sha256 hex; `gait gate eval --json` prints it")]
    IntentDigest,
    #[error("policy_digest must be sha256 hex; `gait gate eval --json` prints it")]
    PolicyDigest,
    #[error("delegation_binding_digest must be sha256 hex when set")]
    DelegationBindingDigest,
    #[error("approver identity is required")]
    Approver,
    #[error("reason code is required")]
    ReasonCode,
    #[error("max_targets must be >= 0")]
    MaxTargets,
    #[error("max_ops must be >= 0")]
    MaxOps,
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
            intent_digest: word(self.intent_digest),
            policy_digest: word(self.policy_digest),
            delegation_binding_digest: word(self.delegation_binding_digest),
            approver_identity: trimmed(self.approver_identity),
            reason_code: trimmed(self.reason_code),
            scope: lowlist(self.scope),
            ..self
        }
    }

    fn check(&self) -> Result<(), GrantError> {
        let is_digest = |text: &str| Digest::parse(text).is_some();
        for (holds, error) in [
            (!self.scope.is_empty(), GrantError::Scope),
            (is_digest(&self.intent_digest), GrantError::IntentDigest),
            (is_digest(&self.policy_digest), GrantError::PolicyDigest),
            (
                token::is_digest_or_empty(&self.delegation_binding_digest),
                GrantError::DelegationBindingDigest,
            ),
            (!self.approver_identity.is_empty(), GrantError::Approver),
            (!self.reason_code.is_empty(), GrantError::ReasonCode),
            (self.max_targets >= 0, GrantError::MaxTargets),
            (self.max_ops >= 0, GrantError::MaxOps),
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
            approver_identity: self.approver_identity,
            reason_code: self.reason_code,
            intent_digest: self.intent_digest,
            policy_digest: self.policy_digest,
            delegation_binding_digest: self.delegation_binding_digest,
            scope: self.scope,
            max_targets: self.max_targets,
            max_ops: self.max_ops,
            expires_at: self.expires_at.into(),
            ..Token::default()
        }
    }

    /// The delegation is not part of it, as in the public format.
    fn id(&self) -> String {
        let text = format!(
            "{}:{}:{}:{}:{}:{}:{}:{}",
            self.intent_digest,
            self.policy_digest,
            self.approver_identity,
            self.reason_code,
            self.scope.join(","),
            self.max_targets,
            self.max_ops,
            self.expires_at,
        );
        Digest::of(text.as_bytes()).short()
    }
}
