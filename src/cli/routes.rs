//! `gait routes`: what the routes of a config make of a request.

mod test;
mod request;
mod report;
mod text;
mod json;

use super::Invocation;
use super::answer::Outcome;
use clap::Subcommand;

/// The subcommands of `gait routes`.
#[derive(Subcommand)]
pub(super) enum Command {
    /// Say what would become of one request: route, identity, intent, decision, answer
    Test(Box<test::Test>),
}

impl Command {
    /// Runs the subcommand.
    pub(super) fn run(self, _: &Invocation) -> Outcome {
        match self {
            Command::Test(test) => test.run(),
        }
    }
}
