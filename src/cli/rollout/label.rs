//! `gait rollout label`: what a person says of a decision.

use super::client::{self, post, refusal};
use super::wire::{self, Given};
use crate::cli::answer::{Answer, Exit, Outcome};
use crate::cli::approvals::Door;
use crate::cli::style::{Hue, Line};
use crate::evidence::Opinion;
use clap::Args;
use http::StatusCode;
use serde_json::{Value, json};

const HELP: &str = "\
The last word on a call counts. `false-positive` says of a call that was not allowed, or would not
have been, that it should be; `missed` says of one that was allowed that it should not; `correct`
says of either that it is right, and of a call that could not be judged that it is right to refuse
it, so that no gate counts it. What is said stays in the evidence, with the name of the login.

Examples:
  gait rollout label 0199c0de-7a11 false-positive --note 'the nightly clean-up, as agreed'
  gait trace query --filter verdict=block --filter route=files.delete";

/// `gait rollout label`.
#[derive(Args)]
#[command(after_help = HELP)]
pub(in crate::cli) struct Label {
    /// The call: its id, or at least the first 4 characters
    call_id: String,
    /// What is said: false-positive, correct or missed
    #[arg(value_parser = opinion)]
    label: Opinion,
    /// Why, for those who look later
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,
    #[command(flatten)]
    door: Door,
}

fn opinion(word: &str) -> Result<Opinion, String> {
    Opinion::parse(word)
        .ok_or_else(|| format!("write one of {}", Opinion::ALL.map(Opinion::as_str).join(", ")))
}

impl Label {
    /// Says it.
    pub(super) fn run(&self) -> Outcome {
        let mut body = json!({ "call_id": self.call_id, "label": self.label.as_str() });
        client::add(&mut body, "note", self.note.as_deref());
        match post(&self.door, "/v1/labels", &body)? {
            (StatusCode::OK, value) => said(value),
            (status, problem) => Err(refusal(status, &problem)),
        }
    }
}

fn said(mut value: Value) -> Outcome {
    let Given { label } = wire::read(&value)?;
    let line = Line::from("labelled ").hued(Hue::Strong, &*label.call_id);
    let line = line.text(format!(": {}, by {}", label.label, label.by));
    let verdict = label.verdict.as_deref().unwrap_or("no verdict");
    let tool = label.tool_name.map_or_else(String::new, |tool| format!(" of {tool}"));
    let of = format!(
        "  {verdict}{tool} on {}, in {}; line {} of the evidence",
        label.route, label.stage, label.seq
    );
    let answer = Answer::new(Exit::Success).line(line.hued(Hue::Faint, of));
    Ok(answer.with("label", value.get_mut("label").map(Value::take).unwrap_or_default()))
}
