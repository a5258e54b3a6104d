//! The hash chain: the only code that makes evidence bytes, and the only that judges them. Pure.
//!
//! A line is one JSON object and an LF. Its last two members are `prev`, the hash of the line
//! before, and `hash` = SHA-256 over the 32 bytes of `prev` and the line as it would be without
//! the member `hash`. The first line of all has the [`Head::genesis`] before it; the first line
//! of a segment the last line of the segment before, so segments need no header.
//!
//! Checking works on the bytes as they are, not on what a JSON parser makes of them: two spellings
//! of one value would otherwise share a hash. Both hashes sit at fixed places from the end, so
//! JSON is parsed only to read `seq`.
//!
//! The chain alone proves order and wholeness to whoever trusts its head. It does not prove
//! authorship: who can write the file can write another chain. Signatures are for that.

use super::line::Line;
use crate::json::Digest;
use std::io;

/// `,"hash":"` 64 hex `"}`: what the hash is not over, but for the closing brace.
const HASH_KEY: &[u8] = b",\"hash\":\"";
/// What stands before the hex of `prev`.
const PREV_KEY: &[u8] = b",\"prev\":\"";
/// A digest in hex.
const HEX_LEN: usize = 64;

/// The end of a chain so far: what the next line continues.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// `seq` of the last line; 0 before the first.
    pub seq: u64,
    /// Its hash.
    pub hash: Digest,
}

/// A line whose own hash is right. That it stands in its place is not said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Whole {
    /// Its place.
    pub(super) head: Head,
    /// The hash of the line before, as it says.
    pub(super) prev: [u8; 32],
    /// The torn bytes that a start line reports; 0 for other lines.
    pub(super) torn_bytes: u64,
}

// === impl Head ===

impl Head {
    /// What the first line of all continues.
    pub fn genesis() -> Head {
        Head { seq: 0, hash: Digest::of(b"gait evidence 1") }
    }
}

// === impl Whole ===

impl Whole {
    /// Reads a line without its LF; `None` unless it is JSON of our shape and its hash is right.
    pub(super) fn read(line: &[u8]) -> Option<Whole> {
        let (body, hash) = split_hex(line.strip_suffix(b"\"}")?, HASH_KEY)?;
        let (_, prev) = split_hex(body.strip_suffix(b"\"")?, PREV_KEY)?;
        let prev = unhex(prev)?;
        let found = Digest::of(&[&prev, body, b"}"].concat());
        if found.to_string().as_bytes() != hash {
            return None;
        }
        let members: serde_json::Value = serde_json::from_slice(line).ok()?;
        let number = |name: &str| members.get(name).and_then(serde_json::Value::as_u64);
        let head = Head { seq: number("seq")?, hash: found };
        Some(Whole { head, prev, torn_bytes: number("torn_bytes").unwrap_or(0) })
    }

    /// Whether it is the line after `head`.
    pub(super) fn continues(&self, head: &Head) -> bool {
        self.prev == *head.hash.as_bytes() && Some(self.head.seq) == head.seq.checked_add(1)
    }
}

/// Gives each line its place after `head`, appends its bytes to `out`, and returns the new head.
pub(super) fn append<'a>(
    head: Head,
    lines: impl IntoIterator<Item = &'a mut Line>,
    out: &mut Vec<u8>,
) -> io::Result<Head> {
    lines.into_iter().try_fold(head, |head, line| append_one(head, line, out))
}

fn append_one(head: Head, line: &mut Line, out: &mut Vec<u8>) -> io::Result<Head> {
    line.seq = head.seq.checked_add(1).ok_or(io::ErrorKind::FileTooLarge)?;
    line.prev = head.hash;
    let mut hashed = head.hash.as_bytes().to_vec();
    serde_json::to_writer(&mut hashed, line)?;
    let hash = Digest::of(&hashed);
    let body = hashed.get(32..).and_then(|json| json.strip_suffix(b"}"));
    out.extend_from_slice(body.ok_or(io::ErrorKind::InvalidData)?);
    out.extend_from_slice(HASH_KEY);
    out.extend_from_slice(hash.to_string().as_bytes());
    out.extend_from_slice(b"\"}\n");
    Ok(Head { seq: line.seq, hash })
}

/// The last whole line in `bytes` and how many bytes stand after its LF. A line that `bytes`
/// begins in the midst of is passed over.
pub(super) fn last_whole(bytes: &[u8]) -> Option<(Head, usize)> {
    let mut rest = bytes;
    while let Some(end) = rest.iter().rposition(|byte| *byte == b'\n') {
        let (before, _) = rest.split_at_checked(end)?;
        let line = before.rsplit(|byte| *byte == b'\n').next().unwrap_or(before);
        if let Some(whole) = Whole::read(line) {
            return Some((whole.head, bytes.len() - end - 1));
        }
        rest = before;
    }
    None
}

/// Splits `… KEY hex` into what is before the key, and the hex.
fn split_hex<'a>(line: &'a [u8], key: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let (line, hex) = line.split_at_checked(line.len().checked_sub(HEX_LEN)?)?;
    Some((line.strip_suffix(key)?, hex))
}

/// Lower-case hex only: one digest, one spelling.
fn unhex(hex: &[u8]) -> Option<[u8; 32]> {
    let digit = |byte: &u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let bytes = hex.chunks_exact(2).map(|pair| match pair {
        [high, low] => Some(digit(high)? * 16 + digit(low)?),
        _ => None,
    });
    bytes.collect::<Option<Vec<u8>>>()?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::super::line::{Entry, Event};
    use super::*;

    fn chain() -> (Vec<Line>, Vec<u8>) {
        let time = "2026-01-02T03:04:05Z".parse().unwrap();
        let event = |torn_bytes| Line::new(time, Entry::Event(Event::Start { torn_bytes }));
        let (mut lines, mut bytes) = (vec![event(0), event(7)], Vec::new());
        append(Head::genesis(), &mut lines, &mut bytes).unwrap();
        (lines, bytes)
    }

    #[test]
    fn a_line_says_its_place_and_continues_the_one_before() {
        let (_, bytes) = chain();
        let mut lines = bytes.split(|byte| *byte == b'\n');
        let first = Whole::read(lines.next().unwrap()).unwrap();
        let second = Whole::read(lines.next().unwrap()).unwrap();
        assert!(first.continues(&Head::genesis()) && second.continues(&first.head));
        assert!(!second.continues(&Head::genesis()));
        assert_eq!((second.head.seq, second.torn_bytes), (2, 7));
    }

    #[test]
    fn the_hash_is_the_documented_one() {
        let (lines, bytes) = chain();
        let line = serde_json::to_string(&lines[0]).unwrap();
        let hash = Digest::of(&[Head::genesis().hash.as_bytes(), line.as_bytes()].concat());
        let expected = format!("{},\"hash\":\"{hash}\"}}\n", line.strip_suffix('}').unwrap());
        assert!(bytes.starts_with(expected.as_bytes()));
    }

    #[test]
    fn the_last_whole_line_is_found_before_any_rubbish() {
        let (_, bytes) = chain();
        let head = last_whole(&bytes).unwrap();
        assert_eq!((head.0.seq, head.1), (2, 0));
        for rubbish in [&b"{\"v\":1,\"se"[..], b"\n", b"{}\n", b"\0\0\n\n\0"] {
            let (found, after) = last_whole(&[&bytes, rubbish].concat()).unwrap();
            assert_eq!((found, after), (head.0, rubbish.len()));
        }
        assert_eq!(last_whole(&bytes[..bytes.len() - 1]).unwrap().0.seq, 1);
        assert_eq!(last_whole(b"\n\n{}\n"), None);
    }

    #[test]
    fn hex_has_one_spelling() {
        assert_eq!(unhex(&[b'f'; 64]), Some([0xff; 32]));
        assert_eq!(unhex(&[b'F'; 64]), None);
        assert_eq!(unhex(&[b'0'; 63]), None);
    }
}
