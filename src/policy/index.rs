//! Which rules can match a tool at all.
//!
//! Most rules name their tools, so most rules are out of the question for a call. The index keeps
//! two ascending lists of rule numbers, those that name the tool and those that name none, and
//! walks them merged, which is the order of evaluation. Rejected: one merged list for each tool,
//! which grows as tools times unnamed rules.

use super::Rule;
use std::collections::HashMap;

/// Rule numbers by tool name.
#[derive(Debug)]
pub(super) struct Index {
    by_tool: HashMap<String, Vec<usize>>,
    unnamed: Vec<usize>,
}

impl Index {
    /// Indexes rules that are in the order of evaluation.
    pub(super) fn of(rules: &[Rule]) -> Index {
        let mut index = Index { by_tool: HashMap::new(), unnamed: Vec::new() };
        for (number, rule) in rules.iter().enumerate() {
            if rule.matcher.tool_names.is_empty() {
                index.unnamed.push(number);
            }
            for tool in &rule.matcher.tool_names {
                index.by_tool.entry(tool.clone()).or_default().push(number);
            }
        }
        index
    }

    /// The numbers of the rules that can match, ascending.
    pub(super) fn candidates(&self, tool_name: &str) -> Candidates<'_> {
        let named = self.by_tool.get(tool_name).map(Vec::as_slice).unwrap_or_default();
        Candidates { named, unnamed: &self.unnamed }
    }
}

/// Two ascending lists, merged while they are walked.
pub(super) struct Candidates<'a> {
    named: &'a [usize],
    unnamed: &'a [usize],
}

impl Iterator for Candidates<'_> {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        let from_named = match (self.named.first(), self.unnamed.first()) {
            (Some(named), Some(unnamed)) => named < unnamed,
            (named, _) => named.is_some(),
        };
        let list = if from_named { &mut self.named } else { &mut self.unnamed };
        let (first, rest) = list.split_first()?;
        *list = rest;
        Some(*first)
    }
}
