//! The series of a route, registered once and found again at every reload.
//!
//! All series that a route can ever show are made when a snapshot is built, at zero, so that
//! `absent()` and `increase()` work from the start. Counters outlive the snapshot: the same labels
//! give the same cells, for the life of the process.
//!
//! The number of series is bounded by `limits.metric_series`. What a route costs is known before
//! it is registered; a route that does not fit is counted with all three labels `_other`, in a
//! group that is paid for at the start. Rejected: keeping stage and risk on the overflow group,
//! because then the bound would depend on the config that it is there to bound.

use super::catalogue::{CALL_SECONDS, CALLS, SERIES_OVERFLOW, STAGE_CHANGES, UPSTREAM_SECONDS};
use super::face::STAGE_SERIES;
use super::labels::{DispositionLabel, PermitLabel, VerdictLabel};
use super::law::{Law, OpenPermit, PermitCells};
use super::registry::{OUTER_SECONDS, Registry};
use super::steering::ViaLabel;
use metrics::{Counter, Histogram};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

/// The route, stage and risk label of whatever does not fit.
pub(super) const OTHER: &str = "_other";

/// Series that a (route, stage, risk) adds: one for each verdict and disposition.
const CALL_SERIES: usize = VerdictLabel::ALL.len() * DispositionLabel::ALL.len();

/// Series that a (route, risk) adds: minted and sent, for each permit.
const PERMIT_SERIES: usize = 2 * PermitLabel::ALL.len();

/// Series that a route adds: two histograms (buckets, `+Inf`, sum, count), its stages, and how they were
/// set.
const ROUTE_SERIES: usize = 2 * (OUTER_SECONDS.len() + 3) + STAGE_SERIES + ViaLabel::ALL.len();

/// What a route is called in labels. Words from config only, never from a caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RouteLabels<'a> {
    /// The route's name.
    pub route: &'a str,
    /// One of [`STAGES`].
    pub stage: &'a str,
    /// The intent's risk class.
    pub risk: &'a str,
}

/// The handles of one (route, stage, risk). Counting allocates nothing and takes no lock.
pub struct RouteMetrics {
    /// Rows in the order of [`VerdictLabel::ALL`], columns in that of [`DispositionLabel::ALL`].
    calls: [[Counter; DispositionLabel::ALL.len()]; VerdictLabel::ALL.len()],
    permits: Arc<PermitCells>,
    call_seconds: Histogram,
    upstream_seconds: Histogram,
}

/// Every route of the process, and the room that is left.
pub(super) struct Routes {
    law: Law,
    calls: HashMap<[String; 3], Arc<RouteMetrics>>,
    permits: HashMap<[String; 2], Arc<PermitCells>>,
    /// Route names with histograms; also the routes that the stage gauge may name.
    names: Vec<String>,
    other: Arc<RouteMetrics>,
    overflow: Counter,
    series_left: usize,
}

// === impl RouteMetrics ===

impl RouteMetrics {
    /// Counts one finished call. The evidence writer's to call, once a line.
    pub fn call(&self, verdict: VerdictLabel, disposition: DispositionLabel) {
        let row = self.calls.get(verdict as usize);
        if let Some(counter) = row.and_then(|row| row.get(disposition as usize)) {
            counter.increment(1);
        }
    }

    /// Counts one minted permit. The gate's to call; the guard belongs into the permit.
    pub fn mint(&self, kind: PermitLabel) -> OpenPermit {
        self.permits.mint(kind)
    }

    /// Counts one request whose first byte went out. The upstream client's to call.
    pub fn upstream_sent(&self, kind: PermitLabel) {
        self.permits.sent(kind);
    }

    /// Records how long a call took, from its head to the end of its answer.
    pub fn call_took(&self, duration: Duration) {
        self.call_seconds.record(duration);
    }

    /// Records how long the tool took, from the first byte sent to the head of its answer.
    pub fn upstream_took(&self, duration: Duration) {
        self.upstream_seconds.record(duration);
    }
}

// === impl Routes ===

impl Routes {
    /// No route but the overflow group; room for nothing until [`Routes::allow_series`].
    pub(super) fn new(registry: &Registry) -> Routes {
        let mut law = Law::new(registry);
        let permits = law.register(registry, OTHER, OTHER);
        let labels = RouteLabels { route: OTHER, stage: OTHER, risk: OTHER };
        Routes {
            law,
            calls: HashMap::new(),
            permits: HashMap::new(),
            names: Vec::new(),
            other: Arc::new(build(registry, &labels, permits)),
            overflow: registry.counter(&SERIES_OVERFLOW, &[]),
            series_left: 0,
        }
    }

    /// Sets how many series routes may add.
    pub(super) fn allow_series(&mut self, series_left: usize) {
        self.series_left = series_left;
    }

    /// Takes series off what routes may add.
    pub(super) fn pay(&mut self, series: usize) {
        self.series_left = self.series_left.saturating_sub(series);
    }

    /// The same, where there is room for them; counts it where there is not.
    pub(super) fn afford(&mut self, series: usize) -> bool {
        let left = self.series_left.checked_sub(series);
        match left {
            Some(left) => self.series_left = left,
            None => self.overflow.increment(1),
        }
        left.is_some()
    }

    /// The handles of these labels, made now if they are new and fit.
    pub(super) fn get(
        &mut self,
        registry: &Registry,
        labels: &RouteLabels<'_>,
    ) -> Arc<RouteMetrics> {
        let key = [labels.route, labels.stage, labels.risk].map(str::to_owned);
        if let Some(known) = self.calls.get(&key) {
            return known.clone();
        }
        let Some(series_left) = self.series_left.checked_sub(self.cost(labels)) else {
            self.overflow.increment(1);
            return self.other.clone();
        };
        self.series_left = series_left;
        let permits = self.permits(registry, labels);
        let made = Arc::new(build(registry, labels, permits));
        self.calls.insert(key, made.clone());
        if !self.knows(labels.route) {
            self.names.push(labels.route.to_owned());
        }
        made
    }

    /// Whether series bear this route's name.
    pub(super) fn knows(&self, route: &str) -> bool {
        self.names.iter().any(|name| name == route)
    }

    /// Counts a stage that somebody set for a route.
    pub(super) fn stage_changed(&self, registry: &Registry, route: &str, via: ViaLabel) {
        let route = if self.knows(route) { route } else { OTHER };
        stage_changes(registry, route, via).increment(1);
    }

    /// Copies the permit counters into the exporter (see `law`).
    pub(super) fn copy_law(&self) {
        self.law.copy();
    }

    /// Series that these new labels would add.
    fn cost(&self, labels: &RouteLabels<'_>) -> usize {
        let permits = [labels.route, labels.risk].map(str::to_owned);
        let permits = if self.permits.contains_key(&permits) { 0 } else { PERMIT_SERIES };
        let route = if self.knows(labels.route) { 0 } else { ROUTE_SERIES };
        CALL_SERIES + permits + route
    }

    fn permits(&mut self, registry: &Registry, labels: &RouteLabels<'_>) -> Arc<PermitCells> {
        let key = [labels.route, labels.risk].map(str::to_owned);
        if let Some(known) = self.permits.get(&key) {
            return known.clone();
        }
        let made = self.law.register(registry, labels.route, labels.risk);
        self.permits.insert(key, made.clone());
        made
    }
}

fn stage_changes(registry: &Registry, route: &str, via: ViaLabel) -> Counter {
    registry.counter(&STAGE_CHANGES, &[route, via.as_str()])
}

fn build(registry: &Registry, labels: &RouteLabels<'_>, permits: Arc<PermitCells>) -> RouteMetrics {
    let RouteLabels { route, stage, risk } = *labels;
    // Made is shown, at 0.
    ViaLabel::ALL.iter().for_each(|via| drop(stage_changes(registry, route, *via)));
    let call = |verdict: VerdictLabel, disposition: DispositionLabel| {
        let values = [route, stage, risk, verdict.as_str(), disposition.as_str()];
        registry.counter(&CALLS, &values)
    };
    RouteMetrics {
        calls: VerdictLabel::ALL
            .map(|verdict| DispositionLabel::ALL.map(|disposition| call(verdict, disposition))),
        permits,
        call_seconds: registry.histogram(&CALL_SECONDS, &[route]),
        upstream_seconds: registry.histogram(&UPSTREAM_SECONDS, &[route]),
    }
}

impl std::fmt::Debug for RouteMetrics {
    /// Counters have nothing to tell a log; `/metrics` does.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RouteMetrics")
    }
}
