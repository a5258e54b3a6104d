//! Files that a command reads and writes, and what is said when that fails.

mod growing;

pub(super) use growing::Growing;

use super::answer::Failure;
use crate::store::{StoreError, file};
use crate::trace;
use serde::Serialize;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::{fs, io};

pub(super) use crate::store::file::Existing;

/// No intent, trace or config that a command reads is larger.
const INPUT_BYTES_MAX: u64 = 4 << 20;

/// Reads a whole file; `what` names it in the error.
///
/// # Errors
/// Exit 6: it cannot be read, or is larger than any such file should be.
pub(super) fn read(what: &str, path: &Path) -> Result<Vec<u8>, Failure> {
    file::read(path, INPUT_BYTES_MAX)
        .map_err(|error| Failure::input(format!("read {what}: {}: {error}", path.display())))
}

/// Writes `bytes` to `path` with mode 0600, making missing directories with mode 0750.
///
/// # Errors
/// Exit 6 if there is a file and it must not be replaced, or something else than a file; exit 1 if
/// the system says no.
pub(super) fn write(
    what: &str,
    path: &Path,
    bytes: &[u8],
    existing: Existing,
) -> Result<(), Failure> {
    // A folder is not taken away; it fails below as whatever else cannot be written.
    if existing == Existing::Replace && !fs::symlink_metadata(path).is_ok_and(|it| it.is_dir()) {
        refuse_special(what, path)?;
    }
    file::write(path, bytes, existing).map_err(|error| {
        let path_text = path.display();
        if existing == Existing::Refuse && fs::symlink_metadata(path).is_ok() {
            let mend = "use --force to overwrite";
            return Failure::input(format!("output path already exists ({mend}): {path_text}"));
        }
        refused(what, path, &error)
    })
}

/// Puts `bytes` in the place of a file, which keeps its mode. A link stays a link.
///
/// # Errors
/// Exit 1: the system says no.
pub(super) fn rewrite(what: &str, path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    file::rewrite(path, bytes)
        .map_err(|error| Failure::internal(format!("write {what}: {}: {error}", path.display())))
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

/// Refuses to write over a file that was read for what is written; `role` says what it is.
///
/// # Errors
/// Exit 6: `path` is one of `read`, by whatever name.
pub(super) fn refuse_read<'a>(
    what: &str,
    path: &Path,
    read: impl IntoIterator<Item = &'a Path>,
    role: &str,
) -> Result<(), Failure> {
    let identity = |path: &Path| fs::metadata(path).ok().map(|there| (there.dev(), there.ino()));
    let Some(there) = identity(path) else { return Ok(()) };
    match read.into_iter().any(|one| identity(one) == Some(there)) {
        true => {
            let path = path.display();
            Err(Failure::input(format!("write {what}: {path} {role}; name another file")))
        }
        false => Ok(()),
    }
}

/// Renaming would take away a device or a link, such as `/dev/stdout`.
fn refuse_special(what: &str, path: &Path) -> Result<(), Failure> {
    match fs::symlink_metadata(path).is_ok_and(|there| !there.is_file()) {
        true => {
            let path = path.display();
            Err(Failure::input(format!("write {what}: {path} is no regular file")))
        }
        false => Ok(()),
    }
}

impl From<StoreError> for Failure {
    /// A state file that means nothing is invalid input; all else is the machine's.
    fn from(error: StoreError) -> Failure {
        if error.is_input() { Failure::input(error) } else { Failure::internal(error) }
    }
}

fn refused(what: &str, path: &Path, error: &io::Error) -> Failure {
    Failure::internal(format!("write {what}: {}: {error}", path.display()))
}
