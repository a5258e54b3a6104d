//! The state directory: one process at a time, readable by its owner alone.
//!
//! Everything that outlives the process is below it. An advisory lock on the file `lock` keeps a
//! second process out: two writers would fork the evidence chain. The lock belongs to the open
//! file, so the kernel frees it when the process dies, however it dies. A pid file was rejected
//! as the lock itself, because a stale one looks like a live one; the pid inside is only told to
//! the person who meets the refusal.

use std::{
    fs::{DirBuilder, File, OpenOptions, TryLockError},
    io::{self, ErrorKind, Read as _, Seek as _, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    sync::Arc,
};

/// A locked state directory; the lock lasts until the last clone is dropped.
#[derive(Clone, Debug)]
pub struct StateDir {
    path: Arc<Path>,
    _lock: Arc<File>,
}

/// Why a state directory could not be taken.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// Another process, or this one, has it already.
    #[error(
        "state directory `{}` is in use by {holder}: stop that process or set another `state_dir`",
        path.display()
    )]
    Held {
        /// The directory.
        path: PathBuf,
        /// `process 123`, or `another process` where the file does not say.
        holder: String,
    },
    /// It could not be created, opened or locked.
    #[error(
        "cannot use state directory `{}`: {source}; {} or set another `state_dir`",
        path.display(), mend(source)
    )]
    Unusable {
        /// The directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

fn mend(error: &io::Error) -> &'static str {
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => "make room on its disk",
        ErrorKind::ReadOnlyFilesystem => "mount it for writing",
        _ => "let this user write there",
    }
}

// === impl StateDir ===

impl StateDir {
    /// Creates the directory where it is missing (mode 0700) and locks it.
    pub fn open(path: &Path) -> Result<StateDir, StateError> {
        let unusable = |source| StateError::Unusable { path: path.to_owned(), source };
        create_private_dir(path).map_err(unusable)?;
        let mut file = open_lock_file(path).map_err(unusable)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(StateError::Held { path: path.to_owned(), holder: holder(&mut file) });
            }
            Err(TryLockError::Error(source)) => return Err(unusable(source)),
        }
        write_pid(&mut file).map_err(unusable)?;
        Ok(StateDir { path: path.into(), _lock: Arc::new(file) })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// Creates a directory and its parents with mode 0700, durably; an existing one is left as it is.
pub(crate) fn create_private_dir(path: &Path) -> io::Result<()> {
    let made = missing(path);
    DirBuilder::new().recursive(true).mode(0o700).create(path)?;
    made.into_iter().try_for_each(|made| sync_dir(holder_of(made)))
}

/// Makes durable which files a directory holds.
pub(crate) fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

/// What of a path is not there yet, the deepest first.
fn missing(path: &Path) -> Vec<&Path> {
    let named = path.ancestors().filter(|path| !path.as_os_str().is_empty());
    named.take_while(|path| !path.exists()).collect()
}

/// The directory that holds it.
fn holder_of(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn open_lock_file(dir: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    // Not truncated: until it is locked, the pid in it is somebody else's.
    options.read(true).write(true).create(true).truncate(false).mode(0o600);
    options.open(dir.join("lock"))
}

fn write_pid(file: &mut File) -> io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    writeln!(file, "{}", std::process::id())
}

fn holder(file: &mut File) -> String {
    let mut text = String::new();
    // The pid is a courtesy: where it cannot be read, the refusal stands without it.
    let pid = match file.take(32).read_to_string(&mut text) {
        Ok(_) => text.trim().parse::<u32>().ok(),
        Err(_) => None,
    };
    pid.map_or_else(|| "another process".to_owned(), |pid| format!("process {pid}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn a_second_taker_is_refused_by_name_until_the_first_lets_go() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("a/state");
        let first = StateDir::open(&path).unwrap();
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o700);
        let refusal = StateDir::open(&path).unwrap_err().to_string();
        assert!(refusal.contains(&format!("process {}", std::process::id())), "{refusal}");
        drop(first);
        StateDir::open(&path).unwrap();
    }

    #[test]
    fn what_is_new_on_the_way_to_a_directory_is_known_before_it_is_made() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("a/state");
        assert_eq!(missing(&path), [path.as_path(), &parent.path().join("a")]);
        create_private_dir(&path).unwrap();
        assert!(missing(&path).is_empty() && missing(Path::new("")).is_empty());
        assert_eq!(holder_of(Path::new("state")), Path::new("."));
    }

    #[test]
    fn the_mend_is_one_of_what_is_wrong() {
        let told = |kind: ErrorKind| {
            StateError::Unusable { path: PathBuf::from("s"), source: kind.into() }.to_string()
        };
        assert!(
            told(ErrorKind::StorageFull)
                .ends_with("make room on its disk or set another `state_dir`")
        );
        assert!(told(ErrorKind::ReadOnlyFilesystem).contains("; mount it for writing or"));
        assert!(told(ErrorKind::PermissionDenied).contains("; let this user write there or"));
    }

    #[test]
    fn a_path_that_is_a_file_is_named() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let refusal = StateDir::open(file.path()).unwrap_err().to_string();
        assert!(refusal.starts_with("cannot use state directory `/"), "{refusal}");
        assert!(refusal.ends_with("set another `state_dir`"), "{refusal}");
    }
}
