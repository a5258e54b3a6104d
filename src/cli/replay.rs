//! `gait replay`: the nightly job and the deployment gate of a rollout.
//!
//! All intents that are named, or all calls of an evidence directory, under all policies of a
//! folder: how often which verdict, and what changed. The exit status is the worst of what was
//! found, so that a job needs to look at nothing else.

mod ending;
mod report;
mod text;
mod watch;

use super::answer::{Failure, Outcome};
use super::{Format, Invocation, files, load};
use crate::clock;
use crate::intent::time::{self, Time};
use crate::policy::{self, Verdict};
use crate::replay::{self, At, Details, Named, Plan, Source};
use clap::Args;
use ending::{Demand, Unreplayable};
use report::Report;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::thread;
use watch::Watch;

/// Policies that cannot be used are named up to this many.
const FAULTS_SHOWN_MAX: usize = 20;

const HELP: &str = "\
Rules alone judge: rate limits, budgets, kill switches and approvals are not replayed.

Input:
  A folder is walked: *.json is one intent, *.jsonl one intent a line (the form for a million), and
  *.yaml and *.yml are policies. Names that begin with a dot are passed over, and suites
  (*_test.yaml). An evidence line is replayed where it holds the member `intent` and that gives the
  line's `intent_digest`; other calls are counted as skipped, with the reason. The proxy writes it
  where a route says `capture: full`.

Baseline:
  --baseline, else the recorded verdicts of --evidence, else none: then nothing is a change.
  A change is another verdict or, with the same verdict, other rules, reasons, violations,
  approvals, or demands such as limits and tokens.

Exit, the worst of:
  6  an intent, evidence line or policy cannot be used, or there is nothing to replay
  3  an intent is newly blocked
  4  an intent newly requires approval
  5  any other change, also to a laxer verdict
  0  no change
With --require VERDICT only what is stricter than VERDICT counts: 6 as above, 3 for a block, 4 for
anything else (for --require allow also a dry_run, which does not execute), 0 if there is none.
Calls that are skipped are warned of. They change no exit status, but with --require it is 6: of
a call that cannot be judged nobody knows whether it may run; --skip-unreplayable passes it over.

Examples:
  gait replay --intents fixtures --policies policies --baseline policies/base_high_risk.yaml
  gait replay --evidence state/evidence --policies policies/next.yaml --out differences.jsonl
  gait replay --intents production --policies policies/base_low_risk.yaml --require allow";

/// Many intents under many policies
#[derive(Args)]
#[command(after_help = HELP)]
#[command(group(clap::ArgGroup::new("input").args(["intents", "evidence"]).required(true).multiple(true)))]
pub(super) struct Replay {
    /// Intents: a folder, a .json or a .jsonl file; may be repeated
    #[arg(long, value_name = "PATH")]
    intents: Vec<PathBuf>,
    /// An evidence directory; may be repeated
    #[arg(long, value_name = "DIR")]
    evidence: Vec<PathBuf>,
    /// Policies: a folder or a file; may be repeated
    #[arg(long, value_name = "PATH", required = true)]
    policies: Vec<PathBuf>,
    /// Compare with this policy
    #[arg(long, value_name = "FILE")]
    baseline: Option<PathBuf>,
    /// Fail on every verdict stricter than this: allow, dry_run or require_approval
    #[arg(long, value_name = "VERDICT", value_parser = ceiling)]
    require: Option<Verdict>,
    /// With --require, pass over recorded calls that cannot be replayed
    #[arg(long, requires = "require")]
    skip_unreplayable: bool,
    /// Write every difference, and what was invalid or skipped, one JSON object a line
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Examples of each kind of change
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u8).range(0..=100))]
    examples: u8,
    /// Threads that judge [default: one a core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    jobs: Option<u16>,
    /// The time at which to judge, RFC 3339 [default: now; recorded calls at their own]
    #[arg(long, value_name = "TIME")]
    evaluation_time: Option<String>,
    /// Show no progress bar
    #[arg(long)]
    quiet: bool,
}

fn ceiling(word: &str) -> Result<Verdict, String> {
    Verdict::parse(word)
        .filter(|verdict| *verdict != Verdict::Block)
        .ok_or_else(|| "write allow, dry_run or require_approval".to_owned())
}

impl Replay {
    pub(super) fn run(self, invocation: &Invocation) -> Outcome {
        let plan = self.plan()?;
        self.refuse_out(&plan)?;
        let mut watch = Watch::begin(self.bar(invocation), plan.bytes(), self.out.as_deref())?;
        let tally = plan.run(&mut watch).map_err(Failure::internal)?;
        watch.end()?;
        let demand = self.demand();
        Report { plan: &plan, tally: &tally, demand, out: self.out.as_deref() }.outcome()
    }

    fn demand(&self) -> Demand {
        let unreplayable = match self.skip_unreplayable {
            true => Unreplayable::Passed,
            false => Unreplayable::Refused,
        };
        self.require.map_or(Demand::NoChange, |ceiling| Demand::AtMost(ceiling, unreplayable))
    }

    /// What is to be done; everything that is named is looked at before anything is judged.
    fn plan(&self) -> Result<Plan, Failure> {
        let at = self.at()?;
        let sources = self.sources()?;
        let policies = self.policies()?;
        let baseline = self.baseline.as_deref().map(load::policy).transpose()?;
        Ok(Plan {
            sources,
            policies,
            baseline,
            at,
            jobs: self.jobs(),
            examples_max: usize::from(self.examples),
            details: if self.out.is_some() { Details::Wanted } else { Details::Counted },
        })
    }

    /// Differences must not take the place of what they are differences of.
    fn refuse_out(&self, plan: &Plan) -> Result<(), Failure> {
        let Some(out) = &self.out else { return Ok(()) };
        let sources = plan.sources.iter().map(|source| &source.path);
        let policies = plan.policies.iter().map(|policy| &policy.path);
        let read = sources.chain(policies).chain(&self.baseline).map(PathBuf::as_path);
        files::refuse_read("differences", out, read, "is replayed")
    }

    fn sources(&self) -> Result<Vec<Source>, Failure> {
        let mut sources = replay::intent_files(&self.intents).map_err(Failure::input)?;
        sources.extend(replay::evidence_segments(&self.evidence).map_err(Failure::input)?);
        Ok(sources)
    }

    /// Loads all policies, and names all that cannot be used: a matrix without them is none.
    fn policies(&self) -> Result<Vec<Named>, Failure> {
        let (mut policies, mut errors) = (Vec::new(), Vec::new());
        for path in replay::policy_files(&self.policies).map_err(Failure::input)? {
            match policy::source::load(&path) {
                Ok(policy) => policies.push(Named { path, policy }),
                Err(error) => errors.push(error.to_string()),
            }
        }
        if errors.is_empty() {
            return Ok(policies);
        }
        let (bad, all) = (errors.len(), errors.len() + policies.len());
        errors.truncate(FAULTS_SHOWN_MAX);
        let what = format!("{bad} of {all} policies cannot be used: {}", errors.join("; "));
        Err(Failure::input(what))
    }

    fn at(&self) -> Result<At, Failure> {
        if let Some(text) = &self.evaluation_time {
            return time::parse(text.trim()).map(At::Fixed).ok_or_else(|| {
                let mend = "write it like 2026-01-02T03:04:05Z";
                Failure::input(format!("invalid --evaluation-time: `{text}`; {mend}"))
            });
        }
        Ok(At::Recorded(Time::from_timestamp(clock::now())))
    }

    fn jobs(&self) -> NonZeroUsize {
        let asked = self.jobs.and_then(|jobs| NonZeroUsize::new(usize::from(jobs)));
        asked.or_else(|| thread::available_parallelism().ok()).unwrap_or(NonZeroUsize::MIN)
    }

    fn bar(&self, invocation: &Invocation) -> watch::Bar {
        match invocation.format {
            Format::Text if !self.quiet => watch::Bar::OnTerminal,
            _ => watch::Bar::None,
        }
    }
}
