//! An auditor of the evidence log: reads it by its documented format alone, with a second chain
//! and a second check of signatures that share no code with gait's own.
//!
//! Anything that does not hold fails the test. It knows what these tests leave behind: one key, or
//! more that are endorsed by the one before, kills, and no removed segments.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signature, VerifyingKey};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// A log that holds.
#[derive(Debug, Default)]
pub(crate) struct Audit {
    /// Its lines, oldest first.
    pub(crate) lines: Vec<Line>,
    /// Lengths of the torn tails that start lines report, in bytes.
    pub(crate) torn: Vec<usize>,
}

/// A line of the log.
#[derive(Debug)]
pub(crate) struct Line {
    /// Its members.
    pub(crate) said: Value,
    /// Whether a signature of the same segment speaks for it: one of the process that wrote it.
    pub(crate) is_vouched: bool,
}

/// Where the reading stands.
struct Auditor {
    audit: Audit,
    prev: [u8; 32],
    /// Who signs, and the id of that.
    key: Option<(String, VerifyingKey)>,
    /// Bytes that are no line, and of which no start line has told yet.
    torn: Vec<u8>,
}

/// Reads the log of the gait whose directory this is.
pub(crate) fn audit(dir: &Path) -> Audit {
    let mut paths: Vec<_> = fs::read_dir(dir.join("state/evidence"))
        .expect("an evidence directory")
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    let prev = digest(&[b"gait evidence 1"]);
    let mut auditor = Auditor { audit: Audit::default(), prev, key: None, torn: Vec::new() };
    for path in paths {
        auditor.segment(&path);
    }
    auditor.audit
}

// === impl Audit ===

impl Audit {
    /// Lines of this kind.
    pub(crate) fn of<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a Line> {
        self.lines.iter().filter(move |line| line.said["kind"] == kind)
    }

    /// Decision lines by the digest of their target, each of which must be there once.
    pub(crate) fn decisions(&self) -> BTreeMap<&str, &Line> {
        let mut found = BTreeMap::new();
        for line in self.of("decision") {
            let target = line.said["target_digest"].as_str().expect("a target");
            assert!(found.insert(target, line).is_none(), "decided twice: {}", line.said);
        }
        found
    }

    /// Checks that each of these targets, which a tool was asked for, has its durable decision.
    pub(crate) fn assert_decided<'a>(&self, targets: impl Iterator<Item = &'a str>) {
        let decisions = self.decisions();
        for target in targets {
            let Some(line) = decisions.get(digest_of(target).as_str()) else {
                panic!("`{target}` went out without a decision line");
            };
            assert!(line.is_vouched, "`{target}` went out unsigned: {}", line.said);
        }
    }
}

// === impl Auditor ===

impl Auditor {
    fn segment(&mut self, path: &Path) {
        let bytes = fs::read(path).expect("a segment");
        let first = self.audit.lines.len();
        let mut rest = &bytes[..];
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            assert!(self.torn.is_empty() || rest.len() == bytes.len(), "a line behind torn bytes");
            let text = std::str::from_utf8(&rest[..end]).expect("text");
            self.line(text, first);
            rest = &rest[end + 1..];
        }
        self.torn.extend_from_slice(rest);
        let seals = self.audit.lines[first..].iter().rev().skip(1);
        let is_seal = |line: &Line| line.said["kind"] == "seal";
        assert!(!seals.into_iter().any(is_seal), "{path:?} goes on behind its seal");
    }

    /// Takes the next line of the segment that begins with line `first`.
    fn line(&mut self, text: &str, first: usize) {
        let place = self.audit.lines.len();
        let said: Value = serde_json::from_str(text).unwrap_or_else(|e| panic!("{e}: {text}"));
        assert_eq!(said["seq"], place + 1, "{text}");
        assert_eq!(said["prev"], hex(&self.prev), "{text}");
        let (body, hash) = text.split_at(text.len() - ",\"hash\":\"\"}".len() - 64);
        let found = digest(&[&self.prev, body.as_bytes(), b"}"]);
        assert_eq!(hash, format!(",\"hash\":\"{}\"}}", hex(&found)), "{text}");
        self.told_of_torn(&said);
        let new = (said["kind"] == "key").then(|| key_of(&said));
        self.key = self.key.take().or(new.clone());
        let (stated, sig) = text.rsplit_once(",\"sig\":\"").unwrap_or((text, ""));
        if !sig.is_empty() {
            self.check(stated, &said);
        }
        self.take_over(new, &said);
        self.audit.lines.push(Line { said, is_vouched: false });
        if !sig.is_empty() {
            self.audit.lines[first..].iter_mut().for_each(|line| line.is_vouched = true);
        }
        self.prev = found;
    }

    /// Torn bytes are told of by the next line, which is the start line of the next process.
    fn told_of_torn(&mut self, said: &Value) {
        assert_eq!(said["torn_bytes"].as_u64().unwrap_or(0), self.torn.len() as u64, "{said}");
        if !self.torn.is_empty() {
            assert_eq!(said["kind"], "start", "{said}");
            assert_eq!(said["torn_digest"], hex(&digest(&[&self.torn])), "{said}");
            self.audit.torn.push(self.torn.len());
            self.torn.clear();
        }
    }

    /// Checks the signature on a line, whose text up to it is `stated`.
    fn check(&self, stated: &str, said: &Value) {
        let (id, key) = self.key.as_ref().unwrap_or_else(|| panic!("signed by nobody: {said}"));
        assert_eq!(said["key_id"], **id, "{said}");
        let sig = STANDARD.decode(said["sig"].as_str().expect("text")).expect("base64");
        let sig = Signature::from_slice(&sig).expect("64 bytes");
        let statement = digest(&[b"gait evidence signature 1", &self.prev, stated.as_bytes()]);
        key.verify_strict(&statement, &sig).unwrap_or_else(|error| panic!("{error}: {said}"));
    }

    /// Goes on with the key that a line brings in, which the one before has signed for.
    fn take_over(&mut self, new: Option<(String, VerifyingKey)>, said: &Value) {
        let (Some(new), Some((old, _))) = (new, &self.key) else { return };
        assert!(said["sig"].is_string(), "{said}");
        assert!(new.0 == *old || said["replaces"] == **old, "{said}");
        self.key = Some(new);
    }
}

/// The key that a line brings in.
fn key_of(said: &Value) -> (String, VerifyingKey) {
    let text = said["public_key"].as_str().expect("a public key");
    let bytes: [u8; 32] = STANDARD.decode(text).expect("base64").try_into().expect("32 bytes");
    (hex(&digest(&[&bytes])), VerifyingKey::from_bytes(&bytes).expect("a key"))
}

/// How the log names a target.
pub(crate) fn digest_of(target: &str) -> String {
    hex(&digest(&[target.as_bytes()]))
}

fn digest(parts: &[&[u8]]) -> [u8; 32] {
    let mut hasher = Sha256::new();
    parts.iter().for_each(|part| hasher.update(part));
    hasher.finalize().into()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
