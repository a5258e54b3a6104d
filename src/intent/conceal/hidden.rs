//! Texts that are hidden, and the texts that say one of them.

use percent_encoding::percent_decode_str;
use serde_json::Value;

/// What stands in the place of a masked value.
pub const MASK: &str = "***";

/// A shorter text is looked for as a whole word: as a part of one it would be found everywhere.
const PART_BYTES_MIN: usize = 4;

/// Of a longer text so much is looked for: what says all of it says its beginning.
const PART_CHARS_MAX: usize = 64;

/// Texts that nobody is to be shown, as they are gathered; in lower case.
#[derive(Debug, Default)]
pub(super) struct Secrets(Vec<String>);

/// Texts that nobody is shown, in lower case and in order. A text is looked through once however
/// many they are: callers choose both.
#[derive(Debug, Default)]
pub struct Hidden {
    /// None of them is how another begins.
    parts: Vec<String>,
    /// Shorter than a part.
    words: Vec<String>,
}

// === impl Secrets ===

impl Secrets {
    /// Adds all texts and numbers of `value`.
    pub(super) fn add(&mut self, value: &Value) {
        match value {
            Value::String(text) => self.0.push(text.to_lowercase()),
            Value::Number(number) => self.0.push(number.to_string()),
            Value::Array(items) => items.iter().for_each(|item| self.add(item)),
            Value::Object(members) => members.values().for_each(|member| self.add(member)),
            Value::Null | Value::Bool(_) => {}
        }
    }

    /// Ready to be looked for.
    pub(super) fn hide(self) -> Hidden {
        let texts = self.0.into_iter().filter(|text| !text.is_empty());
        let (mut words, mut parts): (Vec<_>, Vec<_>) =
            texts.partition(|text| text.len() < PART_BYTES_MIN);
        for part in &mut parts {
            *part = part.chars().take(PART_CHARS_MAX).collect();
        }
        parts.sort_unstable();
        // Behind a text, in order, stand all that begin with it: it is found wherever they are.
        parts.dedup_by(|part, before| part.starts_with(before.as_str()));
        words.sort_unstable();
        Hidden { parts, words }
    }
}

// === impl Hidden ===

impl Hidden {
    /// Whether nothing is hidden.
    pub(super) fn is_empty(&self) -> bool {
        self.parts.is_empty() && self.words.is_empty()
    }

    /// Whether a text says something hidden, as it stands or escaped for a URL.
    pub(super) fn is_in(&self, text: &str) -> bool {
        if self.is_empty() {
            return false;
        }
        let says = |text: &str| self.is_said(&text.to_lowercase());
        says(text)
            || text.contains('%') && says(&percent_decode_str(text).decode_utf8_lossy())
            || text.contains('+') && says(&form(text))
    }

    fn is_said(&self, text: &str) -> bool {
        let begins = |(at, _)| text.get(at..).is_some_and(|rest| self.begins(rest));
        let is_word =
            |word: &str| self.words.binary_search_by(|one| one.as_str().cmp(word)).is_ok();
        !self.parts.is_empty() && text.char_indices().any(begins)
            || !self.words.is_empty() && text.split(|c: char| !c.is_alphanumeric()).any(is_word)
    }

    /// Whether a text begins with a part. Only the last part that does not stand behind the text can
    /// be its beginning: what stands between a beginning and the text begins with it, too.
    fn begins(&self, text: &str) -> bool {
        let behind = self.parts.partition_point(|part| part.as_str() <= text);
        let last = behind.checked_sub(1).and_then(|last| self.parts.get(last));
        last.is_some_and(|part| text.starts_with(part.as_str()))
    }
}

/// A text as forms escape it, without the escapes.
pub(super) fn form(text: &str) -> String {
    let spaced = text.replace('+', " ");
    percent_decode_str(&spaced).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use serde_json::json;

    /// All texts and numbers of a value.
    pub(in crate::intent::conceal) fn hidden(value: &Value) -> Hidden {
        let mut secrets = Secrets::default();
        secrets.add(value);
        secrets.hide()
    }

    #[test]
    fn each_of_many_is_found_at_any_place() {
        let long = format!("{}z", "long\u{e9}".repeat(40));
        let hidden = hidden(&json!(["abcd", "abcde", "abce", "B\u{e4}r!", "zzzz", long, "no", 12]));
        for text in [
            "abcd",
            "-abcdx",
            "xabcexx",
            "the b\u{c4}R!",
            "zzzzz",
            "so no.",
            "12",
            "x%61bcd",
            "x+12",
        ] {
            assert!(hidden.is_in(text), "{text}");
        }
        assert!(hidden.is_in(&format!("in {long}")));
        for text in ["", "abc", "abcf", "ab cd", "b\u{e4}r", "not", "112", "long\u{e9}"] {
            assert!(!hidden.is_in(text), "{text}");
        }
    }

    /// A search for each by itself would take minutes.
    #[test]
    fn a_text_is_looked_through_once_for_all() {
        let many: Vec<String> = (0..300_000).map(|n| format!("{n:06}x")).collect();
        assert!(!hidden(&json!(many)).is_in(&"0".repeat(1 << 18)));
    }
}
