//! What holds of every history.

use crate::forge::{Calls, Forge, Step, sum};
use crate::{HOUR, History};
use gait::rollout::{GateVerdict, Summary};
use gait::stage::Stage;
use std::time::Duration;

/// Wherever the log is cut in two, and in three, the whole is the same.
#[track_caller]
pub(crate) fn cuts_do_not_matter(name: &str, forge: &Forge, whole: &Summary) {
    let lines = forge.entries();
    // Not where steps of a history meet alone.
    let step = (lines.len() / 9).max(1);
    for cut in (0..=lines.len()).step_by(step) {
        let (front, back) = lines.split_at(cut);
        let mut joined = sum(front);
        joined.extend(&sum(back));
        assert_eq!(joined, *whole, "{name}: cut at {cut}");
        let (middle, end) = back.split_at(back.len() / 2);
        let mut tail = sum(middle);
        tail.extend(&sum(end));
        let mut joined = sum(front);
        joined.extend(&tail);
        assert_eq!(joined, *whole, "{name}: cut at {cut}, the end first");
    }
}

/// Which verdict is worse.
fn verdict(against: u64, wrong: usize, right: usize, rate: f64) -> GateVerdict {
    let history = History::bare("", Stage::Observe, Stage::DryRun)
        .then(Step::against(Stage::Observe, against, 40 * HOUR))
        .then(Step::Labels { wrong, right })
        .gates(|gates| gates.false_positive_rate = rate);
    let forge = history.forge();
    let check = history.check(&forge.summary(), &forge);
    check.gates.iter().find(|gate| gate.name == "false_positives").unwrap().verdict
}

#[test]
fn a_worse_label_never_makes_a_gate_better() {
    for rate in [0.01, 0.2] {
        for (against, labelled) in [(5, 5), (30, 25), (60, 19)] {
            let mut before = GateVerdict::Met;
            for wrong in 0..=labelled {
                let now = verdict(against, wrong, labelled - wrong, rate);
                assert!(now >= before, "{wrong} of {labelled} of {against} at {rate}");
                before = now;
            }
        }
        // And one label more that is a bad one makes nothing of what was not met.
        for wrong in 0..12 {
            let (before, now) = (verdict(60, wrong, 10, rate), verdict(60, wrong + 1, 10, rate));
            let is_mended = before == GateVerdict::NotMet && now != GateVerdict::NotMet;
            assert!(!is_mended, "{wrong} at {rate}");
        }
    }
}

#[test]
fn percentiles_are_those_of_a_sorted_list() {
    let mut random = 0x2545_f491_4f6c_dd1d_u64;
    for count in [1, 2, 19, 20, 21, 100] {
        let mut forge = History::good("", Stage::RequireApproval, Stage::Enforce).forge();
        let mut waits = Vec::new();
        for _ in 0..count {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            let decided = Some(random % 3_000);
            waits.extend(decided.map(Duration::from_secs));
            forge.step(&Step::Requests { ago: 20 * HOUR, count: 1, decided, action: "grant" });
        }
        waits.sort_unstable();
        let history = History::good("", Stage::RequireApproval, Stage::Enforce);
        let look = history.facts(&forge).look;
        let view = forge.summary().view("r", Stage::RequireApproval, &look);
        assert_eq!(view.approvals.waits, waits);
        for (hundredths, part) in [(50, 0.5), (95, 0.95)] {
            let rank = (f64::from(count) * part).ceil() as usize;
            let found = view.approvals.percentile(hundredths).unwrap();
            assert_eq!(found, waits[rank.max(1) - 1], "{hundredths} of {count}");
        }
    }
}

/// Something bad, in one of two stages.
fn bad(stage: Stage) -> [Vec<Step>; 3] {
    let done = if stage == Stage::Observe { "forwarded" } else { "denied" };
    let error = Calls { verdict: None, done, ..Step::calls(stage, 1, 30 * HOUR) };
    let wrong = vec![Step::against(stage, 1, 40 * HOUR), Step::Labels { wrong: 1, right: 0 }];
    [vec![Step::Calls(error)], wrong, vec![Step::Lost { ago: 30 * HOUR, stage }]]
}

#[test]
fn nothing_bad_in_any_stage_makes_a_gate_better() {
    let all: Vec<Vec<Step>> = [Stage::Observe, Stage::DryRun].into_iter().flat_map(bad).collect();
    let verdicts = |which: u32| -> Vec<(&str, GateVerdict)> {
        let stages = "dry_run for 25 %, else observe";
        let shared = History::bare("", Stage::Observe, Stage::DryRun)
            .shared(Stage::Observe, Stage::DryRun, 25)
            .then(Step::Reload { ago: 72 * HOUR, stages })
            .then(Step::allowed(Stage::Observe, 100, 48 * HOUR));
        let chosen = all.iter().enumerate().filter(|(at, _)| which & (1 << at) != 0);
        let steps = chosen.flat_map(|(_, steps)| steps.clone());
        let history = steps.fold(shared, History::then);
        let forge = history.forge();
        let check = history.check(&forge.summary(), &forge);
        check.gates.iter().map(|gate| (gate.name, gate.verdict)).collect()
    };
    let of: Vec<_> = (0..1 << all.len()).map(verdicts).collect();
    for (which, before) in of.iter().enumerate() {
        for more in 0..all.len() {
            let after = &of[which | (1 << more)];
            let is_worse = |(one, other): (&(_, GateVerdict), &(_, GateVerdict))| one.1 <= other.1;
            assert!(before.iter().zip(after).all(is_worse), "{which:b} and {more}: {after:?}");
        }
    }
    assert!(of[1..].iter().all(|gates| gates.iter().any(|gate| gate.1 > GateVerdict::Met)));
}
