//! The context of an intent, with its sandbox and agent identity (C4.5, E4, E7).

use super::credentials::{free_object, is_material};
use super::shape;
use super::targets::is_one_of;
use super::text::{Refused, is_hex_digest, is_set, list, paths, text, time, word, zero_time};
use serde_json::{Map, Value};

const SOURCES: &str = "aws_iam_user aws_sts azure_federated command env gcp_sts github_oidc \
    github_pat kubernetes_service_account stub unknown vault_dynamic";
const ACCESS_TYPES: &str = "cloud_admin inherited jit standing static unknown";
const TEXTS: &str = "agent_id run_id workflow_id repo environment job_id session_id request_id \
    credential_ref credential_issuer credential_subject credential_owner \
    credential_target_binding credential_run_binding credential_job_binding approval_ref \
    wrkr_inventory_ref agent_action_bom_ref environment_fingerprint";

pub(crate) fn hex(text: &str, name: &str) -> Result<(), Refused> {
    match text.is_empty() || is_hex_digest(text) {
        true => Ok(()),
        false => Err(format!("{name} must be sha256 hex")),
    }
}

pub(crate) fn known_source(word: &str) -> bool {
    is_one_of(word, SOURCES)
}

pub(crate) fn known_access_type(word: &str) -> bool {
    is_one_of(word, ACCESS_TYPES)
}

fn choice(text: &str, words: &str, name: &str) -> Result<(), Refused> {
    match text.is_empty() || is_one_of(text, words) {
        true => Ok(()),
        false => Err(format!("{name} is unsupported: {text}")),
    }
}

/// Puts a member where it says something.
pub(crate) fn put(out: &mut Map<String, Value>, name: &str, value: impl Into<Value>) {
    let value = value.into();
    let says_nothing = match &value {
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.is_empty(),
        Value::Number(number) => number.as_i64() == Some(0),
        Value::Bool(flag) => !flag,
        Value::Null => true,
    };
    if !says_nothing {
        out.insert(name.to_owned(), value);
    }
}

pub(crate) fn normalise(context: &Value) -> Result<Value, Refused> {
    shape::check(context, shape::CONTEXT)?;
    let mut out = Map::new();
    let workspace = text(&context["workspace"]).replace('\\', "/");
    for (name, text) in [
        ("identity", text(&context["identity"])),
        ("workspace", workspace),
        ("risk_class", word(&context["risk_class"])),
    ] {
        if text.is_empty() {
            return Err(format!("context.{name} is required"));
        }
        put(&mut out, name, text);
    }
    put(&mut out, "auth_context", free_object(&context["auth_context"], "context.auth_context")?);
    put(&mut out, "sandbox", sandbox(&context["sandbox"])?);
    if !context["agent_identity"].is_null() {
        put(&mut out, "agent_identity", agent(&context["agent_identity"])?);
    }
    let set_digest = word(&context["context_set_digest"]);
    hex(&set_digest, "context.context_set_digest")?;
    put(&mut out, "context_set_digest", set_digest);
    let ttl = context["credential_ttl_seconds"].as_i64().unwrap_or(0);
    if ttl < 0 {
        return Err("context.credential_ttl_seconds must be >= 0".to_owned());
    }
    put(&mut out, "credential_ttl_seconds", ttl);
    for (name, words) in [
        ("credential_source", SOURCES),
        ("credential_access_type", ACCESS_TYPES),
        ("context_evidence_mode", "best_effort required"),
        ("phase", "plan apply"),
    ] {
        let said = word(&context[name]);
        choice(&said, words, name)?;
        put(&mut out, name, said);
    }
    out.entry("phase").or_insert_with(|| "apply".into());
    for name in ["context_refs", "credential_scopes"] {
        put(&mut out, name, list(&context[name]));
    }
    for name in TEXTS.split_whitespace() {
        put(&mut out, name, text(&context[name]));
    }
    Ok(out.into())
}

fn is_assignment(item: &str) -> bool {
    let Some((name, _)) = item.split_once('=') else { return false };
    let starts = |c: char| c.is_ascii_alphabetic() || c == '_';
    name.starts_with(starts) && name.chars().all(|c| starts(c) || c.is_ascii_digit())
}

fn sandbox(given: &Value) -> Result<Map<String, Value>, Refused> {
    shape::check(given, shape::SANDBOX)?;
    let mut out = Map::new();
    for (name, words) in [
        ("network_mode", "disabled egress_allowlist full"),
        ("env_exposure_mode", "allowlist full none"),
        ("filesystem_isolation", "container none workspace"),
        ("user_mode", "default root unprivileged"),
    ] {
        let said = word(&given[name]);
        choice(&said, words, name)?;
        put(&mut out, name, said);
    }
    let timeout = given["timeout_seconds"].as_i64().unwrap_or(0);
    if timeout < 0 {
        return Err("context.sandbox.timeout_seconds must be >= 0".to_owned());
    }
    put(&mut out, "timeout_seconds", timeout);
    for name in ["writable_paths", "read_only_roots"] {
        if list(&given[name]).iter().any(|item| is_assignment(item)) {
            return Err(format!("{name} must not contain raw environment variable assignments"));
        }
        put(&mut out, name, paths(&given[name]));
    }
    let reference = text(&given["evidence_ref"]);
    let is_reference = ["ref:", "receipt:", "proof:", "sandbox:", "sha256:"]
        .iter()
        .any(|start| reference.to_lowercase().starts_with(start));
    if is_assignment(&reference) || (!is_reference && is_material(&reference)) {
        return Err("evidence_ref must not contain secret-like sandbox material".to_owned());
    }
    put(&mut out, "evidence_ref", reference);
    let digest = word(&given["evidence_digest"]);
    hex(&digest, "context.sandbox.evidence_digest")?;
    put(&mut out, "evidence_digest", digest);
    Ok(out)
}

fn agent(given: &Value) -> Result<Map<String, Value>, Refused> {
    shape::check(given, shape::AGENT)?;
    let mut out = Map::new();
    put(&mut out, "lifecycle_states", list(&given["lifecycle_states"]));
    put(&mut out, "owner", text(&given["owner"]));
    put(&mut out, "publisher", text(&given["publisher"]));
    put(&mut out, "source", word(&given["source"]));
    let digest = word(&given["manifest_digest"]);
    hex(&digest, "context.agent_identity.manifest_digest")?;
    put(&mut out, "manifest_digest", digest);
    put(&mut out, "revoked", is_set(&given["revoked"]));
    let times = ["issued_at", "approved_at", "expires_at"];
    let [issued, approved, expires] = times.map(|name| time(&given[name]).unwrap());
    let zero = zero_time();
    if approved != zero && issued != zero && approved < issued {
        return Err("approved_at must be on or after issued_at".to_owned());
    }
    if expires != zero
        && ((issued != zero && expires <= issued) || (approved != zero && expires <= approved))
    {
        return Err("expires_at must be after issued_at and approved_at".to_owned());
    }
    for (name, time) in times.iter().zip([issued, approved, expires]) {
        put(&mut out, name, time.to_string());
    }
    Ok(out)
}
