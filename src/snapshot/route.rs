//! A route in force: a lane for each stage that somebody can come to stand in on it.
//!
//! All of them are made when the snapshot is built, with their series, so that picking one for a
//! call is a look at its course and no more. Rejected: one lane whose stage is set for each call,
//! which would be a copy for each call, and a series that is there only once somebody came.

use super::lane::{Lane, register};
use super::{Approvable, Plan, PlannedRoute};
use crate::intent::rest::Mapping;
use crate::metrics::Metrics;
use crate::stage::{Course, Seat, Stage, Standing};
use jiff::Timestamp;
use std::sync::Arc;

/// A route in force.
#[derive(Debug)]
pub struct Route {
    /// How calls become intents.
    pub mapping: Mapping,
    course: Course,
    /// By stage; the strictest of them where nobody can stand.
    lanes: [Arc<Lane>; 4],
    strictest: Arc<Lane>,
    /// What a call is in that would be observed, and whose conditions cannot be read.
    unread: Arc<Lane>,
}

// === impl Route ===

impl Route {
    /// A route with its series.
    pub(super) fn build(planned: &PlannedRoute, plan: &Plan, metrics: &Metrics) -> Route {
        let make = |stage| Arc::new(lane(planned, plan, stage, metrics));
        let course = planned.course.clone();
        let strictest = make(course.strictest());
        let lanes = Stage::ALL.map(|stage| {
            let is_reached = stage != strictest.stage && course.stages().any(|one| one == stage);
            if is_reached { make(stage) } else { strictest.clone() }
        });
        let [observe, .., enforce] = &lanes;
        let unread = if plan.wholly_observes(&planned.upstream) {
            observe.clone()
        } else if observe.stage != Stage::Observe {
            strictest.clone()
        } else if enforce.stage == Stage::Enforce {
            enforce.clone()
        } else {
            make(Stage::Enforce)
        };
        Route { mapping: planned.mapping.clone(), course, lanes, strictest, unread }
    }

    /// Where somebody stands at an instant. `seat` is asked only where the stage is shared out.
    pub fn lane(&self, now: Timestamp, seat: impl FnOnce() -> Seat) -> &Arc<Lane> {
        let stage = match self.course.at(now) {
            Standing::Whole(stage) => stage,
            shared => shared.stage(seat()),
        };
        let [observe, dry_run, require_approval, enforce] = &self.lanes;
        match stage {
            Stage::Observe => observe,
            Stage::DryRun => dry_run,
            Stage::RequireApproval => require_approval,
            Stage::Enforce => enforce,
        }
    }

    /// The same for a call whose conditions cannot be read: it is observed only where nobody at its
    /// tool ever stands beyond observe.
    pub fn unreadable(&self, now: Timestamp, seat: impl FnOnce() -> Seat) -> &Arc<Lane> {
        let lane = self.lane(now, seat);
        if lane.stage == Stage::Observe { &self.unread } else { lane }
    }

    /// Whether nobody at its tool ever stands beyond observe.
    pub fn wholly_observes(&self) -> bool {
        self.unread.stage == Stage::Observe
    }

    /// What is the same in whatever stage a caller stands: all but the stage and its counters.
    pub fn common(&self) -> &Lane {
        &self.strictest
    }
}

fn lane(route: &PlannedRoute, plan: &Plan, stage: Stage, metrics: &Metrics) -> Lane {
    let digests = route.mapping.digests.as_slice().into();
    Lane {
        name: route.name.clone(),
        stage,
        protection: route.protection,
        assurance: plan.assurance,
        dry_run: route.dry_run,
        capture: route.capture,
        anonymous: route.anonymous,
        credential: route.credential,
        upgrades: route.upgrades.clone(),
        approval: Approvable { digests, ..route.approval.clone() },
        approval_status: plan.approvals.status,
        risk: route.mapping.risk_class.as_str().into(),
        upstream: Some(route.upstream.clone()),
        metrics: register(metrics, &route.name, stage, &route.mapping.risk_class),
    }
}
