//! The context of an intent, made whole (spec C4.5), and the claims in it (spec E3, step 1).

use super::draft::ContextDraft;
use super::error::IntentError;
use super::field::{invalid, natural, one_of, sha256};
use super::text::{list, trimmed, word};
use super::words::{AccessType, CredentialSource, EvidenceMode, Phase};
use super::{Context, agent, args, sandbox};

/// The member of `auth_context` that claims how old the context is.
const CLAIMED_AGE: &str = "context_age_seconds";

pub(super) fn normalise(draft: ContextDraft) -> Result<Context, IntentError> {
    let identity = required("identity", trimmed(draft.identity))?;
    let workspace = required("workspace", trimmed(draft.workspace))?.replace('\\', "/");
    let risk_class = required("risk_class", word(draft.risk_class))?;
    let auth_context = args::normalise("context.auth_context", draft.auth_context)?;
    let sandbox = draft.sandbox.map(sandbox::normalise).transpose()?.flatten();
    let agent_identity = draft.agent_identity.map(agent::normalise).transpose()?;
    Ok(Context {
        identity,
        workspace,
        risk_class,
        auth_context,
        sandbox,
        agent_identity,
        context_set_digest: sha256(draft.context_set_digest, |_| {
            "context.context_set_digest must be sha256 hex".to_owned()
        })?,
        credential_ttl_seconds: natural(
            draft.credential_ttl_seconds,
            "context.credential_ttl_seconds",
        )?,
        credential_source: one_of(draft.credential_source, CredentialSource::parse, |word| {
            let known = CredentialSource::known();
            format!("context.credential_source is unsupported: {word}; known are {known}")
        })?,
        credential_access_type: one_of(draft.credential_access_type, AccessType::parse, |word| {
            let known = AccessType::known();
            format!("context.credential_access_type is unsupported: {word}; known are {known}")
        })?,
        context_evidence_mode: one_of(draft.context_evidence_mode, EvidenceMode::parse, |_| {
            "context.context_evidence_mode must be best_effort or required".to_owned()
        })?,
        phase: one_of(draft.phase, Phase::parse, |_| {
            "context.phase must be plan or apply".to_owned()
        })?
        .unwrap_or(Phase::Apply),
        context_refs: list(draft.context_refs),
        credential_scopes: list(draft.credential_scopes),
        labels: draft
            .labels
            .into_iter()
            .map(|(label, text)| (label, trimmed(text)))
            .filter(|(_, text)| !text.is_empty())
            .collect(),
    })
}

/// Whether the context claims evidence that nobody has verified.
pub(super) fn has_claims(context: &Context) -> bool {
    context.context_set_digest.is_some()
        || context.context_evidence_mode.is_some()
        || !context.context_refs.is_empty()
        || context.auth_context.contains_key(CLAIMED_AGE)
}

/// Drops those claims.
pub(super) fn drop_claims(context: &mut Context) {
    context.context_set_digest = None;
    context.context_evidence_mode = None;
    context.context_refs.clear();
    context.auth_context.remove(CLAIMED_AGE);
}

fn required(field: &str, value: String) -> Result<String, IntentError> {
    if value.is_empty() { Err(invalid(format!("context.{field} is required"))) } else { Ok(value) }
}
