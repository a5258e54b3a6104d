//! Which skill made a call (spec E9), as the caller says it.

use super::draft::SkillDraft;
use super::error::IntentError;
use super::field::{invalid, sha256};
use super::text::{trimmed, word};
use crate::json::Digest;
use serde::Serialize;

/// The origin of the skill that made a call, normalised. Nobody has verified it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SkillProvenance {
    /// Its name; never empty.
    pub skill_name: String,
    /// Where it was found, lower-case; never empty.
    pub source: String,
    /// Who published it, in the case it was said in; never empty.
    pub publisher: String,
    /// Its version; may be empty.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub skill_version: String,
    /// Which key signed it; may be empty.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub signature_key_id: String,
    /// Digest of its content.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest: Option<Digest>,
}

pub(super) fn normalise(draft: SkillDraft) -> Result<SkillProvenance, IntentError> {
    let (skill_name, source) = (trimmed(draft.skill_name), word(draft.source));
    let publisher = trimmed(draft.publisher);
    if skill_name.is_empty() || source.is_empty() || publisher.is_empty() {
        return Err(invalid("skill provenance requires skill_name, source, and publisher"));
    }
    Ok(SkillProvenance {
        skill_name,
        source,
        publisher,
        skill_version: trimmed(draft.skill_version),
        signature_key_id: trimmed(draft.signature_key_id),
        digest: sha256(draft.digest, |said| {
            format!("invalid skill provenance digest: {said}; it must be sha256 hex")
        })?,
    })
}
