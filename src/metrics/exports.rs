//! What is counted of those who are told what the evidence says.
//!
//! A record is one line of the log: the two spans of a call are one. Every line that an exporter is
//! to tell comes to an end as one of three: sent, dropped here, or rejected there.

use super::catalogue::{EXPORT_LAG, EXPORT_QUEUE, EXPORT_RECORDS};
use super::registry::Registry;
use jiff::Timestamp;
use metrics::{Counter, Gauge};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

/// Who is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExporterLabel {
    /// A collector, of spans.
    OtlpTraces,
    /// A collector, of log records.
    OtlpLogs,
    /// Whoever reads standard output.
    AccessLog,
}

/// The handles of one exporter. Cheap to clone; clones count on the same cells.
#[derive(Clone)]
pub struct ExportMetrics {
    sent: Counter,
    dropped: Counter,
    rejected: Counter,
    lag: Gauge,
    queue: Gauge,
    now: Arc<Now>,
}

/// How an exporter stands. Counts alone are kept here, which nothing else depends on.
#[derive(Default)]
struct Now {
    waiting: AtomicI64,
    /// Microseconds of Unix time of the oldest line that is being told; 0 for none.
    oldest: AtomicI64,
}

// === impl ExporterLabel ===

impl ExporterLabel {
    /// All of them, in label order.
    pub const ALL: [ExporterLabel; 3] =
        [ExporterLabel::OtlpTraces, ExporterLabel::OtlpLogs, ExporterLabel::AccessLog];

    /// The label's value.
    pub fn as_str(self) -> &'static str {
        match self {
            ExporterLabel::OtlpTraces => "otlp_traces",
            ExporterLabel::OtlpLogs => "otlp_logs",
            ExporterLabel::AccessLog => "access_log",
        }
    }
}

// === impl ExportMetrics ===

impl ExportMetrics {
    pub(super) fn new(registry: &Registry, exporter: ExporterLabel) -> ExportMetrics {
        let own = [exporter.as_str()];
        let outcome = |word| registry.counter(&EXPORT_RECORDS, &[exporter.as_str(), word]);
        ExportMetrics {
            sent: outcome("sent"),
            dropped: outcome("dropped"),
            rejected: outcome("rejected"),
            lag: registry.gauge(&EXPORT_LAG, &own),
            queue: registry.gauge(&EXPORT_QUEUE, &own),
            now: Arc::default(),
        }
    }

    /// A line waits.
    pub fn queued(&self) {
        self.now.waiting.fetch_add(1, Ordering::Relaxed);
    }

    /// Lines that waited were taken.
    pub fn sent(&self, lines: usize) {
        self.settle(&self.sent, lines);
    }

    /// Lines that waited are told no more.
    pub fn dropped(&self, lines: usize) {
        self.settle(&self.dropped, lines);
    }

    /// Lines that waited were refused.
    pub fn rejected(&self, lines: usize) {
        self.settle(&self.rejected, lines);
    }

    /// Sets when the oldest line was made that is being told; `None` once it is.
    pub fn telling(&self, oldest: Option<Timestamp>) {
        let oldest = oldest.map_or(0, Timestamp::as_microsecond);
        self.now.oldest.store(oldest, Ordering::Relaxed);
    }

    /// Lines that wait.
    pub fn waiting(&self) -> i64 {
        self.now.waiting.load(Ordering::Relaxed)
    }

    /// Brings the gauges up to `now`.
    pub fn observe(&self, now: Timestamp) {
        self.queue.set(self.waiting() as f64);
        let oldest = self.now.oldest.load(Ordering::Relaxed);
        let age = if oldest == 0 { 0 } else { now.as_microsecond().saturating_sub(oldest).max(0) };
        self.lag.set(age as f64 / 1e6);
    }

    fn settle(&self, outcome: &Counter, lines: usize) {
        let count = i64::try_from(lines).unwrap_or(i64::MAX);
        self.now.waiting.fetch_sub(count, Ordering::Relaxed);
        outcome.increment(lines as u64);
    }
}

impl fmt::Debug for ExportMetrics {
    /// Counters have nothing to tell a log; `/metrics` does.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ExportMetrics")
    }
}
