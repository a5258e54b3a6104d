//! What rules ask for beside their verdict, over HTTP: freeze windows, credentials, delegation,
//! domains. Each is refused where the stage enforces, and forwarded and marked where it observes.

use crate::support::{Gait, Recorder, Response, Setup, post, send, wait_for};
use serde_json::{Value, json};
use std::process::Command;

/// One route of risk low with a url target that the body names, under one rule with these terms.
fn gait(stage: &str, terms: &str, tool: &Recorder) -> Gait {
    let config = format!(
        "server: {{ listen: \"127.0.0.1:0\" }}\nstage: {stage}\nunmapped: {{ action: deny }}\n\
         upstreams: {{ tool: {{ url: \"http://{}\" }} }}\nroutes:\n  - name: fetch\n    match: \
         {{ methods: [POST], path: \"/fetch\" }}\n    upstream: tool\n    intent: {{ tool_name: \
         web.fetch, risk_class: low, args: body, targets: [ {{ kind: url, value: \
         \"{{body:/url}}\", operation: get }} ] }}\n",
        tool.address
    );
    let policy = format!(
        "default_verdict: block\nrules:\n  - name: fetches\n    effect: allow\n    match: \
         {{ tool_names: [web.fetch] }}\n    {terms}\n"
    );
    Setup { config, policy }.start()
}

fn fetch(gait: &Gait, url: &str) -> Response {
    send(gait.server, post("/fetch", &json!({ "url": url }).to_string()))
}

const URL: &str = "https://api.test/x";

/// Refused beyond observe with this status, codes and violations; forwarded and marked in observe.
fn refused(terms: &str, url: &str, status: u16, codes: &[&str], violation: &str) -> Value {
    let tool = Recorder::start();
    let observing = gait("observe", terms, &tool);
    let marked = fetch(&observing, url);
    assert_eq!((marked.status, marked.one("Gait-Simulated")), (200, Some("block")), "{marked:?}");
    assert_eq!(marked.one("Gait-Disposition"), Some("forwarded"));
    observing.settled().assert_law();
    let line = wait_for("the line", || {
        observing.evidence().into_iter().find(|line| line["kind"] == "call")
    });
    assert_eq!((&line["verdict"], &line["simulated"]), (&json!("block"), &json!(true)), "{line}");
    assert_eq!(tool.take().len(), 1);

    let enforcing = gait("enforce", terms, &tool);
    let answer = fetch(&enforcing, url);
    let body = answer.json();
    assert_eq!((answer.status, &body["verdict"]), (status, &json!("block")), "{body}");
    for code in codes {
        assert!(body["reason_codes"].as_array().unwrap().contains(&json!(code)), "{body}");
        assert!(line["reason_codes"].as_array().unwrap().contains(&json!(code)), "{line}");
    }
    assert!(body["violations"].as_array().unwrap().contains(&json!(violation)), "{body}");
    assert_eq!(tool.count(), 0);
    enforcing.settled().assert_law();
    body
}

#[test]
fn a_credential_that_nobody_can_broker_is_missing() {
    let body = refused(
        "require_broker_credential: true",
        URL,
        403,
        &["broker_credential_required", "matched_rule_fetches"],
        "broker_credential_missing",
    );
    assert_eq!(body["type"], "urn:gait:problem:blocked");
    assert!(body["detail"].as_str().unwrap().contains("no broker"), "{body}");
}

#[test]
fn a_rule_about_delegated_calls_never_matches_and_the_load_says_so() {
    let tool = Recorder::start();
    let terms = "priority: 5\n  - name: delegated\n    effect: allow\n    priority: 1\n    match: \
                 { tool_names: [web.fetch], require_delegation: true }";
    let gait = gait("enforce", terms, &tool);
    assert_eq!(fetch(&gait, URL).status, 200, "by the rule behind it");
    let log = gait.log();
    assert!(log.contains("rule `delegated` never matches here"), "{log}");
}

/// A clock reading this far from now, in UTC, as windows are written.
fn local(shift: &str) -> String {
    let date = Command::new("date")
        .args(["-u", "-d", shift, "+%Y-%m-%dT%H:%M:%S"])
        .output()
        .expect("date");
    String::from_utf8(date.stdout).unwrap().trim().to_owned()
}

fn window(effect: &str, start: &str, end: &str) -> String {
    format!(
        "freeze_window: {{ timezone: UTC, effect: {effect}, reason: release, windows: [ {{ start: \
         \"{}\", end: \"{}\" }} ] }}",
        local(start),
        local(end)
    )
}

#[test]
fn an_open_window_locks_and_says_until_when() {
    let codes = ["freeze_window_active_block"];
    let open = window("block", "-1 hour", "+1 hour");
    let body = refused(&open, URL, 423, &codes, "freeze_window_active_block");
    assert_eq!(body["type"], "urn:gait:problem:locked");
    let until = body["until"].as_str().unwrap();
    assert!(until.ends_with('Z'), "{until}");

    let tool = Recorder::start();
    let wait = |terms: &str| {
        let answer = fetch(&gait("enforce", terms, &tool), URL);
        assert_eq!(answer.status, 423);
        answer.one("Retry-After").map(|seconds| seconds.parse::<u64>().unwrap())
    };
    let seconds = wait(&open).unwrap();
    assert!((3_500..=3_600).contains(&seconds), "{seconds}");
    assert_eq!(wait(&window("block", "-1 hour", "+3 days")), None, "too long to wait for");
}

#[test]
fn a_window_opens_and_closes_by_itself() {
    let tool = Recorder::start();
    let gait = gait("enforce", &window("block", "+2 seconds", "+5 seconds"), &tool);
    assert_eq!(fetch(&gait, URL).status, 200);
    wait_for("the window", || (fetch(&gait, URL).status == 423).then_some(()));
    wait_for("its end", || (fetch(&gait, URL).status == 200).then_some(()));
}

#[test]
fn a_window_may_ask_for_an_approval_and_one_elsewhere_is_closed() {
    let tool = Recorder::start();
    let open = gait("enforce", &window("require_approval", "-1 hour", "+1 hour"), &tool);
    assert_eq!(fetch(&open, URL).status, 428);
    let closed = gait("enforce", &window("block", "-2 hours", "-1 hour"), &tool);
    assert_eq!(fetch(&closed, URL).status, 200);
    let unknown = window("block", "-1 hour", "+1 hour").replace("UTC", "Nowhere/At_All");
    let body = fetch(&gait("enforce", &unknown, &tool), URL);
    assert_eq!(body.status, 403, "a fault of the policy does not end by itself");
    assert_eq!(tool.count(), 1);
}

#[test]
fn domains_are_worked_out_and_what_cannot_be_is_denied() {
    let allow = "endpoint: { domain_allowlist: [api.test] }";
    let tool = Recorder::start();
    let enforcing = gait("enforce", allow, &tool);
    assert_eq!(fetch(&enforcing, URL).status, 200);
    assert_eq!(fetch(&enforcing, "https://API.test:8443/x").status, 200);
    let elsewhere = fetch(&enforcing, "https://evil.test/api.test").json();
    assert!(elsewhere["violations"].to_string().contains("endpoint_domain_not_allowlisted"));
    // The caller's own word for the domain is one more argument, and no fact.
    let claim = json!({"url": "https://evil.test/", "endpoint_domain": "api.test"});
    assert_eq!(send(enforcing.server, post("/fetch", &claim.to_string())).status, 403);
    assert_eq!(tool.take().len(), 2);
    let code = "endpoint_domain_unknown";
    let deny = "endpoint: { domain_denylist: [evil.test] }";
    for url in ["evil.test/x", "http:\\\\evil.test/", "https://evil.test./", "http://127.1/"] {
        refused(deny, url, 403, &[code], code);
    }
    let unlisted = gait("enforce", "endpoint: { path_allowlist: [/a] }", &tool);
    assert_eq!(fetch(&unlisted, "evil.test/x").status, 200, "no rule about domains");
}

#[test]
fn an_mcp_trust_is_said_to_have_no_effect() {
    let tool = Recorder::start();
    let terms = "priority: 1\nmcp_trust: { snapshot: trust.json }";
    let gait = gait("enforce", terms, &tool);
    assert_eq!(fetch(&gait, URL).status, 200);
    assert!(gait.log().contains("`mcp_trust` has no effect here"), "{}", gait.log());
}
