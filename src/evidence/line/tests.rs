//! The members of a line, and their order.

use super::*;
use crate::call::trace_context::FreshIds;
use crate::evidence::{CallId, Cut, Dissent, Exchange, OnApproval, PermitKind, Reach};
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
    let text = text.replace(&Digest::of(b"next").to_string(), "N");
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
        let wanted = format!("\"parent_span_id\":\"dddddddddddddddd\",{wanted}\"ending\"");
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
        candidate: Some(Arc::new(Dissent {
            verdict: Verdict::Block,
            against: Verdict::Allow,
            reason_codes: vec!["newer".to_owned()],
            matched_rule: Some("block-all".to_owned()),
            policy_digest: Digest::of(b"next"),
        })),
        delegation_ref: Some("d1,d2".to_owned()),
        approval: Some(Box::new(OnApproval {
            request: "r".to_owned(),
            expires_at: Some("2026-01-02T04:04:05Z".parse().unwrap()),
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
    let exchange = Exchange { status: StatusCode::NO_CONTENT, request_bytes: 3, response_bytes: 4 };
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
        r#""matched_rule":"allow-\"reads\"","candidate_verdict":"block","#,
        r#""candidate_against":"allow","#,
        r#""candidate_reason_codes":["newer"],"candidate_rule":"block-all","#,
        r#""candidate_policy_digest":"N","delegation_ref":"d1,d2","#,
        r#""approval_request":"r","approval_expires_at":"2026-01-02T04:04:05Z","approval_ref":"t1,t2","approvers":["ann"],"#,
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
