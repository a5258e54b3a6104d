//! Targets, and what is inferred of them (C4.3).

use super::shape;
use super::text::{Refused, is_set, lower, text, word};
use serde_json::{Map, Value, json};

const KINDS: &str = "path url host repo bucket table queue topic other";
pub(crate) const CLASSES: &str =
    "fs.read fs.write fs.delete proc.exec net.http net.dns ui.click ui.type ui.navigate other";
pub(crate) const METHODS: &str = "webmcp dynamic_mcp a2a mcp static_mcp manual unknown";
const DESTRUCTIVE: &str = "delete remove rm unlink rmdir drop truncate exec spawn";

pub(crate) fn is_one_of(word: &str, words: &str) -> bool {
    words.split_whitespace().any(|known| known == word)
}

/// The normalised targets of a tool's call.
pub(crate) fn normalise(targets: &Value, tool: &str) -> Result<Vec<Value>, Refused> {
    let items = targets.as_array().map(Vec::as_slice).unwrap_or_default();
    let mut out = items.iter().map(|item| one(item, tool)).collect::<Result<Vec<_>, _>>()?;
    out.sort_by_cached_key(order);
    out.dedup();
    Ok(out)
}

fn order(target: &Value) -> (Vec<String>, bool, String, Vec<bool>) {
    let texts = ["kind", "value", "operation", "sensitivity", "endpoint_class", "endpoint_domain"];
    let hints = ["read_only_hint", "destructive_hint", "idempotent_hint", "open_world_hint"];
    (
        texts.iter().map(|name| text(&target[name])).collect(),
        is_set(&target["destructive"]),
        text(&target["discovery_method"]),
        hints.iter().map(|name| is_set(&target[name])).collect(),
    )
}

fn one(target: &Value, tool: &str) -> Result<Value, Refused> {
    shape::check(target, shape::TARGET)?;
    let (kind, value) = (word(&target["kind"]), text(&target["value"]));
    let operation = word(&target["operation"]);
    if kind.is_empty() || value.is_empty() {
        return Err("targets require kind and value".to_owned());
    }
    if !is_one_of(&kind, KINDS) {
        return Err(format!("unsupported target kind: {kind}"));
    }
    let mut class = word(&target["endpoint_class"]);
    if class.is_empty() {
        class = infer_class(&kind, &operation, tool).to_owned();
    }
    if !is_one_of(&class, CLASSES) {
        return Err(format!("unsupported endpoint class: {class}"));
    }
    let mut domain = word(&target["endpoint_domain"]);
    if domain.is_empty() {
        domain = infer_domain(&kind, &value);
    }
    let method = match word(&target["discovery_method"]) {
        empty if empty.is_empty() => "unknown".to_owned(),
        method => method.replace(['-', ' '], "_"),
    };
    if !is_one_of(&method, METHODS) {
        return Err(format!("unsupported discovery method: {method}"));
    }
    let is_destructive = is_set(&target["destructive"])
        || is_set(&target["destructive_hint"])
        || class == "fs.delete"
        || class == "proc.exec"
        || is_one_of(&operation, DESTRUCTIVE);
    let mut out =
        json!({"kind": kind, "value": value, "endpoint_class": class, "discovery_method": method});
    for (name, text) in [
        ("operation", operation),
        ("sensitivity", word(&target["sensitivity"])),
        ("endpoint_domain", domain),
    ] {
        if !text.is_empty() {
            out[name] = text.into();
        }
    }
    if is_destructive {
        out["destructive"] = true.into();
    }
    for hint in ["read_only_hint", "destructive_hint", "idempotent_hint", "open_world_hint"] {
        if is_set(&target[hint]) {
            out[hint] = true.into();
        }
    }
    Ok(out)
}

fn infer_class(kind: &str, operation: &str, tool: &str) -> &'static str {
    let hint = tool.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    let named = |words: &str| words.split_whitespace().any(|word| hint.contains(word));
    match kind {
        "path" if is_one_of(operation, "read get list open cat head download stat") => "fs.read",
        "path" if is_one_of(operation, "write append put create update save copy move rename") => {
            "fs.write"
        }
        "path" if is_one_of(operation, "delete remove rm unlink rmdir drop truncate") => {
            "fs.delete"
        }
        "path" if named("read list fetch search") => "fs.read",
        "path" if named("write update save create") => "fs.write",
        "path" if named("delete remove rm drop") => "fs.delete",
        "url" | "host" if is_one_of(operation, "dns resolve lookup") => "net.dns",
        "url" | "host" => "net.http",
        "other" if is_one_of(operation, "exec spawn run shell command") => "proc.exec",
        "other" if named("exec shell command spawn run") => "proc.exec",
        _ => "other",
    }
}

fn infer_domain(kind: &str, value: &str) -> String {
    match kind {
        "host" => {
            let rest = value.strip_prefix("http://").unwrap_or(value);
            let rest = rest.strip_prefix("https://").unwrap_or(rest);
            let host = rest.split('/').next().unwrap_or_default();
            lower(host.split(':').next().unwrap_or_default().trim())
        }
        "url" => url_host(value).unwrap_or_default(),
        _ => String::new(),
    }
}

/// The host of a URL; `None` where the URL is none.
fn url_host(value: &str) -> Option<String> {
    let value = value.split('#').next()?;
    if value.chars().any(|c| c.is_ascii_control()) {
        return None;
    }
    // Recorded: `//host/x`, without a scheme, has its host.
    let (scheme, rest) = match value.strip_prefix("//") {
        Some(rest) => ("none", rest),
        None => value.split_once("://")?,
    };
    let is_scheme_char = |c: char| c.is_ascii_alphanumeric() || "+-.".contains(c);
    if !scheme.starts_with(|c: char| c.is_ascii_alphabetic()) || !scheme.chars().all(is_scheme_char)
    {
        return None;
    }
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, tail) = rest.split_at(end);
    let path = tail.split('?').next()?;
    unescape(path)?;
    let authority = authority
        .rsplit_once('@')
        .map_or(authority, |(user, host)| if unescape(user).is_some() { host } else { "%" });
    let (host, port) = match authority.strip_prefix('[') {
        Some(rest) => rest.split_once(']')?,
        None => authority.split_at(authority.rfind(':').unwrap_or(authority.len())),
    };
    if !port.is_empty() && !port.strip_prefix(':')?.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    if host.contains([' ', '"', '<', '>', '\\', '^', '`', '{', '|', '}']) {
        return None;
    }
    Some(lower(&host_escapes(host)?))
}

/// The bytes behind `%xx`, with where they stood; `None` where `%` stands alone.
fn unescape(text: &str) -> Option<Vec<(u8, bool)>> {
    let bytes = text.as_bytes();
    let mut out = Vec::new();
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        if *byte == b'%' {
            let digits = bytes.get(at + 1..at + 3)?;
            if !digits.iter().all(u8::is_ascii_hexdigit) {
                return None;
            }
            out.push((u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?, true));
            at += 3;
        } else {
            out.push((*byte, false));
            at += 1;
        }
    }
    Some(out)
}

fn host_escapes(host: &str) -> Option<String> {
    let bytes = unescape(host)?;
    if bytes.iter().any(|(byte, was_escaped)| *was_escaped && byte.is_ascii()) {
        return None;
    }
    let bytes: Vec<u8> = bytes.into_iter().map(|(byte, _)| byte).collect();
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// `arg_provenance` (C4.2).
pub(crate) fn provenance(items: &Value) -> Result<Vec<Value>, Refused> {
    let items = items.as_array().map(Vec::as_slice).unwrap_or_default();
    let mut out = Vec::new();
    for item in items {
        shape::check(item, shape::PROVENANCE)?;
        let mut entry = Map::new();
        for (name, text) in [
            ("arg_path", text(&item["arg_path"])),
            ("source", word(&item["source"])),
            ("source_ref", text(&item["source_ref"])),
            ("integrity_digest", word(&item["integrity_digest"])),
        ] {
            if !text.is_empty() {
                entry.insert(name.to_owned(), text.into());
            }
        }
        let entry = Value::Object(entry);
        if entry["arg_path"].is_null() || entry["source"].is_null() {
            return Err("arg provenance requires arg_path and source".to_owned());
        }
        if !is_one_of(&text(&entry["source"]), "user tool_output external system") {
            return Err(format!("unsupported provenance source: {}", entry["source"]));
        }
        super::context::hex(&text(&entry["integrity_digest"]), "integrity_digest")?;
        out.push(entry);
    }
    let names = ["arg_path", "source", "source_ref", "integrity_digest"];
    out.sort_by_cached_key(|entry| names.map(|name| text(&entry[name])));
    out.dedup();
    Ok(out)
}
