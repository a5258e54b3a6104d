//! The stages in which somebody stands, each with what the log says of it.
//!
//! A share that went ahead is there to be looked at: what it shows counts as much as what the others
//! show, though it makes neither the calls nor the time of all.

use super::facts::RouteFacts;
use super::stay::Part;
use super::summary::Summary;
use super::view::{Approvals, Look, View};
use crate::stage::Stage;
use std::fmt;

/// The stages in which somebody stands.
pub(super) struct Lanes {
    pub(super) laxest: Lane,
    /// Stricter ones.
    pub(super) others: Vec<Lane>,
}

/// A stage in which somebody stands.
pub(super) struct Lane {
    pub(super) stage: Stage,
    pub(super) view: View,
}

/// What the log says of a route in a stage in which it stands.
pub(super) fn view(summary: &Summary, route: &RouteFacts, stage: Stage, look: &Look) -> View {
    let is_laxest = stage == route.standing.laxest();
    let part = if is_laxest { Part::Whole } else { Part::Share };
    summary.view_of(&route.name, stage, part, look)
}

// === impl Lanes ===

impl Lanes {
    /// Who is not known stands in the strictest, whatever its share.
    pub(super) fn of(summary: &Summary, route: &RouteFacts, look: &Look) -> Lanes {
        let lane = |stage| Lane { stage, view: view(summary, route, stage, look) };
        let (laxest, strictest) = (route.standing.laxest(), route.standing.strictest());
        let shares = route.standing.shares().into_iter();
        let held = shares.filter(|(stage, share)| *share > 0.0 || *stage == strictest);
        let others = held.map(|(stage, _)| stage).filter(|stage| *stage != laxest);
        Lanes { others: others.map(lane).collect(), laxest: lane(laxest) }
    }

    /// The laxest first.
    pub(super) fn all(&self) -> impl Iterator<Item = &Lane> {
        [&self.laxest].into_iter().chain(&self.others)
    }

    /// The requests for approval in all of them.
    pub(super) fn approvals(&self) -> Approvals {
        let mut sum = Approvals::default();
        for Lane { view, .. } in self.all() {
            let Approvals { granted, denied, expired, pending, waits, untimed } = &view.approvals;
            sum.granted += granted;
            sum.denied += denied;
            sum.expired += expired;
            sum.pending += pending;
            sum.untimed += untimed;
            sum.waits.extend(waits);
        }
        sum.waits.sort_unstable();
        sum
    }
}

/// As people name them.
impl fmt::Display for Lanes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.laxest.stage.as_str())?;
        self.others.iter().try_for_each(|lane| write!(f, " and {}", lane.stage.as_str()))
    }
}
