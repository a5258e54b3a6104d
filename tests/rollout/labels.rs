//! False positives: none, few, too many, and too few labels to say.

use crate::command::Place;
use crate::forge::Step;
use crate::{HOUR, History, hold};
use gait::rollout::GateVerdict;
use gait::stage::Stage::{DryRun, Observe, RequireApproval};

fn against(name: &'static str, against: u64, wrong: usize, right: usize) -> History {
    History::good(name, Observe, DryRun)
        .then(Step::against(Observe, against, 40 * HOUR))
        .then(Step::Labels { wrong, right })
}

const GATE: &str = "false_positives";

#[test]
fn where_all_are_labelled_the_share_is_exact() {
    hold(vec![
        against("no label", 19, 0, 0).unknown(GATE),
        against("one of one, wrong", 1, 1, 0).not_met(GATE),
        against("one of one, right", 1, 0, 1),
        against("fewer than wanted, but all", 19, 0, 19),
        against("one of five is wrong", 5, 1, 4).not_met(GATE),
        against("one of a hundred, as many as may", 100, 1, 99),
        against("two of a hundred", 100, 2, 98).not_met(GATE),
        against("one of 99, a little more than may", 99, 1, 98).not_met(GATE),
        against("one has no label", 100, 0, 99).unknown(GATE),
    ]);
}

#[test]
fn where_some_are_labelled_it_is_as_sure_as_wanted() {
    let half = |gates: &mut gait::snapshot::Gates| gates.false_positive_rate = 0.5;
    hold(vec![
        against("380 right are not enough", 400, 0, 380).unknown(GATE),
        against("381 are", 400, 0, 381),
        against("half of 20 are wrong", 40, 10, 10).not_met(GATE),
        against("19 wrong ones need no 20th", 40, 19, 0).not_met(GATE),
        against("19 right ones do", 40, 0, 19).gates(half).unknown(GATE),
        against("20 right ones", 40, 0, 20).gates(half),
        against("21 right ones", 40, 0, 21).gates(half),
        against("one wrong of 20 says little", 40, 1, 19).unknown(GATE),
    ]);
}

#[test]
fn the_last_label_counts_and_only_of_this_stay() {
    let relabel = |opinion, count| Step::Relabel { opinion, count };
    hold(vec![
        against("wrong, and then right", 20, 20, 0).then(relabel("correct", 20)),
        against("right, and then wrong", 20, 0, 20)
            .then(relabel("false-positive", 1))
            .not_met(GATE),
        against("wrong, right, wrong", 20, 20, 0)
            .then(relabel("correct", 20))
            .then(relabel("false-positive", 20))
            .not_met(GATE),
        against("missed is no false positive", 20, 0, 20).then(Step::Missed),
        History::bare("wrong in the stage before", DryRun, RequireApproval)
            .then(Step::against(Observe, 20, 90 * HOUR))
            .then(Step::Reload { ago: 72 * HOUR, stages: "dry_run" })
            .then(Step::allowed(DryRun, 100, 48 * HOUR))
            .then(Step::Labels { wrong: 20, right: 0 }),
        History::good("answered as a dry run, wrongly", DryRun, RequireApproval)
            .then(Step::against(DryRun, 20, 40 * HOUR))
            .then(Step::Labels { wrong: 10, right: 10 })
            .not_met(GATE),
    ]);
}

#[test]
fn what_was_missed_is_said_and_keeps_no_gate_shut() {
    let said = |history: History| {
        let forge = history.forge();
        let check = history.check(&forge.summary(), &forge);
        let gate = check.gates.into_iter().find(|gate| gate.name == GATE).unwrap();
        (gate.verdict, gate.say)
    };
    let part = "; 1 allowed calls are labelled `missed`, which keeps no gate shut: mend the policy";
    for history in [against("", 20, 0, 20), against("", 0, 0, 0)] {
        let (verdict, say) = said(history.then(Step::Missed));
        assert!(verdict == GateVerdict::Met && say.contains(part), "{say}");
    }
    let (verdict, say) = said(against("", 20, 5, 15).then(Step::Missed));
    assert!(verdict == GateVerdict::NotMet && say.contains(part), "{say}");
    assert!(!said(against("", 20, 0, 20)).1.contains("missed"));
}

#[test]
fn what_the_gates_want_is_shown_and_warned_of_where_it_is_little() {
    let lax = |gates: &mut gait::snapshot::Gates| (gates.min_calls, gates.min_labels) = (3, 5);
    let place = Place::new();
    let history = History::good("", Observe, DryRun).gates(lax);
    history.ask(&place, &history.forge(), None);
    let line = "rollout status --evidence state --config gait.yaml";
    let run = place.gait(&line.split(' ').collect::<Vec<_>>(), &[]);
    let first = "3 calls in 24h, 5 labels or all, 1 % false positives, 95 % sure\n";
    let then = "0 evaluation errors, 0 unmapped calls, 10 approvals, p95 15m, 95 % decided\n";
    assert!(run.out.contains(first) && run.out.contains(then), "{}", run.out);
    let run = place.gait(&["proxy", "--check", "--config", "gait.yaml"], &[]);
    let part = "`min_calls` 3 instead of 100, `min_labels` 5 instead of 20; take out";
    assert!(run.exit == 0 && run.log.matches(part).count() == 1, "{run:?}");
    place.put("gait.yaml", History::good("", Observe, DryRun).config());
    let run = place.gait(&["proxy", "--check", "--config", "gait.yaml"], &[]);
    assert!(run.exit == 0 && !run.log.contains("rollout.gates"), "{run:?}");
}
