//! Where routes stand, told: by gauges, in the log, and in the evidence.
//!
//! What a call is judged by is picked for the call; nothing here has a say in that. An override
//! ends by itself, without a reload, so somebody has to look for it.

use super::{Running, reload};
use crate::clock;
use crate::config::{self, ConfigError, Files, Taken};
use crate::evidence::Reload;
use crate::metrics::Share;
use crate::rollout::{Overlay, ShelfError};
use crate::snapshot::{Plan, PlannedRoute, Snapshot};
use crate::stage::Standing;
use jiff::{SignedDuration, Timestamp};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

/// Clocks are set by less while they run.
const LEAP_MAX: SignedDuration = SignedDuration::from_hours(1);

/// When it was looked last.
#[derive(Clone, Copy, Debug)]
pub(super) struct Looked {
    /// By what stages are picked by.
    stages: Timestamp,
    clocks: Clocks,
}

/// Both clocks at one moment.
#[derive(Clone, Copy, Debug)]
struct Clocks {
    wall: Timestamp,
    instant: Instant,
}

/// The share of the known callers in each stage of each route, as a part of one.
pub(super) fn shares(plan: &Plan, now: Timestamp) -> impl Iterator<Item = Share<'_>> {
    plan.routes.iter().flat_map(move |route| shares_of(route, route.course.at(now)))
}

/// The same once nothing is set for a time any more.
pub(super) fn lasting(plan: &Plan) -> impl Iterator<Item = Share<'_>> {
    plan.routes.iter().flat_map(|route| shares_of(route, route.course.standing))
}

fn shares_of(route: &PlannedRoute, standing: Standing) -> impl Iterator<Item = Share<'_>> {
    let shares = standing.shares().into_iter();
    shares.map(|(stage, share)| (&*route.name, stage.as_str(), share))
}

/// Routes whose callers stand elsewhere than before, or that were not there, and where.
pub(super) fn moved(old: &Plan, new: &Plan, now: Timestamp) -> Vec<(String, String)> {
    let before: HashMap<&str, &PlannedRoute> =
        old.routes.iter().map(|route| (&*route.name, route)).collect();
    let stood = |route: &&PlannedRoute| {
        let before = before.get(&*route.name);
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
    /// Takes from the overlay what a load dropped or let go, and nothing that was set since; gives the
    /// files of the config, of which that one is known as it is then.
    ///
    /// # Errors
    /// It cannot be read or written.
    pub(super) fn prune(
        &self,
        dropped: &Overlay,
        ended: &Overlay,
        mut files: Files,
    ) -> Result<Files, ShelfError> {
        let written = self.shelf.tidy(dropped, ended)?;
        config::know_written(&self.shelf, &mut files, &written);
        Ok(files)
    }

    /// Lays the overlay over the plan in force, whatever the other files say by now. `None` where
    /// nothing of it is other than `before`.
    ///
    /// # Errors
    /// It cannot be read.
    pub(super) fn relaid(
        &self,
        before: &Taken,
        mut files: Files,
    ) -> Result<Option<(Plan, Taken, Files)>, ConfigError> {
        let mut plan = self.proxy.snapshot.load().plan.clone();
        let taken = config::retake(&mut plan, &self.shelf, &mut files, before)?;
        Ok(taken.map(|taken| (plan, taken, files)))
    }

    /// Says at start what the config does not tell: where routes stand of which something else was
    /// set, or for some, or for a time; and what of it was dropped, let go or lost.
    pub(super) fn tell_stages(self: &Arc<Self>, told: Reload) {
        let snapshot = self.proxy.snapshot.load_full();
        let winding = snapshot.plan.routes.iter().filter(is_winding);
        let stages: Vec<_> = winding.map(|route| said(route, self.proxy.stage_time())).collect();
        self.proxy.metrics.rollout_dropped(told.dropped.len());
        let is_told = !told.dropped.is_empty() || !told.ended.is_empty() || told.overlay_missing;
        if !stages.is_empty() || is_told {
            let Reload { snapshot, policy_digest, .. } = of(&snapshot);
            self.record(Reload { stages, snapshot, policy_digest, ..told });
        }
    }

    /// Looks whether an override has ended since, and says so; gives when it looked.
    pub(super) fn observe_stages(self: &Arc<Self>, looked: Looked) -> Looked {
        let clocks = look_at_clocks(looked.clocks);
        Looked { stages: self.observe_ends(looked.stages), clocks }
    }

    fn observe_ends(self: &Arc<Self>, since: Timestamp) -> Timestamp {
        let (now, snapshot) = (self.proxy.stage_time(), self.proxy.snapshot.load_full());
        let ended = |route: &&PlannedRoute| route.course.at(since) != route.course.at(now);
        let ended: Vec<&PlannedRoute> = snapshot.plan.routes.iter().filter(ended).collect();
        if ended.is_empty() {
            return now;
        }
        self.show_stages(now);
        let mut lowered = Vec::new();
        if now < since {
            tracing::warn!(%since, %now, "security event: the clock was set back, so overrides that had ended may hold again");
        }
        for route in &ended {
            let (before, after) = (route.course.at(since), route.course.at(now));
            let name = &route.name;
            if after.is_below(before) {
                lowered.push(name.to_string());
                tracing::warn!(route = %name, %before, %after, "security event: an override ended or holds again, and the route is held to less");
            } else {
                tracing::info!(route = %name, %before, %after, "an override ended or holds again");
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

/// What a start or a load has to tell of the overlay.
pub(super) fn told(overlay: &Taken, overlay_missing: bool) -> Reload {
    let (dropped, ended) = (overlay.dropped.routes(), overlay.ended.routes());
    Reload { dropped, ended, overlay_missing, ..Reload::default() }
}

/// Says when the wall's clock leapt forward since a look: overrides that were to hold have ended, and
/// the stricter of them as well. A machine that was suspended finds its clock so, as the other one
/// stood still; nobody can tell which it was.
fn look_at_clocks(before: Clocks) -> Clocks {
    let clocks = Clocks::now();
    if let Some(leap) = clocks.leap(before) {
        tracing::warn!(
            leap = format!("{leap:#}"),
            "security event: the clock leapt forward, or the machine was suspended: overrides may have \
             ended unseen; look at the machine's time, and at where routes stand"
        );
    }
    clocks
}

// === impl Looked ===

impl Looked {
    /// From a process that began then, and has looked at nothing yet.
    pub(super) fn since(begun: Timestamp) -> Looked {
        Looked { stages: begun, clocks: Clocks::now() }
    }
}

// === impl Clocks ===

impl Clocks {
    fn now() -> Clocks {
        Clocks { wall: clock::now(), instant: clock::instant() }
    }

    /// How far the wall's clock went beyond the time that passed, where that is more than drift and
    /// leap seconds.
    fn leap(self, before: Clocks) -> Option<SignedDuration> {
        let passed = self.instant.saturating_duration_since(before.instant);
        let passed = SignedDuration::try_from(passed).unwrap_or(SignedDuration::MAX);
        let leap = self.wall.duration_since(before.wall).saturating_sub(passed);
        (leap > LEAP_MAX).then_some(leap)
    }
}

fn of(snapshot: &Snapshot) -> Reload {
    Reload {
        snapshot: Some(snapshot.id.clone()),
        policy_digest: Some(snapshot.policy.digest()),
        ..Reload::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_clock_that_leaps_forward_is_noticed_and_one_that_goes_is_not() {
        let before = Clocks::now();
        let after = |wall_s: i64, passed_s: u64| Clocks {
            wall: before.wall + SignedDuration::from_secs(wall_s),
            instant: before.instant + Duration::from_secs(passed_s),
        };
        assert_eq!(after(1, 1).leap(before), None);
        assert_eq!(after(86_400, 86_400).leap(before), None, "a second that took a day");
        assert_eq!(after(3_601, 1).leap(before), None);
        assert_eq!(after(3_602, 1).leap(before), Some(SignedDuration::from_secs(3_601)));
        assert_eq!(after(-86_400, 1).leap(before), None);
    }
}
