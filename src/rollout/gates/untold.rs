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
use crate::rollout::shown::Shown;
use crate::rollout::stay::Part;
use crate::stage::Stage;
use std::fmt;
use std::time::Duration;

const ANEW: &str = "the count begins anew with the next stage, or after `rollout.gates.window`";

const UNCOUNTED: &str = "the log cannot say it: ask the gait that runs, or give a saved page of its \
                         metrics with --metrics";

/// What a stage has to show before what a crash left untold counts no more.
struct Need {
    stage: Stage,
    calls: u64,
    time: Duration,
    shown: Shown,
}

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
    let toll = case.summary.toll(&lane.view, case.facts.last());
    match (toll.missed.bypasses, unknown(case, lane, toll)) {
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
    let (missing, lost) = (lane.view.missing, lane.view.lost);
    let toll = case.summary.toll(&lane.view, case.facts.last());
    let unrecorded = toll.missed.unrecorded;
    let crashed = Some(lost.in_crashes).filter(|lost| *lost > 0);
    let crashed = crashed.and_then(|count| way_out(case, lane, lost.last_crash, count));
    let (verdict, say) = match unsettled(case, lane).or_else(|| unknown(case, lane, toll)) {
        _ if missing > 0 => (
            GateVerdict::NotMet,
            format!("{missing} lines are missing in the log: `gait trace verify` says where"),
        ),
        _ if lost.in_order > 0 => (
            GateVerdict::NotMet,
            format!(
                "{} decisions have no outcome, though their process did not die, which is a fault of \
                 gait: `gait trace reconcile` says what became of them; {ANEW}",
                lost.in_order
            ),
        ),
        _ if unrecorded > 0 => (
            GateVerdict::NotMet,
            format!("{unrecorded} calls went out without a line: give the log room; {ANEW}"),
        ),
        why => match (&crashed, why) {
            (Some(way_out), _) => (
                GateVerdict::NotMet,
                format!(
                    "{} decisions have no outcome, their process died: `gait trace reconcile` says \
                     what became of them; {way_out}",
                    lost.in_crashes
                ),
            ),
            (None, Some(why)) => (GateVerdict::NotEnoughData, why),
            (None, None) => {
                let past = made_up(toll.mute, lost.in_crashes);
                (GateVerdict::Met, format!("every call has its line{past}"))
            }
        },
    };
    let crashed = crashed.map_or(0, |_| lost.in_crashes);
    let found = [crashed, missing, unrecorded].into_iter().fold(lost.in_order, u64::saturating_add);
    gate("evidence", verdict, say).of(found as f64, 0.0)
}

/// Why nobody knows what was done without a line.
fn unknown(case: &Case<'_>, lane: &Lane, toll: Toll) -> Option<String> {
    let died = Some(toll.mute).filter(|mute| *mute > 0);
    let way_out = died.and_then(|_| way_out(case, lane, toll.last_mute, 0));
    let why = way_out.map(|way_out| {
        format!(
            "{} processes did not say in the end what they did without a line, they were killed or \
             are of an older gait: {way_out}",
            toll.mute
        )
    });
    why.or_else(|| toll.is_open.then(|| UNCOUNTED.to_owned()))
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

/// What is still to be shown since the first start from this line on, so that `lost` outcomes and
/// whatever else was left untold count no more; `None` where it has been.
fn way_out(case: &Case<'_>, lane: &Lane, line: u64, lost: u64) -> Option<String> {
    let (laxest, gates) = (&case.lanes.laxest, &case.facts.gates);
    let shown = |lane: &Lane, part| {
        let place = (&*case.route.name, lane.stage, part);
        case.summary.shown_from(place, line, &case.facts.look).unwrap_or_default()
    };
    let whole = Need {
        stage: laxest.stage,
        calls: gates.min_calls.max(1),
        time: gates.min_time,
        shown: shown(laxest, Part::Whole),
    };
    // What a share left untold, the others do not make up for.
    let needs = match lane.stage == laxest.stage {
        true => vec![Need { calls: whole.calls.max(lost), ..whole }],
        false => {
            let calls = lost.max(lane.view.counts.calls.min(1));
            let (time, shown) = (Duration::ZERO, shown(lane, Part::Share));
            vec![whole, Need { stage: lane.stage, calls, time, shown }]
        }
    };
    let open = needs.iter().filter(|need| !need.is_met());
    let open: Vec<String> = open.map(Need::to_string).collect();
    (!open.is_empty())
        .then(|| format!("it counts no more once gait has seen {}", open.join(" and ")))
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

// === impl Need ===

impl Need {
    fn is_met(&self) -> bool {
        self.shown.calls >= self.calls && self.shown.time >= self.time
    }
}

/// As people read it.
impl fmt::Display for Need {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Shown { calls, time }, stage) = (self.shown, self.stage.as_str());
        match self.time.is_zero() {
            true => write!(f, "{} calls in {stage} since ({calls} so far)", self.calls),
            false => write!(
                f,
                "{} calls and {} in {stage} since ({calls} and {} so far)",
                self.calls,
                said(self.time),
                said(time)
            ),
        }
    }
}
