//! Evidence in the words of OpenTelemetry: spans and log records, made of lines.
//!
//! What is sent while the gateway runs and what is exported years later go through here, so that
//! both say the same. A call is a span of gait's own and, where something went to the tool, below it
//! the span of that exchange; it is a log record besides, and so is what an auditor looks for.
//! Arguments and targets never leave, nor do the words in which people give their reasons.
//!
//! Evidence does not say when the exchange with the tool began: both spans have the call's time.
//! Spans are made of calls alone whose trace its first caller wanted kept; log records of all.
//!
//! Rejected: the SDK, which buffers, drops and times out by rules of its own.

mod names;
mod record;
mod span;
mod trace;
mod values;

use super::Entry;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::InstrumentationScope;
use opentelemetry_proto::tonic::logs::v1::{ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans};
use values::Attributes;

/// Who says it: the attributes of the resource.
#[derive(Clone, Debug)]
pub struct Origin(Resource);

// === impl Origin ===

impl Origin {
    /// A gateway of this name, with further attributes; the last word on a name counts.
    pub fn new(service: &str, more: &[(String, String)]) -> Origin {
        let own = [(names::SERVICE_NAME, service), (names::SERVICE_VERSION, VERSION)];
        let said = more.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let mut attributes = Attributes::default();
        for (name, value) in said.filter(|(name, _)| own.iter().all(|(own, _)| own != name)) {
            attributes.text(name, Some(value));
        }
        own.iter().for_each(|(name, value)| attributes.text(name, Some(value)));
        Origin(Resource { attributes: attributes.done(), ..Resource::default() })
    }
}

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The spans of the calls among these lines; of each call its last line alone must be among them.
pub fn traces(origin: &Origin, entries: &[Entry]) -> ExportTraceServiceRequest {
    let spans = entries.iter().flat_map(span::of).collect();
    let scope_spans = vec![ScopeSpans { scope: scope(), spans, schema_url: SCHEMA.to_owned() }];
    let resource = Some(origin.0.clone());
    let resource_spans = vec![ResourceSpans { resource, scope_spans, ..ResourceSpans::default() }];
    ExportTraceServiceRequest { resource_spans }
}

/// Whether any of these lines has spans.
pub fn is_traced(entries: &[Entry]) -> bool {
    entries.iter().any(|entry| !span::of(entry).is_empty())
}

/// The log records of these lines; of each call its last line alone must be among them.
pub fn logs(origin: &Origin, entries: &[Entry]) -> ExportLogsServiceRequest {
    let log_records = entries.iter().filter_map(record::of).collect();
    let scope_logs = vec![ScopeLogs { scope: scope(), log_records, schema_url: SCHEMA.to_owned() }];
    let resource = Some(origin.0.clone());
    let resource_logs = vec![ResourceLogs { resource, scope_logs, ..ResourceLogs::default() }];
    ExportLogsServiceRequest { resource_logs }
}

/// The version of the conventions that the names are from.
const SCHEMA: &str = "https://opentelemetry.io/schemas/1.37.0";

fn scope() -> Option<InstrumentationScope> {
    let (name, version) = ("gait".to_owned(), VERSION.to_owned());
    Some(InstrumentationScope { name, version, ..InstrumentationScope::default() })
}

/// Whether lines of this kind are told: of calls, and of what an auditor looks for.
pub fn is_told(kind: &str) -> bool {
    record::is_told(kind)
}

/// Whether a line of this kind is about a call.
fn is_call(kind: &str) -> bool {
    matches!(kind, "call" | "outcome" | "decision")
}

/// When a line was made, in nanoseconds of Unix time.
fn nanos(entry: &Entry) -> u64 {
    let time = entry.text("time").and_then(|time| time.parse::<jiff::Timestamp>().ok());
    time.and_then(|time| u64::try_from(time.as_nanosecond()).ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests;
