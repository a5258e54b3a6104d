//! The gate: the one place where a call is permitted or denied.
//!
//! [`judge`] takes a call that was read, the place where it stands, and what the policy found,
//! and gives a [`Permit`], a [`Denial`], or a [`Pending`] that becomes a permit once its decision
//! is durable. Nothing else in this crate can make a permit, and nothing but a permit can reach a
//! tool. This file is pure: proof that something happened outside comes in as a value
//! ([`Committed`], [`Charged`](crate::store::rate_limits::Charged),
//! [`Delegated`](crate::delegation::Delegated)), and it has no child modules, because a child would
//! see private fields.
//!
//! A permit owns its call, its open record and its place in the permit counters:
//! one permit is one send, and forgetting it is an unwritten line and an unused count.
//!
//! It cannot be written by hand:
//! ```compile_fail,E0451
//! fn forge(real: gait::gate::Permit) -> gait::gate::Permit {
//!     gait::gate::Permit { backing: gait::case::Backing::None, ..real }
//! }
//! ```
//! It cannot be copied:
//! ```compile_fail,E0599
//! fn twice(permit: gait::gate::Permit) -> (gait::gate::Permit, gait::gate::Permit) {
//!     (permit.clone(), permit)
//! }
//! ```
//! It cannot be sent twice:
//! ```compile_fail,E0382
//! async fn twice(tools: &gait::upstream::Tools, permit: gait::gate::Permit) {
//!     let _ = tools.send(permit).await;
//!     let _ = tools.send(permit).await;
//! }
//! ```
//! A tool takes nothing else:
//! ```compile_fail,E0308
//! async fn around(tools: &gait::upstream::Tools, call: gait::call::Call) {
//!     let _ = tools.send(call).await;
//! }
//! ```
//! Its call cannot be exchanged for another:
//! ```compile_fail,E0616
//! fn swap(permit: &mut gait::gate::Permit, call: gait::call::Call) {
//!     permit.call = call;
//! }
//! ```

use crate::call::{Call, Malformed};
use crate::case::{Backing, Case, Cause, Finding, Judged, Lack, Waited, Wish};
use crate::case::{asked, facts, label};
use crate::evidence::{CommitFailed, Committed, Judgement, PermitKind, Record};
use crate::metrics::OpenPermit;
use crate::policy::Verdict;
use crate::snapshot::Lane;
use crate::stage::{Cell, Disposition, DryRunScope, Stage, cell};
use crate::store::approvals::Claim;
use crate::store::rate_limits::Toll;
use std::sync::Arc;

/// The reason code of calls that the evidence has no place for.
pub const EVIDENCE_UNAVAILABLE: &str = "evidence_unavailable";

/// Proof that this very call was judged and may go. Not `Clone`: one permit, one send.
#[must_use = "a permit that is not sent is recorded as abandoned"]
#[derive(Debug)]
pub struct Permit {
    call: Call,
    record: Record,
    lane: Arc<Lane>,
    kind: PermitKind,
    open: OpenPermit,
    judged: Option<Box<Judged>>,
    backing: Backing,
}

/// A call that may go once its decision is durable.
#[must_use = "a call whose decision is not committed does not go"]
#[derive(Debug)]
pub struct Pending {
    case: Case,
    judged: Box<Judged>,
    kind: PermitKind,
}

/// A call that does not go.
#[must_use = "a denial is answered, and its record closed with the answer"]
#[derive(Debug)]
pub struct Denial {
    record: Record,
    lane: Arc<Lane>,
    cause: Cause,
    disposition: Disposition,
    judged: Option<Box<Judged>>,
}

/// What the gate says.
#[derive(Debug)]
pub enum Ruling {
    /// It may go.
    Permit(Permit),
    /// It may go once its decision is durable.
    Pending(Pending),
    /// It does not go.
    Denial(Denial),
}

/// What a permit is worth, taken apart by the upstream client alone.
#[derive(Debug)]
pub struct Redeemed {
    /// The call to send.
    pub call: Call,
    /// Its open record.
    pub record: Record,
    /// Where it stood.
    pub lane: Arc<Lane>,
    /// The kind of permit.
    pub kind: PermitKind,
    /// The open place in the permit counters.
    pub open: OpenPermit,
    /// The decision, where there is one.
    pub judged: Option<Box<Judged>>,
    /// What stands behind it in the evidence.
    pub backing: Backing,
    /// The words that were taken for this call, to be settled by how it ends.
    pub claim: Option<Claim>,
}

/// Permits or denies one call. Total: every case ends in one of the three.
pub fn judge(case: Case, finding: Finding) -> Ruling {
    let verdict = finding.verdict();
    match (cell_for(&case.lane, case.wish, verdict), finding) {
        (Cell::Forward | Cell::Simulate, finding) if case.lane.upstream.is_none() => {
            Ruling::Denial(deny(case, finding.into_judged(), Cause::Unmapped, Disposition::Denied))
        }
        // Not even observe completes for the tool what the caller broke off.
        (_, Finding::Undecided(cause @ Cause::Malformed(Malformed::BodyIncomplete))) => {
            Ruling::Denial(deny(case, None, cause, Disposition::Denied))
        }
        (Cell::Forward | Cell::Simulate, Finding::Undecided(cause)) => {
            Ruling::Permit(observe(case, None, &cause.codes()))
        }
        (Cell::Simulate, Finding::Decided(judged) | Finding::Unapproved(judged, _)) => {
            send_out(case, judged, PermitKind::Observed)
        }
        (Cell::Forward, Finding::Decided(judged) | Finding::Unapproved(judged, _)) => {
            forward(case, judged)
        }
        (Cell::Answer, finding) => answer(case, finding),
        (Cell::Deny, Finding::Decided(judged)) if judged.approved.is_some() => {
            approve(case, judged)
        }
        (Cell::Deny, Finding::Decided(judged)) => {
            Ruling::Denial(deny(case, Some(judged), Cause::Decision, Disposition::Denied))
        }
        (Cell::Deny, Finding::Unapproved(judged, unapproved)) => {
            let disposition = match (unapproved.lack, unapproved.waited) {
                (Lack::Unknown, _) => Disposition::Failed,
                (_, Waited::Held) => Disposition::Held,
                (_, Waited::No) => Disposition::Denied,
            };
            Ruling::Denial(deny(case, Some(judged), Cause::Unapproved(unapproved), disposition))
        }
        (Cell::Deny, Finding::Undecided(cause)) => {
            let disposition = match cause {
                Cause::Fault(_) => Disposition::Failed,
                _ => Disposition::Denied,
            };
            Ruling::Denial(deny(case, None, cause, disposition))
        }
    }
}

/// Whether a call with this verdict is counted by the limits of its rules.
///
/// One that only shows its decision is not, and one that waits for an approval is when it runs:
/// asking again and again spends nothing. One that is blocked is, as the format has it.
pub fn toll(lane: &Lane, wish: Wish, verdict: Verdict, claim: Option<&Claim>) -> Toll {
    match cell_for(lane, wish, Some(verdict)) {
        Cell::Answer => Toll::Look,
        Cell::Deny if verdict == Verdict::RequireApproval && claim.is_none() => Toll::Look,
        Cell::Forward | Cell::Simulate | Cell::Deny => Toll::Take,
    }
}

/// Whether an approval would let a call with this verdict run.
pub fn awaits_approval(lane: &Lane, wish: Wish, verdict: Verdict) -> bool {
    verdict == Verdict::RequireApproval && cell_for(lane, wish, Some(verdict)) == Cell::Deny
}

/// The stage table, and the two settings that only ever execute less than it.
fn cell_for(lane: &Lane, wish: Wish, verdict: Option<Verdict>) -> Cell {
    let cell = cell(lane.stage, verdict, lane.protection);
    let answers_all = lane.stage == Stage::DryRun && lane.dry_run == DryRunScope::All;
    match cell {
        Cell::Forward | Cell::Simulate | Cell::Answer if wish == Wish::DryRun => Cell::Answer,
        Cell::Deny if wish == Wish::DryRun && verdict.is_some() => Cell::Answer,
        Cell::Forward | Cell::Simulate if answers_all => Cell::Answer,
        cell => cell,
    }
}

/// A dry run needs a decision to show; without one it is a denial.
fn answer(case: Case, finding: Finding) -> Ruling {
    let asked = case.wish == Wish::DryRun;
    Ruling::Denial(match finding {
        Finding::Decided(judged) | Finding::Unapproved(judged, _) => {
            let cause = if asked { Cause::DryRunAsked } else { Cause::Decision };
            deny(case, Some(judged), cause, Disposition::DryRun)
        }
        Finding::Undecided(cause) => deny(case, None, cause, Disposition::Denied),
    })
}

/// An allowed call: observed where the stage observes, and beyond it only with all that its
/// decision asks for.
fn forward(case: Case, judged: Box<Judged>) -> Ruling {
    if case.lane.stage != Stage::Observe && !judged.is_met() {
        let cause = Cause::Fault("demand_unmet");
        return Ruling::Denial(deny(case, Some(judged), cause, Disposition::Failed));
    }
    send_out(case, judged, PermitKind::Allow)
}

/// A call that goes: at once where its stage observes, else durable first where that is wanted.
fn send_out(case: Case, judged: Box<Judged>, kind: PermitKind) -> Ruling {
    if case.lane.stage == Stage::Observe {
        return Ruling::Permit(observe(case, Some(judged), &[]));
    }
    match case.lane.assurance.waits(case.lane.protection) {
        true => await_commit(case, judged, kind),
        false => Ruling::Permit(mint(case, Some(judged), kind, Backing::None, &[])),
    }
}

/// A call that people approved: durable first, whatever its risk.
fn approve(case: Case, mut judged: Box<Judged>) -> Ruling {
    let wants = judged.decision.verdict == Verdict::RequireApproval;
    if !wants || !judged.is_met() || !judged.is_approved(case.record.opening().call_id) {
        let cause = Cause::Fault("approval_unproven");
        return Ruling::Denial(deny(case, Some(judged), cause, Disposition::Failed));
    }
    judged.grant();
    await_commit(case, judged, PermitKind::Approved)
}

fn await_commit(mut case: Case, judged: Box<Judged>, kind: PermitKind) -> Ruling {
    let facts = facts(&case, Some(&judged), Disposition::Forwarded, &[]);
    case.record.judged(Judgement { permit: Some(kind), ..facts });
    Ruling::Pending(Pending { case, judged, kind })
}

/// A permit by stage: the call goes whatever the verdict.
fn observe(case: Case, judged: Option<Box<Judged>>, codes: &[&str]) -> Permit {
    mint(case, judged, PermitKind::Observed, Backing::None, codes)
}

/// Makes a permit. The only place where one is made.
fn mint(
    mut case: Case,
    judged: Option<Box<Judged>>,
    kind: PermitKind,
    backing: Backing,
    codes: &[&str],
) -> Permit {
    let facts = facts(&case, judged.as_deref(), Disposition::Forwarded, codes);
    case.record.judged(Judgement { permit: Some(kind), ..facts });
    let open = case.lane.metrics.mint(label(kind));
    let Case { call, record, lane, .. } = case;
    Permit { call, record, lane, kind, open, judged, backing }
}

fn deny(
    mut case: Case,
    judged: Option<Box<Judged>>,
    cause: Cause,
    disposition: Disposition,
) -> Denial {
    let facts = facts(&case, judged.as_deref(), disposition, &cause.codes());
    case.record.judged(Judgement { approval: facts.approval.or(asked(&cause)), ..facts });
    Denial { record: case.record, lane: case.lane, cause, disposition, judged }
}

// === impl Pending ===

impl Pending {
    /// Sends the decision line on its way; the future gives the proof once it is durable.
    ///
    /// Until the proof is granted, the record says that the call failed: should its task end in
    /// between, no permit was made, and the closing line must not say so.
    pub fn commit(
        &mut self,
    ) -> impl Future<Output = Result<Committed, CommitFailed>> + Send + use<> {
        let committing = self.case.record.commit();
        let codes = ["ended_before_permit"];
        let facts = facts(&self.case, Some(&self.judged), Disposition::Failed, &codes);
        self.case.record.judged(facts);
        committing
    }

    /// Turns proof of durability into a permit.
    ///
    /// # Errors
    /// A denial where the proof is of another call, intent or policy.
    pub fn grant(self, committed: Committed) -> Result<Permit, Box<Denial>> {
        let of_this = committed.call_id() == self.case.record.opening().call_id
            && committed.intent_digest() == self.judged.intent.digest()
            && committed.policy_digest() == self.judged.policy_digest;
        match of_this {
            true => {
                let backing = Backing::Committed(committed);
                Ok(mint(self.case, Some(self.judged), self.kind, backing, &[]))
            }
            false => Err(Box::new(self.refuse("evidence_mismatch"))),
        }
    }

    /// Ends the wait for a proof that does not come: a call that is not protected goes where the
    /// config says so. What people approved never does; their words are good for one record.
    ///
    /// # Errors
    /// A denial of all others.
    pub fn forgo(self, failed: CommitFailed) -> Result<Permit, Box<Denial>> {
        let lane = &self.case.lane;
        let may = self.kind != PermitKind::Approved && lane.assurance.forgoes(lane.protection);
        match failed {
            CommitFailed::Failed | CommitFailed::Stopped | CommitFailed::Unrecorded if may => {
                let (backing, codes) = (Backing::Forgone(failed), [EVIDENCE_UNAVAILABLE]);
                Ok(mint(self.case, Some(self.judged), self.kind, backing, &codes))
            }
            _ => Err(Box::new(self.refuse(EVIDENCE_UNAVAILABLE))),
        }
    }

    fn refuse(self, code: &'static str) -> Denial {
        deny(self.case, Some(self.judged), Cause::Fault(code), Disposition::Failed)
    }
}

// === impl Permit ===

impl Permit {
    /// Where the call stands.
    pub fn lane(&self) -> &Lane {
        &self.lane
    }

    /// The verdict, where there is a decision.
    pub fn verdict(&self) -> Option<Verdict> {
        self.judged.as_ref().map(|judged| judged.decision.verdict)
    }

    /// Whether the call goes without the line that it would have in the evidence.
    pub fn is_unrecorded(&self) -> bool {
        !self.record.is_recorded() || matches!(self.backing, Backing::Forgone(_))
    }

    /// Takes the permit apart. For the upstream client alone; a test holds the others to it.
    pub fn redeem(self) -> Redeemed {
        let Permit { call, record, lane, kind, open, mut judged, backing } = self;
        let approved = judged.as_mut().and_then(|judged| judged.approved.take());
        let claim = approved.map(|approved| approved.claim);
        Redeemed { call, record, lane, kind, open, judged, backing, claim }
    }
}

// === impl Denial ===

impl Denial {
    /// Where the call stands.
    pub fn lane(&self) -> &Lane {
        &self.lane
    }

    /// Why it does not go.
    pub fn cause(&self) -> &Cause {
        &self.cause
    }

    /// What is done with it instead.
    pub fn disposition(&self) -> Disposition {
        self.disposition
    }

    /// The decision, where there is one.
    pub fn judged(&self) -> Option<&Judged> {
        self.judged.as_deref()
    }

    /// The record, still open.
    pub fn record(&self) -> &Record {
        &self.record
    }

    /// The open record, to be closed with the answer.
    pub fn into_record(self) -> Record {
        self.record
    }
}
