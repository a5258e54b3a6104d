//! Where routes stand, told: by gauges, in the log, and in the evidence.
//!
//! What a call is judged by is picked for the call; nothing here has a say in that. An override
//! ends by itself, without a reload, so somebody has to look for it.

use super::{Running, reload};
use crate::config::{self, ConfigError, Files, Taken};
use crate::evidence::Reload;
use crate::rollout::{Overlay, ShelfError};
use crate::snapshot::{Plan, PlannedRoute, Snapshot};
use jiff::Timestamp;
use std::sync::Arc;

/// The share of the known callers in each stage of each route, as a part of one.
pub(super) fn shares(
    plan: &Plan,
    now: Timestamp,
) -> impl Iterator<Item = (&str, &'static str, f64)> {
    plan.routes.iter().flat_map(move |route| {
        let shares = route.course.at(now).shares();
        shares.map(|(stage, share)| (&*route.name, stage.as_str(), share))
    })
}

/// Routes whose callers stand elsewhere than before, or that were not there, and where.
pub(super) fn moved(old: &Plan, new: &Plan, now: Timestamp) -> Vec<(String, String)> {
    let stood = |route: &&PlannedRoute| {
        let before = old.route(&route.name);
        before.is_none_or(|before| before.course.at(now) != route.course.at(now))
    };
    new.routes.iter().filter(stood).map(|route| said(route, now)).collect()
}

fn said(route: &PlannedRoute, now: Timestamp) -> (String, String) {
    (route.name.to_string(), route.course.at(now).to_string())
}

/// Whether a look at the config does not tell where everybody stands.
fn is_winding(route: &&PlannedRoute) -> bool {
    let course = &route.course;
    course != &route.said || course.is_shared() || !course.overrides.is_empty()
}

impl Running {
    /// Takes from the overlay what a load dropped, and nothing that was set since.
    ///
    /// # Errors
    /// It cannot be read or written.
    pub(super) fn prune(&self, dropped: &Overlay) -> Result<(), ShelfError> {
        self.shelf.change(|overlay| overlay.remove(dropped))
    }

    /// Lays the overlay over the plan in force, whatever the other files say by now. `None` where
    /// nothing of it is other than `before`.
    ///
    /// # Errors
    /// It cannot be read.
    pub(super) fn restage(
        &self,
        before: &Taken,
        mut files: Files,
    ) -> Result<Option<(Plan, Taken, Files)>, ConfigError> {
        let mut plan = self.proxy.snapshot.load().plan.clone();
        let taken = config::retake(&mut plan, &self.shelf, &mut files, before)?;
        Ok(taken.map(|taken| (plan, taken, files)))
    }

    /// Says at start what the config does not tell: where routes stand of which something else was
    /// set, or for some, or for a time; and what of it was dropped.
    pub(super) fn tell_stages(self: &Arc<Self>, dropped: Vec<String>) {
        let snapshot = self.proxy.snapshot.load_full();
        let winding = snapshot.plan.routes.iter().filter(is_winding);
        let stages: Vec<_> = winding.map(|route| said(route, self.proxy.stage_time())).collect();
        self.proxy.metrics.rollout_dropped(dropped.len());
        if !stages.is_empty() || !dropped.is_empty() {
            self.record(Reload { stages, dropped, ..of(&snapshot) });
        }
    }

    /// Looks whether an override has ended since, and says so; gives when it looked.
    pub(super) fn observe_stages(self: &Arc<Self>, since: Timestamp) -> Timestamp {
        let (now, snapshot) = (self.proxy.stage_time(), self.proxy.snapshot.load_full());
        let ended = |route: &&PlannedRoute| route.course.at(since) != route.course.at(now);
        let ended: Vec<&PlannedRoute> = snapshot.plan.routes.iter().filter(ended).collect();
        if ended.is_empty() {
            return now;
        }
        self.show_stages(now);
        let mut lowered = Vec::new();
        for route in &ended {
            let (before, after) = (route.course.at(since), route.course.at(now));
            let name = &route.name;
            if after.is_below(before) {
                lowered.push(name.to_string());
                tracing::warn!(route = %name, %before, %after, "security event: an override ended, and the route is held to less");
            } else {
                tracing::info!(route = %name, %before, %after, "an override ended");
            }
        }
        let stages = ended.iter().map(|route| said(route, now)).collect();
        self.record(Reload { lowered, stages, ..of(&snapshot) });
        now
    }

    /// Shows the stages of the snapshot in force. One that comes meanwhile is shown after it.
    fn show_stages(&self, now: Timestamp) {
        loop {
            let shown = self.proxy.snapshot.load_full();
            reload::show_face(&shown, &self.proxy.metrics, now);
            if Arc::ptr_eq(&shown, &self.proxy.snapshot.load_full()) {
                return;
            }
        }
    }

    fn record(&self, line: Reload) {
        if let Err(refusal) = self.proxy.ledger.reloaded(line) {
            tracing::error!(%refusal, "where routes stand could not be recorded");
        }
    }
}

fn of(snapshot: &Snapshot) -> Reload {
    Reload {
        snapshot: Some(snapshot.id.clone()),
        policy_digest: Some(snapshot.policy.digest()),
        ..Reload::default()
    }
}
