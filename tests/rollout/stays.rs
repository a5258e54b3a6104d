//! Since when a route stands in its stage: reloads, restarts, shares, overrides that end.

use crate::forge::{Calls, Step};
use crate::{HOUR, History, hold};
use gait::stage::Stage::{DryRun, Enforce, Observe, RequireApproval};

fn reload(ago: u64, stages: &'static str) -> Step {
    Step::Reload { ago: ago * HOUR, stages }
}

fn calls(stage: gait::stage::Stage, count: u64, ago: u64) -> Step {
    Step::allowed(stage, count, ago * HOUR)
}

fn bare(name: &'static str) -> History {
    History::bare(name, Observe, DryRun)
}

#[test]
fn a_stay_begins_where_the_log_proves_it() {
    hold(vec![
        bare("no word, but calls").then(calls(Observe, 100, 48)),
        bare("calls since an hour ago").then(calls(Observe, 100, 1)).unknown("time"),
        bare("came back")
            .then(reload(90, "observe"))
            .then(calls(Observe, 100, 89))
            .then(reload(60, "dry_run"))
            .then(reload(48, "observe"))
            .then(calls(Observe, 50, 47))
            .unknown("calls"),
        bare("came back an hour ago")
            .then(reload(90, "observe"))
            .then(reload(60, "dry_run"))
            .then(reload(1, "observe"))
            .then(Step::allowed(Observe, 100, HOUR - 60))
            .unknown("time"),
        bare("said to be elsewhere")
            .then(calls(Observe, 100, 48))
            .then(reload(1, "dry_run"))
            .unknown("calls")
            .unknown("time"),
    ]);
}

#[test]
fn a_process_that_starts_does_not_end_a_stay() {
    let start = |ago| Step::Start { ago: ago * HOUR };
    let stop = |ago| Step::Stop { ago: ago * HOUR, missed: Some((0, 0)) };
    hold(vec![
        bare("started again")
            .then(calls(Observe, 60, 48))
            .then(stop(40))
            .then(start(40))
            .then(calls(Observe, 40, 39)),
        bare("started, and not used since")
            .then(calls(Observe, 100, 48))
            .then(stop(40))
            .then(start(40)),
        bare("started elsewhere in between")
            .then(calls(Observe, 60, 70))
            .then(stop(60))
            .then(start(60))
            .then(calls(DryRun, 5, 59))
            .then(stop(40))
            .then(start(40))
            .then(calls(Observe, 40, 39))
            .unknown("calls"),
        bare("here and there, and nobody said why")
            .then(calls(Observe, 60, 70))
            .then(stop(60))
            .then(start(60))
            .then(calls(DryRun, 5, 59))
            .then(calls(Observe, 40, 39))
            .unknown("calls"),
        bare("a crash loop")
            .then(calls(Observe, 60, 48))
            .then(start(40))
            .then(start(39))
            .then(start(38))
            .then(calls(Observe, 40, 37))
            .unknown("bypasses")
            .unknown("evidence"),
    ]);
}

#[test]
fn what_ends_by_itself_ends_a_stay() {
    let enforced = |name| History::bare(name, DryRun, RequireApproval);
    hold(vec![
        enforced("an override is over, without a word")
            .then(reload(72, "observe"))
            .then(calls(DryRun, 100, 48)),
        enforced("only calls that were late")
            .then(reload(72, "dry_run"))
            .then(calls(DryRun, 100, 70))
            .then(reload(48, "enforce"))
            .then(Step::Calls(Calls { took: 10, ..Step::calls(DryRun, 1, 48 * HOUR + 5) }))
            .unknown("calls")
            .unknown("time"),
        bare("was elsewhere for a time, without a word")
            .then(reload(90, "observe"))
            .then(calls(Observe, 100, 89))
            .then(calls(DryRun, 5, 60))
            .then(reload(48, "observe"))
            .then(calls(Observe, 40, 47))
            .unknown("calls"),
    ]);
}

#[test]
fn a_share_counts_both_stages_apart() {
    let shared = |name| {
        bare(name).shared(Observe, DryRun, 25).then(reload(72, "dry_run for 25 %, else observe"))
    };
    hold(vec![
        shared("enough stayed behind").then(calls(Observe, 100, 48)).then(calls(DryRun, 30, 47)),
        shared("too few stayed behind")
            .then(calls(Observe, 99, 48))
            .then(calls(DryRun, 90, 47))
            .unknown("calls"),
        shared("the share grew")
            .then(calls(Observe, 60, 70))
            .then(reload(40, "dry_run for 50 %, else observe"))
            .then(calls(Observe, 40, 39)),
        shared("wrong in the other stage")
            .then(calls(Observe, 100, 48))
            .then(Step::against(DryRun, 5, 40 * HOUR))
            .then(Step::Labels { wrong: 5, right: 0 })
            .not_met("false_positives"),
        bare("a share of all is all")
            .shared(Observe, DryRun, 100)
            .then(reload(72, "dry_run for 100 %, else observe"))
            .then(calls(DryRun, 100, 48))
            .towards(RequireApproval),
        bare("on from a share")
            .shared(DryRun, RequireApproval, 10)
            .then(reload(72, "require_approval for 10 %, else dry_run"))
            .then(calls(DryRun, 100, 48))
            .towards(Enforce),
    ]);
}

#[test]
fn a_share_is_not_the_whole() {
    let (one, zero) = ("dry_run for 1 %, else observe", "dry_run for 0 %, else observe");
    let all = "dry_run for 100 %, else observe";
    let dry = |name| History::bare(name, DryRun, RequireApproval);
    let last_hour = || Step::allowed(DryRun, 100, HOUR - 60);
    let then_all = |name, first| dry(name).then(reload(72, first)).then(calls(DryRun, 100, 70));
    let since = |name, ago| {
        then_all(name, one).then(Step::Reload { ago, stages: "dry_run" }).then(Step::allowed(
            DryRun,
            100,
            ago - 60,
        ))
    };
    hold(vec![
        since("all of them for a day", 24 * HOUR),
        since("two minutes less", 24 * HOUR - 120).unknown("time"),
        since("for an hour", HOUR).unknown("time"),
        then_all("and then none called", one)
            .then(reload(1, "dry_run"))
            .unknown("calls")
            .unknown("time"),
        then_all("a share of nothing", zero)
            .then(reload(1, "dry_run"))
            .then(last_hour())
            .unknown("time"),
        then_all("a share of all", all).then(reload(1, "dry_run")).then(last_hour()),
        then_all("fell back in between", "dry_run")
            .then(reload(30, "dry_run for 50 %, else observe"))
            .then(reload(1, "dry_run"))
            .then(last_hour())
            .unknown("time"),
        then_all("a stricter share was taken back", "require_approval for 5 %, else dry_run")
            .then(reload(1, "dry_run")),
        bare("those who stayed behind are no share of nothing")
            .then(reload(72, "observe"))
            .then(calls(Observe, 100, 70))
            .then(reload(40, all))
            .then(reload(1, "observe"))
            .then(Step::allowed(Observe, 100, HOUR - 60))
            .unknown("time"),
        bare("nobody in particular stands in a share of nothing")
            .shared(Observe, DryRun, 0)
            .then(reload(72, zero))
            .then(calls(DryRun, 5, 60))
            .then(calls(Observe, 100, 48)),
    ]);
}

#[test]
fn what_nobody_said_counts_from_when_the_laxer_stage_was_last_seen() {
    let start = |ago| Step::Start { ago: ago * HOUR };
    let stop = |ago| Step::Stop { ago: ago * HOUR, missed: Some((0, 0)) };
    let dry = |name| History::bare(name, DryRun, RequireApproval);
    let mixed = |name, ago| {
        dry(name)
            .then(calls(DryRun, 5, 60))
            .then(Step::allowed(Observe, 1, ago))
            .then(calls(DryRun, 100, 20))
    };
    hold(vec![
        dry("the share ended while nothing ran")
            .then(reload(72, "dry_run for 1 %, else observe"))
            .then(calls(DryRun, 100, 70))
            .then(stop(2))
            .then(start(2))
            .then(calls(DryRun, 100, 1))
            .unknown("time"),
        dry("and nobody called since")
            .then(reload(72, "dry_run for 1 %, else observe"))
            .then(calls(DryRun, 100, 70))
            .then(stop(2))
            .then(start(2))
            .unknown("calls")
            .unknown("time"),
        mixed("a day ago", 24 * HOUR),
        mixed("two minutes less", 24 * HOUR - 120).unknown("time"),
    ]);
}

#[test]
fn a_call_may_be_judged_a_moment_late() {
    let late = |name, by: u64| {
        History::bare(name, DryRun, RequireApproval)
            .then(reload(72, "dry_run"))
            .then(Step::allowed(Observe, 1, 72 * HOUR - by))
            .then(calls(DryRun, 60, 70))
            .then(Step::Stop { ago: 40 * HOUR, missed: Some((0, 0)) })
            .then(Step::Start { ago: 40 * HOUR })
            .then(calls(DryRun, 40, 39))
    };
    let early = |name, by: u64| {
        History::bare(name, DryRun, RequireApproval)
            .then(reload(72, "dry_run"))
            .then(calls(DryRun, 100, 70))
            .then(reload(30, "enforce"))
            .then(Step::allowed(DryRun, 1, 30 * HOUR - by))
    };
    hold(vec![
        late("in the same moment", 0),
        late("a second later it is no accident", 1).unknown("calls"),
        early("the last one of the stage before", 0).unknown("calls").unknown("time"),
        early("and one that was judged there anew", 1).unknown("calls"),
    ]);
}
