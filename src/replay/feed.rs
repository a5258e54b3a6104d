//! From files to batches: the one thread that reads.
//!
//! Lines are cut here, where a line that is too long is passed over without ever being held;
//! documents are only named, and read by the thread that judges them. What cannot be read is a
//! piece like any other, so it is reported in its place.

use super::{Form, INTENT_BYTES_MAX, Source};
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read as _};
use std::ops::{ControlFlow, Range};
use std::path::Path;

/// A batch is closed once it holds as many bytes of lines...
const BATCH_BYTES: usize = 256 << 10;
/// ... or lines...
const BATCH_LINES: usize = 1024;
/// ... or documents.
const BATCH_DOCUMENTS: usize = 128;

/// What one thread judges at a time.
#[derive(Debug)]
pub(super) enum Batch {
    /// Documents, by their places among the sources.
    Documents(Range<usize>),
    /// Lines of one source.
    Lines(Lines),
}

/// Consecutive lines of a source.
#[derive(Debug)]
pub(super) struct Lines {
    /// Which, by its place.
    pub(super) source: usize,
    /// Their bytes, one after the other, with their line feeds.
    text: Vec<u8>,
    pieces: Vec<Piece>,
    /// How many bytes of the source they are.
    pub(super) bytes: u64,
}

/// A line within the text of its batch.
#[derive(Debug)]
struct Piece {
    number: u64,
    range: Range<usize>,
    state: State,
}

#[derive(Debug)]
enum State {
    Whole,
    /// The file ends without a line feed.
    Open,
    TooLong,
    Unread(String),
}

/// A line as it was found.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line<'a> {
    /// With its end.
    Whole(&'a [u8]),
    /// The last of a file that does not end with a line feed.
    Open(&'a [u8]),
    /// Not held.
    TooLong,
    /// The file could not be read from here on.
    Unread(&'a str),
}

/// Reads all sources and hands on their batches, in order, as long as somebody takes them.
pub(super) fn feed(sources: &[Source], mut to: impl FnMut(Batch) -> ControlFlow<()>) {
    let mut start = 0;
    while let Some(source) = sources.get(start) {
        let rest = sources.iter().skip(start).take(BATCH_DOCUMENTS);
        let documents = rest.take_while(|source| source.form == Form::Document).count();
        let flow = match documents {
            0 => lines(start, &source.path, &mut to),
            _ => to(Batch::Documents(start..start + documents)),
        };
        if flow.is_break() {
            return;
        }
        start += documents.max(1);
    }
}

fn lines(
    source: usize,
    path: &Path,
    to: &mut impl FnMut(Batch) -> ControlFlow<()>,
) -> ControlFlow<()> {
    let mut reader = match File::open(path) {
        Ok(file) => BufReader::with_capacity(BATCH_BYTES, file),
        Err(error) => {
            let mut batch = Lines::of(source);
            batch.put(1, 0, State::Unread(error.to_string()));
            return to(Batch::Lines(batch));
        }
    };
    let mut number = 0;
    loop {
        let mut batch = Lines::of(source);
        let more = batch.fill(&mut reader, &mut number);
        if !batch.pieces.is_empty() {
            to(Batch::Lines(batch))?;
        }
        if more == More::No {
            return ControlFlow::Continue(());
        }
    }
}

#[derive(PartialEq, Eq)]
enum More {
    Yes,
    No,
}

// === impl Lines ===

impl Lines {
    fn of(source: usize) -> Lines {
        Lines { source, text: Vec::new(), pieces: Vec::new(), bytes: 0 }
    }

    /// The lines with their numbers, which count from 1.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u64, Line<'_>)> {
        self.pieces.iter().map(|piece| {
            let text = self.text.get(piece.range.clone()).unwrap_or_default();
            let line = match &piece.state {
                State::Whole => Line::Whole(text),
                State::Open => Line::Open(text),
                State::TooLong => Line::TooLong,
                State::Unread(error) => Line::Unread(error),
            };
            (piece.number, line)
        })
    }

    fn fill(&mut self, reader: &mut impl BufRead, number: &mut u64) -> More {
        self.text.reserve(BATCH_BYTES + BATCH_BYTES / 4);
        while self.text.len() < BATCH_BYTES && self.pieces.len() < BATCH_LINES {
            let start = self.text.len();
            match self.line(reader) {
                Ok(None) => return More::No,
                Ok(Some(state)) => {
                    *number += 1;
                    self.put(*number, start, state);
                }
                Err(error) => {
                    self.text.truncate(start);
                    self.put(*number + 1, start, State::Unread(error.to_string()));
                    return More::No;
                }
            }
        }
        More::Yes
    }

    /// Appends one line; `None` at the end of the file.
    fn line(&mut self, reader: &mut impl BufRead) -> io::Result<Option<State>> {
        let start = self.text.len();
        let read = reader.by_ref().take(INTENT_BYTES_MAX + 1).read_until(b'\n', &mut self.text)?;
        self.bytes += read as u64;
        if self.text.last() == Some(&b'\n') && read > 0 {
            return Ok(Some(State::Whole));
        }
        if read as u64 <= INTENT_BYTES_MAX {
            return Ok((read > 0).then_some(State::Open));
        }
        self.text.truncate(start);
        self.bytes += reader.skip_until(b'\n')? as u64;
        Ok(Some(State::TooLong))
    }

    fn put(&mut self, number: u64, start: usize, state: State) {
        self.pieces.push(Piece { number, range: start..self.text.len(), state });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;

    fn batches(sources: &[Source]) -> Vec<Batch> {
        let mut batches = Vec::new();
        feed(sources, |batch| {
            batches.push(batch);
            ControlFlow::Continue(())
        });
        batches
    }

    fn source(path: PathBuf, form: Form) -> Source {
        Source { path, form, bytes: 0 }
    }

    #[test]
    fn lines_keep_their_numbers_and_long_ones_are_not_held() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("a.jsonl");
        let long = "x".repeat(INTENT_BYTES_MAX as usize + 5);
        let text = format!("one\n\n{long}\nfour\n{}\nsix", "y".repeat(BATCH_BYTES));
        std::fs::write(&path, &text).unwrap();
        let batches = batches(&[source(path, Form::Lines)]);
        let mut seen = Vec::new();
        let mut bytes = 0;
        for batch in &batches {
            let Batch::Lines(lines) = batch else { panic!("{batch:?}") };
            bytes += lines.bytes;
            assert!(lines.text.len() <= 2 * BATCH_BYTES);
            seen.extend(lines.iter().map(|(number, line)| {
                let short = match line {
                    Line::Whole(text) => text.get(..3).unwrap_or(text),
                    Line::Open(_) => b"open",
                    Line::TooLong => b"long",
                    Line::Unread(_) => b"unread",
                };
                (number, String::from_utf8(short.to_vec()).unwrap())
            }));
        }
        let want = [(1, "one"), (2, "\n"), (3, "long"), (4, "fou"), (5, "yyy"), (6, "open")];
        assert_eq!(seen, want.map(|(number, text)| (number, text.to_owned())));
        assert_eq!((bytes, batches.len()), (text.len() as u64, 2));
    }

    #[test]
    fn documents_are_named_in_runs_and_a_missing_file_is_a_piece() {
        let document = || source(PathBuf::from("a.json"), Form::Document);
        let mut sources: Vec<_> = std::iter::repeat_with(document).take(130).collect();
        sources.insert(129, source(PathBuf::from("missing.jsonl"), Form::Lines));
        let batches = batches(&sources);
        let shape = |batch: &Batch| match batch {
            Batch::Documents(range) => format!("{range:?}"),
            Batch::Lines(lines) => format!("{:?}", lines.iter().next().unwrap()),
        };
        let shapes: Vec<_> = batches.iter().map(shape).collect();
        assert_eq!(shapes[..2], ["0..128", "128..129"]);
        assert!(shapes[2].starts_with("(1, Unread(\"No such file"), "{}", shapes[2]);
        assert_eq!(shapes[3], "130..131");
    }
}
