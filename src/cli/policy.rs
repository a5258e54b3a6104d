//! `gait policy`: write, check and try policies without enforcing them (spec C10).
//!
//! Nothing here has keys or state, and only `init` and a test report write a file. What a command
//! decides, it decides in [`judge`].

mod test;
mod suite;
mod simulate;
mod init;
mod validate;
mod fmt;
mod explain;
mod judge;
mod paths;
mod lint;

pub(super) use explain::demands;

use super::Invocation;
use super::answer::Outcome;
use clap::Subcommand;

/// The subcommands of `gait policy`.
#[derive(Subcommand)]
pub(super) enum Command {
    /// Judge one intent under a policy (exit 0, 3 or 4 by verdict), or run a folder of tests
    Test(test::Test),
    /// Say of every rule why it matches an intent or not, and what it then says
    Explain(explain::Explain),
    /// Check that a policy loads, and warn of what is legal and surprising
    Validate(validate::Validate),
    /// Print a policy in its normal form, write it over the file, or check that it is in it
    Fmt(fmt::Fmt),
    /// Judge recorded intents under a changed policy and its baseline, and say what differs
    Simulate(simulate::Simulate),
    /// Write a starter policy
    Init(init::Init),
}

impl Command {
    /// Runs the subcommand.
    pub(super) fn run(self, invocation: &Invocation) -> Outcome {
        match self {
            Command::Test(test) => test.run(invocation),
            Command::Validate(validate) => validate.run(),
            Command::Explain(explain) => explain.run(),
            Command::Fmt(fmt) => fmt.run(),
            Command::Simulate(simulate) => simulate.run(),
            Command::Init(init) => init.run(),
        }
    }
}
