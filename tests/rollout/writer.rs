//! The lines of the histories are those that the writer writes.

use gait::approval::{RequestId, State};
use gait::audit::Log;
use gait::clock;
use gait::evidence::{
    self, Approval, CallId, Ending, Exchange, Judgement, OnApproval, Opening, PermitKind, Record,
    Reload, Settings,
};
use gait::json::Digest;
use gait::metrics::Unlined;
use gait::policy::Verdict;
use gait::rollout::{Cache, Life, Look, NotRead, Proof, Summary, read};
use gait::stage::{Disposition, Protection, Stage};
use gait::state::StateDir;
use gait::store::approvals::Word;
use http::{Method, StatusCode};
use jiff::Timestamp;
use std::path::Path;
use std::time::Duration;

const EDGE: Timestamp = Timestamp::UNIX_EPOCH;
const ANSWERED: Ending = Ending::Answered { answered: StatusCode::FORBIDDEN };

fn opening() -> Opening {
    Opening {
        call_id: CallId::fresh(clock::now()),
        method: Method::DELETE,
        target_digest: Digest::of(b"/r/1"),
        received: clock::instant(),
        spans: None,
    }
}

fn judgement(verdict: Verdict, disposition: Disposition) -> Judgement {
    let digest = Some(Digest::of(b"x"));
    Judgement {
        route: Some("r".into()),
        stage: Some(Stage::RequireApproval),
        risk_class: Some("high".into()),
        protection: Some(Protection::Protected),
        verdict: Some(verdict),
        disposition: Some(disposition),
        intent_digest: digest,
        policy_digest: digest,
        ..Judgement::default()
    }
}

fn on(request: &RequestId) -> Option<Box<OnApproval>> {
    let (tokens, approvers) = (String::new(), Vec::new());
    let expires_at = Some("2026-01-02T04:04:05Z".parse().unwrap());
    Some(Box::new(OnApproval { request: request.to_string(), expires_at, tokens, approvers }))
}

fn approval(request: &RequestId) -> Approval {
    Approval {
        action: Word::Grant,
        request: request.clone(),
        state: State::Approved,
        approver: "ada".into(),
        login: "ada@desk".into(),
        reason: "fine".into(),
        tool_name: "t".into(),
        intent_digest: "1".repeat(64),
        policy_digest: "2".repeat(64),
        token_id: None,
    }
}

/// A call that wants an approval, its grant, the call again, and one that is blocked.
async fn write(state: &Path, settings: Settings) {
    let state = StateDir::open(state).unwrap();
    let (ledger, writer) = evidence::start(&state, settings).unwrap();
    ledger.health().tell(&Unlined::default());
    let writing = tokio::task::spawn_blocking(move || writer.run(|_| {}));
    let stages = vec![("r".to_owned(), "require_approval".to_owned())];
    ledger.reloaded(Reload { stages, ..Reload::default() }).unwrap();
    let request = RequestId::of([7; _]);
    let record = |judged: Judgement| {
        let mut record: Record = ledger.open(opening()).unwrap();
        record.judged(judged);
        record
    };
    let asked = judgement(Verdict::RequireApproval, Disposition::Denied);
    record(Judgement { approval: on(&request), ..asked }).close(ANSWERED);
    ledger.room().unwrap().approval(approval(&request));
    let again = judgement(Verdict::Allow, Disposition::Forwarded);
    let permit = Some(PermitKind::Approved);
    let mut again = record(Judgement { approval: on(&request), permit, ..again });
    let _committed = again.commit().await.unwrap();
    let exchange = Exchange { status: StatusCode::OK, request_bytes: 0, response_bytes: 0 };
    again.close(Ending::Completed(exchange));
    record(judgement(Verdict::Block, Disposition::Denied)).close(ANSWERED);
    ledger.stop().await;
    writing.await.unwrap().unwrap();
}

fn look() -> Look {
    let (window, open_for) = (Duration::from_secs(86_400), Duration::from_secs(3_600));
    let policy = Digest::of(b"x");
    Look { now: clock::now(), window, open_for, life: Life::Lives, policy }
}

fn summary(state: &Path, cache: &mut Cache) -> Result<Summary, NotRead> {
    read(&Log::open(state).unwrap(), cache, EDGE, || true)
}

#[tokio::test]
async fn what_gait_writes_is_understood() {
    let state = tempfile::tempdir().unwrap();
    // Cut as often as can be.
    let settings = Settings { segment_bytes_max: 1, ..Settings::default() };
    write(state.path(), settings).await;
    let log = Log::open(state.path()).unwrap();
    assert!(log.segments().len() > 2, "{:?}", log.segments());
    let summary = summary(state.path(), &mut Cache::default()).unwrap();
    let view = summary.view("r", Stage::RequireApproval, &look());
    assert_eq!(view.proof, Some(Proof::Announced));
    let counts = view.counts;
    assert_eq!((counts.calls, counts.against, counts.for_approval), (3, 2, 2), "{view:?}");
    assert_eq!((view.in_force.counts.calls, view.in_force.others), (3, 0), "{view:?}");
    assert_eq!((counts.lost, counts.unproven, counts.unjudged), (0, 0, 0), "{view:?}");
    let approvals = &view.approvals;
    assert_eq!((approvals.granted, approvals.all()), (1, 1), "{view:?}");
    assert_eq!((summary.missing(view.from), summary.dropped()), (0, 0));
    let text: Vec<String> =
        log.segments().iter().map(|(_, path)| std::fs::read_to_string(path).unwrap()).collect();
    let named = "\"approval_request\":\"";
    let asked = text.iter().flat_map(|text| text.lines()).find(|line| line.contains(named));
    assert!(asked.unwrap().contains("\"approval_expires_at\":\"2026-01-02T04:04:05Z\""));
    for kind in ["reload", "stop"] {
        let kind = format!("\"kind\":\"{kind}\"");
        let line = text.iter().flat_map(|text| text.lines()).find(|line| line.contains(&kind));
        assert!(line.unwrap().contains("\"bypasses\":0,\"unrecorded\":0"), "{line:?}");
    }
}

#[tokio::test]
async fn what_is_sealed_is_read_once() {
    let state = tempfile::tempdir().unwrap();
    write(state.path(), Settings::default()).await;
    write(state.path(), Settings::default()).await;
    let mut cache = Cache::default();
    let first = summary(state.path(), &mut cache).unwrap();
    // Nothing is left to be read, so nobody is asked whether to.
    let log = Log::open(state.path()).unwrap();
    assert_eq!(read(&log, &mut cache, EDGE, || false).unwrap(), first);
    assert_eq!(
        read(&log, &mut Cache::default(), EDGE, || false),
        Err(NotRead::Cut { read: 0, of: 2 })
    );
    let mut goes_on = [true, false].into_iter();
    let mut fresh = Cache::default();
    let cut = read(&log, &mut fresh, EDGE, || goes_on.next().unwrap_or(false));
    assert_eq!(cut, Err(NotRead::Cut { read: 1, of: 2 }));
    assert_eq!(read(&log, &mut fresh, EDGE, || true).unwrap(), first);
    // What cannot be read must not look like a log that ends there.
    std::fs::create_dir(state.path().join("evidence/000003.jsonl")).unwrap();
    let log = Log::open(state.path()).unwrap();
    let failed = read(&log, &mut fresh, EDGE, || true).unwrap_err().to_string();
    assert!(failed.starts_with("the log cannot be read: read "), "{failed}");
}
