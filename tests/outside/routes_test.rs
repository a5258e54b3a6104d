//! `gait routes test` beside the running proxy: what the one says is what the other does.

use crate::support::{Gait, Recorder, Response, Setup, run_to_end, send, wait_for};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use tempfile::TempDir;

const STAGES: [&str; 4] = ["observe", "dry_run", "require_approval", "enforce"];

/// Members that the command and an evidence line have in common.
const SHARED: [&str; 17] = [
    "route",
    "upstream",
    "stage",
    "tool_name",
    "risk_class",
    "protected",
    "identity",
    "verdict",
    "simulated",
    "disposition",
    "reason_codes",
    "violations",
    "matched_rule",
    "trace_id",
    "policy_digest",
    "intent_digest",
    "args_digest",
];

const CONFIG: &str = r#"
server: { listen: "127.0.0.1:0", hosts: [api.test] }
kill_switch: ks.json
unmapped: { action: deny }
limits: { judged_body_bytes: 1024 }
upstreams: { tool: { url: "http://UPSTREAM" } }
identity:
  sources:
    - name: keys
      api_key:
        keys:
          - { sha256: 8522438d91dd1efcd73f722c52cbe2f719e7a5ff396d3afa4f6d1ebbbba83c9a, identity: bot, agent_id: b }
    - name: edge
      header: { name: X-Auth-Request-User, from: { cidrs: [127.0.0.0/8] } }
    - name: far
      header: { name: X-Remote-User, from: { cidrs: [10.0.0.0/8] } }
  agents: { b: { owner: o, publisher: p } }
routes:
  - name: small
    match: { methods: [POST], path: "/pay", body: { "/amount": { max: 100 } } }
    upstream: tool
    intent: { tool_name: pay.small, risk_class: low, args: body }
  - name: large
    match: { methods: [POST], path: "/pay" }
    upstream: tool
    intent: { tool_name: pay.large, risk_class: high, args: body, digest: [/note] }
  - name: closed
    match: { path: "/closed" }
    anonymous: deny
    upstream: tool
    intent: { tool_name: closed, risk_class: low }
  - name: named
    match: { path: "/needs" }
    upstream: tool
    intent: { tool_name: needs, risk_class: low, args: { wanted: header.x-wanted } }
  - name: any
    match: { path: "/call/{verdict}/{rest*}" }
    upstream: tool
    intent:
      tool_name: "call.{path.verdict}"
      risk_class: medium
      targets: [ { kind: path, value: "/{path.rest}", operation: delete } ]
"#;

const POLICY: &str = "\
default_verdict: block
rules:
  - {name: small, effect: allow, match: {tool_names: [pay.small, call.allow]}}
  - {name: large, effect: require_approval, match: {tool_names: [pay.large]}, reason_codes: [big]}
  - {name: rehearsed, effect: dry_run, match: {tool_names: [call.dry]}}
  - name: counted
    effect: allow
    match: {tool_names: [call.counted]}
    rate_limit: {requests: 1000, window: minute}
  - name: brokered
    effect: allow
    match: {tool_names: [call.brokered]}
    require_broker_credential: true
  - name: frozen
    effect: allow
    match: {tool_names: [call.frozen]}
    freeze_window:
      timezone: UTC
      windows: [{name: w, start: '2020-01-01T00:00:00', end: '2099-01-01T00:00:00'}]
";

/// One request, once for the socket and once for the command line.
struct Asked {
    method: &'static str,
    target: &'static str,
    fields: Vec<(&'static str, &'static str)>,
    body: String,
}

fn asked(method: &'static str, target: &'static str) -> Asked {
    Asked { method, target, fields: vec![("Host", "api.test")], body: String::new() }
}

impl Asked {
    fn with(mut self, name: &'static str, value: &'static str) -> Asked {
        self.fields.push((name, value));
        self
    }

    fn json(mut self, body: &str) -> Asked {
        self.body = body.to_owned();
        self.with("Content-Type", "application/json")
    }

    fn on_the_wire(&self) -> String {
        let mut text = format!("{} {} HTTP/1.1\r\n", self.method, self.target);
        for (name, value) in &self.fields {
            write!(text, "{name}: {value}\r\n").unwrap();
        }
        if !self.body.is_empty() {
            write!(text, "Content-Length: {}\r\n", self.body.len()).unwrap();
        }
        text + "\r\n" + &self.body
    }

    fn on_the_command_line(&self) -> Vec<String> {
        let mut words = ["routes", "test", self.method, self.target].map(str::to_owned).to_vec();
        for (name, value) in &self.fields {
            words.extend(["--header".to_owned(), format!("{name}: {value}")]);
        }
        if !self.body.is_empty() {
            words.extend(["--body".to_owned(), self.body.clone()]);
        }
        words.extend(["--config", "gait.yaml", "--json"].map(str::to_owned));
        words
    }
}

/// Every way that a request can go.
fn requests() -> Vec<Asked> {
    let large = format!(r#"{{"amount":5,"note":"{}"}}"#, "x".repeat(1024));
    vec![
        asked("POST", "/pay").json(r#"{"amount":5}"#),
        asked("POST", "/pay").json(r#"{"amount":500,"note":"s"}"#),
        asked("POST", "/pay").json(r#"{"amount":500}"#).with("Gait-Dry-Run", "1"),
        asked("POST", "/pay").json(r#"{"amount":5}"#).with("Gait_Dry_Run", "yes"),
        asked("POST", "/pay").json(r#"{"amount":5,"amount":500}"#),
        asked("POST", "/pay").json(r#"{"amount":"5"}"#),
        asked("POST", "/pay").json(r#"{"amount":5,"_method":"DELETE"}"#),
        asked("POST", "/pay").json(&large),
        asked("POST", "/pay"),
        asked("GET", "/closed"),
        asked("GET", "/needs"),
        asked("GET", "/needs").with("X-Wanted", "this"),
        asked("GET", "/call/allow/a").with("X-Other", "o").with("Gait-Approval", "t"),
        asked("GET", "/call/allow/%61%2d?q=1"),
        asked("DELETE", "/call/allow/a"),
        asked("DELETE", "/call/dry/a"),
        asked("DELETE", "/call/block/a"),
        asked("DELETE", "/call/counted/a"),
        asked("DELETE", "/call/counted/a").with("Gait-Dry-Run", "1"),
        asked("DELETE", "/call/brokered/a"),
        asked("DELETE", "/call/frozen/a"),
        asked("DELETE", "/call/stopped/a"),
        asked("DELETE", "/call/al%6cow/a"),
        asked("PUT", "/call/allow/a").with("X-Forwarded-For", "1.2.3.4").json("{}"),
        asked("GET", "/closed").with("X-Api-Key", "gait_test-key"),
        asked("GET", "/closed").with("X-Api-Key", "a-guess"),
        asked("GET", "/call/allow/a").with("X-Api-Key", "a-guess"),
        asked("GET", "/closed").with("X-Auth-Request-User", "ada"),
        asked("GET", "/closed").with("X_Auth_Request_User", "ada"),
        asked("GET", "/closed").with("X-Remote-User", "ada"),
        asked("POST", "/pay")
            .json(r#"{"amount":5}"#)
            .with("X-Auth-Request-User", "ada")
            .with("X-Api-Key", "gait_test-key"),
        asked("GET", "/call/allow/a").with("Gait-Delegation", "e30="),
        asked("GET", "/elsewhere"),
        asked("GET", "/call/allow//a"),
        asked("GET", "/call/allow/%2e%2e"),
        asked("GET", "/call/allow/%2Fa"),
        asked("GET", "/call/allow/a").with("X-HTTP-Method-Override", "DELETE"),
        asked("GET", "/call/allow/a").with("Content_Length", "0"),
        asked("TRACE", "/call/allow/a"),
        asked("POST", "/call/allow/a").with("Expect", "magic"),
        Asked { fields: vec![("Host", "other.test")], ..asked("GET", "/call/allow/a") },
        Asked { fields: vec![], ..asked("GET", "/call/allow/a") }.with("Host", "a b"),
    ]
}

fn start(stage: &str, tool: &Recorder) -> Gait {
    let config = CONFIG.replace("UPSTREAM", &tool.address.to_string());
    let setup = Setup { config: format!("stage: {stage}\n{config}"), policy: POLICY.to_owned() };
    setup.start_in(with_orders())
}

/// A directory with orders to stop one tool.
fn with_orders() -> TempDir {
    let dir = TempDir::new().unwrap();
    let orders = json!({
        "schema_id": "gait.gate.kill_switch_state", "schema_version": "1.0.0",
        "created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-01T00:00:00Z", "entries": [],
    });
    fs::write(dir.path().join("ks.json"), orders.to_string()).unwrap();
    let order = ["kill-switch", "add", "--tool-name", "call.stopped", "--reason", "r"];
    let added = run_to_end(dir.path(), &[&order[..], &["--state", "ks.json"]].concat());
    assert!(added.status.success(), "{added:?}");
    dir
}

/// What the command says, and its exit code.
fn rehearsed(gait: &Gait, asked: &Asked) -> (i32, Value) {
    let words = asked.on_the_command_line();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let run = run_to_end(gait.dir(), &words);
    let said = serde_json::from_slice(&run.stdout);
    (run.status.code().unwrap(), said.unwrap_or_else(|_| panic!("{words:?}: {run:?}")))
}

/// The last line of a call.
fn line(gait: &Gait, answer: &Response) -> Value {
    let call_id = answer.one("gait-call-id").unwrap().to_owned();
    wait_for("the line of the call", || {
        let lines = gait.evidence();
        let own = |line: &&Value| line["call_id"] == *call_id && line["ending"].is_string();
        lines.iter().find(own).cloned()
    })
}

/// The command leaves out what is empty.
fn bare(value: &Value) -> Value {
    match value {
        Value::Bool(false) => Value::Null,
        Value::Array(items) if items.is_empty() => Value::Null,
        value => value.clone(),
    }
}

fn expected_exit(line: &Value) -> i32 {
    match (line["disposition"].as_str().unwrap(), line["verdict"].as_str()) {
        ("forwarded", _) | ("dry_run", Some("allow" | "dry_run")) => 0,
        (_, Some("require_approval")) => 4,
        _ => 3,
    }
}

/// The fields that the tool saw, but for those that say where its body ends.
fn names<'a>(names: impl Iterator<Item = &'a str>) -> BTreeSet<String> {
    let framing = ["content-length", "transfer-encoding"];
    names.map(str::to_lowercase).filter(|name| !framing.contains(&name.as_str())).collect()
}

fn compare(gait: &Gait, tool: &Recorder, asked: &Asked) {
    let answer = send(gait.server, asked.on_the_wire());
    let context = format!("{} {} {:?} {}", asked.method, asked.target, asked.fields, asked.body);
    let line = line(gait, &answer);
    let seen = tool.take();
    let (exit, said) = rehearsed(gait, asked);
    assert_eq!(tool.count(), 0, "{context}: the command sent something");
    for member in SHARED {
        assert_eq!(bare(&said[member]), bare(&line[member]), "{member} of {context}: {said}");
    }
    assert_eq!(exit, expected_exit(&line), "{context}: {said}");
    let own = if line["answered"].is_null() { Value::Null } else { json!(answer.status) };
    assert_eq!(said["status"], own, "{context}: {said}");
    let fields = said["fields"].as_array().cloned().unwrap_or_default();
    let fields = names(fields.iter().map(|field| field.as_str().unwrap()));
    let passed = seen.iter().flat_map(|seen| seen.fields.iter().map(|(name, _)| name.as_str()));
    assert_eq!(fields, names(passed), "{context}: {said}");
}

/// One route of the tool observes while the others enforce.
#[test]
fn a_refused_caller_goes_on_where_the_route_observes_and_nowhere_else() {
    let tool = Recorder::start();
    let config = CONFIG.replace("UPSTREAM", &tool.address.to_string());
    let config = config.replace("  - name: closed\n", "  - name: closed\n    stage: observe\n");
    let config = config.replace("  - name: small\n", "  - name: small\n    stage: observe\n");
    let setup = Setup { config: format!("stage: enforce\n{config}"), policy: POLICY.to_owned() };
    let gait = setup.start_in(with_orders());
    let guess = |asked: Asked| asked.with("X-Api-Key", "a-guess");
    let pay = |body| asked("POST", "/pay").json(body);
    for (asked, status) in [
        (asked("GET", "/closed"), 200),
        (guess(asked("GET", "/closed")), 200),
        (asked("GET", "/closed").with("X-Remote-User", "ada"), 200),
        (guess(pay(r#"{"amount":5}"#)), 200),
        (guess(pay(r#"{"amount":500}"#)), 401),
        (guess(pay(r#"{"amount":5,"amount":500}"#)), 401),
        (guess(pay(r#"{"amount":5,"_method":"DELETE"}"#)), 401),
        (guess(asked("GET", "/call/allow/a")), 401),
    ] {
        assert_eq!(send(gait.server, asked.on_the_wire()).status, status, "{}", asked.body);
        tool.take();
        compare(&gait, &tool, &asked);
    }
}

#[test]
fn a_forged_name_reaches_no_tool_not_even_one_that_gets_credentials() {
    let tool = Recorder::start();
    let config = CONFIG.replace("UPSTREAM", &tool.address.to_string());
    let config = config.replace("X-Remote-User", "X-Edge-User, fields: { workspace: X-Org }");
    let config =
        config.replace("    upstream: tool\n", "    upstream: tool\n    pass_credential: true\n");
    let config = config.replace("{ action: deny }", "{ pass_credential: true }");
    let setup = Setup { config: format!("stage: observe\n{config}"), policy: POLICY.to_owned() };
    let gait = setup.start_in(with_orders());
    // On a route, on none, and where strictness refuses.
    for target in ["/call/allow/a", "/elsewhere", "/call/allow//a"] {
        for name in ["X-Edge-User", "X_Edge_User", "x.org"] {
            let request = asked("GET", target).with(name, "root").with("X-Api-Key", "a-guess");
            assert_eq!(send(gait.server, request.on_the_wire()).status, 200, "{target}");
            let [seen] = &tool.take()[..] else { panic!("{target}: not one request") };
            let values: Vec<_> = seen.fields.iter().map(|(_, value)| value.as_str()).collect();
            assert!(!values.contains(&"root"), "{name} to {target}: {:?}", seen.fields);
            assert!(values.contains(&"a-guess"), "{target}: {:?}", seen.fields);
        }
    }
}

#[test]
fn the_command_says_what_the_proxy_does() {
    for stage in STAGES {
        let tool = Recorder::start();
        let gait = start(stage, &tool);
        for asked in requests() {
            compare(&gait, &tool, &asked);
        }
    }
}
