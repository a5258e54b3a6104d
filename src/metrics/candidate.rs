//! What is counted of a policy that is only tried out.
//!
//! The series are there while a candidate is configured, and gone without one: nobody is to read a
//! zero as a proof that nothing would change. So they have a registry of their own, which lives as
//! long as snapshots with a candidate follow one another. Differences are counted by the evidence
//! writer, from the line of the call: as exact as `gait_calls_total`.
//!
//! What a route costs is paid for once in a process, and not given back.

use super::catalogue::{CANDIDATE_ERRORS, POLICY_DIFF};
use super::labels::VerdictLabel;
use super::registry::Registry;
use super::routes::{OTHER, Routes};
use super::{Metrics, lock};
use metrics::Counter;
use std::fmt;
use std::sync::Arc;

/// Pairs of two different verdicts.
const PAIRS: usize = 12;

/// Series that a route adds: its pairs, and its errors.
const ROUTE_SERIES: usize = PAIRS + 1;

/// The handles of one snapshot's candidate.
pub struct CandidateMetrics {
    routes: Vec<(Arc<str>, Counter)>,
    other: Counter,
}

/// The candidates of the process so far.
#[derive(Default)]
pub(super) struct Candidates {
    shown: Option<Shown>,
    /// Routes that are paid for.
    paid: Vec<Arc<str>>,
}

/// What is shown while there is a candidate.
struct Shown {
    registry: Registry,
    routes: Vec<Arc<str>>,
}

// === impl Metrics ===

impl Metrics {
    /// The handles of a candidate policy, on the routes of a snapshot; they show from now on. Call
    /// it at load, after the routes.
    pub fn candidate(&self, routes: &[Arc<str>]) -> CandidateMetrics {
        let mut known = lock(&self.0.candidates);
        known.show(&mut lock(&self.0.routes), routes)
    }

    /// Says that there is no candidate, or none any more: its series are gone.
    pub fn no_candidate(&self) {
        lock(&self.0.candidates).hide();
    }

    /// Counts a call that a candidate would have decided differently. The evidence writer's to
    /// call, once a call.
    pub fn policy_differs(&self, route: &str, from: VerdictLabel, to: VerdictLabel) {
        lock(&self.0.candidates).differs(route, from, to);
    }
}

// === impl Candidates ===

impl Candidates {
    /// The handles of a candidate; the same routes give the same cells while there is one.
    pub(super) fn show(&mut self, routes: &mut Routes, names: &[Arc<str>]) -> CandidateMetrics {
        if self.paid.is_empty() {
            self.pay(routes, &OTHER.into());
        }
        for name in names {
            if !self.paid.contains(name) && routes.knows(name) && routes.afford(ROUTE_SERIES) {
                self.paid.push(name.clone());
            }
        }
        let registry = match self.shown.take() {
            Some(shown) => shown.registry,
            None => Registry::new(),
        };
        let routes: Vec<_> =
            names.iter().filter(|name| self.paid.contains(name)).cloned().collect();
        let own = routes.iter().map(|route| (route.clone(), register(&registry, route)));
        let metrics = CandidateMetrics { routes: own.collect(), other: register(&registry, OTHER) };
        self.shown = Some(Shown { registry, routes });
        metrics
    }

    /// There is no candidate any more.
    pub(super) fn hide(&mut self) {
        self.shown = None;
    }

    /// Counts a call of which the two policies say different things; nothing without a candidate,
    /// and nothing where they say the same.
    pub(super) fn differs(&self, route: &str, from: VerdictLabel, to: VerdictLabel) {
        let Some(shown) = &self.shown else { return };
        if pairs().any(|pair| pair == (from, to)) {
            shown.diff(shown.label(route), (from, to)).increment(1);
        }
    }

    /// The series, where there are any.
    pub(super) fn render(&self, text: &mut String) {
        if let Some(shown) = &self.shown {
            text.push_str(&shown.registry.render());
        }
    }

    fn pay(&mut self, routes: &mut Routes, name: &Arc<str>) {
        routes.pay(ROUTE_SERIES);
        self.paid.push(name.clone());
    }
}

// === impl Shown ===

impl Shown {
    fn label<'n>(&self, route: &'n str) -> &'n str {
        if self.routes.iter().any(|known| **known == *route) { route } else { OTHER }
    }

    fn diff(&self, route: &str, pair: (VerdictLabel, VerdictLabel)) -> Counter {
        diff(&self.registry, route, pair)
    }
}

// === impl CandidateMetrics ===

impl CandidateMetrics {
    /// Counts a call that the candidate could not be asked about.
    pub fn failed(&self, route: &str) {
        let known = self.routes.iter().find(|(name, _)| **name == *route);
        known.map_or(&self.other, |(_, counter)| counter).increment(1);
    }
}

impl fmt::Debug for CandidateMetrics {
    /// Counters have nothing to tell a log; `/metrics` does.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CandidateMetrics")
    }
}

/// Makes all series of a route, at zero; gives that of its errors.
fn register(registry: &Registry, route: &str) -> Counter {
    pairs().for_each(|pair| drop(diff(registry, route, pair)));
    registry.counter(&CANDIDATE_ERRORS, &[route])
}

fn diff(registry: &Registry, route: &str, (from, to): (VerdictLabel, VerdictLabel)) -> Counter {
    registry.counter(&POLICY_DIFF, &[route, from.as_str(), to.as_str()])
}

/// Two different verdicts, each with each.
fn pairs() -> impl Iterator<Item = (VerdictLabel, VerdictLabel)> {
    let verdicts = || VerdictLabel::ALL.into_iter().filter(|label| *label != VerdictLabel::None);
    let with = move |from| verdicts().map(move |to| (from, to));
    verdicts().flat_map(with).filter(|(from, to)| from != to)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_so_many_pairs() {
        assert_eq!(pairs().count(), PAIRS);
    }
}
