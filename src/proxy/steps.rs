//! The steps of a request that need no socket: strictness, candidates, identity, choice, intent,
//! decision.
//!
//! The proxy takes them around reading a body and keeping evidence; a rehearsal takes the same
//! ones over what it was given. Nothing in here waits, counts or records, so that both cannot but
//! agree.

use super::decide::{self, Bench};
use super::delegation::Sender;
use super::receive::Unjudged;
use super::way;
use crate::call::body::Content;
use crate::call::headers::fold;
use crate::call::peer::Peer;
use crate::call::{Body, Call, Head, Malformed};
use crate::case::{Author, Case, Cause, Judged, Wish};
use crate::delegation::Mandate;
use crate::evidence::{CallId, Opening, Record};
use crate::identity::{Asked, Known, Refusal, Refused};
use crate::intent::pattern::Captures;
use crate::intent::rest::Binding;
use crate::intent::routes::{Candidate, Choice};
use crate::intent::time::Time;
use crate::json::Digest;
use crate::snapshot::{Anonymous, Lane, Route, Snapshot};
use crate::stage::{Seat, Stage};
use crate::store::approvals::Claim;
use crate::store::rate_limits::Live;
use crate::store::switch::Switch;
use http::HeaderMap;
use http::request::Parts;
use jiff::Timestamp;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// One request under one snapshot.
#[derive(Clone)]
pub(super) struct Visit {
    pub(super) snapshot: Arc<Snapshot>,
    pub(super) call_id: CallId,
    pub(super) received: Instant,
    /// When it was there as far as it is judged: what stage holds for it is asked for this instant.
    pub(super) now: Timestamp,
    pub(super) wish: Wish,
    pub(super) peer: Arc<Peer>,
}

/// A request that ends in a side lane before its body is looked at.
pub(super) struct Stray {
    pub(super) head: Head,
    pub(super) lane: Arc<Lane>,
    pub(super) cause: Cause,
}

/// A request that has found its lane, or why it has not.
pub(super) struct Placed {
    pub(super) call: Call,
    pub(super) lane: Arc<Lane>,
    pub(super) step: Step,
    /// Who calls; nobody in particular where it was not asked.
    pub(super) known: Known,
    /// The tokens that say in whose name.
    pub(super) mandate: Option<Mandate>,
    /// How long the caller took to send a body that is judged.
    pub(super) waited: Duration,
    /// Whether its intent is bound to its bytes also where the route does not ask for that.
    pub(super) binding: Binding,
}

/// What is to be done in the lane.
pub(super) enum Step {
    /// Draft, normalise, decide.
    Judge { route: usize, captures: Captures, content: Content },
    /// There is nothing to decide on.
    Undecided(Cause),
}

/// What an intent is drafted from.
pub(super) struct Matter<'a> {
    call: &'a Call,
    lane: &'a Lane,
    known: &'a Known,
    mandate: Option<&'a Mandate>,
    route: usize,
    captures: &'a Captures,
    content: &'a Content,
    binding: Binding,
}

/// What stands over the rules.
pub(super) struct Over<'a> {
    pub(super) switch: &'a Switch,
    pub(super) limits: &'a Live,
    /// The words that were taken for the call, where it runs on an approval.
    pub(super) claim: Option<&'a Claim>,
}

/// Whether the caller asks for a dry run: any spelling of the name, any value but `false`.
pub(super) fn wish(headers: &HeaderMap) -> Wish {
    let asked = headers
        .iter()
        .filter(|(name, _)| fold(name.as_str()) == "gait-dry-run")
        .any(|(_, value)| value.as_bytes() != b"false");
    if asked { Wish::DryRun } else { Wish::None }
}

// === impl Visit ===

impl Visit {
    /// Strictness, and the routes that could match. Of the body it only asks whether there is one.
    pub(super) fn read(
        &self,
        parts: &Parts,
        body: &impl http_body::Body,
    ) -> Result<(Head, Vec<Candidate>), Box<Stray>> {
        let (snapshot, plan) = (&self.snapshot, &self.snapshot.plan);
        let stray =
            |head, lane: &Arc<Lane>, cause| Box::new(Stray { head, lane: lane.clone(), cause });
        let read = Head::read(parts, &plan.hosts);
        let read = read.and_then(|head| head.takes(body).map(|()| head));
        let mut head = read.map_err(|malformed| {
            let mut head = Head::as_came(parts);
            way::prepare(&mut head, parts, self.call_id, &self.peer, plan);
            stray(head, &snapshot.refused, Cause::Malformed(malformed))
        })?;
        way::prepare(&mut head, parts, self.call_id, &self.peer, plan);
        let candidates = snapshot.routes.candidates(&head);
        match candidates.is_empty() {
            true => Err(stray(head, &snapshot.unmapped, Cause::Unmapped)),
            false => Ok((head, candidates)),
        }
    }

    /// Who calls.
    pub(super) fn identify(&self, parts: &Parts, now: Timestamp) -> Result<Known, Refused> {
        let plan = &self.snapshot.plan;
        if !plan.vouches_for(&self.peer, now) {
            return Err(Refusal::CertificateWithdrawn.into());
        }
        let now = Time::from_timestamp(now);
        plan.identity.identify(&Asked { peer: &self.peer, headers: &parts.headers, now })
    }

    /// Who made a call that no route takes, as far as that can be told at once: no key is fetched for
    /// it.
    pub(super) fn astray(&self, cause: &Cause, parts: &Parts, now: Timestamp) -> Known {
        let known = match cause {
            Cause::Unmapped => self.identify(parts, now).ok(),
            _ => None,
        };
        known.unwrap_or_else(|| self.nobody())
    }

    /// Refuses nobody in particular where every route that could match wants somebody, before
    /// any of the body is asked for.
    pub(super) fn admit(&self, known: Known, candidates: &[Candidate]) -> Result<Known, Refusal> {
        let table = &self.snapshot.table;
        let mut routes = candidates.iter().filter_map(|one| table.get(one.route));
        match known.is_anonymous() && routes.all(|route| !takes_anybody(route.common())) {
            true => Err(Refusal::CredentialsMissing),
            false => Ok(known),
        }
    }

    /// Who calls, and in whose name. Keys that are fetched are not: nothing is sent.
    pub(super) fn sender(
        &self,
        parts: &Parts,
        candidates: &[Candidate],
        at: Timestamp,
    ) -> Result<Sender, Refusal> {
        let known = self.identify(parts, at).map_err(|refused| refused.refusal)?;
        let known = self.admit(known, candidates)?;
        self.mandate(known, parts, Time::from_timestamp(at))
    }

    /// In whose name `known` calls.
    pub(super) fn mandate(
        &self,
        known: Known,
        parts: &Parts,
        now: Time,
    ) -> Result<Sender, Refusal> {
        Sender::read(known, &parts.headers, &self.snapshot.plan.delegation, now)
    }

    /// Asks the conditions of the candidates, once as much of the body is there as they need.
    pub(super) fn choose(
        &self,
        known: &Known,
        head: Head,
        candidates: Vec<Candidate>,
        read: Result<(Body, Content), Unjudged>,
    ) -> Placed {
        match read {
            Ok((body, content)) => {
                let choice = self.snapshot.routes.choose(candidates, &head, &content);
                self.by_choice(known, choice, Call::new(head, body), content)
            }
            Err(Unjudged { cause, body }) => {
                self.undecided(Call::new(head, body), self.first(known, &candidates), cause)
            }
        }
    }

    /// The decision on a call, with all that stands over it.
    pub(super) fn decide(
        &self,
        matter: &Matter<'_>,
        over: &Over<'_>,
        now: impl FnOnce() -> Timestamp,
    ) -> Result<Judged, Cause> {
        let Matter { call, lane, known, captures, content, mandate, binding, .. } = matter;
        let snapshot = &self.snapshot;
        let route = snapshot.table.get(matter.route).ok_or(Cause::Fault("route_missing"))?;
        let intent = decide::intent(route, call, known, captures, content, *binding)?;
        let Over { switch, limits, claim } = *over;
        let bench = Bench { snapshot, lane, wish: self.wish, switch, limits, claim };
        bench.judge(intent, *mandate, now())
    }

    /// What its line begins with.
    pub(super) fn opening(&self, call: &Call) -> Opening {
        Opening {
            call_id: self.call_id,
            method: call.head().method().clone(),
            target_digest: Digest::of(call.head().target().as_str().as_bytes()),
            received: self.received,
            spans: call.head().spans(),
        }
    }

    /// What is brought before the gate.
    pub(super) fn case(&self, placed: Placed, record: Record) -> Case {
        Case {
            caller: placed.author(),
            call: placed.call,
            record,
            lane: placed.lane,
            wish: self.wish,
            snapshot: self.snapshot.id.clone(),
            asked_under: None,
        }
    }

    fn placed(&self, call: Call, lane: &Arc<Lane>, step: Step) -> Placed {
        let known = self.nobody();
        let (mandate, waited, binding) = (None, Duration::ZERO, Binding::None);
        Placed { call, lane: lane.clone(), step, known, mandate, waited, binding }
    }

    pub(super) fn undecided(&self, call: Call, lane: &Arc<Lane>, cause: Cause) -> Placed {
        self.placed(call, lane, Step::Undecided(cause))
    }

    /// Nobody in particular, as whom every caller counts that is refused.
    pub(super) fn nobody(&self) -> Known {
        self.snapshot.plan.identity.nobody()
    }

    /// Whether a call of a caller that is refused can take a route that observes it. There even
    /// that one goes on, so its body is read as that of any other.
    pub(super) fn may_observe(&self, candidates: &[Candidate]) -> bool {
        let table = &self.snapshot.table;
        let mut routes = candidates.iter().filter_map(|one| table.get(one.route));
        routes.any(|route| route.lane(self.now, || Seat::Unknown).stage == Stage::Observe)
    }

    /// Where a call stands whose route cannot be told: with the first that could match.
    pub(super) fn first(&self, known: &Known, candidates: &[Candidate]) -> &Arc<Lane> {
        let first = candidates.first().and_then(|first| self.snapshot.table.get(first.route));
        first.map_or(&self.snapshot.refused, |route| self.unreadable(route, known))
    }

    fn by_choice(&self, known: &Known, choice: Choice, call: Call, content: Content) -> Placed {
        let snapshot = &self.snapshot;
        let missing = || Cause::Fault("route_missing");
        match choice {
            Choice::Unmapped => self.undecided(call, &snapshot.unmapped, Cause::Unmapped),
            Choice::Unreadable(route, code) => match snapshot.table.get(route) {
                Some(route) => {
                    self.undecided(call, self.unreadable(route, known), Cause::Unreadable(code))
                }
                None => self.undecided(call, &snapshot.refused, missing()),
            },
            Choice::Route(route, captures) => match snapshot.table.get(route) {
                Some(found) => {
                    let lane = found.lane(self.now, || self.seat(found, known));
                    if lane.refuses_upgrade(call.head()) {
                        let refused = Cause::Malformed(Malformed::UpgradeRefused);
                        return self.undecided(call, lane, refused);
                    }
                    self.placed(call, lane, Step::Judge { route, captures, content })
                }
                None => self.undecided(call, &snapshot.refused, missing()),
            },
        }
    }

    fn unreadable<'a>(&'a self, route: &'a Route, known: &Known) -> &'a Arc<Lane> {
        route.unreadable(self.now, || self.seat(route, known))
    }

    /// The seat of a caller on a route. Who is nobody in particular has none.
    fn seat(&self, route: &Route, known: &Known) -> Seat {
        match &self.snapshot.plan.seats {
            Some(key) if !known.is_anonymous() => {
                key.seat(&known.source, known.caller.identity(), &route.common().name)
            }
            _ => Seat::Unknown,
        }
    }
}

// === impl Placed ===

impl Placed {
    pub(super) fn by(self, sender: Sender) -> Placed {
        let Sender { known, mandate } = sender;
        Placed { known, mandate, ..self }
    }

    /// Who calls, unless what it showed was wrong: that is nobody, and not nobody in particular.
    fn author(&self) -> Option<Author> {
        let Placed { known, step, .. } = self;
        match step {
            Step::Undecided(Cause::Caller(refusal)) if *refusal != Refusal::CredentialsMissing => {
                None
            }
            _ => Some(Author {
                identity: known.caller.identity().into(),
                source: (!known.is_anonymous()).then(|| known.source.clone()),
            }),
        }
    }

    /// The same with a caller who is refused. Not even observe completes what broke off.
    pub(super) fn refused(self, refusal: Refusal) -> Placed {
        match self.step {
            Step::Undecided(Cause::Malformed(Malformed::BodyIncomplete)) => self,
            _ => Placed { step: Step::Undecided(Cause::Caller(refusal)), ..self },
        }
    }

    /// Whether the call offers another protocol that its route does not take. In observe it goes
    /// on all the same, without the offer.
    pub(super) fn offers_in_vain(&self) -> bool {
        let refused = Malformed::UpgradeRefused;
        let on_route = match &self.step {
            Step::Judge { .. } => true,
            Step::Undecided(cause) => *cause == Cause::Malformed(refused),
        };
        on_route && !self.lane.takes(self.call.head())
    }

    /// What is to be judged, or why nothing is.
    pub(super) fn matter(&self) -> Result<Matter<'_>, Cause> {
        let Placed { call, known, mandate, .. } = self;
        match &self.step {
            Step::Undecided(cause) => Err(cause.clone()),
            Step::Judge { .. } if known.is_anonymous() && !takes_anybody(&self.lane) => {
                Err(Cause::Caller(Refusal::CredentialsMissing))
            }
            Step::Judge { route, captures, content } => {
                let mandate = mandate.as_ref();
                let (route, binding, lane) = (*route, self.binding, &*self.lane);
                Ok(Matter { call, lane, known, mandate, route, captures, content, binding })
            }
        }
    }
}

fn takes_anybody(lane: &Lane) -> bool {
    lane.anonymous == Anonymous::Allow
}
