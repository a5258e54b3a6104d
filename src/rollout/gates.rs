//! The gates: what a route has to show before it goes on, and whether it does.
//!
//! A gate is met, not met, or there is not enough to say; the last is never taken for the first.
//! Going on over several stages asks the gates of each. Rejected: one score for all, which a good
//! number could raise over a bad one.

mod ask;
mod untold;

use super::facts::{Facts, RouteFacts};
use super::lanes::{Lane, Lanes};
use super::summary::Summary;
use crate::evidence::GateFact;
use crate::stage::Stage;
use serde::Serialize;

/// Whether a route may go on to a stage.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Check {
    /// Which route.
    pub route: String,
    /// The stage whose evidence is looked at.
    #[serde(serialize_with = "stage_word")]
    pub from: Stage,
    /// The stage that it is to go to.
    #[serde(serialize_with = "stage_word")]
    pub to: Stage,
    /// The worst of all.
    pub verdict: GateVerdict,
    /// All that were asked.
    pub gates: Vec<Gate>,
}

/// One gate.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Gate {
    /// Its name; part of the contract.
    pub name: &'static str,
    /// Whether it is open.
    pub verdict: GateVerdict,
    /// What was found, where that is a number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<f64>,
    /// What is wanted, where that is a number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub threshold: Option<f64>,
    /// The same for people, with what to do next.
    pub say: String,
}

/// What a gate says; the worst of several is the greatest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum GateVerdict {
    /// Go on.
    Met,
    /// Wait, or look closer.
    NotEnoughData,
    /// Not like this.
    NotMet,
}

/// The reason in answers, where a route stands as far on as it was to go.
pub const NO_STEP: &str = "no_step";

/// Why there is nothing to ask.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoStep {
    /// No such route.
    #[error("there is no route `{route}`; the config has {known}")]
    Route {
        /// What was asked for.
        route: String,
        /// Those that there are.
        known: String,
    },
    /// It would be no step forward.
    #[error(
        "route `{route}` stands in {standing} and would not go forward to {}; `gait rollout \
         demote` goes back",
        to.as_str()
    )]
    NotForward {
        /// The route.
        route: String,
        /// Where it stands.
        standing: String,
        /// Where it was to go.
        to: Stage,
    },
}

/// All that a gate can look at.
struct Case<'a> {
    summary: &'a Summary,
    facts: &'a Facts,
    route: &'a RouteFacts,
    lanes: Lanes,
}

/// A gate, and of what it is asked.
#[derive(Clone, Copy)]
enum Ask {
    /// Of the route, or of its laxest stage.
    Once(fn(&Case<'_>) -> Gate),
    /// Of each stage in which somebody stands: the worst answer counts.
    Each(fn(&Case<'_>, &Lane) -> Gate),
}

const FALSE_POSITIVES: Ask = Ask::Each(ask::false_positives);
const UNMAPPED: Ask = Ask::Once(ask::unmapped);

/// Asked on the way to every stage.
const ALWAYS: [Ask; 5] = [
    Ask::Once(ask::calls),
    Ask::Once(ask::time),
    Ask::Each(ask::evaluation_errors),
    Ask::Each(untold::bypasses),
    Ask::Each(untold::evidence),
];

/// Asked on the way to a stage, in order.
const STEPS: [(Stage, &[Ask]); 3] = [
    (Stage::DryRun, &[FALSE_POSITIVES, UNMAPPED]),
    (Stage::RequireApproval, &[FALSE_POSITIVES, UNMAPPED]),
    (
        Stage::Enforce,
        &[
            FALSE_POSITIVES,
            Ask::Once(ask::approval_latency),
            Ask::Once(ask::approvals_decided),
            Ask::Once(ask::paths),
        ],
    ),
];

/// Asks all gates between where a route stands and `to`.
///
/// # Errors
/// There is no such route, or it would not go forward.
pub fn check(summary: &Summary, facts: &Facts, route: &str, to: Stage) -> Result<Check, NoStep> {
    let route = facts.route(route).ok_or_else(|| unknown(facts, route))?;
    let from = route.standing.laxest();
    if to <= from {
        let standing = route.standing.to_string();
        return Err(NoStep::NotForward { route: route.name.to_string(), standing, to });
    }
    let case = Case { summary, facts, route, lanes: Lanes::of(summary, route, &facts.look) };
    let steps = STEPS.iter().filter(|(stage, _)| from < *stage && *stage <= to);
    let mut gates: Vec<Gate> = Vec::new();
    for ask in ALWAYS.iter().chain(steps.flat_map(|(_, asks)| asks.iter())) {
        let gate = ask.of(&case);
        // Two steps can want the same.
        if gates.iter().all(|asked| asked.name != gate.name) {
            gates.push(gate);
        }
    }
    let verdict = gates.iter().map(|gate| gate.verdict).max().unwrap_or(GateVerdict::NotMet);
    Ok(Check { route: route.name.to_string(), from, to, verdict, gates })
}

fn unknown(facts: &Facts, route: &str) -> NoStep {
    let names: Vec<String> = facts.routes.iter().map(|one| format!("`{}`", one.name)).collect();
    NoStep::Route { route: route.to_owned(), known: names.join(", ") }
}

// === impl Ask ===

impl Ask {
    fn of(self, case: &Case<'_>) -> Gate {
        let each = match self {
            Ask::Once(once) => return once(case),
            Ask::Each(each) => each,
        };
        let Lanes { laxest, others } = &case.lanes;
        let mut worst = (laxest, each(case, laxest));
        for lane in others {
            let gate = each(case, lane);
            if gate.is_worse_than(&worst.1) {
                worst = (lane, gate);
            }
        }
        match (worst, others.is_empty()) {
            ((_, gate), true) => gate,
            ((lane, gate), false) => {
                Gate { say: format!("at worst in {}: {}", lane.stage.as_str(), gate.say), ..gate }
            }
        }
    }
}

// === impl Gate ===

impl Gate {
    /// The greater value is the worse one of all that are asked of each stage.
    fn is_worse_than(&self, other: &Gate) -> bool {
        let value = |gate: &Gate| gate.value.unwrap_or_default();
        let by_value = value(self).total_cmp(&value(other));
        self.verdict.cmp(&other.verdict).then(by_value).is_gt()
    }
}

// === impl Check ===

impl Check {
    /// The gates as a line of the log keeps them.
    pub fn facts(&self) -> Vec<GateFact> {
        let fact = |gate: &Gate| GateFact {
            name: gate.name,
            verdict: gate.verdict.as_str(),
            value: gate.value,
            threshold: gate.threshold,
        };
        self.gates.iter().map(fact).collect()
    }
}

// === impl GateVerdict ===

impl GateVerdict {
    /// The word in answers and lines.
    pub fn as_str(self) -> &'static str {
        match self {
            GateVerdict::Met => "met",
            GateVerdict::NotEnoughData => "not_enough_data",
            GateVerdict::NotMet => "not_met",
        }
    }

    /// Reads the word; `None` for any other.
    pub fn parse(word: &str) -> Option<GateVerdict> {
        let all = [GateVerdict::Met, GateVerdict::NotEnoughData, GateVerdict::NotMet];
        all.into_iter().find(|verdict| verdict.as_str() == word)
    }
}

/// The word of a stage.
pub(super) fn stage_word<S: serde::Serializer>(
    stage: &Stage,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(stage.as_str())
}
