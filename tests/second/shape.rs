//! The JSON types of an intent's known members (C1.4, point 6), as tables.

use super::text::{Refused, time};
use serde_json::Value;

/// A member and its type: s text, b boolean, i integer, t time, o object, l list, w list of text.
type Shape = &'static [(&'static str, char)];

pub(crate) const TOP: Shape = &[
    ("schema_id", 's'),
    ("schema_version", 's'),
    ("created_at", 't'),
    ("producer_version", 's'),
    ("tool_name", 's'),
    ("args", 'o'),
    ("args_digest", 's'),
    ("intent_digest", 's'),
    ("script_hash", 's'),
    ("script", 'o'),
    ("targets", 'l'),
    ("arg_provenance", 'l'),
    ("skill_provenance", 'o'),
    ("delegation", 'o'),
    ("relationship", 'o'),
    ("context", 'o'),
];
pub(crate) const STEP: Shape =
    &[("tool_name", 's'), ("args", 'o'), ("targets", 'l'), ("arg_provenance", 'l')];
pub(crate) const TARGET: Shape = &[
    ("kind", 's'),
    ("value", 's'),
    ("operation", 's'),
    ("sensitivity", 's'),
    ("endpoint_class", 's'),
    ("endpoint_domain", 's'),
    ("destructive", 'b'),
    ("discovery_method", 's'),
    ("read_only_hint", 'b'),
    ("destructive_hint", 'b'),
    ("idempotent_hint", 'b'),
    ("open_world_hint", 'b'),
];
pub(crate) const PROVENANCE: Shape =
    &[("arg_path", 's'), ("source", 's'), ("source_ref", 's'), ("integrity_digest", 's')];
pub(crate) const CONTEXT: Shape = &[
    ("identity", 's'),
    ("workspace", 's'),
    ("risk_class", 's'),
    ("phase", 's'),
    ("auth_context", 'o'),
    ("sandbox", 'o'),
    ("agent_identity", 'o'),
    ("context_set_digest", 's'),
    ("credential_ttl_seconds", 'i'),
    ("credential_source", 's'),
    ("credential_access_type", 's'),
    ("context_evidence_mode", 's'),
    ("context_refs", 'w'),
    ("credential_scopes", 'w'),
    ("agent_id", 's'),
    ("run_id", 's'),
    ("workflow_id", 's'),
    ("repo", 's'),
    ("environment", 's'),
    ("job_id", 's'),
    ("session_id", 's'),
    ("request_id", 's'),
    ("credential_ref", 's'),
    ("credential_issuer", 's'),
    ("credential_subject", 's'),
    ("credential_owner", 's'),
    ("credential_target_binding", 's'),
    ("credential_run_binding", 's'),
    ("credential_job_binding", 's'),
    ("approval_ref", 's'),
    ("wrkr_inventory_ref", 's'),
    ("agent_action_bom_ref", 's'),
    ("environment_fingerprint", 's'),
];
pub(crate) const SANDBOX: Shape = &[
    ("network_mode", 's'),
    ("env_exposure_mode", 's'),
    ("filesystem_isolation", 's'),
    ("user_mode", 's'),
    ("timeout_seconds", 'i'),
    ("writable_paths", 'w'),
    ("read_only_roots", 'w'),
    ("evidence_ref", 's'),
    ("evidence_digest", 's'),
];
pub(crate) const AGENT: Shape = &[
    ("lifecycle_states", 'w'),
    ("owner", 's'),
    ("publisher", 's'),
    ("manifest_digest", 's'),
    ("source", 's'),
    ("issued_at", 't'),
    ("approved_at", 't'),
    ("expires_at", 't'),
    ("revoked", 'b'),
];
pub(crate) const SKILL: Shape = &[
    ("skill_name", 's'),
    ("source", 's'),
    ("publisher", 's'),
    ("skill_version", 's'),
    ("signature_key_id", 's'),
    ("digest", 's'),
];
pub(crate) const DELEGATION: Shape = &[
    ("requester_identity", 's'),
    ("scope_class", 's'),
    ("token_refs", 'w'),
    ("chain", 'l'),
    ("issued_at", 't'),
    ("expires_at", 't'),
];
pub(crate) const LINK: Shape = &[
    ("delegator_identity", 's'),
    ("delegate_identity", 's'),
    ("scope_class", 's'),
    ("token_ref", 's'),
    ("issued_at", 't'),
    ("expires_at", 't'),
];

/// Whether every known member has its type; `null` is absence.
pub(crate) fn check(value: &Value, shape: Shape) -> Result<(), Refused> {
    if !value.is_object() && !value.is_null() {
        return Err("an object is wanted".to_owned());
    }
    for (name, kind) in shape {
        let member = &value[name];
        let fits = match kind {
            's' => member.is_string(),
            'b' => member.is_boolean(),
            'i' => member.is_i64(),
            't' => member.is_string() && time(member).is_ok(),
            'o' => member.is_object(),
            'l' => member.is_array(),
            _ => member
                .as_array()
                .is_some_and(|items| items.iter().all(|item| item.is_string() || item.is_null())),
        };
        if !fits && !member.is_null() {
            return Err(format!("{name} has the wrong type"));
        }
    }
    Ok(())
}
