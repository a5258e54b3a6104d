//! What the evidence says went to a tool.
//!
//! A call counts from its lines: its closing line says whether a byte left; a decision line
//! without one may have been followed by anything. Of a call is kept what it takes to compare and
//! to name it, and each route and caller once.

use super::key::Key;
use super::names::Names;
use super::span::Span;
use super::{CALLS_MAX, Period};
use crate::audit::Entry;
use crate::json::Digest;
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

/// A tool that gait stopped waiting for may log the call when it is done with it: as long as gait
/// itself waits for an answer by default.
const LATE_MICROS: i64 = 60_000_000;

/// How sure it is that a call reached its tool.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Certainty {
    /// Bytes left for the tool.
    Sent,
    /// Nobody knows.
    Unknown,
    /// It may lie outside the period, so it can explain a line and need not.
    Edge,
}

/// A call that went to a tool, or may have gone.
#[derive(Clone, Copy, Debug)]
pub struct Sent {
    /// From when on it can have arrived: microseconds since 1970.
    pub from: i64,
    /// Until when.
    pub to: i64,
    /// The tool's status, where gait saw it.
    pub status: Option<u16>,
    /// What the `traceparent` named that went to the tool.
    pub span: Option<Span>,
    /// Whether it went.
    pub certainty: Certainty,
    /// The call's id.
    pub call_id: Uuid,
    /// `seq` of its last line.
    pub seq: u64,
    pub(super) key: Key,
    facts: u32,
}

/// What people want to know of a call.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Facts {
    /// The method.
    pub method: String,
    /// The route.
    pub route: Option<String>,
    /// The tool.
    pub tool_name: Option<String>,
    /// Who called.
    pub identity: Option<String>,
    /// How it ended; none where nobody wrote it down.
    pub ending: Option<String>,
}

/// A call whose evidence breaks gait's own law.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The call's id.
    pub call_id: String,
    /// `seq` of its closing line.
    pub seq: u64,
    /// Which law.
    pub law: Law,
}

/// What must hold of every call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Law {
    /// A protected or approved call went out, and no decision line of it was durable before.
    #[error("a protected or approved call was sent without a decision line before it")]
    Uncommitted,
    /// Bytes went out without a permit.
    #[error("a call was sent without a permit")]
    Unpermitted,
}

/// Where the decision line of a call stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Decided {
    /// Before its closing line, perhaps in a segment that was removed since.
    Before,
    /// It has none.
    Nowhere,
}

/// More calls than anybody should hold in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("more than {CALLS_MAX} calls: narrow it with --since and --until")]
pub struct TooManyCalls;

/// Everything that went out.
#[derive(Debug, Default)]
pub struct Permits {
    period: Period,
    wanted: BTreeSet<String>,
    list: Vec<Sent>,
    facts: Names<Facts>,
    upstreams: BTreeMap<String, u64>,
    violations: Vec<Violation>,
    gaps: Vec<(i64, i64)>,
    first: Option<i64>,
    last: Option<i64>,
    stopped: bool,
}

// === impl Permits ===

impl Permits {
    /// Nothing yet; only calls of the period, and to these upstreams unless there are none.
    pub fn new(period: Period, wanted: BTreeSet<String>) -> Permits {
        Permits { period, wanted, stopped: true, ..Permits::default() }
    }

    /// Takes up what a line says of the process: where one begins and the one before it did not
    /// stop, calls may have gone out that left no line.
    pub fn line(&mut self, entry: &Entry) {
        let Some(time) = micros(entry) else { return };
        let last = self.last.unwrap_or(time);
        match entry.kind() {
            "start" if !self.stopped => self.gaps.push((last.min(time), last.max(time))),
            "stop" => self.stopped = true,
            _ => {}
        }
        // What stands between `stop` and the end of a segment tells of no call.
        if matches!(entry.kind(), "start" | "decision" | "outcome" | "call") {
            self.stopped = false;
        }
        self.first.get_or_insert(time);
        self.last = Some(last.max(time));
    }

    /// Takes up a call by its lines.
    ///
    /// # Errors
    /// There are too many.
    pub fn call(
        &mut self,
        decision: Option<&Entry>,
        closing: Option<&Entry>,
    ) -> Result<(), TooManyCalls> {
        let Some(entry) = closing.or(decision) else { return Ok(()) };
        let went = match closing {
            Some(closing) => closing.flag("sent"),
            None => None,
        };
        // Where nobody knows, what was never permitted did not go: a line must not explain an
        // arrival because a caller hung up.
        let unpermitted = closing.is_some_and(|closing| closing.text("permit").is_none());
        if went == Some(false) || went.is_none() && unpermitted {
            return Ok(());
        }
        let Some((from, to)) = window(decision, closing) else { return Ok(()) };
        if !self.period.meets(from, to) || !self.concerns(entry) {
            return Ok(());
        }
        if self.list.len() >= CALLS_MAX {
            return Err(TooManyCalls);
        }
        if let (Some(closing), Some(true)) = (closing, went) {
            let is_decided = decision.is_some() || self.first.is_some_and(|first| from <= first);
            let decided = if is_decided { Decided::Before } else { Decided::Nowhere };
            self.violations.extend(violation(closing, decided));
        }
        let Some(key) = key(entry) else { return Ok(()) };
        let certainty = match went {
            _ if !(self.period.holds(from) && self.period.holds(to)) => Certainty::Edge,
            Some(_) => Certainty::Sent,
            None => Certainty::Unknown,
        };
        let status = entry.number("status").and_then(|status| u16::try_from(status).ok());
        let span = entry.text("traceparent").and_then(Span::parse);
        let call_id = entry.text("call_id").and_then(|id| Uuid::parse_str(id).ok());
        let (call_id, seq) = (call_id.unwrap_or_default(), entry.seq());
        let facts = self.facts.number(facts(entry, closing));
        self.list.push(Sent { from, to, status, span, certainty, call_id, seq, key, facts });
        Ok(())
    }

    /// All calls.
    pub fn list(&self) -> &[Sent] {
        &self.list
    }

    /// What is known of a call.
    pub fn facts(&self, sent: &Sent) -> Option<&Facts> {
        self.facts.get(sent.facts)
    }

    /// Calls to each upstream, also to those that are not compared.
    pub fn upstreams(&self) -> &BTreeMap<String, u64> {
        &self.upstreams
    }

    /// Calls that break the law.
    pub fn violations(&self) -> &[Violation] {
        &self.violations
    }

    /// When the evidence begins and ends.
    pub fn reach(&self) -> Option<(i64, i64)> {
        Some((self.first?, self.last?))
    }

    /// Whether a moment is near the death of a gait that did not stop in order.
    pub fn died_near(&self, time: i64, skew: i64) -> bool {
        self.gaps.iter().any(|(from, to)| (from - skew..=to + skew).contains(&time))
    }

    /// Whether the call went to an upstream that is asked about. One that names none did.
    fn concerns(&mut self, entry: &Entry) -> bool {
        let Some(upstream) = entry.text("upstream") else { return true };
        match self.upstreams.get_mut(upstream) {
            Some(count) => *count += 1,
            None => drop(self.upstreams.insert(upstream.to_owned(), 1)),
        }
        self.wanted.is_empty() || self.wanted.contains(upstream)
    }
}

/// When a call can have reached its tool, as far as its lines tell.
fn window(decision: Option<&Entry>, closing: Option<&Entry>) -> Option<(i64, i64)> {
    let decided = decision.and_then(micros);
    let Some(closing) = closing else { return decided.map(|from| (from, from + LATE_MICROS)) };
    let end = micros(closing)?;
    let began = || end.saturating_sub(duration(closing));
    // It leaves after its decision; the time before went into waiting, perhaps for a person.
    let from = decided.filter(|from| *from <= end).unwrap_or_else(began);
    let whole = closing.text("ending") == Some("completed");
    Some((from, if whole { end } else { end + LATE_MICROS }))
}

/// Microseconds from the head's arrival to the end.
fn duration(closing: &Entry) -> i64 {
    let millis = closing.members().get("duration_ms").and_then(serde_json::Value::as_f64);
    (millis.unwrap_or_default().max(0.0) * 1e3).ceil() as i64
}

/// Law of a call that was sent; `outcome` is what closes a call that had a decision line.
fn violation(closing: &Entry, decided: Decided) -> Option<Violation> {
    let committed = closing.kind() == "outcome" && decided == Decided::Before;
    let law = match (closing.text("permit"), closing.flag("protected")) {
        (None, _) => Law::Unpermitted,
        (Some("observed"), _) => return None,
        (Some("approved"), _) | (Some(_), Some(true)) if !committed => Law::Uncommitted,
        _ => return None,
    };
    let call_id = closing.text("call_id").unwrap_or_default().to_owned();
    Some(Violation { call_id, seq: closing.seq(), law })
}

fn key(entry: &Entry) -> Option<Key> {
    let digest = entry.text("target_digest").and_then(Digest::parse)?;
    Some(Key::new(entry.text("method")?, digest))
}

fn facts(entry: &Entry, closing: Option<&Entry>) -> Facts {
    let text = |name: &str| entry.text(name).map(str::to_owned);
    Facts {
        method: text("method").unwrap_or_default(),
        route: text("route"),
        tool_name: text("tool_name"),
        identity: text("identity"),
        ending: closing.and_then(|line| line.text("ending")).map(str::to_owned),
    }
}

fn micros(entry: &Entry) -> Option<i64> {
    super::when::of_text(entry.text("time")?)
}
