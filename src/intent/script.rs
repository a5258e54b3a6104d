//! Several calls as one intent (spec E12): the steps of a script.

use super::draft::{ScriptDraft, StepDraft};
use super::error::IntentError;
use super::field::invalid;
use super::text::word;
use super::{Provenance, Target, args, provenance, targets};
use crate::json::{self, Digest};
use serde::Serialize;
use serde_json::{Map, Value};

/// A script of more steps is refused.
const STEPS_MAX: usize = 64;

/// The steps of a script, normalised: 1 to 64 of them.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Script {
    /// In the order in which they run.
    pub steps: Vec<Step>,
    /// `script_hash`: over the steps.
    #[serde(skip)]
    pub hash: Digest,
}

/// One call of a script, normalised by the rules of a whole intent.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Step {
    /// The tool, trimmed and lower-case; never empty.
    pub tool_name: String,
    /// Its args, with trimmed strings and keys.
    pub args: Map<String, Value>,
    /// What it acts on, unique and sorted; classes are inferred from the tool of the step.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub targets: Vec<Target>,
    /// Where its args came from, unique and sorted.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub arg_provenance: Vec<Provenance>,
}

/// What the hash of a script is over.
#[derive(Serialize)]
struct Hashed<'a> {
    steps: &'a [Step],
}

pub(super) fn normalise(draft: ScriptDraft) -> Result<Script, IntentError> {
    if draft.steps.is_empty() {
        return Err(invalid("script.steps must not be empty"));
    }
    if draft.steps.len() > STEPS_MAX {
        return Err(invalid(format!("script.steps exceeds max supported steps ({STEPS_MAX})")));
    }
    let numbered = draft.steps.into_iter().enumerate();
    let steps = numbered.map(|(index, draft)| step(index, draft)).collect::<Result<Vec<_>, _>>()?;
    let hash = json::digest(&Hashed { steps: &steps })?;
    Ok(Script { steps, hash })
}

fn step(index: usize, draft: StepDraft) -> Result<Step, IntentError> {
    let at = |name: &str| format!("script.steps[{index}].{name}");
    let tool_name = word(draft.tool_name);
    if tool_name.is_empty() {
        return Err(invalid(format!("{} is required", at("tool_name"))));
    }
    let args = args::normalise(&at("args"), draft.args)?;
    let targets = targets::normalise(draft.targets, &tool_name)
        .map_err(|error| error.within(&at("targets")))?;
    let arg_provenance = provenance::normalise(draft.arg_provenance)
        .map_err(|error| error.within(&at("arg_provenance")))?;
    Ok(Step { tool_name, args, targets, arg_provenance })
}

// === impl Script ===

impl Script {
    /// Gives an intent that names no targets, or no provenance, those of all steps.
    pub(super) fn lend(&self, targets: &mut Vec<Target>, arg_provenance: &mut Vec<Provenance>) {
        if targets.is_empty() {
            *targets = set(self.steps.iter().flat_map(|step| &step.targets));
        }
        if arg_provenance.is_empty() {
            *arg_provenance = set(self.steps.iter().flat_map(|step| &step.arg_provenance));
        }
    }
}

/// Unique and sorted.
fn set<'a, T: Clone + Ord + 'a>(items: impl Iterator<Item = &'a T>) -> Vec<T> {
    let mut items: Vec<T> = items.cloned().collect();
    items.sort_unstable();
    items.dedup();
    items
}
