//! What is another in a call than in the one before it, by JSON Pointer (RFC 6901).
//!
//! Both come from callers, so all is bounded: how many changes are told, and how long each is.

use serde::Serialize;
use serde_json::{Map, Value};

/// As many changes are told.
const CHANGES_MAX: usize = 100;
/// What is longer is shortened, and that is said.
const TEXT_BYTES_MAX: usize = 1_024;

/// What was changed.
#[derive(Debug, Default)]
pub(super) struct Changes {
    pub(super) told: Vec<Change>,
    /// Whether there are more than are told.
    pub(super) more: bool,
}

/// One change; a side without a value had none.
#[derive(Debug, PartialEq, Serialize)]
pub(super) struct Change {
    at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    before: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    after: Option<Value>,
    /// Which of the three are the beginning of a longer text: of a value, that of its JSON.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    shortened: Vec<&'static str>,
}

/// What is another in `after` than in `before`, in the order of names.
pub(super) fn between(before: &Value, after: &Value) -> Changes {
    let mut changes = Changes::default();
    changes.compare(&mut String::new(), Some(before), Some(after));
    changes
}

impl Changes {
    fn compare(&mut self, at: &mut String, before: Option<&Value>, after: Option<&Value>) {
        if self.more || before == after {
            return;
        }
        match (before, after) {
            (Some(Value::Object(before)), Some(Value::Object(after))) => {
                self.members(at, before, after);
            }
            (Some(Value::Array(before)), Some(Value::Array(after))) => {
                self.items(at, before, after);
            }
            _ => self.tell(at, before, after),
        }
    }

    fn members(
        &mut self,
        at: &mut String,
        before: &Map<String, Value>,
        after: &Map<String, Value>,
    ) {
        let added = after.keys().filter(|name| !before.contains_key(*name));
        for name in before.keys().chain(added) {
            self.below(at, &escaped(name), before.get(name), after.get(name));
        }
    }

    fn items(&mut self, at: &mut String, before: &[Value], after: &[Value]) {
        for index in 0..before.len().max(after.len()) {
            self.below(at, &index.to_string(), before.get(index), after.get(index));
        }
    }

    fn below(
        &mut self,
        at: &mut String,
        name: &str,
        before: Option<&Value>,
        after: Option<&Value>,
    ) {
        let length = at.len();
        at.push('/');
        at.push_str(name);
        self.compare(at, before, after);
        at.truncate(length);
    }

    fn tell(&mut self, at: &str, before: Option<&Value>, after: Option<&Value>) {
        if self.told.len() == CHANGES_MAX {
            self.more = true;
            return;
        }
        let mut shortened = Vec::new();
        let at = match beginning(at) {
            Some(start) => {
                shortened.push("at");
                start
            }
            None => at.to_owned(),
        };
        let before = before.map(|value| bounded("before", value, &mut shortened));
        let after = after.map(|value| bounded("after", value, &mut shortened));
        self.told.push(Change { at, before, after, shortened });
    }
}

fn bounded(side: &'static str, value: &Value, shortened: &mut Vec<&'static str>) -> Value {
    let text = match value {
        Value::String(text) => beginning(text),
        other => beginning(&other.to_string()),
    };
    match text {
        Some(start) => {
            shortened.push(side);
            Value::String(start)
        }
        None => value.clone(),
    }
}

/// The beginning of a text that is too long; `None` where it is not.
fn beginning(text: &str) -> Option<String> {
    let end = (0..=TEXT_BYTES_MAX).rev().find(|end| text.is_char_boundary(*end))?;
    let start = text.get(..end)?;
    (text.len() > TEXT_BYTES_MAX).then(|| start.to_owned())
}

fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn pairs(before: &Value, after: &Value) -> Vec<(String, Option<Value>, Option<Value>)> {
        let told = between(before, after).told;
        told.into_iter().map(|change| (change.at, change.before, change.after)).collect()
    }

    #[test]
    fn every_place_that_differs_is_told_once() {
        let before = json!({"args": {"amount": 1, "to": ["a", "b"], "x/~": true}, "path": "/p"});
        let after = json!({"args": {"amount": 2, "to": ["a"], "x/~": null, "n": {}}, "path": "/p"});
        let at =
            |at: &str, before: Option<Value>, after: Option<Value>| (at.to_owned(), before, after);
        assert_eq!(
            pairs(&before, &after),
            [
                at("/args/amount", Some(json!(1)), Some(json!(2))),
                at("/args/to/1", Some(json!("b")), None),
                at("/args/x~1~0", Some(json!(true)), Some(json!(null))),
                at("/args/n", None, Some(json!({}))),
            ]
        );
        assert!(between(&after, &after).told.is_empty());
        assert_eq!(pairs(&json!([1]), &json!({"0": 1})).len(), 1, "another type is one change");
    }

    #[test]
    fn what_is_told_is_bounded_and_that_is_said() {
        let many = |value: usize| (0..200).map(|n| n * value).map(Value::from).collect::<Value>();
        let changes = between(&many(1), &many(2));
        assert_eq!((changes.told.len(), changes.more), (CHANGES_MAX, true));
        assert!(!between(&json!(1), &json!(2)).more);
        let name = "n".repeat(5_000);
        let long = between(&json!({&name: "é".repeat(600)}), &json!({&name: vec![7; 600]})).told;
        assert_eq!(long[0].shortened, ["at", "before", "after"]);
        assert_eq!(long[0].at.len(), TEXT_BYTES_MAX);
        assert_eq!(long[0].before, Some(json!("é".repeat(512))));
        assert!(long[0].after.as_ref().unwrap().as_str().unwrap().starts_with("[7,7,"));
    }
}
