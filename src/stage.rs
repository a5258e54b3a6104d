//! How far the rollout has come, and what that makes of a decision (design, section 3).
//!
//! [`cell`] is a total function of stage, verdict and protection. It is the only place
//! that knows the table; the gate asks it and mints accordingly.

mod course;

pub use course::{Course, Override, Percent, Seat, Standing};

use crate::policy::Verdict;

/// A step of the rollout, in the order in which a route goes through them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    /// Evaluate, never block.
    Observe,
    /// A protected call that is not allowed is answered with its decision, not executed.
    DryRun,
    /// A protected call that is not allowed is refused, or waits for an approval.
    RequireApproval,
    /// Every call that is not allowed is refused, whatever its risk.
    Enforce,
}

impl Stage {
    /// All stages, first to last.
    pub const ALL: [Stage; 4] =
        [Stage::Observe, Stage::DryRun, Stage::RequireApproval, Stage::Enforce];

    /// The word used in config, answers, evidence and metric labels.
    pub fn as_str(self) -> &'static str {
        match self {
            Stage::Observe => "observe",
            Stage::DryRun => "dry_run",
            Stage::RequireApproval => "require_approval",
            Stage::Enforce => "enforce",
        }
    }

    /// Reads the config word; `None` for any other.
    pub fn parse(word: &str) -> Option<Stage> {
        Stage::ALL.into_iter().find(|stage| stage.as_str() == word)
    }
}

/// Whether the operation is one of the guide's "high-risk operations".
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Protection {
    /// Its risk class is in `protected_risk_classes`, or its route says `protected: true`.
    Protected,
    /// Anything else.
    Open,
}

/// What the proxy does with one call, fixed once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Disposition {
    /// It goes to the tool.
    Forwarded,
    /// It is answered with its decision, `executed=false`.
    DryRun,
    /// It waits for an approval.
    Held,
    /// It is refused.
    Denied,
    /// Our side failed before a permit was made.
    Failed,
}

impl Disposition {
    /// All dispositions, in metric order.
    pub const ALL: [Disposition; 5] = [
        Disposition::Forwarded,
        Disposition::DryRun,
        Disposition::Held,
        Disposition::Denied,
        Disposition::Failed,
    ];

    /// The word used in answers, evidence and metric labels.
    pub fn as_str(self) -> &'static str {
        match self {
            Disposition::Forwarded => "forwarded",
            Disposition::DryRun => "dry_run",
            Disposition::Held => "held",
            Disposition::Denied => "denied",
            Disposition::Failed => "failed",
        }
    }
}

/// Whether a route's `dry_run: all` is set: in stage `dry_run` it answers allowed calls too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DryRunScope {
    /// Only what the stage table says.
    #[default]
    Table,
    /// Every call of the route.
    All,
}

/// The table cell: what the stage makes of a verdict, before any approval.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cell {
    /// Forward; the verdict was `allow`.
    Forward,
    /// Forward although the verdict was another; marked as simulated.
    Simulate,
    /// Answer with the decision, `executed=false`.
    Answer,
    /// Refuse; a `require_approval` may be turned by an approval.
    Deny,
}

/// The stage table of design section 3. `verdict` is `None` where no decision was possible.
pub fn cell(stage: Stage, verdict: Option<Verdict>, protection: Protection) -> Cell {
    match (stage, verdict) {
        (_, Some(Verdict::Allow)) => Cell::Forward,
        (Stage::Observe, _) => Cell::Simulate,
        (_, None) => Cell::Deny,
        (Stage::Enforce, Some(verdict)) => refuse(verdict),
        (stage, Some(verdict)) => match (stage, protection) {
            (_, Protection::Open) => Cell::Simulate,
            (Stage::DryRun, Protection::Protected) => Cell::Answer,
            (_, Protection::Protected) => refuse(verdict),
        },
    }
}

/// A verdict that is not followed by the tool: `dry_run` is answered, the others refused.
fn refuse(verdict: Verdict) -> Cell {
    match verdict {
        Verdict::DryRun => Cell::Answer,
        _ => Cell::Deny,
    }
}
