//! What waits for rest: since when, and what keeps it from that.
//!
//! Rejected: to count each change of a mark, as a touch keeps nothing out.

use crate::config::Files;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// For how long files must not change of which the load would lower something: half of a file can be
/// a whole one to whoever reads it.
pub(super) const REST: Duration = Duration::from_secs(5);

/// For how long something may wait for rest before it is said to be refused.
pub(super) const HELD_MAX: Duration = Duration::from_secs(60);

/// What comes into force once it has rested.
pub(super) struct Held {
    pub(super) files: Files,
    /// Since when their bytes are these: who touches one of them keeps nothing out.
    pub(super) since: Instant,
    /// Since when anything waits.
    begun: Instant,
    /// How often since then each file had other bytes.
    changes: BTreeMap<PathBuf, u32>,
    pub(super) wait: Wait,
}

/// How long something waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Wait {
    /// Not for too long yet.
    On,
    /// For longer than anything should, as this file changed so often.
    Overdue(String, u32),
    /// For longer still; that was said.
    Told,
}

/// Whether something is as long ago.
pub(super) fn has_passed(since: Instant, time: Duration, now: Instant) -> bool {
    now.saturating_duration_since(since) >= time
}

// === impl Held ===

impl Held {
    /// What waits by now, with what has waited before.
    pub(super) fn after(before: Option<Held>, files: Files, now: Instant) -> Held {
        let Some(before) = before else {
            let changes = BTreeMap::new();
            return Held { files, since: now, begun: now, changes, wait: Wait::On };
        };
        let (is_same, mut changes) = (files.hold_the_same(&before.files), before.changes);
        if let Some(file) = files.unlike(&before.files) {
            let times = changes.entry(file.to_owned()).or_default();
            *times = times.saturating_add(1);
        }
        let since = if is_same { before.since } else { now };
        if has_passed(before.begun, HELD_MAX, now) {
            // It is said again after as long.
            let most = changes.iter().max_by_key(|(_, times)| **times);
            let (file, times) = most.map_or_else(Default::default, |(file, times)| {
                (file.display().to_string(), *times)
            });
            let (changes, wait) = (BTreeMap::new(), Wait::Overdue(file, times));
            return Held { files, since, begun: now, changes, wait };
        }
        let wait = match before.wait {
            Wait::On => Wait::On,
            Wait::Overdue(..) | Wait::Told => Wait::Told,
        };
        Held { files, since, begun: before.begun, changes, wait }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;
    use crate::config::{Environment, Source};
    use std::fs;

    #[test]
    fn a_touch_begins_no_rest_anew_and_other_bytes_do_but_not_for_ever() {
        let dir = tempfile::tempdir().unwrap();
        let source = Source::File(dir.path().join("gait.yaml"));
        let files = |text: &str| {
            fs::write(dir.path().join("gait.yaml"), text).unwrap();
            source.gather(&Environment::default()).files
        };
        let begun = clock::instant();
        let at = |s| begun + Duration::from_secs(s);
        let one = Held::after(None, files("a"), begun);
        let touched = Held::after(Some(one), files("a"), at(4));
        assert_eq!((touched.since, &touched.wait), (begun, &Wait::On));
        let other = Held::after(Some(touched), files("b"), at(8));
        assert_eq!((other.since, other.begun, &other.wait), (at(8), begun, &Wait::On));
        let late = Held::after(Some(other), files("c"), at(60));
        let file = dir.path().join("gait.yaml").display().to_string();
        assert_eq!((late.since, &late.wait), (at(60), &Wait::Overdue(file, 2)), "not the touch");
        assert_eq!(Held::after(Some(late), files("d"), at(61)).wait, Wait::Told, "said once");
    }
}
