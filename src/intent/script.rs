//! Several calls as one intent (spec E12): the steps of a script.

use super::{Provenance, Target};
use crate::json::Digest;
use serde::Serialize;
use serde_json::{Map, Value};

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
