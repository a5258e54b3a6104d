//! `gait rollout gate`: the gates as an exit code, for a pipeline.

use super::client;
use super::offline::{Copied, Offline};
use super::status::{gate_lines, verdict};
use super::wire::{self, Check};
use crate::cli::answer::{Answer, Exit, Failure, Outcome};
use crate::cli::approvals::Door;
use crate::cli::style::Line;
use crate::rollout::{self, GateVerdict, NoStep};
use crate::stage::Stage;
use bytes::Bytes;
use clap::Args;
use http::{Method, StatusCode};
use jiff::SignedDuration;
use serde_json::Value;

const HELP: &str = "\
Exit codes: 0 every gate is met; 3 one is not; 4 there is not enough data; 6 no such route, or no
step forward (with --or-beyond 0, or 4 where a copy does not show it); 2 the log is not as it was
written; 1 gait does not answer.

Examples:
  gait rollout gate --route files.delete --to dry_run
  gait rollout gate --route files.delete --to enforce --evidence state --config gait.yaml \\
    --metrics metrics.txt --public-key evidence_signing.pub --max-age 24h --json";

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
    /// End with exit 0 where the route stands in that stage or beyond it already; of a copy, where its
    /// log shows that
    #[arg(long)]
    or_beyond: bool,
    /// Answer nothing from a log whose last line is older, such as 24h or 7d: exit 4
    #[arg(long, value_name = "DURATION", requires = "evidence", value_parser = time)]
    max_age: Option<SignedDuration>,
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

/// Reads a length of time, for clap; days are 24 hours, as in `--since`.
fn time(text: &str) -> Result<SignedDuration, String> {
    let time = match text.strip_suffix('d') {
        Some(days) => {
            days.parse().ok().map(|days: u16| SignedDuration::from_hours(24 * i64::from(days)))
        }
        None => text.parse().ok(),
    };
    let time = time.filter(SignedDuration::is_positive);
    time.ok_or_else(|| "write a time such as 30m, 24h or 7d".to_owned())
}

/// What became of the question.
enum Asked {
    Checked(Value),
    /// The route would not go forward, and why.
    NotForward(String),
}

impl Gate {
    /// Asks and answers.
    pub(super) fn run(&self) -> Outcome {
        match self.offline.read()? {
            Some(copied) => {
                self.max_age.map_or(Ok(()), |max| copied.refuse_older(max))?;
                self.answer(self.look(&copied)?).map(|answer| copied.saying(answer))
            }
            None => self.answer(self.ask()?),
        }
    }

    fn answer(&self, asked: Asked) -> Outcome {
        match asked {
            Asked::Checked(check) => answer(check),
            Asked::NotForward(why) if self.or_beyond => Ok(there(&self.route, self.to, why)),
            Asked::NotForward(why) => Err(Failure::input(why)),
        }
    }

    /// The config may be one that is yet to go live: that the route stands there, the log must say.
    fn look(&self, copied: &Copied) -> Result<Asked, Failure> {
        let Copied { summary, facts, .. } = copied;
        match rollout::check(summary, facts, &self.route, self.to) {
            Ok(check) => serde_json::to_value(check).map(Asked::Checked).map_err(Failure::internal),
            Err(NoStep::NotForward { standing, .. })
                if self.or_beyond && !summary.shows_beyond(&self.route, self.to, &facts.look) =>
            {
                Err(self.unproven(&standing))
            }
            Err(why @ NoStep::NotForward { .. }) => Ok(Asked::NotForward(why.to_string())),
            Err(why @ NoStep::Route { .. }) => Err(Failure::input(why)),
        }
    }

    fn unproven(&self, standing: &str) -> Failure {
        let (route, to) = (&self.route, self.to.as_str());
        Failure::new(
            Exit::NotEnoughData,
            format!(
                "the config has route `{route}` in {standing}, and the log does not show it in {to} or \
                 beyond since gait last started: give the config that is in force to ask the gates, \
                 or take a copy once the route was called there"
            ),
        )
    }

    fn ask(&self) -> Result<Asked, Failure> {
        let (route, to) = (client::escaped(&self.route), self.to.as_str());
        let target = format!("/v1/rollout?route={route}&to={to}");
        match client::exchange(&self.door, Method::GET, &target, &Bytes::new())? {
            (StatusCode::OK, mut status) => {
                let check = status.get_mut("check").map(Value::take).map(Asked::Checked);
                let silent = "the answer of gait says nothing of the gates";
                check.ok_or_else(|| Failure::internal(silent))
            }
            (status, problem) => match client::text(&problem, "reason").as_deref() {
                Some(rollout::NO_STEP) => {
                    Ok(Asked::NotForward(client::text(&problem, "detail").unwrap_or_default()))
                }
                _ => Err(client::refusal(status, &problem)),
            },
        }
    }
}

/// The answer where there is nothing left to go.
fn there(route: &str, to: Stage, why: String) -> Answer {
    let line = Line::from(format!("{route}: stands in {} or beyond", to.as_str()));
    let answer = Answer::new(Exit::Success).line(line).with("route", route);
    answer.with("to", to.as_str()).with("is_there", true).with("said", why)
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
