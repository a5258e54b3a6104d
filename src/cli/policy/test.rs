//! `gait policy test`: one intent under one policy, or with a folder a whole suite of them.
//!
//! One judgement is pure but for reading its two files and the time: no keys, no state, nothing
//! written. It reports the digest of the intent as given; `gate eval` that of the intent without
//! unverified claims.

use super::judge;
use super::suite::{self, Options};
use crate::cli::answer::{Answer, Failure, Outcome};
use crate::cli::style::{Hue, Line, labelled};
use crate::cli::{Invocation, load, verdict_exit};
use crate::intent::Intent;
use crate::policy::{Decision, Policy};
use clap::Args;
use std::path::{Path, PathBuf};

/// A summary longer than this is cut, in bytes.
const SUMMARY_BYTES_MAX: usize = 240;

/// A policy and an intent, or a suite.
#[derive(Args)]
#[command(override_usage = "gait policy test <POLICY> <INTENT>\n       \
                            gait policy test <DIR> [OPTIONS]")]
#[command(after_help = "\
A suite is a folder: every file in it, at any depth, that is named *_test.yaml. One such file is a
suite as well. Exit codes of a suite: 0 all as expected; 5 a decision is not the expected one, or
too few rules are covered; 6 a file or a case is broken. Example of a suite file:

  policy: ../my_policy.yaml      # beside this file
  defaults:                      # what inline intents say where they say nothing else
    context: {identity: bot, workspace: /srv, risk_class: low}
  cases:
    - name: reading is free
      intent: {tool_name: files.read}
      expect: allow
    - name: a recorded delete waits for two people
      intent: intents/delete.json
      with: {context: {risk_class: high}}
      expect: {verdict: require_approval, min_approvals: 2, matched_rule: two-for-deletes}")]
pub(in crate::cli) struct Test {
    /// Policy file and intent file; or the folder of a suite
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
    #[command(flatten)]
    options: Options,
}

impl Test {
    pub(super) fn run(self, invocation: &Invocation) -> Outcome {
        match self.paths.as_slice() {
            [policy, intent] => {
                self.options.refuse()?;
                one(policy, intent)
            }
            [path] if suite::is_suite(path) => suite::run(path, &self.options, invocation),
            _ => Err(Failure::input(
                "expected <policy.yaml> <intent_fixture.json>, or one folder with *_test.yaml files",
            )),
        }
    }
}

fn one(policy: &Path, intent: &Path) -> Outcome {
    let policy = load::policy(policy)?;
    let intent = load::intent(intent)?;
    let decision = judge::decide(&policy, &intent, judge::now());
    let summary = cut(summary(&decision));
    Ok(Answer::new(verdict_exit(decision.verdict))
        .lines(block(&policy, &intent, &decision))
        .with("schema_id", "gait.policytest.result")
        .with("schema_version", "1.0.0")
        .with("created_at", intent.created_at().to_string())
        .with("policy_digest", policy.digest().to_string())
        .with("intent_digest", intent.digest().to_string())
        .with("verdict", decision.verdict.as_str())
        .with("reason_codes", decision.reason_codes)
        .with("violations", decision.violations)
        .with("matched_rule", decision.matched_rule)
        .with("summary", summary))
}

/// The decision for people, one thing a line.
pub(super) fn block(
    policy: &Policy,
    intent: &Intent,
    decision: &Decision,
) -> impl Iterator<Item = Line> {
    let none = || Line::new().hued(Hue::Faint, "none");
    let list = |codes: &[String]| match codes {
        [] => none(),
        codes => codes.join(", ").into(),
    };
    let approvals = match (decision.min_approvals, decision.distinct_approvers) {
        (0, _) => none(),
        (count, true) => format!("{count}, from different people").into(),
        (count, false) => count.to_string().into(),
    };
    labelled([
        ("verdict", Line::new().verdict(decision.verdict)),
        ("rule", decision.matched_rule.clone().map_or_else(none, Line::from)),
        ("reasons", list(&decision.reason_codes)),
        ("violations", list(&decision.violations)),
        ("approvals", approvals),
        ("policy", Line::new().hued(Hue::Faint, policy.digest().to_string())),
        ("intent", Line::new().hued(Hue::Faint, intent.digest().to_string())),
    ])
}

fn summary(decision: &Decision) -> String {
    format!(
        "policy test verdict={} reasons={} violations={}",
        decision.verdict.as_str(),
        joined(&decision.reason_codes),
        joined(&decision.violations),
    )
}

fn joined(codes: &[String]) -> String {
    if codes.is_empty() { "none".to_owned() } else { codes.join(",") }
}

/// At most [`SUMMARY_BYTES_MAX`] bytes, the last of them saying how many are missing. The cut
/// goes by bytes; each byte of a character that it splits becomes U+FFFD.
fn cut(summary: String) -> String {
    let Some(over) = summary.len().checked_sub(SUMMARY_BYTES_MAX).filter(|over| *over > 0) else {
        return summary;
    };
    let suffix = format!("...(+{over})");
    let kept = SUMMARY_BYTES_MAX - suffix.len();
    let bytes = summary.as_bytes().get(..kept).unwrap_or_default();
    let text = bytes.utf8_chunks().next().map_or("", |chunk| chunk.valid());
    format!("{text}{}{suffix}", "\u{fffd}".repeat(kept - text.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_summary_is_cut_and_says_by_how_much() {
        assert_eq!(cut("x".repeat(240)), "x".repeat(240));
        let text = cut("x".repeat(1000));
        assert_eq!(text.len(), 240);
        assert!(text.ends_with("xxx...(+760)"));
        let split = cut(format!("xx{}", "€".repeat(87)));
        assert!(split.ends_with("€\u{fffd}\u{fffd}...(+23)"), "{split}");
    }
}
