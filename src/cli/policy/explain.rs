//! `gait policy explain`: why a policy decides an intent as it does, rule by rule.
//!
//! It prints what the evaluation itself recorded; nothing is worked out a second time. The exit
//! code is that of `policy test`.

mod text;
mod json;

use super::judge;
use crate::cli::answer::{Answer, Outcome};
use crate::cli::{load, verdict_exit};
use crate::intent::Intent;
use crate::intent::time::Time;
use crate::policy::explain::Explanation;
use crate::policy::limit::Limit;
use crate::policy::{Decision, Policy};
use clap::Args;
use std::path::PathBuf;

/// A policy, an intent and a time.
#[derive(Args)]
pub(in crate::cli) struct Explain {
    /// Policy file
    policy: PathBuf,
    /// Intent file
    intent: PathBuf,
    /// When the intent is judged, such as 2026-01-02T03:04:05Z; now where it is not given
    #[arg(long, value_name = "TIME")]
    at: Option<String>,
}

/// Everything that an answer is made of.
struct Explained<'a> {
    policy: &'a Policy,
    intent: &'a Intent,
    at: Time,
    explanation: Explanation<'a>,
}

impl Explain {
    pub(super) fn run(self) -> Outcome {
        let at = load::time("--at", self.at.as_deref())?.unwrap_or_else(judge::now);
        let policy = load::policy(&self.policy)?;
        let intent = load::intent(&self.intent)?;
        let explanation = policy.explain(&intent, at);
        let verdict = explanation.decision.verdict;
        let explained = Explained { policy: &policy, intent: &intent, at, explanation };
        let answer = Answer::new(verdict_exit(verdict)).lines(explained.lines());
        Ok(explained.members(answer))
    }
}

/// What must still be shown or spent before the call may go, as sentences; `gate eval` and the
/// proxy ask for it.
pub(in crate::cli) fn demands(decision: &Decision) -> Vec<String> {
    let demands = &decision.demands;
    let listed = |words: &[String]| match words {
        [] => String::new(),
        words => format!(" for {}", words.join(", ")),
    };
    let limit = |limit: Limit, what: &str| {
        let Limit { requests, window, scope } = limit;
        format!("room for {what}: {requests} a {} by {}", window.as_str(), scope.as_str())
    };
    let broker = demands.broker.as_ref().map(|broker| {
        let reference = match broker.reference.as_str() {
            "" => String::new(),
            reference => format!(" `{reference}`"),
        };
        format!("a brokered credential{reference}{}", listed(&broker.scopes))
    });
    let delegation = demands.delegation.as_ref();
    [
        delegation.map(|demand| format!("delegation tokens{}", listed(&demand.scopes))),
        broker,
        demands.rate_limit.map(|given| limit(given, "a call")),
        demands.destructive_budget.map(|given| limit(given, "a destructive call")),
    ]
    .into_iter()
    .flatten()
    .collect()
}
