//! The string primitives of the public formats (spec C1.1).
//!
//! Everything that a policy compares with an intent goes through these, on both sides. Lowering
//! is one-to-one: `str::to_lowercase` knows contexts and expansions, and the digests do not.

use std::borrow::Cow;

/// User input in an error text is cut after this many characters.
const SHOWN_CHARS_MAX: usize = 64;

/// Maps every code point by its simple lower-case mapping: U+0130 becomes `i`, U+03A3 always
/// U+03C3, U+212A `k`.
pub(crate) fn lower(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    // Only U+0130 has an expansion, and its first character is its simple mapping.
    text.chars().map(|c| c.to_lowercase().next().unwrap_or(c)).collect()
}

/// [`lower`], without a copy where that changes nothing.
pub(crate) fn lowered(text: &str) -> Cow<'_, str> {
    if is_low(text) { Cow::Borrowed(text) } else { Cow::Owned(lower(text)) }
}

/// Whether lowering changes nothing, as far as ASCII tells.
pub(crate) fn is_low(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii() && !byte.is_ascii_uppercase())
}

/// Without leading and trailing White_Space; keeps the allocation where there is none.
pub(crate) fn trimmed(text: String) -> String {
    let kept = text.trim();
    if kept.len() == text.len() { text } else { kept.to_owned() }
}

/// Trimmed and lowered; keeps the allocation where that changes nothing.
pub(crate) fn word(text: String) -> String {
    let text = trimmed(text);
    if is_low(&text) { text } else { lower(&text) }
}

/// Trimmed, without empty and equal items, in byte order.
pub(crate) fn list(items: Vec<String>) -> Vec<String> {
    unique(items.into_iter().map(trimmed).collect())
}

/// As [`list`], lowered before items are compared.
pub(crate) fn lowlist(items: Vec<String>) -> Vec<String> {
    unique(items.into_iter().map(word).collect())
}

/// A path without `.`, `..` and empty elements, by its text alone: links are not followed. The
/// empty path is `.`; nothing is above the root.
pub(crate) fn clean_path(path: &str) -> String {
    let is_rooted = path.starts_with('/');
    let mut kept: Vec<&str> = Vec::new();
    for element in path.split('/').filter(|element| !matches!(*element, "" | ".")) {
        match kept.last() {
            Some(last) if element == ".." && *last != ".." => drop(kept.pop()),
            None if element == ".." && is_rooted => {}
            _ => kept.push(element),
        }
    }
    let joined = kept.join("/");
    match joined.as_str() {
        _ if is_rooted => format!("/{joined}"),
        "" => ".".to_owned(),
        _ => joined,
    }
}

/// At most the first 64 characters, for an error text.
pub(crate) fn shown(text: &str) -> String {
    text.chars().take(SHOWN_CHARS_MAX).collect()
}

fn unique(mut items: Vec<String>) -> Vec<String> {
    items.retain(|item| !item.is_empty());
    items.sort_unstable();
    items.dedup();
    items
}

#[cfg(test)]
mod tests {
    use super::{clean_path, list, lower, lowlist, word};

    #[test]
    fn lowering_is_one_to_one() {
        assert_eq!(lower("\u{130}X"), "ix");
        assert_eq!(lower("ΟΔΟΣ"), "οδοσ");
        assert_eq!(lower("\u{212a}ELVIN"), "kelvin");
        assert_eq!(lower("STRASSE ß"), "strasse ß");
    }

    #[test]
    fn trimming_takes_white_space_and_nothing_else() {
        assert_eq!(word("\u{a0}\u{85}\u{2003}\u{3000}A ".to_owned()), "a");
        assert_eq!(word("\u{200b}A\u{feff}".to_owned()), "\u{200b}a\u{feff}");
    }

    #[test]
    fn lists_are_sets_in_byte_order() {
        let items = || ["b", " a ", "", "B", "a", " "].map(str::to_owned).to_vec();
        assert_eq!(list(items()), ["B", "a", "b"]);
        assert_eq!(lowlist(items()), ["a", "b"]);
    }
    #[test]
    fn paths_are_cleaned_by_their_text() {
        for (path, clean) in [
            ("", "."),
            (".", "."),
            ("./", "."),
            ("a/..", "."),
            ("a//b/./c/", "a/b/c"),
            ("/", "/"),
            ("//", "/"),
            ("/..", "/"),
            ("/../../a", "/a"),
            ("/x/../data/f", "/data/f"),
            ("../a", "../a"),
            ("a/../../b/..", ".."),
            ("../../a/../..", "../../.."),
            ("..a/...", "..a/..."),
            ("a\\..\\b", "a\\..\\b"),
        ] {
            assert_eq!(clean_path(path), clean, "{path}");
            assert_eq!(clean_path(clean), clean, "{path}");
        }
    }
}
