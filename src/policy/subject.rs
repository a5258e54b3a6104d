//! What rules look at: an intent, or one step of a script with the context they share.

use crate::intent::{Context, Delegation, Intent, Provenance, SkillProvenance, Step, Target};

/// The parts of an intent that can change a decision, borrowed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Subject<'a> {
    pub(super) tool_name: &'a str,
    pub(super) targets: &'a [Target],
    pub(super) arg_provenance: &'a [Provenance],
    pub(super) context: &'a Context,
    pub(super) skill: Option<&'a SkillProvenance>,
    pub(super) delegation: Option<&'a Delegation>,
}

impl<'a> Subject<'a> {
    /// The whole intent.
    pub(super) fn of(intent: &'a Intent) -> Subject<'a> {
        Subject {
            tool_name: intent.tool_name(),
            targets: intent.targets(),
            arg_provenance: intent.arg_provenance(),
            context: intent.context(),
            skill: intent.skill_provenance(),
            delegation: intent.delegation(),
        }
    }

    /// One step of the intent's script (spec E12).
    pub(super) fn step(intent: &'a Intent, step: &'a Step) -> Subject<'a> {
        Subject {
            tool_name: &step.tool_name,
            targets: &step.targets,
            arg_provenance: &step.arg_provenance,
            ..Subject::of(intent)
        }
    }

    /// Whether some target cannot be undone.
    pub(super) fn is_destructive(&self) -> bool {
        self.targets.iter().any(|target| target.destructive)
    }
}
