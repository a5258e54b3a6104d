//! The last look before a byte leaves: does the permit fit what it permits?
//!
//! Independent of the gate on purpose. None of this can fail unless the program is wrong, and
//! then the call does not go, and `gait_bypass_total` says which promise broke.

use crate::case::Backing;
use crate::evidence::PermitKind;
use crate::gate::Redeemed;
use crate::intent::rest::REQUEST;
use crate::metrics::BypassLabel;
use crate::stage::{Protection, Stage};

/// The closed list of faults at the seam: a permit that does not fit what it permits.
pub(super) fn fault(redeemed: &Redeemed) -> Option<BypassLabel> {
    let Redeemed { lane, kind, .. } = redeemed;
    if lane.stage == Stage::Observe {
        return None;
    }
    let is_open = lane.protection == Protection::Open && *kind != PermitKind::Approved;
    match is_open {
        true if is_backed(redeemed) || needs_no_backing(redeemed) => None,
        false if *kind == PermitKind::Observed => Some(BypassLabel::PermitKind),
        false if is_backed(redeemed) => other_bytes(redeemed),
        _ => Some(BypassLabel::NotCommitted),
    }
}

/// Whether the decision on this very call and intent is durable.
fn is_backed(redeemed: &Redeemed) -> bool {
    let Redeemed { judged, backing, record, .. } = redeemed;
    match (judged, backing) {
        (Some(judged), Backing::Committed(committed)) => {
            committed.call_id() == record.opening().call_id
                && committed.intent_digest() == judged.intent.digest()
        }
        _ => false,
    }
}

/// Whether a call that is not protected goes without: none is wanted, or there was none to be had.
fn needs_no_backing(redeemed: &Redeemed) -> bool {
    let (assurance, protection) = (redeemed.lane.assurance, redeemed.lane.protection);
    match redeemed.backing {
        Backing::None => !assurance.waits(protection),
        Backing::Forgone(_) => assurance.forgoes(protection),
        Backing::Committed(_) => false,
    }
}

/// Whether the bytes that would go are others than those that were judged.
fn other_bytes(redeemed: &Redeemed) -> Option<BypassLabel> {
    let judged = redeemed.judged.as_ref()?;
    let digest = judged.intent.context().auth_context.get(REQUEST).and_then(|d| d.as_str());
    let bytes = redeemed.call.fingerprint().map(|digest| digest.to_string());
    (digest.is_none() || digest != bytes.as_deref()).then_some(BypassLabel::DigestMismatch)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::host::HostRule;
    use crate::call::{Body, Call, Head};
    use crate::case::{Judged, label};
    use crate::clock;
    use crate::evidence::{CallId, CommitFailed, Opening, Record};
    use crate::intent::{ContextDraft, Draft};
    use crate::json::Digest;
    use crate::metrics::{Limits, Metrics, RouteLabels};
    use crate::policy::{Decision, Verdict};
    use crate::snapshot::{Assurance, Durability, Lane, OnFailure};
    use crate::stage::DryRunScope;
    use std::sync::{Arc, OnceLock};

    fn call(path: &str) -> Call {
        let request = http::Request::delete(path).header("host", "h").body(()).unwrap();
        Call::new(Head::read(&request.into_parts().0, &HostRule::Any).unwrap(), Body::Empty)
    }

    fn judged(call: &Call) -> Box<Judged> {
        let digest = call.fingerprint().unwrap().to_string();
        let auth_context = [(REQUEST.to_owned(), digest.into())].into_iter().collect();
        let context = ContextDraft {
            identity: "ada".into(),
            workspace: "w".into(),
            risk_class: "high".into(),
            auth_context,
            ..ContextDraft::default()
        };
        let draft = Draft { tool_name: "t".into(), context, ..Draft::default() };
        let decision = Decision {
            reason_codes: Vec::new(),
            violations: Vec::new(),
            ..Decision::of(Verdict::Allow)
        };
        let policy_digest = Digest::of(b"policy");
        let intent = draft.normalise().unwrap();
        Box::new(Judged {
            intent,
            decision,
            policy_digest,
            trace_id: "t".into(),
            bar: None,
            charged: None,
            delegated: None,
            candidate: None,
            delegation_ref: None,
            approved: None,
            kept: OnceLock::new(),
        })
    }

    fn redeemed(stage: Stage, protection: Protection, kind: PermitKind) -> Redeemed {
        let metrics = Metrics::new(Limits { series_max: 1_000 }, &[]);
        let labels = RouteLabels { route: "r", stage: stage.as_str(), risk: "high" };
        let lane = Lane {
            name: "r".into(),
            stage,
            protection,
            assurance: Default::default(),
            dry_run: DryRunScope::Table,
            capture: crate::snapshot::Capture::Digest,
            anonymous: crate::snapshot::Anonymous::Allow,
            credential: crate::call::CallerCredential::Withheld,
            upgrades: Arc::default(),
            approval: Default::default(),
            approval_status: http::StatusCode::PRECONDITION_REQUIRED,
            risk: "high".into(),
            upstream: None,
            metrics: metrics.route(labels),
        };
        let call = call("/v1/files/a");
        let opening = Opening {
            call_id: CallId::fresh(clock::now()),
            method: http::Method::DELETE,
            target_digest: Digest::of(b"/v1/files/a"),
            received: clock::instant(),
            spans: None,
        };
        Redeemed {
            judged: Some(judged(&call)),
            call,
            record: Record::unrecorded(opening),
            open: lane.metrics.mint(label(kind)),
            lane: Arc::new(lane),
            kind,
            backing: Backing::None,
            claim: None,
        }
    }

    #[test]
    fn a_protected_call_without_proof_does_not_go() {
        let at = |stage, protection, kind| fault(&redeemed(stage, protection, kind));
        let (open, protected) = (Protection::Open, Protection::Protected);
        let (allow, observed) = (PermitKind::Allow, PermitKind::Observed);
        assert_eq!(at(Stage::Enforce, protected, observed), Some(BypassLabel::PermitKind));
        assert_eq!(at(Stage::Enforce, protected, allow), Some(BypassLabel::NotCommitted));
        assert_eq!(at(Stage::DryRun, protected, allow), Some(BypassLabel::NotCommitted));
        assert_eq!(at(Stage::Enforce, open, allow), None);
        assert_eq!(at(Stage::Observe, protected, observed), None);
    }

    #[test]
    fn an_open_call_goes_without_proof_where_none_is_wanted_or_none_was_to_be_had() {
        let rows = [
            (Durability::Protected, OnFailure::Deny, [true, false]),
            (Durability::Protected, OnFailure::Forward, [true, true]),
            (Durability::Batched, OnFailure::Deny, [true, false]),
            (Durability::All, OnFailure::Deny, [false, false]),
            (Durability::All, OnFailure::Forward, [false, true]),
        ];
        for (durability, on_failure, goes) in rows {
            let backings = [Backing::None, Backing::Forgone(CommitFailed::Failed)];
            for (backing, goes) in backings.into_iter().zip(goes) {
                let mut open = redeemed(Stage::Enforce, Protection::Open, PermitKind::Allow);
                let mut lane = Lane::clone(&open.lane);
                lane.assurance = Assurance { durability, on_failure };
                (open.lane, open.backing) = (Arc::new(lane), backing);
                let wanted = (!goes).then_some(BypassLabel::NotCommitted);
                assert_eq!(fault(&open), wanted, "{durability:?} {on_failure:?}");
                // What people approved is held to as much as what is protected.
                open.kind = PermitKind::Approved;
                assert_eq!(fault(&open), Some(BypassLabel::NotCommitted));
            }
        }
    }

    #[test]
    fn other_bytes_than_those_judged_do_not_go() {
        let allow = PermitKind::Allow;
        let judged_one = redeemed(Stage::Enforce, Protection::Protected, allow);
        assert_eq!(other_bytes(&judged_one), None);
        let swapped = Redeemed { call: call("/v1/files/b"), ..judged_one };
        assert_eq!(other_bytes(&swapped), Some(BypassLabel::DigestMismatch));
    }
}
