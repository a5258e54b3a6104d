//! What the evidence log says of itself, shown as one.
//!
//! The log counts for itself; here its counts are only copied, so that a scrape shows what the
//! writer knows and not what somebody saw of it.

use super::catalogue::{
    EVIDENCE_BYTES, EVIDENCE_FAILURES, EVIDENCE_LAG, EVIDENCE_LINES, EVIDENCE_SEALED,
    EVIDENCE_SEGMENTS, EVIDENCE_SYNCS,
};
use super::registry::Registry;
use jiff::Timestamp;
use metrics::{Counter, Gauge};
use std::time::Duration;

/// How the log stands; all counts are of one process life.
#[derive(Clone, Copy, Debug, Default)]
pub struct EvidenceFace {
    /// Age of the oldest line that is not durable.
    pub lag: Duration,
    /// Writes and syncs that failed.
    pub failures: u64,
    /// Durable lines.
    pub lines: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Syncs, each under a signature.
    pub syncs: u64,
    /// Files that are there.
    pub segments: u64,
    /// When one was sealed last.
    pub sealed: Option<Timestamp>,
}

/// The handles.
pub(super) struct EvidenceMetrics {
    lag: Gauge,
    failures: Counter,
    lines: Counter,
    bytes: Counter,
    syncs: Counter,
    segments: Gauge,
    sealed: Gauge,
}

// === impl EvidenceMetrics ===

impl EvidenceMetrics {
    pub(super) fn new(registry: &Registry) -> EvidenceMetrics {
        EvidenceMetrics {
            lag: registry.gauge(&EVIDENCE_LAG, &[]),
            failures: registry.counter(&EVIDENCE_FAILURES, &[]),
            lines: registry.counter(&EVIDENCE_LINES, &[]),
            bytes: registry.counter(&EVIDENCE_BYTES, &[]),
            syncs: registry.counter(&EVIDENCE_SYNCS, &[]),
            segments: registry.gauge(&EVIDENCE_SEGMENTS, &[]),
            sealed: registry.gauge(&EVIDENCE_SEALED, &[]),
        }
    }

    pub(super) fn show(&self, face: &EvidenceFace) {
        self.lag.set(face.lag.as_secs_f64());
        self.failures.absolute(face.failures);
        self.lines.absolute(face.lines);
        self.bytes.absolute(face.bytes);
        self.syncs.absolute(face.syncs);
        self.segments.set(face.segments as f64);
        self.sealed.set(face.sealed.map_or(0.0, |at| at.as_millisecond() as f64 / 1000.0));
    }
}
