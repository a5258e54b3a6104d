//! The kill switch over a decision (spec E15).

use super::profile::Profile;
use super::{Judged, Settings};
use crate::cli::answer::Failure;
use crate::clock;
use crate::intent::Intent;
use crate::intent::time::Time;
use crate::kill_switch::{Note, Outcome, State, Status, UNAVAILABLE};
use crate::policy::{Decision, Policy, Verdict};
use crate::store::kill_switches;
use std::path::Path;

/// What is known of orders to stop.
#[derive(Debug)]
pub(super) enum Switch {
    /// None was asked for.
    NotUsed,
    /// The orders.
    Loaded(State),
    /// The state cannot be had, and the risk is too high to go on without it. Why it cannot.
    Unavailable(String),
}

// === impl Switch ===

impl Switch {
    /// Reads the state that the settings name.
    ///
    /// # Errors
    /// Exit 6 or 1: it cannot be read, and the risk is not so high that this blocks.
    pub(super) fn load(settings: &Settings, intent: &Intent) -> Result<Switch, Failure> {
        let Some(path) = &settings.kill_switch_path else { return Ok(Switch::NotUsed) };
        match kill_switches::load(path) {
            Ok(state) => Ok(Switch::Loaded(state)),
            Err(error) if settings.profile == Profile::OssProd || is_guarded(intent) => {
                Ok(Switch::Unavailable(error.to_string()))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// The policy's decision with the orders over it, and what they say.
    pub(super) fn decide(
        &self,
        policy: &Policy,
        intent: &Intent,
        at: Time,
    ) -> (Decision, Option<Outcome>) {
        let failed_closed = policy.fails_closed(intent);
        match self {
            Switch::Unavailable(_) if !failed_closed => {
                (without_state(), Some(Outcome::unavailable(at)))
            }
            Switch::NotUsed | Switch::Unavailable(_) => (policy.decide(intent, at), None),
            Switch::Loaded(_) if failed_closed => {
                (policy.decide(intent, at), Some(Outcome::inactive(at)))
            }
            Switch::Loaded(state) => {
                let outcome = state.judge(intent, at);
                (stopped(policy.decide(intent, at), &outcome), Some(outcome))
            }
        }
    }

    /// Why the state cannot be had, for people.
    pub(super) fn warning(&self) -> Option<&str> {
        match self {
            Switch::Unavailable(why) => Some(why),
            Switch::NotUsed | Switch::Loaded(_) => None,
        }
    }
}

/// Whether the risk is one that does not go on without what was to be looked at.
pub(super) fn is_guarded(intent: &Intent) -> bool {
    matches!(intent.context().risk_class.as_str(), "high" | "critical")
}

/// The decision where nobody knows what must stop. No rule is asked.
fn without_state() -> Decision {
    Decision {
        reason_codes: vec![UNAVAILABLE.to_owned()],
        violations: vec![UNAVAILABLE.to_owned()],
        ..Decision::of(Verdict::Block)
    }
}

/// The decision, blocked where an order is active. What the rules ask for stays asked.
fn stopped(mut decision: Decision, outcome: &Outcome) -> Decision {
    if let Some(violation) = outcome.violation() {
        decision.verdict = Verdict::Block;
        let reasons = outcome.reason_codes.iter().map(|code| (*code).to_owned());
        decision.reason_codes.extend(reasons);
        decision.reason_codes.sort_unstable();
        decision.violations.push(violation.to_owned());
        decision.violations.sort_unstable();
        decision.violations.dedup();
    }
    decision
}

/// Notes in the journal beside the state that an order stopped an intent. The block stands
/// whether or not that works; what went wrong is returned, as a warning.
pub(super) fn note(state: &Path, judged: &Judged, trace_id: &str) -> Option<String> {
    let outcome = judged.switched.as_ref().filter(|outcome| outcome.status == Status::Active)?;
    let now = Time::from_timestamp(clock::now());
    let note = Note::stopped(outcome, &judged.intent, trace_id, now);
    let error = kill_switches::note(state, &note).err()?;
    Some(format!("the kill switch journal beside {} cannot be written: {error}", state.display()))
}
