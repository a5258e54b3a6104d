//! Reading and writing whole files.
//!
//! Written files hold decisions, counters or keys, so only their owner may read them, and a
//! reader never sees half of one: the bytes go to a temporary file beside the target, are synced,
//! and take the target's name.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

/// What to do with a file that is already there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Existing {
    /// Leave it and fail.
    Refuse,
    /// Put the new one in its place.
    Replace,
}

/// Reads a whole file of at most `bytes_max`.
///
/// # Errors
/// It cannot be read, or is larger.
pub fn read(path: &Path, bytes_max: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(bytes_max.saturating_add(1)).read_to_end(&mut bytes)?;
    if u64::try_from(bytes.len()).is_ok_and(|count| count <= bytes_max) {
        return Ok(bytes);
    }
    let what = format!("larger than {bytes_max} bytes");
    Err(io::Error::new(io::ErrorKind::FileTooLarge, what))
}

/// Writes `bytes` to `path` with mode 0600, making missing directories with mode 0750.
///
/// # Errors
/// The system says no; with [`Existing::Refuse`], there is a file; something else than a file is
/// there, such as `/dev/null`, which a rename would take away from everybody.
pub fn write(path: &Path, bytes: &[u8], existing: Existing) -> io::Result<()> {
    if fs::metadata(path).is_ok_and(|there| !there.is_file()) {
        return Err(io::Error::other("it is no regular file; give the path of one"));
    }
    make_parent(path)?;
    let temporary = beside(path)?;
    let written = write_new(&temporary, bytes).and_then(|()| match existing {
        // A link is made only where there is no name yet; a rename takes one over.
        Existing::Refuse => fs::hard_link(&temporary, path),
        Existing::Replace => fs::rename(&temporary, path),
    });
    if written.is_err() || existing == Existing::Refuse {
        // Where this fails too, the first error is the one to report.
        let _ = fs::remove_file(&temporary);
    }
    written
}

/// The file that a link leads to; any other path as it is. A state is changed where it lies:
/// whoever reads it by another name must see the change.
///
/// # Errors
/// The link leads nowhere.
pub fn behind_link(path: &Path) -> io::Result<PathBuf> {
    match fs::symlink_metadata(path) {
        Ok(there) if there.is_symlink() => fs::canonicalize(path),
        _ => Ok(path.to_owned()),
    }
}

/// Adds a line to a file that only grows, mode 0600, and syncs it. One write, so that the lines
/// of several processes stay whole.
///
/// # Errors
/// The system says no.
pub fn append_line(path: &Path, line: &str) -> io::Result<()> {
    make_parent(path)?;
    let mut file = OpenOptions::new().append(true).create(true).mode(0o600).open(path)?;
    file.write_all(format!("{line}\n").as_bytes())?;
    file.sync_data()
}

/// Makes the directory that `path` is to stand in, mode 0750.
///
/// # Errors
/// The system says no.
pub fn make_parent(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(parent) => DirBuilder::new().recursive(true).mode(0o750).create(parent),
        None => Ok(()),
    }
}

/// Puts `bytes` in the place of a file, which keeps its mode. A link stays a link.
///
/// # Errors
/// The system says no; the old file then stands.
pub fn rewrite(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let path = fs::canonicalize(path)?;
    let permissions = fs::metadata(&path)?.permissions();
    let temporary = beside(&path)?;
    let written = write_new(&temporary, bytes)
        .and_then(|()| fs::set_permissions(&temporary, permissions))
        .and_then(|()| fs::rename(&temporary, &path));
    if written.is_err() {
        // Where this fails too, the first error is the one to report.
        let _ = fs::remove_file(&temporary);
    }
    written
}

/// A name in the same directory that nobody else uses.
///
/// # Errors
/// The path names no file, or the system has no randomness.
pub fn beside(path: &Path) -> io::Result<PathBuf> {
    let name = path.file_name().ok_or_else(|| io::Error::other("the path names no file"))?;
    let mut random = [0; 8];
    getrandom::fill(&mut random).map_err(io::Error::other)?;
    let suffix = u64::from_le_bytes(random);
    Ok(path.with_file_name(format!(".{}.{suffix:016x}", name.to_string_lossy())))
}

fn write_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = create(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// A new file, mode 0600.
///
/// # Errors
/// There is one, or the system says no.
pub fn create(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}
