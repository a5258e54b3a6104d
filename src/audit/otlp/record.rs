//! The log record of a line: of a call, or of what an auditor looks for.

use super::names::{EVENT_NUMBERS, EVENT_TEXTS, LOWERED, SEQ};
use super::trace::Trace;
use super::values::{Attributes, text};
use super::{Entry, is_call, nanos, span};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, SeverityNumber};

/// Kinds of lines, beside those of calls, that have a record.
const EVENTS: [&str; 6] = ["approval", "reload", "recover", "key", "expired", "start"];

/// Whether lines of this kind have a record.
pub(super) fn is_told(kind: &str) -> bool {
    is_call(kind) || EVENTS.contains(&kind)
}

/// `None` for lines that nobody is told of.
pub(super) fn of(entry: &Entry) -> Option<LogRecord> {
    if is_call(entry.kind()) {
        return Some(of_call(entry));
    }
    EVENTS.contains(&entry.kind()).then(|| of_event(entry))
}

fn of_call(entry: &Entry) -> LogRecord {
    let disposition = entry.text("disposition").unwrap_or("undecided");
    let what = entry.text("tool_name").or_else(|| entry.text("route")).unwrap_or_default();
    let broke_off = !matches!(entry.text("ending"), Some("completed" | "caller_gone"));
    let would_not = entry.flag("simulated") == Some(true);
    let severity = match disposition {
        "forwarded" if would_not || broke_off => SeverityNumber::Warn,
        "forwarded" | "dry_run" | "held" => SeverityNumber::Info,
        "failed" => SeverityNumber::Error,
        _ => SeverityNumber::Warn,
    };
    let attributes = span::attributes(entry);
    let record = record(entry, severity, &format!("{disposition} {what}"), attributes);
    match Trace::of(entry) {
        Some(trace) => LogRecord {
            flags: trace.flags,
            trace_id: trace.trace,
            span_id: trace.server,
            event_name: "gait.call".to_owned(),
            ..record
        },
        None => record,
    }
}

fn of_event(entry: &Entry) -> LogRecord {
    let kind = entry.kind();
    let mut attributes = Attributes::default();
    attributes.number(SEQ, Some(entry.seq()));
    for (_, member, name) in EVENT_TEXTS.iter().filter(|(of, ..)| *of == kind) {
        attributes.text(name, entry.text(member));
    }
    for (_, member, name) in EVENT_NUMBERS.iter().filter(|(of, ..)| *of == kind) {
        attributes.number(name, entry.number(member));
    }
    attributes.texts(LOWERED, entry.texts("lowered"));
    let (severity, body) = said(entry);
    LogRecord { event_name: format!("gait.{kind}"), ..record(entry, severity, body, attributes) }
}

/// How much it matters, and in words what it is.
fn said(entry: &Entry) -> (SeverityNumber, &'static str) {
    let has = |member| entry.members().contains_key(member);
    match entry.kind() {
        "approval" => (SeverityNumber::Info, "a request for approval was answered"),
        "reload" if has("lowered") => (SeverityNumber::Warn, "calls are held to less than before"),
        "reload" => (SeverityNumber::Info, "another snapshot came into force"),
        "recover" => (SeverityNumber::Error, "the evidence log could not be written for a time"),
        "key" if has("replaces") => (SeverityNumber::Warn, "another key signs the evidence log"),
        "key" => (SeverityNumber::Info, "a key signs the evidence log"),
        "expired" => (SeverityNumber::Info, "an old evidence segment is removed"),
        _ if has("torn_tail") => (SeverityNumber::Warn, "a process died before it wrote all"),
        _ => (SeverityNumber::Info, "the evidence log is taken up"),
    }
}

fn record(
    entry: &Entry,
    severity: SeverityNumber,
    body: &str,
    attributes: Attributes,
) -> LogRecord {
    let time = nanos(entry);
    let severity_text = match severity {
        SeverityNumber::Error => "ERROR",
        SeverityNumber::Warn => "WARN",
        _ => "INFO",
    };
    LogRecord {
        time_unix_nano: time,
        observed_time_unix_nano: time,
        severity_number: severity.into(),
        severity_text: severity_text.to_owned(),
        body: Some(text(body.trim_end())),
        attributes: attributes.done(),
        ..LogRecord::default()
    }
}
