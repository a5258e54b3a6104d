//! Where segments come from: files, or bytes at hand.

use crate::evidence::segment;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

/// The longest line that is read. A call's line is bounded by the limits on its request.
const LINE_BYTES_MAX: u64 = 256 << 20;

/// The segments of a log, in order.
pub(super) trait Source: Sync {
    /// How many.
    fn count(&self) -> usize;
    /// The number in the name of one.
    fn number(&self, at: usize) -> u32;
    /// The bytes of one, from `offset` on.
    fn open(&self, at: usize, offset: u64) -> io::Result<Box<dyn Read + '_>>;
}

/// The segments of a directory.
pub(super) struct Files {
    segments: Vec<(u32, PathBuf)>,
    /// Their size together, when they were listed.
    pub(super) bytes: u64,
}

/// Segments in memory.
pub(super) struct Parts<'a>(pub(super) &'a [(u32, &'a [u8])]);

/// The lines of a log from a place on, without their LF, whatever they hold.
pub(super) struct Ahead<'s, S> {
    source: &'s S,
    at: usize,
    input: BufReader<Box<dyn Read + 's>>,
}

// === impl Files ===

impl Files {
    /// Finds the segments.
    pub(super) fn list(directory: &Path) -> io::Result<Files> {
        let segments = segment::list(directory)?;
        let sizes = segments.iter().map(|(_, path)| Ok(path.metadata()?.len()));
        let bytes = sizes.sum::<io::Result<u64>>()?;
        Ok(Files { segments, bytes })
    }
}

impl Source for Files {
    fn count(&self) -> usize {
        self.segments.len()
    }

    fn number(&self, at: usize) -> u32 {
        self.segments.get(at).map_or(0, |(number, _)| *number)
    }

    fn open(&self, at: usize, offset: u64) -> io::Result<Box<dyn Read + '_>> {
        let (_, path) = self.segments.get(at).ok_or(io::ErrorKind::NotFound)?;
        let mut file = File::open(path)?;
        io::Seek::seek(&mut file, io::SeekFrom::Start(offset))?;
        Ok(Box::new(file))
    }
}

// === impl Parts ===

impl Source for Parts<'_> {
    fn count(&self) -> usize {
        self.0.len()
    }

    fn number(&self, at: usize) -> u32 {
        self.0.get(at).map_or(0, |(number, _)| *number)
    }

    fn open(&self, at: usize, offset: u64) -> io::Result<Box<dyn Read + '_>> {
        let (_, bytes) = self.0.get(at).ok_or(io::ErrorKind::NotFound)?;
        let offset = usize::try_from(offset).unwrap_or(usize::MAX);
        Ok(Box::new(bytes.get(offset..).unwrap_or_default()))
    }
}

// === impl Ahead ===

impl<'s, S: Source> Ahead<'s, S> {
    /// The lines of segment `at` from byte `offset` on, and those of all segments behind.
    pub(super) fn from(source: &'s S, at: usize, offset: u64) -> io::Result<Ahead<'s, S>> {
        Ok(Ahead { source, at, input: BufReader::new(source.open(at, offset)?) })
    }
}

impl<S: Source> Iterator for Ahead<'_, S> {
    type Item = io::Result<Vec<u8>>;

    fn next(&mut self) -> Option<io::Result<Vec<u8>>> {
        let mut line = Vec::new();
        loop {
            match self.input.by_ref().take(LINE_BYTES_MAX).read_until(b'\n', &mut line) {
                Err(error) => return Some(Err(error)),
                Ok(0) => {}
                Ok(_) => {
                    line.pop_if(|byte| *byte == b'\n');
                    return Some(Ok(line));
                }
            }
            self.at += 1;
            if self.at >= self.source.count() {
                return None;
            }
            match self.source.open(self.at, 0) {
                Err(error) => return Some(Err(error)),
                Ok(input) => self.input = BufReader::new(input),
            }
        }
    }
}
