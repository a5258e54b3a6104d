//! Following the files of the config: a poll, by whatever their names lead to.
//!
//! Rejected: a watch by the kernel (inotify). It tells nothing of network file systems and little of
//! mounts from outside a container; it sees a link that is turned, as an orchestrator turns it to
//! exchange a whole folder, only from the folders on the way; and where its queue runs over the poll
//! would be needed beside it. A look costs one question to the file system for each file.

use crate::config::{Files, Marks};
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio::time::{Interval, MissedTickBehavior};

/// Files that somebody keeps writing are loaded all the same, after as many looks.
const LOOKS_MAX: u32 = 5;

/// What is followed. It waits and looks for as long as somebody asks it; a look that hangs keeps
/// nobody but the next look.
pub(super) struct Watch {
    files: Files,
    sight: Sight,
    /// `None` where nobody is to look.
    ticks: Option<Interval>,
    looking: Option<Look>,
    /// Rises with each load: a look that began before one says nothing of what was loaded.
    turn: u64,
}

/// A look under way, and the turn in which it began.
struct Look(u64, JoinHandle<(Files, Marks)>);

/// What the looks have brought since the last load.
#[derive(Debug, Default, PartialEq, Eq)]
struct Sight {
    /// What was loaded, or is to be: what cannot be is not asked for again until it changes.
    loaded: Marks,
    /// The last look that found something else.
    changed: Option<Marks>,
    /// How many did.
    looks: u32,
}

/// What a look is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Seen {
    /// Nothing to do.
    Same,
    /// Something changed, and may not be whole yet.
    Unsettled,
    /// It is to be loaded.
    Changed,
}

// === impl Watch ===

impl Watch {
    /// Follows what a load read, with a look every so often.
    pub(super) fn new(files: Files, every: Option<Duration>) -> Watch {
        let sight = Sight::of(files.marks());
        Watch { files, sight, ticks: every.map(ticks), looking: None, turn: 0 }
    }

    /// Follows what another load read; whatever was seen before is part of it.
    pub(super) fn follow(&mut self, files: Files) {
        self.sight = Sight::of(files.marks());
        self.files = files;
        self.turn = self.turn.wrapping_add(1);
    }

    /// Whether a load that was made for a change found what the looks had agreed on. If not, the files
    /// are still being written, and what was loaded is of no use: the looks go on.
    pub(super) fn is_settled(&self, loaded: &Files) -> bool {
        self.sight.looks >= LOOKS_MAX || self.files.agree(&self.sight.loaded, loaded)
    }

    /// Looks so often from now on; `None` for never.
    pub(super) fn every(&mut self, every: Option<Duration>) {
        if self.ticks.as_ref().map(Interval::period) != every {
            self.ticks = every.map(ticks);
        }
    }

    /// Waits until something has changed that is to be loaded. Whoever stops waiting loses nothing.
    pub(super) async fn changed(&mut self) {
        loop {
            let Some(ticks) = &mut self.ticks else { return std::future::pending().await };
            let Look(turn, looking) = match &mut self.looking {
                Some(looking) => looking,
                None => {
                    ticks.tick().await;
                    self.looking.insert(Look(self.turn, look(self.files.clone())))
                }
            };
            let (turn, looked) = (*turn, looking.await);
            self.looking = None;
            match looked {
                Ok(_) if turn != self.turn => {}
                Ok((files, marks)) => {
                    self.files = files;
                    if self.sight.take(marks) == Seen::Changed {
                        return;
                    }
                }
                Err(error) => {
                    tracing::error!(%error, "a look at the files of the config broke off")
                }
            }
        }
    }
}

fn look(mut files: Files) -> JoinHandle<(Files, Marks)> {
    tokio::task::spawn_blocking(move || {
        let marks = files.look();
        (files, marks)
    })
}

fn ticks(every: Duration) -> Interval {
    let mut ticks = tokio::time::interval(every);
    // After a look that took long, the next is as far off as any.
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks.reset();
    ticks
}

// === impl Sight ===

impl Sight {
    fn of(loaded: Marks) -> Sight {
        Sight { loaded, changed: None, looks: 0 }
    }

    /// What is half written changes until it is whole, so two looks must agree.
    fn take(&mut self, now: Marks) -> Seen {
        if now == self.loaded {
            *self = Sight::of(now);
            return Seen::Same;
        }
        self.looks = self.looks.saturating_add(1);
        let before = self.changed.replace(now.clone());
        if before.as_ref() == Some(&now) || self.looks >= LOOKS_MAX {
            self.changed = None;
            self.loaded = now;
            return Seen::Changed;
        }
        Seen::Unsettled
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Environment, Source};
    use std::fs;
    use std::path::Path;

    /// A file system of one file, in its states one after the other.
    fn marks(dir: &Path) -> impl Fn(&str) -> Marks {
        let path = dir.join("gait.yaml");
        move |text| {
            fs::write(&path, text).unwrap();
            let source = Source::File(path.clone());
            source.gather(&Environment::default()).files.marks()
        }
    }

    #[test]
    fn a_change_is_taken_up_once_two_looks_agree() {
        let dir = tempfile::tempdir().unwrap();
        let marks = marks(dir.path());
        let (one, two) = (marks("a"), marks("ab"));
        let three = marks("abc");
        let mut sight = Sight::of(one.clone());
        assert_eq!(sight.take(one.clone()), Seen::Same);
        assert_eq!(sight.take(two.clone()), Seen::Unsettled);
        assert_eq!(sight.take(three.clone()), Seen::Unsettled);
        assert_eq!(sight.take(three.clone()), Seen::Changed);
        assert_eq!(sight.take(three.clone()), Seen::Same, "nobody is asked twice");
        assert_eq!(sight.take(two), Seen::Unsettled);
        assert_eq!(sight.take(three), Seen::Same, "it was taken back");
        assert_eq!(sight.take(one), Seen::Unsettled);
    }

    #[test]
    fn one_that_never_rests_is_taken_up_after_five_looks() {
        let dir = tempfile::tempdir().unwrap();
        let marks = marks(dir.path());
        let mut sight = Sight::of(marks(""));
        let mut text = String::new();
        for look in 1..=LOOKS_MAX {
            text.push('x');
            let seen = if look < LOOKS_MAX { Seen::Unsettled } else { Seen::Changed };
            assert_eq!(sight.take(marks(&text)), seen, "look {look}");
        }
    }

    #[tokio::test]
    async fn what_is_refused_is_not_loaded_again_until_it_changes() {
        let dir = tempfile::tempdir().unwrap();
        let source = Source::File(dir.path().join("gait.yaml"));
        let files = || source.gather(&Environment::default()).files;
        fs::write(dir.path().join("gait.yaml"), "colour: red").unwrap();
        let mut watch = Watch::new(files(), Some(Duration::from_millis(5)));
        let soon = Duration::from_millis(100);
        assert!(tokio::time::timeout(soon, watch.changed()).await.is_err());
        fs::write(dir.path().join("gait.yaml"), "colour: reds").unwrap();
        assert!(tokio::time::timeout(soon * 20, watch.changed()).await.is_ok());
        watch.follow(files());
        assert!(tokio::time::timeout(soon, watch.changed()).await.is_err());
        assert!(!watch.is_settled(&{
            fs::write(dir.path().join("gait.yaml"), "colour: blue, again").unwrap();
            files()
        }));
        watch.every(None);
        fs::write(dir.path().join("gait.yaml"), "colour: green").unwrap();
        assert!(tokio::time::timeout(soon, watch.changed()).await.is_err());
    }
}
