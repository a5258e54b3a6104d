//! Counting the call against the limits of its rules (spec E13).

use super::ruling::Ruling;
use super::{Judged, Settings};
use crate::cli::answer::{Answer, Failure};
use crate::clock;
use crate::intent::Intent;
use crate::store::rate_limits::{self, Charge, Counted, Spent};

/// Counts the call, whatever its verdict, and blocks it where a limit is reached. Where there is
/// nothing to count, no file is touched.
///
/// # Errors
/// Exit 6 or 1: the state cannot be read, locked or written.
pub(super) fn spend(
    settings: &Settings,
    judged: &Judged,
    ruling: &mut Ruling,
) -> Result<Vec<Spent>, Failure> {
    let charges = charges(judged);
    if charges.is_empty() {
        return Ok(Vec::new());
    }
    let spent = rate_limits::spend(&settings.rate_limit_path, &charges, clock::now)?;
    for spent in spent.iter().filter(|spent| !spent.allowed) {
        let code = format!("{}_exceeded", spent.counted.as_str());
        ruling.block(&code, &code);
    }
    Ok(spent)
}

/// The rate limit comes first: where both share a counter, it counts first.
fn charges(judged: &Judged) -> Vec<Charge> {
    let (intent, demands) = (&judged.intent, &judged.decision.demands);
    let charge = |counted, limit| Charge::of(counted, limit, intent);
    let calls = demands.rate_limit.map(|limit| charge(Counted::RateLimit, limit));
    let budget = demands.destructive_budget.filter(|_| is_destructive(intent));
    let budget = budget.map(|limit| charge(Counted::DestructiveBudget, limit));
    calls.into_iter().chain(budget).collect()
}

/// Also where only a step is: targets of its own do not hide those of a script's steps.
fn is_destructive(intent: &Intent) -> bool {
    let steps = intent.script().into_iter().flat_map(|script| &script.steps);
    let mut targets = intent.targets().iter().chain(steps.flat_map(|step| &step.targets));
    targets.any(|target| target.destructive)
}

/// The members of the answer, and a line for each limit.
pub(super) fn told(answer: Answer, spent: &[Spent]) -> Answer {
    spent.iter().fold(answer, |answer, spent| {
        let name = spent.counted.as_str();
        answer
            .line(format!(
                "{}: {} used={} remaining={}",
                name.replace('_', " "),
                spent.key,
                spent.used,
                spent.remaining
            ))
            .with(&format!("{name}_scope"), spent.scope.as_str())
            .with(&format!("{name}_key"), spent.key.as_str())
            .with(&format!("{name}_used"), spent.used)
            .with(&format!("{name}_remaining"), spent.remaining)
    })
}
