//! The gauges that describe the snapshot in force: its digests, its stages, its certificates.
//!
//! Their labels are digests and route names that go stale with every reload, and the exporter
//! cannot forget a series. So each snapshot gets a small registry of its own, shown whole or not
//! at all: what is stale is gone, a scrape never mixes two snapshots, and a thousand reloads
//! leave no series behind. Rejected: setting stale series to 0, which grows without end.

use super::catalogue::{CERTIFICATE_NOT_AFTER, SNAPSHOT_INFO, STAGE};
use super::labels::STAGES;
use super::registry::Registry;
use super::routes::OTHER;

/// Series that a face shows beside those that its routes have paid for: the info gauge and the
/// stages of `_other`.
pub(super) const FACE_SERIES: usize = 1 + STAGES.len();

/// What the gauges say of a snapshot.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SnapshotFace<'a> {
    /// The config's digest.
    pub config: &'a str,
    /// The policy's digest.
    pub policy: &'a str,
    /// Routes, stages, and the share of the known callers that stands there, as a part of one.
    pub stages: &'a [(&'a str, &'a str, f64)],
    /// Each certificate with the Unix time, in seconds, until which it holds.
    pub certificates: &'a [(String, f64)],
}

/// A registry that shows `face`. Routes that `known` denies are shown as `_other`.
pub(super) fn build(face: &SnapshotFace<'_>, known: impl Fn(&str) -> bool) -> Registry {
    let registry = Registry::new();
    registry.gauge(&SNAPSHOT_INFO, &[face.config, face.policy]).set(1.0);
    for (name, not_after) in face.certificates {
        registry.gauge(&CERTIFICATE_NOT_AFTER, &[name]).set(*not_after);
    }
    for (route, in_force, share) in face.stages {
        let is_known = known(route);
        let route = if is_known { route } else { OTHER };
        for word in STAGES {
            let gauge = registry.gauge(&STAGE, &[route, word]);
            // Made is shown, at 0; several routes may share `_other`, so none sets another to 0.
            if word == *in_force && *share > 0.0 {
                gauge.set(if is_known { *share } else { 1.0 });
            }
        }
    }
    registry
}
