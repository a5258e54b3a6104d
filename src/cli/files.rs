//! Files that a command writes, and the bound on those that it reads.
//!
//! Written files hold decisions or keys, so only their owner may read them, and a reader never
//! sees half of one: the bytes go to a temporary file beside the target, are synced, and take the
//! target's name.

use super::answer::Failure;
use crate::trace;
use serde::Serialize;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

/// No intent, trace or config that a command reads is larger.
const INPUT_BYTES_MAX: u64 = 4 << 20;

/// What to do with a file that is already there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Existing {
    /// Leave it and fail.
    Refuse,
    /// Put the new one in its place.
    Replace,
}

/// Reads a whole file; `what` names it in the error.
///
/// # Errors
/// Exit 6: it cannot be read, or is larger than any such file should be.
pub(super) fn read(what: &str, path: &Path) -> Result<Vec<u8>, Failure> {
    let fail = |reason: &dyn std::fmt::Display| {
        Failure::input(format!("read {what}: {}: {reason}", path.display()))
    };
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(INPUT_BYTES_MAX + 1).read_to_end(&mut bytes))
        .map_err(|error| fail(&error))?;
    if bytes.len() as u64 > INPUT_BYTES_MAX {
        return Err(fail(&format_args!("larger than {INPUT_BYTES_MAX} bytes")));
    }
    Ok(bytes)
}

/// Writes `bytes` to `path` with mode 0600, making missing directories with mode 0750.
///
/// # Errors
/// Exit 6 if there is a file and it must not be replaced, exit 1 if the system says no.
pub(super) fn write(
    what: &str,
    path: &Path,
    bytes: &[u8],
    existing: Existing,
) -> Result<(), Failure> {
    write_beside(path, bytes, existing).map_err(|error| {
        let path_text = path.display();
        if existing == Existing::Refuse && fs::symlink_metadata(path).is_ok() {
            let mend = "use --force to overwrite";
            return Failure::input(format!("output path already exists ({mend}): {path_text}"));
        }
        Failure::internal(format!("write {what}: {path_text}: {error}"))
    })
}

/// Puts `bytes` in the place of a file, which keeps its mode. A link stays a link.
///
/// # Errors
/// Exit 1: the system says no.
pub(super) fn rewrite(what: &str, path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    rewrite_beside(path, bytes)
        .map_err(|error| Failure::internal(format!("write {what}: {}: {error}", path.display())))
}

fn rewrite_beside(path: &Path, bytes: &[u8]) -> io::Result<()> {
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

fn write_beside(path: &Path, bytes: &[u8], existing: Existing) -> io::Result<()> {
    if let Some(parent) = path.parent() {
        DirBuilder::new().recursive(true).mode(0o750).create(parent)?;
    }
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

/// A name in the same directory that nobody else uses.
fn beside(path: &Path) -> io::Result<PathBuf> {
    let name = path.file_name().ok_or_else(|| io::Error::other("the path names no file"))?;
    let mut random = [0; 8];
    getrandom::fill(&mut random).map_err(io::Error::other)?;
    let suffix = u64::from_le_bytes(random);
    Ok(path.with_file_name(format!(".{}.{suffix:016x}", name.to_string_lossy())))
}

fn write_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Writes a record over what is there: the same decision has the same file name.
///
/// # Errors
/// Exit 1: the system says no.
pub(super) fn write_record<T: Serialize>(
    what: &str,
    path: &Path,
    record: &T,
) -> Result<(), Failure> {
    let bytes = trace::to_file(record).map_err(Failure::internal)?;
    write(what, path, &bytes, Existing::Replace)
}
