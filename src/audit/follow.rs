//! The lines of a log as they are written: behind its end, and on into the segments that come.
//!
//! Rejected: the system's notices of changed files, which network file systems do not send; who
//! follows asks again from time to time.

use super::entry::Entry;
use super::lines::{Cut, Lines};
use super::passed::Passed;
use super::scan::is_framed;
use super::sieve::Sieve;
use crate::evidence;
use std::fs::File;
use std::io::{self, BufReader, Seek as _, SeekFrom};
use std::path::PathBuf;

/// A place in a log, behind a line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Mark {
    /// The number of the segment.
    pub(super) segment: u32,
    /// How many of its bytes were read.
    pub(super) bytes: u64,
}

/// Follows a log from a place on.
#[derive(Debug)]
pub struct Follow {
    dir: PathBuf,
    mark: Mark,
    sieve: Sieve,
}

// === impl Follow ===

impl Follow {
    pub(super) fn new(dir: PathBuf, mark: Mark, sieve: Sieve) -> Follow {
        Follow { dir, mark, sieve }
    }

    /// Gives what was written since, whole lines only; says what was passed over.
    ///
    /// # Errors
    /// `to` fails, or the log cannot be read any more.
    pub fn read(
        &mut self,
        mut to: impl FnMut(Entry, &[u8]) -> io::Result<()>,
    ) -> io::Result<Passed> {
        let mut passed = Passed::default();
        loop {
            // Listed first: what is written before a segment ends is then still read.
            let segments = evidence::segments(&self.dir)?;
            let path = segments.iter().find(|(number, _)| *number == self.mark.segment);
            let open = match path {
                Some((_, path)) => self.segment(path, &mut passed, &mut to)?,
                None => 0,
            };
            let next = segments.iter().find(|(number, _)| *number > self.mark.segment);
            match (next, segments.first(), path) {
                (Some((number, _)), ..) => self.begin(*number, open, &mut passed),
                // The log was made anew.
                (None, Some((number, _)), None) => self.begin(*number, open, &mut passed),
                _ => return Ok(passed),
            }
        }
    }

    fn begin(&mut self, segment: u32, open: u64, passed: &mut Passed) {
        passed.open_bytes += open;
        self.mark = Mark { segment, bytes: 0 };
    }

    /// Reads on in the segment; how many bytes behind its last line are no line yet.
    fn segment(
        &mut self,
        path: &PathBuf,
        passed: &mut Passed,
        to: &mut impl FnMut(Entry, &[u8]) -> io::Result<()>,
    ) -> io::Result<u64> {
        let mut file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
            Err(error) => return Err(error),
        };
        // Whoever writes cuts off what could not be made durable.
        self.mark.bytes = self.mark.bytes.min(file.metadata()?.len());
        file.seek(SeekFrom::Start(self.mark.bytes))?;
        let mut lines = Lines::new(BufReader::new(file));
        let (start, mut line) = (self.mark.bytes, Vec::new());
        while let Some(cut) = lines.next(&mut line)? {
            let place = format_args!("segment {:06}", self.mark.segment);
            match cut {
                Cut::Open => return Ok(start + lines.offset - self.mark.bytes),
                Cut::Whole if is_framed(&line) => match Entry::read(&line) {
                    Ok(entry) if self.sieve.passes(&line) => to(entry, &line)?,
                    Ok(_) => {}
                    Err(error) => passed.line(place, error),
                },
                Cut::Whole | Cut::TooLong => passed.line(place, "no evidence line"),
            }
            self.mark.bytes = start + lines.offset;
        }
        Ok(0)
    }
}

#[cfg(test)]
mod tests {
    use super::super::Log;
    use super::*;
    use std::fs::{self, OpenOptions};
    use std::io::Write as _;
    use std::path::Path;

    fn line(seq: u64) -> String {
        format!("{{\"v\":1,\"seq\":{seq},\"kind\":\"stop\",\"time\":\"2026-01-02T03:04:05Z\"}}\n")
    }

    fn add(dir: &Path, number: u32, text: &str) {
        let path = dir.join(format!("{number:06}.jsonl"));
        let mut file = OpenOptions::new().append(true).create(true).open(path).unwrap();
        file.write_all(text.as_bytes()).unwrap();
    }

    fn read(follow: &mut Follow) -> (Vec<u64>, Passed) {
        let mut seqs = Vec::new();
        let passed = follow.read(|entry, _| {
            seqs.push(entry.seq());
            Ok(())
        });
        (seqs, passed.unwrap())
    }

    #[test]
    fn lines_are_given_once_and_whole_across_segments() {
        let place = tempfile::tempdir().unwrap();
        let dir = place.path();
        add(dir, 1, &(line(1) + &line(2)));
        let mut back = Log::open(dir).unwrap().backwards(Sieve::default());
        assert_eq!(back.next_line().unwrap().0.seq(), 2);
        add(dir, 1, &line(3));
        let mut follow = back.follow();
        assert_eq!(read(&mut follow).0, [3]);
        let mut front = line(4);
        let rest = front.split_off(9);
        add(dir, 1, &front);
        assert_eq!(read(&mut follow).0, [0; 0]);
        add(dir, 1, &rest);
        add(dir, 2, &line(5));
        add(dir, 4, "rubbish\n");
        add(dir, 4, &line(6));
        let (seqs, passed) = read(&mut follow);
        assert_eq!((seqs, passed.lines), (vec![4, 5, 6], 1));
        assert_eq!(read(&mut follow), (vec![], Passed::default()));
    }

    #[test]
    fn what_a_crash_left_is_said_once_the_next_segment_is_there() {
        let place = tempfile::tempdir().unwrap();
        let dir = place.path();
        add(dir, 1, &line(1));
        let mut back = Log::open(dir).unwrap().backwards(Sieve::default());
        let mut follow = back.follow();
        add(dir, 1, "{\"v\":1,");
        assert_eq!(read(&mut follow), (vec![], Passed::default()));
        add(dir, 2, &line(2));
        let (seqs, passed) = read(&mut follow);
        assert_eq!((seqs, passed.open_bytes), (vec![2], 7));
        // A log that was taken away and begun anew is followed from its front.
        fs::remove_file(dir.join("000001.jsonl")).unwrap();
        fs::remove_file(dir.join("000002.jsonl")).unwrap();
        add(dir, 1, &line(1));
        assert_eq!(read(&mut follow).0, [1]);
    }

    #[test]
    fn what_was_withdrawn_is_read_anew() {
        let place = tempfile::tempdir().unwrap();
        let dir = place.path();
        add(dir, 1, &line(1));
        let mut follow = Log::open(dir).unwrap().backwards(Sieve::default()).follow();
        add(dir, 1, &line(2));
        assert_eq!(read(&mut follow).0, [2]);
        let file = OpenOptions::new().write(true).open(dir.join("000001.jsonl")).unwrap();
        file.set_len(line(1).len() as u64).unwrap();
        assert_eq!(read(&mut follow).0, [0; 0]);
        add(dir, 1, &line(2));
        assert_eq!(read(&mut follow).0, [2]);
    }
}
