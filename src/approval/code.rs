//! Why a token is not valid.

use crate::intent::words::words;

words! {
    /// The code of a token that does not approve (spec C11.5), also as reason code.
    pub enum Code {
        DelegationBindingMismatch = "approval_token_delegation_binding_mismatch",
        Expired = "approval_token_expired",
        IntentMismatch = "approval_token_intent_mismatch",
        Invalid = "approval_token_invalid",
        MaxOpsExceeded = "approval_token_max_ops_exceeded",
        MaxTargetsExceeded = "approval_token_max_targets_exceeded",
        PolicyMismatch = "approval_token_policy_mismatch",
        ScopeMismatch = "approval_token_scope_mismatch",
        SignatureInvalid = "approval_token_signature_invalid",
        SignatureMissing = "approval_token_signature_missing",
    }
}
