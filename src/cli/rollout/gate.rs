//! `gait rollout gate`: the gates as an exit code, for a pipeline.

use super::client;
use super::offline::Offline;
use super::status::{gate_lines, verdict};
use super::wire::{self, Check};
use crate::cli::answer::{Answer, Exit, Failure, Outcome};
use crate::cli::approvals::Door;
use crate::cli::style::Line;
use crate::rollout::{self, GateVerdict};
use crate::stage::Stage;
use clap::Args;
use serde_json::Value;

const HELP: &str = "\
Exit codes: 0 every gate is met; 3 one is not; 4 there is not enough data; 6 no such route, or no
step forward; 1 gait does not answer.

Examples:
  gait rollout gate --route files.delete --to dry_run
  gait rollout gate --route files.delete --to enforce --evidence state --config gait.yaml \\
    --metrics metrics.txt --json";

/// `gait rollout gate`.
#[derive(Args)]
#[command(after_help = HELP)]
pub(in crate::cli) struct Gate {
    /// The route
    #[arg(long, value_name = "NAME")]
    route: String,
    /// The stage that it is to go to
    #[arg(long, value_name = "STAGE", value_parser = stage)]
    to: Stage,
    #[command(flatten)]
    offline: Offline,
    #[command(flatten)]
    door: Door,
}

/// Reads a stage, for clap.
pub(super) fn stage(word: &str) -> Result<Stage, String> {
    Stage::parse(word).ok_or_else(|| {
        format!("unknown stage; write one of {}", Stage::ALL.map(Stage::as_str).join(", "))
    })
}

impl Gate {
    /// Asks and answers.
    pub(super) fn run(&self) -> Outcome {
        let value = match self.offline.read()? {
            Some((summary, facts)) => {
                let check = rollout::check(&summary, &facts, &self.route, self.to);
                serde_json::to_value(check.map_err(Failure::input)?).map_err(Failure::internal)?
            }
            None => self.ask()?,
        };
        answer(value)
    }

    fn ask(&self) -> Result<Value, Failure> {
        let (route, to) = (client::escaped(&self.route), self.to.as_str());
        let mut status = client::get(&self.door, &format!("/v1/rollout?route={route}&to={to}"))?;
        let check = status.get_mut("check").map(Value::take);
        check.ok_or_else(|| Failure::internal("the answer of gait says nothing of the gates"))
    }
}

/// The answer of a check, as a pipeline and as a person read it.
pub(super) fn answer(value: Value) -> Outcome {
    let check: Check = wire::read(&value)?;
    let exit = match GateVerdict::parse(&check.verdict) {
        Some(GateVerdict::Met) => Exit::Success,
        Some(GateVerdict::NotEnoughData) => Exit::NotEnoughData,
        Some(GateVerdict::NotMet) | None => Exit::GatesNotMet,
    };
    let head = Line::from(format!("{}: {} to {}  ", check.route, check.from, check.to));
    let answer = Answer::new(exit).line(head.then(verdict(&check.verdict)));
    let answer = answer.lines(gate_lines(&check.gates));
    let members = match value {
        Value::Object(members) => members,
        _ => return Err(Failure::internal("the answer of gait is no check")),
    };
    Ok(members.into_iter().fold(answer, |answer, (name, value)| answer.with(&name, value)))
}
