//! What a replay found, as one object and as text.

use super::ending::Demand;
use super::text;
use crate::cli::answer::{Answer, Exit, Failure, Outcome};
use crate::policy::Verdict;
use crate::replay::{Counts, Examples, Fault, Group, Named, Plan, Skip, Tally, Tool};
use serde_json::{Map, Value, json};
use std::path::Path;

/// Everything that there is to say.
pub(super) struct Report<'a> {
    pub(super) plan: &'a Plan,
    pub(super) tally: &'a Tally,
    pub(super) demand: Demand,
    pub(super) out: Option<&'a Path>,
}

impl Report<'_> {
    /// The outcome of the command.
    pub(super) fn outcome(&self) -> Outcome {
        let exit = self.demand.exit(self.tally);
        if self.tally.intents == 0 && self.tally.invalid == 0 {
            return Err(self.nothing());
        }
        let answer = self.answer(exit).lines(text::of(self));
        let answer = self.warnings().into_iter().fold(answer, Answer::warn);
        Ok(match self.error(exit) {
            Some(error) => answer.failed(error),
            None => answer,
        })
    }

    /// Groups with the gravest first: what is newly stricter by how strict it is, then the rest.
    pub(super) fn groups(&self) -> Vec<(&Group, &Examples)> {
        let mut groups: Vec<_> = self.tally.groups.iter().collect();
        groups.sort_by_key(|(group, examples)| {
            let graver = group.to > group.from;
            (std::cmp::Reverse((graver, group.to, examples.count)), *group)
        });
        groups
    }

    /// Whether anything was compared with anything.
    pub(super) fn compares(&self) -> Compares {
        if self.plan.baseline.is_some() {
            Compares::Policy
        } else if self.tally.policies.iter().any(|counts| counts.compared > 0) {
            Compares::Recorded
        } else {
            Compares::Nothing
        }
    }

    /// One line that says all in short.
    pub(super) fn summary(&self) -> String {
        let Tally { intents, invalid, policies, .. } = self.tally;
        let sum = |count: fn(&Counts) -> u64| policies.iter().map(count).sum::<u64>();
        let (changed, stricter) = (sum(Counts::changed_count), sum(stricter));
        let (policies, skipped) = (policies.len(), self.tally.skipped_count());
        format!(
            "replay intents={intents} policies={policies} changed={changed} stricter={stricter} \
             skipped={skipped} invalid={invalid}"
        )
    }

    fn answer(&self, exit: Exit) -> Answer {
        let (plan, tally) = (self.plan, self.tally);
        let baseline = plan.baseline.as_ref().map(|policy| policy.digest().to_string());
        let required = match self.demand {
            Demand::NoChange => None,
            Demand::AtMost(ceiling, _) => Some(ceiling.as_str()),
        };
        Answer::new(exit)
            .with("schema_id", "gait.replay.result")
            .with("schema_version", "1.0.0")
            .with("intents", tally.intents)
            .with("policies", self.policies())
            .with("baseline", self.compares().as_str())
            .with("baseline_policy_digest", baseline)
            .with("required", required)
            .with("changes", self.changes())
            .with("skipped", self.skipped())
            .with("passed_lines", tally.passed)
            .with("invalid", tally.invalid)
            .with("faults", tally.faults.iter().map(|fault| self.fault(fault)).collect::<Vec<_>>())
            .with("differences_path", self.out.map(|path| path.display().to_string()))
            .with("summary", self.summary())
    }

    fn policies(&self) -> Vec<Value> {
        let rows = self.plan.policies.iter().zip(&self.tally.policies);
        rows.map(|(policy, counts)| row(policy, counts)).collect()
    }

    fn changes(&self) -> Vec<Value> {
        self.groups().into_iter().map(|(group, examples)| self.change(group, examples)).collect()
    }

    fn change(&self, group: &Group, examples: &Examples) -> Value {
        let policy = self.plan.policies.get(group.policy);
        let mut members = Map::new();
        for (name, value) in [
            ("policy", policy.map(|policy| policy.path.display().to_string().into())),
            ("from", Some(group.from.as_str().into())),
            ("to", Some(group.to.as_str().into())),
            ("from_rule", group.rule_before.as_deref().map(Value::from)),
            ("to_rule", group.rule.as_deref().map(Value::from)),
            ("tool_name", tool(group).map(Value::from)),
            ("count", Some(examples.count.into())),
            ("examples", Some(self.spots(examples))),
        ] {
            members.extend(value.map(|value| (name.to_owned(), value)));
        }
        members.into()
    }

    fn spots(&self, examples: &Examples) -> Value {
        examples.spots.iter().map(|spot| Value::from(spot.members(self.plan))).collect()
    }

    fn skipped(&self) -> Vec<Value> {
        let skipped = self.tally.skipped.iter();
        let skipped = skipped.map(|(why, examples)| {
            json!({"reason": why.as_str(), "count": examples.count, "examples": self.spots(examples)})
        });
        skipped.collect()
    }

    fn fault(&self, fault: &Fault) -> Value {
        let mut members = fault.spot.members(self.plan);
        members.insert("error".to_owned(), fault.error.as_str().into());
        members.into()
    }

    fn warnings(&self) -> Vec<String> {
        let skipped = self.tally.skipped.iter().map(|(why, examples)| {
            let (count, reason) = (examples.count, why.reason());
            format!("skipped {count} recorded calls: {reason}")
        });
        skipped.collect()
    }

    /// What makes the answer a failure; a refusing verdict is none.
    fn error(&self, exit: Exit) -> Option<String> {
        match exit {
            Exit::InvalidInput if self.tally.invalid > 0 => Some(self.invalid()),
            Exit::InvalidInput => Some(self.unreplayable()),
            Exit::Drift => Some(match self.demand.unmet(self.tally) {
                1 => "1 judgement changed".to_owned(),
                count => format!("{count} judgements changed"),
            }),
            _ => None,
        }
    }

    fn invalid(&self) -> String {
        let first = self.tally.faults.first().map(|fault| {
            let spot = text::spot(self.plan, &fault.spot);
            format!("; the first is {spot}: {}", fault.error)
        });
        let (invalid, first) = (self.tally.invalid, first.unwrap_or_default());
        format!("{invalid} lines or documents cannot be used{first}")
    }

    /// Some calls were not judged: that they may run is not shown.
    fn unreplayable(&self) -> String {
        let count = self.demand.refused_count(self.tally);
        format!(
            "{count} recorded calls cannot be replayed, so --require is not met; \
             --skip-unreplayable passes them over"
        )
    }

    /// Nothing was judged: a gate that looks at nothing must not open.
    fn nothing(&self) -> Failure {
        let skipped = self.tally.skipped_count();
        let what = if skipped > 0 {
            let why = self.warnings().join("; ");
            let mend = match self.tally.skipped.contains_key(&Skip::NotCaptured) {
                true => "; routes keep what can be replayed with `capture: full`",
                false => "",
            };
            format!("nothing to replay: {why}{mend}")
        } else {
            "nothing to replay: the input holds no intent".to_owned()
        };
        Failure::input(what).with("skipped", self.skipped()).with("passed_lines", self.tally.passed)
    }
}

/// What the verdicts are compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Compares {
    Policy,
    Recorded,
    Nothing,
}

impl Compares {
    fn as_str(self) -> &'static str {
        match self {
            Compares::Policy => "policy",
            Compares::Recorded => "recorded",
            Compares::Nothing => "",
        }
    }
}

fn row(policy: &Named, counts: &Counts) -> Value {
    let count = |verdict| counts.verdicts.get(&verdict).copied().unwrap_or_default();
    let verdicts: Map<String, Value> = Verdict::ALL
        .into_iter()
        .map(|verdict| (verdict.as_str().to_owned(), count(verdict).into()))
        .collect();
    json!({
        "path": policy.path.display().to_string(),
        "policy_digest": policy.policy.digest(),
        "verdicts": verdicts,
        "compared": counts.compared,
        "changed": counts.changed_count(),
        "stricter": stricter(counts),
        "laxer": laxer(counts),
    })
}

/// Intents whose verdict is stricter than before.
pub(super) fn stricter(counts: &Counts) -> u64 {
    let changed = counts.changed.iter().filter(|((from, to), _)| to > from);
    changed.map(|(_, count)| count).sum()
}

/// Intents whose verdict is less strict than before.
pub(super) fn laxer(counts: &Counts) -> u64 {
    let changed = counts.changed.iter().filter(|((from, to), _)| to < from);
    changed.map(|(_, count)| count).sum()
}

/// The tool of a group, if they are told apart.
pub(super) fn tool(group: &Group) -> Option<&str> {
    match &group.tool {
        Tool::Named(name) => Some(name),
        Tool::Others => None,
    }
}
