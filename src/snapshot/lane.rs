//! Where a call stands, as the gate sees it: one stage of a route, or one of the two side lanes.

use super::{Anonymous, Approvable, Assurance, Capture, UpstreamSpec};
use crate::call::upgrade::Upgrade;
use crate::call::{CallerCredential, Head};
use crate::metrics::{Metrics, RouteLabels, RouteMetrics};
use crate::stage::{DryRunScope, Protection, Stage};
use http::StatusCode;
use std::sync::Arc;

/// What the gate needs to know of where a call stands: a route, or one of the two side lanes.
#[derive(Clone, Debug)]
pub struct Lane {
    /// Metric label and evidence name.
    pub name: Arc<str>,
    /// Stage in force.
    pub stage: Stage,
    /// Whether the operation is protected.
    pub protection: Protection,
    /// What is durable before one of its calls goes.
    pub assurance: Assurance,
    /// Its `dry_run` setting.
    pub dry_run: DryRunScope,
    /// What its evidence lines hold of an intent.
    pub capture: Capture,
    /// Whether it takes calls from nobody in particular.
    pub anonymous: Anonymous,
    /// Whether its tool sees the credentials for gait.
    pub credential: CallerCredential,
    /// The protocols that its callers may go over to, in lower case.
    pub upgrades: Arc<[String]>,
    /// How its calls are approved.
    pub approval: Approvable,
    /// What those that wait for an approval are answered with.
    pub approval_status: StatusCode,
    /// Its risk class; `unknown` on the side lanes.
    pub risk: Arc<str>,
    /// The only place its calls can go to; `None` on a closed side lane.
    pub upstream: Option<Arc<UpstreamSpec>>,
    /// Its counters.
    pub metrics: Arc<RouteMetrics>,
}

// === impl Lane ===

impl Lane {
    /// Whether the call may go here with what it offers to go over to.
    pub fn takes(&self, head: &Head) -> bool {
        *head.upgrade() == Upgrade::None || self.upgrade(head).is_some()
    }

    /// Whether the call is refused for what it offers to go over to.
    pub fn refuses_upgrade(&self, head: &Head) -> bool {
        self.stage != Stage::Observe && !self.takes(head)
    }

    /// The protocol that the call may go over to here.
    pub fn upgrade<'a>(&self, head: &'a Head) -> Option<&'a str> {
        match head.upgrade() {
            Upgrade::To(protocol) if self.upgrades.iter().any(|own| **own == **protocol) => {
                Some(protocol)
            }
            _ => None,
        }
    }
}

/// The lane of calls without a route: open where it observes, closed otherwise.
pub(super) fn side_lane(
    name: &str,
    upstream: Option<Arc<UpstreamSpec>>,
    credential: CallerCredential,
    metrics: &Metrics,
) -> Arc<Lane> {
    let stage = if upstream.is_some() { Stage::Observe } else { Stage::Enforce };
    Arc::new(Lane {
        name: name.into(),
        stage,
        protection: Protection::Protected,
        assurance: Assurance::default(),
        dry_run: DryRunScope::Table,
        capture: Capture::Digest,
        anonymous: Anonymous::Allow,
        credential,
        upgrades: Arc::default(),
        approval: Approvable::default(),
        approval_status: StatusCode::PRECONDITION_REQUIRED,
        risk: "unknown".into(),
        upstream,
        metrics: register(metrics, name, stage, "unknown"),
    })
}

/// The counters of a lane.
pub(super) fn register(
    metrics: &Metrics,
    route: &str,
    stage: Stage,
    risk: &str,
) -> Arc<RouteMetrics> {
    metrics.route(RouteLabels { route, stage: stage.as_str(), risk })
}
