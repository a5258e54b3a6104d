//! What came of a suite, and what there is to complain of.

use crate::json::Digest;
use crate::policy::{Decision, Verdict};
use crate::yaml::Place;
use serde_json::Value;
use std::path::PathBuf;
use std::time::Duration;

/// Everything that a run found out.
#[derive(Debug, Default)]
pub(super) struct Report {
    pub(super) files: Vec<FileReport>,
    pub(super) coverage: Vec<Coverage>,
    /// What `--min-coverage` asks for, in percent.
    pub(super) min_coverage: Option<u8>,
}

/// What came of one file.
#[derive(Debug)]
pub(super) struct FileReport {
    pub(super) path: PathBuf,
    pub(super) cases: Vec<CaseReport>,
}

/// What came of one case. A file that cannot be read at all has one, which is broken.
#[derive(Debug)]
pub(super) struct CaseReport {
    pub(super) name: String,
    pub(super) place: Place,
    pub(super) end: End,
    pub(super) took: Duration,
}

/// How a case ended.
#[derive(Debug)]
pub(super) enum End {
    /// It was decided; without a difference it passed.
    Judged(Box<Judged>),
    /// It could not be.
    Broken(String),
}

/// What was decided, and how that differs from what was expected.
#[derive(Debug)]
pub(super) struct Judged {
    pub(super) policy_digest: Digest,
    pub(super) intent_digest: Digest,
    pub(super) expected: Verdict,
    pub(super) decision: Decision,
    pub(super) differences: Vec<Difference>,
}

/// One thing that was expected and is not so.
#[derive(Debug)]
pub(super) struct Difference {
    /// As in the test file.
    pub(super) member: &'static str,
    pub(super) expected: Value,
    pub(super) got: Value,
}

/// Which rules of a policy no case matched.
#[derive(Debug)]
pub(super) struct Coverage {
    pub(super) policy: PathBuf,
    pub(super) digest: Digest,
    pub(super) rules: usize,
    pub(super) unmatched: Vec<Unmatched>,
}

/// A rule that no case matched.
#[derive(Debug)]
pub(super) struct Unmatched {
    pub(super) name: String,
    /// Where it starts, counted from 1.
    pub(super) line: u64,
}

/// Word of how a case ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Status {
    Passed,
    Failed,
    Broken,
}

/// How many cases ended how.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Totals {
    pub(super) cases: usize,
    pub(super) failed: usize,
    pub(super) broken: usize,
}

/// How many rules are matched, of how many.
#[derive(Clone, Copy, Debug)]
pub(super) struct Covered {
    pub(super) matched: usize,
    pub(super) rules: usize,
}

// === impl Report ===

impl Report {
    pub(super) fn totals(&self) -> Totals {
        Totals::of(self.files.iter().flat_map(|file| &file.cases))
    }

    /// Over all policies.
    pub(super) fn covered(&self) -> Covered {
        let rules = self.coverage.iter().map(|policy| policy.rules).sum();
        let unmatched: usize = self.coverage.iter().map(|policy| policy.unmatched.len()).sum();
        Covered { matched: rules - unmatched, rules }
    }

    /// What `--min-coverage` is missed by, as a sentence.
    pub(super) fn uncovered(&self) -> Option<String> {
        let (least, covered) = (self.min_coverage?, self.covered());
        let enough = covered.matched * 100 >= covered.rules * usize::from(least);
        let percent = covered.percent();
        (!enough).then(|| format!("rule coverage is {percent} %, below --min-coverage {least}"))
    }

    /// Why the suite is not fine; empty where it is.
    pub(super) fn complaints(&self) -> Vec<String> {
        let Totals { cases, failed, broken } = self.totals();
        let counted = |count: usize, what: &str| {
            (count > 0).then(|| format!("{count} of {} {what}", counted_cases(cases)))
        };
        let all = [counted(failed, "failed"), counted(broken, "broken"), self.uncovered()];
        all.into_iter().flatten().collect()
    }
}

/// `1 case`, `2 cases`.
pub(super) fn counted_cases(count: usize) -> String {
    format!("{count} {}", if count == 1 { "case" } else { "cases" })
}

// === the rest ===

impl FileReport {
    pub(super) fn totals(&self) -> Totals {
        Totals::of(self.cases.iter())
    }
}

impl Totals {
    fn of<'a>(cases: impl Iterator<Item = &'a CaseReport>) -> Totals {
        cases.fold(Totals::default(), |mut totals, case| {
            totals.cases += 1;
            match case.status() {
                Status::Passed => {}
                Status::Failed => totals.failed += 1,
                Status::Broken => totals.broken += 1,
            }
            totals
        })
    }

    pub(super) fn passed(self) -> usize {
        self.cases - self.failed - self.broken
    }
}

impl CaseReport {
    pub(super) fn status(&self) -> Status {
        match &self.end {
            End::Judged(judged) if judged.differences.is_empty() => Status::Passed,
            End::Judged(_) => Status::Failed,
            End::Broken(_) => Status::Broken,
        }
    }
}

impl Status {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Status::Passed => "passed",
            Status::Failed => "failed",
            Status::Broken => "broken",
        }
    }
}

impl Difference {
    /// What was expected and what came, for people.
    pub(super) fn words(&self) -> [String; 2] {
        [words(&self.expected), words(&self.got)]
    }
}

/// A member's value without quotes and brackets.
fn words(value: &Value) -> String {
    match value {
        Value::String(text) if text.is_empty() => "none".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(items) if items.is_empty() => "none".to_owned(),
        Value::Array(items) => items.iter().map(words).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}

impl Covered {
    /// Rounded down; a policy without rules is covered.
    pub(super) fn percent(self) -> usize {
        (self.matched * 100).checked_div(self.rules).unwrap_or(100)
    }
}
