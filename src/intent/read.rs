//! Intents from JSON (spec C1.4, C4.1), read strictly.
//!
//! Unknown members are ignored, as the format wants. What is not ignored: a member that equals a
//! known one but for case. An intent that says more than was judged would be judged wrongly.

mod extended;

use super::draft::{ContextDraft, Draft, ProvenanceDraft, TargetDraft};
use super::error::IntentError;
use super::members::Members;
use super::words::Label;
use crate::json::{self, Node};
use std::collections::BTreeMap;

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
const TOP: [&str; 10] = [
    "created_at",
    "tool_name",
    "args",
    "script",
    "targets",
    "arg_provenance",
    "skill_provenance",
    "relationship",
    "context",
    "delegation",
];

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
const CONTEXT: [&str; 14] = [
    "identity",
    "workspace",
    "risk_class",
    "phase",
    "auth_context",
    "sandbox",
    "agent_identity",
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
    let node = json::tree(bytes).map_err(|error| IntentError::Parse(error.to_string()))?;
    from_node(node)
}

/// Reads an intent that stands in a document already read by [`json::tree`].
///
/// # Errors
/// `Parse` where a member has the wrong type.
pub fn from_node(node: Node<'_>) -> Result<Draft, IntentError> {
    draft(node).map_err(IntentError::Parse)
}

fn draft(node: Node<'_>) -> Result<Draft, String> {
    let mut top = Members::of(node, "", &[&UNUSED_TEXTS, &TOP])?;
    for name in UNUSED_TEXTS {
        top.unused_text(name)?;
    }
    top.object("relationship")?;
    Ok(Draft {
        created_at: top.time("created_at")?,
        tool_name: top.text("tool_name")?,
        args: top.object("args")?,
        script: top.optional("script", extended::script)?,
        targets: top.each("targets", target)?,
        arg_provenance: top.each("arg_provenance", provenance)?,
        skill_provenance: top.optional("skill_provenance", extended::skill)?,
        context: context(top.take("context"))?,
        delegation: top.optional("delegation", extended::delegation)?,
    })
}

fn target(value: Node<'_>, path: &str) -> Result<TargetDraft, String> {
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

fn provenance(value: Node<'_>, path: &str) -> Result<ProvenanceDraft, String> {
    let mut entry = Members::of(value, path, &[&PROVENANCE])?;
    Ok(ProvenanceDraft {
        arg_path: entry.text("arg_path")?,
        source: entry.text("source")?,
        source_ref: entry.text("source_ref")?,
        integrity_digest: entry.text("integrity_digest")?,
    })
}

fn context(value: Node<'_>) -> Result<ContextDraft, String> {
    let mut context = Members::of(value, "context", &[&CONTEXT, Label::WORDS])?;
    Ok(ContextDraft {
        identity: context.text("identity")?,
        workspace: context.text("workspace")?,
        risk_class: context.text("risk_class")?,
        phase: context.text("phase")?,
        auth_context: context.object("auth_context")?,
        sandbox: context.optional("sandbox", extended::sandbox)?,
        agent_identity: context.optional("agent_identity", extended::agent)?,
        context_set_digest: context.text("context_set_digest")?,
        context_evidence_mode: context.text("context_evidence_mode")?,
        context_refs: context.each("context_refs", item)?,
        credential_ttl_seconds: context.integer("credential_ttl_seconds")?,
        credential_source: context.text("credential_source")?,
        credential_access_type: context.text("credential_access_type")?,
        credential_scopes: context.each("credential_scopes", item)?,
        labels: labels(&mut context)?,
    })
}

/// The labels that are given.
fn labels(context: &mut Members<'_>) -> Result<BTreeMap<Label, String>, String> {
    let mut labels = BTreeMap::new();
    for label in Label::ALL {
        let text = context.text(label.as_str())?;
        if !text.is_empty() {
            labels.insert(*label, text);
        }
    }
    Ok(labels)
}

/// One item of a list of text; `null` is the empty text, which normalising drops.
fn item(value: Node<'_>, path: &str) -> Result<String, String> {
    match value {
        Node::Null => Ok(String::new()),
        Node::Text(text) => Ok(text.into_owned()),
        _ => Err(format!("`{path}` must be text")),
    }
}
