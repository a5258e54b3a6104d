//! Which skill made a call (spec E9), as the caller says it.

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
