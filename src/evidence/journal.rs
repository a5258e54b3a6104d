//! The chain on a disk: what is durable, what is only written, and how to come back from an
//! error.
//!
//! After a failed write nobody knows how much of it is in the file, and after a failed sync
//! nobody knows what earlier writes are: the kernel may have dropped them and forgotten. So the
//! journal keeps the bytes since the last good sync in memory, and recovery cuts the segment
//! back to the last durable length and writes them again. Going on in a new segment instead was
//! rejected: the old one would keep lines of which the chain knows nothing.

use super::{
    chain::{self, Head},
    line::Line,
    segment::Disk,
};
use std::io;

/// A hash chain on a disk.
#[derive(Debug)]
pub(super) struct Journal<D> {
    disk: D,
    segment_bytes_max: u64,
    durable: Mark,
    written: Mark,
    /// INVARIANT: the bytes between the marks; `written.len` = `durable.len` + its length.
    unsynced: Vec<u8>,
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
}

// === impl Journal ===

impl<D: Disk> Journal<D> {
    /// Continues the chain at `head` in the disk's current, empty segment.
    pub(super) fn new(disk: D, head: Head, segment_bytes_max: u64) -> Journal<D> {
        let mark = Mark { head, len: 0 };
        Journal { disk, segment_bytes_max, durable: mark, written: mark, unsynced: Vec::new() }
    }

    /// The last durable line.
    pub(super) fn head(&self) -> Head {
        self.durable.head
    }

    /// How many bytes are written and not yet durable.
    pub(super) fn unsynced_bytes(&self) -> usize {
        self.unsynced.len()
    }

    /// Writes lines at the end. On an error none of them counts as written, and
    /// [`Journal::recover`] must succeed before the next write.
    pub(super) fn write<'a>(
        &mut self,
        lines: impl Iterator<Item = &'a mut Line>,
        durability: Durability,
    ) -> io::Result<()> {
        self.rotate_if_full()?;
        let (mark, len) = (self.written, self.unsynced.len());
        let result = self.append(lines).and_then(|()| match durability {
            Durability::Now => self.sync(),
            Durability::Later => Ok(()),
        });
        if result.is_err() {
            self.written = mark;
            self.unsynced.truncate(len);
        }
        result
    }

    /// Makes everything written durable.
    pub(super) fn sync(&mut self) -> io::Result<()> {
        if !self.unsynced.is_empty() {
            self.disk.sync()?;
            self.durable = self.written;
            self.unsynced.clear();
        }
        Ok(())
    }

    /// After an error: cuts back to the last durable line, writes again what was written since,
    /// then these lines, and makes all of it durable. Can be tried any number of times.
    pub(super) fn recover<'a>(
        &mut self,
        lines: impl Iterator<Item = &'a mut Line>,
    ) -> io::Result<()> {
        self.disk.rewind(self.durable.len)?;
        self.disk.append(&self.unsynced)?;
        self.write(lines, Durability::Now)
    }

    /// After an error that nobody will recover from: leaves only what is durable, if the disk
    /// lets it. Else a process that is started over and over would leave a torn segment each time.
    pub(super) fn give_up(&mut self) {
        // The error that led here is the one to report.
        let _ = self.disk.rewind(self.durable.len);
    }

    fn append<'a>(&mut self, lines: impl Iterator<Item = &'a mut Line>) -> io::Result<()> {
        let start = self.unsynced.len();
        let head = chain::append(self.written.head, lines, &mut self.unsynced)?;
        let bytes = self.unsynced.get(start..).unwrap_or_default();
        self.disk.append(bytes)?;
        self.written = Mark { head, len: self.written.len + bytes.len() as u64 };
        Ok(())
    }

    fn rotate_if_full(&mut self) -> io::Result<()> {
        if self.written.len < self.segment_bytes_max {
            return Ok(());
        }
        self.sync()?;
        self.disk.next()?;
        self.durable.len = 0;
        self.written.len = 0;
        Ok(())
    }
}
