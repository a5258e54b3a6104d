//! Work on disks that may hang: waited for, but not for ever, and left behind then.
//!
//! What hangs holds a thread, so there are places for it. The disk of the state has one of its own:
//! stages can be set by command however many loads hang on the mount of the config. Rejected: one
//! count for both, by which a mount that hangs would keep a demotion out.

use super::{Failed, Reason};
use std::future::pending;
use std::time::Duration;
use tokio::task::{JoinError, JoinHandle, JoinSet, spawn_blocking};
use tokio::time::timeout;

/// How long it is waited for.
pub(super) const WORK_MAX: Duration = Duration::from_secs(10);

/// What the work is done on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Disk {
    /// The files of the config, and of the key that signs the evidence.
    Config,
    /// The state directory.
    State,
}

/// Work that nobody waits for any more, and what is to be done once it has ended.
#[derive(Default)]
pub(super) struct Places {
    config: JoinSet<Reason>,
    state: JoinSet<Reason>,
}

/// Work that was begun.
pub(super) struct Work<T> {
    disk: Disk,
    working: JoinHandle<T>,
}

/// What came of it.
pub(super) enum Done<T> {
    Ended(Result<T, JoinError>),
    Hangs(Work<T>),
}

// === impl Disk ===

impl Disk {
    /// As much that hangs is left behind.
    pub(super) fn stuck_max(self) -> usize {
        match self {
            Disk::Config => 4,
            Disk::State => 1,
        }
    }
}

// === impl Places ===

impl Places {
    /// Begins work where waiting is allowed.
    pub(super) fn begin<T: Send + 'static>(
        &self,
        disk: Disk,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<Work<T>, Failed> {
        let stuck = match disk {
            Disk::Config => &self.config,
            Disk::State => &self.state,
        };
        if stuck.len() >= disk.stuck_max() {
            return Err(Failed::Stuck(disk));
        }
        Ok(Work { disk, working: spawn_blocking(work) })
    }

    /// What came of work. Where it hangs, it is the reason to do something `again` once it has ended.
    pub(super) fn end<T: Send + 'static>(
        &mut self,
        done: Done<T>,
        again: Reason,
    ) -> Result<T, Failed> {
        match done {
            Done::Ended(ended) => Ok(ended?),
            Done::Hangs(Work { disk, working }) => {
                let stuck = match disk {
                    Disk::Config => &mut self.config,
                    Disk::State => &mut self.state,
                };
                stuck.spawn(end_of(working, again));
                Err(Failed::Late(disk))
            }
        }
    }

    /// Waits until something that was left behind has ended.
    pub(super) async fn freed(&mut self) -> Reason {
        let ended = tokio::select! {
            Some(ended) = self.config.join_next() => ended,
            Some(ended) = self.state.join_next() => ended,
            else => return pending().await,
        };
        ended.unwrap_or(Reason::Changed)
    }
}

// === impl Work ===

impl<T> Work<T> {
    /// Waits for it, but not for ever.
    pub(super) async fn wait(mut self) -> Done<T> {
        match timeout(WORK_MAX, &mut self.working).await {
            Ok(ended) => Done::Ended(ended),
            Err(_) => Done::Hangs(self),
        }
    }
}

/// Waits for the end of work whose result is of no use any more.
async fn end_of<T>(working: JoinHandle<T>, again: Reason) -> Reason {
    drop(working.await);
    again
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    #[tokio::test]
    async fn loads_that_hang_keep_no_stage_from_being_set() {
        let (mut places, mut held) = (Places::default(), Vec::new());
        let mut hang = |places: &mut Places, disk, again| {
            let (go, wait) = mpsc::channel::<()>();
            held.push(go);
            let work = places.begin(disk, move || {
                let _ = wait.recv();
            })?;
            places.end(Done::Hangs(work), again)
        };
        let is_late = |told, on| matches!(told, Err(Failed::Late(disk)) if disk == on);
        let is_full = |told, on| matches!(told, Err(Failed::Stuck(disk)) if disk == on);
        for _ in 0..Disk::Config.stuck_max() {
            assert!(is_late(hang(&mut places, Disk::Config, Reason::Changed), Disk::Config));
        }
        assert!(is_full(hang(&mut places, Disk::Config, Reason::Asked), Disk::Config));
        let lay = places.begin(Disk::State, || 7).unwrap().wait().await;
        assert_eq!(places.end(lay, Reason::Staged).unwrap(), 7);
        assert!(is_late(hang(&mut places, Disk::State, Reason::Staged), Disk::State));
        assert!(is_full(hang(&mut places, Disk::State, Reason::Staged), Disk::State));
        // Once one has ended it is done again, and there is a place.
        held.remove(0);
        assert_eq!(places.freed().await, Reason::Changed);
        assert!(places.begin(Disk::Config, || ()).is_ok());
    }
}
