//! What a replay found: counts, groups of equal changes, and a few examples of each.
//!
//! Tallies of batches are merged in the order of the input, and every bound keeps what came
//! first, so the same input gives the same tally whatever the number of threads.

use crate::json::Digest;
use crate::policy::Verdict;
use std::collections::BTreeMap;

/// Groups of changes; the tools of later ones are not told apart.
const GROUPS_MAX: usize = 4096;

/// Faults of the input that are kept; later ones are counted.
const FAULTS_MAX: usize = 100;

/// What was found.
#[derive(Debug, Default)]
pub struct Tally {
    /// Intents that were judged.
    pub intents: u64,
    /// Evidence lines about no call, or about one that another line counts.
    pub passed: u64,
    /// Recorded calls that cannot be replayed, by the reason.
    pub skipped: BTreeMap<Skip, Examples>,
    /// How many lines and documents are no intent.
    pub invalid: u64,
    /// The first of them.
    pub faults: Vec<Fault>,
    /// Of each policy, in the order of the plan.
    pub policies: Vec<Counts>,
    /// Equal changes, together.
    pub groups: BTreeMap<Group, Examples>,
}

/// What one policy said, and how that differs from before.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Intents by verdict.
    pub verdicts: BTreeMap<Verdict, u64>,
    /// Intents that had a verdict before.
    pub compared: u64,
    /// Intents whose ruling changed, by the verdicts before and after. Both can be the same: then
    /// rule, reasons, violations or the number of approvals changed.
    pub changed: BTreeMap<(Verdict, Verdict), u64>,
}

/// Why a recorded call is not replayed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Skip {
    /// It was refused or forwarded before it had an intent.
    NoIntent,
    /// Its line holds the digest of its intent only.
    NotCaptured,
    /// Its line holds its intent without what was masked in it.
    Masked,
    /// Its intent was too long for its line.
    TooLong,
    /// The segment ends in its midst: a crash tore it.
    Torn,
}

/// Changes of one kind.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Group {
    /// The policy, by its place in the plan.
    pub policy: usize,
    /// The verdict before.
    pub from: Verdict,
    /// The verdict now.
    pub to: Verdict,
    /// The rules that gave the one before.
    pub rule_before: Option<String>,
    /// The rules that give this one.
    pub rule: Option<String>,
    /// The tool.
    pub tool: Tool,
}

/// The tool of a group.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tool {
    /// This one.
    Named(String),
    /// Any, with any rules: there were too many groups to tell them apart.
    Others,
}

/// How often, and where first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Examples {
    /// How often.
    pub count: u64,
    /// The first of them.
    pub spots: Vec<Spot>,
}

/// Where an intent stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spot {
    /// The file, by its place in the plan.
    pub source: usize,
    /// The line, counted from 1; 0 for a whole document.
    pub line: u64,
    /// Its digest, where it is an intent.
    pub intent_digest: Option<Digest>,
    /// The call, where it was recorded.
    pub call_id: Option<String>,
}

/// Something that is no intent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Where.
    pub spot: Spot,
    /// What is wrong.
    pub error: String,
}

// === impl Tally ===

impl Tally {
    /// Nothing found, under so many policies.
    pub(super) fn new(policies: usize) -> Tally {
        Tally { policies: vec![Counts::default(); policies], ..Tally::default() }
    }

    /// Adds what was found after this, keeping at most `examples_max` examples of anything.
    pub(super) fn merge(&mut self, later: Tally, examples_max: usize) {
        self.intents += later.intents;
        self.passed += later.passed;
        self.invalid += later.invalid;
        let room = FAULTS_MAX.saturating_sub(self.faults.len());
        self.faults.extend(later.faults.into_iter().take(room));
        for (skip, examples) in later.skipped {
            self.skipped.entry(skip).or_default().merge(examples, examples_max);
        }
        for (counts, later) in self.policies.iter_mut().zip(later.policies) {
            counts.merge(later);
        }
        for (group, examples) in later.groups {
            self.group(group).merge(examples, examples_max);
        }
    }

    /// Counts something that is no intent.
    pub(super) fn fault(&mut self, spot: Spot, error: String) {
        self.invalid += 1;
        if self.faults.len() < FAULTS_MAX {
            self.faults.push(Fault { spot, error });
        }
    }

    /// Counts a recorded call that cannot be replayed.
    pub(super) fn skip(&mut self, why: Skip, spot: Spot, examples_max: usize) {
        self.skipped.entry(why).or_default().add(spot, examples_max);
    }

    /// The examples of a group, which is made where there is room for one more.
    pub(super) fn group(&mut self, group: Group) -> &mut Examples {
        let known = self.groups.len() < GROUPS_MAX || self.groups.contains_key(&group);
        let group = if known { group } else { group.folded() };
        self.groups.entry(group).or_default()
    }

    /// How many recorded calls were skipped.
    pub fn skipped_count(&self) -> u64 {
        self.skipped.values().map(|examples| examples.count).sum()
    }
}

// === impl Counts ===

impl Counts {
    /// How many intents changed their verdict, or what stands behind it.
    pub fn changed_count(&self) -> u64 {
        self.changed.values().sum()
    }

    fn merge(&mut self, later: Counts) {
        self.compared += later.compared;
        for (verdict, count) in later.verdicts {
            *self.verdicts.entry(verdict).or_default() += count;
        }
        for (change, count) in later.changed {
            *self.changed.entry(change).or_default() += count;
        }
    }
}

// === impl Group ===

impl Group {
    fn folded(self) -> Group {
        Group { rule_before: None, rule: None, tool: Tool::Others, ..self }
    }
}

// === impl Skip ===

impl Skip {
    /// A stable word for machines.
    pub fn as_str(self) -> &'static str {
        match self {
            Skip::NoIntent => "no_intent",
            Skip::NotCaptured => "intent_not_captured",
            Skip::Masked => "intent_masked",
            Skip::TooLong => "intent_too_long",
            Skip::Torn => "torn_line",
        }
    }

    /// The reason for people.
    pub fn reason(self) -> &'static str {
        match self {
            Skip::NoIntent => "refused or forwarded before there was an intent",
            Skip::NotCaptured => "the line holds digests only, not the intent",
            Skip::Masked => "values of the intent are masked in the line",
            Skip::TooLong => "the intent was too long for the line",
            Skip::Torn => "a crash tore the line",
        }
    }
}

// === impl Examples ===

impl Examples {
    /// Counts one more.
    pub(super) fn add(&mut self, spot: Spot, examples_max: usize) {
        self.count += 1;
        if self.spots.len() < examples_max {
            self.spots.push(spot);
        }
    }

    fn merge(&mut self, later: Examples, examples_max: usize) {
        self.count += later.count;
        let room = examples_max.saturating_sub(self.spots.len());
        self.spots.extend(later.spots.into_iter().take(room));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(tool: usize) -> Group {
        Group {
            policy: 0,
            from: Verdict::Allow,
            to: Verdict::Block,
            rule_before: None,
            rule: Some("r".to_owned()),
            tool: Tool::Named(format!("t{tool}")),
        }
    }

    fn spot(line: u64) -> Spot {
        Spot { source: 0, line, intent_digest: None, call_id: None }
    }

    #[test]
    fn groups_and_faults_are_bounded_and_nothing_goes_uncounted() {
        let mut tally = Tally::new(1);
        for tool in 0..GROUPS_MAX + 10 {
            tally.group(group(tool)).add(spot(1), 2);
            tally.fault(spot(2), "bad".to_owned());
        }
        assert_eq!(tally.groups.len(), GROUPS_MAX + 1);
        assert_eq!(tally.groups[&group(0).folded()].count, 10);
        assert_eq!((tally.faults.len(), tally.invalid), (FAULTS_MAX, GROUPS_MAX as u64 + 10));
    }

    #[test]
    fn merging_keeps_the_first_examples() {
        let one = |line| {
            let mut tally = Tally::new(1);
            tally.group(group(1)).add(spot(line), 2);
            tally.skip(Skip::Torn, spot(line), 2);
            tally
        };
        let mut all = Tally::new(1);
        (1..=3).for_each(|line| all.merge(one(line), 2));
        let want = Examples { count: 3, spots: vec![spot(1), spot(2)] };
        assert_eq!((&all.groups[&group(1)], &all.skipped[&Skip::Torn]), (&want, &want));
    }
}
