//! Raw secrets have no place in an intent: it is digested, logged and shown to approvers.
//!
//! The test is the format's own (spec C4.4): a member whose name looks like a credential and
//! whose value looks like material. It is a net for accidents, not for an adversary.

use super::error::IntentError;
use super::text;
use serde_json::{Map, Value};

/// Names that end so hold a reference, not a secret.
const HARMLESS_SUFFIXES: [&str; 16] = [
    "_ref",
    "_refs",
    "_digest",
    "_digests",
    "_hash",
    "_issuer",
    "_source",
    "_type",
    "_ttl",
    "_ttl_seconds",
    "_id",
    "_ids",
    "_name",
    "_names",
    "_scope",
    "_scopes",
];

/// Names that contain one of these hold a credential.
const CREDENTIAL_WORDS: [&str; 10] = [
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

/// Values that start so point to a secret, in any case.
const REFERENCE_PREFIXES: [&str; 5] = ["env:", "stub:", "cmd:", "ref:", "sha256:"];

/// Values that start so are well-known tokens.
pub(super) const TOKEN_PREFIXES: [&str; 6] = ["ghp_", "gho_", "github_pat_", "sk-", "AKIA", "ASIA"];

/// Other values shorter than this are no secrets.
const MATERIAL_BYTES_MIN: usize = 16;

/// Refuses the first member of `object`, at any depth, that holds raw credential material.
/// `root` is how the path in the error starts.
pub(super) fn refuse(root: &str, object: &Map<String, Value>) -> Result<(), IntentError> {
    match in_object(object) {
        None => Ok(()),
        Some(path) => Err(IntentError::RawCredential { path: format!("{root}{path}") }),
    }
}

/// The path to the first offender, members in byte order.
fn in_object(object: &Map<String, Value>) -> Option<String> {
    object.iter().find_map(|(key, value)| {
        let inner = match value {
            Value::String(text) => (is_credential_key(key) && is_material(text)).then(String::new),
            other => in_value(other),
        };
        inner.map(|path| format!(".{key}{path}"))
    })
}

fn in_value(value: &Value) -> Option<String> {
    match value {
        Value::Object(object) => in_object(object),
        Value::Array(items) => items
            .iter()
            .enumerate()
            .find_map(|(index, item)| in_value(item).map(|path| format!("[{index}]{path}"))),
        _ => None,
    }
}

/// Whether a name looks like that of a credential.
pub(super) fn is_credential_key(key: &str) -> bool {
    let key = text::lowered(key.trim());
    let has = letters(key.as_bytes());
    // A word is only looked for where all its letters are: most keys have them of none.
    let mut words = CREDENTIAL_WORDS.iter().filter(|word| letters(word.as_bytes()) & !has == 0);
    words.any(|word| key.contains(word)) && !is_harmless(&key)
}

/// Whether a name, in lower case, ends as that of a reference.
pub(super) fn is_harmless(key: &str) -> bool {
    HARMLESS_SUFFIXES.iter().any(|suffix| key.ends_with(suffix))
}

/// Whether a value points to a secret.
pub(super) fn is_reference(value: &str) -> bool {
    // Among the code points that lower to ASCII, none occurs in these prefixes.
    REFERENCE_PREFIXES.iter().any(|prefix| starts_with_any_case(value.trim(), prefix))
}

/// Which letters a text has, a bit each; bytes that share a bit are as one.
fn letters(text: &[u8]) -> u32 {
    text.iter().fold(0, |letters, byte| letters | 1 << (byte & 31))
}

/// Whether a value looks like a secret, whatever the member that holds it.
pub(super) fn is_material(value: &str) -> bool {
    let value = value.trim();
    if is_reference(value) || value.len() == 64 && value.bytes().all(|b| b.is_ascii_hexdigit()) {
        return false;
    }
    TOKEN_PREFIXES.iter().any(|prefix| value.starts_with(prefix)) || is_dense(value)
}

/// Long, in one word, with letters and digits.
fn is_dense(value: &str) -> bool {
    value.len() >= MATERIAL_BYTES_MIN
        && !value.contains([' ', '\t', '\r', '\n'])
        && value.bytes().any(|byte| byte.is_ascii_alphabetic())
        && value.bytes().any(|byte| byte.is_ascii_digit())
}

fn starts_with_any_case(value: &str, prefix: &str) -> bool {
    value.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
}

#[cfg(test)]
mod tests {
    use super::{is_credential_key, is_material, refuse};
    use serde_json::json;

    #[test]
    fn keys_that_look_like_credentials() {
        for key in [
            "token",
            "Client-Secret",
            " API_KEY ",
            "x-api-key",
            "accessKey",
            "to\u{212a}en",
            "passwords",
        ] {
            assert!(is_credential_key(key), "{key}");
        }
        for key in [
            "token_ref",
            "secret_name",
            "password_hash",
            "key",
            "api__key",
            "tokens_id",
            "credential_ttl_seconds",
        ] {
            assert!(!is_credential_key(key), "{key}");
        }
    }

    #[test]
    fn values_that_look_like_material() {
        for value in ["sk-x", "ghp_", " AKIA1", "abcd1234efgh5678", "пароль-пароль-a1"]
        {
            assert!(is_material(value), "{value}");
        }
        for value in [
            "",
            "ENV:abcd1234efgh5678",
            "Sha256:abcd1234efgh5678",
            "ref:ghp_x",
            "abcd1234efgh567",
            "abcd 1234 efgh 5678",
            "correcthorsebatterystaple",
            "1234567890123456",
            "akia1",
            "ABABABABABABABABABABABABABABABABABABABABABABABABABABABABABABABAB",
        ] {
            assert!(!is_material(value), "{value}");
        }
    }

    #[test]
    fn the_path_names_the_first_offender() {
        let args = json!({"a": [{"Client-Secret": "x"}, {"client_secret": "AKIA1"}], "b": {"token": "sk-x"}});
        let error = refuse("args", args.as_object().unwrap()).unwrap_err();
        assert_eq!(error.path(), Some("args.a[1].client_secret"));
        let listed = json!({"token": ["sk-abc"]});
        assert!(refuse("args", listed.as_object().unwrap()).is_ok());
    }
}
