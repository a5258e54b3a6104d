//! One writer of a state file at a time, the public tool included (spec E13).
//!
//! The lock that every tool honours is a file beside the state, made exclusively and removed at
//! the end. A process that is killed leaves it behind, so it is stale after [`STALE_AFTER`].
//! Removing a stale file is a trap: two processes find it stale, and the second one removes what
//! the first has just made. Therefore gait also holds the kernel's lock on the very file. A file
//! that was left behind is not removed but adopted, by whoever gets the kernel's lock on it; and
//! one that gait marked as its own belongs to the dead if nobody has the kernel's lock on it, so
//! that a killed process holds nobody up.

use super::file::{beside, make_parent};
use super::{Species, StoreError};
use crate::clock;
use jiff::Timestamp;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, SystemTime};

/// Between two tries.
const RETRY: Duration = Duration::from_millis(15);

/// How long to try.
const PATIENCE: Duration = Duration::from_secs(3);

/// After this nobody is believed to hold a lock any more.
const STALE_AFTER: Duration = Duration::from_secs(15);

/// How a lock file of gait's begins; the process id follows.
const MARK: &str = "gait pid ";

/// The lock, held. Dropping it lets go.
#[derive(Debug)]
pub(super) struct Lock {
    path: PathBuf,
    /// Keeps the kernel's lock.
    file: File,
}

/// One try.
enum Tried {
    Got(File),
    Busy,
}

// === impl Lock ===

impl Lock {
    /// Takes the lock `<state>.lock`, waiting for others.
    ///
    /// # Errors
    /// Others keep it, or the lock file cannot be made.
    pub(super) fn take(species: Species, state: &Path) -> Result<Lock, StoreError> {
        let (name, path) = (species.name, lock_path(state));
        let started = clock::instant();
        loop {
            match try_take(&path) {
                Ok(Tried::Got(file)) => return Ok(Lock { path, file }),
                Ok(Tried::Busy) if started.elapsed() < PATIENCE => thread::sleep(RETRY),
                Ok(Tried::Busy) => return Err(StoreError::Held { name, path }),
                Err(source) => return Err(StoreError::Lock { name, path, source }),
            }
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Another tool may have found it stale and put its own there.
        if leads_to(&self.path, &self.file).unwrap_or(false) {
            // One that cannot be removed is adopted by the next: the kernel's lock goes with us.
            let _ = fs::remove_file(&self.path);
        }
    }
}

fn lock_path(state: &Path) -> PathBuf {
    let mut path = state.as_os_str().to_owned();
    path.push(".lock");
    path.into()
}

fn try_take(path: &Path) -> io::Result<Tried> {
    make_parent(path)?;
    if fs::symlink_metadata(path).is_ok() {
        return adopt(path);
    }
    match make(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => adopt(path),
        made => made,
    }
}

/// Makes the lock file, marked and locked before it has its name: a process that is killed at any
/// moment leaves either none or one that says whose it was.
fn make(path: &Path) -> io::Result<Tried> {
    let unnamed = beside(path)?;
    let file =
        OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(&unnamed)?;
    let made = own(&unnamed, file).and_then(|tried| {
        fs::hard_link(&unnamed, path)?;
        Ok(tried)
    });
    // The name that counts is the other one.
    let _ = fs::remove_file(&unnamed);
    made
}

/// Takes over a lock file that somebody left behind.
fn adopt(path: &Path) -> io::Result<Tried> {
    let file = match OpenOptions::new().read(true).write(true).open(path) {
        Ok(file) => file,
        // It was let go in between.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Tried::Busy),
        Err(error) => return Err(error),
    };
    if is_left(&file)? { own(path, file) } else { Ok(Tried::Busy) }
}

/// Whether nobody can be holding it, as far as the file says. The kernel's lock decides.
fn is_left(file: &File) -> io::Result<bool> {
    let mut mark = Vec::new();
    file.take(MARK.len() as u64).read_to_end(&mut mark)?;
    Ok(mark == MARK.as_bytes() || age(file.metadata()?.modified()?) > STALE_AFTER)
}

/// Zero for a file from the future.
fn age(modified: SystemTime) -> Duration {
    let modified = Timestamp::try_from(modified).unwrap_or(Timestamp::MAX);
    Duration::try_from(clock::now().duration_since(modified)).unwrap_or(Duration::ZERO)
}

/// Locks and marks the file, if the path still leads to it. Nobody of ours removes a file
/// without the kernel's lock on it, so from then on it does.
fn own(path: &Path, mut file: File) -> io::Result<Tried> {
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Ok(Tried::Busy),
        Err(TryLockError::Error(error)) => return Err(error),
    }
    if !leads_to(path, &file)? {
        return Ok(Tried::Busy);
    }
    file.rewind()?;
    // Also makes it young again for tools that know only its age. In one write, and only then
    // cut, so that it is never without a mark.
    let mark = format!("{MARK}{}\n", std::process::id());
    file.write_all(mark.as_bytes())?;
    file.set_len(mark.len() as u64)?;
    Ok(Tried::Got(file))
}

fn leads_to(path: &Path, file: &File) -> io::Result<bool> {
    let ours = file.metadata()?;
    match fs::symlink_metadata(path) {
        Ok(there) => Ok((ours.dev(), ours.ino()) == (there.dev(), there.ino())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPECIES: Species = Species { name: "test", write_bytes_max: 0 };

    fn place() -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let state = dir.path().join("s.json");
        (dir, state)
    }

    #[test]
    fn a_held_lock_is_waited_for_and_then_told() {
        let (_dir, state) = place();
        let held = Lock::take(SPECIES, &state).unwrap();
        let started = clock::instant();
        let refusal = Lock::take(SPECIES, &state).unwrap_err();
        assert!(started.elapsed() >= PATIENCE);
        let text = refusal.to_string();
        assert!(text.starts_with("acquire test lock: timeout"), "{text}");
        assert!(!refusal.is_input());
        drop(held);
        assert!(!lock_path(&state).exists());
        Lock::take(SPECIES, &state).unwrap();
    }

    #[test]
    fn a_dead_process_of_ours_holds_nobody_up() {
        let (_dir, state) = place();
        fs::write(lock_path(&state), format!("{MARK}1\n")).unwrap();
        let started = clock::instant();
        let lock = Lock::take(SPECIES, &state).unwrap();
        assert!(started.elapsed() < PATIENCE);
        let own = format!("{MARK}{}\n", std::process::id());
        assert_eq!(fs::read_to_string(&lock.path).unwrap(), own);
    }

    #[test]
    fn a_foreign_lock_is_respected_until_it_is_stale() {
        let (_dir, state) = place();
        fs::write(lock_path(&state), "").unwrap();
        assert!(matches!(try_take(&lock_path(&state)).unwrap(), Tried::Busy));
        let file = OpenOptions::new().write(true).open(lock_path(&state)).unwrap();
        let old = SystemTime::from(clock::now()) - STALE_AFTER - Duration::from_secs(1);
        file.set_modified(old).unwrap();
        let lock = Lock::take(SPECIES, &state).unwrap();
        assert!(age(fs::metadata(&lock.path).unwrap().modified().unwrap()) < STALE_AFTER);
    }

    #[test]
    fn the_lock_of_a_tool_that_took_over_is_left_alone() {
        let (_dir, state) = place();
        let lock = Lock::take(SPECIES, &state).unwrap();
        fs::remove_file(&lock.path).unwrap();
        fs::write(&lock.path, "theirs").unwrap();
        drop(lock);
        assert_eq!(fs::read_to_string(lock_path(&state)).unwrap(), "theirs");
    }
}
