//! A call takes its words, and says how it ended.

use super::super::shelf::{Ending, Fault, Record, Taking};
use super::super::{Claiming, Ended, Entry, Run, Unclaimed};
use super::{Turn, What};
use crate::approval::State;
use crate::intent::time::Time;
use crate::json::Digest;
use jiff::Timestamp;
use std::sync::Arc;

/// How a call ended of which nobody knows.
const OUTCOME_UNKNOWN: &str = "outcome unknown";

impl Turn<'_> {
    /// Takes all words and the request, or nothing.
    pub(in super::super) fn claim(
        &mut self,
        claiming: &Claiming,
    ) -> Result<Result<(), Unclaimed>, Fault> {
        let Some(mut record) = self.current(&claiming.id)? else {
            return Ok(Err(Unclaimed::Over));
        };
        if let Err(unclaimed) = self.claimable(&record.entry, claiming)? {
            return Ok(Err(unclaimed));
        }
        self.shelf.take(&Taking {
            id: &claiming.id,
            call_id: &claiming.call_id,
            tokens: claiming.sanction.tokens(),
            back_to: record.entry.state,
            at: self.now,
        })?;
        let call_id = claiming.call_id.clone();
        self.enter(&mut record, State::Running, What::Claimed { call_id })?;
        Ok(Ok(()))
    }

    fn claimable(
        &mut self,
        entry: &Entry,
        claiming: &Claiming,
    ) -> Result<Result<(), Unclaimed>, Fault> {
        match entry.state {
            State::Pending | State::Approved => {}
            State::Denied | State::Expired => return Ok(Err(Unclaimed::Over)),
            State::Running | State::Executed | State::Unknown => {
                return Ok(Err(Unclaimed::Spent));
            }
        }
        for token in claiming.sanction.tokens() {
            // The review has asked how old it is.
            if self.shelf.is_spent(token, Time::from_timestamp(self.now))? {
                return Ok(Err(Unclaimed::Spent));
            }
        }
        let is_good = covers(entry, claiming) && !has_lapsed(entry, claiming, self.now);
        Ok(is_good.then_some(()).ok_or(Unclaimed::Over))
    }

    /// Writes down how a call ended; of one that is not known, or has ended, nothing.
    pub(in super::super) fn settle(&mut self, call_id: &str, ended: &Ended) -> Result<(), Fault> {
        let Some(id) = self.shelf.running(call_id)? else { return Ok(()) };
        let Some(mut record) = self.load(&id)? else { return Ok(()) };
        match ended {
            Ended::Unsent => self.release(record, call_id),
            Ended::Ran { ending, status } => {
                self.end(&mut record, call_id, ending, *status)?;
                self.enter(&mut record, State::Executed, What::Executed)
            }
            Ended::Unknown => {
                self.end(&mut record, call_id, OUTCOME_UNKNOWN, None)?;
                let call_id = call_id.into();
                self.enter(&mut record, State::Unknown, What::Unknown { call_id })
            }
        }
    }

    /// Calls of a process that died: nobody knows what became of them.
    pub(super) fn recover(&mut self) -> Result<(), Fault> {
        for call_id in self.shelf.all_running()? {
            self.settle(&call_id, &Ended::Unknown)?;
        }
        Ok(())
    }

    fn release(&mut self, mut record: Record, call_id: &str) -> Result<(), Fault> {
        let Some(back_to) = self.shelf.give_back(call_id)? else { return Ok(()) };
        record.entry.run = None;
        self.enter(&mut record, back_to, What::Released)?;
        self.aged(record).map(drop)
    }

    fn end(
        &mut self,
        record: &mut Record,
        call_id: &str,
        ending: &str,
        status: Option<u16>,
    ) -> Result<(), Fault> {
        let at = self.now;
        if let Some(run) = &mut record.entry.run {
            let ending: Arc<str> = ending.into();
            *run = Run { ended_at: Some(at), ending: Some(ending), status, ..run.clone() };
        }
        self.shelf.end(&Ending { call_id, at, ending, status })
    }
}

/// Whether what was approved is what is asked for.
fn covers(entry: &Entry, claiming: &Claiming) -> bool {
    let digests = (Digest::parse(&entry.intent_digest), Digest::parse(&entry.policy_digest));
    let (Some(intent), Some(policy)) = digests else { return false };
    claiming.sanction.covers(intent, policy)
}

/// Whether a recorded word that it rests on has ended since the look.
fn has_lapsed(entry: &Entry, claiming: &Claiming, now: Timestamp) -> bool {
    let tokens = claiming.sanction.tokens();
    let rests_on = |id: &String| tokens.contains(id);
    let own = entry.voices.iter().filter(|voice| voice.token_id.as_ref().is_some_and(rests_on));
    own.filter_map(|voice| voice.expires_at).any(|end| end <= now)
}
