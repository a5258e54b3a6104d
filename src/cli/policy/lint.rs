//! What is legal in a policy and probably not meant; `policy validate` warns of it.
//!
//! A warning is a fact that follows from the policy alone: a rule that cannot match, a pattern
//! that matches nothing, an effect that is not the one that is written. What only might be a
//! mistake is not warned of, for warnings that cry wolf are not read.

mod whole;
mod never;
mod patterns;
mod terms;
mod trust;
mod implied;
mod pairs;
#[cfg(test)]
mod tests;

use crate::intent::time::Time;
use crate::policy::{Policy, Rule};
use std::fmt;

/// No check reports more than this many; of the rest it reports how many there are.
const WARNINGS_MAX: usize = 20;

/// One warning.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Warning {
    /// The line of the policy file, where it is about one rule.
    line: Option<u64>,
    text: String,
}

/// What one check found.
#[derive(Debug, Default)]
struct Findings {
    warnings: Vec<Warning>,
    more: usize,
}

/// Checks of the policy as a whole, or of its rules against each other.
const WHOLE: [fn(&Policy, &mut Findings); 5] =
    [whole::check, pairs::names, pairs::repeated, pairs::shadowed, pairs::merged];

/// Checks of one rule. The time tells which freeze windows are over.
const EACH: [fn(&Rule, Time, &mut Findings); 5] =
    [never::check, patterns::check, terms::check, terms::freeze_window, trust::check];

/// Everything there is to warn of, in the order of the file.
pub(super) fn of(policy: &Policy, at: Time) -> Vec<Warning> {
    let whole = WHOLE.into_iter().map(|check| {
        let mut findings = Findings::default();
        check(policy, &mut findings);
        findings
    });
    let each = EACH.into_iter().map(|check| {
        let mut findings = Findings::default();
        policy.rules().iter().for_each(|rule| check(rule, at, &mut findings));
        findings
    });
    let mut warnings: Vec<_> = whole.chain(each).flat_map(Findings::into_warnings).collect();
    // What is about no line comes first; the sort is stable.
    warnings.sort_by_key(|warning| warning.line);
    warnings
}

impl Warning {
    /// The warning with its place, as compilers write it.
    pub(super) fn placed(&self, file: &impl fmt::Display) -> String {
        match self.line {
            Some(line) => format!("{file}:{line}: {}", self.text),
            None => format!("{file}: {}", self.text),
        }
    }
}

impl Findings {
    /// Something about the policy.
    fn policy(&mut self, text: impl Into<String>) {
        self.add(None, || text.into());
    }

    /// Something about a rule, whose name the text follows.
    fn rule(&mut self, rule: &Rule, text: impl fmt::Display) {
        self.add(Some(rule.line), || format!("rule `{}` {text}", rule.name));
    }

    fn add(&mut self, line: Option<u64>, text: impl FnOnce() -> String) {
        if self.warnings.len() < WARNINGS_MAX {
            self.warnings.push(Warning { line, text: text() });
        } else {
            self.more += 1;
        }
    }

    fn into_warnings(mut self) -> Vec<Warning> {
        let like = self.warnings.last().map_or(String::new(), |last| last.text.clone());
        if self.more > 0 {
            let text = format!("{} more warnings of the same kind as: {like}", self.more);
            self.warnings.push(Warning { line: None, text });
        }
        self.warnings
    }
}
