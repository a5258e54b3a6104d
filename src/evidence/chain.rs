//! The hash chain: the only code that makes evidence bytes, and the only that judges them. Pure.
//!
//! A line is one JSON object and an LF. Its last two members are `prev`, the hash of the line
//! before, and `hash` = SHA-256 over the 32 bytes of `prev` and the line as it would be without
//! the member `hash`. The first line of all has the [`Head::genesis`] before it; the first line
//! of a segment the last line of the segment before, so segments need no header.
//!
//! A signed line has two members more before `prev`: `key_id` and `sig`. What is signed is the
//! statement: SHA-256 over [`DOMAIN`], the 32 bytes of `prev`, and the line up to `,"sig"`. So
//! one signature speaks for the line and, by the chain, for all before it.
//!
//! Checking works on the bytes as they are, not on what a JSON parser makes of them: two spellings
//! of one value would otherwise share a hash. Hashes and signature sit at fixed places from the
//! end, `seq` and `kind` at fixed places from the start, so that no JSON is parsed here.
//!
//! Rejected: a signature in a file beside the log, which a copy of the log forgets; one on each
//! line, which would cost a signature a call where a group commit needs one a batch.

use super::line::Line;
use crate::json::{Digest, guarded};
use crate::sign::{PrivateKey, PublicKey, Refusal, Signature};
use std::io;

/// What a line begins with: its version, then its place.
const SEQ_KEY: &[u8] = b"{\"v\":1,\"seq\":";
/// What stands between `seq` and the word of `kind`.
const KIND_KEY: &[u8] = b",\"kind\":\"";
/// `,"hash":"` 64 hex `"}`: what the hash is not over, but for the closing brace.
const HASH_KEY: &[u8] = b",\"hash\":\"";
/// What stands before the hex of `prev`.
const PREV_KEY: &[u8] = b",\"prev\":\"";
/// What stands before the base64 of a signature.
const SIG_KEY: &[u8] = b",\"sig\":\"";
/// What stands before the hex of a key's id.
const KEY_ID_KEY: &[u8] = b",\"key_id\":\"";
/// A digest in hex.
const HEX_LEN: usize = 64;
/// A signature in base64.
const SIG_LEN: usize = 88;
/// Keeps a signature of the log from being taken for one of a token or a trace.
const DOMAIN: &[u8] = b"gait evidence signature 1";
/// Stands in the place of a signature that is not made yet.
const UNSIGNED: [u8; SIG_LEN] = [b'A'; SIG_LEN];

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
pub(super) struct Whole<'a> {
    /// Its place.
    pub(super) head: Head,
    /// The hash of the line before, as it says.
    pub(super) prev: [u8; 32],
    /// The word that says what it tells.
    pub(super) kind: &'a str,
    /// The signature, where it has one; nothing is said of whether it holds.
    pub(super) stamp: Option<Stamp<'a>>,
}

/// The signature on a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp<'a> {
    /// Id of the key that is said to have made it, hex.
    pub(super) key_id: &'a str,
    sig: &'a str,
    statement: Digest,
}

// === impl Head ===

impl Head {
    /// What the first line of all continues.
    pub fn genesis() -> Head {
        Head { seq: 0, hash: Digest::of(b"gait evidence 1") }
    }
}

// === impl Whole ===

impl<'a> Whole<'a> {
    /// Reads a line without its LF; `None` unless it has our shape and its hash is right.
    pub(super) fn read(line: &'a [u8]) -> Option<Whole<'a>> {
        let (body, hash) = split_end(line.strip_suffix(b"\"}")?, HASH_KEY, HEX_LEN)?;
        let (said, prev) = split_end(body.strip_suffix(b"\"")?, PREV_KEY, HEX_LEN)?;
        let prev = unhex(prev)?;
        let found = Digest::of_parts(&[&prev, body, b"}"]);
        if found.as_bytes() != &unhex(hash)? {
            return None;
        }
        let (seq, kind) = place(said)?;
        Some(Whole { head: Head { seq, hash: found }, prev, kind, stamp: Stamp::read(&prev, said) })
    }

    /// Whether it is the line after `head`.
    pub(super) fn continues(&self, head: &Head) -> bool {
        self.prev == *head.hash.as_bytes() && Some(self.head.seq) == head.seq.checked_add(1)
    }
}

// === impl Stamp ===

impl<'a> Stamp<'a> {
    /// Reads what stands before `prev` of a signed line.
    fn read(prev: &[u8; 32], said: &'a [u8]) -> Option<Stamp<'a>> {
        let (stated, sig) = split_end(said.strip_suffix(b"\"")?, SIG_KEY, SIG_LEN)?;
        let (_, key_id) = split_end(stated.strip_suffix(b"\"")?, KEY_ID_KEY, HEX_LEN)?;
        let (key_id, sig) = (str::from_utf8(key_id).ok()?, str::from_utf8(sig).ok()?);
        Some(Stamp { key_id, sig, statement: statement(prev, stated) })
    }

    /// Whether `key` made it.
    ///
    /// # Errors
    /// Says why not.
    pub(super) fn verify(&self, key: &PublicKey) -> Result<(), Refusal> {
        let signature = Signature {
            alg: "ed25519".to_owned(),
            key_id: self.key_id.to_owned(),
            sig: self.sig.to_owned(),
            signed_digest: self.statement.to_string(),
        };
        key.verify(&signature, self.statement.as_bytes())
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

/// The same for one line that `key` signs.
pub(super) fn append_signed(
    head: Head,
    line: &mut Line,
    key: &PrivateKey,
    out: &mut Vec<u8>,
) -> io::Result<Head> {
    line.stamp = Some(Signature {
        key_id: key.id().to_owned(),
        sig: String::from_utf8_lossy(&UNSIGNED).into_owned(),
        ..Signature::default()
    });
    let mut hashed = placed(head, line)?;
    let (prev, json) = hashed.split_at_checked(32).ok_or(io::ErrorKind::InvalidData)?;
    let prev: [u8; 32] = prev.try_into().map_err(|_| io::ErrorKind::InvalidData)?;
    // `"}` and `,"prev":"` with its hex stand behind the signature's closing quote.
    let behind = SIG_LEN + 1 + PREV_KEY.len() + HEX_LEN + 2;
    let at = json.len().checked_sub(behind).ok_or(io::ErrorKind::InvalidData)?;
    let stated = json.get(..at).and_then(|json| json.strip_suffix(SIG_KEY));
    let stamp = key.sign(statement(&prev, stated.ok_or(io::ErrorKind::InvalidData)?).as_bytes());
    let place = hashed.get_mut(32 + at..32 + at + SIG_LEN).ok_or(io::ErrorKind::InvalidData)?;
    if stamp.sig.len() != SIG_LEN {
        return Err(io::ErrorKind::InvalidData.into());
    }
    place.copy_from_slice(stamp.sig.as_bytes());
    line.stamp = Some(stamp);
    finish(line, &hashed, out)
}

fn append_one(head: Head, line: &mut Line, out: &mut Vec<u8>) -> io::Result<Head> {
    let hashed = placed(head, line)?;
    finish(line, &hashed, out)
}

/// `prev` and the JSON of a line in its place: what its hash is over.
fn placed(head: Head, line: &mut Line) -> io::Result<Vec<u8>> {
    line.seq = head.seq.checked_add(1).ok_or(io::ErrorKind::FileTooLarge)?;
    line.prev = head.hash;
    let mut hashed = head.hash.as_bytes().to_vec();
    guarded::to_writer(&mut hashed, line)?;
    Ok(hashed)
}

fn finish(line: &Line, hashed: &[u8], out: &mut Vec<u8>) -> io::Result<Head> {
    let hash = Digest::of(hashed);
    let body = hashed.get(32..).and_then(|json| json.strip_suffix(b"}"));
    out.extend_from_slice(body.ok_or(io::ErrorKind::InvalidData)?);
    out.extend_from_slice(HASH_KEY);
    out.extend_from_slice(hash.to_string().as_bytes());
    out.extend_from_slice(b"\"}\n");
    Ok(Head { seq: line.seq, hash })
}

fn statement(prev: &[u8; 32], stated: &[u8]) -> Digest {
    Digest::of_parts(&[DOMAIN, prev, stated])
}

/// What a line with this `seq` begins with.
pub(super) fn start(seq: u64) -> Vec<u8> {
    [SEQ_KEY, seq.to_string().as_bytes(), KIND_KEY].concat()
}

/// `seq` and `kind` of a line.
fn place(said: &[u8]) -> Option<(u64, &str)> {
    let said = said.strip_prefix(SEQ_KEY)?;
    let (seq, said) = said.split_at_checked(said.iter().position(|byte| *byte == b',')?)?;
    let said = said.strip_prefix(KIND_KEY)?;
    let (kind, _) = said.split_at_checked(said.iter().position(|byte| *byte == b'"')?)?;
    // Digits alone: a sign or a space would be another spelling of the number.
    let seq = Some(seq).filter(|seq| seq.iter().all(u8::is_ascii_digit))?;
    Some((str::from_utf8(seq).ok()?.parse().ok()?, str::from_utf8(kind).ok()?))
}

/// Splits `… KEY value` into what is before the key, and the value, which is `len` long.
fn split_end<'a>(line: &'a [u8], key: &[u8], len: usize) -> Option<(&'a [u8], &'a [u8])> {
    let (line, value) = line.split_at_checked(line.len().checked_sub(len)?)?;
    Some((line.strip_suffix(key)?, value))
}

/// Lower-case hex only: one digest, one spelling.
fn unhex(hex: &[u8]) -> Option<[u8; 32]> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let mut bytes = [0; 32];
    let mut pairs = hex.chunks_exact(2);
    for (byte, pair) in bytes.iter_mut().zip(&mut pairs) {
        let [high, low] = pair else { return None };
        *byte = digit(*high)? * 16 + digit(*low)?;
    }
    (hex.len() == HEX_LEN).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::super::event::Event;
    use super::super::line::Entry;
    use super::*;

    fn chain() -> (Vec<Line>, Vec<u8>) {
        let time = "2026-01-02T03:04:05Z".parse().unwrap();
        let event = |event| Line::new(time, Entry::Event(event));
        let lines = vec![
            event(Event::Start { torn: None, in_force: None }),
            event(Event::Stop { missed: None }),
        ];
        let (mut lines, mut bytes) = (lines, Vec::new());
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
        assert_eq!((second.head.seq, second.kind, second.stamp), (2, "stop", None));
    }

    #[test]
    fn a_signature_speaks_for_its_line_and_for_those_before() {
        let key = PrivateKey::generate().unwrap();
        let time = "2026-01-02T03:04:05Z".parse().unwrap();
        let signed = |head| {
            let mut line = Line::new(time, Entry::Event(Event::Batch));
            let mut bytes = Vec::new();
            append_signed(head, &mut line, &key, &mut bytes).unwrap();
            (line, bytes)
        };
        let (line, bytes) = signed(Head::genesis());
        let whole = Whole::read(bytes.strip_suffix(b"\n").unwrap()).unwrap();
        let stamp = whole.stamp.unwrap();
        assert_eq!((whole.kind, stamp.key_id), ("batch", key.public().id().as_str()));
        assert_eq!(stamp.verify(&key.public()), Ok(()));
        let other = PrivateKey::generate().unwrap().public();
        assert_eq!(stamp.verify(&other), Err(Refusal::KeyId));

        // The documented statement, made from the text alone.
        let text = String::from_utf8(bytes.clone()).unwrap();
        let stated = text.split(",\"sig\"").next().unwrap();
        let genesis = Digest::of(b"gait evidence 1");
        let said = [DOMAIN, genesis.as_bytes(), stated.as_bytes()].concat();
        assert_eq!(key.sign(Digest::of(&said).as_bytes()), line.stamp.unwrap());

        // Moved behind another line, the same words need another signature.
        let (moved, _) = signed(Head { seq: 0, hash: Digest::of(b"elsewhere") });
        assert_ne!(moved.stamp.unwrap().sig, stamp.sig);
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
    fn hex_has_one_spelling() {
        assert_eq!(unhex(&[b'f'; 64]), Some([0xff; 32]));
        assert_eq!(unhex(&[b'F'; 64]), None);
        assert_eq!(unhex(&[b'0'; 63]), None);
    }
}
