//! The objects of an intent that most intents lack: script, skill, delegation, sandbox, agent
//! (spec E4, E7, E8, E9, E12). Read as strictly as the rest; `null` is absent.

use super::{item, provenance, target};
use crate::intent::draft::{
    AgentDraft, DelegationDraft, LinkDraft, SandboxDraft, ScriptDraft, SkillDraft, StepDraft,
};
use crate::intent::members::Members;
use crate::json::Node;

const SCRIPT: [&str; 1] = ["steps"];

const STEP: [&str; 4] = ["tool_name", "args", "targets", "arg_provenance"];

const SKILL: [&str; 6] =
    ["skill_name", "source", "publisher", "skill_version", "signature_key_id", "digest"];

const DELEGATION: [&str; 6] =
    ["requester_identity", "scope_class", "token_refs", "chain", "issued_at", "expires_at"];

const LINK: [&str; 6] = [
    "delegator_identity",
    "delegate_identity",
    "scope_class",
    "token_ref",
    "issued_at",
    "expires_at",
];

const AGENT: [&str; 9] = [
    "lifecycle_states",
    "owner",
    "publisher",
    "manifest_digest",
    "source",
    "issued_at",
    "approved_at",
    "expires_at",
    "revoked",
];

const SANDBOX: [&str; 9] = [
    "network_mode",
    "env_exposure_mode",
    "filesystem_isolation",
    "user_mode",
    "timeout_seconds",
    "writable_paths",
    "read_only_roots",
    "evidence_ref",
    "evidence_digest",
];

pub(super) fn script(value: Node<'_>, path: &str) -> Result<ScriptDraft, String> {
    let mut script = Members::of(value, path, &[&SCRIPT])?;
    Ok(ScriptDraft { steps: script.each("steps", step)? })
}

fn step(value: Node<'_>, path: &str) -> Result<StepDraft, String> {
    let mut step = Members::of(value, path, &[&STEP])?;
    Ok(StepDraft {
        tool_name: step.text("tool_name")?,
        args: step.object("args")?,
        targets: step.each("targets", target)?,
        arg_provenance: step.each("arg_provenance", provenance)?,
    })
}

pub(super) fn skill(value: Node<'_>, path: &str) -> Result<SkillDraft, String> {
    let mut skill = Members::of(value, path, &[&SKILL])?;
    Ok(SkillDraft {
        skill_name: skill.text("skill_name")?,
        source: skill.text("source")?,
        publisher: skill.text("publisher")?,
        skill_version: skill.text("skill_version")?,
        signature_key_id: skill.text("signature_key_id")?,
        digest: skill.text("digest")?,
    })
}

pub(super) fn delegation(value: Node<'_>, path: &str) -> Result<DelegationDraft, String> {
    let mut delegation = Members::of(value, path, &[&DELEGATION])?;
    Ok(DelegationDraft {
        requester_identity: delegation.text("requester_identity")?,
        scope_class: delegation.text("scope_class")?,
        token_refs: delegation.each("token_refs", item)?,
        chain: delegation.each("chain", link)?,
        issued_at: delegation.time("issued_at")?,
        expires_at: delegation.time("expires_at")?,
    })
}

fn link(value: Node<'_>, path: &str) -> Result<LinkDraft, String> {
    let mut link = Members::of(value, path, &[&LINK])?;
    Ok(LinkDraft {
        delegator_identity: link.text("delegator_identity")?,
        delegate_identity: link.text("delegate_identity")?,
        scope_class: link.text("scope_class")?,
        token_ref: link.text("token_ref")?,
        issued_at: link.time("issued_at")?,
        expires_at: link.time("expires_at")?,
    })
}

pub(super) fn agent(value: Node<'_>, path: &str) -> Result<AgentDraft, String> {
    let mut agent = Members::of(value, path, &[&AGENT])?;
    Ok(AgentDraft {
        lifecycle_states: agent.each("lifecycle_states", item)?,
        owner: agent.text("owner")?,
        publisher: agent.text("publisher")?,
        manifest_digest: agent.text("manifest_digest")?,
        source: agent.text("source")?,
        issued_at: agent.time("issued_at")?,
        approved_at: agent.time("approved_at")?,
        expires_at: agent.time("expires_at")?,
        revoked: agent.flag("revoked")?,
    })
}

pub(super) fn sandbox(value: Node<'_>, path: &str) -> Result<SandboxDraft, String> {
    let mut sandbox = Members::of(value, path, &[&SANDBOX])?;
    Ok(SandboxDraft {
        network_mode: sandbox.text("network_mode")?,
        env_exposure_mode: sandbox.text("env_exposure_mode")?,
        filesystem_isolation: sandbox.text("filesystem_isolation")?,
        user_mode: sandbox.text("user_mode")?,
        timeout_seconds: sandbox.integer("timeout_seconds")?,
        writable_paths: sandbox.each("writable_paths", item)?,
        read_only_roots: sandbox.each("read_only_roots", item)?,
        evidence_ref: sandbox.text("evidence_ref")?,
        evidence_digest: sandbox.text("evidence_digest")?,
    })
}
