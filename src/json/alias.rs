//! Member names that some reader takes for one another.
//!
//! `{"amount": 5, "Amount": 500}` has no duplicate member (RFC 8259), yet Go and .NET fill one
//! field from both, protobuf takes `userId` for `user_id`, and a reader in C stops at a NUL. Where
//! a body decides what a call is, such a pair is as ambiguous as the same name twice.

use serde_json::Value;
use std::collections::BTreeSet;
use unicode_normalization::UnicodeNormalization as _;

/// The name as the laxest reader sees it: up to a NUL, without case, width, spaces, `_` and `-`.
pub fn folded_name(name: &str) -> String {
    let head = name.split('\0').next().unwrap_or_default();
    let kept = |c: &char| !(c.is_whitespace() || c.is_control() || matches!(c, '_' | '-'));
    let folded: String = match head.is_ascii() {
        true => head.chars().filter(kept).map(|c| c.to_ascii_lowercase()).collect(),
        false => head.nfkc().filter(kept).flat_map(char::to_lowercase).collect(),
    };
    // A name of nothing but separators is only itself.
    if folded.is_empty() { name.to_owned() } else { folded }
}

/// The first member, at any depth, that some reader takes for another one of its object.
pub fn aliased_member(value: &Value) -> Option<&str> {
    match value {
        Value::Object(members) => {
            let mut seen = BTreeSet::new();
            let twin = members.keys().find(|name| !seen.insert(folded_name(name)));
            twin.map(String::as_str).or_else(|| members.values().find_map(aliased_member))
        }
        Value::Array(items) => items.iter().find_map(aliased_member),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::aliased_member;

    #[test]
    fn names_that_some_reader_folds_into_one_are_found_at_any_depth() {
        for text in [
            r#"{"amount":5,"Amount":500}"#,
            r#"{"AMOUNT":500,"amount":5}"#,
            r#"{"amount":5,"amount\u0000x":500}"#,
            r#"{"amount":5,"amount ":500}"#,
            r#"{"amount":5,"\uff41mount":500}"#,
            r#"{"user_id":1,"userId":2}"#,
            r#"{"tasks":1,"ta\u017fks":2}"#,
            r#"[{"x":{"a":1,"A":2}}]"#,
        ] {
            let value = serde_json::from_str(text).unwrap();
            assert!(aliased_member(&value).is_some(), "{text}");
        }
        for text in [r#"{"a":1,"b":{"a":1}}"#, r#"[{"a":1},{"A":1}]"#, r#"{"-":1,"_":2,"":3}"#] {
            let value = serde_json::from_str(text).unwrap();
            assert_eq!(aliased_member(&value), None, "{text}");
        }
    }
}
