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
            && about.judgement.intent.is_some()
        {
            Arc::make_mut(&mut about.judgement).intent = None;
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
        self.some("delegation_ref", judged.delegation_ref.as_deref())?;
        if let Some(approval) = &judged.approval {
            self.put("approval_request", &approval.request)?;
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
mod tests {
    use super::super::{CallId, Cut, Exchange, OnApproval, PermitKind, Reach};
    use super::*;
    use crate::call::trace_context::FreshIds;
    use crate::{
        policy::Verdict,
        stage::{Disposition, Stage},
    };
    use http::{HeaderMap, Method, StatusCode};

    const FRESH: FreshIds = FreshIds { trace: [0; 16], server: [0xa; 8], client: [0xb; 8] };

    fn from_caller() -> HeaderMap {
        let parent = format!("00-{}-{}-01", "c".repeat(32), "d".repeat(16));
        HeaderMap::from_iter([("traceparent".parse().unwrap(), parent.parse().unwrap())])
    }

    fn closing(ending: Ending, judgement: Judgement) -> String {
        line(ending, judgement, Follows::Decision)
    }

    fn line(ending: Ending, judgement: Judgement, follows: Follows) -> String {
        let call_id = CallId::fresh("2026-01-02T03:04:05Z".parse().unwrap());
        let opening = Opening {
            call_id,
            method: Method::DELETE,
            target_digest: Digest::of(b"t"),
            received: crate::clock::instant(),
            spans: Some(Spans::read(&from_caller(), &FRESH)),
        };
        let close = Close { ending, duration: Duration::from_micros(1500) };
        let about = About { opening, judgement: Arc::new(judgement) };
        let entry = Entry::Closing { about, close, follows };
        let line = Line::new("2026-01-02T03:04:05Z".parse().unwrap(), entry);
        let text = serde_json::to_string(&line).unwrap().replace(&call_id.to_string(), "ID");
        let text = text.replace(&Digest::of(b"t").to_string(), "T");
        text.replace(&Digest::of(b"").to_string(), "P")
    }

    /// A document without these.
    fn kept(masked: &[&str]) -> Kept {
        let text = serde_json::value::to_raw_value("i").unwrap().into();
        Kept::Intent { text, masked: masked.iter().map(|at| (*at).to_owned()).collect() }
    }

    #[test]
    fn a_line_holds_what_is_kept_or_says_why_it_does_not() {
        for (kept, wanted) in [
            (kept(&[]), r#""intent":"i","#),
            (kept(&["/args/a", "/b"]), r#""intent":"i","masked":["/args/a","/b"],"#),
            (Kept::TooLong { bytes: 20_000 }, r#""intent_omitted_bytes":20000,"#),
        ] {
            let judgement = Judgement { kept: Some(kept), ..Judgement::default() };
            let answered = StatusCode::OK;
            let line = line(Ending::Answered { answered }, judgement, Follows::Nothing);
            let wanted = format!("\"target_digest\":\"T\",{wanted}\"ending\"");
            assert!(line.contains(&wanted), "{wanted}\n  is not in\n{line}");
        }
    }

    #[test]
    fn a_full_line_has_every_member_in_its_place() {
        let digest = Some(Digest::of(b"t"));
        let judgement = Judgement {
            upstream: Some("files".into()),
            route: Some("files.delete".into()),
            stage: Some(Stage::RequireApproval),
            tool_name: Some("tool.delete".into()),
            risk_class: Some("high".into()),
            protection: Some(Protection::Protected),
            identity: Some("ada".into()),
            identity_source: Some("sso".into()),
            verdict: Some(Verdict::Allow),
            simulated: true,
            dry_run_requested: true,
            disposition: Some(Disposition::Forwarded),
            permit: Some(PermitKind::Allow),
            reason_codes: vec!["a".to_owned(), "b".to_owned()],
            violations: vec!["c".to_owned()],
            matched_rule: Some("allow-\"reads\"".to_owned()),
            delegation_ref: Some("d1,d2".to_owned()),
            approval: Some(Box::new(OnApproval {
                request: "r".to_owned(),
                tokens: "t1,t2".to_owned(),
                approvers: vec!["ann".to_owned()],
            })),
            trace_id: Some("3fda".to_owned()),
            policy_digest: digest,
            intent_digest: digest,
            args_digest: digest,
            // Kept by the decision line, not once more here.
            kept: Some(kept(&["/args/a"])),
            snapshot: Some("s1".into()),
            asked_under: Some("s0".into()),
        };
        let exchange =
            Exchange { status: StatusCode::NO_CONTENT, request_bytes: 3, response_bytes: 4 };
        let expected = concat!(
            r#"{"v":1,"seq":0,"kind":"outcome","time":"2026-01-02T03:04:05.000000Z","#,
            r#""call_id":"ID","method":"DELETE","target_digest":"T","#,
            r#""traceparent":"00-cccccccccccccccccccccccccccccccc-0b0b0b0b0b0b0b0b-01","#,
            r#""span_id":"0a0a0a0a0a0a0a0a","parent_span_id":"dddddddddddddddd","upstream":"files","#,
            r#""route":"files.delete","stage":"require_approval","tool_name":"tool.delete","#,
            r#""risk_class":"high","protected":true,"identity":"ada","identity_source":"sso","#,
            r#""verdict":"allow","#,
            r#""simulated":true,"dry_run_requested":true,"disposition":"forwarded","#,
            r#""permit":"allow","reason_codes":["a","b"],"violations":["c"],"#,
            r#""matched_rule":"allow-\"reads\"","delegation_ref":"d1,d2","#,
            r#""approval_request":"r","approval_ref":"t1,t2","approvers":["ann"],"#,
            r#""trace_id":"3fda","policy_digest":"T","#,
            r#""intent_digest":"T","args_digest":"T","snapshot":"s1","asked_under":"s0","ending":"completed","#,
            r#""status":204,"sent":true,"request_bytes":3,"response_bytes":4,"#,
            r#""duration_ms":1.5,"prev":"P"}"#
        );
        assert_eq!(closing(Ending::Completed(exchange), judgement), expected);
    }

    #[test]
    fn endings_tell_what_they_know_and_no_more() {
        let answered = StatusCode::BAD_GATEWAY;
        let rows = [
            (Ending::Answered { answered }, r#""ending":"answered","answered":502,"sent":false,"#),
            (
                Ending::CallerGone(Reach::Sent { request_bytes: 9 }),
                r#""ending":"caller_gone","sent":true,"request_bytes":9,"#,
            ),
            (
                Ending::TimedOut(Cut::NoReply { request_bytes: 9, answered }),
                r#""ending":"timed_out","answered":502,"sent":true,"request_bytes":9,"#,
            ),
            (Ending::Abandoned(None), r#""ending":"abandoned","#),
        ];
        for (ending, members) in rows {
            let (none, here) = (r#""parent_span_id":"dddddddddddddddd","#, "caller_traceparent");
            let expected = format!("{none}{members}\"duration_ms\":1.5,");
            let line = closing(ending, Judgement::default());
            assert_eq!(line.contains(here), line.contains(r#""sent":false"#), "{line}");
            assert!(line.contains(&expected), "{line}");
            assert!(Ending::WORDS.contains(&ending.as_str()));
        }
    }
}
