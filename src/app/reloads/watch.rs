//! Following the files of the config: a poll, by whatever their names lead to.
//!
//! Rejected: a watch by the kernel (inotify). It tells nothing of network file systems and little of
//! mounts from outside a container; it sees a link that is turned, as an orchestrator turns it to
//! exchange a whole folder, only from the folders on the way; and where its queue runs over the poll
//! would be needed beside it. A look costs one question to the file system for each file.

use super::held::{Held, REST, Wait, has_passed};
use crate::clock;
use crate::config::{Files, Marks};
use std::future::pending;
use std::path::Path;
use std::time::{Duration, Instant};
use tokio::task::JoinHandle;
use tokio::time::{Interval, MissedTickBehavior, sleep, timeout};

/// After as many looks that find something else each, it is said that nothing can be loaded.
const LOOKS_MAX: u32 = 5;

/// Between two looks where the last one left something open, however seldom others are.
const SOON: Duration = Duration::from_secs(1);

/// What is followed. It waits and looks for as long as somebody asks it; a look that hangs keeps
/// nobody but the next look.
pub(super) struct Watch {
    files: Files,
    sight: Sight,
    /// What is loaded and waits for rest.
    held: Option<Held>,
    /// `None` where nobody is to look.
    ticks: Option<Interval>,
    looking: Option<Look>,
    /// Rises with each load: a look that began before one says nothing of what was loaded.
    turn: u64,
}

/// A look under way, and the turn in which it began.
struct Look(u64, JoinHandle<(Files, Marks)>);

/// What whoever waits is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Noticed {
    /// There is something to load.
    Changed,
    /// This file never stays as it is.
    Restless(String),
}

/// What the looks have brought since the last load.
#[derive(Debug, Default, PartialEq, Eq)]
struct Sight {
    /// What was loaded, or is to be: what cannot be is not asked for again until it changes. `None` where
    /// something else was loaded than the looks had agreed on.
    loaded: Option<Marks>,
    /// The last look that found something else.
    changed: Option<Marks>,
    /// How many did, each something else than the one before.
    looks: u32,
    /// Since when all is as it was loaded, where that waits for coming into force.
    held: Option<Instant>,
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
    /// It does not come to rest.
    Restless,
}

// === impl Watch ===

impl Watch {
    /// Follows what a load read, with a look every so often.
    pub(super) fn new(files: Files, every: Option<Duration>) -> Watch {
        let sight = Sight::of(files.marks());
        Watch { files, sight, held: None, ticks: every.map(ticks), looking: None, turn: 0 }
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
        self.sight.loaded.as_ref().is_some_and(|looked| self.files.agree(looked, loaded))
    }

    /// Has the looks agree anew, also on what they had agreed on: it may be back, and was not loaded.
    pub(super) fn unsettle(&mut self) {
        (self.sight.loaded, self.sight.changed) = (None, None);
        self.turn = self.turn.wrapping_add(1);
    }

    /// Has what was loaded last asked for again once its bytes have not changed for [`REST`]; it is not
    /// in force.
    pub(super) fn hold(&mut self) -> Wait {
        let held = Held::after(self.held.take(), self.files.clone(), clock::instant());
        self.sight.held = Some(held.since);
        self.held.insert(held).wait.clone()
    }

    /// The same for a file besides, which a load found so at that time, whatever else waits.
    pub(super) fn hold_besides(&mut self, found: &Files, path: &Path, since: Instant) {
        self.hold();
        self.sight.held = self.sight.held.max(Some(since));
        let mut none = Marks::default();
        let marks = self.sight.loaded.as_mut().unwrap_or(&mut none);
        self.files.follow(found, path, marks);
        self.turn = self.turn.wrapping_add(1);
    }

    /// Knows a file that gait wrote itself: of what stood there before, nothing has changed, nor does
    /// it keep anything from rest.
    pub(super) fn knows(&mut self, path: &Path, (before, now): (&Files, &Files)) {
        let marks = self.sight.loaded.iter_mut().chain(&mut self.sight.changed);
        self.files.know_as(path, (before, now), marks);
        if let Some(held) = &mut self.held {
            held.files.know_as(path, (before, now), std::iter::empty());
        }
        self.turn = self.turn.wrapping_add(1);
    }

    /// Has nothing wait any more.
    pub(super) fn release(&mut self) {
        (self.held, self.sight.held) = (None, None);
    }

    /// Whether what was held did not change for as long, and is what was loaded.
    pub(super) fn has_rested(&self, loaded: &Files) -> bool {
        let is_same = |held: &Held| loaded.hold_the_same(&held.files);
        let rests = |held: &Held| has_passed(held.since, REST, clock::instant());
        self.held.as_ref().is_some_and(|held| is_same(held) && rests(held))
    }

    /// The first of what is followed.
    fn file(&self) -> String {
        self.files.first().map(|file| file.display().to_string()).unwrap_or_default()
    }

    /// Looks so often from now on; `None` for never.
    pub(super) fn every(&mut self, every: Option<Duration>) {
        if self.ticks.as_ref().map(Interval::period) != every {
            self.ticks = every.map(ticks);
        }
    }

    /// Waits until something has changed that is to be loaded, or cannot be. Whoever stops waiting
    /// loses nothing.
    pub(super) async fn changed(&mut self) -> Noticed {
        loop {
            if self.looking.is_none() {
                self.tick().await;
                self.looking = Some(Look(self.turn, look(self.files.clone())));
            }
            let Some(Look(turn, looking)) = &mut self.looking else { continue };
            let (turn, looked) = (*turn, looking.await);
            self.looking = None;
            match looked {
                Ok(_) if turn != self.turn => {}
                Ok((files, marks)) => {
                    self.files = files;
                    if let Some(noticed) = self.notice(marks) {
                        return noticed;
                    }
                }
                Err(error) => {
                    tracing::error!(%error, "a look at the files of the config broke off")
                }
            }
        }
    }
}

impl Watch {
    /// Waits until it is time for a look.
    async fn tick(&mut self) {
        match (&mut self.ticks, self.sight.is_open()) {
            // At the next tick where that is sooner.
            (Some(ticks), true) => drop(timeout(SOON, ticks.tick()).await),
            (Some(ticks), false) => drop(ticks.tick().await),
            // Nobody looks for changes. But what hung, say, and has to rest is to come in the end.
            (None, true) => sleep(SOON).await,
            (None, false) => pending().await,
        }
    }

    fn notice(&mut self, marks: Marks) -> Option<Noticed> {
        let before = self.sight.changed.clone().unwrap_or_default();
        let restless = self.files.differing(&before, &marks);
        let restless = restless.map_or_else(|| self.file(), |file| file.display().to_string());
        match self.sight.take(marks, clock::instant()) {
            Seen::Changed => Some(Noticed::Changed),
            Seen::Restless => Some(Noticed::Restless(restless)),
            Seen::Same | Seen::Unsettled => None,
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
        Sight { loaded: Some(loaded), changed: None, looks: 0, held: None }
    }

    fn has_rested(&self, at: Instant) -> bool {
        self.held.is_some_and(|since| has_passed(since, REST, at))
    }

    /// Whether the next look may settle something.
    fn is_open(&self) -> bool {
        self.changed.is_some() || self.held.is_some() || self.loaded.is_none()
    }

    /// What is half written changes until it is whole, so two looks must agree. What is held must
    /// agree for longer; whether what differs meanwhile begins that anew, its bytes tell at the load.
    fn take(&mut self, now: Marks, at: Instant) -> Seen {
        if self.loaded.as_ref() == Some(&now) {
            let was_restless = self.looks >= LOOKS_MAX;
            (self.changed, self.looks) = (None, 0);
            return match self.held {
                // Whoever was told that nothing can be loaded is to hear that it can.
                None if was_restless => Seen::Changed,
                None => Seen::Same,
                Some(_) if self.has_rested(at) => Seen::Changed,
                Some(_) => Seen::Unsettled,
            };
        }
        let before = self.changed.replace(now.clone());
        if before.as_ref() == Some(&now) {
            self.changed = None;
            self.loaded = Some(now);
            return Seen::Changed;
        }
        self.looks = self.looks.saturating_add(1);
        if self.looks == LOOKS_MAX { Seen::Restless } else { Seen::Unsettled }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Environment, Source};
    use std::fs;

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
        let mut take = |marks: &Marks| sight.take(marks.clone(), clock::instant());
        assert_eq!(take(&one), Seen::Same);
        assert_eq!(take(&two), Seen::Unsettled);
        assert_eq!(take(&three), Seen::Unsettled);
        assert_eq!(take(&three), Seen::Changed);
        assert_eq!(take(&three), Seen::Same, "nobody is asked twice");
        assert_eq!(take(&two), Seen::Unsettled);
        assert_eq!(take(&three), Seen::Same, "it was taken back");
        assert_eq!(take(&one), Seen::Unsettled);
    }

    #[test]
    fn one_that_never_rests_is_told_once_and_taken_up_when_it_does() {
        let dir = tempfile::tempdir().unwrap();
        let marks = marks(dir.path());
        let first = marks("");
        let mut sight = Sight::of(first.clone());
        let mut text = String::new();
        let mut last = first.clone();
        for look in 1..LOOKS_MAX * 3 {
            text.push('x');
            last = marks(&text);
            let seen = if look == LOOKS_MAX { Seen::Restless } else { Seen::Unsettled };
            assert_eq!(sight.take(last.clone(), clock::instant()), seen, "look {look}");
        }
        assert_eq!(sight.take(first, clock::instant()), Seen::Changed, "all is well again");
        assert_eq!(sight.take(last.clone(), clock::instant()), Seen::Unsettled);
        assert_eq!(sight.take(last, clock::instant()), Seen::Changed);
    }

    #[test]
    fn what_is_held_is_asked_for_again_once_it_has_not_changed_for_a_while() {
        let dir = tempfile::tempdir().unwrap();
        let marks = marks(dir.path());
        let (held, other, begun) = (marks("a"), marks("ab"), clock::instant());
        let at = |ms| begun + Duration::from_millis(ms);
        let mut sight = Sight { held: Some(begun), ..Sight::of(held.clone()) };
        assert_eq!(sight.take(held.clone(), at(4_999)), Seen::Unsettled);
        assert_eq!(sight.take(other.clone(), at(5_000)), Seen::Unsettled);
        assert!(sight.is_open(), "the next look is soon");
        assert_eq!(sight.take(held, at(5_001)), Seen::Changed, "it was taken back");
        assert_eq!(sight.take(other.clone(), at(6_000)), Seen::Unsettled);
        assert_eq!(sight.take(other, at(7_000)), Seen::Changed, "the load looks at its bytes");
        assert!(!Sight::of(Marks::default()).is_open());
    }

    #[tokio::test]
    async fn what_was_agreed_on_and_not_loaded_is_agreed_on_anew_also_where_nobody_looks() {
        let dir = tempfile::tempdir().unwrap();
        let source = Source::File(dir.path().join("gait.yaml"));
        let files = || source.gather(&Environment::default()).files;
        fs::write(dir.path().join("gait.yaml"), "colour: red").unwrap();
        let mut watch = Watch::new(files(), None);
        assert!(watch.is_settled(&files()));
        let look = async |watch: &mut Watch, at_most| {
            tokio::time::timeout(at_most, watch.changed()).await.is_ok()
        };
        watch.unsettle();
        assert!(!watch.is_settled(&files()), "nobody has agreed on it");
        assert!(look(&mut watch, Duration::from_secs(20)).await, "it is as it was loaded once");
        assert!(watch.is_settled(&files()));
        assert!(!look(&mut watch, Duration::from_millis(2_500)).await, "and that is all");
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
