//! `gait gate eval` where rules limit calls or want a brokered credential.

mod command;
#[path = "command/shell.rs"]
mod shell;

use command::Place;
use serde_json::{Value, json};
use shell::{INTENT, mode, refused};
use std::time::Duration;

const LIMITED: &str =
    "rules: [{name: a, effect: allow, rate_limit: {requests: 2, window: hour, scope: tool}}]";

#[test]
fn calls_are_counted_until_the_limit_also_when_simulated() {
    let place = Place::with(LIMITED);
    let run = place.eval("--simulate");
    assert_eq!((run.exit, &run.json()["rate_limit_used"]), (0, &json!(1)), "{run:?}");
    let answer = place.eval("").json();
    assert_eq!(
        (&answer["verdict"], &answer["rate_limit_key"]),
        (&json!("allow"), &json!("files.write"))
    );
    assert_eq!(
        (&answer["rate_limit_used"], &answer["rate_limit_remaining"]),
        (&json!(2), &Value::Null)
    );
    let run = place.eval("");
    let answer = run.json();
    assert_eq!((run.exit, &answer["violations"]), (3, &json!(["rate_limit_exceeded"])), "{run:?}");
    assert_eq!(answer["reason_codes"], json!(["matched_rule_a", "rate_limit_exceeded"]));
    assert_eq!(mode(&place.path(".gait-out/gate_rate_limits.json")), 0o600);
    let text = place.run("gate eval --policy policy.yaml --intent intent.json").out;
    assert!(text.contains("\nrate limit: files.write used=2 remaining=0\n"), "{text}");
}

#[test]
fn a_state_that_cannot_be_used_allows_nothing() {
    let place = Place::with(LIMITED);
    place.put("r.json", "{}");
    refused(&place.eval("--rate-limit-state r.json --trace-out t.json"), "parse rate limit state");
    let text = "gate eval --policy policy.yaml --intent intent.json --rate-limit-state r.json";
    let run = place.run(text);
    assert!(run.log.starts_with("gate eval error: parse rate limit state: r.json: "), "{run:?}");
    place.put("r2.json.lock", "somebody else");
    let started = gait::clock::instant();
    let run = place.eval("--rate-limit-state r2.json --trace-out t.json");
    assert!(started.elapsed() >= Duration::from_secs(3));
    let answer = run.json();
    let error = answer["error"].as_str().unwrap();
    assert!(run.exit == 1 && error.starts_with("acquire rate limit lock: timeout"), "{run:?}");
    assert_eq!(answer["error_code"], "internal_failure");
    assert!(!place.path("t.json").exists());
}

const BROKERED: &str = "rules: [{name: a, effect: allow, require_broker_credential: true, \
    broker_reference: r, broker_scopes: [write], max_credential_ttl_seconds: TTL}]";

/// An intent that says what the rule wants to hear of its own credential.
fn with_credential(reference: &str) -> String {
    INTENT.replace(
        "\"risk_class\":",
        &format!(
            "\"credential_ref\":\"{reference}\",\"credential_source\":\"stub\",\
             \"credential_access_type\":\"jit\",\"credential_ttl_seconds\":1,\"risk_class\":"
        ),
    )
}

#[test]
fn a_credential_is_issued_checked_and_proved() {
    let place = Place::with("rules: [{name: a, effect: allow, require_broker_credential: true}]");
    let answer = place.eval("").json();
    assert_eq!(answer["violations"], json!(["broker_credential_missing"]));
    assert_eq!(answer["reason_codes"], json!(["broker_credential_required", "matched_rule_a"]));

    let run = place.eval(
        "--credential-broker stub --credential-ref own --credential-scopes a,b \
        --trace-out t.json --credential-evidence-out e/c.json",
    );
    let answer = run.json();
    assert_eq!((run.exit, &answer["credential_ttl_seconds"]), (0, &json!(300)), "{run:?}");
    assert_eq!(answer["reason_codes"], json!(["broker_credential_present", "matched_rule_a"]));
    assert_eq!(answer["credential_evidence_path"], "e/c.json");
    let (evidence, trace) = (place.json("e/c.json"), place.json("t.json"));
    assert_eq!(evidence["schema_id"], "gait.gate.broker_credential_record");
    assert_eq!((&evidence["reference"], &evidence["scope"]), (&json!("own"), &json!(["a", "b"])));
    assert_eq!(evidence["trace_id"], answer["trace_id"]);
    for (in_evidence, in_trace) in [
        ("credential_ref", "broker_credential_ref"),
        ("request_digest", "broker_request_digest"),
        ("target_binding", "broker_target_binding"),
    ] {
        assert!(trace[in_trace].is_string(), "{in_trace}");
        assert_eq!(evidence[in_evidence], trace[in_trace]);
    }
    assert_eq!(answer["credential_ref"], evidence["credential_ref"]);
    assert_eq!(mode(&place.path("e/c.json")), 0o600);
}

#[test]
fn a_receipt_is_held_against_rule_and_intent() {
    let place = Place::with(&BROKERED.replace("TTL", "299"));
    place.put("intent.json", with_credential("other"));
    let answer = place.eval("--credential-broker stub").json();
    let faults = json!(["broker_credential_ref_mismatch", "broker_ttl_exceeded"]);
    assert_eq!((&answer["verdict"], &answer["violations"]), (&json!("block"), &faults));
    let issued = answer["credential_ref"].as_str().unwrap();
    place.put("policy.yaml", BROKERED.replace("TTL", "300"));
    place.put("intent.json", with_credential(issued));
    assert_eq!(place.eval("--credential-broker stub").exit, 0);
    let answer = place.eval("--credential-broker stub --credential-scopes Admin").json();
    assert!(answer["violations"].to_string().contains("broker_scope_mismatch"), "{answer}");
}

#[test]
fn a_delegation_that_must_be_proved_is_not_believed() {
    let place = Place::with("rules: [{name: a, effect: allow, match: {require_delegation: true}}]");
    let delegation = "\"delegation\":{\"requester_identity\":\"ada\"},\"tool_name\":";
    place.put("intent.json", INTENT.replace("\"tool_name\":", delegation));
    let run = place.eval("");
    assert_eq!((run.exit, &run.json()["delegation_required"]), (3, &json!(true)), "{run:?}");
    assert_eq!(run.json()["violations"], json!(["delegation_not_granted"]));
}

#[test]
fn two_names_of_one_state_share_its_counters() {
    let place =
        Place::with("rules: [{name: a, effect: allow, rate_limit: {requests: 2, window: hour}}]");
    assert_eq!(place.eval("--rate-limit-state real/r.json").exit, 0);
    std::os::unix::fs::symlink("real/r.json", place.path("link.json")).unwrap();
    assert_eq!(place.eval("--rate-limit-state link.json").exit, 0);
    assert_eq!(place.eval("--rate-limit-state real/r.json").exit, 3);
}
