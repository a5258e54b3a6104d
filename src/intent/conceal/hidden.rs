//! Texts that are hidden, and the texts that say one of them.

use crate::intent::Target;
use percent_encoding::percent_decode_str;
use serde_json::Value;
use std::borrow::Cow;

/// What stands in the place of a masked value.
pub const MASK: &str = "***";

/// A shorter text is looked for as a whole word: as a part of one it would be found everywhere.
const PART_BYTES_MIN: usize = 4;

/// Texts that nobody is shown, in lower case.
#[derive(Debug, Default)]
pub struct Hidden(Vec<String>);

impl Hidden {
    /// Hides all texts and numbers of `value`.
    pub fn add(&mut self, value: &Value) {
        match value {
            Value::String(text) => self.0.extend(Some(text.to_lowercase())),
            Value::Number(number) => self.0.push(number.to_string()),
            Value::Array(items) => items.iter().for_each(|item| self.add(item)),
            Value::Object(members) => members.values().for_each(|member| self.add(member)),
            Value::Null | Value::Bool(_) => {}
        }
    }

    /// Whether nothing is hidden.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// A path without the segments that say something hidden.
    pub fn path<'p>(&self, path: &'p str) -> Cow<'p, str> {
        if !self.is_in(path) {
            return Cow::Borrowed(path);
        }
        let segment = |segment| if self.is_in(segment) { MASK } else { segment };
        let masked = path.split('/').map(segment).collect::<Vec<_>>().join("/");
        // What is said over several segments is in none of them.
        if self.is_in(&masked) { Cow::Borrowed(MASK) } else { Cow::Owned(masked) }
    }

    /// Targets without values and hosts that say something hidden.
    pub fn targets<'t>(&self, targets: &'t [Target]) -> Cow<'t, [Target]> {
        let says =
            |target: &Target| self.is_in(&target.value) || self.is_in(&target.endpoint_domain);
        if !targets.iter().any(says) {
            return Cow::Borrowed(targets);
        }
        let mut targets = targets.to_vec();
        for target in &mut targets {
            for text in [&mut target.value, &mut target.endpoint_domain] {
                if self.is_in(text) {
                    MASK.clone_into(text);
                }
            }
        }
        Cow::Owned(targets)
    }

    /// Whether a text says something hidden, as it stands or escaped for a URL.
    pub(super) fn is_in(&self, text: &str) -> bool {
        if self.0.is_empty() {
            return false;
        }
        let decoded = percent_decode_str(text).decode_utf8_lossy().to_lowercase();
        let raw = text.to_lowercase();
        self.0.iter().any(|hidden| says(&raw, hidden) || says(&decoded, hidden))
    }
}

fn says(text: &str, hidden: &str) -> bool {
    match hidden.len() {
        0 => false,
        1..PART_BYTES_MIN => text.split(|c: char| !c.is_alphanumeric()).any(|word| word == hidden),
        _ => text.contains(hidden),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_path_says_nothing_that_is_hidden() {
        let mut hidden = Hidden::default();
        hidden.add(&json!({ "deep": ["Secret/Code", 7, true, null, ""] }));
        for (path, shown) in [
            ("/v1/a", "/v1/a"),
            ("/v1/secret%2fcode/b", "/v1/***/b"),
            ("/v1/secret/code/b", "***"),
            ("/v1/pin/7", "/v1/pin/***"),
            ("/v17/true", "/v17/true"),
        ] {
            assert_eq!(hidden.path(path), shown, "{path}");
        }
        assert_eq!(Hidden::default().path("/a/***"), "/a/***");
    }
}
