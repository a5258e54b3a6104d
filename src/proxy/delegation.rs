//! Delegation tokens from the header of a call (spec E8).
//!
//! `Gait-Delegation: TOKEN, TOKEN`, also in several fields: each the base64 of a token's file,
//! standard or URL-safe. They are proven before there is an intent, and one that is wrong is
//! refused, not left out: what was meant to say in whose name a call is made must not be judged as
//! if it said nothing.

use super::tokens::{NoTokens, texts};
use crate::delegation::{Code, Keys, Mandate};
use crate::identity::{Known, Refusal};
use crate::intent::rest::Caller;
use crate::intent::time::Time;
use http::HeaderMap;
use std::sync::Arc;

/// Where tokens stand.
const HEADER: &str = "gait-delegation";

/// Who calls, and in whose name.
#[derive(Debug)]
pub(super) struct Sender {
    /// Of what is known, what intents say includes the delegation.
    pub(super) known: Known,
    /// The tokens that say so.
    pub(super) mandate: Option<Mandate>,
}

// === impl Sender ===

impl Sender {
    /// Reads what `known` shows of its delegation.
    ///
    /// # Errors
    /// A token is there and wrong, or not about this caller.
    pub(super) fn read(
        known: Known,
        headers: &HeaderMap,
        keys: &Keys,
        now: Time,
    ) -> Result<Sender, Refusal> {
        let Some(texts) = texts(headers, HEADER).map_err(unreadable)? else {
            return Ok(Sender { known, mandate: None });
        };
        if keys.is_empty() {
            return Err(Refusal::DelegationNotTaken);
        }
        let identity = Some(known.caller.identity()).filter(|_| !known.is_anonymous());
        let mandate = Mandate::read(&texts, keys, identity, now).map_err(refusal)?;
        let context = known.caller.context.clone();
        let caller = Caller { context, delegation: Some(mandate.draft()) };
        let known = Known { caller: Arc::new(caller), ..known };
        Ok(Sender { known, mandate: Some(mandate) })
    }
}

/// What a caller is refused for whose field holds no tokens.
fn unreadable(why: NoTokens) -> Refusal {
    match why {
        NoTokens::Spelling => Refusal::DelegationSpelling,
        NoTokens::TooMuch => Refusal::DelegationTooMuch,
        NoTokens::Undecodable => Refusal::DelegationInvalid,
    }
}

/// What a caller whose tokens give no chain is refused for. The other codes are about an intent,
/// and there is none yet.
fn refusal(code: Code) -> Refusal {
    match code {
        Code::SignatureMissing => Refusal::DelegationUnsigned,
        Code::SignatureInvalid => Refusal::DelegationUntrue,
        Code::Expired => Refusal::DelegationExpired,
        Code::DelegateMismatch => Refusal::DelegationNotForCaller,
        Code::ChainMismatch => Refusal::DelegationNoChain,
        Code::Invalid
        | Code::Missing
        | Code::DelegatorMismatch
        | Code::IntentMismatch
        | Code::PolicyMismatch
        | Code::ScopeMismatch => Refusal::DelegationInvalid,
    }
}

#[cfg(test)]
mod tests;
