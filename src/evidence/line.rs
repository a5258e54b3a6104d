//! The JSON shape of one evidence line, version 1.
//!
//! Members come in one fixed order and absent facts are left out, so that the same line always
//! has the same bytes. `Serialize` is written by hand: deriving it over nested facts would need
//! `flatten`, and the order on disk would then hang on the order of Rust fields.

use super::{
    ending::{Ending, Reach},
    event::Event,
    facts::{Judgement, Kept, Opening},
};
use crate::{call::trace_context::Spans, json::Digest, sign::Signature, stage::Protection};
use jiff::Timestamp;
use serde::ser::{Serialize, SerializeMap, Serializer};
use std::{fmt::Display, sync::Arc, time::Duration};

/// The member `v` of every line.
const VERSION: u32 = 1;

/// One line of the evidence log, complete once the chain has given it its place.
#[derive(Clone, Debug)]
pub struct Line {
    pub(super) seq: u64,
    pub(super) prev: Digest,
    time: Timestamp,
    pub(super) entry: Entry,
    /// The word of the writer's key on this line and all before it, where it has one.
    pub(super) stamp: Option<Signature>,
}

/// What a line tells.
#[derive(Clone, Debug)]
pub enum Entry {
    /// A call was judged and may go; written and synced before it goes.
    Decision(About),
    /// A call ended.
    Closing {
        /// The call.
        about: About,
        /// Its end.
        close: Close,
        /// Whether a decision line of the same call stands before this one.
        follows: Follows,
    },
    /// Something happened to the process or to the log itself.
    Event(Event),
}

/// The call that a line is about.
#[derive(Clone, Debug)]
pub struct About {
    /// Which call.
    pub opening: Opening,
    /// What was made of it.
    pub judgement: Arc<Judgement>,
}

/// The end of a call.
#[derive(Clone, Copy, Debug)]
pub struct Close {
    /// How it ended.
    pub ending: Ending,
    /// From the head's arrival to the end.
    pub duration: Duration,
}

/// What a closing line has before it: `outcome` follows a decision, `call` stands alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Follows {
    /// This is the call's only line.
    Nothing,
    /// The decision line was written and stands.
    Decision,
}

/// Whether the tool may have been told of the trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Onward {
    Goes,
    Stays,
}

// === impl Line ===

impl Line {
    /// A line without a place; the chain sets `seq` and `prev`.
    pub(super) fn new(time: Timestamp, entry: Entry) -> Line {
        Line { seq: 0, prev: Digest::of(b""), time, entry, stamp: None }
    }

    /// The first line has 1.
    pub fn seq(&self) -> u64 {
        self.seq
    }

    /// When it was made, which can be a little before it was written.
    pub fn time(&self) -> Timestamp {
        self.time
    }

    /// What it tells.
    pub fn entry(&self) -> &Entry {
        &self.entry
    }

    /// A copy without the intent, for those who are not to see arguments.
    pub fn without_intent(&self) -> Line {
        let mut copy = self.clone();
        if let Entry::Decision(about) | Entry::Closing { about, .. } = &mut copy.entry
            && about.judgement.kept.is_some()
        {
            Arc::make_mut(&mut about.judgement).kept = None;
        }
        copy
    }
}

impl Serialize for Line {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut members = Members(serializer.serialize_map(None)?);
        members.put("v", &VERSION)?;
        members.put("seq", &self.seq)?;
        members.put("kind", self.entry.kind())?;
        members.shown("time", Some(format_args!("{:.6}", self.time)))?;
        match &self.entry {
            Entry::Decision(about) => {
                members.about(about, Onward::Goes)?;
                members.kept(about)?;
            }
            Entry::Closing { about, close, follows } => {
                members.about(about, close.onward())?;
                // Once is enough.
                if *follows == Follows::Nothing {
                    members.kept(about)?;
                }
                members.close(close)?;
            }
            Entry::Event(event) => event.members(&mut members)?,
        }
        if let Some(stamp) = &self.stamp {
            members.put("key_id", &stamp.key_id)?;
            members.put("sig", &stamp.sig)?;
        }
        members.shown("prev", Some(self.prev))?;
        members.0.end()
    }
}

// === impl Entry ===

impl Entry {
    /// The member `kind`.
    pub fn kind(&self) -> &'static str {
        match self {
            Entry::Decision(_) => "decision",
            Entry::Closing { follows: Follows::Nothing, .. } => "call",
            Entry::Closing { follows: Follows::Decision, .. } => "outcome",
            Entry::Event(event) => event.kind(),
        }
    }
}

// === impl Close ===

impl Close {
    /// Where nobody told how far the call came, it may have gone.
    fn onward(&self) -> Onward {
        match self.ending.reach().is_none_or(Reach::is_sent) {
            true => Onward::Goes,
            false => Onward::Stays,
        }
    }
}

/// A map serialiser with the habits of an evidence line.
pub(super) struct Members<M>(M);

/// Serialises a value as the text that it shows.
struct Shown<T>(T);

impl<T: Display> Serialize for Shown<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

// === impl Members ===

impl<M: SerializeMap> Members<M> {
    pub(super) fn put<T: Serialize + ?Sized>(
        &mut self,
        key: &'static str,
        value: &T,
    ) -> Result<(), M::Error> {
        self.0.serialize_entry(key, value)
    }

    pub(super) fn some<T: Serialize>(
        &mut self,
        key: &'static str,
        value: Option<T>,
    ) -> Result<(), M::Error> {
        value.map_or(Ok(()), |value| self.put(key, &value))
    }

    pub(super) fn shown<T: Display>(
        &mut self,
        key: &'static str,
        value: Option<T>,
    ) -> Result<(), M::Error> {
        self.some(key, value.map(Shown))
    }

    pub(super) fn list(&mut self, key: &'static str, values: &[String]) -> Result<(), M::Error> {
        self.some(key, (!values.is_empty()).then_some(values))
    }

    fn about(&mut self, about: &About, onward: Onward) -> Result<(), M::Error> {
        let About { opening, judgement } = about;
        self.shown("call_id", Some(opening.call_id))?;
        self.shown("method", Some(&opening.method))?;
        self.shown("target_digest", Some(opening.target_digest))?;
        opening.spans.iter().try_for_each(|spans| self.spans(spans, onward))?;
        self.judgement(judgement)
    }

    /// Of a call that stays here the trace is known by what the caller said of it, or by its id.
    fn spans(&mut self, spans: &Spans, onward: Onward) -> Result<(), M::Error> {
        match onward {
            Onward::Goes => self.shown("traceparent", Some(spans.onward()))?,
            Onward::Stays => self.shown("caller_traceparent", spans.caller())?,
        }
        self.shown("span_id", Some(spans.server()))?;
        self.shown("parent_span_id", spans.parent())
    }

    fn judgement(&mut self, judged: &Judgement) -> Result<(), M::Error> {
        self.some("upstream", judged.upstream.as_deref())?;
        self.some("route", judged.route.as_deref())?;
        self.some("stage", judged.stage.map(|stage| stage.as_str()))?;
        self.some("tool_name", judged.tool_name.as_deref())?;
        self.some("risk_class", judged.risk_class.as_deref())?;
        self.some("protected", judged.protection.map(|word| word == Protection::Protected))?;
        self.some("identity", judged.identity.as_deref())?;
        self.some("identity_source", judged.identity_source.as_deref())?;
        self.some("verdict", judged.verdict.map(|verdict| verdict.as_str()))?;
        self.some("simulated", judged.simulated.then_some(true))?;
        self.some("dry_run_requested", judged.dry_run_requested.then_some(true))?;
        self.some("disposition", judged.disposition.map(|word| word.as_str()))?;
        self.some("permit", judged.permit.map(|kind| kind.as_str()))?;
        self.list("reason_codes", &judged.reason_codes)?;
        self.list("violations", &judged.violations)?;
        self.some("matched_rule", judged.matched_rule.as_deref())?;
        if let Some(other) = &judged.candidate {
            self.put("candidate_verdict", other.verdict.as_str())?;
            self.put("candidate_against", other.against.as_str())?;
            self.list("candidate_reason_codes", &other.reason_codes)?;
            self.some("candidate_rule", other.matched_rule.as_deref())?;
            self.shown("candidate_policy_digest", Some(other.policy_digest))?;
        }
        self.some("delegation_ref", judged.delegation_ref.as_deref())?;
        if let Some(approval) = &judged.approval {
            self.put("approval_request", &approval.request)?;
            self.shown("approval_expires_at", approval.expires_at)?;
            self.some("approval_ref", Some(&approval.tokens).filter(|ids| !ids.is_empty()))?;
            self.list("approvers", &approval.approvers)?;
        }
        self.some("trace_id", judged.trace_id.as_deref())?;
        self.shown("policy_digest", judged.policy_digest)?;
        self.shown("intent_digest", judged.intent_digest)?;
        self.shown("args_digest", judged.args_digest)?;
        self.some("snapshot", judged.snapshot.as_deref())?;
        self.some("asked_under", judged.asked_under.as_deref())
    }

    fn kept(&mut self, about: &About) -> Result<(), M::Error> {
        match &about.judgement.kept {
            Some(Kept::Intent { text, masked }) => {
                self.put("intent", &**text)?;
                self.list("masked", masked)
            }
            Some(Kept::TooLong { bytes }) => self.put("intent_omitted_bytes", bytes),
            None => Ok(()),
        }
    }

    fn close(&mut self, close: &Close) -> Result<(), M::Error> {
        let reach = close.ending.reach();
        let exchange = reach.and_then(|reach| reach.exchange());
        self.put("ending", close.ending.as_str())?;
        self.some("status", exchange.map(|exchange| exchange.status.as_u16()))?;
        self.some("answered", close.ending.answered().map(|status| status.as_u16()))?;
        self.some("sent", reach.map(|reach| reach.is_sent()))?;
        self.some("request_bytes", reach.and_then(|reach| reach.request_bytes()))?;
        self.some("response_bytes", exchange.map(|exchange| exchange.response_bytes))?;
        self.put("duration_ms", &(close.duration.as_micros() as f64 / 1e3))
    }
}

#[cfg(test)]
mod tests;
