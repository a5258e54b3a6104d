//! The lines of a log, from its end to its front: the last of a large log are found at once.

use super::entry::Entry;
use super::follow::{Follow, Mark};
use super::lines::LINE_BYTES_MAX;
use super::passed::Passed;
use super::scan::{TooLong, is_framed};
use super::sieve::Sieve;
use memchr::memrchr;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::PathBuf;

/// What is read of a file at a time.
const BLOCK_BYTES: u64 = 256 << 10;

/// A reading of a log from its end.
#[derive(Debug)]
pub struct Backwards {
    dir: PathBuf,
    /// Where the log ended when it was first looked at.
    end: Option<Mark>,
    segments: Vec<(u32, PathBuf)>,
    open: Option<Segment>,
    sieve: Sieve,
    passed: Passed,
}

/// The segment that is being read.
#[derive(Debug)]
struct Segment {
    number: u32,
    path: PathBuf,
    file: File,
    /// What stands before this is not read yet.
    start: u64,
    /// What was read and not given yet.
    held: Vec<u8>,
}

// === impl Backwards ===

impl Backwards {
    pub(super) fn new(dir: PathBuf, segments: Vec<(u32, PathBuf)>, sieve: Sieve) -> Backwards {
        Backwards { dir, end: None, segments, open: None, sieve, passed: Passed::default() }
    }

    /// What is written after the reading began.
    pub fn follow(&mut self) -> Follow {
        if self.end.is_none() {
            self.open_next();
        }
        Follow::new(self.dir.clone(), self.end.unwrap_or_default(), self.sieve.clone())
    }

    /// The line before, with its bytes; `None` at the front of the log.
    pub fn next_line(&mut self) -> Option<(Entry, Vec<u8>)> {
        self.next_line_until(|| false)
    }

    /// The same; `None` also once it is over, which is asked before each line that is read, wanted or
    /// not.
    pub fn next_line_until(&mut self, is_over: impl Fn() -> bool) -> Option<(Entry, Vec<u8>)> {
        while !is_over() {
            let Some(segment) = &mut self.open else {
                self.open_next()?;
                continue;
            };
            // Lines are counted from the front, which was not read.
            let line = segment.line();
            let place = format_args!("segment {:06}", segment.number);
            match line {
                Ok(Some(line)) if !is_framed(&line) => self.passed.line(place, "no evidence line"),
                Ok(Some(line)) if !self.sieve.passes(&line) => {}
                Ok(Some(line)) => match Entry::read(&line) {
                    Ok(entry) => return Some((entry, line)),
                    Err(error) => self.passed.line(place, error),
                },
                Ok(None) => self.open = None,
                Err(error) => {
                    self.passed.segment(&segment.path, &error);
                    self.open = None;
                }
            }
        }
        None
    }

    /// What was passed over so far.
    pub fn passed(&self) -> &Passed {
        &self.passed
    }

    /// Opens the segment before; `None` before the first.
    fn open_next(&mut self) -> Option<()> {
        let (number, path) = self.segments.pop()?;
        let opened = File::open(&path).and_then(|file| {
            let start = file.metadata()?.len();
            Ok(Segment { number, path: path.clone(), file, start, held: Vec::new() })
        });
        let ended = opened.and_then(|mut segment| {
            let (bytes, open) = (segment.start, segment.cut_open()?);
            self.passed.open_bytes += open;
            self.end.get_or_insert(Mark { segment: number, bytes: bytes - open });
            Ok(segment)
        });
        match ended {
            Ok(segment) => self.open = Some(segment),
            Err(error) => self.passed.segment(&path, &error),
        }
        Some(())
    }
}

// === impl Segment ===

impl Segment {
    /// Takes away what stands behind the last LF; how many bytes that are.
    fn cut_open(&mut self) -> io::Result<u64> {
        Ok(self.line()?.map_or(0, |line| line.len() as u64))
    }

    /// What stands behind the last LF that was read; the LF is gone then. `None` at the front.
    fn line(&mut self) -> io::Result<Option<Vec<u8>>> {
        let mut searched = 0;
        loop {
            let fresh = self.held.len() - searched;
            let found = self.held.get(..fresh).and_then(|fresh| memrchr(b'\n', fresh));
            if let Some(at) = found {
                let line = self.held.split_off(at + 1);
                self.held.pop();
                return Ok(Some(line));
            }
            if self.start == 0 {
                let line = std::mem::take(&mut self.held);
                return Ok((!line.is_empty()).then_some(line));
            }
            searched = self.held.len();
            if searched > LINE_BYTES_MAX {
                return Err(io::Error::other(TooLong));
            }
            self.grow()?;
        }
    }

    /// Reads a block more, before what is held.
    fn grow(&mut self) -> io::Result<()> {
        let more = BLOCK_BYTES.min(self.start);
        let mut block = vec![0; usize::try_from(more).unwrap_or_default()];
        self.file.read_exact_at(&mut block, self.start - more)?;
        block.append(&mut self.held);
        self.start -= more;
        self.held = block;
        Ok(())
    }
}
