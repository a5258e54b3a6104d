//! A policy that is tried out: what it would have said of an intent.
//!
//! It goes through the same steps as the policy in force, but for the limits: to count a call is to
//! act. So it is compared with what the policy in force says before its own limits. Tokens of a
//! delegation that name the policy in force are taken for ones that name the candidate, since
//! callers would get new ones with it.
//!
//! Nothing that it says leaves this file but as words for the evidence. Where it falls over, the
//! call is as it was.

use super::{Bench, Ruling};
use crate::delegation::Mandate;
use crate::evidence::Dissent;
use crate::intent::Intent;
use crate::intent::time::Time;
use crate::policy::{Policy, Verdict};
use crate::snapshot::{Candidate, Lane};
use crate::store::switch::Order;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// What both policies are asked about.
pub(super) struct Matter<'a> {
    pub(super) intent: &'a Intent,
    pub(super) mandate: Option<&'a Mandate>,
    /// What is ordered of it.
    pub(super) order: Option<Order>,
    pub(super) at: Time,
}

// === impl Bench ===

impl Bench<'_> {
    /// What the candidate says, where there is one and it says something else.
    pub(super) fn dissent(&self, matter: &Matter<'_>, against: Verdict) -> Option<Arc<Dissent>> {
        let candidate = self.snapshot.candidate.as_ref()?;
        if candidate.policy.digest() == self.snapshot.policy.digest() {
            return None;
        }
        let ruling = tried(candidate, self.lane, || self.rule(&candidate.policy, matter))?;
        (ruling.decision.verdict != against).then(|| said(ruling, &candidate.policy, against))
    }
}

/// What comes of it; nothing but a count where it falls over.
fn tried<T>(candidate: &Candidate, lane: &Lane, rule: impl FnOnce() -> T) -> Option<T> {
    let ruled = catch_unwind(AssertUnwindSafe(rule));
    if ruled.is_err() {
        tracing::error!(route = %lane.name, "the candidate policy panicked; the call goes its way");
        candidate.metrics.failed(&lane.name);
    }
    ruled.ok()
}

fn said(ruling: Ruling, policy: &Policy, against: Verdict) -> Arc<Dissent> {
    let decision = ruling.decision;
    Arc::new(Dissent {
        verdict: decision.verdict,
        against,
        reason_codes: decision.reason_codes,
        matched_rule: decision.matched_rule,
        policy_digest: policy.digest(),
    })
}

#[cfg(test)]
mod tests {
    use super::super::tests::{Scene, everything, intent, why};
    use super::*;
    use crate::case::{Judged, Why};
    use crate::store::rate_limits::Live;
    use serde_json::json;

    const ALLOW: &str = "rules: [{name: go, effect: allow}]";
    const BLOCK: &str = "rules: [{name: stop, effect: block, reason_codes: [newer]}]";

    fn judged(enforced: &str, candidate: &str) -> Judged {
        Scene::beside(enforced, candidate).judge(intent("low", &json!({})))
    }

    /// What it differs from, and what it says.
    fn differs(judged: &Judged) -> Option<(Verdict, Verdict)> {
        judged.candidate.as_ref().map(|other| (other.against, other.verdict))
    }

    #[test]
    fn another_verdict_is_told_and_changes_nothing() {
        let other = judged(ALLOW, BLOCK);
        let said = other.candidate.clone().unwrap();
        assert_eq!((said.against, said.verdict), (Verdict::Allow, Verdict::Block));
        assert_eq!(said.reason_codes, ["newer"]);
        assert_eq!(said.matched_rule.as_deref(), Some("stop"));
        let alone = Scene::of(ALLOW).judge(intent("low", &json!({})));
        assert_eq!((&alone.decision, &alone.trace_id), (&other.decision, &other.trace_id));
        assert_eq!((why(&other), other.is_met()), (None, true));
        assert_ne!(said.policy_digest, other.policy_digest);
    }

    #[test]
    fn the_same_verdict_is_no_difference_whatever_its_reasons() {
        assert_eq!(differs(&judged(ALLOW, "default_verdict: allow")), None);
        assert_eq!(differs(&judged(ALLOW, ALLOW)), None);
    }

    #[test]
    fn limits_are_neither_compared_nor_counted() {
        let limited = "rules: [{name: go, effect: allow, rate_limit: {requests: 1}}]";
        for (enforced, candidate, verdicts) in [
            (limited, "default_verdict: allow", [Verdict::Allow, Verdict::Block]),
            ("default_verdict: allow", limited, [Verdict::Allow; 2]),
        ] {
            let scene = Scene::beside(enforced, candidate);
            let limits = Live::unkept();
            for verdict in verdicts {
                let judged = scene.judge_under(&limits, intent("low", &json!({})), None);
                assert_eq!((judged.decision.verdict, differs(&judged)), (verdict, None));
            }
        }
        let scene = Scene::beside(limited, BLOCK);
        let limits = Live::unkept();
        for _ in 0..2 {
            let judged = scene.judge_under(&limits, intent("low", &json!({})), None);
            assert_eq!(differs(&judged), Some((Verdict::Allow, Verdict::Block)));
        }
    }

    #[test]
    fn orders_stand_over_both() {
        let scene = Scene::switched(ALLOW, &everything()).trying("default_verdict: dry_run");
        let judged = scene.judge(intent("low", &json!({})));
        assert_eq!((why(&judged), differs(&judged)), (Some(Why::Stopped), None));
    }

    #[test]
    fn a_candidate_that_falls_over_is_counted_and_that_is_all() {
        let scene = Scene::beside(ALLOW, BLOCK);
        let (candidate, lane) =
            (scene.snapshot.candidate.as_ref().unwrap(), scene.snapshot.table[0].common());
        assert_eq!(tried(candidate, lane, || 7), Some(7));
        assert_eq!(tried::<()>(candidate, lane, || panic!("a rule fell over")), None);
        let text = scene.metrics.render();
        assert!(text.contains("gait_candidate_errors_total{route=\"r\"} 1"), "{text}");
    }
}
