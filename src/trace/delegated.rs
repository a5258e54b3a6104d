//! The delegation of an intent, as a trace repeats it (spec E8).

use super::record::unset;
use crate::delegation::Chain;
use serde::{Deserialize, Serialize};

/// How the reason codes start that belong to the delegation.
const CODE_PREFIX: &str = "delegation_";

/// The delegation that the judged intent claims, and what proved it.
#[derive(Clone, Copy, Debug)]
pub struct Delegated<'a> {
    /// What the intent says.
    pub chain: &'a Chain<'a>,
    /// Ids of the tokens that proved it, comma-joined; empty where none did.
    pub resolved: &'a str,
    /// All reason codes of the decision; those of the delegation are repeated.
    pub reason_codes: &'a [String],
}

/// The `delegation_ref` member; its members in written order.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct DelegationRef {
    #[serde(skip_serializing_if = "unset")]
    delegation_token_ref: String,
    #[serde(skip_serializing_if = "unset")]
    requester_identity: String,
    #[serde(skip_serializing_if = "unset")]
    delegation_depth: i64,
    #[serde(skip_serializing_if = "unset")]
    scope_class: String,
    #[serde(skip_serializing_if = "unset")]
    chain_digest: String,
    #[serde(skip_serializing_if = "unset")]
    reason_codes: Vec<String>,
}

impl DelegationRef {
    pub(super) fn of(delegated: &Delegated<'_>) -> DelegationRef {
        let Delegated { chain, resolved, reason_codes } = delegated;
        let token_ref = if resolved.is_empty() { chain.token_ref } else { resolved };
        let own = reason_codes.iter().filter(|code| code.starts_with(CODE_PREFIX));
        DelegationRef {
            delegation_token_ref: token_ref.to_owned(),
            requester_identity: chain.requester.to_owned(),
            delegation_depth: chain.links.len() as i64,
            scope_class: chain.scope_class.to_owned(),
            chain_digest: chain.digest.to_string(),
            reason_codes: own.cloned().collect(),
        }
    }
}
