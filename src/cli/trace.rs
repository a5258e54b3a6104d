//! `gait trace`: read and check what decisions left behind. One file a subcommand.

mod reconcile;
mod verify;
mod tail;
mod query;
mod row;
mod wanted;
mod place;

use super::Invocation;
use super::answer::Outcome;
use clap::Subcommand;

/// The subcommands of `gait trace`.
#[derive(Subcommand)]
pub(super) enum Command {
    /// Check the signature of one trace record
    Verify(verify::Verify),
    /// Show the last lines of the evidence, and those that come
    Tail(tail::Tail),
    /// Find calls in the evidence by time, tool, verdict, caller and more
    Query(Box<query::Query>),
    /// Compare a tool's own log with what was permitted, and list what went past
    Reconcile(Box<reconcile::Reconcile>),
}

impl Command {
    /// Runs the subcommand.
    pub(super) fn run(self, invocation: &Invocation) -> Outcome {
        match self {
            Command::Verify(verify) => verify.run(),
            Command::Tail(tail) => tail.run(invocation),
            Command::Query(query) => query.run(invocation),
            Command::Reconcile(reconcile) => reconcile.run(invocation),
        }
    }
}
