//! On whose behalf a call is made (spec E8): the chain of those who passed the right on.
//!
//! What stands here is said by the caller. That the links join, and that each ends after it
//! begins, is checked when an intent is normalised; whether anybody signed them is not known here,
//! and whether they have run out is asked with the evaluation time.

use super::time::Time;
use crate::json::Digest;
use serde::Serialize;

/// A delegation, normalised: its links join and end at the requester.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Delegation {
    /// Who asks; the delegate of the last link.
    pub requester_identity: String,
    /// A free word, lower-case; may be empty.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub scope_class: String,
    /// References to tokens, unique and sorted.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub token_refs: Vec<String>,
    /// From the first delegator to the requester; may be empty.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub chain: Vec<Link>,
    /// From when it holds; [`time::ZERO`](super::time::ZERO) where it does not say.
    pub issued_at: Time,
    /// Until when it holds; [`time::ZERO`](super::time::ZERO) where it does not say.
    pub expires_at: Time,
    /// Over the members above.
    #[serde(skip)]
    pub(super) digest: Digest,
}

/// One step of a delegation, normalised.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Link {
    /// Who passes the right on.
    pub delegator_identity: String,
    /// Who gets it.
    pub delegate_identity: String,
    /// A free word, lower-case; may be empty.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub scope_class: String,
    /// Reference to a token; may be empty.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub token_ref: String,
    /// From when it holds; [`time::ZERO`](super::time::ZERO) where it does not say.
    pub issued_at: Time,
    /// Until when it holds; [`time::ZERO`](super::time::ZERO) where it does not say.
    pub expires_at: Time,
}

impl Delegation {
    /// The delegation digest: what delegation tokens and `delegation_ref.chain_digest` name.
    pub fn digest(&self) -> Digest {
        self.digest
    }
}
