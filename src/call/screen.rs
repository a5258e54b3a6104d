//! Looks for `_method` in the body of a POST, as it streams by.
//!
//! Rails, Laravel, Symfony and Express can be told by a form field, a part, or a JSON member of
//! that name to take a POST for a DELETE: a call judged as a comment would be executed as the
//! deletion of the file. So the name is refused as a key, in whatever way a reader would decode it
//! (`%5f`, `\u005f`, PHP's `.method`), wherever a key can stand, and whatever the content type
//! says. Rejected: parsing each media type, since the tool picks its parser by its own rules.

use serde_json::Value;

const NAME: &[u8] = b"_method";

/// Whether a stream is looked through, and how far that has come.
#[derive(Clone, Debug)]
pub enum Screen {
    /// It is not: every route of its tool observes, or it is no POST.
    Off,
    /// It is.
    On(Search),
}

/// The state of a search between two pieces.
#[derive(Clone, Debug)]
pub struct Search {
    escape: Escape,
    /// Letters of the name that have matched.
    matched: usize,
    /// Whether a key may begin here.
    at_key: bool,
}

/// An escape that is being read.
#[derive(Clone, Copy, Debug)]
enum Escape {
    None,
    /// After a backslash.
    Backslash,
    /// Hex digits to come, and their value so far.
    Hex(u8, u32),
}

impl Screen {
    /// Looks through the next piece; true once the name stands in it as a key.
    pub fn finds(&mut self, piece: &[u8]) -> bool {
        match self {
            Screen::Off => false,
            Screen::On(search) => piece.iter().any(|byte| search.step(*byte)),
        }
    }
}

/// Whether a whole body asks for another method.
pub fn asks_for_a_method(body: &[u8]) -> bool {
    Screen::On(Search::default()).finds(body)
}

/// The same for a body that was read: frameworks look at the outermost members alone.
pub fn names_a_method(value: &Value) -> bool {
    let names = |name: &String| asks_for_a_method(format!("{name}=").as_bytes());
    value.as_object().is_some_and(|members| members.keys().any(names))
}

impl Default for Search {
    fn default() -> Search {
        Search { escape: Escape::None, matched: 0, at_key: true }
    }
}

impl Search {
    fn step(&mut self, byte: u8) -> bool {
        match (self.escape, byte) {
            // UTF-16 puts one beside each letter; nothing else holds any.
            (_, 0) => false,
            (Escape::None, b'%') => self.wait_for(Escape::Hex(2, 0)),
            (Escape::None, b'\\') => self.wait_for(Escape::Backslash),
            (Escape::None, byte) => self.letter(byte),
            (Escape::Backslash, b'u') => self.wait_for(Escape::Hex(4, 0)),
            // An escaped quote stands inside a string: no key begins or ends there.
            (Escape::Backslash, _) => {
                self.escape = Escape::None;
                self.letter(b'x')
            }
            (Escape::Hex(left, value), byte) => self.digit(left, value, byte),
        }
    }

    fn wait_for(&mut self, escape: Escape) -> bool {
        self.escape = escape;
        false
    }

    fn digit(&mut self, left: u8, value: u32, byte: u8) -> bool {
        let Some(digit) = char::from(byte).to_digit(16) else {
            // No escape after all: what began it was an ordinary character.
            self.escape = Escape::None;
            return self.letter(b'x') || self.step(byte);
        };
        let value = value << 4 | digit;
        if left > 1 {
            return self.wait_for(Escape::Hex(left - 1, value));
        }
        self.escape = Escape::None;
        self.letter(u8::try_from(value).unwrap_or(b'x'))
    }

    /// Takes a decoded character.
    fn letter(&mut self, byte: u8) -> bool {
        if self.matched == NAME.len() && !(byte.is_ascii_alphanumeric() || b"_-.".contains(&byte)) {
            return true;
        }
        let letter = match (self.matched, byte) {
            (0, b'.' | b'[') => b'_',
            (_, byte) => byte.to_ascii_lowercase(),
        };
        let goes_on = self.matched > 0 || self.at_key;
        self.matched = match NAME.get(self.matched) {
            Some(next) if goes_on && *next == letter => self.matched + 1,
            _ => 0,
        };
        let blank = byte.is_ascii_whitespace() || byte == b'+';
        self.at_key = b"&;\"'=\n".contains(&byte) || blank && self.at_key;
        false
    }
}

#[cfg(test)]
mod tests {
    use super::{Screen, Search, names_a_method};
    use serde_json::json;

    fn finds(body: &[u8], piece_bytes: usize) -> bool {
        let mut screen = Screen::On(Search::default());
        body.chunks(piece_bytes).any(|piece| screen.finds(piece))
    }

    #[test]
    fn the_name_is_found_as_a_key_however_it_is_written_and_cut() {
        let utf16: Vec<u8> =
            "{\"_method\":\"DELETE\"}".encode_utf16().flat_map(u16::to_le_bytes).collect();
        let bodies: [&[u8]; 16] = [
            b"_method=DELETE",
            b"a=1&_method=DELETE",
            b"a=1& _method=DELETE",
            b"a=1&+_METHOD=DELETE",
            b"a=1;_method=DELETE",
            b"a=%&%5fm%65thod=DELETE",
            b"_method[]=DELETE",
            b".method=DELETE",
            b"[method=DELETE",
            b"{\"a\":1,\"_method\":\"DELETE\"}",
            b"{\"\\u005fmethod\" : \"DELETE\"}",
            b"{\"a\":\"\\\\\",\"_method\":\"DELETE\"}",
            b"--b\r\nContent-Disposition: form-data; name=\"_method\"\r\n\r\nDELETE\r\n--b--",
            b"--b\r\nContent-Disposition: form-data; name=_method\r\n\r\nDELETE\r\n--b--",
            b"__method=1&_method=DELETE",
            &utf16,
        ];
        for body in bodies {
            for piece_bytes in [1, 2, 3, 7, 1024] {
                assert!(finds(body, piece_bytes), "{} by {piece_bytes}", body.escape_ascii());
            }
        }
    }

    #[test]
    fn members_are_names_and_values_are_not() {
        for body in [json!({"_method": "DELETE"}), json!({"a": 1, "_Method": 1})] {
            assert!(names_a_method(&body), "{body}");
        }
        for body in [json!({"a": "_method=DELETE"}), json!({"a": {"_method": 1}}), json!([1])] {
            assert!(!names_a_method(&body), "{body}");
        }
    }

    #[test]
    fn other_names_and_mere_text_pass() {
        let bodies: [&[u8]; 8] = [
            b"",
            b"{\"payment_method\":\"card\",\"_methods\":1,\"_method_x\":2}",
            b"{\"note\":\"call the _method helper, or x.method()\"}",
            b"{\"note\":\"say \\\"_method\\\" aloud\"}",
            b"shipping_method=air&method=x",
            b"100% sure about _method=DELETE",
            b"\xff\xfe%5",
            b"a=1&_metho",
        ];
        for body in bodies {
            assert!(!finds(body, 1) && !finds(body, 1024), "{}", body.escape_ascii());
        }
    }
}
