//! json-server behind gait: what it did is read from its own state, not from ours.

use crate::support::{Conn, Gait, Peer, Scrape, Setup, post, send, wait_for};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

/// A call of the mix.
struct Call {
    bytes: String,
    /// What json-server's count calls it.
    key: &'static str,
    /// The status through gait, per stage, in rollout order.
    statuses: [u16; 4],
}

const STAGES: [&str; 4] = ["observe", "dry_run", "require_approval", "enforce"];

/// json-server behind a gait in this stage.
fn behind(stage: &str) -> (Peer, Gait) {
    let peer = Peer::start();
    let mut setup = Setup::fixture("json_server", peer.address);
    setup.config = setup.config.replace("STAGE", stage);
    let gait = setup.start();
    (peer, gait)
}

/// A call with a JSON body and any method.
fn call(method: &str, target: &str, body: &str) -> String {
    post(target, body).replacen("POST", method, 1)
}

/// The mix: every verdict, on protected and on open tools.
fn mix() -> Vec<Call> {
    let row = |bytes, key, statuses| Call { bytes, key, statuses };
    vec![
        row(call("POST", "/notes", r#"{"text":"a"}"#), "POST /notes", [201; 4]),
        row(call("POST", "/payments", r#"{"amount":5}"#), "POST /payments", [201; 4]),
        row(call("PUT", "/files/2", r#"{"name":"zwei"}"#), "PUT /files", [200; 4]),
        row("GET /files/2 HTTP/1.1\r\nHost: h\r\n\r\n".into(), "GET /files", [200; 4]),
        row(call("POST", "/payments", r#"{"amount":5000}"#), "", [201, 200, 428, 428]),
        row(call("POST", "/payments", r#"{"amount":5,"amount":5000}"#), "", [201, 400, 400, 400]),
        row(call("DELETE", "/files/1", ""), "", [200, 200, 403, 403]),
        row(call("PATCH", "/notes/1", r#"{"text":"b"}"#), "", [200, 200, 200, 403]),
        row(call("DELETE", "/payments/1", ""), "", [200, 200, 200, 200]),
    ]
}

#[test]
fn its_state_shows_what_each_stage_let_through() {
    // What the state must be: names of files, amounts of payments, texts of notes.
    let expected = [
        (json!(["zwei"]), json!([5000, 5000]), json!(["b"])),
        (json!(["one", "zwei"]), json!([5]), json!(["b"])),
        (json!(["one", "zwei"]), json!([5]), json!(["b"])),
        (json!(["one", "zwei"]), json!([5]), json!(["a"])),
    ];
    for ((index, stage), (files, payments, notes)) in STAGES.iter().enumerate().zip(expected) {
        let (peer, gait) = behind(stage);
        for call in mix() {
            let answer = send(gait.server, &call.bytes);
            assert_eq!(answer.status, call.statuses[index], "{stage}: {}: {answer:?}", call.bytes);
        }
        let scrape = gait.settled();
        assert_law_with(&scrape, peer.executed_in_all());
        assert_eq!(members(&peer, "/files", "name"), files, "{stage}");
        assert_eq!(members(&peer, "/payments", "amount"), payments, "{stage}");
        assert_eq!(members(&peer, "/notes", "text"), notes, "{stage}");
    }
}

/// One member of every document of a collection.
fn members(peer: &Peer, path: &str, name: &str) -> Value {
    let all = peer.state(path);
    all.as_array().expect("a collection").iter().map(|document| document[name].clone()).collect()
}

/// The law, and the tool's own count beside ours.
fn assert_law_with(scrape: &Scrape, executed: u64) {
    scrape.assert_law();
    let executed = u32::try_from(executed).map(f64::from).unwrap();
    assert_eq!(scrape.total("gait_permits_total"), executed, "minted");
    assert_eq!(scrape.total("gait_upstream_requests_total"), executed, "sent");
}

const CALLERS: usize = 8;
const ROUNDS: usize = 139;

#[test]
fn ten_thousand_calls_and_three_counts_agree() {
    let (peer, gait) = behind("enforce");
    let mix = mix();
    let all = CALLERS * ROUNDS * mix.len();
    assert!(all >= 10_000, "{all}");
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let scraper = scope.spawn(|| scrape_until(&gait, &done));
        let callers: Vec<_> = (0..CALLERS).map(|_| scope.spawn(|| drive(&gait, &mix))).collect();
        let ended: Vec<_> = callers.into_iter().map(|caller| caller.join()).collect();
        done.store(true, Ordering::Relaxed);
        assert!(scraper.join().unwrap() > 3, "several scrapes during the run");
        assert!(ended.iter().all(Result::is_ok), "a caller failed");
    });
    let scrape = gait.settled();
    let executed = peer.executed_in_all();
    assert_law_with(&scrape, executed);
    let each = (CALLERS * ROUNDS) as u64;
    for call in mix.iter().filter(|call| !call.key.is_empty()) {
        assert_eq!(peer.executed(call.key), each, "{}", call.key);
    }
    assert_eq!(executed, 4 * each, "only what the policy allows");
    evidence_agrees(&gait, all);
}

/// Scrapes until told to stop; the law holds at every one. Gives how many there were.
fn scrape_until(gait: &Gait, done: &AtomicBool) -> usize {
    let mut scrapes = 0;
    while !done.load(Ordering::Relaxed) {
        gait.scrape().assert_law();
        scrapes += 1;
        thread::sleep(Duration::from_millis(25));
    }
    scrapes
}

/// One caller: the mix, round after round, on one kept connection.
fn drive(gait: &Gait, mix: &[Call]) {
    let mut conn = Conn::open(gait.server);
    for _ in 0..ROUNDS {
        for call in mix {
            let answer = conn.write(&call.bytes).read();
            assert_eq!(answer.status, call.statuses[3], "{}: {answer:?}", call.bytes);
        }
    }
}

/// The third count: lines. One closing line a call, and a decision line, written first, for each
/// protected call that went out.
fn evidence_agrees(gait: &Gait, all: usize) {
    let of = |lines: &[Value], kind: &str| -> Vec<Value> {
        lines.iter().filter(|line| line["kind"] == kind).cloned().collect()
    };
    let lines = wait_for("every call's line", || {
        let lines = gait.evidence();
        let closing = of(&lines, "call").len() + of(&lines, "outcome").len();
        (closing >= all).then_some(lines)
    });
    let (calls, decisions, outcomes) =
        (of(&lines, "call"), of(&lines, "decision"), of(&lines, "outcome"));
    assert_eq!(calls.len() + outcomes.len(), all, "one closing line a call");
    assert_eq!(decisions.len(), CALLERS * ROUNDS, "one protected call of the mix is allowed");
    assert!(decisions.iter().all(|line| line["verdict"] == "allow" && line["protected"] == true));
    let ids = |lines: &[Value]| -> BTreeSet<String> {
        lines.iter().filter_map(|line| line["call_id"].as_str().map(str::to_owned)).collect()
    };
    assert_eq!(ids(&decisions), ids(&outcomes), "each decision has its outcome");
    let forwarded = calls.iter().filter(|line| line["disposition"] == "forwarded").count();
    assert_eq!(forwarded + outcomes.len(), 4 * CALLERS * ROUNDS, "forwarded by the evidence");
}
