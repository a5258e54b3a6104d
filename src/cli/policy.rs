//! `gait policy`: decide without enforcing, and check what a policy says (spec C10).
//!
//! `policy test` is pure but for reading its two files: no keys, no state, no clock, nothing
//! written. It reports the digest of the intent as given; `gate eval` that of the intent without
//! unverified claims.

mod surprises;

use super::Invocation;
use super::answer::{Answer, Exit, Outcome};
use super::{load, verdict_exit};
use crate::clock;
use crate::intent::time::Time;
use crate::policy::{Decision, Policy};
use clap::{Args, Subcommand};
use std::path::PathBuf;

/// A summary longer than this is cut, in bytes.
const SUMMARY_BYTES_MAX: usize = 240;

/// The subcommands of `gait policy`.
#[derive(Subcommand)]
pub(super) enum Command {
    /// Judge one intent under a policy: exit 0 allow or dry_run, 3 block, 4 require_approval
    Test(Test),
    /// Check that a policy loads, and warn of what is legal and surprising
    Validate(Validate),
}

/// A policy and an intent.
#[derive(Args)]
pub(super) struct Test {
    /// Policy file
    policy: PathBuf,
    /// Intent file
    intent: PathBuf,
}

/// A policy.
#[derive(Args)]
pub(super) struct Validate {
    /// Policy file
    policy: PathBuf,
}

impl Command {
    /// Runs the subcommand.
    pub(super) fn run(self, _: &Invocation) -> Outcome {
        match self {
            Command::Test(test) => test.run(),
            Command::Validate(validate) => validate.run(),
        }
    }
}

// === impl Test ===

impl Test {
    fn run(self) -> Outcome {
        let policy = load::policy(&self.policy)?;
        let intent = load::intent(&self.intent)?;
        let decision = policy.decide(&intent, Time::from_timestamp(clock::now()));
        let summary = cut(summary(&decision));
        Ok(Answer::new(verdict_exit(decision.verdict))
            .line(summary.as_str())
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

// === impl Validate ===

impl Validate {
    fn run(self) -> Outcome {
        let policy = load::policy(&self.policy)?;
        let answer = valid(&policy);
        Ok(surprises::of(&policy).into_iter().fold(answer, Answer::warn))
    }
}

fn valid(policy: &Policy) -> Answer {
    let default = policy.default_verdict().as_str();
    let (rules, digest) = (policy.rule_count(), policy.digest());
    let summary = format!("policy validate ok: default={default} rules={rules} digest={digest}");
    Answer::new(Exit::Success)
        .line(summary.as_str())
        .with("schema_id", policy.schema_id())
        .with("schema_version", policy.schema_version())
        .with("policy_digest", digest.to_string())
        .with("default_verdict", default)
        .with("rule_count", rules)
        .with("summary", summary)
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
