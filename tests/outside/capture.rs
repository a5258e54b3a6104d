//! Evidence that keeps intents, judged again by `gait replay`.

use crate::support::{Gait, Recorder, Setup, get, post, run_to_end, send, wait_for};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;

/// A gait before `tool` whose routes keep intents, but for reads.
fn keeping(tool: &Recorder) -> Gait {
    let mut setup = Setup::fixture("json_server", tool.address);
    setup.config = setup.config.replace("STAGE", "enforce").replace(
        "    intent: { tool_name: payments.small,",
        "    capture: full\n    intent: { tool_name: payments.small,",
    );
    setup.config = setup.config.replace(
        "    intent: { tool_name: files.write,",
        "    capture: full\n    intent: { tool_name: files.write,",
    );
    setup.start()
}

fn write_file(name: &str) -> String {
    let body = json!({ "name": name }).to_string();
    format!(
        "PUT /files/2 HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

fn replay(dir: &Path, policy: &str) -> (Option<i32>, Value) {
    let arguments = ["replay", "--evidence", "state/evidence", "--policies", policy, "--json"];
    let output = run_to_end(dir, &arguments);
    (output.status.code(), serde_json::from_slice(&output.stdout).unwrap())
}

#[test]
fn kept_intents_are_judged_again_as_they_were() {
    let tool = Recorder::start();
    let gait = keeping(&tool);
    for amount in 1..=20 {
        let body = json!({ "to": "b\u{f6}b", "amount": amount, "note": " x " }).to_string();
        assert_eq!(send(gait.server, post("/payments", &body)).status, 200);
    }
    assert_eq!(send(gait.server, write_file("zwei")).status, 200);
    assert_eq!(send(gait.server, write_file(&"z".repeat(20_000))).status, 200);
    assert_eq!(send(gait.server, get("/files/2")).status, 200);
    let lines = wait_for("the lines", || {
        let lines = gait.evidence();
        let ended = lines.iter().filter(|line| line["ending"].is_string()).count();
        (ended == 23).then_some(lines)
    });
    let kept =
        |kind: &str| lines.iter().filter(|l| l["kind"] == kind && l["intent"].is_object()).count();
    assert_eq!((kept("call"), kept("decision"), kept("outcome")), (20, 1, 0));

    let dir = gait.kill();
    let (exit, same) = replay(dir.path(), "policy.yaml");
    assert_eq!(exit, Some(0), "{same}");
    let policy = fs::read_to_string(dir.path().join("policy.yaml")).unwrap();
    fs::write(dir.path().join("strict.yaml"), policy.replace(" payments.small,", "")).unwrap();
    let (exit, stricter) = replay(dir.path(), "strict.yaml");
    assert_eq!(exit, Some(3), "{stricter}");
    assert!(stricter.to_string().contains("payments.small"), "{stricter}");
}
