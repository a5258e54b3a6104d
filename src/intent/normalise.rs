//! From what was said to what it means (spec C4.2): the only door into [`Intent`].

use super::draft::{Draft, ProvenanceDraft};
use super::error::IntentError;
use super::text::{shown, trimmed, word};
use super::words::ProvenanceSource;
use super::{Intent, Provenance, args, context, credentials, digest, targets, time};
use crate::json::Digest;
use serde_json::{Map, Value};

impl Draft {
    /// Checks and normalises the draft; the first fault in the order of the format wins.
    pub fn normalise(self) -> Result<Intent, IntentError> {
        let tool_name = word(self.tool_name);
        if tool_name.is_empty() {
            return Err(invalid("tool_name is required"));
        }
        let args = checked_args(self.args)?;
        let targets = targets::normalise(self.targets, &tool_name)?;
        let arg_provenance = provenance(self.arg_provenance)?;
        let context = context::normalise(self.context)?;
        let created_at =
            self.created_at.filter(|time| *time != time::ZERO).unwrap_or(time::DEFAULT);
        digest::seal(digest::Unsealed {
            created_at,
            tool_name,
            args,
            script: None,
            targets,
            arg_provenance,
            skill_provenance: None,
            context,
            delegation: None,
        })
    }
}

fn checked_args(said: Map<String, Value>) -> Result<Map<String, Value>, IntentError> {
    let args = args::normalise("args", said)?;
    credentials::refuse("args", &args)?;
    Ok(args)
}

fn provenance(drafts: Vec<ProvenanceDraft>) -> Result<Vec<Provenance>, IntentError> {
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
        invalid(&format!("unsupported provenance source: {}; known are {known}", shown(&source)))
    })?;
    let integrity_digest = match word(draft.integrity_digest) {
        text if text.is_empty() => None,
        text => Some(Digest::parse(&text).ok_or_else(|| {
            let shown = shown(&text);
            invalid(&format!("invalid provenance integrity_digest: {shown}; it must be sha256 hex"))
        })?),
    };
    Ok(Provenance { arg_path, source, source_ref: trimmed(draft.source_ref), integrity_digest })
}

fn invalid(what: &str) -> IntentError {
    IntentError::Normalise(what.to_owned())
}
