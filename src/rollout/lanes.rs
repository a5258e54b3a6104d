//! The stages in which somebody stands, each with what the log says of it.

use super::facts::RouteFacts;
use super::stay::Part;
use super::summary::Summary;
use super::view::{Look, View};
use crate::stage::Stage;

/// What the log says of a route in a stage in which it stands.
pub(super) fn view(summary: &Summary, route: &RouteFacts, stage: Stage, look: &Look) -> View {
    let is_laxest = stage == route.standing.laxest();
    let part = if is_laxest { Part::Whole } else { Part::Share };
    summary.view_of(&route.name, stage, part, look)
}
