//! What may become a fact about a caller: short plain text that shows as what it is.
//!
//! Intents trim their text, and people read it before they approve. A name that differs from
//! another only in what is trimmed or not seen would be that other to both.

/// No fact about a caller is longer.
const BYTES_MAX: usize = 512;

/// Whether `text` is not empty, not too long, and has neither space around it nor characters that
/// do not show.
pub fn is_plain(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= BYTES_MAX
        && text.trim() == text
        && !text.chars().any(|c| c.is_control() || is_hidden(c))
}

/// Joiners, marks of direction, line separators, fillers and variation selectors.
fn is_hidden(c: char) -> bool {
    matches!(
        c,
        '\u{ad}'
            | '\u{34f}'
            | '\u{61c}'
            | '\u{115f}'..='\u{1160}'
            | '\u{17b4}'..='\u{17b5}'
            | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}'
            | '\u{ffa0}'
            | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e0fff}'
    )
}

#[cfg(test)]
mod tests {
    use super::is_plain;

    #[test]
    fn names_show_as_what_they_are() {
        for text in ["ada", "Ada Lovelace", "zoë@example.com", "名前", &"x".repeat(512)] {
            assert!(is_plain(text), "{text}");
        }
        for text in ["", " ada", "ada\u{a0}", "a\nb", "a\0", "a\u{85}b", "a\u{200b}da"] {
            assert!(!is_plain(text), "{text:?}");
        }
        for text in ["ada\u{3164}", "ada\u{fe0f}", "a\u{34f}da", "ada\u{e0100}"] {
            assert!(!is_plain(text), "{text:?}");
        }
        for text in ["\u{202e}ada", "\u{feff}ada", &"x".repeat(513)] {
            assert!(!is_plain(text), "{text:?}");
        }
    }
}
