//! A petition finds its request, or becomes one.

use super::super::shelf::{Fault, Key, Record};
use super::super::{
    Ask, Entry, Known, Recalled, Recorded, Refused, Standing, TokenShown, Unfiled, Voice, Word,
};
use super::{Turn, What, due_at, is_waiting, later, live};
use crate::approval::{Petition, RequestId, Shape, State};
use crate::json::Digest;
use std::collections::BTreeSet;

/// Bounds before the first config says others.
const PENDING_MAX: usize = 10_000;
/// Of one caller.
const PENDING_PER_IDENTITY_MAX: usize = 256;

impl Turn<'_> {
    /// The request of a petition, and how it stands.
    pub(in super::super) fn ask(&mut self, ask: &Ask) -> Result<Result<Standing, Unfiled>, Fault> {
        let newest = self.shelf.newest(&Key::of(&ask.petition), 2)?;
        let mut newest = newest.iter();
        let last = self.next(&mut newest)?;
        let (record, before) = match last {
            Some(record) if self.is_joined(&record.entry) => {
                self.asked_again(&record.entry);
                (record, self.next(&mut newest)?)
            }
            before => match self.room(&ask.petition)? {
                Some(unfiled) => return Ok(Err(unfiled)),
                None => (self.file(&ask.petition)?, before),
            },
        };
        let before = before.map(|record| record.entry.state);
        self.standing(&record.entry, before, ask).map(Ok)
    }

    /// What is known of tokens and of the intents that they name.
    pub(in super::super) fn recall(
        &mut self,
        tokens: &[TokenShown],
        intents: &[Digest],
    ) -> Result<Recalled, Fault> {
        Ok(Recalled { known: self.known(tokens)?, others: self.others(intents)? })
    }

    fn next<'i>(
        &mut self,
        ids: &mut impl Iterator<Item = &'i RequestId>,
    ) -> Result<Option<Record>, Fault> {
        match ids.next() {
            Some(id) => self.current(id),
            None => Ok(None),
        }
    }

    /// Whether the same call joins it: a no holds for a while.
    fn is_joined(&self, entry: &Entry) -> bool {
        let is_over = entry.state == State::Denied && entry.expires_at <= self.now;
        entry.state.is_open() && !is_over
    }

    /// Kept in memory until the next sweep: to ask again costs no write.
    fn asked_again(&mut self, entry: &Entry) {
        let (count, at) = self.office.asked.entry(entry.id.clone()).or_insert((0, self.now));
        *count = count.saturating_add(1);
        *at = self.now;
    }

    fn room(&mut self, petition: &Petition) -> Result<Option<Unfiled>, Fault> {
        let rules = self.office.rules.as_ref();
        let all_max = rules.map_or(PENDING_MAX, |rules| rules.pending_max);
        let own_max =
            rules.map_or(PENDING_PER_IDENTITY_MAX, |rules| rules.pending_per_identity_max);
        if self.shelf.pending(None)? >= all_max as u64 {
            return Ok(Some(Unfiled::Full));
        }
        let own = self.shelf.pending(Some(&petition.requester.identity))?;
        Ok((own >= own_max as u64).then_some(Unfiled::FullForCaller))
    }

    fn file(&mut self, petition: &Petition) -> Result<Record, Fault> {
        let now = self.now;
        let delegation = petition.wanted.delegation_digest;
        let entry = Entry {
            id: fresh_id()?,
            state: State::Pending,
            version: 1,
            route: petition.route.clone(),
            tool_name: petition.tool_name.clone(),
            risk_class: petition.risk_class.clone(),
            requester: petition.requester.clone(),
            required: petition.demand.min_approvals.max(1),
            created_at: now,
            expires_at: later(now, petition.open_for),
            changed_at: now,
            asked_at: now,
            asked: 1,
            intent_digest: petition.wanted.intent_digest.to_string(),
            policy_digest: petition.wanted.policy_digest.to_string(),
            delegation_digest: delegation.map_or_else(String::new, |digest| digest.to_string()),
            scope: petition.wanted.scope.clone(),
            exhibit: (*petition.exhibit).to_owned(),
            voices: Vec::new(),
            run: None,
        };
        let due_at = due_at(&entry, now);
        let shape = petition.shape.clone();
        let record = Record { entry, shape, open_for: petition.open_for, due_at };
        self.shelf.add(&record)?;
        self.announce(&record.entry, What::Requested)?;
        Ok(record)
    }

    fn standing(
        &mut self,
        entry: &Entry,
        before: Option<State>,
        ask: &Ask,
    ) -> Result<Standing, Fault> {
        Ok(Standing {
            id: entry.id.clone(),
            state: entry.state,
            created_at: entry.created_at,
            expires_at: entry.expires_at,
            grants: self.grants(entry)?,
            known: self.known(&ask.tokens)?,
            denied: denied(entry),
            before,
        })
    }

    /// Recorded words that hold, of a request that still waits.
    fn grants(&mut self, entry: &Entry) -> Result<Vec<Recorded>, Fault> {
        let mut grants = Vec::new();
        for voice in standing_grants(entry, self.now) {
            let Some(token_id) = &voice.token_id else { continue };
            if let Some(token) = self.shelf.token(token_id)? {
                grants.push(Recorded { token, login: voice.login.clone() });
            }
        }
        Ok(grants)
    }

    fn known(&mut self, tokens: &[TokenShown]) -> Result<Vec<(String, Known)>, Fault> {
        let mut known = Vec::new();
        for token in tokens {
            if self.shelf.is_spent(&token.id, token.created_at)? {
                known.push((token.id.clone(), Known::Spent));
            } else if let Some(login) = self.shelf.recorded(&token.id)? {
                known.push((token.id.clone(), Known::Recorded(login)));
            }
        }
        Ok(known)
    }

    fn others(&mut self, intents: &[Digest]) -> Result<Vec<Shape>, Fault> {
        let intents: BTreeSet<String> = intents.iter().map(Digest::to_string).collect();
        let mut shapes = Vec::new();
        for intent in &intents {
            shapes.extend(self.shelf.shape(intent)?);
        }
        Ok(shapes)
    }
}

fn standing_grants(entry: &Entry, now: jiff::Timestamp) -> impl Iterator<Item = &Voice> {
    live(entry, now).filter(|_| is_waiting(entry.state))
}

/// Who said no, while it holds.
fn denied(entry: &Entry) -> Option<Refused> {
    let no = |voice: &&Voice| voice.word == Word::Deny && entry.state == State::Denied;
    let voice = entry.voices.iter().rev().find(no)?;
    Some(Refused { approver: voice.approver.clone(), reason: voice.reason.clone() })
}

fn fresh_id() -> Result<RequestId, Fault> {
    let mut bytes = [0; 12];
    getrandom::fill(&mut bytes).map_err(|error| Fault::Refused(error.to_string()))?;
    Ok(RequestId::of(bytes))
}
