//! The files that a load depends on, and whether they are still what was read.
//!
//! A config, its policy and its certificates are files of their own, and whoever exchanges them does
//! so one after the other or by turning one link. So each is looked at just before it is read, and
//! all of them again at the end: where none has changed, what was read stood there at one and the
//! same moment. A file that changed a moment ago may change once more without a trace in its times,
//! so bytes are compared too.
//!
//! Rejected: a lock, which nobody who writes a config takes; the watch by the kernel, for which see
//! `app/reloads/watch`.

use crate::clock;
use crate::json::Digest;
use jiff::Timestamp;
use std::fmt;
use std::fs::{self, File, Metadata};
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// The largest file that is read.
pub(super) const FILE_BYTES_MAX: u64 = 4 << 20;

/// Times of files move in steps of some milliseconds; those of a mounted one by whole seconds.
const YOUNG_MS: i64 = 2_000;

/// What a load read or tried to read, in that order, each as it was found.
#[derive(Clone, Default)]
pub struct Files(Vec<Found>);

/// How files stand at one moment: equal where nothing has happened to them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Marks(Vec<Mark>);

#[derive(Clone)]
struct Found {
    path: PathBuf,
    mark: Mark,
    /// SHA-256; never shown, as the file may be a secret. `None` where it was not read here.
    content: Option<Digest>,
    /// Whether its times say less than they should.
    is_young: bool,
}

/// What changes when a file does. Links are followed: a turned link leads to another inode.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Mark {
    /// It cannot be had.
    Gone(io::ErrorKind),
    /// A pipe or a device: there is nothing to compare, and it cannot be read twice.
    Stream,
    File {
        device: u64,
        inode: u64,
        bytes: u64,
        modified: (i64, i64),
        changed: (i64, i64),
    },
    /// Its times say nothing, its bytes are others.
    Rewritten,
}

/// Reads a file of at most [`FILE_BYTES_MAX`].
pub(super) fn read(path: &Path) -> io::Result<Zeroizing<Vec<u8>>> {
    // Made large enough at once: a buffer that grows leaves copies behind that nobody wipes.
    let mut bytes = Zeroizing::new(Vec::with_capacity(64 << 10));
    File::open(path)?.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes)?;
    match bytes.len() as u64 > FILE_BYTES_MAX {
        true => {
            let what = format!("larger than {FILE_BYTES_MAX} bytes");
            Err(io::Error::new(io::ErrorKind::FileTooLarge, what))
        }
        false => Ok(bytes),
    }
}

// === impl Files ===

impl Files {
    /// Reads a file and notes how it was found.
    pub(super) fn read(&mut self, path: &Path) -> io::Result<Zeroizing<Vec<u8>>> {
        let mut found = Found::new(path);
        let bytes = read(path);
        found.content = bytes.as_ref().ok().map(|bytes| Digest::of(bytes));
        self.0.push(found);
        bytes
    }

    /// Reads one of them again, and from now on knows it as it is found now.
    pub(super) fn read_again(&mut self, path: &Path) -> io::Result<Zeroizing<Vec<u8>>> {
        let at = self.0.iter().position(|found| found.path == path);
        let read = self.read(path);
        if let Some(at) = at {
            self.0.swap_remove(at);
        }
        read
    }

    /// From now on knows one of them as it is found now, if its bytes are known.
    pub(super) fn know_again(&mut self, path: &Path, is_known: impl FnOnce(&[u8]) -> bool) {
        let mut again = self.clone();
        if again.read_again(path).is_ok_and(|bytes| is_known(&bytes)) {
            *self = again;
        }
    }

    /// Notes a file that somebody else reads after this.
    pub(super) fn note(&mut self, path: &Path) {
        self.0.push(Found::new(path));
    }

    /// Follows a file besides, as another load found it; `marks` get its mark.
    pub fn follow(&mut self, others: &Files, path: &Path, marks: &mut Marks) {
        let is_known = self.0.iter().any(|found| found.path == path);
        if let Some(found) = others.0.iter().find(|found| found.path == path && !is_known) {
            marks.0.push(found.mark.clone());
            self.0.push(found.clone());
        }
    }

    /// Knows one of them as it is found by now where it was known as before that; so do these marks.
    pub fn know_as<'m>(
        &mut self,
        path: &Path,
        (before, now): (&Files, &Files),
        marks: impl Iterator<Item = &'m mut Marks>,
    ) {
        let of = |files: &Files| files.0.iter().find(|found| found.path == path).cloned();
        let at = self.0.iter().position(|found| found.path == path);
        let (Some(at), Some(before), Some(now)) = (at, of(before), of(now)) else { return };
        let own = self.0.iter_mut().skip(at).take(1);
        own.filter(|own| own.mark == before.mark).for_each(|own| *own = now.clone());
        let noted = marks.filter_map(|marks| marks.0.get_mut(at));
        noted.filter(|mark| **mark == before.mark).for_each(|mark| *mark = now.mark.clone());
    }

    /// The first one.
    pub fn first(&self) -> Option<&Path> {
        self.0.first().map(|found| found.path.as_path())
    }

    /// How they were found.
    pub fn marks(&self) -> Marks {
        Marks(self.0.iter().map(|found| found.mark.clone()).collect())
    }

    /// How they stand now. Blocks for as long as the disk likes.
    pub fn look(&mut self) -> Marks {
        let now = clock::now();
        Marks(self.0.iter_mut().map(|found| found.look(now)).collect())
    }

    /// The first file that is not as it was found. Blocks.
    pub(super) fn moved(&self) -> Option<&Path> {
        let moved = self.0.iter().find(|found| found.mark != found.now());
        moved.map(|found| found.path.as_path())
    }

    /// Whether they still hold the bytes that they were found with: a touch says nothing. Blocks.
    pub fn stay(&self) -> bool {
        self.0.iter().all(|found| match (&found.content, &found.mark) {
            (Some(content), Mark::File { .. }) => {
                read(&found.path).is_ok_and(|bytes| Digest::of(&bytes) == *content)
            }
            _ => found.mark == Mark::of(&found.path),
        })
    }

    /// The first file of which two looks at these do not say the same.
    pub fn differing(&self, one: &Marks, other: &Marks) -> Option<&Path> {
        let mut found = self.0.iter().zip(one.0.iter().zip(&other.0));
        found.find(|(_, (one, other))| one != other).map(|(found, _)| found.path.as_path())
    }

    /// Whether a load found its files as a look at these did, as far as both have them.
    pub fn agree(&self, looked: &Marks, loaded: &Files) -> bool {
        let agrees = |(own, mark): (&Found, &Mark)| {
            let mut others = loaded.0.iter().filter(|other| other.path == own.path);
            *mark == Mark::Rewritten || others.all(|other| other.mark == *mark)
        };
        self.0.iter().zip(&looked.0).all(agrees)
    }

    /// The first file of which another load did not find the same bytes.
    pub fn unlike(&self, other: &Files) -> Option<&Path> {
        let is_unlike = |found: &&Found| {
            let mut others = other.0.iter().filter(|other| other.path == found.path);
            others.next().is_none_or(|other| !found.holds_the_same(other))
        };
        self.0.iter().find(is_unlike).map(|found| found.path.as_path())
    }

    /// Whether both loads found the same bytes in the same files.
    pub fn hold_the_same(&self, other: &Files) -> bool {
        let is_same =
            |(one, other): (&Found, &Found)| one.path == other.path && one.holds_the_same(other);
        self.0.len() == other.0.len() && self.0.iter().zip(&other.0).all(is_same)
    }
}

impl fmt::Debug for Files {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|found| &found.path)).finish()
    }
}

// === impl Found ===

impl Found {
    fn new(path: &Path) -> Found {
        let mark = Mark::of(path);
        let is_young = mark.is_young(clock::now());
        Found { path: path.to_owned(), mark, content: None, is_young }
    }

    fn holds_the_same(&self, other: &Found) -> bool {
        match (self.content, other.content) {
            (Some(content), Some(others)) => content == others,
            _ => self.mark == other.mark,
        }
    }

    /// How it stands now, by its times and its bytes.
    fn now(&self) -> Mark {
        let mark = Mark::of(&self.path);
        match (&self.content, &mark) {
            (Some(content), Mark::File { .. }) if mark == self.mark => {
                let is_same = read(&self.path).is_ok_and(|bytes| Digest::of(&bytes) == *content);
                if is_same { mark } else { Mark::Rewritten }
            }
            _ => mark,
        }
    }

    /// The same, by its bytes only until its times can be relied on.
    fn look(&mut self, now: Timestamp) -> Mark {
        let mark = if self.is_young { self.now() } else { Mark::of(&self.path) };
        if mark == self.mark && !mark.is_young(now) {
            self.is_young = false;
        }
        mark
    }
}

// === impl Mark ===

impl Mark {
    fn of(path: &Path) -> Mark {
        match fs::metadata(path) {
            Ok(found) if found.is_file() => Mark::of_file(&found),
            Ok(_) => Mark::Stream,
            Err(error) => Mark::Gone(error.kind()),
        }
    }

    fn of_file(found: &Metadata) -> Mark {
        Mark::File {
            device: found.dev(),
            inode: found.ino(),
            bytes: found.len(),
            modified: (found.mtime(), found.mtime_nsec()),
            changed: (found.ctime(), found.ctime_nsec()),
        }
    }

    /// Whether it changed so short a while ago that the next change may not show. A clock of a
    /// server that goes wrong makes a file young for a while, not for ever.
    fn is_young(&self, now: Timestamp) -> bool {
        let Mark::File { changed: (seconds, nanos), .. } = self else { return false };
        let changed_ms = seconds.saturating_mul(1_000).saturating_add(nanos / 1_000_000);
        let age_ms = now.as_millisecond().saturating_sub(changed_ms);
        (-YOUNG_MS..YOUNG_MS).contains(&age_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    fn loaded(path: &Path) -> Files {
        let mut files = Files::default();
        let _ = files.read(path);
        files
    }

    #[test]
    fn a_file_is_still_what_it_was_until_something_happens_to_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a");
        fs::write(&path, "one").unwrap();
        let mut files = loaded(&path);
        assert_eq!(files.look(), files.marks());
        assert!(files.moved().is_none());
        fs::write(&path, "other").unwrap();
        assert_ne!(files.look(), files.marks());
        assert_eq!(files.moved(), Some(path.as_path()));
        let mut gone = loaded(&dir.path().join("none"));
        assert_eq!(gone.look(), gone.marks());
        fs::write(dir.path().join("none"), "").unwrap();
        assert_ne!(gone.look(), gone.marks());
    }

    #[test]
    fn bytes_that_change_without_a_trace_in_the_times_are_seen() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a");
        fs::write(&path, "one").unwrap();
        let mut files = loaded(&path);
        fs::write(&path, "two").unwrap();
        // As if both writes had met one tick of the clock.
        files.0[0].mark = Mark::of(&path);
        assert!(files.moved().is_some());
        assert_ne!(files.look(), files.marks());
        files.0[0].is_young = false;
        assert_eq!(files.look(), files.marks(), "of an old one the times are enough");
    }

    #[test]
    fn a_link_that_is_turned_is_a_change_and_a_touch_changes_no_content() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        fs::write(at("one"), "same").unwrap();
        fs::write(at("two"), "same").unwrap();
        symlink("one", at("link")).unwrap();
        let mut files = loaded(&at("link"));
        symlink("two", at("next")).unwrap();
        fs::rename(at("next"), at("link")).unwrap();
        assert_ne!(files.look(), files.marks());
        assert!(files.hold_the_same(&loaded(&at("link"))));
        fs::write(at("two"), "other").unwrap();
        assert!(!files.hold_the_same(&loaded(&at("link"))));
    }

    #[test]
    fn a_pipe_is_not_read_twice() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("pipe");
        let made = std::process::Command::new("mkfifo").arg(&path).status().unwrap();
        assert!(made.success());
        let mut files = Files::default();
        files.note(&path);
        files.0[0].content = Some(Digest::of(b"what came out of it"));
        assert_eq!(files.look(), files.marks());
        assert!(files.moved().is_none());
    }

    #[test]
    fn debug_names_files_and_nothing_of_what_is_in_them() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a");
        fs::write(&path, "secret").unwrap();
        assert_eq!(format!("{:?}", loaded(&path)), format!("[{path:?}]"));
    }
}
