//! What the gates want to know beside the log: the config, and counters of the process.

use super::processes::Last;
use super::view::{Life, Look};
use crate::json::Digest;
use crate::metrics::Missed;
use crate::snapshot::{Gates, Plan};
use crate::stage::{Stage, Standing};
use jiff::Timestamp;
use std::sync::Arc;

/// All that is not in the log.
#[derive(Clone, Debug)]
pub struct Facts {
    /// When it is asked, and how far back.
    pub look: Look,
    /// The thresholds.
    pub gates: Gates,
    /// Counters of the process that runs.
    pub counters: Counters,
    /// What becomes of calls that no route takes.
    pub unmapped: Unmapped,
    /// In the order of the config.
    pub routes: Vec<RouteFacts>,
}

/// Counters that the log cannot hold; `None` where nobody knows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Sends that the seam before the tools stopped.
    pub bypasses: Option<u64>,
    /// Calls that went out without a line.
    pub unrecorded: Option<u64>,
}

/// What becomes of calls that no route takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unmapped {
    /// They are refused.
    Denied,
    /// They go to this upstream.
    GoTo(Arc<str>),
}

/// One route of the config.
#[derive(Clone, Debug, PartialEq)]
pub struct RouteFacts {
    /// Its name.
    pub name: Arc<str>,
    /// Where its callers stand.
    pub standing: Standing,
    /// Other routes to the same tool on which somebody is only observed.
    pub observing: Vec<Arc<str>>,
}

// === impl Facts ===

impl Facts {
    /// The facts of a plan and the digest of the policy that is in force with it.
    pub fn of(
        plan: &Plan,
        policy: Digest,
        counters: Counters,
        life: Life,
        now: Timestamp,
    ) -> Facts {
        let unmapped = plan.unmapped.as_ref();
        let (window, open_for) = (plan.gates.window, plan.approvals.open_for);
        Facts {
            look: Look { now, window, open_for, life, policy },
            gates: plan.gates,
            counters,
            unmapped: unmapped.map_or(Unmapped::Denied, |to| Unmapped::GoTo(to.name.clone())),
            routes: routes(plan, now),
        }
    }

    /// What is known of the process that wrote the last line.
    pub(super) fn last(&self) -> Last {
        let Counters { bypasses, unrecorded } = self.counters;
        let missed = bypasses.zip(unrecorded);
        let missed = missed.map(|(bypasses, unrecorded)| Missed { bypasses, unrecorded });
        match (self.look.life, missed) {
            (Life::Lives, Some(missed)) => Last::Runs(missed),
            (_, missed) => Last::MayRun(missed),
        }
    }

    /// One route.
    pub fn route(&self, name: &str) -> Option<&RouteFacts> {
        self.routes.iter().find(|route| &*route.name == name)
    }
}

fn routes(plan: &Plan, now: Timestamp) -> Vec<RouteFacts> {
    let route = |own: &crate::snapshot::PlannedRoute| {
        let others = plan
            .routes
            .iter()
            .filter(|other| other.name != own.name && other.upstream.is_same_tool(&own.upstream));
        let observing = others.filter(|other| other.course.at(now).laxest() == Stage::Observe);
        RouteFacts {
            name: own.name.clone(),
            standing: own.course.at(now),
            observing: observing.map(|other| other.name.clone()).collect(),
        }
    };
    plan.routes.iter().map(route).collect()
}
