//! The lines of a log, from its front to its end.

use super::entry::Entry;
use super::lines::{Cut, LINE_BYTES_MAX, Lines};
use super::passed::Passed;
use super::sieve::Sieve;
use crate::evidence::Place;
use std::fs::File;
use std::io::BufReader;
use std::path::PathBuf;
use std::vec;

/// What is read of a file at a time.
const BLOCK_BYTES: usize = 256 << 10;

/// Progress is told each time so many bytes were read.
const TOLD_BYTES: u64 = 1 << 20;

/// A reading of a log; gives its lines one after the other.
pub struct Scan {
    segments: vec::IntoIter<(u32, PathBuf)>,
    open: Option<Segment>,
    sieve: Sieve,
    line: Vec<u8>,
    passed: Passed,
    progress: Progress,
}

/// Who wants to know how far a scan is.
#[derive(Default)]
struct Progress {
    untold: u64,
    to: Option<Box<dyn FnMut(u64)>>,
}

/// The segment that is being read.
struct Segment {
    number: u32,
    path: PathBuf,
    lines: Lines<BufReader<File>>,
}

/// A line that was found.
#[derive(Debug)]
pub struct Found<'a> {
    /// Where it stands.
    pub place: Place,
    /// What it says.
    pub entry: Entry,
    /// Its bytes, without the LF.
    pub raw: &'a [u8],
}

// === impl Scan ===

impl Scan {
    pub(super) fn new(segments: Vec<(u32, PathBuf)>, sieve: Sieve) -> Scan {
        Scan {
            segments: segments.into_iter(),
            open: None,
            sieve,
            line: Vec::new(),
            passed: Passed::default(),
            progress: Progress::default(),
        }
    }

    /// The same; `progress` is told from time to time how many bytes more were read.
    pub fn telling(self, progress: impl FnMut(u64) + 'static) -> Scan {
        let to: Box<dyn FnMut(u64)> = Box::new(progress);
        Scan { progress: Progress { to: Some(to), ..self.progress }, ..self }
    }

    /// The next line that can be read; `None` at the end of the log.
    pub fn next_line(&mut self) -> Option<Found<'_>> {
        let (place, entry) = loop {
            let place = self.advance()?;
            match Entry::read(&self.line) {
                Ok(entry) => break (place, entry),
                Err(error) => self.passed.line(place, error),
            }
        };
        Some(Found { place, entry, raw: &self.line })
    }

    /// What was passed over so far.
    pub fn passed(&self) -> &Passed {
        &self.passed
    }

    /// Reads up to a line that the sieve lets through, into `line`.
    fn advance(&mut self) -> Option<Place> {
        loop {
            let Some(segment) = &mut self.open else {
                self.open_next()?;
                continue;
            };
            let before = segment.lines.offset;
            let cut = segment.lines.next(&mut self.line);
            let place = Place { segment: segment.number, line: segment.lines.number };
            let read = segment.lines.offset - before;
            self.progress.tell(read);
            match cut {
                Ok(Some(Cut::Whole)) if !is_framed(&self.line) => {
                    self.passed.line(place, "no evidence line");
                }
                Ok(Some(Cut::Whole)) if !self.sieve.passes(&self.line) => {}
                Ok(Some(Cut::Whole)) => return Some(place),
                Ok(Some(Cut::Open)) => self.passed.open_bytes += read,
                Ok(Some(Cut::TooLong)) => self.passed.line(place, TooLong),
                Ok(None) => self.open = None,
                Err(error) => {
                    self.passed.segment(&segment.path, &error);
                    self.open = None;
                }
            }
        }
    }

    /// Opens the next segment that can be; `None` after the last.
    fn open_next(&mut self) -> Option<()> {
        let (number, path) = self.segments.next()?;
        match File::open(&path) {
            Ok(file) => {
                let lines = Lines::new(BufReader::with_capacity(BLOCK_BYTES, file));
                self.open = Some(Segment { number, path, lines });
            }
            Err(error) => self.passed.segment(&path, &error),
        }
        Some(())
    }
}

// === impl Progress ===

impl Progress {
    fn tell(&mut self, read: u64) {
        self.untold += read;
        if self.untold >= TOLD_BYTES
            && let Some(to) = &mut self.to
        {
            to(std::mem::take(&mut self.untold));
        }
    }
}

/// A line is longer than any of ours.
#[derive(Debug, thiserror::Error)]
#[error("no evidence line: longer than {LINE_BYTES_MAX} bytes")]
pub(super) struct TooLong;

/// Whether it is an object from its first byte to its last, as far as can be seen at a glance.
pub(super) fn is_framed(line: &[u8]) -> bool {
    line.starts_with(b"{") && line.ends_with(b"}")
}

#[cfg(test)]
mod tests {
    use super::super::{Filter, Log};
    use super::*;
    use std::cell::Cell;
    use std::path::Path;
    use std::rc::Rc;

    fn line(seq: u64, kind: &str) -> String {
        let time = "2026-01-02T03:04:05.000000Z";
        format!(r#"{{"v":1,"seq":{seq},"kind":"{kind}","time":"{time}","prev":"p","hash":"h"}}"#)
    }

    fn segment(dir: &Path, number: u32, bytes: impl AsRef<[u8]>) {
        std::fs::write(dir.join(format!("{number:06}.jsonl")), bytes).unwrap();
    }

    fn forwards(log: &Log) -> (Vec<u64>, Passed) {
        let (mut scan, mut seqs) = (log.scan(), Vec::new());
        while let Some(found) = scan.next_line() {
            assert_eq!(Entry::read(found.raw).unwrap(), found.entry);
            seqs.push(found.entry.seq());
        }
        (seqs, scan.passed().clone())
    }

    fn backwards(log: &Log) -> (Vec<u64>, Passed) {
        let (mut back, mut seqs) = (log.backwards(Sieve::default()), Vec::new());
        while let Some((entry, _)) = back.next_line() {
            seqs.push(entry.seq());
        }
        seqs.reverse();
        (seqs, back.passed().clone())
    }

    /// Rubbish of all kinds, and lines between it.
    fn spoilt(dir: &Path) {
        let rubbish = [b"\0\0\0".to_vec(), b"{]}".to_vec(), vec![0xff; 300_000], Vec::new()];
        let mut bytes = Vec::new();
        for (at, piece) in rubbish.iter().enumerate() {
            bytes.extend_from_slice(format!("{}\n", line(at as u64 + 1, "stop")).as_bytes());
            bytes.extend_from_slice(piece);
            bytes.push(b'\n');
        }
        bytes.extend_from_slice(b"{\"v\":1,\"se");
        segment(dir, 1, bytes);
        segment(dir, 2, "");
        segment(dir, 7, format!("{}\n", line(5, "start")));
    }

    #[test]
    fn rubbish_is_passed_over_and_said() {
        let dir = tempfile::tempdir().unwrap();
        spoilt(dir.path());
        let log = Log::open(dir.path()).unwrap();
        let (seqs, passed) = forwards(&log);
        assert_eq!(seqs, [1, 2, 3, 4, 5]);
        assert_eq!((passed.lines, passed.open_bytes), (4, 10));
        let said = passed.sentences();
        assert_eq!(said[0], "000001.jsonl, line 2: no evidence line");
        assert!(said[1].starts_with("000001.jsonl, line 4: no evidence line: "), "{}", said[1]);
        assert_eq!(said[4], "10 bytes at the end of a segment are no whole line");
        let (seqs, passed) = backwards(&log);
        assert_eq!(seqs, [1, 2, 3, 4, 5]);
        assert_eq!((passed.lines, passed.open_bytes), (4, 10));
    }

    #[test]
    fn a_segment_that_is_gone_is_said() {
        let dir = tempfile::tempdir().unwrap();
        spoilt(dir.path());
        let log = Log::open(dir.path()).unwrap();
        std::fs::remove_file(dir.path().join("000001.jsonl")).unwrap();
        let (seqs, passed) = forwards(&log);
        assert_eq!((seqs, passed.gone), (vec![5], 1));
        assert_eq!(backwards(&log).1.gone, 1);
    }

    #[test]
    fn a_sieve_spares_lines_and_progress_is_told_all_the_same() {
        let dir = tempfile::tempdir().unwrap();
        let text: String = (1..20_000).map(|seq| line(seq, "stop") + "\n").collect();
        segment(dir.path(), 1, &text);
        segment(dir.path(), 2, line(20_000, "start") + "\n");
        let log = Log::open(dir.path()).unwrap();
        let told = Rc::new(Cell::new(0));
        let sum = told.clone();
        let mut filter = Filter::default();
        filter.want(super::super::Field::Kind, "start").unwrap();
        let scan = log.scan_for(filter.sieve());
        let mut scan = scan.telling(move |bytes| sum.set(sum.get() + bytes));
        assert_eq!(scan.next_line().unwrap().place.to_string(), "000002.jsonl, line 1");
        assert!(scan.next_line().is_none());
        assert!(told.get() > 1 << 20 && told.get() <= log.bytes(), "{}", told.get());
    }

    #[test]
    fn whatever_the_bytes_are_both_ways_agree() {
        let dir = tempfile::tempdir().unwrap();
        let whole: Vec<u8> =
            (1..40).flat_map(|seq| (line(seq, "call") + "\n").into_bytes()).collect();
        let mut random = 0x2545_f491_4f6c_dd1d_u64;
        for _ in 0..300 {
            let mut bytes = whole.clone();
            for _ in 0..8 {
                random ^= random << 13;
                random ^= random >> 7;
                random ^= random << 17;
                let at = random as usize % bytes.len();
                match random >> 60 {
                    0..4 => bytes[at] = (random >> 32) as u8,
                    4..6 => bytes[at] = b'\n',
                    6..8 => drop(bytes.drain(at..(at + 50).min(bytes.len()))),
                    8..10 => bytes.truncate(at.max(1)),
                    _ => bytes[at] ^= 1 << (random >> 32 & 7),
                }
            }
            segment(dir.path(), 1, &bytes);
            let log = Log::open(dir.path()).unwrap();
            let (ahead, back) = (forwards(&log), backwards(&log));
            assert_eq!(ahead.0, back.0);
            assert_eq!((ahead.1.lines, ahead.1.open_bytes), (back.1.lines, back.1.open_bytes));
        }
    }
}
