//! `gait rollout promote`: a route goes on to a stage, if its gates are met.

use super::client::{self, post, refusal};
use super::gate;
use super::status::gate_lines;
use super::wire::{self, Change, Changed};
use crate::cli::answer::{Answer, Exit, Failure, Outcome};
use crate::cli::approvals::Door;
use crate::cli::style::{Hue, Line};
use crate::stage::Stage;
use clap::Args;
use http::StatusCode;
use serde_json::{Value, json};

const HELP: &str = "\
Exit codes: 0 it is in force; 3 a gate is not met; 4 there is not enough data; 6 no such route, or
no step forward; 1 gait does not answer, or what was written is not in force.

What is set stands in STATE_DIR/rollout.json, over the config, until the config itself says
something else of the route: then it is dropped, and said so.

Examples:
  gait rollout promote --route files.delete --to dry_run --dry-run
  gait rollout promote --route files.delete --to dry_run --percent 25
  gait rollout promote --route files.delete --to enforce --force --reason 'audit, ticket 4711'";

/// `gait rollout promote`.
#[derive(Args)]
#[command(after_help = HELP)]
pub(in crate::cli) struct Promote {
    #[command(flatten)]
    step: Step,
    /// Say what would change, and change nothing
    #[arg(long)]
    dry_run: bool,
    /// Go on although gates are not met; needs --reason, and is recorded as such
    #[arg(long, requires = "reason")]
    force: bool,
    /// Why, for those who look later
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    #[command(flatten)]
    door: Door,
}

/// Which route goes where.
#[derive(Args)]
pub(super) struct Step {
    /// The route
    #[arg(long, value_name = "NAME")]
    route: String,
    /// The stage that it is to go to
    #[arg(long, value_name = "STAGE", value_parser = gate::stage)]
    to: Stage,
    /// Only this share of the authenticated callers, in whole hundredths
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(0..=100))]
    percent: Option<u8>,
}

impl Step {
    /// Where it is asked.
    pub(super) fn target(&self, word: &str) -> Result<String, Failure> {
        let route = &self.route;
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        match !route.is_empty() && route.bytes().all(fits) {
            true => Ok(format!("/v1/rollout/{route}/{word}")),
            false => Err(Failure::input(format!("there is no route `{route}`"))),
        }
    }

    /// What is asked, as far as both commands agree.
    pub(super) fn body(&self) -> Value {
        let mut body = json!({ "to": self.to.as_str() });
        client::add(&mut body, "percent", self.percent);
        body
    }
}

impl Promote {
    /// Asks, and says what came of it.
    pub(super) fn run(&self) -> Outcome {
        let mut body = self.step.body();
        client::add(&mut body, "reason", self.reason.as_deref());
        client::add(&mut body, "force", self.force.then_some(true));
        client::add(&mut body, "dry_run", self.dry_run.then_some(true));
        match post(&self.door, &self.step.target("promote")?, &body)? {
            (StatusCode::OK, value) => changed(value),
            (StatusCode::CONFLICT, problem) if problem.get("gates").is_some() => refused(problem),
            (status, problem) => Err(refusal(status, &problem)),
        }
    }
}

/// The gates that keep it back, as `gait rollout gate` says them.
fn refused(problem: Value) -> Outcome {
    let detail = problem.get("detail").and_then(Value::as_str).unwrap_or_default().to_owned();
    let mut members = match problem {
        Value::Object(members) => members,
        _ => return Err(Failure::internal("the answer of gait is no problem")),
    };
    ["type", "title", "status", "detail"].iter().for_each(|name| drop(members.remove(*name)));
    Ok(gate::answer(Value::Object(members))?.failed(detail))
}

/// What was done, or would be.
pub(super) fn changed(value: Value) -> Outcome {
    let Changed { change, diff } = wire::read(&value)?;
    let answer = Answer::new(Exit::Success).line(head(&change)).lines(gate_lines(&change.gates));
    let answer = match (&change.until, &change.after) {
        (Some(until), Some(after)) => answer.line(format!("  until {until}, then {after}")),
        _ => answer,
    };
    let answer = match change.seq {
        Some(seq) => answer.line(format!("  in force; line {seq} of the evidence")),
        None => answer.lines(diff.lines().map(|line| Line::from(line.to_owned()))),
    };
    let members = match value {
        Value::Object(members) => members,
        _ => return Err(Failure::internal("the answer of gait is no change")),
    };
    Ok(members.into_iter().fold(answer, |answer, (name, value)| answer.with(&name, value)))
}

fn head(change: &Change) -> Line {
    let line = Line::new().hued(Hue::Strong, &*change.route);
    let line = line.text(format!(": {} to {}", change.from, change.to));
    let forced = if change.via == "forced_promote" { "  forced" } else { "" };
    let line = line.hued(Hue::Yellow, forced);
    match change.seq {
        Some(_) => line,
        None => line.hued(Hue::Faint, "  not done"),
    }
}
