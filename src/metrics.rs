//! Every number that gait shows, on the `metrics` crate and its Prometheus exporter.
//!
//! What this module is for: each metric is declared once (`catalogue`), each series exists at
//! zero from the start, no label comes from a caller, and the permit counters obey their law at
//! every scrape (`law` argues why). Callers get handles at load and count with them; on the path
//! of a call nothing is hashed, allocated or locked.
//!
//! The evidence writer counts calls, the gate counts permits, the upstream client counts sends:
//! three counts of one thing, so that a fault in any of them shows.
//!
//! Rejected: the exporter's own listener (it answers any path, on all addresses); its global
//! recorder and macros (a hash per increment, and names outside the catalogue); summaries.

mod catalogue;
mod labels;
mod law;
mod listeners;
mod registry;
mod routes;
mod approvals;
mod callers;
mod counted;
mod candidate;
mod exports;
mod face;
mod evidence;
mod process;
mod steering;
mod webhooks;

pub use approvals::{ApprovalLabel, ApprovalMetrics};
pub use callers::{CallerMetrics, JwksMetrics};
pub use candidate::CandidateMetrics;
pub use catalogue::{CATALOGUE, Definition, Kind};
pub use counted::{Missed, Unlined};
pub use evidence::EvidenceFace;
pub use exports::{ExportMetrics, ExporterLabel};
pub use face::{Share, SnapshotFace};
pub use labels::{
    BypassLabel, DispositionLabel, PermitLabel, ProtocolLabel, STAGES, SwitchLabel, VerdictLabel,
};
pub use law::OpenPermit;
pub use listeners::{LISTENER_SERIES, ListenerMetrics};
pub use routes::{RouteLabels, RouteMetrics};
pub use steering::{OpinionLabel, ViaLabel};
pub use webhooks::WebhookMetrics;

use callers::Sources;
use candidate::Candidates;
use catalogue::{
    BODY_BUDGET, BUILD_INFO, BYPASS, CONNECTIONS, DECISION_SECONDS, KILL_SWITCH,
    KILL_SWITCH_ENTRIES, OVERHEAD_SECONDS, RATE_COUNTERS, RATE_FAILURES, REJECTED,
    RELOAD_SUCCESSFUL, RELOAD_TIMESTAMP, RESTART_NEEDED, ROLLOUT_DROPPED, TUNNELS, UNRECORDED,
};
use evidence::EvidenceMetrics;
use face::FACE_SERIES;
use jiff::Timestamp;
use metrics::{Counter, Gauge, Histogram};
use process::Process;
use registry::Registry;
use routes::Routes;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use steering::Steering;
use webhooks::Webhooks;

/// The reason under which a rejection is counted that the closed list does not name.
const OTHER_REASON: &str = "other";

/// What bounds the metrics.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Lines of `/metrics` that bear a value, at most (`limits.metric_series`).
    pub series_max: usize,
}

/// Whether the config on disk asks for a restart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Restart {
    /// A setting changed that only a restart takes up.
    Needed,
    /// What runs is what the config says.
    NotNeeded,
}

/// All metrics of one gait. Cheap to clone; clones share everything.
#[derive(Clone)]
pub struct Metrics(Arc<Inner>);

struct Inner {
    registry: Registry,
    fixed: Fixed,
    /// The same as two of the counters, which the exporter does not give back.
    unlined: Unlined,
    process: Process,
    /// Taken by scrapes and at load, never by a call.
    routes: Mutex<Routes>,
    /// Taken at load, before `routes`.
    sources: Mutex<Sources>,
    /// Taken at load, before `routes`.
    webhooks: Mutex<Webhooks>,
    /// Taken by scrapes, at load before `routes`, and by the evidence writer.
    candidates: Mutex<Candidates>,
    /// `None` before the first snapshot.
    face: Mutex<Option<Registry>>,
}

/// The handles that belong to no route.
struct Fixed {
    bypass: [Counter; BypassLabel::ALL.len()],
    unrecorded: Counter,
    rejected: Vec<(&'static str, Counter)>,
    rejected_other: Counter,
    decision_seconds: Histogram,
    overhead_seconds: Histogram,
    evidence: EvidenceMetrics,
    telemetry: Gauge,
    tunnels: Gauge,
    body_budget: Gauge,
    kill_switch: [Gauge; SwitchLabel::ALL.len()],
    kill_switch_entries: Gauge,
    rate_counters: Gauge,
    rate_failures: Counter,
    reload_successful: Gauge,
    reload_timestamp: Gauge,
    restart_needed: Gauge,
    rollout_dropped: Counter,
    exports: [ExportMetrics; ExporterLabel::ALL.len()],
    steering: Steering,
}

/// A share of a gauge, given back on drop.
#[must_use = "dropping it takes the amount off the gauge again"]
pub struct Held {
    gauge: Gauge,
    amount: f64,
}

// === impl Metrics ===

impl Metrics {
    /// Metrics at zero. `reasons` is the closed list of `gait_rejected_total`; `other` joins it.
    pub fn new(limits: Limits, reasons: &'static [&'static str]) -> Metrics {
        let registry = Registry::new();
        registry.gauge(&BUILD_INFO, &[env!("CARGO_PKG_VERSION")]).set(1.0);
        // For its series alone.
        drop(ApprovalMetrics::new(&registry, &[]));
        let metrics = Metrics(Arc::new(Inner {
            fixed: Fixed::new(&registry, reasons),
            unlined: Unlined::default(),
            process: Process::new(),
            routes: Mutex::new(Routes::new(&registry)),
            sources: Mutex::default(),
            webhooks: Mutex::default(),
            candidates: Mutex::default(),
            face: Mutex::new(None),
            registry,
        }));
        let taken = count_series(&metrics.render()) + FACE_SERIES;
        lock(&metrics.0.routes).allow_series(limits.series_max.saturating_sub(taken));
        metrics
    }

    /// The handles of a route; the same labels give the same cells, across reloads.
    ///
    /// Beyond `series_max` it is counted under `_other`, and `gait_metric_series_overflow_total`
    /// rises. Call it at load, not per request: it locks and allocates.
    pub fn route(&self, labels: RouteLabels<'_>) -> Arc<RouteMetrics> {
        lock(&self.0.routes).get(&self.0.registry, &labels)
    }

    /// The handles of the sources of identity, and of the closed list of reasons for which callers
    /// are refused. Call it at load, before routes take the room.
    pub fn callers(&self, sources: &[Arc<str>], reasons: &[&'static str]) -> CallerMetrics {
        let mut known = lock(&self.0.sources);
        known.callers(&self.0.registry, &mut lock(&self.0.routes), sources, reasons)
    }

    /// The handles of the keys of one source. Call it at load.
    pub fn jwks(&self, source: &Arc<str>) -> JwksMetrics {
        let mut known = lock(&self.0.sources);
        known.jwks(&self.0.registry, &mut lock(&self.0.routes), source)
    }

    /// The handles of approvals, and of the closed list of reasons for which words are refused.
    /// Call it at start; the same reasons give the same cells.
    pub fn approvals(&self, reasons: &[&'static str]) -> ApprovalMetrics {
        lock(&self.0.routes).pay(reasons.len());
        ApprovalMetrics::new(&self.0.registry, reasons)
    }

    /// The handles of one webhook; the same name gives the same cells. Call it at load.
    pub fn webhook(&self, name: &Arc<str>) -> WebhookMetrics {
        let mut known = lock(&self.0.webhooks);
        known.webhook(&self.0.registry, &mut lock(&self.0.routes), name)
    }

    /// The handles of one exporter.
    pub fn export(&self, exporter: ExporterLabel) -> ExportMetrics {
        let [traces, logs, access] = &self.0.fixed.exports;
        match exporter {
            ExporterLabel::OtlpTraces => traces.clone(),
            ExporterLabel::OtlpLogs => logs.clone(),
            ExporterLabel::AccessLog => access.clone(),
        }
    }

    /// Shows a snapshot as the one in force, in place of the one before. Register its routes
    /// first; one that is not registered is shown as `_other`.
    pub fn snapshot(&self, snapshot: &SnapshotFace<'_>) {
        let built = {
            let routes = lock(&self.0.routes);
            face::build(snapshot, |route| routes.knows(route))
        };
        *lock(&self.0.face) = Some(built);
    }

    /// The answer to a scrape: the Prometheus text format, version 0.0.4.
    pub fn render(&self) -> String {
        let mut text = {
            let routes = lock(&self.0.routes);
            routes.copy_law();
            self.0.registry.render()
        };
        if let Some(face) = lock(&self.0.face).as_ref() {
            text.push_str(&face.render());
        }
        lock(&self.0.candidates).render(&mut text);
        self.0.process.render(&mut text);
        text
    }

    /// Folds histogram samples; call it every few seconds, or they pile up between scrapes.
    pub fn upkeep(&self) {
        self.0.registry.upkeep();
    }

    /// Counts a rejection; a reason that is not on the closed list counts as `other`.
    pub fn rejected(&self, reason: &str) {
        let fixed = &self.0.fixed;
        let known = fixed.rejected.iter().find(|(known, _)| *known == reason);
        known.map_or(&fixed.rejected_other, |(_, counter)| counter).increment(1);
    }

    /// Records how long a decision took.
    pub fn decision_took(&self, duration: Duration) {
        self.0.fixed.decision_seconds.record(duration);
    }

    /// Records how long a call was held up by gait itself.
    pub fn overhead_took(&self, duration: Duration) {
        self.0.fixed.overhead_seconds.record(duration);
    }

    /// The handles of a listener of calls. Call it at start: the series are there from then on.
    pub fn listener(&self, name: &str) -> ListenerMetrics {
        ListenerMetrics::new(&self.0.registry, name)
    }

    /// Counts a connection to the telemetry listener for as long as the guard lives.
    pub fn telemetry_connection(&self) -> Held {
        Held::new(self.0.fixed.telemetry.clone(), 1.0)
    }

    /// Counts a tunnel for as long as the guard lives.
    pub fn tunnel(&self) -> Held {
        Held::new(self.0.fixed.tunnels.clone(), 1.0)
    }

    /// Sets how many bytes of the body budget are lent.
    pub fn body_budget(&self, bytes: u64) {
        self.0.fixed.body_budget.set(bytes as f64);
    }

    /// Sets how the kill switch stands, and how many of its orders are active.
    pub fn kill_switch(&self, state: SwitchLabel, active_entries: usize) {
        for (label, gauge) in SwitchLabel::ALL.iter().zip(&self.0.fixed.kill_switch) {
            gauge.set(if *label == state { 1.0 } else { 0.0 });
        }
        self.0.fixed.kill_switch_entries.set(active_entries as f64);
    }

    /// Sets how many counters of limits are held.
    pub fn rate_counters(&self, counters: usize) {
        self.0.fixed.rate_counters.set(counters as f64);
    }

    /// Counts a write of those counters that failed.
    pub fn rate_state_failed(&self) {
        self.0.fixed.rate_failures.increment(1);
    }

    /// Shows how the evidence log stands.
    pub fn evidence(&self, face: &EvidenceFace) {
        self.0.fixed.evidence.show(face);
    }

    /// Says that a snapshot loaded, at start or at reload.
    pub fn reload_succeeded(&self, at: Timestamp) {
        self.0.fixed.reload_successful.set(1.0);
        self.0.fixed.reload_timestamp.set(at.as_millisecond() as f64 / 1000.0);
    }

    /// Says that a snapshot did not load and the old one stays.
    pub fn reload_failed(&self) {
        self.0.fixed.reload_successful.set(0.0);
    }

    /// Counts stages that were set by command and are dropped.
    pub fn rollout_dropped(&self, routes: usize) {
        self.0.fixed.rollout_dropped.increment(routes as u64);
    }

    /// Says whether the config on disk asks for a restart.
    pub fn restart(&self, restart: Restart) {
        self.0.fixed.restart_needed.set(match restart {
            Restart::Needed => 1.0,
            Restart::NotNeeded => 0.0,
        });
    }
}

// === impl Fixed ===

impl Fixed {
    fn new(registry: &Registry, reasons: &'static [&'static str]) -> Fixed {
        let rejected = |reason: &'static str| registry.counter(&REJECTED, &[reason]);
        Fixed {
            bypass: BypassLabel::ALL.map(|cause| registry.counter(&BYPASS, &[cause.as_str()])),
            unrecorded: registry.counter(&UNRECORDED, &[]),
            rejected: reasons.iter().map(|reason| (*reason, rejected(reason))).collect(),
            rejected_other: rejected(OTHER_REASON),
            decision_seconds: registry.histogram(&DECISION_SECONDS, &[]),
            overhead_seconds: registry.histogram(&OVERHEAD_SECONDS, &[]),
            evidence: EvidenceMetrics::new(registry),
            telemetry: registry.gauge(&CONNECTIONS, &["telemetry"]),
            tunnels: registry.gauge(&TUNNELS, &[]),
            body_budget: registry.gauge(&BODY_BUDGET, &[]),
            kill_switch: SwitchLabel::ALL
                .map(|state| registry.gauge(&KILL_SWITCH, &[state.as_str()])),
            kill_switch_entries: registry.gauge(&KILL_SWITCH_ENTRIES, &[]),
            rate_counters: registry.gauge(&RATE_COUNTERS, &[]),
            rate_failures: registry.counter(&RATE_FAILURES, &[]),
            reload_successful: registry.gauge(&RELOAD_SUCCESSFUL, &[]),
            reload_timestamp: registry.gauge(&RELOAD_TIMESTAMP, &[]),
            restart_needed: registry.gauge(&RESTART_NEEDED, &[]),
            rollout_dropped: registry.counter(&ROLLOUT_DROPPED, &[]),
            exports: ExporterLabel::ALL.map(|exporter| ExportMetrics::new(registry, exporter)),
            steering: Steering::new(registry),
        }
    }
}

// === impl Held ===

impl Held {
    fn new(gauge: Gauge, amount: f64) -> Held {
        gauge.increment(amount);
        Held { gauge, amount }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.gauge.decrement(self.amount);
    }
}

/// Lines with a value.
fn count_series(text: &str) -> usize {
    text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).count()
}

/// A counter is still a counter after a panic elsewhere, so poison is ignored.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
