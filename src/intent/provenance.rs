//! Where arguments came from, made whole (spec C4.2).

use super::Provenance;
use super::draft::ProvenanceDraft;
use super::error::IntentError;
use super::field::{invalid, sha256};
use super::text::{shown, trimmed, word};
use super::words::ProvenanceSource;

/// All entries, unique, in the order of the format.
pub(super) fn normalise(drafts: Vec<ProvenanceDraft>) -> Result<Vec<Provenance>, IntentError> {
    let mut entries = drafts.into_iter().map(entry).collect::<Result<Vec<_>, _>>()?;
    entries.sort_unstable();
    entries.dedup();
    Ok(entries)
}

fn entry(draft: ProvenanceDraft) -> Result<Provenance, IntentError> {
    let (arg_path, source) = (trimmed(draft.arg_path), word(draft.source));
    if arg_path.is_empty() || source.is_empty() {
        return Err(invalid("arg provenance requires arg_path and source"));
    }
    let source = ProvenanceSource::parse(&source).ok_or_else(|| {
        let known = ProvenanceSource::known();
        invalid(format!("unsupported provenance source: {}; known are {known}", shown(&source)))
    })?;
    let integrity_digest = sha256(draft.integrity_digest, |said| {
        format!("invalid provenance integrity_digest: {said}; it must be sha256 hex")
    })?;
    Ok(Provenance { arg_path, source, source_ref: trimmed(draft.source_ref), integrity_digest })
}
