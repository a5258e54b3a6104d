//! The spans of a call.

use super::names::{
    CALL_FLAGS, CALL_ID, CALL_LISTS, CALL_TEXTS, ERROR, EXECUTE_TOOL, EXECUTED, METHOD,
    METHOD_ORIGINAL, METHODS, OPERATION, OTHER_METHOD, REQUEST_BYTES, RESPONSE_BYTES, ROUTE, SEQ,
    SERVER, STATUS, TOOL, TOOL_STATUS,
};
use super::trace::Trace;
use super::values::Attributes;
use super::{Entry, is_call, nanos};
use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use opentelemetry_proto::tonic::trace::v1::{SpanFlags, Status};

/// What a line says of the spans of its call: none where it is about no call, or where whoever
/// began the trace did not want it kept.
pub(super) fn of(entry: &Entry) -> Vec<Span> {
    let trace = Trace::of(entry).filter(|trace| is_call(entry.kind()) && trace.is_sampled());
    let Some(trace) = trace else { return Vec::new() };
    let client = (entry.flag("sent") == Some(true)).then(|| client(entry, &trace));
    std::iter::once(server(entry, &trace)).chain(client).collect()
}

/// What a line says of its call, for a span and for a log record.
pub(super) fn attributes(entry: &Entry) -> Attributes {
    let mut attributes = Attributes::default();
    method(&mut attributes, entry);
    attributes.text(ROUTE, entry.text("route"));
    attributes.number(STATUS, status(entry));
    attributes.number(REQUEST_BYTES, entry.number("request_bytes"));
    attributes.number(RESPONSE_BYTES, entry.number("response_bytes"));
    tool(&mut attributes, entry);
    attributes.number(SEQ, Some(entry.seq()));
    for (member, name) in CALL_TEXTS {
        attributes.text(name, entry.text(member));
    }
    for (member, name) in CALL_LISTS {
        attributes.texts(name, entry.texts(member));
    }
    for (member, name) in CALL_FLAGS {
        attributes.flag(name, entry.flag(member));
    }
    attributes.number(TOOL_STATUS, entry.number("status"));
    attributes.flag(EXECUTED, executed(entry));
    attributes
}

/// What the caller was answered with.
fn status(entry: &Entry) -> Option<u64> {
    entry.number("answered").or_else(|| entry.number("status"))
}

/// A tool that answered has executed the call, as far as anybody can tell from here; one that was
/// sent nothing has not; of one that was cut off in between nobody knows.
fn executed(entry: &Entry) -> Option<bool> {
    match (entry.flag("sent"), entry.number("status")) {
        (Some(false), _) => Some(false),
        (_, Some(_)) => Some(true),
        _ => None,
    }
}

fn method(attributes: &mut Attributes, entry: &Entry) {
    let said = entry.text("method");
    let known = said.filter(|said| METHODS.contains(said));
    attributes.text(METHOD, known.or(said.map(|_| OTHER_METHOD)));
    attributes.text(METHOD_ORIGINAL, said.filter(|_| known.is_none()));
}

fn tool(attributes: &mut Attributes, entry: &Entry) {
    let tool = entry.text("tool_name");
    attributes.text(OPERATION, tool.map(|_| EXECUTE_TOOL));
    attributes.text(TOOL, tool);
}

/// gait's own: from the caller's head to the end of its answer.
fn server(entry: &Entry, trace: &Trace) -> Span {
    let mut attributes = attributes(entry);
    let failed = status(entry).filter(|status| *status >= 500).map(|status| status.to_string());
    attributes.text(ERROR, failed.as_deref());
    let span = Span {
        span_id: trace.server.clone(),
        parent_span_id: trace.caller.clone(),
        kind: SpanKind::Server.into(),
        attributes: attributes.done(),
        status: status_of(failed.as_deref()),
        ..span(entry, trace)
    };
    match trace.caller.is_empty() {
        true => span,
        false => Span { flags: span.flags | SpanFlags::ContextIsRemoteMask as u32, ..span },
    }
}

/// The exchange with the tool.
fn client(entry: &Entry, trace: &Trace) -> Span {
    let mut attributes = Attributes::default();
    method(&mut attributes, entry);
    attributes.text(SERVER, entry.text("upstream"));
    attributes.number(STATUS, entry.number("status"));
    attributes.number(REQUEST_BYTES, entry.number("request_bytes"));
    attributes.number(RESPONSE_BYTES, entry.number("response_bytes"));
    tool(&mut attributes, entry);
    attributes.text(CALL_ID, entry.text("call_id"));
    let failed = broken(entry);
    attributes.text(ERROR, failed.as_deref());
    Span {
        span_id: trace.client.clone(),
        parent_span_id: trace.server.clone(),
        kind: SpanKind::Client.into(),
        attributes: attributes.done(),
        status: status_of(failed.as_deref()),
        ..span(entry, trace)
    }
}

/// What went wrong between gait and the tool: its refusal, or how the exchange broke off.
fn broken(entry: &Entry) -> Option<String> {
    let refused = entry.number("status").filter(|status| *status >= 400);
    let ending = entry.text("ending").filter(|ending| *ending != "completed");
    refused.map(|status| status.to_string()).or_else(|| ending.map(str::to_owned))
}

fn status_of(error: Option<&str>) -> Option<Status> {
    let code = if error.is_some() { StatusCode::Error } else { StatusCode::Unset };
    Some(Status { code: code.into(), ..Status::default() })
}

/// What both have in common.
fn span(entry: &Entry, trace: &Trace) -> Span {
    let end = nanos(entry);
    let duration = entry.members().get("duration_ms").and_then(serde_json::Value::as_f64);
    // Microseconds are what a line has; a cast of a float saturates.
    let duration = (duration.unwrap_or_default() * 1e3) as u64;
    let method = entry.text("method").filter(|method| METHODS.contains(method)).unwrap_or("HTTP");
    Span {
        trace_id: trace.trace.clone(),
        flags: trace.flags | SpanFlags::ContextHasIsRemoteMask as u32,
        name: format!("{method} {}", entry.text("route").unwrap_or_default()).trim_end().to_owned(),
        start_time_unix_nano: end.saturating_sub(duration.saturating_mul(1_000)),
        end_time_unix_nano: end,
        ..Span::default()
    }
}
