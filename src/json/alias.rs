//! Member names that some reader takes for one another.
//!
//! `{"amount": 5, "Amount": 500}` has no duplicate member (RFC 8259), yet Go and .NET fill one
//! field from both, protobuf takes `userId` for `user_id`, and a reader in C stops at a NUL. Where
//! a body decides what a call is, such a pair is as ambiguous as the same name twice.

use serde_json::{Map, Value};
use std::collections::BTreeSet;
use unicode_normalization::UnicodeNormalization as _;

/// The names of up to so many members are compared one by one, without an allocation each.
const FEW_NAMES: usize = 16;

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
            let twin = if members.len() <= FEW_NAMES { twin_of_few } else { twin_of_many };
            twin(members).or_else(|| members.values().find_map(aliased_member))
        }
        Value::Array(items) => items.iter().find_map(aliased_member),
        _ => None,
    }
}

fn twin_of_few(members: &Map<String, Value>) -> Option<&str> {
    let mut seen: Vec<(Sketch, &str)> = Vec::with_capacity(members.len());
    members.keys().map(String::as_str).find(|name| {
        let sketch = sketch(name);
        let mut alike = seen.iter().filter(|(known, _)| may_be_alike(*known, sketch));
        let is_twin = alike.any(|(_, known)| are_alike(known, name));
        seen.push((sketch, name));
        is_twin
    })
}

/// A number that names share if they fold to the same; `None`, which tells nothing, for names
/// that are not ASCII.
type Sketch = Option<u64>;

fn may_be_alike(left: Sketch, right: Sketch) -> bool {
    left == right || left.is_none() || right.is_none()
}

fn sketch(name: &str) -> Sketch {
    let mixed = |sum: u64, byte| (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    name.is_ascii().then(|| folded_ascii(name).fold(0, mixed))
}

fn twin_of_many(members: &Map<String, Value>) -> Option<&str> {
    let mut seen = BTreeSet::new();
    members.keys().find(|name| !seen.insert(folded_name(name))).map(String::as_str)
}

/// Whether two different names fold to the same.
fn are_alike(left: &str, right: &str) -> bool {
    if !left.is_ascii() || !right.is_ascii() {
        return folded_name(left) == folded_name(right);
    }
    // A name of nothing but separators is only itself, hence not the other.
    folded_ascii(left).next().is_some() && folded_ascii(left).eq(folded_ascii(right))
}

/// What [`folded_name`] makes of ASCII, unless that is nothing.
fn folded_ascii(name: &str) -> impl Iterator<Item = u8> {
    let kept = |byte: &u8| byte.is_ascii_graphic() && !matches!(byte, b'_' | b'-');
    let head = name.bytes().take_while(|byte| *byte != 0);
    head.filter(kept).map(|byte| byte.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::{aliased_member, are_alike, folded_name, twin_of_few, twin_of_many};
    use proptest::prelude::*;
    use serde_json::{Map, Value};

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

    /// Few letters in many spellings, and whatever else.
    const NAME: &str = "[aA_ \\-\u{0}\t\u{7f}b\u{ff41}]{0,3}|.{0,3}";

    proptest! {
        #[test]
        fn comparing_is_folding(left in NAME, right in NAME) {
            prop_assume!(left != right);
            prop_assert_eq!(are_alike(&left, &right), folded_name(&left) == folded_name(&right));
        }

        #[test]
        fn few_and_many_names_are_searched_alike(names in prop::collection::btree_set(NAME, 0..9)) {
            let members = Map::from_iter(names.into_iter().map(|name| (name, Value::Null)));
            prop_assert_eq!(twin_of_few(&members), twin_of_many(&members));
        }
    }
}
