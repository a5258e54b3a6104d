//! `gait trace`: read and check what decisions left behind. One file a subcommand.

mod verify;

use super::Invocation;
use super::answer::Outcome;
use clap::Subcommand;

/// The subcommands of `gait trace`.
#[derive(Subcommand)]
pub(super) enum Command {
    /// Check the signature of one trace record
    Verify(verify::Verify),
}

impl Command {
    /// Runs the subcommand.
    pub(super) fn run(self, _: &Invocation) -> Outcome {
        match self {
            Command::Verify(verify) => verify.run(),
        }
    }
}
