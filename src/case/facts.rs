//! What the evidence says of a case: every line of a call is made from here.

use super::{Approved, Case, Cause, Judged, Wish};
use crate::approval::RequestId;
use crate::evidence::{Judgement, OnApproval, PermitKind};
use crate::metrics::PermitLabel;
use crate::policy::Verdict;
use crate::stage::Disposition;
use jiff::Timestamp;

/// What the evidence says of a case.
pub fn facts(
    case: &Case,
    judged: Option<&Judged>,
    disposition: Disposition,
    codes: &[&str],
) -> Judgement {
    let decision = judged.map(|judged| &judged.decision);
    let verdict = decision.map(|decision| decision.verdict);
    let forwarded = disposition == Disposition::Forwarded;
    let mut reason_codes = decision.map(|d| d.reason_codes.clone()).unwrap_or_default();
    reason_codes.extend(codes.iter().map(|code| (*code).to_owned()));
    reason_codes.sort_unstable();
    Judgement {
        upstream: case.lane.upstream.as_ref().map(|upstream| upstream.name.clone()),
        route: Some(case.lane.name.clone()),
        stage: Some(case.lane.stage),
        tool_name: judged.map(|judged| judged.intent.tool_name().into()),
        risk_class: Some(case.lane.risk.clone()),
        protection: Some(case.lane.protection),
        identity: case.caller.as_ref().map(|caller| caller.identity.clone()),
        identity_source: case.caller.as_ref().and_then(|caller| caller.source.clone()),
        verdict,
        simulated: forwarded && verdict != Some(Verdict::Allow),
        dry_run_requested: case.wish == Wish::DryRun,
        disposition: Some(disposition),
        permit: None,
        reason_codes,
        violations: decision.map(|decision| decision.violations.clone()).unwrap_or_default(),
        matched_rule: decision.and_then(|decision| decision.matched_rule.clone()),
        candidate: judged.and_then(|judged| judged.candidate.clone()),
        delegation_ref: judged.and_then(|judged| judged.delegation_ref.clone()),
        approval: judged.and_then(|judged| judged.approved.as_ref()).map(used),
        trace_id: judged.map(|judged| judged.trace_id.clone()),
        policy_digest: judged.map(|judged| judged.policy_digest),
        intent_digest: judged.map(|judged| judged.intent.digest()),
        args_digest: judged.map(|judged| judged.intent.args_digest()),
        kept: judged.and_then(|judged| judged.kept(&case.lane)),
        snapshot: Some(case.snapshot.clone()),
        asked_under: case.asked_under.clone(),
    }
}

/// Writes into the record of a call that it waits for an answer to `request`: should its caller
/// leave, that is what stands in its line.
pub fn note_held(case: &mut Case, judged: &Judged, request: &RequestId, expires_at: Timestamp) {
    let facts = facts(case, Some(judged), Disposition::Held, &[]);
    case.record.judged(Judgement { approval: Some(waits_for(request, Some(expires_at))), ..facts });
}

/// The kind of permit as a metric label.
pub fn label(kind: PermitKind) -> PermitLabel {
    match kind {
        PermitKind::Allow => PermitLabel::Allow,
        PermitKind::Approved => PermitLabel::Approved,
        PermitKind::Observed => PermitLabel::Observed,
    }
}

/// What the evidence says of an approval.
fn used(approved: &Approved) -> Box<OnApproval> {
    Box::new(OnApproval {
        request: approved.claim.id().to_string(),
        expires_at: None,
        tokens: approved.claim.sanction().tokens().join(","),
        approvers: approved.sanction.approvers().iter().map(|name| name.to_string()).collect(),
    })
}

/// What the evidence says of an approval that a call waits for.
pub fn asked(cause: &Cause) -> Option<Box<OnApproval>> {
    let Cause::Unapproved(unapproved) = cause else { return None };
    unapproved.request.as_ref().map(|request| waits_for(request, unapproved.expires_at))
}

fn waits_for(request: &RequestId, expires_at: Option<Timestamp>) -> Box<OnApproval> {
    let (request, tokens) = (request.to_string(), String::new());
    Box::new(OnApproval { request, expires_at, tokens, approvers: Vec::new() })
}
