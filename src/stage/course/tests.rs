//! Shares, ends, and what is below what.

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
    assert_eq!((course.changes_after(before), course.changes_after(until)), (Some(until), None));
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
        (stage(), stage(), 0u64..=100).prop_map(|(from, to, percent)| shared(from, to, percent)),
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
    fn whoever_is_held_to_less_at_any_time_is_found(one in any_course(), other in any_course(), second in 0i64..110) {
        let now = Timestamp::from_second(second).unwrap();
        let less = |at: i64| {
            let at = Timestamp::from_second(at).unwrap();
            seats().any(|seat| one.at(at).stage(seat) < other.at(at).stage(seat))
        };
        prop_assert_eq!(one.is_below(&other, now), (second..=110).any(less));
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
