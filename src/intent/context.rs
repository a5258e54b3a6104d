//! The context of an intent, made whole (spec C4.5), and the claims in it (spec E3, step 1).

use super::draft::ContextDraft;
use super::error::IntentError;
use super::text::{list, shown, trimmed, word};
use super::words::{AccessType, CredentialSource, EvidenceMode, Phase};
use super::{Context, args, credentials};
use crate::json::Digest;

/// The member of `auth_context` that claims how old the context is.
const CLAIMED_AGE: &str = "context_age_seconds";

pub(super) fn normalise(draft: ContextDraft) -> Result<Context, IntentError> {
    let identity = required("identity", trimmed(draft.identity))?;
    let workspace = required("workspace", trimmed(draft.workspace))?.replace('\\', "/");
    let risk_class = required("risk_class", word(draft.risk_class))?;
    let auth_context = args::normalise("context.auth_context", draft.auth_context)?;
    credentials::refuse("context.auth_context", &auth_context)?;
    Ok(Context {
        identity,
        workspace,
        risk_class,
        auth_context,
        sandbox: None,
        agent_identity: None,
        context_set_digest: digest(draft.context_set_digest)?,
        credential_ttl_seconds: u64::try_from(draft.credential_ttl_seconds)
            .map_err(|_| invalid("context.credential_ttl_seconds must be >= 0"))?,
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
    if value.is_empty() { Err(invalid(&format!("context.{field} is required"))) } else { Ok(value) }
}

fn digest(text: String) -> Result<Option<Digest>, IntentError> {
    match word(text) {
        text if text.is_empty() => Ok(None),
        text => Digest::parse(&text)
            .map(Some)
            .ok_or_else(|| invalid("context.context_set_digest must be sha256 hex")),
    }
}

/// An optional word of a vocabulary; `refusal` gets the word that is not in it.
fn one_of<T>(
    said: String,
    parse: fn(&str) -> Option<T>,
    refusal: impl FnOnce(String) -> String,
) -> Result<Option<T>, IntentError> {
    match word(said) {
        said if said.is_empty() => Ok(None),
        said => parse(&said).map(Some).ok_or_else(|| invalid(&refusal(shown(&said)))),
    }
}

fn invalid(what: &str) -> IntentError {
    IntentError::Normalise(what.to_owned())
}
