//! `gait rollout`: bring a policy into force step by step. One file a subcommand.

mod diff;

use super::Invocation;
use super::answer::Outcome;
use clap::Subcommand;

/// The subcommands of `gait rollout`.
#[derive(Subcommand)]
pub(super) enum Command {
    /// Say what the candidate policy would have changed of the calls that were judged beside it
    Diff(Box<diff::Diff>),
}

impl Command {
    /// Runs the subcommand.
    pub(super) fn run(self, invocation: &Invocation) -> Outcome {
        match self {
            Command::Diff(diff) => diff.run(invocation),
        }
    }
}
