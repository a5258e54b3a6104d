//! Where arguments from untrusted sources may not flow (spec E1).

use super::Verdict;
use super::say::Say;
use super::subject::Subject;
use crate::intent::{Kind, Target};
use serde::Serialize;

/// Kinds of target that lead outside, where a rule names no destination.
const OUTSIDE: [Kind; 5] = [Kind::Host, Kind::Url, Kind::Bucket, Kind::Queue, Kind::Topic];

/// Sources that taint where a rule names none.
pub(super) const TAINTED: [&str; 2] = ["external", "tool_output"];

/// The reason where a rule names none.
pub(super) const REASON_CODE: &str = "dataflow_tainted_destination";

/// The violation where a rule names none.
pub(super) const VIOLATION: &str = "tainted_dataflow";

/// The constraint, in force. Serialises as the policy digest has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Dataflow {
    pub(super) enabled: True,
    /// Sources that taint, lower-case.
    pub tainted_sources: Vec<String>,
    /// Kinds of target, lower-case; empty for any.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub destination_kinds: Vec<String>,
    /// Values of target; empty for any.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub destination_values: Vec<String>,
    /// Operations, lower-case; empty for any.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub destination_operations: Vec<String>,
    /// What the rule then says instead of its effect.
    pub action: Verdict,
    /// Why.
    pub reason_code: String,
    /// What it violates.
    pub violation: String,
}

/// `true`, wherever the digest wants to hear that a constraint is enabled: one that is not, is
/// not there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct True;

impl Serialize for True {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bool(true)
    }
}

impl Dataflow {
    /// Replaces the effect, up or down, where a tainted argument meets a destination.
    pub(super) fn check<'p>(&'p self, subject: &Subject<'_>, say: &mut Say<'p>) {
        let mut sources = subject.arg_provenance.iter().map(|entry| entry.source.as_str());
        let tainted = sources.any(|source| self.tainted_sources.iter().any(|s| s == source));
        if tainted && subject.targets.iter().any(|target| self.leads_to(target)) {
            say.replace(self.action);
            say.because(&self.reason_code, &self.violation);
        }
    }

    /// One target must satisfy all lists that are given.
    fn leads_to(&self, target: &Target) -> bool {
        let lists = [
            (&self.destination_kinds, target.kind.as_str()),
            (&self.destination_values, target.value.as_str()),
            (&self.destination_operations, target.operation.as_str()),
        ];
        if lists.iter().all(|(wanted, _)| wanted.is_empty()) {
            return OUTSIDE.contains(&target.kind);
        }
        lists.iter().all(|(wanted, has)| wanted.is_empty() || wanted.iter().any(|w| w == has))
    }
}
