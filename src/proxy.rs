//! The life of one request, aloud (design section 4).
//!
//! accept → head → strictness → route → body → conditions → record → intent → decide → stage →
//! \[protected: commit\] → permit or denial → forward → stream the answer → outcome.
//!
//! Values flow from step to step; nothing accumulates. Whatever fails on the way becomes a
//! [`Cause`] that the gate is asked about, so that the stage table alone decides what a failure
//! means.

mod needs;
mod receive;
mod record;
mod delegation;
mod decide;
mod domains;
mod reply;
mod steps;
pub mod rehearse;
mod again;
mod approve;
mod exhibit;
mod hold;
mod tokens;
mod way;

pub use approve::reasons as approval_reasons;
pub use reply::AnswerBody;

use crate::call::arriving::Arriving;
use crate::call::body::Content;
use crate::call::peer::Peer;
use crate::call::{Body, Call, Head, Malformed};
use crate::case::{Case, Cause, Finding, Judged};
use crate::clock;
use crate::egress::{Fetcher, Refreshed};
use crate::evidence::{CallId, Ledger};
use crate::gate::{self, Permit, Ruling};
use crate::identity::{Known, Refusal, Refused};
use crate::intent::routes::Candidate;
use crate::intent::time::Time;
use crate::limits::{Budget, Places};
use crate::metrics::{ApprovalMetrics, Metrics};
use crate::snapshot::Snapshot;
use crate::stage::Disposition;
use crate::store::approvals::{Claim, Desk};
use crate::store::rate_limits::Live;
use crate::store::switch::Switch;
use crate::upstream::{FailureKind, Tools};
use approve::Sought;
use arc_swap::ArcSwap;
use delegation::Sender;
use futures_util::FutureExt as _;
use http::{Request, Response, request::Parts};
use hyper::body::Incoming;
use hyper::upgrade::OnUpgrade;
use jiff::Timestamp;
use needs::{Buffer, Needs, Overrides};
use receive::Unjudged;
use reply::Face;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use steps::{Over, Placed, Visit, wish};

/// Fetches that one call waits for: one that was under way when it came, and one of its own.
const LOOKS_MAX: usize = 2;

/// Refusals of ours that leave no evidence line, because there is no room for one or no route.
pub const FAULTS: [&str; 3] = [gate::EVIDENCE_UNAVAILABLE, DRAINING, PANIC];
const DRAINING: &str = "draining";
const PANIC: &str = "internal_panic";

/// Everything that a request needs; cheap to clone.
#[derive(Clone)]
pub struct Proxy {
    /// The snapshot in force.
    pub snapshot: Arc<ArcSwap<Snapshot>>,
    /// Where calls are recorded.
    pub ledger: Ledger,
    /// The way to the tools.
    pub tools: Tools,
    /// Where keys are fetched.
    pub keys: Fetcher,
    /// What is counted.
    pub metrics: Metrics,
    /// What all buffered bodies share.
    pub budget: Budget,
    /// The orders to stop.
    pub switch: Arc<Switch>,
    /// What was counted against limits.
    pub limits: Arc<Live>,
    /// Where approvals are asked for.
    pub desk: Desk,
    /// What is counted of them.
    pub approvals: ApprovalMetrics,
    /// Places for calls that wait for one.
    pub holds: Places,
    /// What their bodies share: not all that bodies do, or calls that wait would keep out others.
    pub held_bodies: Budget,
    /// Set once the listeners are closed.
    pub draining: Arc<AtomicBool>,
}

/// What gait itself adds to a call: all the time before it is sent or refused, but for the time
/// that the caller took.
struct HeldUp {
    received: Instant,
    waited: Duration,
}

impl Proxy {
    /// Answers one request, whatever happens on the way.
    pub async fn answer(
        &self,
        request: Request<Incoming>,
        peer: Arc<Peer>,
    ) -> Response<AnswerBody> {
        let call_id = CallId::fresh(clock::now());
        let handled = AssertUnwindSafe(self.handle(request, peer, call_id)).catch_unwind();
        match handled.await {
            Ok(response) => response,
            Err(_) => {
                tracing::error!(%call_id, "a request panicked; it was refused");
                self.metrics.rejected(PANIC);
                reply::of_fault(call_id, PANIC)
            }
        }
    }

    /// What a stage is picked by: an override that has ended stays so, whatever becomes of the clock.
    pub fn stage_time(&self) -> Timestamp {
        self.ledger.health().time(clock::now(), clock::instant())
    }

    async fn handle(
        &self,
        mut request: Request<Incoming>,
        peer: Arc<Peer>,
        call_id: CallId,
    ) -> Response<AnswerBody> {
        if self.draining.load(Ordering::Relaxed) {
            self.metrics.rejected(DRAINING);
            return reply::closing(reply::of_fault(call_id, DRAINING));
        }
        let upgrade = hyper::upgrade::on(&mut request);
        let (parts, incoming) = request.into_parts();
        let incoming = Arriving::new(incoming, parts.version);
        let mut visit = Visit {
            snapshot: self.snapshot.load_full(),
            call_id,
            received: clock::instant(),
            now: self.stage_time(),
            wish: wish(&parts.headers),
            peer,
        };
        let placed = self.place(&mut visit, &parts, incoming).await;
        let held_up = HeldUp { received: visit.received, waited: placed.waited };
        let (case, finding) = self.weigh(&visit, placed);
        let sought = match finding {
            Finding::Decided(judged) if awaits_approval(&case, &judged) => {
                // Boxed, so that all others pay no room for it.
                Box::pin(self.approve(&parts, visit, case, judged)).await
            }
            finding => Sought { case, finding, waited: Duration::ZERO },
        };
        let held_up = HeldUp { waited: held_up.waited + sought.waited, ..held_up };
        let ruling = gate::judge(sought.case, sought.finding);
        self.carry_out(ruling, call_id, held_up, upgrade).await
    }

    /// Strictness and routing: finds the lane of a request.
    async fn place(&self, visit: &mut Visit, parts: &Parts, incoming: Arriving) -> Placed {
        let (head, candidates) = match visit.read(parts, &incoming) {
            Ok(read) => read,
            Err(stray) => {
                self.reject(&stray.cause);
                let known = visit.astray(&stray.cause, parts, clock::now());
                let call = Call::new(stray.head, receive::stream(incoming));
                let placed = visit.undecided(call, &stray.lane, stray.cause);
                return placed.by(Sender { known, mandate: None });
            }
        };
        match self.identify(visit, parts, &candidates).await {
            Ok(sender) => {
                visit.snapshot.callers.identified(&sender.known.source);
                let placed = self.choose(visit, &sender.known, head, incoming, candidates).await;
                placed.by(sender)
            }
            Err(refusal) if visit.may_observe(&candidates) => {
                let nobody = visit.nobody();
                self.choose(visit, &nobody, head, incoming, candidates).await.refused(refusal)
            }
            Err(refusal) => {
                let call = Call::new(head, receive::stream(incoming));
                let lane = visit.first(&visit.nobody(), &candidates);
                visit.undecided(call, lane, Cause::Caller(refusal))
            }
        }
    }

    /// Who calls, and in whose name, before any of the body is asked for.
    async fn identify(
        &self,
        visit: &Visit,
        parts: &Parts,
        candidates: &[Candidate],
    ) -> Result<Sender, Refusal> {
        let known = self.know(visit, parts).await?;
        let known = visit.admit(known, candidates)?;
        visit.mandate(known, parts, Time::from_timestamp(clock::now()))
    }

    /// Who calls. A token whose key is not held is worth one look at the issuer's newest keys, as
    /// far as others have not looked too often; keys that were on their way before it came may not
    /// be the newest.
    async fn know(&self, visit: &Visit, parts: &Parts) -> Result<Known, Refusal> {
        let identify = || visit.identify(parts, clock::now());
        let mut known = identify();
        for _ in 0..LOOKS_MAX {
            let Err(Refused { stale: Some(stale), .. }) = &known else { break };
            match self.keys.refresh(stale).await {
                Refreshed::Fetched | Refreshed::Earlier => known = identify(),
                Refreshed::Failed | Refreshed::Limited | Refreshed::Fixed => break,
            }
        }
        known.map_err(|refused| refused.refusal)
    }

    /// Reads the body as far as the candidates need it, and asks their conditions.
    async fn choose(
        &self,
        visit: &mut Visit,
        known: &Known,
        head: Head,
        incoming: Arriving,
        candidates: Vec<Candidate>,
    ) -> Placed {
        let started = clock::instant();
        let read = self.read(&visit.snapshot, &head, incoming, &candidates).await;
        let waited = since(started);
        // A body may take its time: what has ended meanwhile has no say any more.
        visit.now = self.stage_time();
        if let Err(unjudged) = &read {
            self.reject(&unjudged.cause);
        }
        let placed = visit.choose(known, head, candidates, read);
        if placed.offers_in_vain() {
            self.metrics.rejected(Malformed::UpgradeRefused.code());
        }
        Placed { waited, ..placed }
    }

    /// The body, as far as it is needed, and what it says.
    async fn read(
        &self,
        snapshot: &Snapshot,
        head: &Head,
        incoming: Arriving,
        candidates: &[Candidate],
    ) -> Result<(Body, Content), Unjudged> {
        let needs = Needs::of(snapshot, head, candidates);
        let (limits, timeouts) = (&snapshot.plan.limits, &snapshot.plan.timeouts);
        let reserved = &snapshot.reserved;
        let body = match (&needs.buffer, &needs.overrides) {
            (Buffer::Whole, _) => {
                receive::whole(incoming, reserved, &self.budget, limits, timeouts).await?
            }
            (Buffer::Stream, Overrides::Refused) => {
                receive::screened(incoming, reserved, &self.budget, limits, timeouts).await?
            }
            (Buffer::Stream, Overrides::Impossible) => receive::stream(incoming),
        };
        let body = receive::ending_in(body, needs.trailers.clone());
        match needs.settle(head, &body) {
            Ok(content) => Ok((body, content)),
            Err(cause) => Err(Unjudged { cause, body }),
        }
    }

    /// Counts what strictness refuses.
    fn reject(&self, cause: &Cause) {
        if let Cause::Malformed(malformed) = cause {
            self.metrics.rejected(malformed.code());
        }
    }

    /// Draft → intent → decision. A panic in it is a fault like any other.
    fn find(&self, visit: &Visit, placed: &Placed, claim: Option<&Claim>) -> Finding {
        let matter = match placed.matter() {
            Ok(matter) => matter,
            Err(cause) => {
                if let Cause::Caller(refusal) = &cause {
                    visit.snapshot.callers.refused(refusal.code());
                }
                return Finding::Undecided(cause);
            }
        };
        let started = clock::instant();
        let over = Over { switch: &self.switch, limits: &self.limits, claim };
        let decide = || visit.decide(&matter, &over, clock::now);
        let found = catch_unwind(AssertUnwindSafe(decide));
        self.metrics.decision_took(since(started));
        match found {
            Ok(Ok(judged)) => Finding::Decided(Box::new(judged)),
            Ok(Err(cause)) => Finding::Undecided(cause),
            Err(_) => {
                tracing::error!(call_id = %visit.call_id, "the evaluation panicked");
                Finding::Undecided(Cause::Fault("evaluation_panic"))
            }
        }
    }

    async fn carry_out(
        &self,
        ruling: Ruling,
        call_id: CallId,
        held_up: HeldUp,
        upgrade: OnUpgrade,
    ) -> Response<AnswerBody> {
        let permitted = match ruling {
            Ruling::Permit(permit) => Ok(permit),
            Ruling::Denial(denial) => Err(Box::new(denial)),
            Ruling::Pending(pending) => self.commit(pending).await,
        };
        let waited = held_up.waited;
        self.metrics.overhead_took(since(held_up.received).saturating_sub(waited));
        match permitted {
            Ok(permit) => self.forward(permit, call_id, upgrade).await,
            Err(denial) => reply::of_denial(*denial),
        }
    }

    async fn forward(
        &self,
        permit: Permit,
        call_id: CallId,
        upgrade: OnUpgrade,
    ) -> Response<AnswerBody> {
        let verdict = permit.verdict();
        let is_unrecorded = permit.is_unrecorded();
        let face = Face { call_id, verdict, disposition: Disposition::Forwarded };
        let response = match self.tools.send(permit).await {
            Ok(mut reply) => {
                if let Some(tunnel) = reply.tunnel.take() {
                    tunnel.carry(upgrade);
                }
                reply::of_tool(reply, face)
            }
            Err(failure) => {
                if let FailureKind::Caller(malformed) = failure.kind {
                    self.metrics.rejected(malformed.code());
                }
                reply::of_failure(*failure, call_id)
            }
        };
        if is_unrecorded { reply::unrecorded(response) } else { response }
    }
}

fn awaits_approval(case: &Case, judged: &Judged) -> bool {
    gate::awaits_approval(&case.lane, case.wish, judged.decision.verdict)
}

fn since(instant: Instant) -> Duration {
    clock::instant().saturating_duration_since(instant)
}
