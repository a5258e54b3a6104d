//! What lines become, held against the forms that others read.

use super::*;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::trace::v1::Span;
use serde_json::{Value, json};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

/// A call that a tool has answered.
fn forwarded() -> Value {
    json!({
        "v": 1, "seq": 7, "kind": "outcome", "time": "2026-01-02T03:04:05.000006Z",
        "call_id": "01a20414-c85e-7419-b898-8814ed126e10", "method": "DELETE",
        "target_digest": "d1", "traceparent": format!("00-{TRACE}-0b0b0b0b0b0b0b0b-01"),
        "span_id": "0a0a0a0a0a0a0a0a", "parent_span_id": "00f067aa0ba902b7",
        "upstream": "files", "route": "files.delete", "stage": "enforce",
        "tool_name": "tool.delete", "protected": true, "verdict": "allow",
        "disposition": "forwarded", "permit": "allow", "reason_codes": ["a", "b"],
        "ending": "completed", "status": 204, "sent": true, "request_bytes": 3,
        "response_bytes": 4, "duration_ms": 1.5,
        "intent": { "args": { "path": "secret-argument" } }
    })
}

/// The same, with these members in place of its own; `null` takes one off.
fn line(change: Value) -> Entry {
    let mut line = forwarded();
    for (member, value) in change.as_object().unwrap() {
        match value.is_null() {
            true => drop(line.as_object_mut().unwrap().remove(member)),
            false => line[member] = value.clone(),
        }
    }
    Entry::read(line.to_string().as_bytes()).unwrap()
}

/// A call that was refused.
fn denied(change: Value) -> Entry {
    let mut all = json!({
        "kind": "call", "traceparent": null, "permit": null, "disposition": "denied",
        "verdict": "block", "ending": "answered", "status": null, "answered": 403, "sent": false,
        "request_bytes": null, "response_bytes": null
    });
    all.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
    line(all)
}

fn origin() -> Origin {
    let more = [("service.name", "other"), ("deployment.environment.name", "test")];
    Origin::new("front", &more.map(|(name, value)| (name.to_owned(), value.to_owned())))
}

fn spans(entry: Entry) -> Vec<Span> {
    let traces = traces(&origin(), &[entry]);
    traces.resource_spans[0].scope_spans[0].spans.clone()
}

fn said(attributes: &[opentelemetry_proto::tonic::common::v1::KeyValue], name: &str) -> Value {
    let one = attributes.iter().find(|one| one.key == name);
    match one.and_then(|one| one.value.as_ref()?.value.clone()) {
        Some(Any::StringValue(text)) => text.into(),
        Some(Any::IntValue(number)) => number.into(),
        Some(Any::BoolValue(flag)) => flag.into(),
        Some(other) => format!("{other:?}").into(),
        None => Value::Null,
    }
}

#[test]
fn a_call_that_went_out_has_two_spans_below_its_caller() {
    let [server, client] = spans(line(json!({}))).try_into().unwrap();
    let trace = u128::from_str_radix(TRACE, 16).unwrap().to_be_bytes();
    assert_eq!([&server.trace_id, &client.trace_id], [&trace.to_vec(), &trace.to_vec()]);
    assert_eq!((server.kind, client.kind), (2, 3));
    assert_eq!(server.parent_span_id, [0, 0xf0, 0x67, 0xaa, 0x0b, 0xa9, 0x02, 0xb7]);
    assert_eq!((&server.span_id, &client.span_id), (&vec![0xa; 8], &vec![0xb; 8]));
    assert_eq!(client.parent_span_id, server.span_id);
    assert_eq!((server.flags, client.flags), (0x301, 0x101));
    assert_eq!(server.name, "DELETE files.delete");
    assert_eq!(server.end_time_unix_nano - server.start_time_unix_nano, 1_500_000);
    assert_eq!(server.end_time_unix_nano, 1_767_323_045_000_006_000);
    let of = |name| said(&server.attributes, name);
    assert_eq!(of("http.response.status_code"), 204);
    assert_eq!(of("gen_ai.tool.name"), "tool.delete");
    assert_eq!((of("gait.verdict"), of("gait.executed")), ("allow".into(), true.into()));
    assert_eq!(said(&client.attributes, "server.address"), "files");
}

#[test]
fn a_call_that_stayed_has_one_span_in_the_trace_of_its_caller_or_of_its_own() {
    let caller = format!("00-{TRACE}-00f067aa0ba902b7-01");
    let [server] = spans(denied(json!({ "caller_traceparent": caller }))).try_into().unwrap();
    assert_eq!(server.trace_id, u128::from_str_radix(TRACE, 16).unwrap().to_be_bytes());
    assert_eq!(said(&server.attributes, "http.response.status_code"), 403);
    assert_eq!(said(&server.attributes, "gait.executed"), false);
    let [own] = spans(denied(json!({ "parent_span_id": null }))).try_into().unwrap();
    assert_eq!(own.trace_id[..6], [0x01, 0xa2, 0x04, 0x14, 0xc8, 0x5e]);
    assert!(own.parent_span_id.is_empty());
    // Lines of a process without dice name no spans at all; the same line has the same ones.
    let bare = || denied(json!({ "span_id": null, "parent_span_id": null }));
    assert_eq!(spans(bare()), spans(bare()));
    assert_eq!(spans(bare())[0].span_id.len(), 8);
}

#[test]
fn a_trace_that_nobody_keeps_has_no_spans_and_its_records_all_the_same() {
    let unsampled = || line(json!({ "traceparent": format!("00-{TRACE}-0b0b0b0b0b0b0b0b-00") }));
    assert_eq!(spans(unsampled()), []);
    let told = logs(&origin(), &[unsampled()]);
    assert_eq!(told.resource_logs[0].scope_logs[0].log_records.len(), 1);
}

#[test]
fn what_went_wrong_is_an_error_of_the_span_where_it_did() {
    let reset = json!({ "ending": "upstream_reset", "status": null, "answered": 502 });
    let [server, client] = spans(line(reset)).try_into().unwrap();
    assert_eq!(said(&server.attributes, "error.type"), "502");
    assert_eq!(said(&client.attributes, "error.type"), "upstream_reset");
    assert_eq!(server.status.unwrap().code, 2);
    assert_eq!(said(&server.attributes, "gait.executed"), Value::Null, "nobody knows");
    let [server, client] = spans(line(json!({ "status": 404 }))).try_into().unwrap();
    assert_eq!((server.status.unwrap().code, client.status.unwrap().code), (0, 2));
}

#[test]
fn records_tell_calls_and_events_and_no_words_of_people() {
    let approval = json!({
        "v": 1, "seq": 8, "kind": "approval", "time": "2026-01-02T03:04:05.000000Z",
        "action": "grant", "request": "7f34", "approver": "ann", "reason": "secret-argument"
    });
    let batch = json!({ "v": 1, "seq": 9, "kind": "batch", "time": "2026-01-02T03:04:05.000000Z" });
    let read = |line: &Value| Entry::read(line.to_string().as_bytes()).unwrap();
    let entries = [line(json!({})), denied(json!({})), read(&approval), read(&batch)];
    let told = logs(&origin(), &entries);
    let records = &told.resource_logs[0].scope_logs[0].log_records;
    let names: Vec<_> = records.iter().map(|one| (&*one.event_name, &*one.severity_text)).collect();
    assert_eq!(names, [("gait.call", "INFO"), ("gait.call", "WARN"), ("gait.approval", "INFO")]);
    assert_eq!(said(&records[2].attributes, "gait.approval.approver"), "ann");
    assert_eq!(records[0].body, Some(values::text("forwarded tool.delete")));
    let all = serde_json::to_string(&told).unwrap()
        + &serde_json::to_string(&traces(&origin(), &entries)).unwrap();
    assert!(!all.contains("secret-argument"), "{all}");
}

#[test]
fn a_record_is_as_severe_as_what_became_of_its_call() {
    let severity = |change: Value| {
        let told = logs(&origin(), &[line(change)]);
        told.resource_logs[0].scope_logs[0].log_records[0].severity_text.clone()
    };
    assert_eq!(severity(json!({ "disposition": "failed" })), "ERROR");
    for change in [
        json!({ "simulated": true }),
        json!({ "ending": "upstream_reset" }),
        json!({ "ending": null }),
        json!({ "disposition": null }),
    ] {
        assert_eq!(severity(change.clone()), "WARN", "{change}");
    }
    assert_eq!(severity(json!({ "ending": "caller_gone" })), "INFO");
}

#[test]
fn the_json_form_is_that_of_the_protocol() {
    let told = serde_json::to_value(traces(&origin(), &[line(json!({}))])).unwrap();
    let span = &told["resourceSpans"][0]["scopeSpans"][0]["spans"][0];
    assert_eq!(span["traceId"], TRACE);
    assert_eq!(span["spanId"], "0a0a0a0a0a0a0a0a");
    assert_eq!(span["kind"], 2, "enums are numbers");
    assert_eq!(span["endTimeUnixNano"], "1767323045000006000", "64 bits are text");
    let status = json!({ "key": "http.response.status_code", "value": { "intValue": "204" } });
    assert!(span["attributes"].as_array().unwrap().contains(&status), "{span}");
    let resource = &told["resourceSpans"][0]["resource"]["attributes"];
    let name = json!({ "key": "service.name", "value": { "stringValue": "front" } });
    assert!(resource.as_array().unwrap().contains(&name), "{resource}");
    assert_eq!(resource.as_array().unwrap().len(), 3, "the last word on a name counts");
}

#[test]
fn strange_lines_break_nothing() {
    for change in [
        json!({ "call_id": "x", "duration_ms": "long" }),
        json!({ "traceparent": "00--", "span_id": "zz", "duration_ms": 1e300 }),
        json!({ "traceparent": "é", "method": "BREW", "status": 1u64 << 63 }),
        json!({ "time": "0001-01-01T00:00:00Z" }),
    ] {
        let entries = [line(change)];
        drop((traces(&origin(), &entries), logs(&origin(), &entries)));
    }
}
