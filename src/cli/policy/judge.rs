//! One intent under one policy at one time: the only place under `gait policy` that decides.

use crate::clock;
use crate::intent::Intent;
use crate::intent::time::Time;
use crate::policy::{Decision, Policy};

/// The decision on an intent at a time.
pub(super) fn decide(policy: &Policy, intent: &Intent, at: Time) -> Decision {
    policy.decide(intent, at)
}

/// Numbers, in the order of evaluation, of the rules that gave the decision; none where it
/// failed closed or fell to the default.
pub(super) fn rule_numbers(policy: &Policy, intent: &Intent, decision: &Decision) -> Vec<usize> {
    if decision.matched_rule.is_none() {
        return Vec::new();
    }
    let matched = policy.matched(intent);
    let gave = |rule: &_| matched.iter().any(|matched| std::ptr::eq(*matched, rule));
    policy.rules().iter().enumerate().filter(|(_, rule)| gave(rule)).map(|(at, _)| at).collect()
}

/// The time by the clock.
pub(super) fn now() -> Time {
    Time::from_timestamp(clock::now())
}
