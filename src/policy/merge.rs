//! From what each matched rule says to one decision (spec C6.2).
//!
//! The strictest effect is the verdict. Reasons, violations and demands come from the rules that
//! are as strict; the names of all rules that matched are told.

use super::Verdict;
use super::decision::{BrokerDemand, Decision, DelegationDemand, Demands, Details};
use super::freeze::FreezeFinding;
use super::limit::Limit;
use super::rule::{Rule, Terms};
use super::sandbox::SandboxFinding;
use super::say::Say;

/// The decision of the rules that matched, in the order of evaluation; there is at least one.
pub(super) fn merge(says: &[Say<'_>]) -> Decision {
    let verdict = says.iter().map(|say| say.effect).max().unwrap_or(Verdict::Block);
    let strictest: Vec<&Say<'_>> = says.iter().filter(|say| say.effect == verdict).collect();
    let rules: Vec<&Rule> = strictest.iter().map(|say| say.rule).collect();
    let held = verdict == Verdict::RequireApproval;
    let min_approvals = rules.iter().map(|rule| rule.min_approvals).max().unwrap_or(0).max(1);
    let mut names: Vec<&str> = says.iter().map(|say| say.rule.name.as_str()).collect();
    // The rules are in order of their names, for their priorities are equal.
    names.dedup();
    Decision {
        verdict,
        reason_codes: set(strictest.iter().flat_map(|say| say.reason_codes())),
        violations: set(strictest.iter().flat_map(|say| say.violations())),
        matched_rule: Some(names.join(",")),
        min_approvals: if held { min_approvals } else { 0 },
        distinct_approvers: held && rules.iter().any(|rule| rule.require_distinct_approvers),
        demands: demands(says, &rules),
        details: details(&strictest),
    }
}

/// What the strictest rules ask for.
fn demands(says: &[Say<'_>], rules: &[&Rule]) -> Demands {
    let tightest = |limit: fn(&Terms) -> Option<Limit>| {
        rules.iter().filter_map(|rule| limit(&rule.terms)).reduce(Limit::tightest)
    };
    Demands {
        delegation: delegation(rules),
        broker: broker(says, rules),
        rate_limit: tightest(|terms| terms.rate_limit),
        destructive_budget: tightest(|terms| terms.destructive_budget),
    }
}

fn delegation(rules: &[&Rule]) -> Option<DelegationDemand> {
    let delegations = || rules.iter().map(|rule| &rule.matcher.delegation);
    let scopes = || set(delegations().flat_map(|wanted| &wanted.scopes).map(String::as_str));
    let required = delegations().any(|wanted| wanted.required);
    required.then(|| DelegationDemand { scopes: scopes() })
}

fn broker(says: &[Say<'_>], rules: &[&Rule]) -> Option<BrokerDemand> {
    let terms = || rules.iter().map(|rule| &rule.terms.broker);
    if !terms().any(|broker| broker.required) {
        return None;
    }
    Some(BrokerDemand {
        reference: first_text(terms().map(|broker| broker.reference.as_str())),
        scopes: set(terms().flat_map(|broker| &broker.scopes).map(String::as_str)),
        terms: says.iter().filter_map(|say| say.rule.terms.credential.clone()).collect(),
    })
}

fn details(says: &[&Say<'_>]) -> Details {
    Details {
        freeze_window: FreezeFinding::worst(says.iter().filter_map(|s| s.freeze_window.clone())),
        sandbox: SandboxFinding::worst(says.iter().filter_map(|say| say.sandbox.clone())),
        script: None,
    }
}

/// The first text that is not empty.
pub(super) fn first_text<'t>(mut texts: impl Iterator<Item = &'t str>) -> String {
    texts.find(|text| !text.is_empty()).unwrap_or_default().to_owned()
}

/// Sorted and unique.
pub(super) fn set<'t>(items: impl Iterator<Item = &'t str>) -> Vec<String> {
    let mut items: Vec<&str> = items.collect();
    items.sort_unstable();
    items.dedup();
    items.into_iter().map(str::to_owned).collect()
}
