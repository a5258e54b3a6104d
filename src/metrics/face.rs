//! The gauges that describe the snapshot in force: its digests, its stages, its certificates.
//!
//! Their labels are digests and route names that go stale with every reload, and the exporter
//! cannot forget a series. So each snapshot gets a small registry of its own, shown whole or not
//! at all: what is stale is gone, a scrape never mixes two snapshots, and a thousand reloads
//! leave no series behind. Rejected: setting stale series to 0, which grows without end.

use super::catalogue::{CERTIFICATE_NOT_AFTER, Definition, SNAPSHOT_INFO, STAGE, STAGE_LASTING};
use super::labels::STAGES;
use super::registry::Registry;
use super::routes::OTHER;

/// Series that a face shows for the stages of a route: those that hold, and those that last.
pub(super) const STAGE_SERIES: usize = 2 * STAGES.len();

/// Series that a face shows beside those that its routes have paid for: the info gauge and the
/// stages of `_other`.
pub(super) const FACE_SERIES: usize = 1 + STAGE_SERIES;

/// A route, a stage, and the share of the known callers that stands there, as a part of one.
pub type Share<'a> = (&'a str, &'a str, f64);

/// What the gauges say of a snapshot.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SnapshotFace<'a> {
    /// The config's digest.
    pub config: &'a str,
    /// The policy's digest.
    pub policy: &'a str,
    /// Who stands where.
    pub stages: &'a [Share<'a>],
    /// Who stands where once nothing is set for a time any more.
    pub lasting: &'a [Share<'a>],
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
    face.stages.iter().for_each(|share| show(&registry, &STAGE, *share, &known));
    face.lasting.iter().for_each(|share| show(&registry, &STAGE_LASTING, *share, &known));
    registry
}

fn show(
    registry: &Registry,
    definition: &Definition,
    (route, stage, share): Share<'_>,
    known: impl Fn(&str) -> bool,
) {
    let is_known = known(route);
    let route = if is_known { route } else { OTHER };
    for word in STAGES {
        let gauge = registry.gauge(definition, &[route, word]);
        // Made is shown, at 0; several routes may share `_other`, so none sets another to 0.
        if word == stage && share > 0.0 {
            gauge.set(if is_known { share } else { 1.0 });
        }
    }
}
