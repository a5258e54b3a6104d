//! Enough calls, for long enough, all judged, none past gait, none without its line.

use crate::forge::{Calls, Step};
use crate::{CLEAN, HOUR, History, POLICY, hold};
use gait::rollout::{GateVerdict, Look, Summary};
use gait::stage::Stage;
use gait::stage::Stage::{DryRun, Enforce, Observe, RequireApproval};

fn good(name: &'static str) -> History {
    History::good(name, Observe, DryRun)
}

fn since(name: &'static str, ago: u64, calls: u64) -> History {
    History::bare(name, Observe, DryRun)
        .then(Step::Reload { ago, stages: "observe" })
        .then(Step::allowed(Observe, calls, ago - 60))
}

fn undecided(stage: Stage, done: &'static str, code: &'static str) -> Step {
    Step::Calls(Calls { verdict: None, done, code, ..Step::calls(stage, 1, 30 * HOUR) })
}

fn stray(route: &'static str, count: u64, ago: u64, done: &'static str) -> Step {
    let more = serde_json::json!({});
    Step::Calls(Calls { route, verdict: None, done, more, ..Step::calls(Observe, count, ago) })
}

/// Of a caller who showed who it is.
fn known(route: &'static str, count: u64, done: &'static str) -> Step {
    let calls = Step::calls(Observe, count, 30 * HOUR);
    Step::Calls(Calls { route, verdict: None, done, ..calls })
}

/// Broken calls of nobody in particular.
fn broken(stage: Stage, count: u64, done: &'static str) -> Step {
    unknown(stage, count, (done, "intent_invalid"))
}

/// Calls of nobody in particular that could not be judged.
fn unknown(stage: Stage, count: u64, (done, code): (&'static str, &'static str)) -> Step {
    let more = serde_json::json!({});
    let calls = Step::calls(stage, count, 30 * HOUR);
    Step::Calls(Calls { verdict: None, done, code, more, ..calls })
}

#[test]
fn enough_calls_for_long_enough() {
    let day = 24 * HOUR;
    hold(vec![
        good("all is well"),
        since("one call too few", 72 * HOUR, 99).unknown("calls"),
        since("as many as wanted", 72 * HOUR, 100),
        since("one more", 72 * HOUR, 101),
        since("two minutes too short", day - 120, 100).unknown("time"),
        since("just as long as wanted", day, 100),
        since("an hour longer", day + HOUR, 100),
        since("too few and too short", HOUR, 10).unknown("calls").unknown("time"),
        History::bare("nothing at all", Observe, DryRun).unknown("calls").unknown("time"),
        since("nothing is wanted", HOUR, 0).gates(|gates| {
            gates.min_calls = 0;
            gates.min_time = std::time::Duration::ZERO;
        }),
        since("older than the window", 72 * HOUR, 100)
            .gates(|gates| gates.window = std::time::Duration::from_secs(48 * HOUR))
            .unknown("calls"),
        since("asked for a dry run, which is no traffic", 72 * HOUR, 99)
            .then(Step::Calls(Calls {
                more: serde_json::json!({"dry_run_requested": true}),
                ..Step::calls(Observe, 50, 30 * HOUR)
            }))
            .unknown("calls"),
        since("refused for want of credentials, whatever policy was in force", 72 * HOUR, 99)
            .then(Step::Calls(Calls {
                verdict: None,
                done: "denied",
                code: "credentials_missing",
                more: serde_json::json!({"policy_digest": crate::digest(POLICY).to_string()}),
                ..Step::calls(Observe, 50, 30 * HOUR)
            }))
            .unknown("calls"),
        since("calls of another route", 72 * HOUR, 99)
            .then(Step::Calls(Calls { route: "other", ..Step::calls(Observe, 50, 30 * HOUR) }))
            .unknown("calls"),
    ]);
}

#[test]
fn what_cannot_be_judged() {
    let one = |gates: &mut gait::snapshot::Gates| gates.evaluation_errors = 1;
    let error = || undecided(Observe, "forwarded", "intent_invalid");
    hold(vec![
        good("an intent that is none").then(error()).not_met("evaluation_errors"),
        good("one is allowed").then(error()).gates(one),
        good("two are not").then(error()).then(error()).gates(one).not_met("evaluation_errors"),
        good("nobody known, let through")
            .then(undecided(Observe, "forwarded", "credentials_missing"))
            .not_met("evaluation_errors"),
        History::good("nobody known, refused by right", DryRun, RequireApproval).then(undecided(
            DryRun,
            "denied",
            "credentials_missing",
        )),
        History::good("what a stranger breaks, refused", DryRun, RequireApproval)
            .then(broken(DryRun, 50, "denied")),
        good("what a stranger breaks, let through")
            .then(broken(Observe, 1, "forwarded"))
            .not_met("evaluation_errors"),
        History::good("our own fault on a stranger", DryRun, RequireApproval)
            .then(unknown(DryRun, 1, ("failed", "evaluation_panic")))
            .not_met("evaluation_errors"),
        History::good("a stranger finds no room, which strangers took", DryRun, RequireApproval)
            .then(unknown(DryRun, 50, ("failed", "body_budget_exhausted")))
            .then(unknown(DryRun, 50, ("failed", "rate_limit_state_full"))),
        good("it is let through all the same")
            .then(unknown(Observe, 1, ("forwarded", "body_budget_exhausted")))
            .not_met("evaluation_errors"),
        History::good("somebody known finds no room", DryRun, RequireApproval)
            .then(undecided(DryRun, "failed", "body_budget_exhausted"))
            .not_met("evaluation_errors"),
        History::good("what somebody known breaks, refused", DryRun, RequireApproval)
            .then(undecided(DryRun, "denied", "intent_invalid"))
            .not_met("evaluation_errors"),
        History::good("our own fault", DryRun, RequireApproval)
            .then(undecided(DryRun, "failed", "evaluator_failed"))
            .not_met("evaluation_errors"),
    ]);
}

#[test]
fn what_is_rightly_not_judged() {
    let one = |gates: &mut gait::snapshot::Gates| gates.evaluation_errors = 1;
    let errors = |name, count| {
        let calls = Step::calls(Observe, count, 30 * HOUR);
        let done = ("forwarded", "intent_invalid");
        good(name).then(Step::Calls(Calls { verdict: None, done: done.0, code: done.1, ..calls }))
    };
    let said = |opinion, count| {
        let dismisses = opinion == "correct";
        Step::Unjudged { opinion, count, dismisses }
    };
    let gate = "evaluation_errors";
    hold(vec![
        errors("all of them", 3).then(said("correct", 3)),
        errors("all but one", 3).then(said("correct", 2)).not_met(gate),
        errors("all but as many as may be", 3).then(said("correct", 2)).gates(one),
        errors("nobody said anything", 1).not_met(gate),
        errors("wrongly refused", 1).then(said("false-positive", 1)).not_met(gate),
        errors("it should not have gone on", 1).then(said("missed", 1)).not_met(gate),
        errors("right, and then wrong", 1)
            .then(said("correct", 1))
            .then(said("false-positive", 1))
            .not_met(gate),
        errors("wrong, and then right", 1).then(said("false-positive", 1)).then(said("correct", 1)),
        errors("they are no labelled refusals", 20)
            .then(said("correct", 20))
            .then(Step::against(Observe, 5, 29 * HOUR))
            .unknown("false_positives"),
        History::bare("right in the stage before", DryRun, RequireApproval)
            .then(undecided(Observe, "forwarded", "intent_invalid"))
            .then(said("correct", 1))
            .then(Step::Reload { ago: 72 * HOUR, stages: "dry_run" })
            .then(Step::allowed(DryRun, 100, 48 * HOUR))
            .then(undecided(DryRun, "denied", "intent_invalid"))
            .not_met(gate),
    ]);
}

/// Before gait counted no refused call of a stranger it asked people to label them.
#[test]
fn what_was_said_of_a_call_that_counts_no_more_takes_out_no_other() {
    let said = |dismisses| Step::Unjudged { opinion: "correct", count: 5, dismisses };
    let labelled = |name| {
        let history =
            History::good(name, DryRun, RequireApproval).then(broken(DryRun, 5, "denied"));
        history.then(said(false))
    };
    let error = || undecided(DryRun, "denied", "intent_invalid");
    hold(vec![
        labelled("nothing else"),
        labelled("an error of somebody known").then(error()).not_met("evaluation_errors"),
        History::good("labelled before, and its line does not say so", DryRun, RequireApproval)
            .then(error())
            .then(said(false))
            .not_met("evaluation_errors"),
        History::good("labelled once more", DryRun, RequireApproval)
            .then(error())
            .then(said(false))
            .then(said(true)),
    ]);
}

#[test]
fn calls_that_no_route_took() {
    let three = |gates: &mut gait::snapshot::Gates| gates.unmapped_calls = 3;
    let strays = |count| stray("_unmapped", count, 30 * HOUR, "forwarded");
    hold(vec![
        good("one stray").then(strays(1)).not_met("unmapped"),
        good("a stranger's scan, denied").then(stray("_unmapped", 50, 30 * HOUR, "denied")),
        good("somebody known, denied").then(known("_unmapped", 1, "denied")).not_met("unmapped"),
        good("three of those are as many as may be")
            .then(known("_unmapped", 3, "denied"))
            .then(stray("_unmapped", 50, 30 * HOUR, "denied"))
            .gates(three),
        good("as many as may be").then(strays(3)).gates(three),
        good("one more than may be").then(strays(4)).gates(three).not_met("unmapped"),
        History::bare("before the stage began", Observe, DryRun)
            .then(stray("_unmapped", 5, 80 * HOUR, "forwarded"))
            .then(Step::Reload { ago: 72 * HOUR, stages: "observe" })
            .then(Step::allowed(Observe, 100, 48 * HOUR)),
        good("what strictness refused of somebody known").then(known("_refused", 9, "denied")),
        good("what strictness refused").then(stray("_refused", 9, 30 * HOUR, "denied")),
        good("what it would refuse went on")
            .then(stray("_refused", 1, 30 * HOUR, "forwarded"))
            .not_met("unmapped"),
        History::good("on the way to enforce it is not asked again", RequireApproval, Enforce)
            .then(stray("_unmapped", 1, 30 * HOUR, "denied")),
    ]);
}

#[test]
fn nothing_goes_past() {
    let bypassed = "gait_bypass_total{cause=\"x\"} 1\ngait_unrecorded_total 0\n";
    let undecided = Step::Calls(Step::calls(DryRun, 1, 30 * HOUR));
    hold(vec![
        good("a send was stopped").metrics(Some(bypassed)).not_met("bypasses"),
        good("nobody counted").metrics(None).unknown("bypasses").unknown("evidence"),
        History::good("sent without a decision", DryRun, RequireApproval)
            .then(undecided)
            .not_met("bypasses"),
        good("observed calls need none").then(Step::allowed(Observe, 1, 30 * HOUR)),
        good("counted as nought").metrics(Some(CLEAN)),
    ]);
}

#[test]
fn every_call_has_its_line() {
    let unrecorded = "gait_bypass_total{cause=\"x\"} 0\ngait_unrecorded_total 2\n";
    let dry = |name| History::good(name, DryRun, RequireApproval);
    let lost = |ago| Step::Lost { ago, stage: DryRun };
    hold(vec![
        dry("the process died on a call")
            .then(lost(30 * HOUR))
            .then(Step::Start { ago: 29 * HOUR })
            .then(Step::allowed(DryRun, 1, 28 * HOUR))
            .unknown("bypasses")
            .not_met("evidence"),
        dry("it died and nobody started it, or a stream").then(lost(2 * HOUR)).unknown("evidence"),
        dry("it is still at it").then(lost(60)),
        dry("it died, and somebody started it")
            .then(Step::Stop { ago: 2 * HOUR, missed: Some((0, 0)) })
            .then(Step::Start { ago: 2 * HOUR })
            .then(lost(HOUR))
            .then(Step::Stop { ago: 600, missed: Some((0, 0)) })
            .then(Step::Start { ago: 600 })
            .not_met("evidence"),
        History::bare("it died before the stage began", DryRun, RequireApproval)
            .then(Step::Lost { ago: 90 * HOUR, stage: Observe })
            .then(Step::Start { ago: 80 * HOUR })
            .then(Step::Reload { ago: 72 * HOUR, stages: "dry_run" })
            .then(Step::allowed(DryRun, 100, 48 * HOUR)),
        dry("a line is missing")
            .then(Step::Gap(1))
            .then(Step::allowed(DryRun, 1, 30 * HOUR))
            .not_met("evidence"),
        dry("went out without a line").metrics(Some(unrecorded)).not_met("evidence"),
        dry("lost, and blocked wrongly")
            .then(lost(30 * HOUR))
            .then(Step::against(DryRun, 1, 29 * HOUR))
            .then(Step::Labels { wrong: 1, right: 0 })
            .unknown("evidence")
            .not_met("false_positives"),
        good("retention took the front").then(Step::Cut(2)),
        good("retention took calls").then(Step::Cut(30)).unknown("calls"),
    ]);
}

#[test]
fn a_restart_forgets_nothing() {
    let stop = |missed| Step::Stop { ago: 30 * HOUR, missed };
    let start = || Step::Start { ago: 29 * HOUR };
    let told = |ago, missed| Step::Told { ago: ago * HOUR, missed };
    let shared_before = |name| {
        History::bare(name, Observe, DryRun)
            .then(told(80, (1, 9)))
            .then(Step::Reload { ago: 72 * HOUR, stages: "observe" })
            .then(Step::allowed(Observe, 100, 48 * HOUR))
    };
    let counted = "gait_bypass_total{cause=\"x\"} 1\ngait_unrecorded_total 9\n";
    hold(vec![
        good("ended in order").then(stop(Some((0, 0)))).then(start()),
        good("nothing runs").metrics(None).then(stop(Some((0, 0)))),
        good("calls went out before").then(stop(Some((0, 4)))).then(start()).not_met("evidence"),
        good("a send was stopped before")
            .then(stop(Some((1, 0))))
            .then(start())
            .not_met("bypasses"),
        good("it says more than can be counted")
            .then(Step::Stop { ago: 31 * HOUR, missed: Some((u64::MAX, u64::MAX)) })
            .then(Step::Start { ago: 31 * HOUR })
            .then(Step::Gap(1))
            .then(stop(Some((u64::MAX, u64::MAX))))
            .then(start())
            .not_met("bypasses")
            .not_met("evidence"),
        good("it did not say")
            .then(stop(None))
            .then(start())
            .unknown("bypasses")
            .unknown("evidence"),
        good("it was killed").then(start()).unknown("bypasses").unknown("evidence"),
        good("it runs, and nobody counts")
            .metrics(None)
            .then(told(20, (0, 1)))
            .unknown("bypasses")
            .not_met("evidence"),
        shared_before("all of it was before the stage").metrics(Some(counted)),
        shared_before("and it ended with that").then(stop(Some((1, 9)))).then(start()),
        shared_before("and more came after")
            .then(stop(Some((1, 10))))
            .then(start())
            .not_met("evidence"),
    ]);
}

/// What a crash left untold, as the gates name it.
fn killed(history: History) -> History {
    history.unknown("bypasses").unknown("evidence")
}

/// The same with lost calls.
fn died(history: History) -> History {
    history.unknown("bypasses").not_met("evidence")
}

fn dry(name: &'static str) -> History {
    History::bare(name, DryRun, RequireApproval)
        .then(Step::Reload { ago: 72 * HOUR, stages: "dry_run" })
        .then(Step::allowed(DryRun, 100, 71 * HOUR))
}

/// One crash keeps nothing back for ever, and is not forgotten before there is as much again.
#[test]
fn what_a_crash_left_untold_is_outweighed() {
    let at = |ago: u64| Step::Start { ago: ago * HOUR };
    let lost = |ago: u64| Step::Lost { ago: ago * HOUR, stage: DryRun };
    let calls = |count, ago: u64| Step::allowed(DryRun, count, ago * HOUR);
    let none = |gates: &mut gait::snapshot::Gates| {
        (gates.min_calls, gates.min_time) = (0, std::time::Duration::ZERO);
    };
    let stop = |ago, missed| Step::Stop { ago: ago * HOUR, missed };
    hold(vec![
        dry("killed, and as much again").then(at(60)).then(calls(100, 50)),
        dry("died on a call, and as much again").then(lost(61)).then(at(60)).then(calls(100, 50)),
        dry("it did not say, and as much again")
            .then(stop(61, None))
            .then(at(60))
            .then(calls(100, 50)),
        killed(dry("one call too few").then(at(60)).then(calls(99, 50))),
        died(dry("died on a call, one too few").then(lost(61)).then(at(60)).then(calls(99, 50))),
        killed(dry("an hour too short").then(at(23)).then(calls(100, 20))),
        died(dry("on a call, too short").then(lost(24)).then(at(23)).then(calls(100, 20))),
        killed(dry("killed again").then(at(60)).then(calls(100, 50)).then(at(10))),
        dry("in order since")
            .then(at(60))
            .then(calls(50, 50))
            .then(stop(40, Some((0, 0))))
            .then(at(40))
            .then(calls(50, 30)),
        died(dry("its clock was behind when it came back").then(lost(61)).then(at(90)))
            .then(calls(100, 10)),
        killed(dry("its clock was behind, and nothing was lost").then(at(90)).then(calls(99, 50))),
        killed(dry("nothing is wanted, and nothing came").gates(none).then(at(60))),
        dry("nothing is wanted, and one came").gates(none).then(at(60)).then(calls(1, 50)),
        dry("more was lost than came")
            .gates(none)
            .then(lost(61))
            .then(lost(61))
            .then(at(60))
            .then(calls(1, 50))
            .not_met("evidence"),
    ]);
}

/// Else the route would wait until that time comes.
#[test]
fn a_clock_that_was_ahead_once_keeps_no_crash_from_being_outweighed() {
    let history = dry("")
        .then(Step::Batch { ago: 65 * HOUR })
        .then(Step::Lost { ago: 61 * HOUR, stage: DryRun })
        .then(Step::Start { ago: 60 * HOUR })
        .then(Step::allowed(DryRun, 100, 50 * HOUR));
    let mut forge = history.forge();
    let line = forge.lines.iter_mut().find(|line| line["kind"] == "batch").unwrap();
    line["time"] = "2068-01-01T00:00:00.000000Z".into();
    let check = history.check(&forge.summary(), &forge);
    assert_eq!(check.verdict, GateVerdict::Met, "{check:?}");
}

#[test]
fn what_was_done_is_never_outweighed() {
    let again = |history: History| {
        history.then(Step::Start { ago: 60 * HOUR }).then(Step::allowed(DryRun, 200, 50 * HOUR))
    };
    let told = |missed| Step::Told { ago: 65 * HOUR, missed };
    let others = "default_verdict: allow\n";
    hold(vec![
        again(dry("a send that was stopped").then(told((1, 0)))).not_met("bypasses"),
        again(dry("a call without a line").then(told((0, 1)))).not_met("evidence"),
        again(
            dry("lost, and it stopped in order")
                .then(Step::Lost { ago: 61 * HOUR, stage: DryRun })
                .then(Step::Stop { ago: 60 * HOUR, missed: Some((0, 0)) }),
        )
        .not_met("evidence"),
        killed(again(dry("what other policies judged says nothing").then(Step::Policy(others)))),
        again(dry("nobody counts what runs now"))
            .metrics(None)
            .unknown("bypasses")
            .unknown("evidence"),
    ]);
}

/// A reload can come between the reading and the gates.
#[test]
fn a_window_that_grew_after_the_reading_is_not_looked_at() {
    let (history, window) = (good(""), std::time::Duration::from_secs(24 * HOUR));
    let forge = history.forge();
    let look = Look { window, ..history.facts(&forge).look };
    let mut short = Summary::since(look.edge());
    forge.entries().iter().for_each(|line| short.take(line));
    let check = history.check(&short, &forge);
    let gate = check.gates.iter().find(|gate| gate.name == "evidence").unwrap();
    assert_eq!(gate.verdict, GateVerdict::NotEnoughData, "{gate:?}");
    assert!(gate.say.contains("became longer"), "{gate:?}");
}
