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

/// The places of all disks.
#[derive(Default)]
pub(super) struct Places {
    config: Place,
    state: Place,
}

/// Those of one disk.
#[derive(Default)]
struct Place {
    /// Work that nobody waits for any more, and what is to be done once it has ended.
    stuck: JoinSet<Reason>,
    /// What found no place, and is to be done once there is one.
    turned_away: Vec<Reason>,
    /// What is to be done by now.
    due: Vec<Reason>,
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
    /// Begins work where waiting is allowed. Where there is no place it is the reason to do something
    /// `again` once there is one.
    pub(super) fn begin<T: Send + 'static>(
        &mut self,
        disk: Disk,
        again: &Reason,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<Work<T>, Failed> {
        let place = self.of(disk);
        if place.stuck.len() >= disk.stuck_max() {
            place.turn_away(again);
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
                self.of(disk).stuck.spawn(end_of(working, again));
                Err(Failed::Late(disk))
            }
        }
    }

    /// Waits until something that was left behind has ended.
    pub(super) async fn freed(&mut self) -> Reason {
        tokio::select! {
            Some(again) = self.config.freed() => again,
            Some(again) = self.state.freed() => again,
            else => pending().await,
        }
    }

    fn of(&mut self, disk: Disk) -> &mut Place {
        match disk {
            Disk::Config => &mut self.config,
            Disk::State => &mut self.state,
        }
    }
}

// === impl Place ===

impl Place {
    fn turn_away(&mut self, again: &Reason) {
        if !self.turned_away.contains(again) {
            self.turned_away.push(again.clone());
        }
    }

    /// What is to be done as something has ended; `None` where nothing hangs. Whoever stops waiting loses
    /// nothing.
    async fn freed(&mut self) -> Option<Reason> {
        if let Some(again) = self.due.pop() {
            return Some(again);
        }
        let ended = self.stuck.join_next().await?.unwrap_or(Reason::Changed);
        self.due.append(&mut self.turned_away);
        self.due.retain(|again| *again != ended);
        Some(ended)
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
            let work = places.begin(disk, &again, move || {
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
        let lay = places.begin(Disk::State, &Reason::Staged, || 7).unwrap().wait().await;
        assert_eq!(places.end(lay, Reason::Staged).unwrap(), 7);
        assert!(is_late(hang(&mut places, Disk::State, Reason::Staged), Disk::State));
        assert!(is_full(hang(&mut places, Disk::State, Reason::Staged), Disk::State));
        // Once one has ended it is done again, and there is a place.
        held.remove(0);
        assert_eq!(places.freed().await, Reason::Changed);
        assert!(places.begin(Disk::Config, &Reason::Changed, || ()).is_ok());
        // And so is what found none.
        assert_eq!(places.freed().await, Reason::Asked);
        assert!(timeout(Duration::from_millis(50), places.freed()).await.is_err());
    }
}
