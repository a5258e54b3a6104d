//! People who answer: soon, late, or not at all; and no way round them.

use crate::forge::Step;
use crate::{HOUR, History, hold};
use gait::stage::Stage::{DryRun, Enforce, Observe, RequireApproval};

const LATENCY: &str = "approval_latency";
const DECIDED: &str = "approvals_decided";
const MINUTE: u64 = 60;

fn good(name: &'static str) -> History {
    History::good(name, RequireApproval, Enforce)
}

fn granted(count: u64, minutes: u64) -> Step {
    Step::Requests { ago: 20 * HOUR, count, decided: Some(minutes * MINUTE), action: "grant" }
}

fn forgotten(count: u64, ago: u64) -> Step {
    Step::Requests { ago, count, decided: None, action: "" }
}

/// With a label for each refusal, since a call that wants an approval is one.
fn asked(name: &'static str, steps: Vec<Step>) -> History {
    let count = |step: &Step| match step {
        Step::Requests { count, .. } | Step::Answered { count, .. } => *count as usize,
        Step::Quorum { .. } => 1,
        _ => 0,
    };
    let all = steps.iter().map(count).sum();
    let history = steps.into_iter().fold(good(name), History::then);
    history.then(Step::Labels { wrong: 0, right: all })
}

#[test]
fn people_answer_soon_enough() {
    hold(vec![
        good("no call wants an approval"),
        asked("one request too few", vec![granted(9, 5)]).unknown(LATENCY).unknown(DECIDED),
        asked("as many as wanted", vec![granted(10, 5)]),
        asked("one more", vec![granted(11, 5)]),
        asked("19 of 20 in just the time", vec![granted(19, 15), granted(1, 50)]),
        asked("18 of 20", vec![granted(18, 15), granted(2, 16)]).not_met(LATENCY),
        asked("all too late", vec![granted(10, 16)]).not_met(LATENCY),
        asked(
            "a no is an answer",
            vec![Step::Requests {
                ago: 20 * HOUR,
                count: 10,
                decided: Some(MINUTE),
                action: "deny",
            }],
        ),
    ]);
}

#[test]
fn people_answer_at_all() {
    let quorum = |second| Step::Quorum { ago: 20 * HOUR, first: MINUTE, second };
    hold(vec![
        asked("19 of 20", vec![granted(19, 5), forgotten(1, 10 * HOUR)]),
        asked("18 of 20", vec![granted(18, 5), forgotten(2, 10 * HOUR)]).not_met(DECIDED),
        asked("nobody", vec![forgotten(10, 10 * HOUR)]).not_met(LATENCY).not_met(DECIDED),
        asked("some have time left", vec![granted(10, 5), forgotten(5, 10 * MINUTE)]),
        asked("the first of two decides nothing", vec![granted(10, 5), quorum(None)])
            .not_met(DECIDED),
        asked("the second does", vec![granted(10, 5), quorum(Some(10 * MINUTE))]),
        asked("and is what counts", vec![quorum(Some(40 * MINUTE)); 10]).not_met(LATENCY),
    ]);
}

#[test]
fn an_answer_before_the_question_is_no_quick_one() {
    let answered = |count| Step::Answered { ago: 20 * HOUR, count, before: 3 * HOUR };
    hold(vec![
        asked("nobody knows how long", vec![answered(10)]).unknown(LATENCY),
        asked("of one in ten", vec![granted(9, 5), answered(1)]).unknown(LATENCY),
        asked("of one in twenty", vec![granted(19, 5), answered(1)]),
    ]);
}

#[test]
fn there_is_no_way_round() {
    hold(vec![
        good("another route observes the same tool").beside_another().not_met("paths"),
        History::good("it matters for enforce alone", DryRun, RequireApproval).beside_another(),
        History::good("all at once", Observe, Enforce),
        History::good("all at once, strays go on", Observe, Enforce)
            .unmapped_go_on()
            .not_met("paths"),
    ]);
}
