//! What rules do to each other: one is never looked at, repeats another, or is outranked.
//!
//! Rules that name different tools have nothing to do with each other, so only those that share
//! one are compared, and of them no more than [`COMPARISONS_MAX`] pairs.

use super::Findings;
use super::implied::{implies, meet};
use crate::policy::{Policy, Rule, Verdict};
use std::collections::HashMap;

/// No check compares more pairs; beyond that it says that it stopped.
const COMPARISONS_MAX: usize = 2_000_000;

/// Rules by the tools that they name, in the order of evaluation.
struct Tools<'p> {
    by_tool: HashMap<&'p str, Vec<usize>>,
    unnamed: Vec<usize>,
}

/// Counts comparisons down.
struct Budget(usize);

/// Warns of names that are used again.
pub(super) fn names(policy: &Policy, findings: &mut Findings) {
    let mut seen: HashMap<&str, u64> = HashMap::new();
    let mut rules: Vec<&Rule> = policy.rules().iter().collect();
    rules.sort_by_key(|rule| rule.line);
    for rule in rules {
        match seen.get(rule.name.as_str()) {
            Some(line) => {
                let text = format!("has the name of the rule on line {line}");
                findings.rule(rule, format!("{text}; answers and traces cannot tell them apart"));
            }
            None => drop(seen.insert(&rule.name, rule.line)),
        }
    }
}

/// Warns of a rule that says nothing that another of its priority does not.
pub(super) fn repeated(policy: &Policy, findings: &mut Findings) {
    let mut groups: HashMap<(i64, Verdict, &[String]), Vec<&Rule>> = HashMap::new();
    let mut budget = Budget(COMPARISONS_MAX);
    for rule in policy.rules() {
        let group = (rule.priority, rule.effect, rule.matcher.tool_names.as_slice());
        let group = groups.entry(group).or_default();
        let mut earlier = group.iter().take_while(|_| budget.spend());
        let same = |earlier: &&&Rule| {
            (&earlier.matcher, &earlier.terms) == (&rule.matcher, &rule.terms)
                && earlier.min_approvals == rule.min_approvals
        };
        match earlier.find(same) {
            Some(earlier) => {
                let (name, line) = (&earlier.name, earlier.line);
                let text = format!("repeats rule `{name}` (line {line})");
                findings.rule(rule, format!("{text}: same priority, match and effect"));
            }
            None => group.push(rule),
        }
    }
    budget.report("repeat another", findings);
}

/// Warns of rules that are never looked at.
pub(super) fn shadowed(policy: &Policy, findings: &mut Findings) {
    let rules = policy.rules();
    let tools = Tools::of(rules);
    let mut budget = Budget(COMPARISONS_MAX);
    for (at, rule) in rules.iter().enumerate() {
        let mut earlier = tools
            .sharing(rule.matcher.tool_names.first())
            .flat_map(|list| list.iter().take_while(|number| **number < at))
            .filter_map(|number| rules.get(*number))
            .filter(|earlier| earlier.priority < rule.priority);
        let hides = |earlier: &&Rule| budget.spend() && implies(&rule.matcher, &earlier.matcher);
        if let Some(earlier) = earlier.find(hides) {
            let (name, line, priority) = (&earlier.name, earlier.line, earlier.priority);
            findings.rule(
                rule,
                format!(
                    "is never looked at: whatever it matches, rule `{name}` (line {line}, \
                     priority {priority}) matches before"
                ),
            );
        }
    }
    budget.report("are never looked at", findings);
}

/// Warns of two rules at one priority that can match the same intent and disagree.
pub(super) fn merged(policy: &Policy, findings: &mut Findings) {
    let rules = policy.rules();
    let tools = Tools::of(rules);
    let mut budget = Budget(COMPARISONS_MAX);
    for (at, first) in rules.iter().enumerate() {
        if budget.is_spent() {
            break;
        }
        for number in tools.peers(at, first, rules) {
            let Some(second) = rules.get(number).filter(|_| budget.spend()) else { break };
            if first.effect != second.effect && meet(&first.matcher, &second.matcher) {
                let (name, line) = (&second.name, second.line);
                let wins = first.effect.max(second.effect).as_str();
                let text = format!("shares priority {} with rule `{name}`", first.priority);
                findings
                    .rule(first, format!("{text} (line {line}): where both match, {wins} wins"));
            }
        }
    }
    budget.report("share a priority", findings);
}

// === impl Tools ===

impl<'p> Tools<'p> {
    fn of(rules: &'p [Rule]) -> Tools<'p> {
        let mut tools = Tools { by_tool: HashMap::new(), unnamed: Vec::new() };
        for (number, rule) in rules.iter().enumerate() {
            if rule.matcher.tool_names.is_empty() {
                tools.unnamed.push(number);
            }
            for tool in &rule.matcher.tool_names {
                tools.by_tool.entry(tool).or_default().push(number);
            }
        }
        tools
    }

    /// Those that name the tool, if any is given, and those that name none: all that can take in
    /// a rule whose first tool it is. Each list ascends.
    fn sharing(&self, tool: Option<&String>) -> impl Iterator<Item = &Vec<usize>> {
        let named = tool.and_then(|tool| self.by_tool.get(tool.as_str()));
        named.into_iter().chain([&self.unnamed])
    }

    /// Those after `rule`, which stands `at` its number, of its priority and sharing a tool;
    /// ascending, each once.
    fn peers(&self, at: usize, rule: &Rule, rules: &[Rule]) -> Vec<usize> {
        let is_peer =
            |number: usize| rules.get(number).is_some_and(|other| other.priority == rule.priority);
        if rule.matcher.tool_names.is_empty() {
            return (at + 1..rules.len()).take_while(|number| is_peer(*number)).collect();
        }
        let tools = rule.matcher.tool_names.iter();
        let named = tools.filter_map(|tool| self.by_tool.get(tool.as_str()));
        let lists = named.chain([&self.unnamed]);
        let after = lists.flat_map(|list| {
            let start = list.partition_point(|number| *number <= at);
            list.iter().skip(start).copied().take_while(|number| is_peer(*number))
        });
        let mut numbers: Vec<usize> = after.collect();
        numbers.sort_unstable();
        numbers.dedup();
        numbers
    }
}

// === impl Budget ===

impl Budget {
    /// Takes one; `false` where there is none left.
    fn spend(&mut self) -> bool {
        let left = self.0 > 0;
        self.0 = self.0.saturating_sub(1);
        left
    }

    fn is_spent(&self) -> bool {
        self.0 == 0
    }

    fn report(&self, what: &str, findings: &mut Findings) {
        if self.is_spent() {
            findings.policy(format!(
                "so many rules share tools that not all which {what} are found; stopped after \
                 {COMPARISONS_MAX} pairs"
            ));
        }
    }
}
