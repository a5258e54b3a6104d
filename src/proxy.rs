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
mod decide;
mod domains;
mod reply;
mod way;

pub use reply::AnswerBody;

use crate::call::body::Content;
use crate::call::headers::fold;
use crate::call::peer::Peer;
use crate::call::{Body, Call, Head, Malformed};
use crate::case::{Case, Cause, Finding, Wish};
use crate::clock;
use crate::evidence::{CallId, Ledger, Opening, Record};
use crate::gate::{self, Denial, Pending, Permit, Ruling};
use crate::identity::{Asked, Known, Refusal};
use crate::intent::pattern::Captures;
use crate::intent::routes::{Candidate, Choice};
use crate::intent::time::Time;
use crate::json::Digest;
use crate::limits::Budget;
use crate::metrics::Metrics;
use crate::snapshot::{Anonymous, Lane, Snapshot};
use crate::stage::{Disposition, Stage};
use crate::store::rate_limits::Live;
use crate::store::switch::Switch;
use crate::upstream::{FailureKind, Tools};
use arc_swap::ArcSwap;
use decide::Bench;
use futures_util::FutureExt as _;
use http::{HeaderMap, Request, Response, request::Parts};
use hyper::body::Incoming;
use hyper::upgrade::OnUpgrade;
use needs::{Buffer, Needs, Overrides};
use receive::Unjudged;
use reply::Face;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Refusals of ours that leave no evidence line, because there is no room for one or no route.
pub const FAULTS: [&str; 3] = [EVIDENCE_UNAVAILABLE, DRAINING, PANIC];
const EVIDENCE_UNAVAILABLE: &str = "evidence_unavailable";
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
    /// What is counted.
    pub metrics: Metrics,
    /// What all buffered bodies share.
    pub budget: Budget,
    /// The orders to stop.
    pub switch: Arc<Switch>,
    /// What was counted against limits.
    pub limits: Arc<Live>,
    /// Set once the listeners are closed.
    pub draining: Arc<AtomicBool>,
}

/// One request under one snapshot.
struct Visit {
    snapshot: Arc<Snapshot>,
    call_id: CallId,
    received: Instant,
    wish: Wish,
    peer: Arc<Peer>,
}

/// A request that has found its lane, or why it has not.
struct Placed {
    call: Call,
    lane: Arc<Lane>,
    step: Step,
    /// Who calls; nobody in particular where it was not asked.
    known: Known,
    /// How long the caller took to send a body that is judged.
    waited: Duration,
}

/// What gait itself adds to a call: all the time before it is sent or refused, but for the time
/// that the caller took.
struct HeldUp {
    received: Instant,
    waited: Duration,
}

/// What is to be done in the lane.
enum Step {
    /// Draft, normalise, decide.
    Judge { route: usize, captures: Captures, content: Content },
    /// There is nothing to decide on.
    Undecided(Cause),
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
        let visit = Visit {
            snapshot: self.snapshot.load_full(),
            call_id,
            received: clock::instant(),
            wish: wish(&parts.headers),
            peer,
        };
        let placed = self.place(&visit, &parts, incoming).await;
        let held_up = HeldUp { received: visit.received, waited: placed.waited };
        let ruling = self.judge(&visit, placed);
        self.carry_out(ruling, call_id, held_up, upgrade).await
    }

    /// Strictness and routing: finds the lane of a request.
    async fn place(&self, visit: &Visit, parts: &Parts, incoming: Incoming) -> Placed {
        let (snapshot, plan) = (&visit.snapshot, &visit.snapshot.plan);
        let read = Head::read(parts, &plan.hosts);
        let mut head = match read.and_then(|head| head.takes(&incoming).map(|()| head)) {
            Ok(head) => head,
            Err(malformed) => {
                self.metrics.rejected(malformed.code());
                let mut head = Head::as_came(parts);
                way::prepare(&mut head, parts, &visit.peer, plan);
                let call = Call::new(head, receive::stream(incoming));
                let cause = Cause::Malformed(malformed);
                return visit.undecided(call, &snapshot.refused, cause);
            }
        };
        way::prepare(&mut head, parts, &visit.peer, plan);
        let candidates = snapshot.routes.candidates(&head);
        if candidates.is_empty() {
            let call = Call::new(head, receive::stream(incoming));
            return visit.undecided(call, &snapshot.unmapped, Cause::Unmapped);
        }
        match self.identify(visit, parts, &candidates) {
            Ok(known) => {
                let placed = self.choose(visit, head, incoming, candidates).await;
                placed.by(known)
            }
            Err(refusal) => {
                let call = Call::new(head, receive::stream(incoming));
                visit.undecided(call, visit.first(&candidates), Cause::Caller(refusal))
            }
        }
    }

    /// Who calls, before any of the body is asked for.
    fn identify(
        &self,
        visit: &Visit,
        parts: &Parts,
        candidates: &[Candidate],
    ) -> Result<Known, Refusal> {
        let now = Time::from_timestamp(clock::now());
        let asked = Asked { peer: &visit.peer, headers: &parts.headers, now };
        let known = visit.snapshot.plan.identity.identify(&asked);
        let known = known.map_err(|refused| refused.refusal)?;
        let table = &visit.snapshot.table;
        let mut lanes = candidates.iter().filter_map(|one| table.get(one.route));
        match known.is_anonymous() && lanes.all(|route| route.lane.anonymous == Anonymous::Deny) {
            true => Err(Refusal::CredentialsMissing),
            false => Ok(known),
        }
    }

    /// Reads the body as far as the candidates need it, and asks their conditions.
    async fn choose(
        &self,
        visit: &Visit,
        head: Head,
        incoming: Incoming,
        candidates: Vec<Candidate>,
    ) -> Placed {
        let snapshot = &visit.snapshot;
        let started = clock::instant();
        let read = self.read(snapshot, &head, incoming, &candidates).await;
        let waited = since(started);
        let (body, content) = match read {
            Ok(read) => read,
            Err(unjudged) => {
                if let Cause::Malformed(malformed) = &unjudged.cause {
                    self.metrics.rejected(malformed.code());
                }
                let call = Call::new(head, unjudged.body);
                let lane = visit.first(&candidates);
                return Placed { waited, ..visit.undecided(call, lane, unjudged.cause) };
            }
        };
        let choice = snapshot.routes.choose(candidates, &head, &content);
        if visit.upgrade_is_refused(&choice, &head) {
            self.metrics.rejected(Malformed::UpgradeRefused.code());
        }
        let call = Call::new(head, body);
        Placed { waited, ..visit.by_choice(choice, call, content) }
    }

    /// The body, as far as it is needed, and what it says.
    async fn read(
        &self,
        snapshot: &Snapshot,
        head: &Head,
        incoming: Incoming,
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
        let content = needs.content(head, &body);
        match needs.asks_for_another_method(&body, &content) {
            true => Err(Unjudged { cause: Cause::Malformed(Malformed::MethodOverride), body }),
            false => Ok((body, content)),
        }
    }

    /// Reserves the record, finds the decision and asks the gate.
    fn judge(&self, visit: &Visit, placed: Placed) -> Ruling {
        let Placed { call, lane, step, known, .. } = placed;
        let (record, refused) = self.record(visit, &call, &lane);
        let finding = match (refused, step) {
            (Some(cause), _) => Finding::Undecided(cause),
            (None, Step::Undecided(cause)) => Finding::Undecided(cause),
            (None, Step::Judge { .. }) if known.is_anonymous() && !takes_anybody(&lane) => {
                Finding::Undecided(Cause::Caller(Refusal::CredentialsMissing))
            }
            (None, Step::Judge { route, captures, content }) => {
                self.find(visit, route, &call, &known, &captures, &content)
            }
        };
        let case = Case {
            call,
            record,
            lane,
            wish: visit.wish,
            snapshot: visit.snapshot.id.clone(),
            identity: known.caller.identity().into(),
        };
        gate::judge(case, finding)
    }

    /// Room in the log, or why the call may not go: in observe alone it goes unrecorded.
    fn record(&self, visit: &Visit, call: &Call, lane: &Lane) -> (Record, Option<Cause>) {
        let opening = Opening {
            call_id: visit.call_id,
            method: call.head().method().clone(),
            target_digest: Digest::of(call.head().target().as_str().as_bytes()),
            received: visit.received,
        };
        match self.ledger.open(opening.clone()) {
            Ok(record) => (record, None),
            Err(refusal) => {
                // Counted below; a line for each would let callers fill the disk that is short.
                tracing::debug!(%refusal, call_id = %visit.call_id, "a call cannot be recorded");
                let record = Record::unrecorded(opening);
                if lane.stage == Stage::Observe {
                    self.metrics.unrecorded();
                    return (record, None);
                }
                self.metrics.rejected(EVIDENCE_UNAVAILABLE);
                (record, Some(Cause::Fault(EVIDENCE_UNAVAILABLE)))
            }
        }
    }

    /// Draft → intent → decision. A panic in it is a fault like any other.
    fn find(
        &self,
        visit: &Visit,
        route: usize,
        call: &Call,
        known: &Known,
        captures: &Captures,
        content: &Content,
    ) -> Finding {
        let started = clock::instant();
        let found = catch_unwind(AssertUnwindSafe(|| {
            let snapshot = &visit.snapshot;
            let route = snapshot.table.get(route).ok_or(Cause::Fault("route_missing"))?;
            let intent = decide::intent(route, call, known, captures, content)?;
            let (switch, limits) = (&self.switch, &self.limits);
            let bench = Bench { snapshot, lane: &route.lane, wish: visit.wish, switch, limits };
            Ok(Finding::Decided(Box::new(bench.judge(intent, clock::now())?)))
        }));
        self.metrics.decision_took(since(started));
        match found {
            Ok(Ok(finding)) => finding,
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
            Ruling::Pending(pending) => commit(pending).await,
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
        let face = Face { call_id, verdict, disposition: Disposition::Forwarded };
        match self.tools.send(permit).await {
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
        }
    }
}

/// Makes the decision durable, then lets the gate make the permit.
async fn commit(mut pending: Pending) -> Result<Permit, Box<Denial>> {
    match pending.commit().await {
        Ok(committed) => pending.grant(committed),
        Err(error) => {
            tracing::warn!(%error, "a decision could not be made durable; its call is refused");
            Err(Box::new(pending.refuse(EVIDENCE_UNAVAILABLE)))
        }
    }
}

/// Whether the caller asks for a dry run: any spelling of the name, any value but `false`.
fn wish(headers: &HeaderMap) -> Wish {
    let asked = headers
        .iter()
        .filter(|(name, _)| fold(name.as_str()) == "gait-dry-run")
        .any(|(_, value)| value.as_bytes() != b"false");
    if asked { Wish::DryRun } else { Wish::None }
}

fn since(instant: Instant) -> Duration {
    clock::instant().saturating_duration_since(instant)
}

fn takes_anybody(lane: &Lane) -> bool {
    lane.anonymous == Anonymous::Allow
}

impl Placed {
    fn by(self, known: Known) -> Placed {
        Placed { known, ..self }
    }
}

impl Visit {
    fn placed(&self, call: Call, lane: &Arc<Lane>, step: Step) -> Placed {
        let known = self.snapshot.plan.identity.nobody();
        Placed { call, lane: lane.clone(), step, known, waited: Duration::ZERO }
    }

    fn undecided(&self, call: Call, lane: &Arc<Lane>, cause: Cause) -> Placed {
        self.placed(call, lane, Step::Undecided(cause))
    }

    /// Where a call stands whose route cannot be told: with the first that could match.
    fn first(&self, candidates: &[Candidate]) -> &Arc<Lane> {
        let first = candidates.first().and_then(|first| self.snapshot.table.get(first.route));
        first.map_or(&self.snapshot.refused, |route| &route.unreadable)
    }

    /// Whether the route does not let the call go over to what it offers. In observe the call goes
    /// on all the same, without the offer.
    fn upgrade_is_refused(&self, choice: &Choice, head: &Head) -> bool {
        let Choice::Route(route, _) = choice else { return false };
        self.snapshot.table.get(*route).is_some_and(|route| !route.lane.takes(head))
    }

    fn by_choice(&self, choice: Choice, call: Call, content: Content) -> Placed {
        let snapshot = &self.snapshot;
        let missing = || Cause::Fault("route_missing");
        match choice {
            Choice::Unmapped => self.undecided(call, &snapshot.unmapped, Cause::Unmapped),
            Choice::Unreadable(route, code) => match snapshot.table.get(route) {
                Some(route) => self.undecided(call, &route.unreadable, Cause::Unreadable(code)),
                None => self.undecided(call, &snapshot.refused, missing()),
            },
            Choice::Route(route, captures) => match snapshot.table.get(route) {
                Some(found)
                    if found.lane.stage != Stage::Observe && !found.lane.takes(call.head()) =>
                {
                    let refused = Cause::Malformed(Malformed::UpgradeRefused);
                    self.undecided(call, &found.lane, refused)
                }
                Some(found) => {
                    self.placed(call, &found.lane, Step::Judge { route, captures, content })
                }
                None => self.undecided(call, &snapshot.refused, missing()),
            },
        }
    }
}
