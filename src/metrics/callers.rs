//! What is counted of callers and of the keys that their tokens are checked with.
//!
//! Labels are the names of sources in the config and codes of a closed list, never what a caller
//! sent. A source that does not fit into `limits.metric_series` is counted as `_other`.

use super::catalogue::{IDENTITIES, IDENTITY_REFUSED, JWKS_FAILURES, JWKS_SUCCESS};
use super::registry::Registry;
use super::routes::{OTHER, Routes};
use jiff::Timestamp;
use metrics::{Counter, Gauge};
use std::fmt;
use std::sync::Arc;

/// Series that a source adds: its callers, and the two of its keys.
const SOURCE_SERIES: usize = 3;

/// The handles of one snapshot's sources. Counting allocates nothing and takes no lock.
pub struct CallerMetrics {
    identified: Vec<(Arc<str>, Counter)>,
    refused: Vec<(&'static str, Counter)>,
    other: Counter,
}

/// The handles of one source's keys.
pub struct JwksMetrics {
    succeeded: Gauge,
    failed: Counter,
}

/// The sources of the process so far.
#[derive(Default)]
pub(super) struct Sources {
    known: Vec<Arc<str>>,
    /// Whether the refusals are paid for.
    refusals: bool,
}

// === impl Sources ===

impl Sources {
    pub(super) fn callers(
        &mut self,
        registry: &Registry,
        routes: &mut Routes,
        names: &[Arc<str>],
        reasons: &[&'static str],
    ) -> CallerMetrics {
        if !self.refusals {
            self.refusals = true;
            // One more for the group of what does not fit.
            routes.pay(reasons.len() + SOURCE_SERIES);
        }
        let identified = |name: &Arc<str>| {
            let label = self.label(routes, name);
            (name.clone(), registry.counter(&IDENTITIES, &[label]))
        };
        CallerMetrics {
            identified: names.iter().map(identified).collect(),
            refused: reasons
                .iter()
                .map(|reason| (*reason, registry.counter(&IDENTITY_REFUSED, &[reason])))
                .collect(),
            other: registry.counter(&IDENTITIES, &[OTHER]),
        }
    }

    pub(super) fn jwks(
        &mut self,
        registry: &Registry,
        routes: &mut Routes,
        name: &Arc<str>,
    ) -> JwksMetrics {
        let label = self.label(routes, name);
        JwksMetrics {
            succeeded: registry.gauge(&JWKS_SUCCESS, &[label]),
            failed: registry.counter(&JWKS_FAILURES, &[label]),
        }
    }

    /// The label of a source: its name, where its series fit.
    fn label<'n>(&mut self, routes: &mut Routes, name: &'n Arc<str>) -> &'n str {
        if !self.known.contains(name) {
            if !routes.afford(SOURCE_SERIES) {
                return OTHER;
            }
            self.known.push(name.clone());
        }
        name
    }
}

// === impl CallerMetrics ===

impl CallerMetrics {
    /// Counts a call whose caller `source` knows.
    pub fn identified(&self, source: &str) {
        let known = self.identified.iter().find(|(name, _)| &**name == source);
        known.map_or(&self.other, |(_, counter)| counter).increment(1);
    }

    /// Counts a call that is refused for who calls; only a reason of the closed list counts.
    pub fn refused(&self, reason: &str) {
        if let Some((_, counter)) = self.refused.iter().find(|(known, _)| *known == reason) {
            counter.increment(1);
        }
    }
}

impl fmt::Debug for CallerMetrics {
    /// Counters have nothing to tell a log; `/metrics` does.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CallerMetrics")
    }
}

// === impl JwksMetrics ===

impl JwksMetrics {
    /// Says that the keys were fetched.
    pub fn succeeded(&self, at: Timestamp) {
        self.succeeded.set(at.as_millisecond() as f64 / 1000.0);
    }

    /// Counts a fetch that brought none.
    pub fn failed(&self) {
        self.failed.increment(1);
    }
}

impl fmt::Debug for JwksMetrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JwksMetrics")
    }
}
