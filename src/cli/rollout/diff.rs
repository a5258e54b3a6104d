//! `gait rollout diff`: what a candidate policy would have changed, read from the evidence.
//!
//! The log is read twice where nobody names the candidate: from its end up to a line that does, then
//! from its front. Differences are an answer, not a failure; `--fail-on-diff` is for pipelines, and
//! there no data is no success.

mod table;

use super::offline::Pins;
use crate::audit::{Edge, Field, Filter, Log, When};
use crate::cli::Invocation;
use crate::cli::answer::{Answer, Exit, Failure, Outcome};
use crate::cli::trace::place::{Place, saying, watched, width};
use crate::cli::trace::wanted::{time, want};
use crate::rollout::diff::{CandidateId, DIGEST_CHARS_MIN, Diff as Fold, Found, Question};
use clap::Args;
use serde_json::Value;

/// Kinds of lines that name a candidate.
const KINDS: [&str; 3] = ["reload", "call", "outcome"];

const HELP: &str = "\
The config names the candidate with `candidate_policy`. Compared are calls that both policies judged,
before limits and approvals; a row is a rule, a tool and a caller, what is stricter first.
The newest candidate of the log is meant unless --candidate names another.

Exit codes: 0 read, also with differences; 5 there are differences and --fail-on-diff is given; 6 no
call of the log was judged beside a candidate.

Examples:
  gait rollout diff
  gait rollout diff --route files.delete --since 2d
  gait rollout diff --json --examples 20 | jq '.groups[] | select(.to == \"block\")'";

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
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    pins: Pins,
}

// === impl Diff ===

impl Diff {
    /// Reads and shows.
    pub(super) fn run(self, invocation: &Invocation) -> Outcome {
        let since = time(Edge::Since, "--since", self.since.as_deref())?;
        let log = self.place.open()?;
        self.pins.check(&log)?;
        let candidate = match &self.candidate {
            Some(text) => named(text)?,
            None => newest(&log)?,
        };
        let question = Question {
            candidate,
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
        let found = fold.found();
        let lines = table::of(&found, width(invocation.format));
        let answer = self.judged(members(&found)?.lines(lines), &found)?;
        Ok(saying(answer, scan.passed()))
    }

    /// The answer with its exit code.
    fn judged(&self, answer: Answer, found: &Found) -> Outcome {
        if found.compared == 0 {
            let none = "no call was judged beside this candidate in what was read";
            return match self.fail_on_diff {
                true => Err(Failure::input(format!("{none}, so nothing is known of it"))),
                false => Ok(answer.warn(none)),
            };
        }
        if self.fail_on_diff && found.differing > 0 {
            let said = format!("{} calls would be decided differently", found.differing);
            return Ok(answer.ending(Exit::Drift).failed(said));
        }
        Ok(answer)
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
    named.find_map(|(entry, _)| CandidateId::of(&entry)).ok_or_else(|| {
        Failure::input(format!(
            "no call in `{}` was judged beside a candidate; name one with `candidate_policy` in \
             the config",
            log.dir().display()
        ))
    })
}

fn filter() -> Result<Filter, Failure> {
    let mut filter = Filter::default();
    want(&mut filter, Field::Kind, &KINDS.map(str::to_owned))?;
    Ok(filter)
}

fn members(found: &Found) -> Result<Answer, Failure> {
    let value = serde_json::to_value(found).map_err(Failure::internal)?;
    let members = match value {
        Value::Object(members) => members,
        _ => serde_json::Map::new(),
    };
    let answer = Answer::new(Exit::Success)
        .with("schema_id", "gait.rollout.diff")
        .with("schema_version", "1.0.0");
    Ok(members.into_iter().fold(answer, |answer, (name, value)| answer.with(&name, value)))
}
