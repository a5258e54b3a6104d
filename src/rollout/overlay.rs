//! The overlay: stages that were set by command, over those of the config.
//!
//! It may set stage and percent and nothing else, so that whoever can promote a route can change
//! nothing beside it. An entry remembers what the config said when it was written; once the config
//! says something else of that route's standing, the entry has no place any more.

use super::{Entry, Lasting};
use crate::stage::{Course, Percent, Stage, Standing};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The member `v`.
const VERSION: u64 = 1;

/// Entries of one file; more routes than a config can name a series for.
const ENTRIES_MAX: usize = 10_000;

/// What to do with one that cannot be used.
const MEND: &str = "put back what `gait rollout promote` or `demote` wrote there; or move it away, and every \
                    route stands where the config alone says";

/// Stages that were set by command, by route.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Overlay {
    entries: BTreeMap<String, Entry>,
}

/// Why an overlay cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OverlayError {
    /// It is no JSON, or has members that it must not have.
    #[error("{0}; {MEND}")]
    Parse(#[from] serde_json::Error),
    /// It says something that cannot be meant.
    #[error("route `{route}`: {what}; {MEND}")]
    Entry {
        /// Which.
        route: String,
        /// What is wrong.
        what: &'static str,
    },
    /// It is of a later gait.
    #[error("version {0} is not known: it was written by a later gait; run that one, or {MEND}")]
    Version(u64),
    /// There is too much in it.
    #[error("more than {ENTRIES_MAX} routes; {MEND}")]
    Long,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    v: u64,
    routes: BTreeMap<String, WrittenEntry>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenEntry {
    stage: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    percent: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    from: Option<String>,
    over: String,
    by: String,
    at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    until: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    then: Option<WrittenLasting>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenLasting {
    stage: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    percent: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    from: Option<String>,
    over: String,
    by: String,
    at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

/// A standing, as both have it.
struct WrittenStanding {
    stage: String,
    percent: Option<u64>,
    from: Option<String>,
}

// === impl Overlay ===

impl Overlay {
    /// Reads the text of the file.
    ///
    /// # Errors
    /// It is not what [`Overlay::to_text`] writes.
    pub fn parse(text: &[u8]) -> Result<Overlay, OverlayError> {
        let Written { v, routes } = serde_json::from_slice(text)?;
        if v != VERSION {
            return Err(OverlayError::Version(v));
        }
        if routes.len() > ENTRIES_MAX {
            return Err(OverlayError::Long);
        }
        let entry = |(route, written): (String, WrittenEntry)| match written.read() {
            Ok(entry) => Ok((route, entry)),
            Err(what) => Err(OverlayError::Entry { route, what }),
        };
        Ok(Overlay { entries: routes.into_iter().map(entry).collect::<Result<_, _>>()? })
    }

    /// The text of the file: one member a line, so that a diff of two can be read.
    ///
    /// # Errors
    /// None that is known of; the writer of JSON can fail by its type.
    pub fn to_text(&self) -> Result<String, serde_json::Error> {
        let routes = self.entries.iter().map(|(route, entry)| (route.clone(), entry.written()));
        let mut text =
            serde_json::to_string_pretty(&Written { v: VERSION, routes: routes.collect() })?;
        text.push('\n');
        Ok(text)
    }

    /// Whether nothing is set.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// What was set for a route.
    pub fn get(&self, route: &str) -> Option<&Entry> {
        self.entries.get(route)
    }

    /// All of them, by route.
    pub fn entries(&self) -> impl Iterator<Item = (&str, &Entry)> {
        self.entries.iter().map(|(route, entry)| (route.as_str(), entry))
    }

    /// Sets the stage of a route, in the place of what was set before.
    pub fn set(&mut self, route: &str, entry: Entry) {
        self.entries.insert(route.to_owned(), entry);
    }

    /// Takes away every entry of whose route the config says something else now, and gives them.
    /// One whose route is not there sleeps: whoever takes back a config finds all as it was.
    /// `course` is what the config alone says of a route.
    pub fn prune(&mut self, course: impl Fn(&str) -> Option<Course>) -> Overlay {
        let is_over = |(route, entry): &(String, Entry)| {
            course(route).is_some_and(|course| !entry.stands_over(&course))
        };
        let (dropped, kept) = std::mem::take(&mut self.entries).into_iter().partition(is_over);
        self.entries = kept;
        Overlay { entries: dropped }
    }

    /// Takes away every entry that is over by its own word, and gives them as they were. In the place of
    /// one that was set over another comes that again.
    pub fn end(&mut self, now: Timestamp) -> Overlay {
        let ended = self.entries.iter().filter(|(_, entry)| entry.has_ended(now));
        let ended = Overlay {
            entries: ended.map(|(route, entry)| (route.clone(), entry.clone())).collect(),
        };
        self.give_way(&ended);
        ended
    }

    /// The same for these entries, each only as it is there.
    pub fn give_way(&mut self, ended: &Overlay) {
        for (route, entry) in ended.entries() {
            if self.get(route) != Some(entry) {
                continue;
            }
            self.entries.remove(route);
            if let Some(then) = &entry.then {
                self.set(route, then.entry());
            }
        }
    }

    /// Takes away these entries, each only as it is there: what was set meanwhile stays.
    pub fn remove(&mut self, others: &Overlay) {
        self.entries.retain(|route, entry| others.get(route) != Some(&*entry));
    }

    /// Adds entries, in the place of others of the same routes.
    pub fn add(&mut self, others: &Overlay) {
        self.entries.extend(others.entries.clone());
    }

    /// The routes of which something is set.
    pub fn routes(&self) -> Vec<String> {
        self.entries.keys().cloned().collect()
    }

    /// Whether some entry is in both.
    pub fn meets(&self, others: &Overlay) -> bool {
        self.entries.iter().any(|(route, entry)| others.get(route) == Some(entry))
    }
}

// === impl Entry ===

impl Entry {
    fn written(&self) -> WrittenEntry {
        let WrittenStanding { stage, percent, from } = WrittenStanding::of(self.standing);
        WrittenEntry {
            stage,
            percent,
            from,
            over: self.over.clone(),
            by: self.by.clone(),
            at: self.at,
            reason: self.reason.clone(),
            until: self.until,
            then: self.then.as_ref().map(WrittenLasting::of),
        }
    }
}

// === impl WrittenEntry ===

impl WrittenEntry {
    fn read(self) -> Result<Entry, &'static str> {
        let WrittenEntry { stage, percent, from, over, by, at, reason, until, then } = self;
        let standing = WrittenStanding { stage, percent, from }.read()?;
        let then = then.map(WrittenLasting::read).transpose()?;
        if then.is_some() && until.is_none() {
            return Err("`then` goes with `until`");
        }
        if by.trim().is_empty() {
            return Err("it does not say who set it");
        }
        Ok(Entry { standing, over, by, at, reason, until, then })
    }
}

// === impl WrittenLasting ===

impl WrittenLasting {
    fn of(lasting: &Lasting) -> WrittenLasting {
        let WrittenStanding { stage, percent, from } = WrittenStanding::of(lasting.standing);
        let Lasting { over, by, at, reason, .. } = lasting.clone();
        WrittenLasting { stage, percent, from, over, by, at, reason }
    }

    fn read(self) -> Result<Lasting, &'static str> {
        let WrittenLasting { stage, percent, from, over, by, at, reason } = self;
        let standing = WrittenStanding { stage, percent, from }.read()?;
        Ok(Lasting { standing, over, by, at, reason })
    }
}

// === impl WrittenStanding ===

impl WrittenStanding {
    fn of(standing: Standing) -> WrittenStanding {
        let (stage, from, percent) = match standing {
            Standing::Whole(stage) => (stage, None, None),
            Standing::Shared { from, to, percent } => {
                (to, Some(from.as_str().to_owned()), Some(u64::from(percent.get())))
            }
        };
        WrittenStanding { stage: stage.as_str().to_owned(), percent, from }
    }

    fn read(self) -> Result<Standing, &'static str> {
        let stage = |word: &str| Stage::parse(word).ok_or("it names a stage that there is not");
        let to = stage(&self.stage)?;
        match (self.from, self.percent) {
            (None, None) => Ok(Standing::Whole(to)),
            (Some(from), Some(percent)) => Ok(Standing::Shared {
                from: stage(&from)?,
                to,
                percent: Percent::new(percent).ok_or("`percent` is above 100")?,
            }),
            _ => Err("`percent` and `from` go together"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(standing: Standing) -> Entry {
        Entry {
            standing,
            over: "observe".to_owned(),
            by: "ada@desk".to_owned(),
            at: "2026-11-01T00:00:00Z".parse().unwrap(),
            reason: None,
            until: None,
            then: None,
        }
    }

    fn shared() -> Standing {
        let percent = Percent::new(25).unwrap();
        Standing::Shared { from: Stage::Observe, to: Stage::DryRun, percent }
    }

    #[test]
    fn what_is_written_is_read_again() {
        let mut overlay = Overlay::default();
        overlay.set("a", entry(Standing::Whole(Stage::DryRun)));
        let until = Some("2026-12-01T00:00:00Z".parse().unwrap());
        let reason = Some("incident".to_owned());
        overlay.set("b", Entry { until, reason: reason.clone(), ..entry(shared()) });
        let then = entry(shared()).lasting();
        overlay.set("c", Entry { until, reason, then, ..entry(shared()) });
        let text = overlay.to_text().unwrap();
        assert_eq!(Overlay::parse(text.as_bytes()).unwrap(), overlay);
    }

    #[test]
    fn nothing_but_stage_and_percent_can_be_set() {
        let refused = |members: &str| {
            let text = format!(
                r#"{{"v":1,"routes":{{"a":{{"over":"observe","by":"ada","at":"2026-11-01T00:00:00Z",{members}}}}}}}"#
            );
            Overlay::parse(text.as_bytes()).unwrap_err().to_string()
        };
        assert!(refused(r#""stage":"observe","risk_class":"low""#).contains("risk_class"));
        assert!(refused(r#""stage":"off""#).contains("a stage that there is not"));
        assert!(refused(r#""stage":"observe","percent":5"#).contains("go together"));
        let above = r#""stage":"observe","from":"enforce","percent":101"#;
        assert!(refused(above).contains("above 100"));
        assert!(Overlay::parse(br#"{"v":2,"routes":{}}"#).is_err());
    }

    #[test]
    fn what_is_over_gives_way_to_what_it_was_set_over() {
        let end: Timestamp = "2026-12-01T00:00:00Z".parse().unwrap();
        let promoted = entry(Standing::Whole(Stage::Enforce));
        let demoted = |then| Entry { until: Some(end), then, ..entry(shared()) };
        let mut overlay = Overlay::default();
        overlay.set("a", demoted(promoted.lasting()));
        overlay.set("b", demoted(None));
        overlay.set("c", promoted.clone());
        let mut disk = overlay.clone();
        let nanosecond = jiff::SignedDuration::from_nanos(1);
        assert!(overlay.end(end - nanosecond).is_empty());
        let ended = overlay.end(end);
        assert_eq!(
            (ended.routes(), overlay.routes()),
            (vec!["a".into(), "b".into()], vec!["a".into(), "c".into()])
        );
        assert_eq!(overlay.get("a"), Some(&promoted));
        // What was set meanwhile stays.
        disk.set("b", promoted.clone());
        disk.give_way(&ended);
        assert_eq!((disk.get("a"), disk.get("b")), (Some(&promoted), Some(&promoted)));
    }

    #[test]
    fn an_entry_goes_with_the_word_that_it_was_over() {
        let mut overlay = Overlay::default();
        ["a", "b", "gone"].iter().for_each(|route| overlay.set(route, entry(shared())));
        let course = |route: &str| match route {
            "a" => Some(Course::of(Standing::Whole(Stage::Observe))),
            "b" => Some(Course::of(Standing::Whole(Stage::DryRun))),
            _ => None,
        };
        let mut whole = overlay.clone();
        let dropped = overlay.prune(course);
        assert_eq!(
            (dropped.routes(), overlay.routes()),
            (vec!["b".into()], vec!["a".into(), "gone".into()])
        );
        assert!(whole.meets(&dropped) && !overlay.meets(&dropped));
        // What was set meanwhile is another entry.
        whole.set("b", Entry { by: "bob".to_owned(), ..entry(shared()) });
        whole.remove(&dropped);
        assert_eq!(whole.routes(), ["a", "b", "gone"]);
        whole.add(&dropped);
        whole.remove(&dropped);
        assert_eq!(whole, overlay);
    }
}
