//! Which intents a selector stops, and by which of its parts (spec E15).

use super::{Selector, path};
use crate::intent::text::{clean_path, lower};
use crate::intent::{Intent, Kind, Label, Target};

impl Selector {
    /// Whether nothing is given, so that it stops everything.
    pub fn is_empty(&self) -> bool {
        *self == Selector::default()
    }

    /// The reason codes of all its parts, in no order; `None` if one of them does not hold.
    pub(super) fn reasons(&self, intent: &Intent) -> Option<Vec<&'static str>> {
        let mut reasons = Vec::new();
        for (reason, part) in self.parts(intent) {
            match part {
                Part::NotGiven => {}
                Part::Holds => reasons.push(reason),
                Part::Fails => return None,
            }
        }
        Some(reasons)
    }

    fn parts(&self, intent: &Intent) -> [(&'static str, Part); 7] {
        let context = intent.context();
        let label = |label| context.labels.get(&label).map_or("", String::as_str);
        let environment = lower(label(Label::Environment));
        [
            ("kill_switch_agent_id_active", equal(&self.agent_id, label(Label::AgentId))),
            ("kill_switch_identity_active", equal(&self.identity, &context.identity)),
            ("kill_switch_tool_name_active", self.tool(intent)),
            ("kill_switch_environment_active", equal(&self.environment, &environment)),
            ("kill_switch_target_active", self.target(intent)),
            ("kill_switch_path_active", self.path(intent)),
            ("kill_switch_workspace_active", under(&self.workspace_prefixes, &context.workspace)),
        ]
    }

    fn tool(&self, intent: &Intent) -> Part {
        let steps = intent.script().map_or(&[][..], |script| script.steps.as_slice());
        let mut tools = steps.iter().map(|step| step.tool_name.as_str());
        Part::of(&self.tool_name, |wanted| {
            wanted == intent.tool_name() || tools.any(|tool| tool == wanted)
        })
    }

    fn target(&self, intent: &Intent) -> Part {
        if self.target_kind.is_empty() && self.target_value.is_empty() {
            return Part::NotGiven;
        }
        Part::when(targets(intent).any(|target| self.names(target)))
    }

    fn names(&self, target: &Target) -> bool {
        let is = |wanted: &str, said: &str| wanted.is_empty() || wanted == said;
        is(&self.target_kind, target.kind.as_str()) && is(&self.target_value, &target.value)
    }

    fn path(&self, intent: &Intent) -> Part {
        if self.path_prefixes.is_empty() {
            return Part::NotGiven;
        }
        let mut paths = targets(intent).filter(|target| target.kind == Kind::Path);
        Part::when(paths.any(|target| under(&self.path_prefixes, &target.value) == Part::Holds))
    }
}

/// The intent's targets and those of its steps. An intent of several steps may name targets of
/// its own beside theirs; a switch must see through that.
fn targets(intent: &Intent) -> impl Iterator<Item = &Target> {
    let steps = intent.script().into_iter().flat_map(|script| &script.steps);
    intent.targets().iter().chain(steps.flat_map(|step| &step.targets))
}

/// One part of a selector, held against an intent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    NotGiven,
    Holds,
    Fails,
}

impl Part {
    fn when(holds: bool) -> Part {
        if holds { Part::Holds } else { Part::Fails }
    }

    fn of(wanted: &str, holds: impl FnOnce(&str) -> bool) -> Part {
        if wanted.is_empty() { Part::NotGiven } else { Part::when(holds(wanted)) }
    }
}

fn equal(wanted: &str, said: &str) -> Part {
    Part::of(wanted, |wanted| wanted == said)
}

fn under(prefixes: &[String], said: &str) -> Part {
    if prefixes.is_empty() {
        return Part::NotGiven;
    }
    let said = clean_path(said);
    Part::when(prefixes.iter().any(|prefix| path::is_under(&said, prefix)))
}
