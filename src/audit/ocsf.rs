//! Calls as events of the Open Cybersecurity Schema Framework: API Activity, schema 1.5.0, with
//! the profile `security_control`.
//!
//! Source: the published schema of that version, <https://schema.ocsf.io/1.5.0/classes/api_activity>.
//! All names of the schema that gait uses stand in this file. What has no place in the schema
//! stands in `unmapped` by the names of the log. Neither targets nor args leave by this door.

use super::calls::Call;
use super::entry::Entry;
use jiff::tz::TimeZone;
use serde_json::{Map, Value, json};

/// The version of the schema.
const SCHEMA: &str = "1.5.0";
const CATEGORY_UID: u64 = 6;
const CLASS_UID: u64 = 6003;

/// Members that stand in `unmapped`.
const UNMAPPED: [&str; 15] = [
    "stage",
    "verdict",
    "disposition",
    "simulated",
    "dry_run_requested",
    "permit",
    "risk_class",
    "protected",
    "reason_codes",
    "violations",
    "approval_request",
    "approvers",
    "ending",
    "sent",
    "intent_digest",
];

/// A name and the number that the schema gives it.
type Word = (u64, &'static str);

/// The event of a call; `None` for one without a time.
pub fn event(call: &Call) -> Option<Value> {
    let facts = call.facts()?;
    let time = TimeZone::UTC.to_timestamp(call.time()?.civil()).ok()?;
    let (activity, name) = activity(facts);
    let (status_id, status) = status(call);
    let (action_id, action) = action(facts);
    let (disposition_id, disposition) = disposition(facts);
    let (severity_id, severity) = severity(facts);
    let mut event = json!({
        "activity_id": activity,
        "activity_name": name,
        "category_uid": CATEGORY_UID,
        "category_name": "Application Activity",
        "class_uid": CLASS_UID,
        "class_name": "API Activity",
        "type_uid": CLASS_UID * 100 + activity,
        "type_name": format!("API Activity: {name}"),
        "time": time.as_millisecond(),
        "severity_id": severity_id,
        "severity": severity,
        "status_id": status_id,
        "status": status,
        "status_detail": call.ending(),
        "action_id": action_id,
        "action": action,
        "disposition_id": disposition_id,
        "disposition": disposition,
        "metadata": metadata(facts),
        "actor": { "user": { "name": known(facts, "identity") } },
        "src_endpoint": { "name": known(facts, "identity") },
        "api": api(facts),
        "unmapped": unmapped(facts),
    });
    if let Some(event) = event.as_object_mut() {
        add(event, "duration", millis(facts));
        add(event, "http_request", method(facts));
        add(event, "http_response", response(facts));
        add(event, "dst_endpoint", facts.text("upstream").map(|name| json!({ "svc_name": name })));
        add(event, "authorizations", authorization(facts).map(|one| json!([one])));
        add(event, "policy", policy(facts));
    }
    Some(event)
}

fn add(event: &mut Map<String, Value>, name: &str, value: Option<Value>) {
    if let Some(value) = value {
        event.insert(name.to_owned(), value);
    }
}

/// A name that the schema wants, also where nobody knows it.
fn known<'a>(facts: &'a Entry, name: &str) -> &'a str {
    facts.text(name).filter(|text| !text.is_empty()).unwrap_or("unknown")
}

fn activity(facts: &Entry) -> Word {
    match facts.text("method") {
        Some("POST") => (1, "Create"),
        Some("GET" | "HEAD" | "OPTIONS" | "TRACE") => (2, "Read"),
        Some("PUT" | "PATCH") => (3, "Update"),
        Some("DELETE") => (4, "Delete"),
        Some(_) => (99, "Other"),
        None => (0, "Unknown"),
    }
}

/// Whether the caller got from the tool what it asked for.
fn status(call: &Call) -> Word {
    let status = call.facts().and_then(|facts| facts.number("status"));
    match (call.ending(), status) {
        ("unknown", _) => (0, "Unknown"),
        ("completed", Some(100..400)) => (1, "Success"),
        _ => (2, "Failure"),
    }
}

/// Whether it would have been stopped, and was only noted.
fn is_simulated(facts: &Entry) -> bool {
    facts.flag("simulated") == Some(true)
}

/// Whether it was let go.
fn action(facts: &Entry) -> Word {
    match facts.text("disposition") {
        Some("forwarded") if is_simulated(facts) => (3, "Observed"),
        Some("forwarded") => (1, "Allowed"),
        Some("denied" | "held" | "dry_run" | "failed") => (2, "Denied"),
        _ => (0, "Unknown"),
    }
}

fn disposition(facts: &Entry) -> Word {
    match (facts.text("disposition"), facts.text("permit")) {
        (Some("forwarded"), _) if is_simulated(facts) => (15, "Detected"),
        (Some("forwarded"), Some("approved")) => (8, "Approved"),
        (Some("forwarded"), _) => (1, "Allowed"),
        (Some("held"), _) => (14, "Delayed"),
        (Some("dry_run"), _) => (16, "No Action"),
        (Some("denied"), _) => (2, "Blocked"),
        (Some("failed"), _) => (27, "Error"),
        _ => (0, "Unknown"),
    }
}

/// What was stopped weighs by its risk; what went is information.
fn severity(facts: &Entry) -> Word {
    let is_stopped = action(facts).0 != 1;
    match (is_stopped, facts.text("risk_class")) {
        (false, _) => (1, "Informational"),
        (true, Some("critical")) => (4, "High"),
        (true, Some("high")) => (3, "Medium"),
        (true, _) => (2, "Low"),
    }
}

fn metadata(facts: &Entry) -> Value {
    let mut metadata = json!({
        "version": SCHEMA,
        "profiles": ["security_control"],
        "product": {
            "name": "gait",
            "vendor_name": "gait",
            "version": env!("CARGO_PKG_VERSION"),
        },
        "log_name": "evidence",
        "sequence": facts.seq(),
    });
    if let Some(metadata) = metadata.as_object_mut() {
        add(metadata, "uid", facts.text("call_id").map(Value::from));
        add(metadata, "correlation_uid", facts.text("trace_id").map(Value::from));
        add(metadata, "original_time", facts.text("time").map(Value::from));
    }
    metadata
}

fn api(facts: &Entry) -> Value {
    let mut api = Map::new();
    let operation = facts.text("tool_name").or_else(|| facts.text("method")).unwrap_or("unknown");
    api.insert("operation".to_owned(), operation.into());
    add(&mut api, "request", facts.text("call_id").map(|id| json!({ "uid": id })));
    add(&mut api, "service", facts.text("upstream").map(|name| json!({ "name": name })));
    add(&mut api, "response", code(facts).map(|code| json!({ "code": code })));
    Value::Object(api)
}

/// The tool's status, else ours.
fn code(facts: &Entry) -> Option<u64> {
    facts.number("status").or_else(|| facts.number("answered"))
}

fn method(facts: &Entry) -> Option<Value> {
    let mut request = Map::new();
    add(&mut request, "http_method", facts.text("method").map(Value::from));
    add(&mut request, "body_length", facts.number("request_bytes").map(Value::from));
    add(&mut request, "uid", facts.text("call_id").map(Value::from));
    request.contains_key("http_method").then_some(Value::Object(request))
}

fn response(facts: &Entry) -> Option<Value> {
    let mut response = Map::new();
    response.insert("code".to_owned(), code(facts)?.into());
    add(&mut response, "body_length", facts.number("response_bytes").map(Value::from));
    Some(Value::Object(response))
}

fn policy(facts: &Entry) -> Option<Value> {
    let mut policy = Map::new();
    policy.insert("uid".to_owned(), facts.text("policy_digest")?.into());
    add(&mut policy, "name", facts.text("matched_rule").map(Value::from));
    add(&mut policy, "version", facts.text("snapshot").map(Value::from));
    Some(Value::Object(policy))
}

fn authorization(facts: &Entry) -> Option<Value> {
    let mut said = json!({ "decision": facts.text("verdict")? });
    if let Some(said) = said.as_object_mut() {
        add(said, "policy", policy(facts));
    }
    Some(said)
}

fn unmapped(facts: &Entry) -> Value {
    let kept = UNMAPPED.iter().filter_map(|name| facts.members().get_key_value(*name));
    Value::Object(kept.map(|(name, value)| (name.clone(), value.clone())).collect())
}

fn millis(facts: &Entry) -> Option<Value> {
    let millis = facts.members().get("duration_ms")?.as_f64()?;
    // A duration is far below what a number with a fraction holds exactly.
    (millis.is_finite() && millis >= 0.0).then(|| Value::from(millis.round() as u64))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event_of(kind: &str, more: Value) -> Value {
        let mut line = json!({"v": 1, "seq": 7, "kind": kind,
            "time": "2026-01-02T03:04:05.678901Z", "call_id": "c", "method": "DELETE"});
        line.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let entry = Some(Entry::read(line.to_string().as_bytes()).unwrap());
        let call = match kind {
            "decision" => Call { decision: entry, closing: None },
            _ => Call { decision: None, closing: entry },
        };
        event(&call).unwrap()
    }

    #[test]
    fn a_refused_call_is_an_event_of_its_class() {
        let event = event_of(
            "call",
            json!({"verdict": "block", "disposition": "denied", "risk_class": "high",
                "policy_digest": "p", "matched_rule": "r", "tool_name": "files.delete",
                "upstream": "files", "identity": "ada", "ending": "answered", "answered": 403,
                "duration_ms": 1.6, "target_digest": "t", "args_digest": "a"}),
        );
        for (pointer, want) in [
            ("/class_uid", json!(6003)),
            ("/type_uid", json!(600304)),
            ("/activity_name", json!("Delete")),
            ("/time", json!(1_767_323_045_678_u64)),
            ("/status_id", json!(2)),
            ("/action_id", json!(2)),
            ("/disposition", json!("Blocked")),
            ("/severity_id", json!(3)),
            ("/duration", json!(2)),
            ("/metadata/version", json!("1.5.0")),
            ("/metadata/uid", json!("c")),
            ("/actor/user/name", json!("ada")),
            ("/api/operation", json!("files.delete")),
            ("/http_response/code", json!(403)),
            ("/authorizations/0/decision", json!("block")),
            ("/policy/name", json!("r")),
            ("/unmapped/risk_class", json!("high")),
        ] {
            assert_eq!(event.pointer(pointer), Some(&want), "{pointer}");
        }
        assert!(
            !event.to_string().contains("_digest\":\"t")
                && event["unmapped"]["args_digest"].is_null()
        );
    }

    #[test]
    fn outcomes_are_told_apart() {
        for (kind, more, status, action, disposition) in [
            ("decision", json!({"disposition": "forwarded"}), 0, 1, 1),
            (
                "outcome",
                json!({"disposition": "forwarded", "permit": "approved",
                "ending": "completed", "status": 200}),
                1,
                1,
                8,
            ),
            (
                "call",
                json!({"disposition": "forwarded", "simulated": true,
                "ending": "completed", "status": 500}),
                2,
                3,
                15,
            ),
            ("call", json!({"disposition": "held", "ending": "answered"}), 2, 2, 14),
            ("call", json!({"disposition": "dry_run", "ending": "answered"}), 2, 2, 16),
            ("call", json!({"ending": "answered"}), 2, 0, 0),
        ] {
            let event = event_of(kind, more);
            let found = ["status_id", "action_id", "disposition_id"].map(|name| &event[name]);
            assert_eq!(found, [status, action, disposition], "{event}");
            assert_eq!(event["src_endpoint"]["name"], "unknown");
        }
    }
}
