//! Calls are counted from their evidence: one closing line, one call.
//!
//! The writer's thread shows every line that it wrote. Sends are counted elsewhere, by the
//! upstream client; that the two agree is the proof (design section 5, the law).

use crate::evidence::{Entry, Line};
use crate::metrics::{DispositionLabel, Metrics, RouteLabels, VerdictLabel};
use crate::policy::Verdict;
use crate::stage::Disposition;

/// Counts a call by its closing line: each call has exactly one.
pub(super) fn tally(metrics: &Metrics, line: &Line) {
    let Entry::Closing { about, close, .. } = line.entry() else { return };
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
