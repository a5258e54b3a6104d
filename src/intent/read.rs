//! Intents from JSON (spec C1.4, C4.1), read strictly.
//!
//! Unknown members are ignored, as the format wants. What is not ignored: a member that equals a
//! known one but for case, and the members of the format that this version does not evaluate. An
//! intent that says more than was judged would be judged wrongly.

use super::draft::{ContextDraft, Draft, ProvenanceDraft, TargetDraft};
use super::error::IntentError;
use super::members::Members;
use super::text;
use super::time::{self, Time};
use super::words::Label;
use crate::json;
use serde_json::Value;

/// Members whose content is not used, but whose type is checked.
const UNUSED_TEXTS: [&str; 6] = [
    "schema_id",
    "schema_version",
    "producer_version",
    "args_digest",
    "intent_digest",
    "script_hash",
];

/// The members that are read, beside those above.
const TOP: [&str; 7] =
    ["created_at", "tool_name", "args", "targets", "arg_provenance", "relationship", "context"];

/// Members that this version refuses.
const TOP_REFUSED: [&str; 3] = ["script", "skill_provenance", "delegation"];
const CONTEXT_REFUSED: [&str; 2] = ["agent_identity", "sandbox"];

const TARGET: [&str; 12] = [
    "kind",
    "value",
    "operation",
    "sensitivity",
    "endpoint_class",
    "endpoint_domain",
    "destructive",
    "discovery_method",
    "read_only_hint",
    "destructive_hint",
    "idempotent_hint",
    "open_world_hint",
];

const PROVENANCE: [&str; 4] = ["arg_path", "source", "source_ref", "integrity_digest"];

/// The members of `context`, beside the labels.
const CONTEXT: [&str; 12] = [
    "identity",
    "workspace",
    "risk_class",
    "phase",
    "auth_context",
    "context_set_digest",
    "context_evidence_mode",
    "context_refs",
    "credential_ttl_seconds",
    "credential_source",
    "credential_access_type",
    "credential_scopes",
];

/// Reads one intent document.
pub fn from_json(bytes: &[u8]) -> Result<Draft, IntentError> {
    let value = json::parse(bytes).map_err(|error| IntentError::Parse(error.to_string()))?;
    draft(value).map_err(IntentError::Parse)
}

fn draft(value: Value) -> Result<Draft, String> {
    let mut top = Members::of(value, "", &[&UNUSED_TEXTS, &TOP, &TOP_REFUSED])?;
    TOP_REFUSED.iter().try_for_each(|name| top.refuse(name))?;
    for name in UNUSED_TEXTS {
        top.text(name)?;
    }
    top.object("relationship")?;
    Ok(Draft {
        created_at: created_at(top.take("created_at"))?,
        tool_name: top.text("tool_name")?,
        args: top.object("args")?,
        targets: top.each("targets", target)?,
        arg_provenance: top.each("arg_provenance", provenance)?,
        context: context(top.take("context"))?,
    })
}

fn created_at(said: Value) -> Result<Option<Time>, String> {
    let said = match said {
        Value::Null => return Ok(None),
        Value::String(said) => said,
        _ => return Err("`created_at` must be text".to_owned()),
    };
    time::parse(&said).map(Some).ok_or_else(|| {
        let shown = text::shown(&said);
        format!("`created_at` is `{shown}`; write it like 2026-01-02T03:04:05Z")
    })
}

fn target(value: Value, path: &str) -> Result<TargetDraft, String> {
    let mut target = Members::of(value, path, &[&TARGET])?;
    Ok(TargetDraft {
        kind: target.text("kind")?,
        value: target.text("value")?,
        operation: target.text("operation")?,
        sensitivity: target.text("sensitivity")?,
        endpoint_class: target.text("endpoint_class")?,
        endpoint_domain: target.text("endpoint_domain")?,
        destructive: target.flag("destructive")?,
        discovery_method: target.text("discovery_method")?,
        read_only_hint: target.flag("read_only_hint")?,
        destructive_hint: target.flag("destructive_hint")?,
        idempotent_hint: target.flag("idempotent_hint")?,
        open_world_hint: target.flag("open_world_hint")?,
    })
}

fn provenance(value: Value, path: &str) -> Result<ProvenanceDraft, String> {
    let mut entry = Members::of(value, path, &[&PROVENANCE])?;
    Ok(ProvenanceDraft {
        arg_path: entry.text("arg_path")?,
        source: entry.text("source")?,
        source_ref: entry.text("source_ref")?,
        integrity_digest: entry.text("integrity_digest")?,
    })
}

fn context(value: Value) -> Result<ContextDraft, String> {
    let labels = Label::ALL.iter().map(|label| label.as_str()).collect::<Vec<_>>();
    let mut context = Members::of(value, "context", &[&CONTEXT, &labels, &CONTEXT_REFUSED])?;
    CONTEXT_REFUSED.iter().try_for_each(|name| context.refuse(name))?;
    Ok(ContextDraft {
        identity: context.text("identity")?,
        workspace: context.text("workspace")?,
        risk_class: context.text("risk_class")?,
        phase: context.text("phase")?,
        auth_context: context.object("auth_context")?,
        context_set_digest: context.text("context_set_digest")?,
        context_evidence_mode: context.text("context_evidence_mode")?,
        context_refs: context.each("context_refs", item)?,
        credential_ttl_seconds: context.integer("credential_ttl_seconds")?,
        credential_source: context.text("credential_source")?,
        credential_access_type: context.text("credential_access_type")?,
        credential_scopes: context.each("credential_scopes", item)?,
        labels: Label::ALL
            .iter()
            .map(|label| Ok((*label, context.text(label.as_str())?)))
            .collect::<Result<_, String>>()?,
    })
}

/// One item of a list of text; `null` is the empty text, which normalising drops.
fn item(value: Value, path: &str) -> Result<String, String> {
    match value {
        Value::Null => Ok(String::new()),
        Value::String(text) => Ok(text),
        _ => Err(format!("`{path}` must be text")),
    }
}
