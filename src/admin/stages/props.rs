//! Whatever people set one after the other, for all or for a share, for good or for a time, while the
//! config's overrides come and go and gait starts anew: nobody is ever held to less but by a demotion,
//! which says who and why, or by the end of an override that says the same.

use super::*;
use crate::json::Digest;
use crate::snapshot::Role;
use crate::stage::{Course, Override, Percent, Stage};
use jiff::SignedDuration;
use proptest::prelude::*;

const ROUTE: &str = "del";

/// What happens to one route.
#[derive(Clone, Debug)]
enum Step {
    Promote(Stage, Option<u64>),
    /// For so many seconds, or for good.
    Demote(Stage, Option<u64>, Option<i64>),
    /// So many seconds pass.
    Wait(i64),
    /// Another process reads the overlay, and lets go what is over.
    Restart,
    /// The config gets this override, for so many seconds.
    Override(Stage, i64),
    /// All overrides are taken out of the config.
    Tidy,
}

/// A route, what the config says of it, and what was set.
struct World {
    said: Course,
    overlay: Overlay,
    now: Timestamp,
}

impl World {
    fn new(stage: Stage) -> World {
        let now = "2026-11-01T00:00:00Z".parse().unwrap();
        World { said: Course::of(Standing::Whole(stage)), overlay: Overlay::default(), now }
    }

    fn course(&self) -> Course {
        let set = self.overlay.get(ROUTE);
        set.map_or_else(|| self.said.clone(), |set| set.over(&self.said))
    }

    fn wish(to: Stage, percent: Option<u64>) -> Wish {
        let percent = percent.and_then(Percent::new);
        Wish { to, percent, until: None, reason: None, gates: Gates::Count, act: Act::Do }
    }

    /// Sets what is wished, if that may be; gives whether it was.
    fn set(&mut self, wish: &Wish, is_allowed: impl Fn(&Course, &Course) -> bool) -> bool {
        let (parts, ()) = http::Request::new(()).into_parts();
        let (name, role, token) = ("ada@desk".into(), Role::Admin, Digest::of(b"token"));
        let login = Login { name, role, token };
        let (head, body) = (&parts, Ok(Bytes::new()));
        let asked = Asked { head, body, route: ROUTE.to_owned(), login: &login };
        let stands = Stands { said: self.said.clone(), course: self.course() };
        let set = self.overlay.get(ROUTE).cloned();
        let Ok(change) = change(&asked, wish, &stands, self.now, (set, IfLost::Refuse)) else {
            return false;
        };
        let is_done = is_allowed(&stands.course, &change.then.course);
        if is_done {
            self.overlay.set(ROUTE, change.entry);
        }
        is_done
    }

    /// Whether nobody is held to less than before, from a moment on.
    fn holds(&self, before: &Course, from: Timestamp) -> bool {
        !self.course().is_below(before, from)
    }
}

fn step() -> impl Strategy<Value = Step> {
    let stage = || proptest::sample::select(Stage::ALL.to_vec());
    let percent = || proptest::option::of(0u64..=100);
    prop_oneof![
        3 => (stage(), percent()).prop_map(|(to, percent)| Step::Promote(to, percent)),
        3 => (stage(), percent(), proptest::option::of(1i64..100))
            .prop_map(|(to, percent, seconds)| Step::Demote(to, percent, seconds)),
        2 => (1i64..100).prop_map(Step::Wait),
        2 => Just(Step::Restart),
        1 => (stage(), 1i64..100).prop_map(|(stage, seconds)| Step::Override(stage, seconds)),
        1 => Just(Step::Tidy),
    ]
}

proptest! {
    #[test]
    fn nobody_is_held_to_less_but_by_a_demotion(
        stage in proptest::sample::select(Stage::ALL.to_vec()),
        steps in proptest::collection::vec(step(), 1..20),
    ) {
        let mut world = World::new(stage);
        for step in steps {
            let (before, now) = (world.course(), world.now);
            match step.clone() {
                Step::Promote(to, percent) => {
                    let wish = World::wish(to, percent);
                    world.set(&wish, |stood, then| !then.is_below(stood, now));
                    prop_assert!(world.holds(&before, now), "{step:?}");
                }
                Step::Demote(to, percent, seconds) => {
                    let until = seconds.map(|seconds| now + SignedDuration::from_secs(seconds));
                    let reason = Some("incident".to_owned());
                    let wish = Wish { until, reason, ..World::wish(to, percent) };
                    let is_done = world.set(&wish, |stood, then| !stood.is_below(then, now));
                    // What was for a time leads back to all that stood before.
                    if let Some(until) = until.filter(|_| is_done) {
                        prop_assert!(world.holds(&before, until), "{step:?}");
                    }
                }
                Step::Wait(seconds) => world.now = now + SignedDuration::from_secs(seconds),
                Step::Restart => {
                    world.overlay.end(now);
                    prop_assert!(world.overlay.prune(|_| Some(world.said.clone())).is_empty());
                    prop_assert!(world.holds(&before, now), "{step:?}");
                    let same = !before.is_below(&world.course(), now);
                    prop_assert!(same, "nor to more");
                }
                Step::Override(stage, seconds) => {
                    let until = now + SignedDuration::from_secs(seconds);
                    let standing = Standing::Whole(stage);
                    let one = Override { standing, until, reason: "incident".into() };
                    world.said.overrides = [one].into_iter().chain(world.said.overrides.iter().cloned()).collect();
                    prop_assert!(world.holds(&before, until), "{step:?}");
                }
                Step::Tidy => world.said.overrides = Arc::default(),
            }
            // Whatever was set is read again, and says why wherever it lowers.
            let text = world.overlay.to_text().unwrap();
            let read = Overlay::parse(text.as_bytes()).ok();
            prop_assert_eq!(read.as_ref(), Some(&world.overlay));
            let unsaid = world.overlay.get(ROUTE).is_some_and(|set| set.lowers_unsaid(&world.said));
            prop_assert!(!unsaid, "{step:?}");
        }
    }
}

/// What was set for a time, beside an override that is gone by now, is above the config.
#[test]
fn what_holds_for_a_time_is_not_cut_short_by_less_time() {
    let mut world = World::new(Stage::Observe);
    let at = |seconds| Some(world.now + SignedDuration::from_secs(seconds));
    let wish = |to, until| {
        let reason = Some("incident".to_owned());
        Wish { until, reason, ..World::wish(to, None) }
    };
    let (high, short) = (wish(Stage::DryRun, at(13)), wish(Stage::Observe, at(1)));
    let (long, for_good) = (wish(Stage::Observe, at(13)), wish(Stage::Observe, None));
    assert!(world.set(&high, |_, _| true));
    assert!(!world.set(&short, |_, _| true));
    assert!(world.set(&long, |_, _| true));
    assert!(world.set(&for_good, |_, _| true));
}
