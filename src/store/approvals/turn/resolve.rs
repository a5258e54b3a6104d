//! An approver says yes or no.

use super::super::shelf::{Fault, Record};
use super::super::{Conflict, Resolve, Resolved, Voice, Word};
use super::{Turn, What, is_enough, is_waiting, later, live};
use crate::approval::{Grant, Proof, State, Token};
use crate::intent::time::Time;
use jiff::Timestamp;

/// The reason, as a code, of every token that the gateway signs; the words are in the record.
const REASON_CODE: &str = "approved";

impl Turn<'_> {
    /// Writes down what an approver says.
    pub(in super::super) fn resolve(
        &mut self,
        resolve: &Resolve,
    ) -> Result<Result<Resolved, Conflict>, Fault> {
        let Some(record) = self.current(&resolve.id)? else { return Ok(Err(Conflict::NoSuch)) };
        let entry = &record.entry;
        if !is_waiting(entry.state) {
            return Ok(Err(Conflict::Over(entry.state)));
        }
        let is_own = |voice: &Voice| voice.approver == resolve.approver;
        if resolve.word == Word::Grant && live(entry, self.now).any(is_own) {
            return Ok(Err(Conflict::Twice));
        }
        if entry.version != resolve.version {
            return Ok(Err(Conflict::Changed(entry.version)));
        }
        let resolved = match resolve.word {
            Word::Grant => self.grant(record, resolve),
            Word::Deny => self.deny(record, resolve),
        };
        resolved.map(Ok)
    }

    fn grant(&mut self, mut record: Record, resolve: &Resolve) -> Result<Resolved, Fault> {
        let expires_at = later(self.now, resolve.holds);
        let token = self.mint(&record, resolve, expires_at)?;
        let text = serde_json::to_string(&token).map_err(|e| Fault::Refused(e.to_string()))?;
        let voice = Voice {
            expires_at: Some(expires_at),
            token_id: Some(token.token_id().to_owned()),
            ..self.voice(resolve)
        };
        self.shelf.speak(&resolve.id, &voice, Some(&text))?;
        let entry = &mut record.entry;
        entry.voices.push(voice);
        entry.expires_at = entry.expires_at.max(expires_at);
        let mut waited = None;
        if entry.state == State::Pending && is_enough(entry, self.now) {
            entry.state = State::Approved;
            waited = self.now.duration_since(entry.created_at).try_into().ok();
        }
        self.note(&mut record, What::Granted { waited })?;
        let is_shown = record.entry.requester.proof == Proof::Unproven;
        Ok(Resolved { entry: record.entry, token: is_shown.then_some(text) })
    }

    /// With the first no it is over; what others granted is worth nothing from then on.
    fn deny(&mut self, mut record: Record, resolve: &Resolve) -> Result<Resolved, Fault> {
        let voice = self.voice(resolve);
        self.shelf.speak(&resolve.id, &voice, None)?;
        record.entry.voices.push(voice);
        record.entry.expires_at = later(self.now, record.open_for);
        self.enter(&mut record, State::Denied, What::Denied)?;
        Ok(Resolved { entry: record.entry, token: None })
    }

    fn voice(&self, resolve: &Resolve) -> Voice {
        Voice {
            word: resolve.word,
            approver: resolve.approver.clone(),
            login: resolve.login.clone(),
            reason: resolve.reason.clone(),
            at: self.now,
            expires_at: None,
            token_id: None,
        }
    }

    /// The approver's word, signed by the gateway: the intent's digest binds all else of the call.
    fn mint(
        &self,
        record: &Record,
        resolve: &Resolve,
        expires_at: Timestamp,
    ) -> Result<Token, Fault> {
        let entry = &record.entry;
        let grant = Grant {
            intent_digest: entry.intent_digest.clone(),
            policy_digest: entry.policy_digest.clone(),
            delegation_binding_digest: entry.delegation_digest.clone(),
            approver_identity: resolve.approver.to_string(),
            reason_code: REASON_CODE.to_owned(),
            scope: entry.scope.clone(),
            max_targets: 0,
            max_ops: 0,
            created_at: Time::from_timestamp(self.now),
            expires_at: Time::from_timestamp(expires_at),
        };
        grant.mint(&self.office.signer).map_err(|error| Fault::Refused(error.to_string()))
    }
}
