//! Logs that are made for a purpose, and what is found in them.

mod keys;
mod mutations;
mod whole;

use super::*;
use crate::evidence::chain::{self, Head, Whole};
use crate::evidence::event::{Event, Expired, Reload, Seal, SigningKey, TornTail};
use crate::evidence::line::{Entry, Line};
use crate::evidence::tail;
use crate::json::Digest;
use crate::sign::{PrivateKey, PublicKey};

/// A log in memory, and what it takes to write on.
pub(super) struct Log {
    pub(super) segments: Vec<(u32, Vec<u8>)>,
    pub(super) head: Head,
    key: PrivateKey,
    torn: Vec<u8>,
    first_seq: u64,
}

/// The last line of a segment.
pub(super) fn last(bytes: &[u8]) -> Head {
    tail::lines(bytes).filter_map(Whole::read).last().unwrap().head
}

/// A line that is about nothing, `size` bytes long or so.
pub(super) fn filler(size: usize) -> Event {
    let lowered = vec!["a".repeat(size)];
    Event::Reload(Box::new(Reload { lowered, ..Reload::default() }))
}

pub(super) fn line(event: Event) -> Line {
    Line::new("2026-01-02T03:04:05.678901Z".parse().unwrap(), Entry::Event(event))
}

pub(super) fn key() -> PrivateKey {
    PrivateKey::generate().unwrap()
}

pub(super) fn broken(result: Result<Report, VerifyError>) -> Broken {
    match result {
        Err(VerifyError::Broken(broken)) => broken,
        other => panic!("{other:?}"),
    }
}

impl Log {
    /// One that a process has begun to write.
    pub(super) fn begun() -> Log {
        let mut log = Log::empty();
        log.start();
        log
    }

    pub(super) fn empty() -> Log {
        let (segments, torn) = (Vec::new(), Vec::new());
        Log { segments, head: Head::genesis(), key: key(), torn, first_seq: 0 }
    }

    /// A process begins a segment.
    pub(super) fn start(&mut self) {
        let torn = std::mem::take(&mut self.torn);
        let bytes = torn.len() as u64;
        let torn = (bytes > 0).then(|| TornTail { bytes, digest: Digest::of(&torn) });
        self.segment();
        self.put(Event::Start { torn, in_force: None });
        self.introduce();
    }

    /// Segments of their own begin with the key that signs.
    pub(super) fn segment(&mut self) {
        let number = self.segments.last().map_or(1, |(number, _)| number + 1);
        self.segments.push((number, Vec::new()));
        self.first_seq = self.head.seq + 1;
    }

    pub(super) fn introduce(&mut self) {
        let key = self.key.public();
        self.sign(Event::Key(Box::new(SigningKey { key, replaces: None })));
    }

    /// Another key takes over, with the word of the old one.
    pub(super) fn rotate(&mut self, new: PrivateKey) -> PrivateKey {
        let replaces = Some(self.key.public().id());
        self.sign(Event::Key(Box::new(SigningKey { key: new.public(), replaces })));
        std::mem::replace(&mut self.key, new)
    }

    /// Another key takes over, with nobody's word but its own.
    pub(super) fn usurp(&mut self, new: PrivateKey) {
        let replaces = Some(self.key.public().id());
        self.key = new;
        let key = self.key.public();
        self.sign(Event::Key(Box::new(SigningKey { key, replaces })));
    }

    pub(super) fn public(&self) -> PublicKey {
        self.key.public()
    }

    pub(super) fn put(&mut self, event: Event) {
        let (_, bytes) = self.segments.last_mut().unwrap();
        self.head = chain::append(self.head, [&mut line(event)], bytes).unwrap();
    }

    pub(super) fn sign(&mut self, event: Event) {
        let (_, bytes) = self.segments.last_mut().unwrap();
        self.head = chain::append_signed(self.head, &mut line(event), &self.key, bytes).unwrap();
    }

    /// So many lines about nothing and a signature.
    pub(super) fn batch(&mut self, lines: usize) {
        (0..lines).for_each(|at| self.put(filler(at * 37 % 400)));
        self.sign(Event::Batch);
    }

    pub(super) fn seal(&mut self) {
        let segment = self.segments.last().unwrap().0;
        self.sign(Event::Seal(Seal { segment, first_seq: self.first_seq }));
    }

    /// What a crash leaves.
    pub(super) fn tear(&mut self, bytes: &[u8]) {
        self.segments.last_mut().unwrap().1.extend_from_slice(bytes);
        self.torn.extend_from_slice(bytes);
    }

    /// Takes the first segments away, as retention does.
    pub(super) fn expire(&mut self, count: usize) {
        for at in 0..count {
            let (segment, bytes) = &self.segments[at];
            let event = Event::Expired(Expired { segment: *segment, last: last(bytes) });
            self.put(event);
        }
        self.sign(Event::Batch);
        self.segments.drain(..count);
    }

    pub(super) fn verify(&self) -> Result<Report, VerifyError> {
        self.verify_with(&Trust::default())
    }

    pub(super) fn verify_with(&self, trust: &Trust) -> Result<Report, VerifyError> {
        let parts: Vec<_> =
            self.segments.iter().map(|(number, bytes)| (*number, bytes.as_slice())).collect();
        verify_parts(&parts, trust)
    }
}
