//! Intents that are written in YAML inside a test.
//!
//! They become JSON and go through the same reader as every other intent. Where that reader lets
//! unknown members pass, as the format wants, a test refuses them: `target:` for `targets:` would
//! make a test that tests nothing.

use super::source;
use crate::intent::Label;
use crate::yaml::{Entry, Fault, Node, Scalar};
use serde_json::{Map, Number, Value};

/// Members of an intent (spec C4.1).
const INTENT: [&str; 15] = [
    "schema_id",
    "schema_version",
    "created_at",
    "producer_version",
    "tool_name",
    "args",
    "args_digest",
    "intent_digest",
    "script",
    "targets",
    "arg_provenance",
    "skill_provenance",
    "delegation",
    "relationship",
    "context",
];

/// Members of `context`, beside the labels (spec C4.5).
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

/// Members of a target (spec C4.3).
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

/// Which part of an intent a mapping is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Intent,
    Context,
    Target,
    /// Anything, such as what is in `args`.
    Free,
}

/// The JSON of a mapping that `path` names; an empty one for `null`.
pub(super) fn part(node: Node, path: &str, part: Part) -> Result<Value, Fault> {
    match node.value {
        Scalar::Null => Ok(source::nothing()),
        Scalar::Map(entries) => object(entries, path, part),
        _ => Err(Fault::parse(node.place, format!("`{path}` must be a mapping of `key: value`"))),
    }
}

/// Lays `patch` over `base`, mapping by mapping; `null` takes away what the base has.
pub(super) fn laid_over(base: Value, patch: Value) -> Value {
    match (base, patch) {
        (Value::Object(mut base), Value::Object(patch)) => {
            for (key, value) in patch {
                match base.remove(&key) {
                    Some(_) if value.is_null() => {}
                    Some(below) => drop(base.insert(key, laid_over(below, value))),
                    None => drop(base.insert(key, value)),
                }
            }
            Value::Object(base)
        }
        (_, patch) => patch,
    }
}

fn object(entries: Vec<Entry>, path: &str, part: Part) -> Result<Value, Fault> {
    let mut members = Map::new();
    for entry in entries {
        part.check(&entry, path)?;
        let (path, below) = (format!("{path}.{}", entry.key), part.below(&entry.key));
        members.insert(entry.key, value(entry.node, &path, below)?);
    }
    Ok(Value::Object(members))
}

fn value(node: Node, path: &str, part: Part) -> Result<Value, Fault> {
    let refuse = |what: &str| Err(Fault::parse(node.place, format!("`{path}` {what}")));
    Ok(match node.value {
        Scalar::Null => Value::Null,
        Scalar::Bool(flag) => flag.into(),
        Scalar::Int(number) => number.into(),
        Scalar::Number(number) => match Number::from_f64(number) {
            Some(number) => number.into(),
            None => return refuse("is no number of JSON; put it in quotes"),
        },
        Scalar::Text(text) => text.into(),
        Scalar::Disputed => {
            return refuse("is text to some and a number to others; put it in quotes");
        }
        Scalar::List(items) => {
            let items = items.into_iter().enumerate();
            let items = items.map(|(index, item)| value(item, &format!("{path}[{index}]"), part));
            Value::Array(items.collect::<Result<_, _>>()?)
        }
        Scalar::Map(entries) => object(entries, path, part)?,
    })
}

impl Part {
    fn check(self, entry: &Entry, path: &str) -> Result<(), Fault> {
        let key = entry.key.as_str();
        let known = self.known();
        if key == "<<" {
            let what = format!("`{path}` cannot merge with `<<`; use `defaults` or `with`");
            return Err(Fault::parse(entry.place, what));
        }
        if self == Part::Free || known.contains(&key) {
            return Ok(());
        }
        let known = known.join(", ");
        let what = format!("unknown member `{key}` in `{path}`; known members are {known}");
        Err(Fault::parse(entry.place, what))
    }

    fn known(self) -> Vec<&'static str> {
        let labels = Label::ALL.iter().map(|label| label.as_str());
        match self {
            Part::Intent => INTENT.to_vec(),
            Part::Context => CONTEXT.into_iter().chain(labels).collect(),
            Part::Target => TARGET.to_vec(),
            Part::Free => Vec::new(),
        }
    }

    /// What the member `key` of this part is.
    fn below(self, key: &str) -> Part {
        match (self, key) {
            (Part::Intent, "context") => Part::Context,
            (Part::Intent, "targets") => Part::Target,
            _ => Part::Free,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::laid_over;
    use serde_json::json;

    #[test]
    fn a_patch_wins_and_null_takes_away() {
        let base = json!({"tool_name": "a", "context": {"identity": "x", "phase": "plan"}});
        let patch = json!({"args": {"n": null}, "context": {"phase": null, "identity": "y"}});
        assert_eq!(
            laid_over(base, patch),
            json!({"tool_name": "a", "args": {"n": null}, "context": {"identity": "y"}})
        );
    }
}
