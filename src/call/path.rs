//! The request target: one spelling, one reading.
//!
//! A target is canonical when hex digits of escapes are upper case and no unreserved character is
//! escaped (RFC 3986, 6.2.2). Those two are mended, because every server reads both spellings
//! alike; the mended form is what is judged and what is forwarded. Whatever two servers could
//! read differently is refused: dot segments, empty segments, escaped separators, backslashes,
//! path parameters, double escapes, controls, invalid UTF-8, and characters that Unicode
//! normalisation would turn into others.
//!
//! Rejected: resolving dot segments or merging slashes, as many proxies do. A caller whose path
//! needs it did not say what it meant.

use super::Malformed;
use percent_encoding::percent_decode_str;
use unicode_normalization::UnicodeNormalization;

/// Path segments of one request, at most.
const SEGMENTS_MAX: usize = 256;

/// A canonical path and query, with the path's decoded segments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Path, and `?query` where there is one: the bytes that are forwarded.
    text: String,
    path_len: usize,
    segments: Vec<String>,
}

impl Target {
    /// Reads a raw path and query.
    ///
    /// # Errors
    /// The first thing in it that two servers could read differently.
    pub fn read(path: &str, query: Option<&str>) -> Result<Target, Malformed> {
        let mut text = canonical(path, path_byte)?;
        let segments = segments(&text)?;
        let path_len = text.len();
        if let Some(query) = query {
            text.push('?');
            text.push_str(&canonical(query, query_byte).map_err(|_| Malformed::Query)?);
        }
        Ok(Target { text, path_len, segments })
    }

    /// A target without a reading: no segments, so that no route can match it.
    pub fn as_came(text: &str) -> Target {
        let path_len = text.find('?').unwrap_or(text.len());
        Target { text: text.to_owned(), path_len, segments: Vec::new() }
    }

    /// Path and query as forwarded.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The path alone, canonical.
    pub fn path(&self) -> &str {
        self.text.get(..self.path_len).unwrap_or_default()
    }

    /// The query without its `?`, canonical.
    pub fn query(&self) -> Option<&str> {
        self.text.get(self.path_len + 1..)
    }

    /// Decoded segments; a trailing slash gives an empty last one.
    pub fn segments(&self) -> &[String] {
        &self.segments
    }
}

/// Makes escapes canonical; every literal byte must pass `allowed`.
fn canonical(raw: &str, allowed: fn(u8) -> bool) -> Result<String, Malformed> {
    let mut out = String::with_capacity(raw.len());
    let mut bytes = raw.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'%' => {
                let value = escape(bytes.next(), bytes.next()).ok_or(Malformed::PathEscape)?;
                push_escaped(&mut out, value);
            }
            _ if allowed(byte) => out.push(char::from(byte)),
            _ => return Err(Malformed::PathCharacter),
        }
    }
    Ok(out)
}

/// The byte that two hex digits stand for.
fn escape(high: Option<u8>, low: Option<u8>) -> Option<u8> {
    let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
    u8::try_from(digit(high)? * 16 + digit(low)?).ok()
}

/// Writes an escaped byte in canonical form.
fn push_escaped(out: &mut String, value: u8) {
    if is_unreserved(value) {
        out.push(char::from(value));
    } else {
        const HEX: [char; 16] =
            ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'A', 'B', 'C', 'D', 'E', 'F'];
        let digit = |nibble: u8| HEX.get(usize::from(nibble)).copied().unwrap_or('0');
        out.extend(['%', digit(value >> 4), digit(value & 15)]);
    }
}

/// RFC 3986, 2.3.
fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~".contains(&byte)
}

/// Literal bytes a path may hold: pchar and the slash (RFC 3986, 3.3), without `;`.
fn path_byte(byte: u8) -> bool {
    is_unreserved(byte) || b"/!$&'()*+,=:@".contains(&byte)
}

/// Literal bytes a query may hold: printable ASCII that no server takes for structure elsewhere.
fn query_byte(byte: u8) -> bool {
    byte.is_ascii_graphic() && !b"#\\<>\"".contains(&byte)
}

/// Splits a canonical path and decodes each segment.
fn segments(path: &str) -> Result<Vec<String>, Malformed> {
    let rest = path.strip_prefix('/').ok_or(Malformed::PathNotAbsolute)?;
    let count = rest.split('/').count();
    if count > SEGMENTS_MAX {
        return Err(Malformed::PathSegments);
    }
    let mut segments = Vec::with_capacity(count);
    for (index, raw) in rest.split('/').enumerate() {
        if raw.is_empty() && index + 1 < count {
            return Err(Malformed::PathEmptySegment);
        }
        segments.push(segment(raw)?);
    }
    Ok(segments)
}

/// Decodes one segment and refuses what another reader could take for something else.
fn segment(raw: &str) -> Result<String, Malformed> {
    let text = percent_decode_str(raw).decode_utf8().map_err(|_| Malformed::PathEncoding)?;
    if is_dots(&text) {
        return Err(Malformed::PathDotSegment);
    }
    if text.contains(['/', '\\', ';']) {
        return Err(Malformed::PathEncodedSeparator);
    }
    if has_escape(&text) {
        return Err(Malformed::PathDoubleEscape);
    }
    if text.trim() != text {
        return Err(Malformed::PathWhitespace);
    }
    unicode(&text)?;
    Ok(text.into_owned())
}

/// Dots, and what some file system drops behind them: Windows opens `..+`, read as `.. `, and `...`
/// as `..`.
fn is_dots(text: &str) -> bool {
    text.contains('.') && text.bytes().all(|byte| b". +".contains(&byte))
}

/// Slashes of other scripts that NFKC keeps and a best-fit conversion to a code page does not.
fn is_slash_like(c: char) -> bool {
    matches!(c, '\u{2044}' | '\u{2215}' | '\u{2216}' | '\u{29F5}' | '\u{29F8}' | '\u{29F9}')
}

/// Whether the decoded text would decode once more.
fn has_escape(text: &str) -> bool {
    text.split('%').skip(1).any(|after| {
        let mut bytes = after.bytes();
        let first = bytes.next();
        escape(first, bytes.next()).is_some() || first == Some(b'u') || first == Some(b'U')
    })
}

/// Refuses controls, invisible characters, and text that normalisation changes into syntax.
fn unicode(text: &str) -> Result<(), Malformed> {
    if text.is_ascii() {
        let control = text.bytes().any(|byte| byte.is_ascii_control());
        return if control { Err(Malformed::PathControl) } else { Ok(()) };
    }
    if text.chars().any(|c| c.is_control() || is_format(c)) {
        return Err(Malformed::PathControl);
    }
    if !text.nfc().eq(text.chars()) || text.chars().any(is_slash_like) {
        return Err(Malformed::PathNormalisation);
    }
    let folded: String = text.nfkc().collect();
    let syntax = |text: &str| text.chars().filter(|c| "./\\%;?#".contains(*c)).count();
    if syntax(&folded) != syntax(text) {
        return Err(Malformed::PathNormalisation);
    }
    Ok(())
}

/// Characters of category Cf (and the noncharacters): they can hide a difference from a reader.
fn is_format(c: char) -> bool {
    matches!(c,
        '\u{AD}' | '\u{600}'..='\u{605}' | '\u{61C}' | '\u{6DD}' | '\u{70F}' | '\u{890}'..='\u{891}'
        | '\u{8E2}' | '\u{180E}' | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}'
        | '\u{2060}'..='\u{206F}' | '\u{FEFF}' | '\u{FFF9}'..='\u{FFFB}' | '\u{110BD}' | '\u{110CD}'
        | '\u{13430}'..='\u{1343F}' | '\u{1BCA0}'..='\u{1BCA3}' | '\u{1D173}'..='\u{1D17A}'
        | '\u{E0000}'..='\u{E0FFF}' | '\u{FFFE}' | '\u{FFFF}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(target: &str) -> Result<Target, Malformed> {
        match target.split_once('?') {
            Some((path, query)) => Target::read(path, Some(query)),
            None => Target::read(target, None),
        }
    }

    #[test]
    fn two_spellings_become_one() {
        let target = read("/%61%2d%2D/%c3%a9?%6dode=%2f").unwrap();
        assert_eq!(target.as_str(), "/a--/%C3%A9?mode=%2F");
        assert_eq!(target.path(), "/a--/%C3%A9");
        assert_eq!(target.query(), Some("mode=%2F"));
        assert_eq!(target.segments(), ["a--", "é"]);
        assert_eq!(read("/").unwrap().segments(), [""]);
        assert_eq!(read("/a/").unwrap().segments(), ["a", ""]);
        assert_eq!(read("/a?").unwrap().query(), Some(""));
        assert_eq!(read("/v1/items%3Adelete").unwrap().segments(), ["v1", "items:delete"]);
    }

    #[test]
    fn what_two_servers_read_differently_is_refused() {
        use Malformed::*;
        let rows = [
            ("a", PathNotAbsolute),
            ("//a", PathEmptySegment),
            ("/a//b", PathEmptySegment),
            ("/a/../b", PathDotSegment),
            ("/a/%2e%2E/b", PathDotSegment),
            ("/a/.", PathDotSegment),
            ("/a/..+/b", PathDotSegment),
            ("/a/.../b", PathDotSegment),
            ("/a/..%E2%88%95b", PathNormalisation),
            ("/a/..%E2%81%84b", PathNormalisation),
            ("/a%2fb", PathEncodedSeparator),
            ("/a%5Cb", PathEncodedSeparator),
            ("/a%3bx", PathEncodedSeparator),
            ("/a;x", PathCharacter),
            ("/a\\b", PathCharacter),
            ("/a b", PathCharacter),
            ("/a%252e", PathDoubleEscape),
            ("/a%25u002e", PathDoubleEscape),
            ("/a%u002e", PathEscape),
            ("/a%2", PathEscape),
            ("/a%", PathEscape),
            ("/a%00", PathControl),
            ("/a%7f", PathControl),
            ("/a%20", PathWhitespace),
            ("/%C2%A0a", PathWhitespace),
            ("/%c0%af", PathEncoding),
            ("/e%CC%81", PathNormalisation),
            ("/%EF%BC%8E%EF%BC%8E", PathNormalisation),
            ("/a%E2%80%8Bb", PathControl),
            ("/a?x=\\", Query),
            ("/a?x=%zz", Query),
        ];
        for (target, want) in rows {
            assert_eq!(read(target), Err(want), "{target}");
        }
    }

    proptest::proptest! {
        #[test]
        fn reading_the_canonical_form_changes_nothing(raw in "/[ -~]{0,24}") {
            if let Ok(target) = read(&raw) {
                let again = read(target.as_str());
                proptest::prop_assert_eq!(again, Ok(target));
            }
        }
    }
}
