//! What was approved is the very call: one other byte of it, another caller or another policy is
//! refused, each with a reason of its own.

use super::*;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::fs;

/// What is approved in every row.
const BODY: &str = "{\"to\":\"bob\"}";
const TARGET: &str = "/v1/files/a/b?n=1";
const JSON: &str = "Content-Type: application/json\r\n";

/// A gait whose one call by nobody was approved, and the line that shows the token.
fn approved(tool: &Recorder) -> (Gait, String) {
    let gait = setup(tool.address).start();
    let desk = Approver::local(&gait);
    assert_eq!(put(&gait, "", TARGET, JSON, BODY).status, 428);
    let token = shown(&desk.grant(&desk.pending()));
    (gait, token)
}

#[test]
fn one_other_byte_is_another_call_and_the_answer_says_of_what() {
    let tool = Recorder::start();
    let (gait, token) = approved(&tool);
    let json = format!("{JSON}{token}");
    let plain = format!("Content-Type: application/jsom\r\n{token}");
    let coded = format!("{json}Content-Encoding: gzip\r\n");
    let host = |text: String| text.replace("Host: h\r\n", "Host: i\r\n");
    let rows = [
        (request("POST", "", TARGET, &json, BODY), "approved_other_method"),
        (request("PUT", "", "/v1/files/a/c?n=1", &json, BODY), "approved_other_path"),
        (request("PUT", "", "/v1/files/a/b?n=2", &json, BODY), "approved_other_query"),
        (request("PUT", "", "/v1/files/a/b", &json, BODY), "approved_other_query"),
        (request("PUT", "", TARGET, &json, "{\"to\":\"bod\"}"), "approved_other_body"),
        (request("PUT", "", TARGET, &json, "{\"to\": \"bob\"}"), "approved_other_body"),
        (request("PUT", "", TARGET, &plain, BODY), "approved_other_content_type"),
        (request("PUT", "", TARGET, &coded, BODY), "approved_other_facts"),
        (request("PUT", "ann", TARGET, &json, BODY), "approved_other_identity"),
        (host(request("PUT", "", TARGET, &json, BODY)), "approved_other_host"),
    ];
    for (bytes, code) in rows {
        let answer = send(gait.server, &bytes);
        let known: Vec<&str> = CHANGES.iter().copied().filter(|one| says(&answer, one)).collect();
        assert_eq!(
            (answer.status, known.as_slice()),
            (403, [code].as_slice()),
            "{}",
            answer.text()
        );
        assert!(says(&answer, "approval_token_intent_mismatch"), "{}", answer.text());
        assert_eq!(answer.json()["type"], "urn:gait:problem:approval-refused");
    }
    assert_eq!(tool.count(), 0);
    assert!(Approver::local(&gait).list("pending").is_empty(), "nobody was asked for that");
    // None of that has spent it.
    assert_eq!(put(&gait, "", TARGET, &json, BODY).status, 200);
}

const CHANGES: [&str; 8] = [
    "approved_other_body",
    "approved_other_content_type",
    "approved_other_facts",
    "approved_other_host",
    "approved_other_identity",
    "approved_other_method",
    "approved_other_path",
    "approved_other_query",
];

#[test]
fn another_policy_is_another_question() {
    let tool = Recorder::start();
    let (gait, token) = approved(&tool);
    let policy = POLICY.replace("priority: 2", "priority: 3");
    fs::write(gait.dir().join("policy.yaml"), policy).unwrap();
    let before = gait.scrape().values("gait_snapshot_info", "policy");
    gait.signal("HUP");
    wait_for("the reload", || {
        (gait.scrape().values("gait_snapshot_info", "policy") != before).then_some(())
    });
    let answer = put(&gait, "", TARGET, &format!("{JSON}{token}"), BODY);
    assert_eq!((answer.status, tool.count()), (403, 0), "{}", answer.text());
    assert!(says(&answer, "approval_token_policy_mismatch"), "{}", answer.text());
}

#[test]
fn every_member_of_a_token_counts() {
    let tool = Recorder::start();
    let (gait, token) = approved(&tool);
    let value = token.trim_end().strip_prefix("Gait-Approval: ").unwrap();
    let good: Value = serde_json::from_slice(&STANDARD.decode(value).unwrap()).unwrap();
    let digest = sha256("other");
    let rows: [(&str, Value); 10] = [
        ("/token_id", "f00".into()),
        ("/approver_identity", "operators".into()),
        ("/reason_code", "other".into()),
        ("/intent_digest", digest.clone().into()),
        ("/policy_digest", digest.clone().into()),
        ("/scope", serde_json::json!(["*"])),
        ("/created_at", "2026-01-01T00:00:00Z".into()),
        ("/expires_at", "2036-01-01T00:00:00Z".into()),
        ("/signature/signed_digest", digest.clone().into()),
        ("/signature/key_id", digest.into()),
    ];
    for (pointer, other) in rows {
        let mut token = good.clone();
        *token.pointer_mut(pointer).expect(pointer) = other;
        let value = STANDARD.encode(token.to_string());
        let lines = format!("{JSON}Gait-Approval: {value}\r\n");
        let answer = put(&gait, "", TARGET, &lines, BODY);
        assert_eq!(answer.status, 403, "{pointer}: {}", answer.text());
        assert!(says(&answer, "approval_token_signature_invalid"), "{pointer}: {}", answer.text());
    }
    assert_eq!(tool.count(), 0);
    assert_eq!(put(&gait, "", TARGET, &format!("{JSON}{token}"), BODY).status, 200);
}

#[test]
fn what_only_looks_like_a_digest_hides_nothing_from_the_approver() {
    let tool = Recorder::start();
    let gait = setup(tool.address).start();
    let desk = Approver::local(&gait);
    let target = format!("/v1/files/a?n=sha256:{}", sha256("x"));
    assert_eq!(put(&gait, "ann", &target, "", "drop all").status, 428);
    let shown = desk.show(&desk.pending());
    assert_eq!(shown["call"]["body"], "drop all", "{shown}");
}
