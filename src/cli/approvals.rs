//! `gait approvals`: look at the requests for approval of a gait that runs, and decide them.
//!
//! A client of the admin API and of nothing else: it reads no store, so it works from another
//! machine as well, and whoever uses it is held to the same roles and roster as on the page. All
//! that a request says comes from its caller, so nothing of it is written to a terminal but by
//! [`style`](super::style) and the envelope, which show what would steer one.

mod api;
mod door;
mod flags;
mod table;
mod text;
mod vote;
mod watch;
mod wire;

pub(super) use door::Door;

use super::Invocation;
use super::answer::{Answer, Exit, Failure, Outcome};
use api::{Filter, Listed, read};
use clap::{Args, Subcommand};
use flags::States;
use serde_json::Value;
use std::cmp::Reverse;
use std::io::{self, IsTerminal as _};

/// The subcommands of `gait approvals`.
#[derive(Subcommand)]
pub(super) enum Command {
    /// Show the requests that wait, oldest first
    List(List),
    /// Show one request: what will run, who wants it, and why it needs approval
    Show(Show),
    /// Print a line for each request that is new or has changed, until Ctrl-C
    Watch(Watch),
    /// Say yes: the very call that was asked for may run, once
    Grant(Box<vote::Grant>),
    /// Say no: the same call is refused until the request has expired
    Deny(Box<vote::Deny>),
}

/// `gait approvals list`.
#[derive(Args)]
pub(super) struct List {
    #[command(flatten)]
    states: States,
    /// Only requests of this tool
    #[arg(long, value_name = "NAME")]
    tool: Option<String>,
    /// At most so many
    #[arg(long, value_name = "N", default_value_t = 50)]
    limit: usize,
    #[command(flatten)]
    door: Door,
}

/// `gait approvals show`.
#[derive(Args)]
pub(super) struct Show {
    /// The request, or at least the first 4 characters of its id
    id: String,
    #[command(flatten)]
    door: Door,
}

/// `gait approvals watch`.
#[derive(Args)]
#[command(after_help = "\
Begins with what waits already; with --state, with what is in these states. With --json each line
is a request as one JSON object; a line with `ok` in it is the last.")]
pub(super) struct Watch {
    #[command(flatten)]
    states: States,
    #[command(flatten)]
    door: Door,
}

impl Command {
    /// Runs the subcommand.
    pub(super) fn run(self, invocation: &Invocation) -> Outcome {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(Failure::internal)?;
        runtime.block_on(async {
            match self {
                Command::List(command) => command.run().await,
                Command::Show(command) => command.run().await,
                Command::Watch(command) => {
                    let watch =
                        watch::Watch::new(&command.door, &command.states, width(), invocation);
                    watch.run().await
                }
                Command::Grant(command) => command.run(invocation).await,
                Command::Deny(command) => command.run().await,
            }
        })
    }
}

impl List {
    async fn run(self) -> Outcome {
        let states = self.states.words();
        let states = states.unwrap_or_else(|| ["pending", "approved"].map(str::to_owned).to_vec());
        let (_, mut found) = self.door.open()?.list(&Filter { states, tool: self.tool }).await?;
        found.sort_by_cached_key(|one| {
            let is_pending = one.summary.state == "pending";
            (Reverse(is_pending), one.summary.created_at.clone())
        });
        let all = found.len();
        found.truncate(self.limit);
        Ok(listed(found, all))
    }
}

fn listed(found: Vec<Listed>, all: usize) -> Answer {
    let shown = found.len();
    let (values, summaries): (Vec<Value>, Vec<_>) =
        found.into_iter().map(|one| (one.value, one.summary)).unzip();
    let answer = Answer::new(Exit::Success).with("approvals", values).with("count", all);
    let answer = match summaries.as_slice() {
        [] if all == 0 => answer.line("no requests"),
        requests => answer.lines(table::lines(requests, width())),
    };
    match all - shown {
        0 => answer,
        more => answer.warn(format!("{more} more are not shown; --limit shows more")),
    }
}

impl Show {
    async fn run(self) -> Outcome {
        let value = self.door.open()?.show(&self.id).await?;
        let request = read(&value)?;
        let members = match value {
            Value::Object(members) => members,
            _ => return Err(Failure::internal("the answer of gait is no request")),
        };
        let answer = Answer::new(Exit::Success).lines(text::lines(&request));
        Ok(members.into_iter().fold(answer, |answer, (name, value)| answer.with(&name, value)))
    }
}

/// How wide the terminal is; `None` where the output goes elsewhere.
fn width() -> Option<usize> {
    let terminal = io::stdout().is_terminal().then(terminal_size::terminal_size).flatten();
    terminal.map(|(width, _)| usize::from(width.0))
}
