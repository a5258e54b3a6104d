//! A share that went ahead is looked at: what it shows keeps the others from following.

use crate::forge::{Calls, Step};
use crate::{HOUR, History, hold};
use gait::rollout::Gate;
use gait::stage::Stage;
use gait::stage::Stage::{DryRun, Enforce, Observe, RequireApproval};

const QUARTER: &str = "dry_run for 25 %, else observe";

/// A quarter is answered with its decision, and calls enough stayed behind.
fn quarter(name: &'static str) -> History {
    History::bare(name, Observe, DryRun)
        .shared(Observe, DryRun, 25)
        .then(Step::Reload { ago: 72 * HOUR, stages: QUARTER })
        .then(Step::allowed(Observe, 100, 48 * HOUR))
        .then(Step::allowed(DryRun, 30, 47 * HOUR))
}

fn errors(stage: Stage, count: u64) -> Step {
    let done = if stage == Observe { "forwarded" } else { "denied" };
    let calls = Step::calls(stage, count, 30 * HOUR);
    Step::Calls(Calls { verdict: None, done, code: "intent_invalid", ..calls })
}

fn refused(history: History, stage: Stage, wrong: usize, right: usize) -> History {
    let count = (wrong + right) as u64;
    history.then(Step::against(stage, count, 40 * HOUR)).then(Step::Labels { wrong, right })
}

#[test]
fn what_the_share_shows_counts() {
    let one = |gates: &mut gait::snapshot::Gates| gates.evaluation_errors = 1;
    hold(vec![
        quarter("all is well"),
        quarter("sent without a decision")
            .then(Step::Calls(Step::calls(DryRun, 1, 30 * HOUR)))
            .not_met("bypasses"),
        quarter("a decision without an outcome")
            .then(Step::Lost { ago: 30 * HOUR, stage: DryRun })
            .unknown("evidence"),
        quarter("could not be judged").then(errors(DryRun, 1)).not_met("evaluation_errors"),
        quarter("one may, in each").then(errors(DryRun, 1)).then(errors(Observe, 1)).gates(one),
        quarter("two may not").then(errors(DryRun, 2)).gates(one).not_met("evaluation_errors"),
        refused(quarter("refused wrongly"), DryRun, 5, 0).not_met("false_positives"),
        refused(quarter("refused rightly"), DryRun, 0, 5),
        refused(quarter("wrong in observe alone"), Observe, 1, 4).not_met("false_positives"),
        refused(refused(quarter("right in both"), Observe, 0, 5), DryRun, 0, 5),
        quarter("nobody said of the share")
            .then(Step::against(DryRun, 5, 40 * HOUR))
            .unknown("false_positives"),
        refused(quarter("20 right ones in observe speak not for the share"), Observe, 0, 20)
            .then(Step::against(DryRun, 5, 40 * HOUR))
            .unknown("false_positives"),
        quarter("who is not known stands in a share of nothing")
            .shared(Observe, DryRun, 0)
            .then(errors(DryRun, 1))
            .not_met("evaluation_errors"),
        refused(
            History::good("where nobody stands any more", DryRun, RequireApproval),
            Observe,
            5,
            0,
        ),
    ]);
}

/// The others do not call where it was lost.
#[test]
fn what_a_crash_left_untold_of_a_share_is_outweighed_by_the_share() {
    let crash = |name, lost| {
        let share = "dry_run for 25 %, else observe";
        let lost = std::iter::repeat_n(Step::Lost { ago: 46 * HOUR, stage: DryRun }, lost);
        lost.fold(quarter(name), History::then)
            .then(Step::Start { ago: 45 * HOUR })
            .then(Step::Reload { ago: 45 * HOUR, stages: share })
            .then(Step::allowed(Observe, 100, 44 * HOUR))
    };
    let died = |history: History| history.unknown("bypasses").not_met("evidence");
    let calls = |count| Step::allowed(DryRun, count, 40 * HOUR);
    hold(vec![
        died(crash("the share did not call", 2)),
        crash("it called once, and lost more", 2).then(calls(1)).not_met("evidence"),
        crash("as many came as were lost", 2).then(calls(2)),
        crash("killed, and the share did not call", 0).unknown("bypasses").unknown("evidence"),
        crash("killed, and the share called", 0).then(calls(1)),
    ]);
}

/// What gait writes when it starts, with the routes that stand in several stages.
fn started(history: History, ago: u64, stages: Option<&'static str>) -> History {
    let stopped = history.then(Step::Stop { ago: ago * HOUR, missed: Some((0, 0)) });
    let started = stopped.then(Step::Start { ago: ago * HOUR });
    let told = stages.map(|stages| Step::Reload { ago: ago * HOUR, stages });
    told.into_iter().fold(started, History::then)
}

fn again(history: History, ago: u64) -> History {
    started(history, ago, Some(QUARTER))
}

fn both(history: History, ago: u64) -> History {
    let stayed = history.then(Step::allowed(Observe, 5, ago * HOUR));
    stayed.then(Step::allowed(DryRun, 5, (ago - 1) * HOUR))
}

#[test]
fn a_restart_begins_no_stage_of_a_share_anew() {
    let daily = |name| both(again(both(again(quarter(name), 20), 19), 4), 3);
    let alone = |history: History, stage| {
        again(again(history, 20).then(Step::allowed(stage, 5, 19 * HOUR)), 4)
    };
    hold(vec![
        daily("each day"),
        both(again(quarter("what was wrong").then(errors(DryRun, 1)), 20), 19)
            .not_met("evaluation_errors"),
        both(again(refused(quarter("refused wrongly"), DryRun, 5, 0), 20), 19)
            .not_met("false_positives"),
        both(again(quarter("sent").then(Step::Calls(Step::calls(DryRun, 1, 30 * HOUR))), 20), 19)
            .not_met("bypasses"),
        alone(quarter("nobody of the share called since").then(errors(DryRun, 1)), Observe)
            .not_met("evaluation_errors"),
        both(alone(quarter("or nobody else").then(errors(Observe, 1)), DryRun), 3)
            .not_met("evaluation_errors"),
        both(again(quarter("was elsewhere"), 20), 19)
            .then(Step::allowed(Enforce, 1, 10 * HOUR))
            .then(Step::allowed(Observe, 5, 9 * HOUR))
            .unknown("calls")
            .unknown("time"),
        both(again(quarter("a share of nothing").then(errors(DryRun, 1)), 20), 19)
            .shared(Observe, DryRun, 0)
            .not_met("evaluation_errors"),
    ]);
}

#[test]
fn a_restart_into_another_stage_begins_a_share_anew() {
    let whole = |name, stage| {
        let errors = both(quarter(name).then(errors(DryRun, 1)).then(errors(Observe, 1)), 29);
        started(errors, 20, None).then(Step::allowed(stage, 5, 19 * HOUR))
    };
    hold(vec![
        both(again(whole("all of it, and back", DryRun), 4), 3)
            .not_met("evaluation_errors")
            .unknown("calls")
            .unknown("time"),
        both(again(whole("none of it, and back", Observe), 4), 3).not_met("evaluation_errors"),
    ]);
}

fn asked(history: &History, name: &str) -> Gate {
    let forge = history.forge();
    let check = history.check(&forge.summary(), &forge);
    check.gates.into_iter().find(|gate| gate.name == name).unwrap()
}

#[test]
fn the_worst_stage_is_named() {
    let both = quarter("").then(errors(DryRun, 3)).then(errors(Observe, 1));
    let gate = asked(&both, "evaluation_errors");
    assert_eq!(gate.value, Some(3.0), "{gate:?}");
    assert!(gate.say.starts_with("at worst in dry_run: 3 calls could not be judged"), "{gate:?}");
    let gate = asked(&quarter("").then(errors(Observe, 1)), "evaluation_errors");
    assert!(gate.say.starts_with("at worst in observe: 1 calls"), "{gate:?}");
    let gate = asked(&History::good("", Observe, DryRun), "bypasses");
    assert_eq!(gate.say, "no send without its permit");
}

/// A quarter waits for people, the others are answered with their decision.
fn waiting(name: &'static str, requests: Vec<Step>) -> History {
    let count = |step: &Step| match step {
        Step::Requests { count, .. } => *count as usize,
        _ => 0,
    };
    let right = requests.iter().map(count).sum();
    let history = History::bare(name, DryRun, Enforce)
        .shared(DryRun, RequireApproval, 25)
        .then(Step::Reload { ago: 72 * HOUR, stages: "require_approval for 25 %, else dry_run" })
        .then(Step::allowed(DryRun, 100, 48 * HOUR));
    requests.into_iter().fold(history, History::then).then(Step::Labels { wrong: 0, right })
}

#[test]
fn the_share_is_whom_people_answer() {
    let requests = |count, decided, ago| Step::Requests { ago, count, decided, action: "grant" };
    let granted = |count, minutes: u64| requests(count, Some(minutes * 60), 20 * HOUR);
    let forgotten = |count| requests(count, None, 10 * HOUR);
    let (latency, decided) = ("approval_latency", "approvals_decided");
    hold(vec![
        waiting("nobody wants any", vec![]),
        waiting("as many as wanted", vec![granted(10, 5)]),
        waiting("one too few", vec![granted(9, 5)]).unknown(latency).unknown(decided),
        waiting("all too late", vec![granted(10, 16)]).not_met(latency),
        waiting("19 of 20", vec![granted(19, 5), forgotten(1)]),
        waiting("18 of 20", vec![granted(18, 5), forgotten(2)]).not_met(decided),
        refused(waiting("a want of approval in dry run alone says nothing", vec![]), DryRun, 0, 5)
            .then(Step::Calls(Calls {
                verdict: Some("require_approval"),
                done: "dry_run",
                ..Step::calls(DryRun, 1, 30 * HOUR)
            }))
            .then(Step::Labels { wrong: 0, right: 1 })
            .unknown(latency)
            .unknown(decided),
    ]);
}
