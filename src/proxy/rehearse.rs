//! One request through all of its steps, and nothing done: no socket, no line, no counter, no send.
//!
//! The steps and the gate are the proxy's own. What the gate permits is dropped, which sends
//! nothing; its counters and its record belong to nobody. Rejected: a second, simpler reading of
//! the config for people. It would be right about the easy requests alone.

use super::approve;
use super::needs::Needs;
use super::receive::{self, Unjudged};
use super::reply::{self, AnswerBody};
use super::steps::{Over, Placed, Visit, wish};
use crate::call::body::Content;
use crate::call::peer::Peer;
use crate::call::{Body, Call, Head, Malformed};
use crate::case::{Bar, Case, Cause, Finding, Judged};
use crate::clock;
use crate::evidence::{CallId, Record};
use crate::gate::{self, Denial, Ruling};
use crate::identity::{Known, Refusal};
use crate::intent::Intent;
use crate::intent::miss::Miss;
use crate::intent::routes::Candidate;
use crate::intent::time::Time;
use crate::json::Digest;
use crate::metrics::{self, Metrics};
use crate::policy::{Decision, Policy};
use crate::snapshot::{Lane, Plan, Snapshot};
use crate::stage::Disposition;
use crate::store::rate_limits::Live;
use crate::store::switch::{Face, Given, Switch};
use bytes::Bytes;
use http::request::Parts;
use http::{HeaderName, StatusCode, header};
use http_body_util::Full;
use jiff::Timestamp;
use serde_json::Value;
use std::sync::Arc;

/// What requests are rehearsed under.
pub struct Rehearsal {
    snapshot: Arc<Snapshot>,
    switch: Switch,
    limits: Live,
}

/// A request as it would come.
pub struct Scene {
    /// Its head.
    pub parts: Parts,
    /// Its whole body.
    pub body: Bytes,
    /// The other end of its connection.
    pub peer: Peer,
    /// When it comes.
    pub at: Timestamp,
}

/// What would become of it.
pub struct Rehearsed {
    /// The canonical target.
    pub target: String,
    /// The host that it names; empty where strictness cannot tell.
    pub host: String,
    /// Why strictness refuses it.
    pub malformed: Option<Malformed>,
    /// The routes before the one that it takes, and why they do not.
    pub misses: Vec<PassedBy>,
    /// Who calls, and how that is known.
    pub caller: Caller,
    /// Who calls, as its line says.
    pub identity: Option<Arc<str>>,
    /// Where it stands: a route, or a side lane.
    pub lane: Arc<Lane>,
    /// The decision, where there is one.
    pub found: Option<Found>,
    /// Why it is not simply forwarded.
    pub cause: Option<Cause>,
    /// What is done with it.
    pub disposition: Disposition,
    /// The answer in the tool's place, where it gets one.
    pub answer: Option<Answer>,
    /// The fields that the tool sees, where it is forwarded.
    pub fields: Vec<HeaderName>,
}

/// A route that does not take the request.
pub struct PassedBy {
    /// Its name.
    pub route: Arc<str>,
    /// What does not fit.
    pub miss: Miss,
}

/// Who calls, as far as it was asked.
pub enum Caller {
    /// It was not: strictness or routing came first.
    Unasked,
    /// Somebody, if only an anonymous one.
    Known(Known),
    /// Somebody who is not who it says, or nobody where somebody is wanted.
    Refused(Refusal),
}

/// A decision, for show.
pub struct Found {
    /// What the call wants to do.
    pub intent: Intent,
    /// What the policy says of it.
    pub decision: Decision,
    /// What blocks it beside the rules.
    pub bar: Option<Bar>,
    /// Which policy.
    pub policy_digest: Digest,
    /// Names the decision.
    pub trace_id: String,
}

/// What the caller gets in the tool's place.
pub struct Answer {
    /// Its status.
    pub status: StatusCode,
    /// Its members.
    pub problem: Value,
}

/// How it ends.
struct Ended {
    identity: Option<Arc<str>>,
    lane: Arc<Lane>,
    found: Option<Found>,
    cause: Option<Cause>,
    disposition: Disposition,
    answer: Option<Answer>,
}

/// A request that has its place.
struct Set {
    placed: Placed,
    caller: Caller,
    malformed: Option<Malformed>,
    misses: Vec<(usize, Miss)>,
}

// === impl Rehearsal ===

impl Rehearsal {
    /// Sets a config up, with counters that begin at none.
    pub fn new(plan: Plan, policy: Policy, orders: Option<Given>) -> Rehearsal {
        let series = metrics::Limits { series_max: plan.limits.metric_series };
        let snapshot = Snapshot::build(plan, policy, &Metrics::new(series, &[]));
        Rehearsal {
            snapshot: Arc::new(snapshot),
            switch: Switch::new(orders),
            limits: Live::unkept(),
        }
    }

    /// The config that it stands on.
    pub fn plan(&self) -> &Plan {
        &self.snapshot.plan
    }

    /// Whether orders to stop are followed, and how many are in force.
    pub fn orders(&self, at: Timestamp) -> (Face, usize) {
        self.switch.face(Time::from_timestamp(at))
    }

    /// Takes one request through all of its steps.
    pub fn rehearse(&self, scene: Scene) -> Rehearsed {
        let Scene { parts, body, peer, at } = scene;
        let visit = Visit {
            snapshot: self.snapshot.clone(),
            call_id: CallId::fresh(at),
            received: clock::instant(),
            now: at,
            wish: wish(&parts.headers),
            peer: Arc::new(peer),
        };
        let set = visit.set(&parts, body, at);
        let finding = self.find(&visit, &set.placed, at);
        let head = set.placed.call.head().clone();
        let record = Record::unrecorded(visit.opening(&set.placed.call));
        let Set { placed, caller, malformed, misses } = set;
        let caller = caller.settled(&finding);
        let ended = Ended::of(visit.case(placed, record), finding);
        let passed_by = |(at, miss): (usize, Miss)| {
            let route = self.snapshot.table.get(at)?.common().name.clone();
            Some(PassedBy { route, miss })
        };
        Rehearsed {
            target: head.target().as_str().to_owned(),
            host: head.authority().as_str().to_owned(),
            malformed,
            misses: misses.into_iter().filter_map(passed_by).collect(),
            caller,
            fields: ended.fields(head),
            identity: ended.identity,
            lane: ended.lane,
            found: ended.found,
            cause: ended.cause,
            disposition: ended.disposition,
            answer: ended.answer,
        }
    }

    fn find(&self, visit: &Visit, placed: &Placed, at: Timestamp) -> Finding {
        let over = Over { switch: &self.switch, limits: &self.limits, claim: None };
        let judged = placed.matter().and_then(|matter| visit.decide(&matter, &over, || at));
        match judged {
            Ok(judged) => self.decided(placed, visit, Box::new(judged)),
            Err(cause) => Finding::Undecided(cause),
        }
    }
}

impl Rehearsal {
    /// No store of approvals is asked, so a call that wants one has none.
    fn decided(&self, placed: &Placed, visit: &Visit, judged: Box<Judged>) -> Finding {
        match gate::awaits_approval(&placed.lane, visit.wish, judged.decision.verdict) {
            true => Finding::Unapproved(judged, Box::new(approve::unasked(&self.snapshot))),
            false => Finding::Decided(judged),
        }
    }
}

// === impl Visit ===

impl Visit {
    fn set(&self, parts: &Parts, bytes: Bytes, at: Timestamp) -> Set {
        let (head, candidates) = match self.read(parts, &Full::new(bytes.clone())) {
            Ok(read) => read,
            Err(stray) => {
                let malformed = match &stray.cause {
                    Cause::Malformed(malformed) => Some(*malformed),
                    _ => None,
                };
                let end = if malformed.is_some() { 0 } else { usize::MAX };
                let misses = self.snapshot.routes.misses(&stray.head, &Content::None, end);
                let call = Call::new(stray.head, Body::of_bytes(bytes));
                let placed = self.undecided(call, &stray.lane, stray.cause);
                return Set { placed, caller: Caller::Unasked, malformed, misses };
            }
        };
        match self.sender(parts, &candidates, at) {
            Ok(sender) => {
                let known = sender.known.clone();
                let set = self.chosen(&known, head, candidates, bytes);
                Set { placed: set.placed.by(sender), caller: Caller::Known(known), ..set }
            }
            Err(refusal) if self.may_observe(&candidates) => {
                let set = self.chosen(&self.nobody(), head, candidates, bytes);
                let caller = Caller::Refused(refusal);
                Set { placed: set.placed.refused(refusal), caller, ..set }
            }
            Err(refusal) => {
                let end = candidates.first().map_or(0, |first| first.route);
                let misses = self.snapshot.routes.misses(&head, &Content::None, end);
                let lane = self.first(&self.nobody(), &candidates);
                let cause = Cause::Caller(refusal);
                let placed = self.undecided(Call::new(head, Body::of_bytes(bytes)), lane, cause);
                Set { placed, caller: Caller::Refused(refusal), malformed: None, misses }
            }
        }
    }

    fn chosen(&self, known: &Known, head: Head, candidates: Vec<Candidate>, bytes: Bytes) -> Set {
        let needs = Needs::of(&self.snapshot, &head, &candidates);
        let limits = &self.snapshot.plan.limits;
        let unjudged = |cause, bytes| Unjudged { cause, body: Body::of_bytes(bytes) };
        let read = receive::given(bytes.clone(), &needs.buffer, limits)
            .and_then(|body| Ok((needs.settle(&head, &body)?, body)))
            .map(|(content, body)| (body, content))
            .map_err(|cause| unjudged(cause, bytes));
        let content = read.as_ref().map_or(Content::None, |(_, content)| content.clone());
        let malformed = match &read {
            Err(Unjudged { cause: Cause::Malformed(malformed), .. }) => Some(*malformed),
            _ => None,
        };
        let seen = head.clone();
        let placed = self.choose(known, head, candidates, read);
        let table = &self.snapshot.table;
        let taken = table.iter().position(|route| route.common().name == placed.lane.name);
        let misses = self.snapshot.routes.misses(&seen, &content, taken.unwrap_or(usize::MAX));
        Set { placed, caller: Caller::Unasked, malformed, misses }
    }
}

// === impl Caller ===

impl Caller {
    /// A route that the body chose may want somebody after all.
    fn settled(self, finding: &Finding) -> Caller {
        match finding {
            Finding::Undecided(Cause::Caller(refusal)) => Caller::Refused(*refusal),
            _ => self,
        }
    }
}

// === impl Found ===

impl Found {
    fn of(judged: &Judged) -> Found {
        Found {
            intent: judged.intent.clone(),
            decision: judged.decision.clone(),
            bar: judged.bar,
            policy_digest: judged.policy_digest,
            trace_id: judged.trace_id.clone(),
        }
    }
}

// === impl Ended ===

impl Ended {
    /// Asks the gate. What it permits goes nowhere from here.
    fn of(case: Case, finding: Finding) -> Ended {
        let (lane, identity) =
            (case.lane.clone(), case.caller.as_ref().map(|caller| caller.identity.clone()));
        let (found, cause) = match &finding {
            Finding::Decided(judged) | Finding::Unapproved(judged, _) => {
                (Some(Found::of(judged)), None)
            }
            Finding::Undecided(cause) => (None, Some(cause.clone())),
        };
        match gate::judge(case, finding) {
            Ruling::Denial(denial) => {
                let (cause, disposition) = (Some(denial.cause().clone()), denial.disposition());
                let answer = Some(Answer::of(denial));
                Ended { identity, lane, found, cause, disposition, answer }
            }
            Ruling::Permit(_) | Ruling::Pending(_) => {
                let disposition = Disposition::Forwarded;
                Ended { identity, lane, found, cause, disposition, answer: None }
            }
        }
    }

    /// What the tool sees beside the body.
    fn fields(&self, head: Head) -> Vec<HeaderName> {
        if self.disposition != Disposition::Forwarded {
            return Vec::new();
        }
        let (mut fields, _) = head.into_fields(self.lane.credential);
        let upstream = self.lane.upstream.as_ref();
        if let Some(credential) = upstream.and_then(|upstream| upstream.credential.as_ref()) {
            credential.put_into(&mut fields);
        }
        let mut names: Vec<HeaderName> = fields.keys().cloned().chain([header::HOST]).collect();
        names.sort_unstable_by(|one, other| one.as_str().cmp(other.as_str()));
        names.dedup();
        names
    }
}

// === impl Answer ===

impl Answer {
    fn of(denial: Denial) -> Answer {
        let response = reply::of_denial(denial);
        let status = response.status();
        let problem = match response.into_body() {
            AnswerBody::Own(Some(bytes)) => serde_json::from_slice(&bytes).unwrap_or_default(),
            AnswerBody::Own(None) | AnswerBody::Tool(_) => Value::Null,
        };
        Answer { status, problem }
    }
}
