//! `gait trace`: read and check what decisions left behind. One file a subcommand.

mod reconcile;
pub(super) mod verify;
mod show;
mod tail;
mod query;
mod export;
mod row;
pub(super) mod wanted;
pub(super) mod place;

use super::Invocation;
use super::answer::Outcome;
use clap::Subcommand;

/// The subcommands of `gait trace`.
#[derive(Subcommand)]
pub(super) enum Command {
    /// Check one trace record, or a whole evidence log: every line, signature, key and seal
    Verify(verify::Verify),
    /// Show all that the evidence says of a call: what ran, who allowed it, under which policy
    Show(show::Show),
    /// Show the last lines of the evidence, and those that come
    Tail(tail::Tail),
    /// Find calls in the evidence by time, tool, verdict, caller and more
    Query(Box<query::Query>),
    /// Write a call as a signed record of its own, or many calls for other tools
    Export(Box<export::Export>),
    /// Compare a tool's own log with what was permitted, and list what went past
    Reconcile(Box<reconcile::Reconcile>),
}

impl Command {
    /// Runs the subcommand.
    pub(super) fn run(self, invocation: &Invocation) -> Outcome {
        match self {
            Command::Verify(verify) => verify.run(),
            Command::Show(show) => show.run(invocation),
            Command::Tail(tail) => tail.run(invocation),
            Command::Query(query) => query.run(invocation),
            Command::Export(export) => export.run(invocation),
            Command::Reconcile(reconcile) => reconcile.run(invocation),
        }
    }
}
