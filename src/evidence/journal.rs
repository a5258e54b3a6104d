//! The chain on a disk: what is durable, what is only written, and how to come back from an
//! error.
//!
//! Durable means signed: the last line before every sync has a signature, which speaks for all
//! lines before it. The journal makes these lines itself, so that nobody can forget one.
//!
//! After a failed write nobody knows how much of it is in the file, and after a failed sync
//! nobody knows what earlier writes are: the kernel may have dropped them and forgotten. So the
//! journal keeps the bytes since the last good sync in memory, and recovery cuts the segment
//! back to the last durable length and writes them again. Going on in a new segment instead was
//! rejected: the old one would keep lines of which the chain knows nothing.

use super::{
    chain::{self, Head},
    event::{Event, Seal},
    health::{Anchor, Totals},
    key::Signer,
    line::{Entry, Line},
    segment::Disk,
};
use crate::{clock, sign::PrivateKey};
use std::{io, sync::Arc};

/// A hash chain on a disk.
#[derive(Debug)]
pub(super) struct Journal<D> {
    disk: D,
    /// `None` until there is a key; nothing can be written before.
    signer: Option<Signer>,
    durable: Mark,
    written: Mark,
    /// INVARIANT: the bytes between the marks; `written.len` = `durable.len` + its length. No
    /// signed line stands at its end.
    unsynced: Vec<u8>,
    segment: Segment,
    /// `seq` of the current segment's first line.
    first_seq: u64,
    anchor: Anchor,
    totals: Totals,
}

/// When lines must be on the disk for good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Durability {
    /// Before the write returns.
    Now,
    /// At the next sync.
    Later,
}

/// A place in the current segment.
#[derive(Clone, Copy, Debug)]
struct Mark {
    head: Head,
    len: u64,
    content: Content,
}

/// What a segment tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Content {
    /// Only of the log itself: sealing such a segment would fill a disk with seals.
    Own,
    /// Of calls or of the process.
    Told,
}

/// What can be done with the current segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Segment {
    Open,
    /// The next write begins another.
    Sealed,
}

/// How a write ends.
#[derive(Debug)]
enum End {
    /// With its last line, to be signed for later.
    Unsigned,
    /// With a signed line unless there is one already, and a sync.
    Batch,
    /// With this line, signed, and a sync.
    Signed(Event),
}

// === impl Journal ===

impl<D: Disk> Journal<D> {
    /// Continues the chain at its last durable line, in the disk's current, empty segment.
    pub(super) fn new(disk: D, anchor: Anchor) -> Journal<D> {
        let mark = Mark { head: anchor.head, len: 0, content: Content::Own };
        Journal {
            disk,
            signer: None,
            durable: mark,
            written: mark,
            unsynced: Vec::new(),
            segment: Segment::Open,
            first_seq: anchor.head.seq.saturating_add(1),
            anchor,
            totals: Totals::default(),
        }
    }

    /// The last durable line.
    pub(super) fn anchor(&self) -> &Anchor {
        &self.anchor
    }

    /// What was made durable so far.
    pub(super) fn totals(&self) -> Totals {
        self.totals
    }

    /// How many bytes are written and not yet durable.
    pub(super) fn unsynced_bytes(&self) -> usize {
        self.unsynced.len()
    }

    /// How many bytes the current segment holds.
    pub(super) fn segment_bytes(&self) -> u64 {
        self.written.len
    }

    /// The same, but for one that is sealed.
    pub(super) fn open_bytes(&self) -> u64 {
        if self.segment == Segment::Open { self.written.len } else { 0 }
    }

    /// Whether the current segment holds what is worth a seal.
    pub(super) fn is_sealable(&self) -> bool {
        self.segment == Segment::Open && self.written.content == Content::Told
    }

    /// Whether there is a key.
    pub(super) fn is_keyed(&self) -> bool {
        self.signer.is_some()
    }

    /// Whether this key signs.
    pub(super) fn is_signed_by(&self, key: &PrivateKey) -> bool {
        self.signer.as_ref().is_some_and(|signer| **signer.id() == *key.id())
    }

    /// Signs with this key from now on.
    pub(super) fn sign_with(&mut self, signer: Signer) {
        self.signer = Some(signer);
    }

    pub(super) fn disk(&mut self) -> &mut D {
        &mut self.disk
    }

    /// Writes lines at the end. On an error none of them counts as written, and
    /// [`Journal::recover`] must succeed before the next write.
    pub(super) fn write<'a>(
        &mut self,
        lines: impl Iterator<Item = &'a mut Line>,
        durability: Durability,
    ) -> io::Result<()> {
        match durability {
            Durability::Now => self.put(lines, End::Batch),
            Durability::Later => self.put(lines, End::Unsigned),
        }
    }

    /// Makes everything written durable.
    pub(super) fn sync(&mut self) -> io::Result<()> {
        match self.unsynced.is_empty() {
            true => Ok(()),
            false => self.put(std::iter::empty(), End::Batch),
        }
    }

    /// Ends the segment with these lines and a seal, durably.
    pub(super) fn seal<'a>(&mut self, lines: impl Iterator<Item = &'a mut Line>) -> io::Result<()> {
        self.begin_segment()?;
        let seal = Seal { segment: self.disk.number(), first_seq: self.first_seq };
        self.put(lines, End::Signed(Event::Seal(seal)))?;
        self.segment = Segment::Sealed;
        self.totals.sealed = self.anchor.time;
        Ok(())
    }

    /// Has the key that signs say that `next` does from here on, durably. [`Journal::sign_with`] it
    /// then.
    pub(super) fn announce(&mut self, next: &PrivateKey) -> io::Result<()> {
        let event = self.signer.as_ref().ok_or_else(no_key)?.successor(next);
        self.put(std::iter::empty(), End::Signed(event))?;
        self.anchor.key_id = Some(next.id().into());
        Ok(())
    }

    /// After an error: cuts back to the last durable line, writes again what was written since,
    /// then these lines, and makes all of it durable. Can be tried any number of times.
    pub(super) fn recover<'a>(
        &mut self,
        lines: impl Iterator<Item = &'a mut Line>,
    ) -> io::Result<()> {
        self.disk.rewind(self.durable.len)?;
        if !self.unsynced.is_empty() {
            self.disk.append(&self.unsynced)?;
        }
        self.write(lines, Durability::Now)
    }

    /// After an error that nobody will recover from: leaves only what is durable, if the disk
    /// lets it. Else a process that is started over and over would leave a torn segment each time.
    pub(super) fn give_up(&mut self) {
        // The error that led here is the one to report.
        let _ = self.disk.rewind(self.durable.len);
    }

    /// All or nothing: what fails leaves the journal as it was, but for what may be on the disk.
    fn put<'a>(&mut self, lines: impl Iterator<Item = &'a mut Line>, end: End) -> io::Result<()> {
        self.begin_segment()?;
        let (mark, len) = (self.written, self.unsynced.len());
        let is_durable = !matches!(end, End::Unsigned);
        let result = self.append(lines, end).and_then(|()| match is_durable {
            true => self.commit(),
            false => Ok(()),
        });
        if result.is_err() {
            self.written = mark;
            self.unsynced.truncate(len);
        }
        result
    }

    fn begin_segment(&mut self) -> io::Result<()> {
        if self.segment == Segment::Sealed {
            self.disk.next()?;
            self.segment = Segment::Open;
            self.first_seq = self.durable.head.seq.saturating_add(1);
            self.durable = Mark { len: 0, content: Content::Own, ..self.durable };
            self.written = self.durable;
        }
        Ok(())
    }

    fn append<'a>(
        &mut self,
        lines: impl Iterator<Item = &'a mut Line>,
        end: End,
    ) -> io::Result<()> {
        let signer = self.signer.as_ref().ok_or_else(no_key)?;
        let (start, out) = (self.unsynced.len(), &mut self.unsynced);
        let Mark { mut head, len, mut content } = self.written;
        let (mut lines, mut is_signed) = (lines.peekable(), false);
        if len == 0 {
            if let Some(line) = lines.next_if(|line| is_start(line)) {
                head = chain::append(head, [line], out)?;
                content = Content::Told;
            }
            head = signer.introduce(head, out)?;
            is_signed = true;
        }
        let lines = lines.inspect(|line| {
            is_signed = false;
            content = content.with(line);
        });
        head = chain::append(head, lines, out)?;
        match end {
            End::Batch if !is_signed => head = signer.sign(head, Event::Batch, out)?,
            End::Signed(event) => head = signer.sign(head, event, out)?,
            End::Unsigned | End::Batch => {}
        }
        let bytes = out.get(start..).unwrap_or_default();
        self.disk.append(bytes)?;
        self.written = Mark { head, len: len + bytes.len() as u64, content };
        Ok(())
    }

    fn commit(&mut self) -> io::Result<()> {
        self.disk.sync()?;
        self.totals.syncs += 1;
        self.totals.bytes += self.unsynced.len() as u64;
        self.totals.lines += self.written.head.seq.saturating_sub(self.durable.head.seq);
        self.durable = self.written;
        self.unsynced.clear();
        let key_id = self.signer.as_mut().map(|signer| {
            signer.introduced();
            Arc::clone(signer.id())
        });
        let (head, segment) = (self.durable.head, self.disk.number());
        self.anchor = Anchor { head, segment, key_id, time: Some(clock::now()) };
        Ok(())
    }
}

// === impl Content ===

impl Content {
    fn with(self, line: &Line) -> Content {
        match line.entry() {
            Entry::Event(Event::Expired(_)) => self,
            _ => Content::Told,
        }
    }
}

fn is_start(line: &Line) -> bool {
    matches!(line.entry(), Entry::Event(Event::Start { .. }))
}

fn no_key() -> io::Error {
    io::Error::other("there is no key to sign the evidence with")
}
