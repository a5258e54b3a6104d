//! Delegation tokens from the header of a call (spec E8).
//!
//! `Gait-Delegation: TOKEN, TOKEN`, also in several fields: each the base64 of a token's file,
//! standard or URL-safe. They are proven before there is an intent, and one that is wrong is
//! refused, not left out: what was meant to say in whose name a call is made must not be judged as
//! if it said nothing.

use crate::call::headers::fold;
use crate::delegation::{Code, Keys, Mandate};
use crate::identity::{Known, Refusal};
use crate::intent::rest::Caller;
use crate::intent::time::Time;
use base64::Engine as _;
use base64::alphabet::{STANDARD, URL_SAFE};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use http::{HeaderMap, HeaderValue};
use std::sync::Arc;

/// Where tokens stand.
const HEADER: &str = "gait-delegation";

/// No longer chain is looked at: each token costs a signature check.
const TOKENS_MAX: usize = 16;

/// All tokens of a call, as they are sent.
const TOKENS_BYTES_MAX: usize = 64 << 10;

const LENIENT: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);

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
        let Some(texts) = texts(headers)? else {
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

/// The tokens' files; `None` where there is no such field.
fn texts(headers: &HeaderMap) -> Result<Option<Vec<Vec<u8>>>, Refusal> {
    let spelt = |name: &http::HeaderName| name != HEADER && fold(name.as_str()) == HEADER;
    if headers.keys().any(spelt) {
        return Err(Refusal::DelegationSpelling);
    }
    let fields: Vec<&HeaderValue> = headers.get_all(HEADER).iter().collect();
    if fields.is_empty() {
        return Ok(None);
    }
    if fields.iter().map(|field| field.len()).sum::<usize>() > TOKENS_BYTES_MAX {
        return Err(Refusal::DelegationTooMuch);
    }
    let items = fields.iter().flat_map(|field| field.as_bytes().split(|byte| *byte == b','));
    let items: Vec<&[u8]> = items.map(<[u8]>::trim_ascii).collect();
    if items.len() > TOKENS_MAX {
        return Err(Refusal::DelegationTooMuch);
    }
    items.into_iter().map(decoded).collect::<Result<_, _>>().map(Some)
}

fn decoded(item: &[u8]) -> Result<Vec<u8>, Refusal> {
    let alphabet = match item.iter().any(|byte| b"-_".contains(byte)) {
        true => &URL_SAFE,
        false => &STANDARD,
    };
    let decoded = GeneralPurpose::new(alphabet, LENIENT).decode(item);
    decoded.map_err(|_| Refusal::DelegationInvalid)
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
