//! What a route has shown since a process started, when that before it left something untold.

use super::stay::Part;
use super::summary::Summary;
use super::view::Look;
use crate::stage::Stage;
use std::time::Duration;

/// What a route has shown since a start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shown {
    /// Calls that the policy in force judged.
    pub(super) calls: u64,
    pub(super) time: Duration,
}

impl Summary {
    /// What a route has shown in its stage since the first start from a line on; `None` for no start.
    pub(super) fn shown_from(
        &self,
        route: &str,
        stage: Stage,
        line: u64,
        look: &Look,
    ) -> Option<Shown> {
        let (start, at) = self.starts.range(line..).next()?;
        let stay = self.stay(route, stage, Part::Whole)?;
        let calls = self.calls(route, stage, Some(stay.epoch.max(*start)), look);
        let time = look.now.duration_since(stay.since.max(*at));
        let time = Duration::try_from(time).unwrap_or_default();
        Some(Shown { calls: calls.in_force.counts.judged(), time })
    }
}
