//! The gates, one by one: what is found, what is wanted, and what to do about it.

use super::{Case, Gate, GateVerdict};
use crate::rollout::facts::Unmapped;
use crate::rollout::lanes::Lane;
use crate::rollout::view::{Approvals, Labels};
use crate::rollout::wilson::wilson;
use jiff::SignedDuration;
use std::time::Duration;

/// Enough calls to speak of, judged as the next ones will be.
pub(super) fn calls(case: &Case<'_>) -> Gate {
    let (found, wanted) =
        (case.lanes.laxest.view.in_force.counts.judged(), case.facts.gates.min_calls);
    let verdict = enough(found >= wanted);
    let more = wanted.saturating_sub(found);
    let found_there =
        format!("{found} calls in {} under the policy in force", case.lanes.laxest.stage.as_str());
    let say = match (verdict, case.lanes.laxest.view.in_force.others) {
        (GateVerdict::Met, _) => found_there,
        (_, 0) => format!("{found_there}, {wanted} are wanted: wait for {more} more"),
        (_, others) => format!(
            "{found_there}, {wanted} are wanted: wait for {more} more; {others} that other \
             policies judged do not count"
        ),
    };
    gate("calls", verdict, say).of(found as f64, wanted as f64)
}

/// Long enough to have seen what comes once a day.
pub(super) fn time(case: &Case<'_>) -> Gate {
    let wanted = case.facts.gates.min_time;
    let there = case.lanes.laxest.view.since.map(|since| case.facts.look.now.duration_since(since));
    let found = there.and_then(|there| Duration::try_from(there).ok()).unwrap_or_default();
    let verdict = enough(there.is_some() && found >= wanted);
    let say = match (there, verdict) {
        (None, _) => {
            format!("nothing in the log shows the route in {}", case.lanes.laxest.stage.as_str())
        }
        (_, GateVerdict::Met) => format!("{} in {}", said(found), case.lanes.laxest.stage.as_str()),
        _ => format!(
            "{} in {}, {} are wanted: wait for {} more",
            said(found),
            case.lanes.laxest.stage.as_str(),
            said(wanted),
            said(wanted.saturating_sub(found))
        ),
    };
    gate("time", verdict, say).of(found.as_secs_f64(), wanted.as_secs_f64())
}

/// What cannot be judged is refused beyond observe.
pub(super) fn evaluation_errors(case: &Case<'_>, lane: &Lane) -> Gate {
    let (all, dismissed) = (lane.view.in_force.unjudged, lane.view.in_force.labels.dismissed);
    let (found, most) = (all.saturating_sub(dismissed), case.facts.gates.evaluation_errors);
    let right = match dismissed {
        0 => String::new(),
        _ => format!(", {dismissed} more rightly so"),
    };
    let say = match found <= most {
        true => format!("{found} calls could not be judged{right}, {most} may"),
        false => format!(
            "{found} calls could not be judged{right}, {most} may: `gait trace query --route {}` \
             shows them, `reason_codes` say why; mend the route or its callers, or say with `gait \
             rollout label CALL correct` that it is right to refuse such a call",
            case.route.name
        ),
    };
    gate("evaluation_errors", within(found <= most), say).of(found as f64, most as f64)
}

/// What the next stage would refuse, it refuses rightly.
pub(super) fn false_positives(case: &Case<'_>, lane: &Lane) -> Gate {
    let (gates, labels) = (&case.facts.gates, &lane.view.in_force.labels);
    let against = lane.view.in_force.counts.against;
    let (wrong, judged) = (labels.false_positives, labels.of_against());
    let most = gates.false_positive_rate;
    if against == 0 && judged == 0 {
        let say = "the policy in force allowed every call that it judged".to_owned();
        return gate("false_positives", GateVerdict::Met, say + &missed(labels)).of(0.0, most);
    }
    let sure = wilson(wrong, judged, gates.confidence);
    let share = if judged == 0 { 0.0 } else { wrong as f64 / judged as f64 };
    // More labels than refusals are of other calls: then nobody knows that all were looked at.
    let is_whole = judged == against;
    let has_labels = is_whole || judged >= gates.min_labels;
    let verdict = match has_labels {
        _ if is_whole => within(share <= most),
        true if sure.high <= most => GateVerdict::Met,
        _ if sure.low > most => GateVerdict::NotMet,
        _ => GateVerdict::NotEnoughData,
    };
    let found =
        format!("{wrong} of {judged} labelled refusals by the policy in force are false positives");
    let say = match verdict {
        GateVerdict::Met if is_whole => format!("{found}, {against} in all"),
        GateVerdict::Met => format!("{found}: {} % at most", percent(sure.high)),
        GateVerdict::NotMet => format!(
            "{found}: {} % at least, {} % may be; mend the policy, try it as `candidate_policy`",
            percent(if is_whole { share } else { sure.low }),
            percent(most)
        ),
        GateVerdict::NotEnoughData => format!(
            "{found}, of {against} in all: label more with `gait rollout label`; all of them \
             settle it"
        ),
    };
    gate("false_positives", verdict, say + &missed(labels)).of(share, most)
}

/// No gate asks for them, but whoever goes on should know.
fn missed(labels: &Labels) -> String {
    match labels.missed {
        0 => String::new(),
        missed => format!(
            "; {missed} allowed calls are labelled `missed`, which keeps no gate shut: mend the \
             policy before you enforce it"
        ),
    }
}

/// The routes know the traffic.
pub(super) fn unmapped(case: &Case<'_>) -> Gate {
    let (found, most) =
        (case.summary.strays(case.lanes.laxest.view.from), case.facts.gates.unmapped_calls);
    let say = match found <= most {
        true => format!("{found} calls found no route, {most} may"),
        false => format!(
            "{found} calls found no route, {most} may: `gait trace query --route _unmapped` shows \
             them; give them a route"
        ),
    };
    gate("unmapped", within(found <= most), say).of(found as f64, most as f64)
}

/// People answer soon enough.
pub(super) fn approval_latency(case: &Case<'_>) -> Gate {
    let (name, approvals) = ("approval_latency", &case.lanes.approvals());
    let most = case.facts.gates.approval_p95;
    if let Some(gate) = too_few_approvals(case, approvals, name) {
        return gate;
    }
    let found = approvals.percentile(95);
    if approvals.decided() == 0 {
        return gate(name, GateVerdict::NotMet, "no request for approval was decided in time")
            .wanting(most.as_secs_f64());
    }
    // What is not known may be short or long.
    let Some(found) = found.filter(|found| *found <= most || approvals.untimed == 0) else {
        let say = format!(
            "{} requests were decided before the first line that names them, and how long they \
             waited is not known: wait for more requests",
            approvals.untimed
        );
        return gate(name, GateVerdict::NotEnoughData, say).wanting(most.as_secs_f64());
    };
    let is_soon = found <= most;
    let next = if is_soon { "" } else { ": let more people approve, or let webhooks call them" };
    let say = format!(
        "of 20 requests 19 were decided within {}, {} may pass{next}",
        said(found),
        said(most)
    );
    gate(name, within(is_soon), say).of(found.as_secs_f64(), most.as_secs_f64())
}

/// People answer at all.
pub(super) fn approvals_decided(case: &Case<'_>) -> Gate {
    let (name, approvals) = ("approvals_decided", &case.lanes.approvals());
    let least = case.facts.gates.approvals_decided;
    if let Some(gate) = too_few_approvals(case, approvals, name) {
        return gate;
    }
    let share = match approvals.ended() {
        0 => 1.0,
        ended => approvals.decided() as f64 / ended as f64,
    };
    let is_most = share >= least;
    let next = if is_most { "" } else { ": let more people approve, or give them longer" };
    let say = format!(
        "{} of {} requests were decided before they expired, {} % are wanted{next}",
        approvals.decided(),
        approvals.ended(),
        percent(least)
    );
    gate(name, within(is_most), say).of(share, least)
}

/// There is no other way to the tool.
pub(super) fn paths(case: &Case<'_>) -> Gate {
    let others: Vec<String> = case.route.observing.iter().map(|name| format!("`{name}`")).collect();
    let (verdict, say) = match (&case.facts.unmapped, others.is_empty()) {
        (Unmapped::Denied, true) => {
            (GateVerdict::Met, "calls without a route are denied, and no route is only observed")
        }
        (Unmapped::GoTo(upstream), _) => {
            let say = format!(
                "calls without a route go to `{upstream}`: set `unmapped: {{ action: deny }}`"
            );
            return gate("paths", GateVerdict::NotMet, say);
        }
        (Unmapped::Denied, false) => {
            let say = format!(
                "the same tool can be reached in observe by {}: promote it first",
                others.join(", ")
            );
            return gate("paths", GateVerdict::NotMet, say);
        }
    };
    gate("paths", verdict, say)
}

/// The gate where there are too few requests to speak of. Where no call wanted an approval, none can
/// be late.
fn too_few_approvals(case: &Case<'_>, approvals: &Approvals, name: &'static str) -> Option<Gate> {
    let (found, wanted) = (approvals.ended(), case.facts.gates.min_approvals);
    let wants_none = |lane: &Lane| lane.view.counts.for_approval == 0;
    let nobody_asks = case.lanes.all().all(wants_none) && approvals.all() == 0;
    match (nobody_asks, found >= wanted) {
        (true, _) => Some(gate(name, GateVerdict::Met, "no call wanted an approval")),
        (false, true) => None,
        (false, false) => {
            let say = format!(
                "{found} requests for approval have ended in {}, {wanted} are wanted",
                case.lanes
            );
            Some(gate(name, GateVerdict::NotEnoughData, say))
        }
    }
}

fn enough(is_enough: bool) -> GateVerdict {
    if is_enough { GateVerdict::Met } else { GateVerdict::NotEnoughData }
}

fn within(is_within: bool) -> GateVerdict {
    if is_within { GateVerdict::Met } else { GateVerdict::NotMet }
}

pub(super) fn gate(name: &'static str, verdict: GateVerdict, say: impl Into<String>) -> Gate {
    Gate { name, verdict, value: None, threshold: None, say: say.into() }
}

impl Gate {
    pub(super) fn of(self, value: f64, threshold: f64) -> Gate {
        Gate { value: Some(value), threshold: Some(threshold), ..self }
    }

    fn wanting(self, threshold: f64) -> Gate {
        Gate { threshold: Some(threshold), ..self }
    }
}

/// In hundredths, as short as it can be said.
fn percent(share: f64) -> String {
    let text = format!("{:.2}", share * 100.0);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// A duration as people say it; seconds only where they matter.
pub(super) fn said(duration: Duration) -> String {
    let whole = match duration.as_secs() {
        0..120 => return format!("{:.1} s", duration.as_secs_f64()),
        seconds => SignedDuration::from_secs(i64::try_from(seconds).unwrap_or(i64::MAX)),
    };
    match whole.as_hours() {
        0 => format!("{} min", whole.as_mins()),
        hours @ 1..72 => format!("{hours} h {} min", whole.as_mins() % 60),
        hours => format!("{} d {} h", hours / 24, hours % 24),
    }
}
