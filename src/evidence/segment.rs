//! The files of the log: `000001.jsonl`, `000002.jsonl` and so on, appended to and never opened
//! for anything else.
//!
//! A new process always begins a new segment. Continuing the last one would write behind bytes
//! that a crash left, and would need them cut off first; like this what a crash left stays as it
//! is, for whoever wants to look. Sealing a finished segment will go where [`Disk::next`] leaves
//! it.

use super::chain::{self, Head, Whole};
use super::event::TornTail;
use super::tail::{self, Rest};
use crate::json::Digest;
use crate::state::create_private_dir;
use std::{
    fs::{File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

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
}

/// The segments of one directory; the last of them is open.
#[derive(Debug)]
pub(super) struct Segments {
    dir: PathBuf,
    number: u32,
    file: File,
}

/// What earlier processes left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Left {
    /// The last whole line.
    pub(super) head: Head,
    /// What a crash left behind it.
    pub(super) torn: Option<TornTail>,
    /// Whether what is there follows, up to what a crash can leave.
    pub(super) state: LeftState,
}

/// Whether somebody was at the log while nobody wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LeftState {
    /// It is as it was written, as far as the last segments show.
    Sound,
    /// It is not: a change that stays to be found.
    Broken,
}

// === impl Segments ===

impl Segments {
    /// Surveys the directory, creating it where missing, and begins a new segment.
    pub(super) fn open(dir: &Path) -> io::Result<(Segments, Left)> {
        create_private_dir(dir)?;
        sync_dir(dir.parent().unwrap_or(dir))?;
        let mut found = list(dir)?;
        // Empty segments at the end are of starts that failed: the next one is begun in them.
        while let Some((_, path)) = found.last()
            && path.metadata()?.len() == 0
        {
            found.pop();
        }
        let left = survey(&found)?;
        let last = found.last().map_or(0, |(number, _)| *number);
        let (number, file) = create_after(dir, last)?;
        Ok((Segments { dir: dir.to_owned(), number, file }, left))
    }
}

impl Disk for Segments {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.file.sync_data()
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

fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

/// Goes backwards to the last line that follows. Segments without one count as torn altogether.
fn survey(found: &[(u32, PathBuf)]) -> io::Result<Left> {
    let (mut torn, mut state) = (Vec::new(), LeftState::Sound);
    for (_, path) in found.iter().rev() {
        let bytes = std::fs::read(path)?;
        let run = tail::follow(&bytes, base(&bytes), |_, _| {});
        if run.rest == Rest::Broken {
            state = LeftState::Broken;
        }
        // Behind a change the chain goes on from whatever line is last: the change stays named.
        let head = match run.rest {
            Rest::Broken => chain::last_whole(&bytes).map(|(head, _)| head),
            Rest::Nothing | Rest::Torn => (run.lines > 0).then_some(run.head),
        };
        torn.push(bytes.get(run.len..).unwrap_or_default().to_vec());
        if let Some(head) = head {
            return Ok(Left { head, torn: torn_tail(torn, state), state });
        }
    }
    Ok(Left { head: Head::genesis(), torn: torn_tail(torn, state), state })
}

/// The line before the first of a segment, as that says itself.
pub(super) fn base(bytes: &[u8]) -> Head {
    let first = tail::lines(bytes).next().and_then(Whole::read);
    first.map_or_else(Head::genesis, |first| Head {
        seq: first.head.seq.saturating_sub(1),
        hash: Digest::from(first.prev),
    })
}

/// What is torn of segments, the last first.
fn torn_tail(mut parts: Vec<Vec<u8>>, state: LeftState) -> Option<TornTail> {
    parts.reverse();
    let bytes = parts.concat();
    let is_torn = state == LeftState::Sound && !bytes.is_empty();
    is_torn.then(|| TornTail { bytes: bytes.len() as u64, digest: Digest::of(&bytes) })
}
