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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Environment, Source};
    use crate::metrics::Limits;
    use crate::snapshot::Snapshot;
    use crate::stage::Percent;

    /// A snapshot of routes in these stages, each of the tool that it names.
    fn snapshot(routes: &[(&str, &str)], overrides: &str) -> (Snapshot, String) {
        let dir = tempfile::tempdir().unwrap();
        let route = |(at, (tool, stage)): (usize, &(&str, &str))| {
            format!(
                "{{ name: r{at}, upstream: {tool}, stage: {stage}, intent: {{ tool_name: t, \
                 risk_class: low }} }}"
            )
        };
        let routes: Vec<String> = routes.iter().enumerate().map(route).collect();
        let config = format!(
            "policy: p.yaml\nstage_overrides: [{overrides}]\nupstreams: {{ a: {{ url: \
             \"http://127.0.0.1:9\" }}, b: {{ url: \"http://127.0.0.1:10\" }} }}\nroutes: [{}]\n",
            routes.join(", ")
        );
        std::fs::write(dir.path().join("gait.yaml"), config).unwrap();
        std::fs::write(dir.path().join("p.yaml"), "").unwrap();
        let loaded = Source::File(dir.path().join("gait.yaml")).load(&Environment::default());
        let loaded = loaded.unwrap();
        let metrics = Metrics::new(Limits { series_max: 5_000 }, &[]);
        (Snapshot::build(loaded.plan, loaded.policy, &metrics), metrics.render())
    }

    fn instants() -> impl Iterator<Item = Timestamp> {
        ["2026-11-01T00:00:00Z", "2026-12-01T00:00:00Z"].into_iter().map(|at| at.parse().unwrap())
    }

    fn seats() -> impl Iterator<Item = Seat> {
        (0..100).filter_map(Percent::new).map(Seat::Known).chain([Seat::Unknown])
    }

    const OVER: &str = "{ route: r1, stage: dry_run, until: \"2026-12-01T00:00:00Z\", reason: x }";

    #[test]
    fn everybody_gets_the_lane_of_the_stage_that_is_theirs() {
        let share = "{ from: observe, to: require_approval, percent: 40 }";
        let (snapshot, text) = snapshot(&[("a", share), ("a", "enforce"), ("b", "observe")], OVER);
        for (route, planned) in snapshot.table.iter().zip(&snapshot.plan.routes) {
            for now in instants() {
                for seat in seats() {
                    let stage = route.lane(now, || seat).stage;
                    assert_eq!(stage, planned.course.at(now).stage(seat));
                    let unread = route.unreadable(now, || seat).stage;
                    assert!(unread >= stage && (unread == stage || unread == Stage::Enforce));
                }
            }
        }
        let shown = |route: &str, stage: &str| {
            text.contains(&format!("gait_calls_total{{route=\"{route}\",stage=\"{stage}\""))
        };
        let stages = Stage::ALL.map(Stage::as_str);
        let of = |route: &str| stages.map(|stage| shown(route, stage));
        // The calls of r0 that would be observed and cannot be read are refused.
        assert_eq!(of("r0"), [true, false, true, true]);
        assert_eq!(of("r1"), [false, true, false, true]);
        assert_eq!(of("r2"), [true, false, false, false]);
    }

    #[test]
    fn what_cannot_be_read_is_observed_only_where_nobody_at_the_tool_is_ever_held_to_more() {
        let wholly = |routes: &[(&str, &str)], overrides: &str| {
            let (snapshot, _) = snapshot(routes, overrides);
            snapshot.table.iter().map(Route::wholly_observes).collect::<Vec<_>>()
        };
        let all = [("a", "observe"), ("a", "observe"), ("b", "observe")];
        assert_eq!(wholly(&all, ""), [true, true, true]);
        assert_eq!(wholly(&all, OVER), [false, false, true]);
        let some = "{ from: observe, to: dry_run, percent: 0 }";
        assert_eq!(
            wholly(&[("a", "observe"), ("a", some), ("b", "observe")], ""),
            [false, false, true]
        );
        assert_eq!(wholly(&[("a", "dry_run"), ("b", "enforce")], ""), [false, false]);
    }

    #[test]
    fn a_seat_is_not_asked_for_where_all_stand_in_one_stage() {
        let (snapshot, _) = snapshot(&[("a", "enforce")], "");
        let now = instants().next().unwrap();
        let asked = std::cell::Cell::new(false);
        let seat = || {
            asked.set(true);
            Seat::Unknown
        };
        assert_eq!(snapshot.table.first().unwrap().lane(now, seat).stage, Stage::Enforce);
        assert!(!asked.get());
    }
}
