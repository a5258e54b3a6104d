//! A call that wants an approval: find the words that were given, wait for some where its route says
//! so, take them, and have the call judged again.
//!
//! Nothing of the first look is believed in the end. Words are taken durably first; then the call
//! goes through all of its steps under the snapshot that is in force by then, and only if the same
//! intent under the same policy still wants an approval, and the words still stand, is there a proof
//! for the gate. Whatever else comes of it, the words are given back.
//!
//! Rejected: judging first and taking after, which would let a call run on words that stood when it
//! began to wait.

mod brought;

use super::hold::Hold;
use super::receive;
use super::steps::Visit;
use super::{Proxy, awaits_approval, since};
use crate::approval::{
    Bench, Changed, Code, Origin, Petition, Proof, Review, State, Subject, Token, Unfit, Word,
    review,
};
use crate::call::{Body, Call};
use crate::case::{Approved, Case, Cause, Finding, Judged, Lack, Unapproved, Waited, note_held};
use crate::clock;
use crate::intent::rest::REQUEST;
use crate::intent::time::Time;
use crate::snapshot::Snapshot;
use crate::store::approvals::{
    Ask, Claim, Claiming, Down, Standing, TokenShown, UNAVAILABLE, Unclaimed, Unfiled,
};
use brought::{petition, proof, recorded, shown, words};
use http::request::Parts;
use std::sync::Arc;
use std::time::Duration;

/// The same call runs at this moment.
const RUNNING: &str = "approval_running";
/// Somebody said no.
const DENIED: &str = "approval_denied";
/// A call before it ran on an approval, and nobody knows what became of it.
const OUTCOME_UNKNOWN: &str = "approval_outcome_unknown";
/// The name of the field is spelt in a way that others may take for another.
const SPELLING: &str = "approval_header_spelling";
/// Too many tokens, or too long ones.
const TOO_MUCH: &str = "approval_tokens_too_many";

/// The closed list of `gait_approval_refusals_total`.
pub fn reasons() -> Vec<&'static str> {
    let own = [RUNNING, DENIED, OUTCOME_UNKNOWN, SPELLING, TOO_MUCH];
    let unfiled = Unfiled::ALL.map(Unfiled::code);
    let words = [Code::WORDS, Unfit::WORDS, Changed::WORDS, &review::CODES, &unfiled, &own];
    let mut reasons = words.concat();
    reasons.sort_unstable();
    reasons
}

/// Where callers show tokens.
const HEADER: &str = "gait-approval";
/// A call that loses its words to another so often is refused.
const LOST_MAX: usize = 8;

/// What came of the search: the call, what is known of it by now, and how long it waited.
pub(super) struct Sought {
    pub(super) case: Case,
    pub(super) finding: Finding,
    pub(super) waited: Duration,
}

/// A call in search of an approval.
struct Search<'a> {
    proxy: &'a Proxy,
    parts: &'a Parts,
    visit: Visit,
    /// The tokens that the caller shows.
    shown: Vec<Token>,
}

/// One look at what there is.
struct Look {
    standing: Standing,
    words: Vec<Word>,
    review: Review,
}

/// Why there is nothing to look at.
enum Miss {
    /// There is no request, and none could be made.
    Unfiled(Unfiled),
    /// Nothing that the caller shows counts, for these reasons: nobody is asked for that.
    Worthless(Lack, Vec<&'static str>),
}

/// What a look says is to be done.
enum Next {
    /// Take the words.
    Claim,
    /// Wait, if the call may; else say that it waits.
    Wait,
    /// Refuse.
    Refuse(Lack),
}

impl Proxy {
    /// Searches an approval for a call that wants one.
    pub(super) async fn approve(
        &self,
        parts: &Parts,
        visit: Visit,
        case: Case,
        judged: Box<Judged>,
    ) -> Sought {
        let started = clock::instant();
        let (case, finding) = match shown(parts) {
            Ok(shown) => {
                let search = Search { proxy: self, parts, visit, shown };
                match search.bind(case, judged).await {
                    Ok((case, judged)) => search.run(case, judged).await,
                    Err(ended) => *ended,
                }
            }
            Err(code) => {
                let unapproved = refused(&visit.snapshot, proof(&case), vec![code]);
                (case, Finding::Unapproved(judged, Box::new(unapproved)))
            }
        };
        if let Finding::Unapproved(_, unapproved) = &finding {
            let codes = unapproved.codes.iter().filter(|code| **code != review::MISSING);
            codes.for_each(|code| self.approvals.refused(code));
        }
        Sought { case, finding, waited: since(started) }
    }
}

impl Search<'_> {
    /// Makes sure that the intent holds the digest of the request: only where the operation is
    /// protected did it from the start.
    async fn bind(
        &self,
        case: Case,
        judged: Box<Judged>,
    ) -> Result<(Case, Box<Judged>), Box<(Case, Finding)>> {
        if judged.intent.context().auth_context.contains_key(REQUEST) {
            return Ok((case, judged));
        }
        let plan = &self.visit.snapshot.plan;
        let Case { call, record, lane, caller, .. } = case;
        let (head, body) = call.into_parts();
        let budget = &self.proxy.budget;
        let reserved = &self.visit.snapshot.reserved;
        let whole = receive::rest(body, reserved, budget, &plan.limits, &plan.timeouts).await;
        let (placed, cause) = match whole {
            Ok(body) => (self.visit.again(self.parts, body, self.proxy.stage_time()), None),
            Err(unjudged) => {
                let call = Call::new(head, unjudged.body);
                (self.visit.undecided(call, &lane, unjudged.cause.clone()), Some(unjudged.cause))
            }
        };
        let finding = match cause {
            Some(cause) => Finding::Undecided(cause),
            None => self.proxy.find(&self.visit, &placed, None),
        };
        // Who calls was asked before the body, and is told also where that broke off.
        let case = match &finding {
            Finding::Undecided(Cause::Caller(_)) | Finding::Decided(_) => {
                self.visit.case(placed, record)
            }
            _ => Case { caller, ..self.visit.case(placed, record) },
        };
        match finding {
            Finding::Decided(judged) if awaits_approval(&case, &judged) => Ok((case, judged)),
            finding => Err(Box::new((case, finding))),
        }
    }

    /// Looks, takes, waits, until there is an answer.
    async fn run(&self, mut case: Case, judged: Box<Judged>) -> (Case, Finding) {
        let mut hold = Hold::new(self.proxy, &self.visit.snapshot, &case, proof(&case));
        let mut lost = 0;
        loop {
            let look = match self.look(&case, &judged).await {
                Ok(look) => look,
                Err(Miss::Unfiled(unfiled)) => return self.unfiled(case, judged, unfiled),
                Err(Miss::Worthless(lack, codes)) => {
                    let refused = refused(&self.visit.snapshot, proof(&case), codes);
                    let unapproved = Unapproved { lack, ..refused };
                    return (case, Finding::Unapproved(judged, Box::new(unapproved)));
                }
            };
            match self.next(&look) {
                Next::Claim if lost < LOST_MAX => {
                    match self.claim(&case, &look).await {
                        Ok(claim) => return self.dispatch(case, look, claim),
                        Err(Unclaimed::Down) => {
                            return self.unfiled(case, judged, Unfiled::Down);
                        }
                        // Somebody was quicker, or it is over: look again.
                        Err(Unclaimed::Spent | Unclaimed::Over) => lost += 1,
                    }
                }
                Next::Claim => return self.end(case, judged, &look, Lack::Spent, Waited::No),
                Next::Refuse(lack) => return self.end(case, judged, &look, lack, hold.waited()),
                Next::Wait => {
                    if hold.is_open() {
                        let Standing { id, expires_at, .. } = &look.standing;
                        note_held(&mut case, &judged, id, *expires_at);
                    }
                    let waiter = || self.proxy.desk.waiter(&look.standing.id);
                    if !hold.wait(&look.standing.id, waiter, &self.proxy.draining).await {
                        let lack = match look.standing.state {
                            State::Running => Lack::Spent,
                            _ => Lack::Pending,
                        };
                        return self.end(case, judged, &look, lack, hold.waited());
                    }
                }
            }
        }
    }

    /// Asks how the petition stands, and holds all words that there are against it.
    async fn look(&self, case: &Case, judged: &Judged) -> Result<Look, Miss> {
        let proof = proof(case);
        let petition = Arc::new(petition(&self.visit.snapshot, case, judged, proof));
        self.weigh(&petition).await?;
        let tokens = self.shown.iter().map(TokenShown::of).collect();
        let ask = Ask { petition: petition.clone(), tokens };
        let standing = self.proxy.desk.ask(ask).await.map_err(Miss::Unfiled)?;
        let mut words = words(&self.shown, &standing.known);
        words.extend(recorded(&standing, proof));
        let review = self.review(&self.visit.snapshot, &petition, &words);
        Ok(Look { standing, words, review })
    }

    /// Holds what the caller shows against the petition before anybody is asked: what is worth
    /// nothing makes no request.
    async fn weigh(&self, petition: &Petition) -> Result<(), Miss> {
        if self.shown.is_empty() {
            return Ok(());
        }
        let named = self.shown.iter().filter_map(Token::intent_digest);
        let others = named.filter(|digest| *digest != petition.wanted.intent_digest).collect();
        let tokens = self.shown.iter().map(TokenShown::of).collect();
        let recalled = self.proxy.desk.recall(tokens, others).await;
        let recalled = recalled.map_err(|Down| Miss::Unfiled(Unfiled::Down))?;
        let words = words(&self.shown, &recalled.known);
        let review = self.review(&self.visit.snapshot, petition, &words);
        if review.valid > 0 {
            return Ok(());
        }
        let spent = words.iter().any(|word| word.origin == Origin::Spent);
        let changed = recalled.others.iter().flat_map(|other| petition.shape.changed_since(other));
        let mut codes = review.reason_codes();
        codes.extend(changed.map(Changed::as_str));
        codes.sort_unstable();
        codes.dedup();
        Err(Miss::Worthless(if spent { Lack::Spent } else { Lack::Refused }, codes))
    }

    fn review(&self, snapshot: &Snapshot, petition: &Petition, words: &[Word]) -> Review {
        let bench = Bench {
            roster: &snapshot.plan.approvals.roster,
            gateway: self.proxy.desk.gateway(),
            wanted: &petition.wanted,
            subject: Subject {
                tool_name: &petition.tool_name,
                risk_class: &petition.risk_class,
                route: &petition.route,
                requester: &petition.requester,
            },
            demand: &petition.demand,
            now: Time::from_timestamp(clock::now()),
        };
        bench.review(words)
    }

    fn next(&self, look: &Look) -> Next {
        let is_refused = !self.shown.is_empty() && !look.review.refused.is_empty();
        let spent = look.words.iter().any(|word| word.origin == Origin::Spent);
        match look.standing.state {
            State::Denied => Next::Refuse(Lack::Denied),
            State::Running if !self.shown.is_empty() => Next::Refuse(Lack::Spent),
            State::Running => Next::Wait,
            _ if look.review.sanction.is_some() => Next::Claim,
            _ if spent => Next::Refuse(Lack::Spent),
            _ if is_refused => Next::Refuse(Lack::Refused),
            _ => Next::Wait,
        }
    }

    async fn claim(&self, case: &Case, look: &Look) -> Result<Claim, Unclaimed> {
        let Some(sanction) = look.review.sanction.clone() else { return Err(Unclaimed::Over) };
        let call_id = case.record.opening().call_id.to_string().into();
        let id = look.standing.id.clone();
        self.proxy.desk.claim(Claiming { id, call_id, sanction }).await
    }

    /// The words are taken: judges the call again, whole, under the snapshot in force now.
    fn dispatch(&self, case: Case, look: Look, claim: Claim) -> (Case, Finding) {
        let snapshot = self.proxy.snapshot.load_full();
        let visit = Visit { snapshot, ..self.visit.clone() };
        let Case { call, record, snapshot: asked_under, .. } = case;
        let (_, body): (_, Body) = call.into_parts();
        let placed = visit.again(self.parts, body, self.proxy.stage_time());
        let finding = self.proxy.find(&visit, &placed, Some(&claim));
        let case = Case { asked_under: Some(asked_under), ..visit.case(placed, record) };
        let mut judged = match finding {
            Finding::Decided(judged) if awaits_approval(&case, &judged) => judged,
            // It may go by itself by now, or it may not at all.
            finding => return (case, finding),
        };
        let petition = petition(&visit.snapshot, &case, &judged, proof(&case));
        let review = self.review(&visit.snapshot, &petition, &look.words);
        match review.sanction {
            Some(sanction) => {
                judged.approved = Some(Approved { claim, sanction });
                (case, Finding::Decided(judged))
            }
            None => {
                let unapproved = refused(&visit.snapshot, proof(&case), review.reason_codes());
                (case, Finding::Unapproved(judged, Box::new(unapproved)))
            }
        }
    }

    fn unfiled(&self, case: Case, judged: Box<Judged>, unfiled: Unfiled) -> (Case, Finding) {
        let lack = match unfiled {
            Unfiled::Full | Unfiled::Down => Lack::Unknown,
            Unfiled::FullForCaller => Lack::Crowded,
        };
        let refused = refused(&self.visit.snapshot, proof(&case), vec![unfiled.code()]);
        (case, Finding::Unapproved(judged, Box::new(Unapproved { lack, ..refused })))
    }

    fn end(
        &self,
        case: Case,
        judged: Box<Judged>,
        look: &Look,
        lack: Lack,
        waited: Waited,
    ) -> (Case, Finding) {
        let Look { standing, review, .. } = look;
        let mut codes = review.reason_codes();
        codes.extend(match lack {
            Lack::Denied => Some(DENIED),
            Lack::Spent if standing.state == State::Running => Some(RUNNING),
            _ => None,
        });
        // Approved calls of which nobody knows what became of them are worth a word.
        codes.extend((standing.before == Some(State::Unknown)).then_some(OUTCOME_UNKNOWN));
        codes.sort_unstable();
        codes.dedup();
        let denied = standing.denied.as_ref();
        let unapproved = Unapproved {
            lack,
            codes,
            request: Some(standing.id.clone()),
            expires_at: Some(standing.expires_at),
            count: (review.required, review.valid),
            denied: denied.map(|no| (no.approver.clone(), no.reason.clone())),
            proof: proof(&case),
            url: url(&self.visit.snapshot, standing),
            waited,
            ..refused(&self.visit.snapshot, proof(&case), Vec::new())
        };
        (case, Finding::Unapproved(judged, Box::new(unapproved)))
    }
}

/// A call that nobody has asked an approval for yet.
pub(super) fn unasked(snapshot: &Snapshot) -> Unapproved {
    let codes = vec![review::MISSING];
    Unapproved { lack: Lack::Pending, ..refused(snapshot, Proof::Unproven, codes) }
}

/// A lack without a request.
fn refused(snapshot: &Snapshot, proof: Proof, codes: Vec<&'static str>) -> Unapproved {
    Unapproved {
        lack: if codes.contains(&UNAVAILABLE) { Lack::Unknown } else { Lack::Refused },
        codes,
        request: None,
        expires_at: None,
        count: (1, 0),
        denied: None,
        proof,
        url: None,
        retry_after: snapshot.plan.approvals.retry_after.as_secs().max(1),
        waited: Waited::No,
    }
}

/// Where people find the request.
fn url(snapshot: &Snapshot, standing: &Standing) -> Option<String> {
    let base = snapshot.plan.approvals.public_url.as_ref()?;
    Some(format!("{base}/#approval={}", standing.id))
}
