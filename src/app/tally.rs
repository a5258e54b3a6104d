//! Calls are counted from their evidence: one closing line, one call. So is what people say of
//! decisions, and the stages that they set.
//!
//! The writer's thread shows every line that it wrote. Sends are counted elsewhere, by the
//! upstream client; that the two agree is the proof (design section 5, the law).

use crate::evidence::{About, Close, Entry, Event, Line, Opinion, Via};
use crate::metrics::{
    DispositionLabel, Metrics, OpinionLabel, RouteLabels, VerdictLabel, ViaLabel,
};
use crate::policy::Verdict;
use crate::stage::Disposition;

/// Counts what a line tells.
pub(super) fn tally(metrics: &Metrics, line: &Line) {
    match line.entry() {
        Entry::Closing { about, close, .. } => closed(metrics, about, close),
        Entry::Event(Event::Label(label)) => metrics.labelled(opinion_label(label.opinion)),
        Entry::Event(Event::Stage(change)) => {
            metrics.stage_changed(&change.route, via_label(change.via));
        }
        Entry::Decision(_) | Entry::Event(_) => {}
    }
}

/// Counts a call by its closing line: each call has exactly one.
fn closed(metrics: &Metrics, about: &About, close: &Close) {
    let judged = &about.judgement;
    let (Some(route), Some(stage), Some(risk)) = (&judged.route, judged.stage, &judged.risk_class)
    else {
        return;
    };
    if let Some(other) = &judged.candidate {
        let [from, to] = [other.against, other.verdict].map(|verdict| verdict_label(Some(verdict)));
        metrics.policy_differs(route, from, to);
    }
    let route = metrics.route(RouteLabels { route, stage: stage.as_str(), risk });
    route.call(verdict_label(judged.verdict), disposition_label(judged.disposition));
    route.call_took(close.duration);
}

fn verdict_label(verdict: Option<Verdict>) -> VerdictLabel {
    match verdict {
        Some(Verdict::Allow) => VerdictLabel::Allow,
        Some(Verdict::DryRun) => VerdictLabel::DryRun,
        Some(Verdict::RequireApproval) => VerdictLabel::RequireApproval,
        Some(Verdict::Block) => VerdictLabel::Block,
        None => VerdictLabel::None,
    }
}

fn disposition_label(disposition: Option<Disposition>) -> DispositionLabel {
    match disposition {
        Some(Disposition::Forwarded) => DispositionLabel::Forwarded,
        Some(Disposition::DryRun) => DispositionLabel::DryRun,
        Some(Disposition::Held) => DispositionLabel::Held,
        Some(Disposition::Denied) => DispositionLabel::Denied,
        Some(Disposition::Failed) | None => DispositionLabel::Failed,
    }
}

fn opinion_label(opinion: Opinion) -> OpinionLabel {
    match opinion {
        Opinion::FalsePositive => OpinionLabel::FalsePositive,
        Opinion::Correct => OpinionLabel::Correct,
        Opinion::Missed => OpinionLabel::Missed,
    }
}

fn via_label(via: Via) -> ViaLabel {
    match via {
        Via::Promote => ViaLabel::Promote,
        Via::ForcedPromote => ViaLabel::ForcedPromote,
        Via::Demote => ViaLabel::Demote,
    }
}
