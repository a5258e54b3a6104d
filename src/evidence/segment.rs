//! The files of the log: `000001.jsonl`, `000002.jsonl` and so on, appended to and never opened
//! for anything else.
//!
//! A new process always begins a new segment. Continuing the last one would write behind bytes
//! that a crash left, and would need them cut off first; like this what a crash left stays as it
//! is, for whoever wants to look.

use super::expire::{Ended, Shelf};
use super::survey::{self, End, Left};
use crate::state::{create_private_dir, sync_dir};
use std::{
    fs::{File, OpenOptions},
    io::{self, BufRead as _, BufReader, Read as _, Seek as _, SeekFrom, Write as _},
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

/// How much of a segment is read to find its end: the first line of one and the signed line at
/// its end are far shorter.
const LOOK_BYTES: u64 = 64 << 10;

/// What the journal needs of a disk; tests put one in that fails on demand.
pub(super) trait Disk {
    /// Writes at the end of the current segment; on an error any part may have been written.
    fn append(&mut self, bytes: &[u8]) -> io::Result<()>;
    /// Makes what was written durable.
    fn sync(&mut self) -> io::Result<()>;
    /// Cuts the current segment back to `len` bytes, after an error.
    fn rewind(&mut self, len: u64) -> io::Result<()>;
    /// Begins the next segment, durably empty.
    fn next(&mut self) -> io::Result<()>;
    /// The number of the current segment.
    fn number(&self) -> u32;
    /// What the segment after an ended one continues; the last line where there is none yet.
    fn end(&mut self, number: u32) -> io::Result<End>;
    /// Removes an ended segment for good; one that is gone already is no error.
    fn remove(&mut self, number: u32) -> io::Result<()>;
}

/// The segments of one directory; the last of them is open.
#[derive(Debug)]
pub(super) struct Segments {
    dir: PathBuf,
    number: u32,
    file: File,
}

// === impl Segments ===

impl Segments {
    /// Surveys the directory, creating it where missing, and begins a new segment.
    pub(super) fn open(dir: &Path) -> io::Result<(Segments, Left, Shelf)> {
        create_private_dir(dir)?;
        sync_dir(dir.parent().unwrap_or(dir))?;
        let mut found = list(dir)?;
        // Empty segments at the end are of starts that failed: the next one is begun in them.
        while let Some((_, path)) = found.last()
            && path.metadata()?.len() == 0
        {
            found.pop();
        }
        let texts = found.iter().rev().map(|(number, path)| Ok((*number, std::fs::read(path)?)));
        let left = survey::survey(texts)?;
        let shelf = found.iter().map(ended).collect::<io::Result<Shelf>>()?;
        let last = found.last().map_or(0, |(number, _)| *number);
        let (number, file) = create_after(dir, last)?;
        Ok((Segments { dir: dir.to_owned(), number, file }, left, shelf))
    }
}

impl Disk for Segments {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.file.sync_data()?;
        // What nobody can find by its name is kept for nobody.
        let (there, own) = (std::fs::metadata(path(&self.dir, self.number)), self.file.metadata()?);
        match there.is_ok_and(|there| (there.dev(), there.ino()) == (own.dev(), own.ino())) {
            true => Ok(()),
            false => Err(io::Error::other(
                "the open segment was moved or removed: put it back, or start the gateway again \
                 if it is lost",
            )),
        }
    }

    fn rewind(&mut self, len: u64) -> io::Result<()> {
        // Opened anew: after a failed sync or a remount the old handle may be of no use.
        let file = OpenOptions::new().append(true).open(path(&self.dir, self.number))?;
        if file.metadata()?.len() < len {
            // Cutting to `len` would now fill with zeros what somebody took away.
            return Err(io::Error::other("the segment is shorter than what was synced"));
        }
        file.set_len(len)?;
        self.file = file;
        Ok(())
    }

    fn next(&mut self) -> io::Result<()> {
        (self.number, self.file) = create_after(&self.dir, self.number)?;
        Ok(())
    }

    fn number(&self) -> u32 {
        self.number
    }

    fn end(&mut self, number: u32) -> io::Result<End> {
        let after = number.saturating_add(1)..=self.number;
        let starts = after.map(|number| first_line(&path(&self.dir, number)));
        survey::end(&tail(&path(&self.dir, number))?, starts)
    }

    fn remove(&mut self, number: u32) -> io::Result<()> {
        match std::fs::remove_file(path(&self.dir, number)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => sync_dir(&self.dir),
        }
    }
}

fn ended((number, path): &(u32, PathBuf)) -> io::Result<Ended> {
    Ok(Ended { number: *number, bytes: path.metadata()?.len(), end: None })
}

/// The segments of a directory, by number. Other files are passed over.
pub fn list(dir: &Path) -> io::Result<Vec<(u32, PathBuf)>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir)? {
        let path = entry?.path();
        if let Some(number) = number(&path) {
            found.push((number, path));
        }
    }
    found.sort_unstable();
    Ok(found)
}

fn number(path: &Path) -> Option<u32> {
    let stem = path.file_name()?.to_str()?.strip_suffix(".jsonl")?;
    stem.parse().ok().filter(|number| format!("{number:06}") == stem)
}

fn path(dir: &Path, number: u32) -> PathBuf {
    dir.join(format!("{number:06}.jsonl"))
}

/// Creates the first segment after `number` that is not there yet, or is empty because an
/// earlier try to begin it failed half-way.
fn create_after(dir: &Path, number: u32) -> io::Result<(u32, File)> {
    let next = number.checked_add(1).ok_or(io::ErrorKind::FileTooLarge)?;
    let file = OpenOptions::new().append(true).create(true).mode(0o600).open(path(dir, next))?;
    if file.metadata()?.len() > 0 {
        return create_after(dir, next);
    }
    sync_dir(dir)?;
    Ok((next, file))
}

/// The last bytes of a file.
fn tail(path: &Path) -> io::Result<Vec<u8>> {
    let (mut file, mut bytes) = (File::open(path)?, Vec::new());
    let len = file.metadata()?.len();
    file.seek(SeekFrom::Start(len.saturating_sub(LOOK_BYTES)))?;
    file.take(LOOK_BYTES).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The first line of a file with its LF; what there is of it where it is no line.
fn first_line(path: &Path) -> io::Result<Vec<u8>> {
    let mut line = Vec::new();
    BufReader::new(File::open(path)?.take(LOOK_BYTES)).read_until(b'\n', &mut line)?;
    Ok(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_segment_that_lost_its_name_is_not_synced() {
        let dir = tempfile::tempdir().unwrap();
        let (mut segments, ..) = Segments::open(dir.path()).unwrap();
        let first = path(dir.path(), 1);
        segments.append(b"a line").unwrap();
        segments.sync().unwrap();
        let aside = dir.path().join("aside");
        std::fs::rename(&first, &aside).unwrap();
        let refusal = segments.sync().unwrap_err().to_string();
        assert!(refusal.contains("put it back"), "{refusal}");
        std::fs::write(&first, "another file").unwrap();
        assert!(segments.sync().is_err());
        std::fs::rename(&aside, &first).unwrap();
        segments.sync().unwrap();
        std::fs::remove_file(&first).unwrap();
        assert!(segments.sync().is_err());
    }
}
