//! Raw credentials in free objects (C3 point 3, C4.4).

use super::text::{Refused, is_hex_digest, lower};
use serde_json::{Map, Value};

const HARMLESS_ENDS: &str = "_ref _refs _digest _digests _hash _issuer _source _type _ttl \
    _ttl_seconds _id _ids _name _names _scope _scopes";

/// `args` and `auth_context`: texts and keys trimmed, nothing that looks like a credential.
pub(crate) fn free_object(value: &Value, path: &str) -> Result<Value, Refused> {
    let trimmed = match value {
        Value::Null => Value::Object(Map::new()),
        value => trim(value)?,
    };
    search(&trimmed, path)?;
    Ok(trimmed)
}

fn trim(value: &Value) -> Result<Value, Refused> {
    Ok(match value {
        Value::String(text) => text.trim().into(),
        Value::Array(items) => items.iter().map(trim).collect::<Result<Vec<_>, _>>()?.into(),
        Value::Object(members) => {
            let mut out = Map::new();
            for (key, value) in members {
                if key.trim().is_empty() {
                    return Err("args contains empty key".to_owned());
                }
                if out.insert(key.trim().to_owned(), trim(value)?).is_some() {
                    return Err("two keys are equal after trimming".to_owned());
                }
            }
            out.into()
        }
        other => other.clone(),
    })
}

fn search(value: &Value, path: &str) -> Result<(), Refused> {
    match value {
        Value::Array(items) => items.iter().try_for_each(|item| search(item, path)),
        Value::Object(members) => members.iter().try_for_each(|(key, value)| match value {
            Value::String(text) if is_credential_key(key) && is_material(text) => {
                Err(format!("{path}.{key} must not contain raw credential material"))
            }
            value => search(value, path),
        }),
        _ => Ok(()),
    }
}

fn is_credential_key(key: &str) -> bool {
    let key = lower(key.trim());
    if HARMLESS_ENDS.split_whitespace().any(|end| key.ends_with(end)) {
        return false;
    }
    let words = [
        "token",
        "secret",
        "password",
        "credential",
        "apikey",
        "api_key",
        "api-key",
        "accesskey",
        "access_key",
        "access-key",
    ];
    words.iter().any(|word| key.contains(word))
}

/// Whether a text looks like a credential itself.
pub(crate) fn is_material(value: &str) -> bool {
    let value = value.trim();
    let low = lower(value);
    let references = ["env:", "stub:", "cmd:", "ref:", "sha256:"];
    if references.iter().any(|start| low.starts_with(start)) || is_hex_digest(&low) {
        return false;
    }
    let issued = ["ghp_", "gho_", "github_pat_", "sk-", "AKIA", "ASIA"];
    if issued.iter().any(|start| value.starts_with(start)) {
        return true;
    }
    value.len() >= 16
        && !value.contains([' ', '\t', '\r', '\n'])
        && value.contains(|c: char| c.is_ascii_alphabetic())
        && value.contains(|c: char| c.is_ascii_digit())
}
