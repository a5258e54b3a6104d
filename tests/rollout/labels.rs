//! False positives: none, few, too many, and too few labels to say.

use crate::forge::Step;
use crate::{HOUR, History, hold};
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
