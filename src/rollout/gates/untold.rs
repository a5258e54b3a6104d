//! The gates of what the log must not leave untold: sends past gait, and calls without their lines.
//!
//! A process that dies leaves something untold, and nothing that comes later tells it. So it counts
//! until the route has shown anew, in front of processes that came after, all the calls and all the
//! time that the gates want. Rejected: to count it for the whole window, which makes people force
//! their way after one crash; an acknowledgement, which is given unread at 3 a.m.

use super::ask::{gate, said};
use super::{Case, Gate, GateVerdict};
use crate::rollout::lanes::Lane;
use crate::rollout::processes::Toll;

const UNCOUNTED: &str = "the log cannot say it: ask the gait that runs, or give a saved page of its \
                         metrics with --metrics";

/// Nothing has ever tried to go past the permits.
pub(super) fn bypasses(case: &Case<'_>, lane: &Lane) -> Gate {
    let (name, unproven) = ("bypasses", lane.view.counts.unproven);
    if unproven > 0 {
        let say = format!(
            "{unproven} protected calls went out beyond observe without a decision line: find out \
             how, with `gait trace verify` and `gait trace reconcile`"
        );
        return gate(name, GateVerdict::NotMet, say).of(unproven as f64, 0.0);
    }
    let toll = case.summary.toll(lane.view.from, case.facts.last());
    match (toll.missed.bypasses, unknown(case, toll)) {
        (0, Some(why)) => gate(name, GateVerdict::NotEnoughData, why),
        (0, None) => {
            let say = format!("no send without its permit{}", made_up(toll.mute, 0));
            gate(name, GateVerdict::Met, say).of(0.0, 0.0)
        }
        (count, _) => {
            let say = format!(
                "{count} sends were stopped for want of a permit: look at gait_bypass_total and \
                 at gait's log, and report it"
            );
            gate(name, GateVerdict::NotMet, say).of(count as f64, 0.0)
        }
    }
}

/// Every call has its closing line, and nothing is missing.
pub(super) fn evidence(case: &Case<'_>, lane: &Lane) -> Gate {
    let missing = lane.view.missing;
    let (lost, past) = match lane.view.counts.lost {
        lost if lane.view.lost_from.is_some_and(|line| is_made_up(case, line)) => (0, lost),
        lost => (lost, 0),
    };
    let toll = case.summary.toll(lane.view.from, case.facts.last());
    let unrecorded = toll.missed.unrecorded;
    let (verdict, say) = match unsettled(case, lane).or_else(|| unknown(case, toll)) {
        _ if missing > 0 => (
            GateVerdict::NotMet,
            format!("{missing} lines are missing in the log: `gait trace verify` says where"),
        ),
        _ if lost > 0 => (
            GateVerdict::NotMet,
            format!(
                "{lost} decisions have no outcome, their process died: `gait trace reconcile` \
                 says what became of them; {}",
                way_out(case)
            ),
        ),
        _ if unrecorded > 0 => (
            GateVerdict::NotMet,
            format!(
                "{unrecorded} calls went out without a line: give the log room; the count begins \
                 anew with the next stage, or after `rollout.gates.window`"
            ),
        ),
        Some(why) => (GateVerdict::NotEnoughData, why),
        None => (GateVerdict::Met, format!("every call has its line{}", made_up(toll.mute, past))),
    };
    let found = lost + missing + unrecorded;
    gate("evidence", verdict, say).of(found as f64, 0.0)
}

/// Why nobody knows what was done without a line.
fn unknown(case: &Case<'_>, toll: Toll) -> Option<String> {
    match toll {
        Toll { mute: 1.., last_mute, .. } if !is_made_up(case, last_mute) => Some(format!(
            "{} processes did not say in the end what they did without a line, they were killed or \
             are of an older gait: {}",
            toll.mute,
            way_out(case)
        )),
        Toll { is_open: true, .. } => Some(UNCOUNTED.to_owned()),
        _ => None,
    }
}

/// Why nobody knows whether every call has its closing line.
fn unsettled(case: &Case<'_>, lane: &Lane) -> Option<String> {
    let (overdue, dropped) = (lane.view.overdue, case.summary.dropped());
    match overdue {
        _ if !case.summary.reaches(case.facts.look.edge()) => Some(
            "`rollout.gates.window` became longer while the log was read: ask again".to_owned(),
        ),
        0 if dropped == 0 => None,
        0 => Some(format!(
            "the log holds {dropped} things more than can be kept in mind: shorten \
             `rollout.gates.window` or `evidence.retention`"
        )),
        _ => Some(format!(
            "{overdue} decisions have no outcome yet, of streams that still run or of a process that \
             died: ask the gait that runs"
        )),
    }
}

/// Whether the route has shown enough since the first start from this line on.
fn is_made_up(case: &Case<'_>, line: u64) -> bool {
    let (stage, look) = (case.lanes.laxest.stage, &case.facts.look);
    let shown = case.summary.shown_from(&case.route.name, stage, line, look);
    shown.is_some_and(|shown| {
        shown.calls >= case.facts.gates.min_calls && shown.time >= case.facts.gates.min_time
    })
}

fn way_out(case: &Case<'_>) -> String {
    let gates = &case.facts.gates;
    let (calls, time) = (gates.min_calls, said(gates.min_time));
    format!("it counts no more once {calls} calls in {time} have come after it")
}

/// What was left untold, and does not count any more.
fn made_up(mute: u64, lost: u64) -> String {
    match (mute, lost) {
        (0, 0) => String::new(),
        (mute, 0) => format!("; {mute} processes that died are outweighed by what came after"),
        (mute, lost) => format!(
            "; {} processes that died, and {lost} decisions whose outcome they left untold, are \
             outweighed by what came after",
            mute.max(1)
        ),
    }
}
