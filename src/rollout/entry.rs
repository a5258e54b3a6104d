//! The stage that a command set for one route, and what it is over.
//!
//! An entry stands for as long as the config says of the route's standing what it said when the entry
//! was written. Overrides come and go in the meantime: those that the entry knew it was set over, and
//! those that came later are over it. Rejected: to compare overrides too, so that the end of an
//! incident somewhere else would throw away what was promoted.

use crate::stage::{Course, Override, Standing};
use jiff::Timestamp;
use std::sync::Arc;

/// The stage of one route, and who set it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Where its callers stand.
    pub standing: Standing,
    /// What the config said of the route when this was written.
    pub over: String,
    /// Logged in as.
    pub by: String,
    /// When.
    pub at: Timestamp,
    /// Why, in words.
    pub reason: Option<String>,
    /// It has no effect from this instant on.
    pub until: Option<Timestamp>,
    /// What holds after that, where a command had set something before; else the config does.
    pub then: Option<Lasting>,
}

/// What a command set for good, and what the config said then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lasting {
    /// Where the callers stand.
    pub standing: Standing,
    /// What the config said.
    pub over: String,
    /// Logged in as.
    pub by: String,
    /// When.
    pub at: Timestamp,
    /// Why, in words.
    pub reason: Option<String>,
}

// === impl Entry ===

impl Entry {
    /// Whether the config still says of the route's standing what it said. Overrides end by
    /// themselves, so they have no say in it.
    pub fn stands_over(&self, config: &Course) -> bool {
        self.over.split(Course::BETWEEN).next() == Some(config.standing.to_string().as_str())
    }

    /// The course of its route while it stands.
    pub fn over(&self, config: &Course) -> Course {
        let Entry { standing, ref over, until, .. } = *self;
        let Some(until) = until else { return lasting(standing, over, config) };
        let reason: Arc<str> = self.reason.as_deref().unwrap_or_default().into();
        let own = Override { standing, until, reason };
        let after = self.then.as_ref().map_or_else(|| config.clone(), |then| then.over(config));
        let later = later(over, config);
        let rest = after.overrides.iter().filter(|one| !later.contains(one)).cloned();
        let overrides = later.iter().cloned().chain([own]).chain(rest).collect();
        Course { standing: after.standing, overrides }
    }

    /// What holds again after something that is set over this, for a time.
    pub fn lasting(&self) -> Option<Lasting> {
        match self.until {
            None => Some(Lasting {
                standing: self.standing,
                over: self.over.clone(),
                by: self.by.clone(),
                at: self.at,
                reason: self.reason.clone(),
            }),
            Some(_) => self.then.clone(),
        }
    }

    /// Whether it is over by its own word.
    pub fn has_ended(&self, now: Timestamp) -> bool {
        self.until.is_some_and(|until| until <= now)
    }

    /// Whether it lets some callers of a route stand lower than the config says, and does not say why.
    pub fn lowers_unsaid(&self, config: &Course) -> bool {
        let lowers = |standing: Standing| standing.is_below(config.standing);
        let unsaid =
            |reason: &Option<String>| reason.as_deref().unwrap_or_default().trim().is_empty();
        let then = self.then.as_ref();
        lowers(self.standing) && unsaid(&self.reason)
            || then.is_some_and(|then| lowers(then.standing) && unsaid(&then.reason))
    }
}

// === impl Lasting ===

impl Lasting {
    /// As it was set.
    pub fn entry(&self) -> Entry {
        let Lasting { standing, over, by, at, reason } = self.clone();
        Entry { standing, over, by, at, reason, until: None, then: None }
    }

    fn over(&self, config: &Course) -> Course {
        lasting(self.standing, &self.over, config)
    }
}

fn lasting(standing: Standing, over: &str, config: &Course) -> Course {
    Course { standing, overrides: later(over, config).into() }
}

/// The overrides that came after the config said `over`.
fn later(over: &str, config: &Course) -> Vec<Override> {
    let known: Vec<&str> = over.split(Course::BETWEEN).skip(1).collect();
    let is_later = |one: &&Override| !known.contains(&one.to_string().as_str());
    config.overrides.iter().filter(is_later).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stage::Stage;
    use jiff::SignedDuration;

    const OBSERVE: Standing = Standing::Whole(Stage::Observe);
    const DRY_RUN: Standing = Standing::Whole(Stage::DryRun);
    const ENFORCE: Standing = Standing::Whole(Stage::Enforce);

    fn entry(standing: Standing, over: &Course) -> Entry {
        Entry {
            standing,
            over: over.to_string(),
            by: "ada@desk".to_owned(),
            at: "2026-11-01T00:00:00Z".parse().unwrap(),
            reason: None,
            until: None,
            then: None,
        }
    }

    fn hour(hour: i64) -> Timestamp {
        "2026-12-01T00:00:00Z".parse::<Timestamp>().unwrap() + SignedDuration::from_hours(hour)
    }

    fn config(standing: Standing, overrides: &[(Standing, i64)]) -> Course {
        let one = |(standing, until): &(Standing, i64)| Override {
            standing: *standing,
            until: hour(*until),
            reason: "x".into(),
        };
        Course { standing, overrides: overrides.iter().map(one).collect() }
    }

    #[test]
    fn an_override_that_comes_or_goes_drops_nothing_that_was_set() {
        let (plain, incident) = (config(OBSERVE, &[]), config(OBSERVE, &[(ENFORCE, 1)]));
        let (early, late) = (entry(DRY_RUN, &plain), entry(DRY_RUN, &incident));
        for set in [&early, &late] {
            assert!(set.stands_over(&plain) && set.stands_over(&incident));
            assert!(!set.stands_over(&config(DRY_RUN, &[])));
            assert_eq!(set.over(&plain), Course::of(DRY_RUN));
        }
        // The stricter word of an incident that came later holds, and then what was set.
        let course = early.over(&incident);
        assert_eq!((course.at(hour(0)), course.at(hour(1))), (ENFORCE, DRY_RUN));
        // Who knew of it and set something else meant that.
        assert_eq!(late.over(&incident), Course::of(DRY_RUN));
        // One that is prolonged is another.
        let prolonged = late.over(&config(OBSERVE, &[(ENFORCE, 2)]));
        assert_eq!((prolonged.at(hour(1)), prolonged.at(hour(2))), (ENFORCE, DRY_RUN));
    }

    #[test]
    fn after_something_that_ends_comes_what_was_set_before_and_not_the_config() {
        let said = config(OBSERVE, &[]);
        let for_an_hour =
            |then| Entry { until: Some(hour(1)), then, ..entry(DRY_RUN, &config(OBSERVE, &[])) };
        let first = for_an_hour(entry(ENFORCE, &said).lasting());
        let course = first.over(&said);
        assert_eq!((course.at(hour(0)), course.at(hour(1))), (DRY_RUN, ENFORCE));
        // A second one over the first ends where the first would have.
        assert_eq!(for_an_hour(first.lasting()).over(&said).at(hour(1)), ENFORCE);
        // Where nothing was set the config's word comes back, with its own overrides.
        assert_eq!(for_an_hour(None).lasting(), None);
        let incident = config(OBSERVE, &[(ENFORCE, 2)]);
        let once = Entry { over: incident.to_string(), ..for_an_hour(None) }.over(&incident);
        assert_eq!([0, 1, 2].map(|at| once.at(hour(at))), [DRY_RUN, ENFORCE, OBSERVE]);
    }

    #[test]
    fn what_was_set_before_comes_back_as_it_was_among_the_overrides() {
        let known = config(DRY_RUN, &[(OBSERVE, 3)]);
        let promoted = entry(ENFORCE, &known);
        let both = config(DRY_RUN, &[(OBSERVE, 3), (Standing::Whole(Stage::RequireApproval), 2)]);
        let demoted =
            Entry { until: Some(hour(1)), then: promoted.lasting(), ..entry(OBSERVE, &both) };
        let course = demoted.over(&both);
        let approve = Standing::Whole(Stage::RequireApproval);
        assert_eq!(
            [0, 1, 2, 3].map(|at| course.at(hour(at))),
            [OBSERVE, approve, ENFORCE, ENFORCE]
        );
    }
}
