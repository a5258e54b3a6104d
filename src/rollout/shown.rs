//! Decisions whose outcome was lost, and what a route has shown since.

use super::stay::{Part, Stay};
use super::summary::Summary;
use super::view::Look;
use crate::stage::Stage;
use jiff::Timestamp;
use std::time::Duration;

/// Decisions without an outcome, by how their process ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct LostOutcomes {
    /// It died.
    pub(super) in_crashes: u64,
    /// `seq` of the start that found the last of those.
    pub(super) last_crash: u64,
    /// It stopped in order, and that is a fault.
    pub(super) in_order: u64,
}

/// What a route has shown since a start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Shown {
    /// Calls that the policy in force judged.
    pub(super) calls: u64,
    pub(super) time: Duration,
}

impl Summary {
    /// What a route has shown in a stage since the first start from a line on; `None` for no start.
    pub(super) fn shown_from(
        &self,
        (route, stage, part): (&str, Stage, Part),
        line: u64,
        look: &Look,
    ) -> Option<Shown> {
        let (start, at) = self.starts.range(line..).next()?;
        let stay = self.stay(route, stage, part)?;
        let later = Stay { epoch: stay.epoch.max(*start), ..stay };
        let calls = self.calls(route, stage, Some(later), look);
        // The clock of the start may be behind: the first call shows that it was over. Or a line before
        // it was far ahead: then that call alone says when it was.
        let at = Some(*at).filter(|at| *at <= look.now).unwrap_or(Timestamp::MIN);
        let since = calls.first.map(|first| first.max(at).max(stay.since));
        let time = since.and_then(|since| Duration::try_from(look.now.duration_since(since)).ok());
        let calls = calls.in_force.counts.judged();
        Some(Shown { calls, time: time.unwrap_or_default() })
    }

    /// Adds decisions that were made after the mark `epoch` and before the next.
    pub(super) fn lose(&self, lost: &mut LostOutcomes, epoch: u64, count: u64) {
        let after = epoch.saturating_add(1);
        match self.starts.range(after..).next().filter(|_| count > 0) {
            Some((start, _)) if !self.processes.ended_in_order(*start) => {
                lost.in_crashes += count;
                lost.last_crash = lost.last_crash.max(*start);
            }
            _ => lost.in_order += count,
        }
    }
}
