//! On whose behalf a call is made (spec E8): the chain of those who passed the right on.
//!
//! What stands here is said by the caller. That the links join, and that each ends after it
//! begins, is checked when an intent is normalised; whether anybody signed them is not known here,
//! and whether they have run out is asked with the evaluation time.

use super::draft::{DelegationDraft, LinkDraft};
use super::error::IntentError;
use super::field::{ends_after, invalid, or_zero};
use super::text::{list, trimmed, word};
use super::time::Time;
use crate::json::{self, Digest};
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
    digest: Digest,
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

pub(super) fn normalise(draft: DelegationDraft) -> Result<Delegation, IntentError> {
    let requester_identity = trimmed(draft.requester_identity);
    if requester_identity.is_empty() {
        return Err(invalid("delegation.requester_identity is required"));
    }
    let chain = chain(draft.chain)?;
    let (issued_at, expires_at) = (or_zero(draft.issued_at), or_zero(draft.expires_at));
    ends_after(issued_at, expires_at, "delegation.expires_at must be after issued_at")?;
    if chain.last().is_some_and(|last| last.delegate_identity != requester_identity) {
        return Err(invalid(
            "delegation.chain last delegate_identity must match delegation.requester_identity",
        ));
    }
    Delegation {
        requester_identity,
        scope_class: word(draft.scope_class),
        token_refs: list(draft.token_refs),
        chain,
        issued_at,
        expires_at,
        digest: Digest::of(&[]),
    }
    .sealed()
}

fn chain(drafts: Vec<LinkDraft>) -> Result<Vec<Link>, IntentError> {
    let mut chain: Vec<Link> = Vec::with_capacity(drafts.len());
    for (index, draft) in drafts.into_iter().enumerate() {
        let link = link(index, draft, chain.last())?;
        chain.push(link);
    }
    Ok(chain)
}

/// A link that joins the one before it.
fn link(index: usize, draft: LinkDraft, before: Option<&Link>) -> Result<Link, IntentError> {
    let at = format!("delegation.chain[{index}]");
    let link = Link {
        delegator_identity: trimmed(draft.delegator_identity),
        delegate_identity: trimmed(draft.delegate_identity),
        scope_class: word(draft.scope_class),
        token_ref: trimmed(draft.token_ref),
        issued_at: or_zero(draft.issued_at),
        expires_at: or_zero(draft.expires_at),
    };
    if link.delegator_identity.is_empty() || link.delegate_identity.is_empty() {
        return Err(invalid(format!("{at} requires delegator_identity and delegate_identity")));
    }
    if before.is_some_and(|before| before.delegate_identity != link.delegator_identity) {
        let last = format!("delegation.chain[{}].delegate_identity", index.saturating_sub(1));
        return Err(invalid(format!("{at} delegator_identity must match {last}")));
    }
    ends_after(
        link.issued_at,
        link.expires_at,
        &format!("{at} expires_at must be after issued_at"),
    )?;
    Ok(link)
}

// === impl Delegation ===

impl Delegation {
    /// The delegation digest: what delegation tokens and `delegation_ref.chain_digest` name.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// With the digest of its members, of which the digest itself is none.
    fn sealed(mut self) -> Result<Delegation, IntentError> {
        self.digest = json::digest(&self)?;
        Ok(self)
    }
}
