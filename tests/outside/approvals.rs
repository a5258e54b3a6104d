//! Calls that want an approval, from 428 to the tool, over sockets.

mod changes;
mod holds;
mod masks;
mod once;
mod refusals;

use crate::support::{Approver, Gait, Recorder, Response, Setup, send, wait_for};
use serde_json::Value;
use std::net::SocketAddr;

/// API keys of two callers, as `gait keys api-key` makes them: the digests of `key-of-NAME`.
fn sha256(name: &str) -> String {
    gait::json::Digest::of(format!("key-of-{name}").as_bytes()).to_string()
}

/// A gait whose callers are ann, bob and nobody in particular. Deletes and puts below `/v1/files` are
/// protected and want an approval; notes want one too, without being protected.
fn setup(tool: SocketAddr) -> Setup {
    let intent = "args: { path: path.path, b: \"query.b?\", n: \"query.n?\" }, targets: [ { kind: path, value: \"/{path}\", operation: write } ]";
    let config = format!(
        "server: {{ listen: \"127.0.0.1:0\" }}\nstage: enforce\nunmapped: {{ action: deny }}\n\
         identity:\n  anonymous: nobody\n  sources: [ {{ name: keys, api_key: {{ keys: [ \
         {{ sha256: {}, identity: ann }}, {{ sha256: {}, identity: bob }} ] }} }} ]\n\
         upstreams: {{ tool: {{ url: \"http://{tool}\" }} }}\n\
         routes:\n\
         - {{ name: files.write, match: {{ methods: [PUT, POST, DELETE], path: \"/v1/files/{{path*}}\" }}, \
         upstream: tool, intent: {{ tool_name: files.write, risk_class: high, {intent} }} }}\n\
         - {{ name: held, match: {{ methods: [PUT], path: \"/v1/held/{{path*}}\" }}, hold: 3s, \
         upstream: tool, intent: {{ tool_name: files.write, risk_class: high, {intent} }} }}\n\
         - {{ name: notes, match: {{ methods: [PUT], path: \"/v1/notes/{{path*}}\" }}, \
         upstream: tool, intent: {{ tool_name: notes.write, risk_class: low, {intent} }} }}\n\
         - {{ name: reads, match: {{ methods: [GET], path: \"/v1/files/{{path*}}\" }}, \
         upstream: tool, intent: {{ tool_name: files.read, risk_class: low }} }}\n",
        sha256("ann"),
        sha256("bob"),
    );
    Setup { config, policy: POLICY.to_owned() }
}

const POLICY: &str = "default_verdict: block
rules:
- { name: reads, priority: 1, effect: allow, match: { tool_names: [files.read] } }
- { name: writes, priority: 2, effect: require_approval, match: { tool_names: [files.write, notes.write] } }
";

/// One call; `caller` is empty for nobody.
fn put(gait: &Gait, caller: &str, target: &str, lines: &str, body: &str) -> Response {
    call(gait, "PUT", caller, target, lines, body)
}

fn call(
    gait: &Gait,
    method: &str,
    caller: &str,
    target: &str,
    lines: &str,
    body: &str,
) -> Response {
    send(gait.server, request(method, caller, target, lines, body))
}

fn request(method: &str, caller: &str, target: &str, lines: &str, body: &str) -> String {
    let key = match caller {
        "" => String::new(),
        name => format!("X-Api-Key: key-of-{name}\r\n"),
    };
    format!(
        "{method} {target} HTTP/1.1\r\nHost: h\r\n{key}{lines}Content-Length: {}\r\nConnection: \
         close\r\n\r\n{body}",
        body.len()
    )
}

/// The header line that shows a token.
fn shown(token: &Value) -> String {
    format!("Gait-Approval: {}\r\n", token.as_str().expect("a token"))
}

/// Whether the answer names this reason.
fn says(response: &Response, code: &str) -> bool {
    let problem = response.json();
    let codes = problem["reason_codes"].as_array().cloned().unwrap_or_default();
    codes.iter().any(|one| one == code)
}

#[test]
fn a_caller_who_is_known_sends_the_same_call_again_after_the_grant() {
    let tool = Recorder::start();
    let gait = setup(tool.address).start();
    let desk = Approver::local(&gait);
    let first = put(&gait, "ann", "/v1/files/a?b=c", "", "text");
    assert_eq!(first.status, 428, "{}", first.text());
    let problem = first.json();
    assert_eq!(problem["type"], "urn:gait:problem:approval-required");
    assert_eq!((&problem["executed"], &problem["required_approvals"]), (&false.into(), &1.into()));
    assert_eq!(first.one("retry-after"), Some("5"));
    let id = problem["approval_id"].as_str().unwrap().to_owned();
    assert!(first.one("link").unwrap().contains(&format!("urn:gait:approval:{id}")));
    let line = wait_for("the line of the call", || {
        gait.evidence().into_iter().find(|line| line["kind"] == "call")
    });
    assert_eq!(line["approval_request"], id.as_str());
    assert!(line["approval_ref"].is_null() && line["approvers"].is_null());
    // Asking again joins the same request, and is counted there.
    assert_eq!(put(&gait, "ann", "/v1/files/a?b=c", "", "text").json()["approval_id"], id.as_str());
    let entry = desk.show(&id);
    assert_eq!((&entry["state"], &entry["asked"]), (&"pending".into(), &2.into()));
    assert_eq!(entry["requester"]["identity"], "ann");
    assert_eq!(entry["call"]["path"], "/v1/files/a");
    assert_eq!(entry["call"]["query"], "b=c");
    assert_eq!(entry["call"]["body"], "text");
    assert_eq!(entry["call"]["args"]["path"], "a");
    assert_eq!(tool.count(), 0);

    assert_eq!(desk.grant(&id), Value::Null, "a known caller needs no token");
    let ran = put(&gait, "ann", "/v1/files/a?b=c", "", "text");
    assert_eq!((ran.status, ran.one("gait-disposition")), (200, Some("forwarded")));
    assert_eq!((ran.one("gait-verdict"), ran.one("gait-simulated")), (Some("allow"), None));
    assert_eq!(tool.count(), 1);
    // One approval lets one call run; the next is another request.
    let next = put(&gait, "ann", "/v1/files/a?b=c", "", "text");
    assert_eq!(next.status, 428);
    assert_ne!(next.json()["approval_id"], id.as_str());
    let scrape = gait.settled();
    assert_eq!(scrape.sum("gait_permits_total", &[("permit", "approved")]), 1.0);
    assert_eq!(scrape.sum("gait_upstream_requests_total", &[("permit", "approved")]), 1.0);
    scrape.assert_law();
    let done = desk.show(&id);
    assert_eq!(done["state"], "executed");
    assert_eq!(done["run"]["status"], 200);
    assert_eq!(done["run"]["call_id"], ran.one("gait-call-id").unwrap());
    let lines = gait.evidence();
    let decision = lines.iter().find(|line| line["kind"] == "decision").expect("a decision line");
    assert_eq!((&decision["permit"], &decision["verdict"]), (&"approved".into(), &"allow".into()));
    assert_eq!(
        (&decision["approval_request"], &decision["approvers"][0]),
        (&id.as_str().into(), &"operator".into())
    );
}

#[test]
fn a_caller_who_is_nobody_must_show_the_token() {
    let tool = Recorder::start();
    let gait = setup(tool.address).start();
    let desk = Approver::local(&gait);
    assert_eq!(put(&gait, "", "/v1/files/a", "", "x").status, 428);
    let token = shown(&desk.grant(&desk.pending()));
    let without = put(&gait, "", "/v1/files/a", "", "x");
    assert_eq!((without.status, tool.count()), (428, 0));
    let with = put(&gait, "", "/v1/files/a", &token, "x");
    assert_eq!((with.status, tool.count()), (200, 1), "{}", with.text());
    assert!(tool.seen()[0].all("gait-approval").is_empty(), "the token is not the tool's");
    let again = put(&gait, "", "/v1/files/a", &token, "x");
    assert_eq!((again.status, tool.count()), (409, 1), "{}", again.text());
    assert!(says(&again, "approval_spent"));
    assert!(desk.list("pending").is_empty(), "a spent token asks nobody");
}

#[test]
fn an_operation_that_is_not_protected_is_approved_with_its_bytes_as_well() {
    let tool = Recorder::start();
    let gait = setup(tool.address).start();
    let desk = Approver::local(&gait);
    assert_eq!(put(&gait, "ann", "/v1/notes/a", "", "one").status, 428);
    desk.grant(&desk.pending());
    let other = put(&gait, "ann", "/v1/notes/a", "", "two");
    assert_eq!((other.status, tool.count()), (428, 0), "other bytes are another request");
    let same = put(&gait, "ann", "/v1/notes/a", "", "one");
    assert_eq!((same.status, tool.count()), (200, 1), "{}", same.text());
    assert_eq!(tool.seen()[0].body, b"one");
}
