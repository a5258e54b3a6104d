//! The permit counters, which obey a law at every scrape.
//!
//! **The law** (design section 5): sent + unused ≤ minted at every scrape, equal when none is
//! open. Each permit counts one `minted` first and one `sent` or `unused` later, so at any single
//! moment the law holds; but a scrape is no single moment, it reads one counter after another.
//! The exporter reads its counters in the order of a hash map: were these counters there, a
//! permit minted and sent in the middle of a scrape could show as sent and not as minted.
//!
//! So they live here, in atomics of our own, and a scrape copies them into the exporter in the
//! one order that keeps the law: every `sent`, then `unused`, then every `minted`. The argument:
//! `sent` and `unused` are added to with `Release` and read with `Acquire`, so a reader that sees
//! an addition sees all that happened before it, and the permit's own `minted` happened before
//! it: the permit was moved from the one to the other, which in safe Rust is a happens-before
//! edge. (An addition is a read-modify-write, so it does not break the release sequences of the
//! others: the reader synchronises with every addition that it counts, not only with the last.)
//! `minted` is read afterwards and therefore counts at least those permits. `minted` itself can
//! be `Relaxed`. The copies are then frozen: one mutex lets a single scrape at a time copy and
//! render. Only scrapes and, at load, new routes take it; a call never does.
//!
//! `gait_permits_open` comes out of the same copy, so minted = sent + unused + open in every
//! scrape, exactly.
//!
//! The law can be broken by a fault elsewhere, and is meant to be: `sent` is counted by the
//! upstream client, `unused` by the guard that it must close. A client that sends without closing
//! the guard, or closes it without counting, shows as sent + unused > minted, or as a permit that
//! stays open for ever.

use super::catalogue::{PERMITS, PERMITS_OPEN, PERMITS_UNUSED, UPSTREAM_REQUESTS};
use super::labels::PermitLabel;
use super::registry::Registry;
use metrics::{Counter, Gauge};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The permit counters of one (route, risk).
pub(super) struct PermitCells {
    allow: KindCells,
    approved: KindCells,
    observed: KindCells,
    unused: Arc<AtomicU64>,
}

/// The permit counters of one (route, risk, permit).
struct KindCells {
    minted: AtomicU64,
    sent: AtomicU64,
    minted_shown: Counter,
    sent_shown: Counter,
}

/// Every permit counter of the process, and their copies in the exporter.
pub(super) struct Law {
    cells: Vec<Arc<PermitCells>>,
    unused: Arc<AtomicU64>,
    unused_shown: Counter,
    open_shown: Gauge,
}

/// A permit that is neither sent nor unused yet. Not `Clone`: it settles once.
///
/// Dropping it counts the permit as unused, whatever the reason: an error, a panic, a caller that
/// went away. The permit of the gate owns one.
///
/// ```compile_fail,E0382
/// # use gait::metrics::{Limits, Metrics, PermitLabel, RouteLabels};
/// # let metrics = Metrics::new(Limits { series_max: 1000 }, &[]);
/// # let route = metrics.route(RouteLabels { route: "a", stage: "enforce", risk: "low" });
/// let open = route.mint(PermitLabel::Allow);
/// open.sent();
/// open.unused(); // moved: a permit settles once
/// ```
#[must_use = "dropping it counts the permit as unused"]
#[derive(Debug)]
pub struct OpenPermit {
    /// Taken when the permit is settled as sent.
    unused: Option<Arc<AtomicU64>>,
}

// === impl OpenPermit ===

impl OpenPermit {
    /// Closes the guard of a permit whose first byte went out.
    ///
    /// This counts nothing: the client counts the send itself, with
    /// [`RouteMetrics::upstream_sent`](super::RouteMetrics::upstream_sent).
    pub fn sent(mut self) {
        self.unused = None;
    }

    /// Counts the permit as unused. The same as dropping it, said aloud.
    pub fn unused(self) {}
}

impl Drop for OpenPermit {
    fn drop(&mut self) {
        if let Some(unused) = self.unused.take() {
            unused.fetch_add(1, Ordering::Release);
        }
    }
}

// === impl Law ===

impl Law {
    /// No cells yet; the process-wide counters at zero.
    pub(super) fn new(registry: &Registry) -> Law {
        Law {
            cells: Vec::new(),
            unused: Arc::default(),
            unused_shown: registry.counter(&PERMITS_UNUSED, &[]),
            open_shown: registry.gauge(&PERMITS_OPEN, &[]),
        }
    }

    /// New cells for a (route, risk) that has none yet.
    pub(super) fn register(
        &mut self,
        registry: &Registry,
        route: &str,
        risk: &str,
    ) -> Arc<PermitCells> {
        let cells = |kind| KindCells::new(registry, route, risk, kind);
        let cells = Arc::new(PermitCells {
            allow: cells(PermitLabel::Allow),
            approved: cells(PermitLabel::Approved),
            observed: cells(PermitLabel::Observed),
            unused: self.unused.clone(),
        });
        self.cells.push(cells.clone());
        cells
    }

    /// Copies every counter into the exporter: sent, unused, minted, in this order.
    pub(super) fn copy(&self) {
        let sent: u64 = self.kinds().map(KindCells::copy_sent).sum();
        let unused = self.unused.load(Ordering::Acquire);
        self.unused_shown.absolute(unused);
        let minted: u64 = self.kinds().map(KindCells::copy_minted).sum();
        let open = minted.saturating_sub(sent).saturating_sub(unused);
        self.open_shown.set(open as f64);
    }

    fn kinds(&self) -> impl Iterator<Item = &KindCells> {
        self.cells.iter().flat_map(|cells| [&cells.allow, &cells.approved, &cells.observed])
    }
}

// === impl PermitCells ===

impl PermitCells {
    pub(super) fn mint(&self, kind: PermitLabel) -> OpenPermit {
        self.kind(kind).minted.fetch_add(1, Ordering::Relaxed);
        OpenPermit { unused: Some(self.unused.clone()) }
    }

    pub(super) fn sent(&self, kind: PermitLabel) {
        self.kind(kind).sent.fetch_add(1, Ordering::Release);
    }

    fn kind(&self, kind: PermitLabel) -> &KindCells {
        match kind {
            PermitLabel::Allow => &self.allow,
            PermitLabel::Approved => &self.approved,
            PermitLabel::Observed => &self.observed,
        }
    }
}

// === impl KindCells ===

impl KindCells {
    fn new(registry: &Registry, route: &str, risk: &str, kind: PermitLabel) -> KindCells {
        let values = [route, risk, kind.as_str()];
        KindCells {
            minted: AtomicU64::new(0),
            sent: AtomicU64::new(0),
            minted_shown: registry.counter(&PERMITS, &values),
            sent_shown: registry.counter(&UPSTREAM_REQUESTS, &values),
        }
    }

    fn copy_sent(&self) -> u64 {
        let sent = self.sent.load(Ordering::Acquire);
        self.sent_shown.absolute(sent);
        sent
    }

    fn copy_minted(&self) -> u64 {
        let minted = self.minted.load(Ordering::Relaxed);
        self.minted_shown.absolute(minted);
        minted
    }
}
