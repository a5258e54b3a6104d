//! Why a token does not delegate.

use crate::intent::words::words;

words! {
    /// The code of a link or a token in a delegation audit (spec E8), also as reason code.
    pub enum Code {
        ChainMismatch = "delegation_token_chain_mismatch",
        DelegateMismatch = "delegation_token_delegate_mismatch",
        DelegatorMismatch = "delegation_token_delegator_mismatch",
        Expired = "delegation_token_expired",
        IntentMismatch = "delegation_token_intent_mismatch",
        Invalid = "delegation_token_invalid",
        Missing = "delegation_token_missing",
        PolicyMismatch = "delegation_token_policy_mismatch",
        ScopeMismatch = "delegation_token_scope_mismatch",
        SignatureInvalid = "delegation_token_signature_invalid",
        SignatureMissing = "delegation_token_signature_missing",
    }
}
