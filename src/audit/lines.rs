//! The lines of one file, one after the other; a line without end is never held.

use std::io::{self, BufRead, Read as _};

/// No line that gait writes is longer: a call's intent is bounded by the body that is judged.
pub(super) const LINE_BYTES_MAX: usize = 16 << 20;

/// The lines of a file.
#[derive(Debug)]
pub(super) struct Lines<R> {
    reader: R,
    /// The first line is 1.
    pub(super) number: u64,
    /// Up to where the file was read.
    pub(super) offset: u64,
}

/// What was found where a line could stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cut {
    /// A line; its LF is not held.
    Whole,
    /// The end of the file without an LF: torn, or not whole yet.
    Open,
    /// More than a line can have.
    TooLong,
}

// === impl Lines ===

impl<R: BufRead> Lines<R> {
    pub(super) fn new(reader: R) -> Lines<R> {
        Lines { reader, number: 0, offset: 0 }
    }

    /// Puts the next line in the place of what is in `line`; `None` at the end of the file.
    pub(super) fn next(&mut self, line: &mut Vec<u8>) -> io::Result<Option<Cut>> {
        line.clear();
        let most = LINE_BYTES_MAX as u64 + 1;
        let read = self.reader.by_ref().take(most).read_until(b'\n', line)?;
        if read == 0 {
            return Ok(None);
        }
        self.number += 1;
        self.offset += read as u64;
        if line.pop_if(|last| *last == b'\n').is_some() {
            return Ok(Some(Cut::Whole));
        }
        if read <= LINE_BYTES_MAX {
            return Ok(Some(Cut::Open));
        }
        line.clear();
        self.offset += self.reader.skip_until(b'\n')? as u64;
        Ok(Some(Cut::TooLong))
    }

    /// What has an LF, one by one, up to what cannot be read; of lines that are too long nothing.
    pub(super) fn whole(mut self) -> impl Iterator<Item = Vec<u8>> {
        std::iter::from_fn(move || {
            let mut line = Vec::new();
            let cut = self.next(&mut line).ok()??;
            (cut != Cut::Open).then_some(line)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_cut_counted_and_bounded() {
        let mut text = b"one\n\n".to_vec();
        text.resize(text.len() + LINE_BYTES_MAX + 7, b'x');
        text.extend_from_slice(b"\nlast");
        let (mut lines, mut line) = (Lines::new(text.as_slice()), Vec::new());
        let mut next = || lines.next(&mut line).unwrap().map(|cut| (cut, line.clone()));
        assert_eq!(next(), Some((Cut::Whole, b"one".to_vec())));
        assert_eq!(next(), Some((Cut::Whole, Vec::new())));
        assert_eq!(next(), Some((Cut::TooLong, Vec::new())));
        assert_eq!(next(), Some((Cut::Open, b"last".to_vec())));
        assert_eq!(next(), None);
        assert_eq!((lines.number, lines.offset), (4, text.len() as u64));
    }
}
