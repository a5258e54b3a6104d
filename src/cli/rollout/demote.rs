//! `gait rollout demote`: a route goes back to a stage, at once and whatever the gates say.

use super::client::{self, post, refusal};
use super::promote::{Step, changed};
use crate::cli::answer::Outcome;
use crate::cli::approvals::Door;
use crate::clock;
use clap::Args;
use http::StatusCode;
use jiff::{SignedDuration, Timestamp};

const HELP: &str = "\
Less is stopped than before, so it is recorded with the name of the login, counted in
gait_stage_changes_total, and a security event in the log.

Examples:
  gait rollout demote --route files.delete --to observe --reason 'incident 42' --for 2h";

/// `gait rollout demote`.
#[derive(Args)]
#[command(after_help = HELP)]
pub(in crate::cli) struct Demote {
    #[command(flatten)]
    step: Step,
    /// Why, for those who look later
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// For how long, such as 30m or 2h; then it is as before [default: for good]
    #[arg(long = "for", value_name = "DURATION", value_parser = end)]
    until: Option<Timestamp>,
    #[command(flatten)]
    door: Door,
}

/// The instant at which a time that begins now is over, for clap.
fn end(text: &str) -> Result<Timestamp, String> {
    let wrong = || "write a time such as 30m or 2h".to_owned();
    let time: SignedDuration = text.parse().map_err(|_| wrong())?;
    let end = clock::now().checked_add(time).ok().filter(|_| time.is_positive());
    end.ok_or_else(wrong)
}

impl Demote {
    /// Asks, and says what came of it.
    pub(super) fn run(&self) -> Outcome {
        let mut body = self.step.body();
        client::add(&mut body, "reason", Some(self.reason.as_str()));
        let until = self.until.map(|until| until.to_string());
        client::add(&mut body, "until", until.as_deref());
        match post(&self.door, &self.step.target("demote")?, &body)? {
            (StatusCode::OK, value) => changed(value),
            (status, problem) => Err(refusal(status, &problem)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::end;

    #[test]
    fn a_time_is_one_to_come() {
        assert!(end("2h").is_ok() && end("90s").is_ok());
        for wrong in ["", "2", "-2h", "0s", "tomorrow", "999999999h"] {
            assert!(end(wrong).is_err(), "{wrong}");
        }
    }
}
