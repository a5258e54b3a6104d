//! The log, one line an event.
//!
//! Some of what is logged was written by others: the errors of tools, of webhooks and of whoever
//! serves keys, and what libraries say at their loudest. In the text form a line break in it would
//! begin a line that looks like one of ours, so line breaks are escaped on the way out. Terminal
//! escapes in it are escaped already, by the formatter.

use std::borrow::Cow;
use std::io::{self, Write};

/// Writes each event as one line. The formatter hands over a whole event at a time.
pub(super) struct OneLine<W>(pub(super) W);

impl<W: Write> Write for OneLine<W> {
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        let text = event.strip_suffix(b"\n").unwrap_or(event);
        let mut line = escaped(&String::from_utf8_lossy(text)).into_owned();
        line.push('\n');
        self.0.write_all(line.as_bytes())?;
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// A text without what any reader takes for the end of a line.
fn escaped(text: &str) -> Cow<'_, str> {
    let is_break =
        |c| matches!(c, '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}');
    if !text.contains(is_break) {
        return Cow::Borrowed(text);
    }
    let mut line = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match is_break(c) {
            true => line.extend(c.escape_default()),
            false => line.push(c),
        }
    }
    Cow::Owned(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_one_line_whatever_stands_in_it() {
        let mut out = Vec::new();
        let events = [
            "2026-01-02T03:04:05Z  WARN gait: a plain one\n",
            "a\nb\r\nc\u{2028}d\u{2029}e\u{85}f\u{b}g\u{c}h\n",
            "größe\t\"x\"\n",
        ];
        for event in events {
            OneLine(&mut out).write_all(event.as_bytes()).unwrap();
        }
        let wanted = "2026-01-02T03:04:05Z  WARN gait: a plain one\n\
                      a\\nb\\r\\nc\\u{2028}d\\u{2029}e\\u{85}f\\u{b}g\\u{c}h\n\
                      größe\t\"x\"\n";
        assert_eq!(String::from_utf8(out).unwrap(), wanted);
    }
}
