//! Free objects, trimmed and without secrets (spec C4.2, points 3 and 4): `args` and
//! `auth_context`.
//!
//! Two keys that are equal once trimmed are refused; the public tool keeps either.

use super::credentials;
use super::error::IntentError;
use super::text::shown;
use serde_json::{Map, Value};

/// Trims every string and every key, at any depth, then refuses raw credential material. `root`
/// names the object in errors.
pub(super) fn normalise(
    root: &str,
    object: Map<String, Value>,
) -> Result<Map<String, Value>, IntentError> {
    let object = members(object)
        .map_err(|what| IntentError::Normalise(format!("normalize {root}: {what}")))?;
    credentials::refuse(root, &object)?;
    Ok(object)
}

fn members(mut object: Map<String, Value>) -> Result<Map<String, Value>, String> {
    for value in object.values_mut() {
        trim(value)?;
    }
    if object.keys().all(|key| !key.is_empty() && key.trim().len() == key.len()) {
        return Ok(object);
    }
    let mut trimmed = Map::new();
    for (key, value) in object {
        let key = key.trim();
        if key.is_empty() {
            return Err("args contains empty key".to_owned());
        }
        if trimmed.insert(key.to_owned(), value).is_some() {
            return Err(format!("two keys are `{}` once trimmed; remove one", shown(key)));
        }
    }
    Ok(trimmed)
}

fn trim(value: &mut Value) -> Result<(), String> {
    match value {
        Value::String(text) if text.trim().len() != text.len() => *text = text.trim().to_owned(),
        Value::Array(items) => items.iter_mut().try_for_each(trim)?,
        Value::Object(object) => *object = members(std::mem::take(object))?,
        _ => {}
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::normalise;
    use serde_json::{Value, json};

    fn args(value: Value) -> Result<Value, String> {
        let object = value.as_object().unwrap().clone();
        normalise("args", object).map(Value::Object).map_err(|error| error.to_string())
    }

    #[test]
    fn strings_and_keys_are_trimmed_at_any_depth() {
        let said = json!({" k ": " v ", "a": [{" b": "\t"}, null, 1.0, true]});
        assert_eq!(args(said), Ok(json!({"k": "v", "a": [{"b": ""}, null, 1.0, true]})));
    }

    #[test]
    fn empty_and_equal_keys_are_refused() {
        for said in [json!({"": 1}), json!({"a": [{"  ": 1}]})] {
            let refused = "normalize intent: normalize args: args contains empty key";
            assert_eq!(args(said), Err(refused.to_owned()));
        }
        assert!(args(json!({"a": 1, " a": 2})).unwrap_err().contains("two keys are `a`"));
    }
}
