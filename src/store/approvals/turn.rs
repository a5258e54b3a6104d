//! One transaction's work: how requests live, whatever they are kept on.
//!
//! Nothing here waits, reads a clock or answers anybody: what is done becomes true when the clerk
//! has committed it, and what is to be told of it is noted in [`Change`]s until then.

mod ask;
mod resolve;
mod run;
mod sweep;
mod tell;

use super::shelf::{Fault, Post, Record, Shelf};
use super::{Ended, Entry, Rules, Voice, Word};
use crate::approval::{RequestId, State};
use crate::metrics::ApprovalLabel;
use crate::sign::PrivateKey;
use jiff::{SignedDuration, Timestamp};
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;
use uuid::{NoContext, Uuid};

/// What outlasts transactions.
#[derive(Debug)]
pub(super) struct Office {
    /// Signs recorded grants.
    pub(super) signer: PrivateKey,
    /// `None` before the first config: then nothing is forgotten either.
    pub(super) rules: Option<Rules>,
    /// Asked again since the last sweep: how often, and when last.
    pub(super) asked: HashMap<RequestId, (u64, Timestamp)>,
}

/// The work of one transaction.
pub(super) struct Turn<'a> {
    shelf: &'a mut dyn Shelf,
    office: &'a mut Office,
    now: Timestamp,
    changes: Vec<Change>,
}

/// What comes before the work of any transaction.
#[derive(Clone, Copy, Debug)]
pub(super) struct Before<'a> {
    pub(super) orphans: Orphans,
    /// Ends of calls that are not written down yet.
    pub(super) unsettled: &'a [(Arc<str>, Ended)],
}

/// Calls that processes before this one took along.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Orphans {
    /// Nobody has looked for them yet.
    Unseen,
    /// They are written down as what they are.
    SeenTo,
}

/// Something that is told once it is durable.
#[derive(Clone, Debug)]
pub(super) struct Change {
    /// Of which request.
    pub(super) id: RequestId,
    /// What.
    pub(super) what: What,
}

/// What happened to a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum What {
    Requested,
    Granted {
        /// Since it was asked for, where this yes was the last that it needed.
        waited: Option<Duration>,
    },
    Denied,
    Expired,
    /// Its grants ended before it did: it waits again.
    Lapsed,
    Claimed {
        call_id: Arc<str>,
    },
    Released,
    Executed,
    Unknown {
        call_id: Arc<str>,
    },
}

impl<'a> Turn<'a> {
    /// Work at the time `now`, on a shelf whose transaction has begun.
    pub(super) fn new(
        shelf: &'a mut dyn Shelf,
        office: &'a mut Office,
        now: Timestamp,
    ) -> Turn<'a> {
        Turn { shelf, office, now, changes: Vec::new() }
    }

    /// Begins, does `work`, and commits; the calls of processes that died first, where they were
    /// not looked after, and then ends of calls that were not written down yet.
    pub(super) fn whole<T>(
        &mut self,
        before: &Before<'_>,
        work: impl FnOnce(&mut Self) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        self.shelf.begin()?;
        if before.orphans == Orphans::Unseen {
            self.recover()?;
        }
        for (call_id, ended) in before.unsettled {
            self.apart(|turn| turn.settle(call_id, ended))?;
        }
        let done = work(self)?;
        self.shelf.commit()?;
        Ok(done)
    }

    /// What happened.
    pub(super) fn changes(self) -> Vec<Change> {
        self.changes
    }

    /// Does one errand; of one that is refused nothing stands, and the others go on.
    pub(super) fn apart<T>(
        &mut self,
        errand: impl FnOnce(&mut Self) -> Result<T, Fault>,
    ) -> Result<Option<T>, Fault> {
        let known = self.changes.len();
        self.shelf.mark()?;
        match errand(self) {
            Ok(done) => self.shelf.keep().map(|()| Some(done)),
            Err(Fault::Refused(why)) => {
                tracing::error!("an errand to the store of approvals was refused: {why}");
                self.changes.truncate(known);
                self.shelf.forget().map(|()| None)
            }
            Err(broken) => Err(broken),
        }
    }

    /// A request as it stands now.
    fn current(&mut self, id: &RequestId) -> Result<Option<Record>, Fault> {
        match self.load(id)? {
            Some(record) => self.aged(record).map(Some),
            None => Ok(None),
        }
    }

    /// A request as it was written, with what was not written yet of how often it was asked for.
    fn load(&mut self, id: &RequestId) -> Result<Option<Record>, Fault> {
        let mut found = self.shelf.load(id)?;
        if let (Some(record), Some((count, at))) = (&mut found, self.office.asked.get(id)) {
            record.entry.asked = record.entry.asked.saturating_add(*count);
            record.entry.asked_at = *at;
        }
        Ok(found)
    }

    /// What time has made of it.
    fn aged(&mut self, mut record: Record) -> Result<Record, Fault> {
        if !is_waiting(record.entry.state) {
            return Ok(record);
        }
        if record.entry.expires_at <= self.now {
            self.enter(&mut record, State::Expired, What::Expired)?;
        } else if record.entry.state == State::Approved && !is_enough(&record.entry, self.now) {
            self.enter(&mut record, State::Pending, What::Lapsed)?;
        }
        Ok(record)
    }

    fn enter(&mut self, record: &mut Record, state: State, what: What) -> Result<(), Fault> {
        record.entry.state = state;
        self.note(record, what)
    }

    /// Writes a change down, with what is to be told of it.
    fn note(&mut self, record: &mut Record, what: What) -> Result<(), Fault> {
        record.entry.version = record.entry.version.saturating_add(1);
        record.entry.changed_at = self.now;
        record.due_at = due_at(&record.entry, self.now);
        self.shelf.save(record)?;
        self.announce(&record.entry, what)
    }

    /// Notes what is to be told.
    fn announce(&mut self, entry: &Entry, what: What) -> Result<(), Fault> {
        self.shelf.revise()?;
        if let Some(event) = what.event() {
            self.post(entry, event)?;
        }
        self.changes.push(Change { id: entry.id.clone(), what });
        Ok(())
    }

    fn post(&mut self, entry: &Entry, event: &str) -> Result<(), Fault> {
        let webhooks = self.office.rules.as_ref().map_or(&[][..], |rules| &rules.webhooks);
        if webhooks.is_empty() {
            return Ok(());
        }
        let body = serde_json::json!({
            "type": event,
            "timestamp": self.now.to_string(),
            "data": entry.summary(self.now),
        });
        let (body, event_id) = (body.to_string(), event_id(self.now));
        webhooks.iter().try_for_each(|webhook| {
            let at = self.now;
            self.shelf.post(&Post { event_id: &event_id, webhook, body: &body, at })
        })
    }
}

// === impl What ===

impl What {
    /// The type of the event that webhooks are told.
    fn event(&self) -> Option<&'static str> {
        match self {
            What::Requested => Some("approval.requested"),
            What::Granted { .. } => Some("approval.granted"),
            What::Denied => Some("approval.denied"),
            What::Expired => Some("approval.expired"),
            What::Executed => Some("approval.executed"),
            What::Unknown { .. } => Some("approval.unknown"),
            What::Lapsed | What::Claimed { .. } | What::Released => None,
        }
    }

    /// How it is counted.
    pub(super) fn label(&self) -> Option<ApprovalLabel> {
        match self {
            What::Requested => Some(ApprovalLabel::Requested),
            What::Granted { .. } => Some(ApprovalLabel::Granted),
            What::Denied => Some(ApprovalLabel::Denied),
            What::Expired => Some(ApprovalLabel::Expired),
            What::Executed => Some(ApprovalLabel::Executed),
            What::Released => Some(ApprovalLabel::Released),
            What::Unknown { .. } => Some(ApprovalLabel::Unknown),
            What::Lapsed | What::Claimed { .. } => None,
        }
    }
}

// === what follows from a request alone ===

/// Whether a call may take it, and time may end it.
fn is_waiting(state: State) -> bool {
    matches!(state, State::Pending | State::Approved)
}

/// Grants that hold at `now`.
fn live(entry: &Entry, now: Timestamp) -> impl Iterator<Item = &Voice> {
    let holds = move |voice: &&Voice| {
        voice.word == Word::Grant && voice.expires_at.is_some_and(|end| end > now)
    };
    entry.voices.iter().filter(holds)
}

/// Whether as many people as are needed say yes at `now`.
fn is_enough(entry: &Entry, now: Timestamp) -> bool {
    let people: BTreeSet<&str> = live(entry, now).map(|voice| &*voice.approver).collect();
    people.len() as u64 >= entry.required
}

/// When time next changes how it stands: by its own end, or by that of a grant that it rests on.
fn due_at(entry: &Entry, now: Timestamp) -> Option<Timestamp> {
    let lapse = live(entry, now).filter_map(|voice| voice.expires_at).min();
    match entry.state {
        State::Pending => Some(entry.expires_at),
        State::Approved => Some(lapse.map_or(now, |lapse| lapse.min(entry.expires_at))),
        _ => None,
    }
}

/// `span` after `now`; what lies beyond the calendar is its end.
fn later(now: Timestamp, span: Duration) -> Timestamp {
    let span = SignedDuration::try_from(span).unwrap_or(SignedDuration::MAX);
    now.checked_add(span).unwrap_or(Timestamp::MAX)
}

fn event_id(now: Timestamp) -> String {
    let seconds = u64::try_from(now.as_second()).unwrap_or(0);
    let nanos = u32::try_from(now.subsec_nanosecond()).unwrap_or(0);
    Uuid::new_v7(uuid::Timestamp::from_unix(NoContext, seconds, nanos)).to_string()
}

#[cfg(test)]
mod model;
#[cfg(test)]
mod tests;
