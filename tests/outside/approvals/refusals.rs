//! Words that do not count, and what keeps a call from its approval although one was given.

use super::*;
use crate::support::clear_of_the_hour;
use gait::approval::Grant;
use gait::intent::time::Time;
use gait::sign::PrivateKey;
use std::fs;
use std::time::Duration;

/// The config of two approvers with keys; `ann` the caller is also `ann` the approver.
const APPROVERS: &str = "approvals:\n  approvers:\n  \
    - { name: ann, keys: [ann.key] }\n  \
    - { name: cal, keys: [cal.key], logins: [local], may: { tools: [\"files.*\"] } }\n";

const SWITCH: &str = "{\"schema_id\":\"gait.gate.kill_switch_state\",\"schema_version\":\"1.0.0\",\
    \"created_at\":\"2026-01-01T00:00:00Z\",\"updated_at\":\"2026-01-01T00:00:00Z\",\"entries\":[ENTRIES]}";

struct Keys {
    ann: PrivateKey,
    cal: PrivateKey,
}

/// A gait in a folder where the keys lie.
fn start(tool: &Recorder, more: &str) -> (Gait, Keys) {
    let keys = Keys { ann: PrivateKey::generate().unwrap(), cal: PrivateKey::generate().unwrap() };
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("ann.key"), keys.ann.public().to_text()).unwrap();
    fs::write(dir.path().join("cal.key"), keys.cal.public().to_text()).unwrap();
    let gait = setup(tool.address).with(APPROVERS).with(more).start_in(dir);
    (gait, keys)
}

/// A token for the call that `answer` refused.
fn token(answer: &Response, approver: &str, key: &PrivateKey, minutes: i64) -> String {
    let problem = answer.json();
    let text = |name: &str| problem[name].as_str().unwrap().to_owned();
    let now = jiff::Timestamp::now();
    let at = |minutes: i64| Time::from_timestamp(now + jiff::SignedDuration::from_mins(minutes));
    let grant = Grant {
        intent_digest: text("intent_digest"),
        policy_digest: text("policy_digest"),
        delegation_binding_digest: String::new(),
        approver_identity: approver.to_owned(),
        reason_code: "checked".to_owned(),
        scope: vec![format!("tool:{}", text("tool_name"))],
        max_targets: 0,
        max_ops: 0,
        created_at: at(-60),
        expires_at: at(minutes),
    };
    let token = serde_json::to_vec(&grant.mint(key).unwrap()).unwrap();
    use base64::Engine as _;
    let value = base64::engine::general_purpose::STANDARD.encode(token);
    format!("Gait-Approval: {value}\r\n")
}

#[test]
fn a_signed_token_counts_by_its_owner_its_scope_and_its_time() {
    let tool = Recorder::start();
    let (gait, keys) = start(&tool, "");
    let asked = put(&gait, "bob", "/v1/files/a", "", "x");
    let note = put(&gait, "bob", "/v1/notes/a", "", "x");
    let own = put(&gait, "ann", "/v1/files/a", "", "x");
    let stranger = PrivateKey::generate().unwrap();
    let rows = [
        ("bob", "/v1/files/a", token(&asked, "cal", &keys.ann, 5), "approver_not_authorized"),
        (
            "bob",
            "/v1/files/a",
            token(&asked, "ann", &stranger, 5),
            "approval_token_signature_invalid",
        ),
        ("bob", "/v1/files/a", token(&asked, "ann", &keys.ann, -1), "approval_token_expired"),
        ("bob", "/v1/notes/a", token(&note, "cal", &keys.cal, 5), "approver_out_of_scope"),
        ("ann", "/v1/files/a", token(&own, "ann", &keys.ann, 5), "approver_is_requester"),
        ("bob", "/v1/files/a", "Gait-Approval: !\r\n".to_owned(), "approval_token_invalid"),
        ("bob", "/v1/files/a", "Gait-Approval: e30=\r\n".to_owned(), "approval_token_invalid"),
        ("bob", "/v1/files/a", "Gait_Approval: e30=\r\n".to_owned(), "approval_header_spelling"),
    ];
    for (caller, target, line, code) in rows {
        let answer = put(&gait, caller, target, &line, "x");
        assert_eq!(answer.status, 403, "{code}: {}", answer.text());
        assert!(says(&answer, code), "{code}: {}", answer.text());
    }
    assert_eq!(tool.count(), 0);
    let good = token(&asked, "ann", &keys.ann, 5);
    assert_eq!(put(&gait, "bob", "/v1/files/a", &good, "x").status, 200);
    assert_eq!(put(&gait, "bob", "/v1/files/a", &good, "x").status, 409);
    assert_eq!(tool.count(), 1);
    let refusals = gait.scrape();
    assert_eq!(
        refusals.sum("gait_approval_refusals_total", &[("reason", "approver_is_requester")]),
        1.0
    );
}

#[test]
fn two_approvals_come_from_two_people_by_token_or_by_desk() {
    let tool = Recorder::start();
    let (gait, keys) = start(&tool, "");
    let policy =
        POLICY.replace("effect: require_approval,", "effect: require_approval, min_approvals: 2,");
    fs::write(gait.dir().join("policy.yaml"), policy).unwrap();
    gait.signal("HUP");
    let asked = wait_for("the new policy", || {
        let asked = put(&gait, "bob", "/v1/files/a", "", "x");
        (asked.json()["required_approvals"] == 2).then_some(asked)
    });
    let ann = token(&asked, "ann", &keys.ann, 5);
    let one = put(&gait, "bob", "/v1/files/a", &ann, "x");
    assert_eq!((one.status, &one.json()["valid_approvals"]), (428, &1.into()), "{}", one.text());
    let both = ann.trim_end().to_owned() + ", " + ann.trim_start_matches("Gait-Approval: ");
    assert_eq!(put(&gait, "bob", "/v1/files/a", &both, "x").status, 428, "one token counts once");
    let desk = Approver::local(&gait);
    let id = asked.json()["approval_id"].as_str().unwrap().to_owned();
    desk.grant(&id);
    assert_eq!(desk.show(&id)["state"], "pending", "one of two");
    assert_eq!(put(&gait, "bob", "/v1/files/a", "", "x").status, 428);
    assert_eq!(put(&gait, "bob", "/v1/files/a", &ann, "x").status, 200);
    assert_eq!(tool.count(), 1);
}

#[test]
fn an_approver_who_stands_no_more_has_approved_nothing() {
    let tool = Recorder::start();
    let (gait, _) = start(&tool, "");
    let asked = put(&gait, "bob", "/v1/files/a", "", "x");
    let desk = Approver::local(&gait);
    let id = asked.json()["approval_id"].as_str().unwrap().to_owned();
    desk.grant(&id);
    let config = fs::read_to_string(gait.dir().join("gait.yaml")).unwrap();
    fs::write(gait.dir().join("gait.yaml"), config.replace(", logins: [local]", "")).unwrap();
    let before = gait.scrape().values("gait_snapshot_info", "config");
    gait.signal("HUP");
    wait_for("the reload", || {
        (gait.scrape().values("gait_snapshot_info", "config") != before).then_some(())
    });
    assert_eq!(put(&gait, "bob", "/v1/files/a", "", "x").status, 428);
    assert_eq!(tool.count(), 0);
}

#[test]
fn an_order_to_stop_holds_against_an_approval_and_does_not_spend_it() {
    let tool = Recorder::start();
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("switch.json"), SWITCH.replace("ENTRIES", "")).unwrap();
    let gait = setup(tool.address).with("kill_switch: switch.json\n").start_in(dir);
    let desk = Approver::local(&gait);
    assert_eq!(put(&gait, "ann", "/v1/files/a", "", "x").status, 428);
    let id = desk.pending();
    desk.grant(&id);
    let order =
        "{\"entries\":[{\"entry_id\":\"e\",\"tool_name\":\"files.write\",\"enabled\":true}]}";
    fs::write(gait.dir().join("switch.json"), order).unwrap();
    let stopped = wait_for("the order", || {
        let answer = put(&gait, "ann", "/v1/files/other", "", "x");
        (answer.status == 423).then(|| put(&gait, "ann", "/v1/files/a", "", "x"))
    });
    assert_eq!((stopped.status, tool.count()), (423, 0));
    assert_eq!(desk.show(&id)["state"], "approved");
}

#[test]
fn asking_spends_no_limit_and_running_does() {
    clear_of_the_hour();
    let tool = Recorder::start();
    let policy = POLICY.replace(
        "effect: require_approval,",
        "effect: require_approval, rate_limit: { requests: 1, window: hour, scope: tool_identity },",
    );
    let gait = Setup { policy, ..setup(tool.address) }.start();
    let desk = Approver::local(&gait);
    for _ in 0..5 {
        assert_eq!(put(&gait, "ann", "/v1/files/a", "", "x").status, 428);
    }
    desk.grant(&desk.pending());
    assert_eq!(put(&gait, "ann", "/v1/files/a", "", "x").status, 200);
    assert_eq!(put(&gait, "ann", "/v1/files/a", "", "x").status, 429);
    assert_eq!(tool.count(), 1);
}

#[test]
fn a_dry_run_spends_no_approval() {
    let tool = Recorder::start();
    let gait = setup(tool.address).start();
    let desk = Approver::local(&gait);
    assert_eq!(put(&gait, "", "/v1/files/a", "", "x").status, 428);
    let token = shown(&desk.grant(&desk.pending()));
    let dry = put(&gait, "", "/v1/files/a", &format!("{token}Gait-Dry-Run: 1\r\n"), "x");
    assert_eq!((dry.status, &dry.json()["would_status"]), (200, &428.into()));
    assert_eq!(tool.count(), 0);
    assert_eq!(put(&gait, "", "/v1/files/a", &token, "x").status, 200);
}

#[test]
fn a_store_that_is_gone_denies_what_needs_it_and_nothing_else() {
    let tool = Recorder::start();
    let gait = setup(tool.address).start();
    let desk = Approver::local(&gait);
    assert_eq!(put(&gait, "ann", "/v1/files/a", "", "x").status, 428);
    desk.grant(&desk.pending());
    let (state, away) = (gait.dir().join("state"), gait.dir().join("away"));
    fs::create_dir(&away).unwrap();
    for file in ["approvals.db", "approvals.db-wal", "approvals.db-shm"] {
        let _absent = fs::rename(state.join(file), away.join(file));
    }
    let answer = put(&gait, "ann", "/v1/files/a", "", "x");
    assert_eq!((answer.status, tool.count()), (503, 0), "{}", answer.text());
    assert!(says(&answer, "approval_store_unavailable"), "{}", answer.text());
    assert!(answer.one("retry-after").is_some());
    let read =
        send(gait.server, "GET /v1/files/a HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    assert_eq!(read.status, 200);
    assert_eq!(gait.telemetry("/readyz").status, 200);
    assert_eq!(gait.scrape().total("gait_approvals_store_up"), 0.0);
}

#[test]
fn a_time_out_is_a_no() {
    let tool = Recorder::start();
    let gait = setup(tool.address).with("approvals: { open_for: 10s, grant_holds: 10s }\n").start();
    let desk = Approver::local(&gait);
    assert_eq!(put(&gait, "", "/v1/files/a", "", "x").status, 428);
    let id = desk.pending();
    let answer = desk.say("grant", &id, &serde_json::json!({"reason": "quick", "ttl": "1s"}));
    let token = shown(&answer.json()["token"]["gait_approval"]);
    std::thread::sleep(Duration::from_millis(1_200));
    let late = put(&gait, "", "/v1/files/a", &token, "x");
    assert_eq!((late.status, tool.count()), (403, 0), "{}", late.text());
    assert!(says(&late, "approval_token_expired"), "{}", late.text());
}
