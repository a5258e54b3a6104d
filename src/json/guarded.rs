//! JSON that no reader takes for several lines and no terminal obeys.
//!
//! JSON escapes the control characters of ASCII and leaves the rest as it is: line separators that
//! some readers of lines split at, control characters that terminals obey, and marks that turn the
//! direction of what follows. Here they are escaped, too. What is written says the same to every
//! reader of JSON.

use serde::Serialize;
use serde_json::Serializer;
use serde_json::ser::Formatter;
use std::io::{self, Write};

/// Escapes what stands in strings; the rest of JSON is ASCII.
struct Guarded;

/// Writes a value in one line.
///
/// # Errors
/// The value has no JSON form, or `out` fails.
pub fn to_writer(out: impl Write, value: &impl Serialize) -> serde_json::Result<()> {
    value.serialize(&mut Serializer::with_formatter(out, Guarded))
}

/// The same as text.
///
/// # Errors
/// The value has no JSON form.
pub fn to_text(value: &impl Serialize) -> serde_json::Result<String> {
    let mut out = Vec::new();
    to_writer(&mut out, value)?;
    String::from_utf8(out).map_err(|error| serde::ser::Error::custom(error.utf8_error()))
}

impl Formatter for Guarded {
    fn write_string_fragment<W: ?Sized + Write>(
        &mut self,
        out: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        if fragment.bytes().all(|byte| byte.is_ascii() && byte != 0x7f) {
            return out.write_all(fragment.as_bytes());
        }
        let mut plain = fragment;
        while let Some(at) = plain.find(is_dangerous) {
            let (before, rest) = plain.split_at_checked(at).unwrap_or((plain, ""));
            out.write_all(before.as_bytes())?;
            let mut chars = rest.chars();
            // All of them are in the first plane, where one escape is enough.
            if let Some(c) = chars.next() {
                write!(out, "\\u{:04x}", u32::from(c))?;
            }
            plain = chars.as_str();
        }
        out.write_all(plain.as_bytes())
    }
}

fn is_dangerous(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::to_text;
    use serde_json::{Value, json};

    #[test]
    fn what_is_written_is_one_line_of_plain_text_and_means_the_same() {
        let hostile = "a\n\r\t\0\u{1b}[31m\u{7f}\u{85}\u{9b}2J\u{2028}\u{2029}\u{202e}\u{2066}\"\\ß\u{1f600}é";
        let value = json!({ hostile: [hostile, 1.5, null, { "b": hostile }] });
        let text = to_text(&value).unwrap();
        assert!(text.chars().all(|c| !c.is_control()), "{text}");
        assert!(!text.contains(['\u{2028}', '\u{2029}', '\u{202e}', '\u{2066}']), "{text}");
        assert!(text.contains("ß\u{1f600}é"), "what is harmless stays readable");
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), value);
    }

    #[test]
    fn plain_values_are_written_as_ever() {
        let value = json!({ "a": ["b", 1, 2.5, true, null], "größe": "x\"y" });
        assert_eq!(to_text(&value).unwrap(), serde_json::to_string(&value).unwrap());
    }
}
