//! `gait rollout diff`: what a candidate policy would have changed, as the evidence tells it.
//!
//! The gait that runs is asked, or a copy of its log is read: twice where nobody names the candidate,
//! from its end up to a line that does, then from its front. Differences are an answer, not a failure;
//! `--fail-on-diff` is for pipelines, and there no data is no success.

mod table;

use super::client;
use super::offline::Pins;
use super::wire::{self, Found};
use crate::audit::{Edge, Field, Filter, Log, When};
use crate::cli::Invocation;
use crate::cli::answer::{Answer, Exit, Failure, Outcome};
use crate::cli::approvals::Door;
use crate::cli::trace::place::{saying, watched, width};
use crate::cli::trace::wanted::{time, want};
use crate::intent::time::Time;
use crate::rollout::diff::{CandidateId, DIGEST_CHARS_MIN, Diff as Fold, KINDS, Question};
use clap::Args;
use serde_json::Value;
use std::path::{Path, PathBuf};

const HELP: &str = "\
The config names the candidate with `candidate_policy`. Compared are calls that both policies judged,
before limits and approvals; a row is a rule, a tool and a caller, what is stricter first.
The newest candidate of the log is meant unless --candidate names another. Of a long log the gait that
runs reads the newest part, and says so; a copy (--evidence) is verified, and read to its front.

Exit codes: 0 read, also with differences; 5 there are differences and --fail-on-diff is given; 4 it is
given, and not all was read; 6 no call of the log was judged beside a candidate; 2 the copy is not
as it was written; 1 gait does not answer.

Examples:
  gait rollout diff
  gait rollout diff --route files.delete --since 2d
  gait rollout diff --evidence state --json --examples 20 | jq '.groups[] | select(.to == \"block\")'";

/// `gait rollout diff`.
#[derive(Args)]
#[command(after_help = HELP)]
pub(in crate::cli) struct Diff {
    /// Calls of this route only
    #[arg(long, value_name = "NAME")]
    route: Option<String>,
    /// Calls that ended then or later: RFC 3339, a date (UTC), or how long ago, such as 15m, 2h, 7d
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// The digest of a candidate, or how it begins
    #[arg(long, value_name = "DIGEST")]
    candidate: Option<String>,
    /// Call ids of each row, the newest; people see one
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u8).range(1..=100))]
    examples: u8,
    /// End with exit 5 where there are differences
    #[arg(long)]
    fail_on_diff: bool,
    /// Read this log instead of asking gait: a state directory, or the folder `evidence` in it
    #[arg(long, value_name = "DIR", conflicts_with_all = ["admin", "state_dir", "token_file", "ca"])]
    evidence: Option<PathBuf>,
    #[command(flatten)]
    pins: Pins,
    #[command(flatten)]
    door: Door,
}

/// How much of what was asked for was read.
enum Reach {
    Whole,
    /// Back to that time.
    Part(String),
}

// === impl Diff ===

impl Diff {
    /// Reads and shows.
    pub(super) fn run(self, invocation: &Invocation) -> Outcome {
        let since = time(Edge::Since, "--since", self.since.as_deref())?;
        let candidate = self.candidate.as_deref().map(named).transpose()?;
        match &self.evidence {
            Some(dir) => self.read(dir, since, candidate, invocation),
            None => self.ask(since, candidate.as_ref(), invocation),
        }
    }

    fn read(
        &self,
        dir: &Path,
        since: Option<Time>,
        candidate: Option<CandidateId>,
        invocation: &Invocation,
    ) -> Outcome {
        let log = Log::open(dir).map_err(Failure::input)?;
        self.pins.check(&log)?;
        let question = Question {
            candidate: candidate.map_or_else(|| newest(&log), Ok)?,
            route: self.route.clone(),
            when: When { since, until: None },
            examples_max: self.examples.into(),
        };
        let (mut scan, bar) = watched(&log, filter()?.sieve())?;
        let mut fold = Fold::new(question);
        while let Some(found) = scan.next_line() {
            fold.take(&found.entry);
        }
        bar.finish_and_clear();
        let found = serde_json::to_value(fold.found()).map_err(Failure::internal)?;
        let answer = self.answer(found, &Reach::Whole, invocation)?;
        Ok(saying(answer, scan.passed()))
    }

    fn ask(
        &self,
        since: Option<Time>,
        candidate: Option<&CandidateId>,
        invocation: &Invocation,
    ) -> Outcome {
        let mut target = format!("/v1/rollout/diff?examples={}", self.examples);
        let since = since.map(|since| since.to_string());
        let wishes = [("route", self.route.as_deref()), ("since", since.as_deref())];
        let wishes = wishes.into_iter().chain([("candidate", candidate.map(CandidateId::as_str))]);
        for (name, value) in wishes.filter_map(|(name, value)| Some((name, value?))) {
            target += &format!("&{name}={}", client::escaped(value));
        }
        let mut answered = client::get(&self.door, &target)?;
        let found = answered.get_mut("diff").map(Value::take).filter(Value::is_object);
        let found = found.ok_or_else(|| nothing_beside("the evidence of gait"))?;
        let back_to = answered.get("read_back_to").and_then(Value::as_str).unwrap_or_default();
        let reach = match answered.get("complete") {
            Some(Value::Bool(true)) => Reach::Whole,
            _ => Reach::Part(back_to.to_owned()),
        };
        self.answer(found, &reach, invocation)
    }

    /// The answer with its exit code.
    fn answer(&self, value: Value, reach: &Reach, invocation: &Invocation) -> Outcome {
        let found: Found = wire::read(&value)?;
        let answer = members(value)?.lines(table::of(&found, width(invocation.format)));
        if self.fail_on_diff && found.differing > 0 {
            let said = format!("{} calls would be decided differently", found.differing);
            return Ok(answer.ending(Exit::Drift).failed(said));
        }
        let answer = match reach {
            Reach::Part(back_to) => {
                let mend = "ask for less with --since, or read a copy with --evidence";
                let said = format!("gait read its log back to {back_to} only: {mend}");
                if self.fail_on_diff {
                    return Err(Failure::new(Exit::NotEnoughData, said));
                }
                answer.warn(said)
            }
            Reach::Whole => answer,
        };
        let none = "no call was judged beside this candidate in what was read";
        match (found.compared, self.fail_on_diff) {
            (0, true) => Err(Failure::input(format!("{none}, so nothing is known of it"))),
            (0, false) => Ok(answer.warn(none)),
            _ => Ok(answer),
        }
    }
}

fn named(text: &str) -> Result<CandidateId, Failure> {
    CandidateId::parse(&text.trim().to_lowercase()).ok_or_else(|| {
        Failure::input(format!(
            "invalid --candidate: `{text}`; write the digest of a policy, or at least its first \
             {DIGEST_CHARS_MIN} hex digits"
        ))
    })
}

/// The candidate that the log named last.
fn newest(log: &Log) -> Result<CandidateId, Failure> {
    let mut lines = log.backwards(filter()?.sieve());
    let mut named = std::iter::from_fn(|| lines.next_line());
    named
        .find_map(|(entry, _)| CandidateId::of(&entry))
        .ok_or_else(|| nothing_beside(&format!("`{}`", log.dir().display())))
}

fn nothing_beside(place: &str) -> Failure {
    Failure::input(format!(
        "no call in {place} was judged beside a candidate; name one with `candidate_policy` in the \
         config"
    ))
}

fn filter() -> Result<Filter, Failure> {
    let mut filter = Filter::default();
    want(&mut filter, Field::Kind, &KINDS.map(str::to_owned))?;
    Ok(filter)
}

fn members(value: Value) -> Result<Answer, Failure> {
    let Value::Object(members) = value else {
        return Err(Failure::internal("the answer of gait is no difference"));
    };
    let answer = Answer::new(Exit::Success)
        .with("schema_id", "gait.rollout.diff")
        .with("schema_version", "1.0.0");
    Ok(members.into_iter().fold(answer, |answer, (name, value)| answer.with(&name, value)))
}
