//! `gait rollout`: how the stages of routes stand, and whether a route may go on.
//!
//! Asked of the gait that runs, by its admin API, or of a log and a config, without it: both give the
//! same document, so that a pipeline and a person see one truth.

mod client;
mod demote;
mod diff;
mod gate;
mod label;
mod offline;
mod promote;
mod status;
mod wire;

use super::Invocation;
use super::answer::Outcome;
use clap::Subcommand;

/// The subcommands of `gait rollout`.
#[derive(Subcommand)]
pub(super) enum Command {
    /// Show how each route stands in its stage, and what keeps it from the next
    Status(Box<status::Status>),
    /// Say what the candidate policy would have changed of the calls that were judged beside it
    Diff(Box<diff::Diff>),
    /// Ask whether a route may go on to a stage, and answer as an exit code
    Gate(Box<gate::Gate>),
    /// Say of a decision whether it was right: what the gates count
    Label(Box<label::Label>),
    /// Bring a route on to a stage, if its gates are met
    Promote(Box<promote::Promote>),
    /// Bring a route back to a stage, whatever the gates say
    Demote(Box<demote::Demote>),
}

impl Command {
    /// Runs the subcommand.
    pub(super) fn run(self, invocation: &Invocation) -> Outcome {
        match self {
            Command::Status(command) => command.run(),
            Command::Diff(command) => command.run(invocation),
            Command::Gate(command) => command.run(),
            Command::Label(command) => command.run(),
            Command::Promote(command) => command.run(),
            Command::Demote(command) => command.run(),
        }
    }
}
