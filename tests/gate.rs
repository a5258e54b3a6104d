//! The gate over its whole domain: every stage, verdict, protection and wish.
#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]
#![expect(clippy::disallowed_methods, reason = "a test runs the writer's thread itself")]

use gait::call::host::HostRule;
use gait::call::{Body, Call, CallerCredential, Head};
use gait::case::{Author, Backing, Case, Cause, Finding, Judged, Wish};
use gait::clock;
use gait::evidence::{self, CallId, CommitFailed, Ledger, Opening, PermitKind, Record, Settings};
use gait::gate::{self, Pending, Ruling};
use gait::intent::{ContextDraft, Draft};
use gait::json::Digest;
use gait::metrics::{Limits, Metrics, RouteLabels};
use gait::policy::decision::{BrokerDemand, DelegationDemand, Demands};
use gait::policy::limit::{Limit, Scope, Window};
use gait::policy::{Decision, Verdict};
use gait::snapshot::{
    Anonymous, Assurance, Capture, Durability, HostHeader, Http2, Lane, OnFailure, UpstreamSpec,
};
use gait::stage::{Disposition, DryRunScope, Protection, Stage};
use gait::state::StateDir;
use gait::store::rate_limits::{Live, Toll};
use std::sync::{Arc, OnceLock};

const PROTECTIONS: [Protection; 2] = [Protection::Open, Protection::Protected];
const WISHES: [Wish; 2] = [Wish::None, Wish::DryRun];
const SCOPES: [DryRunScope; 2] = [DryRunScope::Table, DryRunScope::All];

/// Where a call stands, and what it asks.
#[derive(Clone, Copy, Debug)]
struct Scene {
    stage: Stage,
    protection: Protection,
    wish: Wish,
    scope: DryRunScope,
}

fn scenes() -> impl Iterator<Item = Scene> {
    let scopes =
        |stage, protection, wish| SCOPES.map(|scope| Scene { stage, protection, wish, scope });
    Stage::ALL.into_iter().flat_map(move |stage| {
        PROTECTIONS.into_iter().flat_map(move |protection| {
            WISHES.into_iter().flat_map(move |wish| scopes(stage, protection, wish))
        })
    })
}

/// All verdicts, least strict first, and no decision, which is stricter than all.
fn verdicts() -> Vec<Option<Verdict>> {
    Verdict::ALL.into_iter().map(Some).chain([None]).collect()
}

fn call() -> Call {
    let request = http::Request::delete("/v1/files/a").header("host", "h").body(()).unwrap();
    Call::new(Head::read(&request.into_parts().0, &HostRule::Any).unwrap(), Body::Empty)
}

fn opening() -> Opening {
    Opening {
        call_id: CallId::fresh(clock::now()),
        method: http::Method::DELETE,
        target_digest: Digest::of(b"/v1/files/a"),
        received: clock::instant(),
        spans: None,
    }
}

fn lane(scene: Scene, upstream: Option<Arc<UpstreamSpec>>) -> Arc<Lane> {
    let metrics = Metrics::new(Limits { series_max: 10_000 }, &[]);
    let labels = RouteLabels { route: "r", stage: scene.stage.as_str(), risk: "high" };
    Arc::new(Lane {
        name: "r".into(),
        stage: scene.stage,
        protection: scene.protection,
        assurance: Default::default(),
        dry_run: scene.scope,
        capture: Capture::Digest,
        anonymous: Anonymous::Allow,
        credential: CallerCredential::Withheld,
        upgrades: Arc::default(),
        approval: Default::default(),
        approval_status: http::StatusCode::PRECONDITION_REQUIRED,
        risk: "high".into(),
        upstream,
        metrics: metrics.route(labels),
    })
}

fn tool() -> Option<Arc<UpstreamSpec>> {
    Some(Arc::new(UpstreamSpec {
        name: "tool".into(),
        host: "127.0.0.1".into(),
        port: 9,
        host_header: HostHeader::Upstream,
        tls: None,
        http2: Http2::Off,
        credential: None,
    }))
}

fn finding(verdict: Option<Verdict>) -> Finding {
    let Some(verdict) = verdict else {
        return Finding::Undecided(Cause::Unreadable("body_not_strict_json"));
    };
    let context = ContextDraft {
        identity: "ada".into(),
        workspace: "w".into(),
        risk_class: "high".into(),
        ..ContextDraft::default()
    };
    let draft = Draft { tool_name: "tool.delete".into(), context, ..Draft::default() };
    let decision = Decision {
        reason_codes: vec!["because".into()],
        violations: Vec::new(),
        ..Decision::of(verdict)
    };
    Finding::Decided(Box::new(Judged {
        intent: draft.normalise().unwrap(),
        decision,
        policy_digest: Digest::of(b"policy"),
        trace_id: "t".into(),
        bar: None,
        charged: None,
        delegated: None,
        candidate: None,
        delegation_ref: None,
        approved: None,
        kept: OnceLock::new(),
    }))
}

fn case(scene: Scene, record: Record, upstream: Option<Arc<UpstreamSpec>>) -> Case {
    Case {
        call: call(),
        record,
        lane: lane(scene, upstream),
        wish: scene.wish,
        snapshot: "s".into(),
        asked_under: None,
        caller: Some(Author { identity: "ada".into(), source: None }),
    }
}

fn rule(scene: Scene, verdict: Option<Verdict>) -> Ruling {
    gate::judge(case(scene, Record::unrecorded(opening()), tool()), finding(verdict))
}

fn executes(ruling: &Ruling) -> bool {
    !matches!(ruling, Ruling::Denial(_))
}

#[test]
fn a_stricter_verdict_never_executes_more() {
    for scene in scenes() {
        let executed: Vec<bool> =
            verdicts().into_iter().map(|verdict| executes(&rule(scene, verdict))).collect();
        // In observe alone a call goes on without a decision; elsewhere it is the strictest.
        let falling = executed.windows(2).all(|pair| pair.first() >= pair.last());
        assert!(falling, "{scene:?}: {executed:?}");
    }
}

#[test]
fn a_later_stage_never_executes_more() {
    for scene in scenes() {
        for verdict in verdicts() {
            let at = |stage| executes(&rule(Scene { stage, ..scene }, verdict));
            // `dry_run: all` speaks of its own stage and holds back what the next one may forward.
            let stages = match scene.scope {
                DryRunScope::Table => Stage::ALL.to_vec(),
                DryRunScope::All => vec![Stage::Observe, Stage::RequireApproval, Stage::Enforce],
            };
            let executed: Vec<bool> = stages.into_iter().map(at).collect();
            let falling = executed.windows(2).all(|pair| pair.first() >= pair.last());
            assert!(falling, "{scene:?} {verdict:?}: {executed:?}");
        }
    }
}

#[test]
fn a_dry_run_that_was_asked_for_is_never_executed() {
    for scene in scenes().filter(|scene| scene.wish == Wish::DryRun) {
        for verdict in verdicts() {
            let Ruling::Denial(denial) = rule(scene, verdict) else {
                panic!("{scene:?} {verdict:?} would be executed");
            };
            let want = if verdict.is_some() { Disposition::DryRun } else { Disposition::Denied };
            assert_eq!(denial.disposition(), want, "{scene:?} {verdict:?}");
        }
    }
}

#[test]
fn a_protected_call_beyond_observe_goes_only_when_its_decision_is_durable() {
    for scene in scenes().filter(|scene| scene.protection == Protection::Protected) {
        for verdict in verdicts() {
            let at_once = matches!(rule(scene, verdict), Ruling::Permit(_));
            assert!(!at_once || scene.stage == Stage::Observe, "{scene:?} {verdict:?}");
        }
    }
}

/// An allowed intent whose rules ask for this.
fn demanding(demands: &Demands) -> Box<Judged> {
    let Finding::Decided(mut judged) = finding(Some(Verdict::Allow)) else {
        panic!("an allowed intent is decided");
    };
    judged.decision.demands = demands.clone();
    judged
}

fn limited(requests: u64) -> Demands {
    let limit = Limit { requests, window: Window::Hour, scope: Scope::Tool };
    Demands { rate_limit: Some(limit), ..Demands::default() }
}

fn rule_judged(scene: Scene, judged: Box<Judged>) -> Ruling {
    let case = case(scene, Record::unrecorded(opening()), tool());
    gate::judge(case, Finding::Decided(judged))
}

#[test]
fn what_a_decision_asks_for_and_nobody_showed_permits_nothing_beyond_observe() {
    let destructive_budget = limited(1).rate_limit;
    let all = [
        Demands { delegation: Some(DelegationDemand::default()), ..Demands::default() },
        Demands { broker: Some(BrokerDemand::default()), ..Demands::default() },
        Demands { destructive_budget, ..Demands::default() },
        limited(1),
    ];
    for demands in all {
        for scene in scenes() {
            let ruling = rule_judged(scene, demanding(&demands));
            let observed = scene.stage == Stage::Observe && scene.wish == Wish::None;
            assert_eq!(executes(&ruling), observed, "{scene:?} {demands:?}");
            if let Ruling::Denial(denial) = ruling
                && denial.disposition() == Disposition::Failed
            {
                assert_eq!(denial.cause(), &Cause::Fault("demand_unmet"));
            }
        }
    }
}

#[test]
fn proof_of_having_been_counted_permits_that_intent_under_those_limits() {
    let dir = tempfile::tempdir().unwrap();
    let live = Live::open(dir.path().join("limits.json")).unwrap();
    let scene = Scene {
        stage: Stage::Enforce,
        protection: Protection::Open,
        wish: Wish::None,
        scope: DryRunScope::Table,
    };
    let counted = |as_what: &Demands, demands: &Demands| {
        let mut judged = demanding(demands);
        let tally = live.charge(as_what, &judged.intent, Toll::Take, clock::now(), 1 << 20);
        judged.charged = tally.unwrap().charged;
        assert!(judged.charged.is_some());
        executes(&rule_judged(scene, judged))
    };
    assert!(counted(&limited(9), &limited(9)));
    assert!(!counted(&limited(9), &limited(5)), "counted against another limit");
}

#[test]
fn only_what_may_be_carried_out_or_is_blocked_is_counted() {
    for scene in scenes() {
        let lane = lane(scene, tool());
        for verdict in Verdict::ALL {
            let toll = gate::toll(&lane, scene.wish, verdict, None);
            let ruling = rule(scene, Some(verdict));
            let blocked = verdict == Verdict::Block
                && matches!(&ruling, Ruling::Denial(d) if d.disposition() == Disposition::Denied);
            let wanted = if executes(&ruling) || blocked { Toll::Take } else { Toll::Look };
            assert_eq!(toll, wanted, "{scene:?} {verdict:?}");
        }
    }
}

#[test]
fn a_lane_without_a_tool_denies_whatever_its_stage() {
    for scene in scenes() {
        for verdict in verdicts() {
            let record = Record::unrecorded(opening());
            let ruling = gate::judge(case(scene, record, None), finding(verdict));
            assert!(!executes(&ruling), "{scene:?} {verdict:?}");
        }
    }
}

#[test]
fn the_record_says_what_the_gate_said() {
    let scene = |stage, protection| Scene {
        stage,
        protection,
        wish: Wish::None,
        scope: DryRunScope::Table,
    };
    let Ruling::Denial(denial) =
        rule(scene(Stage::Enforce, Protection::Open), Some(Verdict::Block))
    else {
        panic!("a blocked call would be executed");
    };
    let judgement = denial.record().judgement();
    assert_eq!(judgement.disposition, Some(Disposition::Denied));
    assert_eq!(judgement.verdict, Some(Verdict::Block));
    assert_eq!((judgement.permit, judgement.simulated), (None, false));
    let Ruling::Permit(permit) = rule(scene(Stage::DryRun, Protection::Open), Some(Verdict::Block))
    else {
        panic!("an open call in stage dry_run is forwarded");
    };
    let redeemed = permit.redeem();
    let judgement = redeemed.record.judgement();
    assert_eq!(judgement.permit, Some(PermitKind::Observed));
    assert!(judgement.simulated && matches!(redeemed.backing, Backing::None));
}

/// A real log, since only its writer can prove anything.
fn log(dir: &std::path::Path) -> (Ledger, std::thread::JoinHandle<()>) {
    let state = StateDir::open(dir).unwrap();
    let (ledger, writer) = evidence::start(&state, Settings::default()).unwrap();
    let thread = std::thread::spawn(move || {
        let _state = state;
        writer.run(|_| ()).unwrap();
    });
    (ledger, thread)
}

fn pending(ledger: &Ledger) -> Pending {
    let scene = Scene {
        stage: Stage::Enforce,
        protection: Protection::Protected,
        wish: Wish::None,
        scope: DryRunScope::Table,
    };
    let record = ledger.open(opening()).unwrap();
    match gate::judge(case(scene, record, tool()), finding(Some(Verdict::Allow))) {
        Ruling::Pending(pending) => pending,
        other => panic!("not pending: {other:?}"),
    }
}

#[tokio::test]
async fn proof_of_one_call_permits_no_other() {
    let dir = tempfile::tempdir().unwrap();
    let (ledger, thread) = log(dir.path());
    let (mut first, mut second) = (pending(&ledger), pending(&ledger));
    let of_first = first.commit().await.unwrap();
    let of_second = second.commit().await.unwrap();
    let denial = second.grant(of_first).unwrap_err();
    assert_eq!(denial.disposition(), Disposition::Failed);
    assert_eq!(denial.cause(), &Cause::Fault("evidence_mismatch"));
    drop((denial, first, of_second));
    ledger.stop().await;
    thread.join().unwrap();
}

#[tokio::test]
async fn durable_first_then_permitted() {
    let dir = tempfile::tempdir().unwrap();
    let (ledger, thread) = log(dir.path());
    let mut pending = pending(&ledger);
    let committing = pending.commit();
    let committed = committing.await.unwrap();
    let text = std::fs::read_to_string(dir.path().join("evidence/000001.jsonl")).unwrap();
    let decision = text.lines().find(|line| line.contains("\"kind\":\"decision\"")).unwrap();
    assert!(decision.contains("\"permit\":\"allow\"") && decision.contains("\"forwarded\""));
    let redeemed = pending.grant(committed).unwrap().redeem();
    assert_eq!(redeemed.kind, PermitKind::Allow);
    drop(redeemed);
    ledger.stop().await;
    thread.join().unwrap();
}

#[tokio::test]
async fn without_a_record_nothing_becomes_durable() {
    let scene = Scene {
        stage: Stage::Enforce,
        protection: Protection::Protected,
        wish: Wish::None,
        scope: DryRunScope::Table,
    };
    let Ruling::Pending(mut pending) = rule(scene, Some(Verdict::Allow)) else {
        panic!("a protected call went out at once");
    };
    let failed = pending.commit().await.unwrap_err();
    let denial = pending.forgo(failed).unwrap_err();
    assert_eq!(denial.disposition(), Disposition::Failed);
    assert_eq!(denial.cause(), &Cause::Fault("evidence_unavailable"));
}

/// Every setting of the evidence.
fn assurances() -> impl Iterator<Item = Assurance> {
    Durability::ALL.into_iter().flat_map(|durability| {
        [OnFailure::Deny, OnFailure::Forward].map(|on_failure| Assurance { durability, on_failure })
    })
}

fn rule_assured(scene: Scene, assurance: Assurance, verdict: Verdict) -> Ruling {
    let plain = case(scene, Record::unrecorded(opening()), tool());
    let lane = Lane { assurance, ..Lane::clone(&plain.lane) };
    gate::judge(Case { lane: Arc::new(lane), ..plain }, finding(Some(verdict)))
}

#[test]
fn durability_says_what_waits_and_never_what_goes() {
    for assurance in assurances() {
        for scene in scenes() {
            for verdict in Verdict::ALL {
                let ruling = rule_assured(scene, assurance, verdict);
                let goes = executes(&rule(scene, Some(verdict)));
                assert_eq!(executes(&ruling), goes, "{scene:?} {assurance:?} {verdict:?}");
                let waits = scene.stage != Stage::Observe
                    && (scene.protection == Protection::Protected
                        || assurance.durability == Durability::All);
                let pending = matches!(ruling, Ruling::Pending(_));
                assert_eq!(pending, goes && waits, "{scene:?} {assurance:?} {verdict:?}");
            }
        }
    }
}

#[tokio::test]
async fn without_proof_only_an_open_call_goes_and_only_where_the_config_says_so() {
    let mut forgone = 0;
    for assurance in assurances() {
        for scene in scenes() {
            for verdict in Verdict::ALL {
                let Ruling::Pending(mut pending) = rule_assured(scene, assurance, verdict) else {
                    continue;
                };
                let failed = pending.commit().await.unwrap_err();
                let may = scene.protection == Protection::Open
                    && assurance.on_failure == OnFailure::Forward;
                match pending.forgo(failed) {
                    Ok(permit) => {
                        assert!(may && permit.is_unrecorded(), "{scene:?} {assurance:?}");
                        let redeemed = permit.redeem();
                        let said = redeemed.record.judgement();
                        assert!(said.reason_codes.contains(&"evidence_unavailable".to_owned()));
                        let simulated = verdict != Verdict::Allow;
                        let kind = if simulated { PermitKind::Observed } else { PermitKind::Allow };
                        assert_eq!((said.permit, said.simulated), (Some(kind), simulated));
                        assert!(matches!(redeemed.backing, Backing::Forgone(_)));
                        forgone += 1;
                    }
                    Err(denial) => {
                        assert!(!may, "{scene:?} {assurance:?}");
                        assert_eq!(denial.disposition(), Disposition::Failed);
                    }
                }
            }
        }
    }
    // Durability all and forward: allow in three stages and what two of them simulate.
    assert!(forgone > 5, "{forgone}");
}

#[tokio::test]
async fn a_fault_of_ours_is_no_lack_of_evidence() {
    let scene = Scene {
        stage: Stage::Enforce,
        protection: Protection::Open,
        wish: Wish::None,
        scope: DryRunScope::Table,
    };
    let assurance = Assurance { durability: Durability::All, on_failure: OnFailure::Forward };
    for (failed, goes) in [
        (CommitFailed::Failed, true),
        (CommitFailed::Stopped, true),
        (CommitFailed::Unrecorded, true),
        (CommitFailed::Undecided, false),
        (CommitFailed::Spent, false),
    ] {
        let Ruling::Pending(pending) = rule_assured(scene, assurance, Verdict::Allow) else {
            panic!("an open call goes at once where all wait");
        };
        assert_eq!(pending.forgo(failed).is_ok(), goes, "{failed:?}");
    }
}
