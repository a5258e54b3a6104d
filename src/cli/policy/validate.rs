//! `gait policy validate`: whether a policy loads, and what in it is legal and surprising.

use super::{judge, lint};
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
    /// Exit 5 where there is a warning
    #[arg(long)]
    strict: bool,
}

impl Validate {
    pub(super) fn run(self) -> Outcome {
        let policy = load::policy(&self.policy)?;
        let answer = valid(&policy);
        let file = self.policy.display();
        let warnings = lint::of(&policy, judge::now());
        let count = warnings.len();
        let warnings = warnings.iter().map(|warning| warning.placed(&file));
        let answer = warnings.fold(answer, Answer::warn);
        Ok(match count {
            0 => answer,
            _ if !self.strict => answer,
            1 => answer.ending(Exit::Drift).failed("1 warning"),
            count => answer.ending(Exit::Drift).failed(format!("{count} warnings")),
        })
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
