//! Where a route stands, for whom, and until when.
//!
//! A switch from one stage to the next can be shared out: `percent` of the callers that are known
//! stand in the next stage already, the others still in the one before. Who is not known could be
//! anybody, so the stricter of the two is theirs. An override puts another standing in the place of
//! the usual one until an instant; from then on it is as if it had never been written, whether
//! anybody looks at the config or not.

use super::Stage;
use jiff::Timestamp;
use std::fmt;
use std::sync::Arc;

/// Whole hundredths: 0 to 100.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Percent(u8);

/// Where the callers of a route stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// All in one stage.
    Whole(Stage),
    /// Some in the one, the others in the other.
    Shared {
        /// The stage of those who are not in the share.
        from: Stage,
        /// The stage of the share.
        to: Stage,
        /// How large the share is.
        percent: Percent,
    },
}

/// Who asks, as far as a share wants to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seat {
    /// Somebody proven: a stable number below 100, from a keyed hash of the identity.
    Known(Percent),
    /// Nobody in particular, or not who they say.
    Unknown,
}

/// Another standing, for a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Override {
    /// What it puts in the place of the usual one.
    pub standing: Standing,
    /// It has no effect from this instant on.
    pub until: Timestamp,
    /// Why, in words.
    pub reason: Arc<str>,
}

/// All that is said of the standing of a route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Course {
    /// The usual one.
    pub standing: Standing,
    /// What is in its place for a time; of several that hold, the first.
    pub overrides: Arc<[Override]>,
}

// === impl Percent ===

impl Percent {
    /// All of them.
    pub const ALL: Percent = Percent(100);

    /// `None` above 100.
    pub fn new(percent: u64) -> Option<Percent> {
        u8::try_from(percent).ok().filter(|percent| *percent <= 100).map(Percent)
    }

    /// The share as a part of one.
    pub fn ratio(self) -> f64 {
        f64::from(self.0) / 100.0
    }

    /// The number.
    pub fn get(self) -> u8 {
        self.0
    }
}

// === impl Standing ===

impl Standing {
    /// The stage of somebody.
    pub fn stage(self, seat: Seat) -> Stage {
        match (self, seat) {
            (Standing::Whole(stage), _) => stage,
            (Standing::Shared { from, to, .. }, Seat::Unknown) => from.max(to),
            (Standing::Shared { to, percent, .. }, Seat::Known(seat)) if seat < percent => to,
            (Standing::Shared { from, .. }, Seat::Known(_)) => from,
        }
    }

    /// The strictest stage that anybody stands in.
    pub fn strictest(self) -> Stage {
        self.stage(Seat::Unknown)
    }

    /// The laxest stage that somebody can stand in.
    pub fn laxest(self) -> Stage {
        match self {
            Standing::Shared { from, percent: Percent::ALL, to } if from < to => to,
            Standing::Shared { from, to, percent: Percent(0) } if to < from => from,
            Standing::Shared { from, to, .. } => from.min(to),
            Standing::Whole(stage) => stage,
        }
    }

    /// Whether somebody can stand in `stage`.
    fn reaches(self, stage: Stage) -> bool {
        seats().any(|seat| self.stage(seat) == stage)
    }

    /// The share of the known callers in each stage, as parts of one.
    pub fn shares(self) -> [(Stage, f64); 4] {
        Stage::ALL.map(|stage| {
            let share = match self {
                Standing::Whole(only) => f64::from(u8::from(only == stage)),
                Standing::Shared { from, to, percent } => {
                    let of = |is: Stage, ratio: f64| if is == stage { ratio } else { 0.0 };
                    of(to, percent.ratio()) + of(from, 1.0 - percent.ratio())
                }
            };
            (stage, share)
        })
    }

    /// Whether some caller is held to less here than in `before`: everybody's seat is looked at.
    pub fn is_below(self, before: Standing) -> bool {
        seats().any(|seat| self.stage(seat) < before.stage(seat))
    }
}

/// Every seat that there is.
fn seats() -> impl Iterator<Item = Seat> {
    (0..100).filter_map(Percent::new).map(Seat::Known).chain([Seat::Unknown])
}

impl fmt::Display for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Standing::Whole(stage) => f.write_str(stage.as_str()),
            Standing::Shared { from, to, percent } => {
                write!(f, "{} for {} %, else {}", to.as_str(), percent.get(), from.as_str())
            }
        }
    }
}

// === impl Course ===

impl Course {
    /// What stands between the parts of its text: the usual standing first.
    pub const BETWEEN: &str = "; ";

    /// One standing, for good.
    pub fn of(standing: Standing) -> Course {
        Course { standing, overrides: Arc::default() }
    }

    /// Where the callers stand at an instant.
    pub fn at(&self, now: Timestamp) -> Standing {
        let holding = self.overrides.iter().find(|one| now < one.until);
        holding.map_or(self.standing, |one| one.standing)
    }

    /// The next instant at which it changes by itself.
    pub fn changes_after(&self, now: Timestamp) -> Option<Timestamp> {
        self.ends_after(now).min()
    }

    /// The strictest stage that anybody stands in at any instant. What has ended counts as well, so
    /// that the answer is the same whenever it is asked.
    pub fn strictest(&self) -> Stage {
        let standings = self.standings().map(Standing::strictest);
        standings.fold(Stage::Observe, Stage::max)
    }

    /// Whether nobody ever stands in another stage than `observe`.
    pub fn wholly_observes(&self) -> bool {
        self.strictest() == Stage::Observe
    }

    /// Whether the stage of a caller hangs on who it is, at some instant.
    pub fn is_shared(&self) -> bool {
        self.standings().any(|standing| matches!(standing, Standing::Shared { .. }))
    }

    /// The stages that somebody stands in at some instant, first to last.
    pub fn stages(&self) -> impl Iterator<Item = Stage> + '_ {
        let reached = |stage: &Stage| self.standings().any(|standing| standing.reaches(*stage));
        Stage::ALL.into_iter().filter(reached)
    }

    /// Whether some caller is held to less than in `before`, at `now` or at any instant after it.
    pub fn is_below(&self, before: &Course, now: Timestamp) -> bool {
        let mut instants =
            [now].into_iter().chain(self.ends_after(now)).chain(before.ends_after(now));
        instants.any(|at| self.at(at).is_below(before.at(at)))
    }

    fn standings(&self) -> impl Iterator<Item = Standing> + '_ {
        self.overrides.iter().map(|one| one.standing).chain([self.standing])
    }

    fn ends_after(&self, now: Timestamp) -> impl Iterator<Item = Timestamp> + '_ {
        self.overrides.iter().map(|one| one.until).filter(move |until| now < *until)
    }
}

/// What the config says, as an overlay remembers it: the same text for the same say, whatever the
/// time is.
impl fmt::Display for Course {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.standing)?;
        self.overrides.iter().try_for_each(|one| write!(f, "{}{one}", Course::BETWEEN))
    }
}

impl fmt::Display for Override {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} until {}", self.standing, self.until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shared(from: Stage, to: Stage, percent: u64) -> Standing {
        Standing::Shared { from, to, percent: Percent::new(percent).unwrap() }
    }

    fn known(seat: u64) -> Seat {
        Seat::Known(Percent::new(seat).unwrap())
    }

    #[test]
    fn a_share_is_as_large_as_it_says_and_nobody_in_particular_gets_the_stricter() {
        for percent in 0..=100 {
            let standing = shared(Stage::Observe, Stage::Enforce, percent);
            let inside = (0..100).filter(|seat| standing.stage(known(*seat)) == Stage::Enforce);
            assert_eq!(inside.count() as u64, percent);
            assert_eq!(standing.stage(Seat::Unknown), Stage::Enforce);
            let back = shared(Stage::Enforce, Stage::Observe, percent);
            assert_eq!(back.stage(Seat::Unknown), Stage::Enforce);
            let sum: f64 = standing.shares().iter().map(|(_, share)| share).sum();
            assert!((sum - 1.0).abs() < 1e-9);
        }
        assert_eq!(shared(Stage::Observe, Stage::Enforce, 100).laxest(), Stage::Enforce);
        assert_eq!(shared(Stage::Observe, Stage::Enforce, 99).laxest(), Stage::Observe);
        assert_eq!(shared(Stage::Enforce, Stage::Observe, 0).laxest(), Stage::Enforce);
    }

    #[test]
    fn whoever_is_held_to_less_is_noticed() {
        let (observe, enforce) = (Standing::Whole(Stage::Observe), Standing::Whole(Stage::Enforce));
        let half = shared(Stage::Observe, Stage::Enforce, 50);
        assert!(observe.is_below(enforce) && half.is_below(enforce) && observe.is_below(half));
        assert!(!enforce.is_below(half) && !half.is_below(observe) && !half.is_below(half));
        assert!(shared(Stage::Observe, Stage::Enforce, 49).is_below(half));
        // The share grows, and what it leaves behind falls: some win, some lose.
        assert!(shared(Stage::Observe, Stage::Enforce, 60).is_below(shared(
            Stage::DryRun,
            Stage::Enforce,
            50
        )));
    }

    #[test]
    fn an_override_ends_to_the_instant() {
        let until: Timestamp = "2026-12-01T00:00:00Z".parse().unwrap();
        let standing = Standing::Whole(Stage::Observe);
        let over = Override { standing, until, reason: "incident".into() };
        let usual = Standing::Whole(Stage::Enforce);
        let course = Course { standing: usual, overrides: [over].into() };
        let before = until - jiff::SignedDuration::from_nanos(1);
        assert_eq!((course.at(before), course.at(until)), (standing, usual));
        assert_eq!(
            (course.changes_after(before), course.changes_after(until)),
            (Some(until), None)
        );
        assert_eq!(course.to_string(), "enforce; observe until 2026-12-01T00:00:00Z");
        assert_eq!(
            Course::of(shared(Stage::Observe, Stage::DryRun, 25)).to_string(),
            "dry_run for 25 %, else observe"
        );
    }

    fn until(second: i64, standing: Standing) -> Override {
        let until = Timestamp::from_second(second).unwrap();
        Override { standing, until, reason: "x".into() }
    }

    #[test]
    fn a_course_is_below_another_from_now_on_or_later() {
        let now = Timestamp::from_second(10).unwrap();
        let (observe, enforce) = (Standing::Whole(Stage::Observe), Standing::Whole(Stage::Enforce));
        let course =
            |standing, overrides: &[Override]| Course { standing, overrides: overrides.into() };
        let usual = course(enforce, &[]);
        let lowered = course(enforce, &[until(20, observe)]);
        let longer = course(enforce, &[until(30, observe)]);
        let over = course(enforce, &[until(10, observe)]);
        let raised = course(observe, &[until(20, enforce)]);
        assert!(lowered.is_below(&usual, now) && longer.is_below(&lowered, now));
        assert!(!usual.is_below(&lowered, now) && !lowered.is_below(&longer, now));
        assert!(!over.is_below(&usual, now), "what has ended lowers nothing");
        assert!(raised.is_below(&usual, now), "later, when the override has ended");
        assert!(!raised.is_below(&course(observe, &[]), now));
    }

    fn any_standing() -> impl Strategy<Value = Standing> {
        let stage = || proptest::sample::select(Stage::ALL.to_vec());
        prop_oneof![
            stage().prop_map(Standing::Whole),
            (stage(), stage(), 0u64..=100)
                .prop_map(|(from, to, percent)| shared(from, to, percent)),
        ]
    }

    fn any_course() -> impl Strategy<Value = Course> {
        let overrides = proptest::collection::vec((0i64..100, any_standing()), 0..4);
        (any_standing(), overrides).prop_map(|(standing, overrides)| {
            let overrides = overrides.into_iter().map(|(end, standing)| until(end, standing));
            Course { standing, overrides: overrides.collect() }
        })
    }

    proptest! {
        #[test]
        fn the_stage_picked_is_one_of_those_allowed(course in any_course(), second in 0i64..110) {
            let now = Timestamp::from_second(second).unwrap();
            let stages: Vec<Stage> = course.stages().collect();
            let standing = course.at(now);
            let unknown = standing.stage(Seat::Unknown);
            for seat in seats() {
                let stage = standing.stage(seat);
                prop_assert!(stages.contains(&stage));
                prop_assert!(stage <= unknown, "nobody in particular never gets the laxer");
                prop_assert!(standing.laxest() <= stage && stage <= course.strictest());
            }
            prop_assert!(stages.contains(&course.strictest()));
            prop_assert!(!course.is_below(&course, now));
        }

        #[test]
        fn a_share_that_grows_only_ever_takes_people_over(from in 0usize..4, to in 0usize..4, less in 0u64..=100, more in 0u64..=100) {
            let (less, more) = (less.min(more), less.max(more));
            let of = |percent| shared(Stage::ALL[from], Stage::ALL[to], percent);
            for seat in seats() {
                if of(less).stage(seat) != of(more).stage(seat) {
                    prop_assert_eq!(of(more).stage(seat), Stage::ALL[to]);
                }
            }
        }
    }
}
