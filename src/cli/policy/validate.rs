//! `gait policy validate`: whether a policy loads, and what in it is legal and surprising.

use super::surprises;
use crate::cli::answer::{Answer, Exit, Outcome};
use crate::cli::load;
use crate::policy::Policy;
use clap::Args;
use std::path::PathBuf;

/// A policy.
#[derive(Args)]
pub(in crate::cli) struct Validate {
    /// Policy file
    policy: PathBuf,
}

impl Validate {
    pub(super) fn run(self) -> Outcome {
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
