//! What is counted of people who steer the rollout: what they said of decisions, and the stages
//! that they set.
//!
//! Counted by the evidence writer when the line is written, as calls are. Stages are counted by route,
//! since whoever is called for one wants to know whether another one is meant (see `routes`).

use super::catalogue::LABELS;
use super::registry::Registry;
use super::{Metrics, lock};
use metrics::Counter;

/// The `label` label: what somebody said of a decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpinionLabel {
    /// It was not allowed and should have been.
    FalsePositive,
    /// It is right.
    Correct,
    /// It was allowed and should not have been.
    Missed,
}

/// The `via` label: how a stage was set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ViaLabel {
    /// Up, its gates met.
    Promote,
    /// Up, whatever its gates said.
    ForcedPromote,
    /// Back.
    Demote,
}

/// The handles.
pub(super) struct Steering {
    labels: [Counter; OpinionLabel::ALL.len()],
}

// === impl OpinionLabel ===

impl OpinionLabel {
    /// All words, in label order.
    pub const ALL: [OpinionLabel; 3] =
        [OpinionLabel::FalsePositive, OpinionLabel::Correct, OpinionLabel::Missed];

    /// The label's value.
    pub fn as_str(self) -> &'static str {
        match self {
            OpinionLabel::FalsePositive => "false-positive",
            OpinionLabel::Correct => "correct",
            OpinionLabel::Missed => "missed",
        }
    }
}

// === impl ViaLabel ===

impl ViaLabel {
    /// All words, in label order.
    pub const ALL: [ViaLabel; 3] = [ViaLabel::Promote, ViaLabel::ForcedPromote, ViaLabel::Demote];

    /// The label's value.
    pub fn as_str(self) -> &'static str {
        match self {
            ViaLabel::Promote => "promote",
            ViaLabel::ForcedPromote => "forced_promote",
            ViaLabel::Demote => "demote",
        }
    }
}

// === impl Steering ===

impl Steering {
    pub(super) fn new(registry: &Registry) -> Steering {
        Steering {
            labels: OpinionLabel::ALL.map(|label| registry.counter(&LABELS, &[label.as_str()])),
        }
    }

    pub(super) fn labelled(&self, label: OpinionLabel) {
        if let Some(counter) = self.labels.get(label as usize) {
            counter.increment(1);
        }
    }
}

// === impl Metrics ===

impl Metrics {
    /// Counts what somebody said of a decision.
    pub fn labelled(&self, label: OpinionLabel) {
        self.0.fixed.steering.labelled(label);
    }

    /// Counts a stage that somebody set for a route.
    pub fn stage_changed(&self, route: &str, via: ViaLabel) {
        lock(&self.0.routes).stage_changed(&self.0.registry, route, via);
    }
}
