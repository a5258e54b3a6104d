//! `gait policy simulate`: what a changed policy would have said of recorded intents (spec C10).
//!
//! Every intent is judged under both policies at one and the same time. Nothing is enforced, and
//! changes are an answer, not a failure: the exit code is 0 for them.

use super::{judge, paths};
use crate::cli::answer::{Answer, Exit, Failure, Outcome};
use crate::cli::load;
use crate::cli::style::{Hue, Line};
use crate::intent::time::Time;
use crate::json::Digest;
use crate::policy::{Decision, Policy, Verdict};
use clap::Args;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

/// Two policies and the intents to try them on.
#[derive(Args)]
#[command(override_usage = "gait policy simulate --policy <CANDIDATE> --baseline <BASELINE> \
                            --fixtures <PATHS>")]
#[command(after_help = "\
A change is no failure: the exit code is 0. `gait replay` has one that says what changed.")]
pub(in crate::cli) struct Simulate {
    /// The changed policy
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// The policy it is compared with
    #[arg(long, value_name = "FILE")]
    baseline: Option<PathBuf>,
    /// Intent files and folders of them, comma-separated
    #[arg(long, value_name = "PATHS")]
    fixtures: Option<String>,
    #[arg(hide = true)]
    positional: Vec<PathBuf>,
}

/// The policies, read.
struct Policies {
    candidate: Policy,
    baseline: Policy,
}

/// One intent under both policies.
struct Fixture {
    path: PathBuf,
    intent_digest: Digest,
    baseline: Decision,
    candidate: Decision,
}

/// What to do with the changed policy.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Recommendation {
    Enforce,
    Observe,
    RequireApproval,
}

// === impl Simulate ===

impl Simulate {
    pub(super) fn run(self) -> Outcome {
        if !self.positional.is_empty() {
            return Err(Failure::input("unexpected positional arguments"));
        }
        let candidate = required(self.policy, "--policy <candidate_policy.yaml>")?;
        let baseline = required(self.baseline, "--baseline <baseline_policy.yaml>")?;
        let listed = required(self.fixtures.map(PathBuf::from), "--fixtures <csv files/dirs>")?;
        let files = discovered(&listed)?;
        let candidate = load::policy(&candidate)?;
        let policies = Policies { candidate, baseline: load::policy(&baseline)? };
        let at = judge::now();
        let fixtures = files.into_iter().map(|path| policies.judge(path, at));
        Ok(answer(&policies, &fixtures.collect::<Result<Vec<_>, _>>()?))
    }
}

fn required(path: Option<PathBuf>, what: &str) -> Result<PathBuf, Failure> {
    let blank = |path: &PathBuf| path.to_string_lossy().trim().is_empty();
    path.filter(|path| !blank(path))
        .ok_or_else(|| Failure::input(format!("missing required {what}")))
}

/// The files behind a comma-separated list, cleaned, sorted, each once.
fn discovered(listed: &Path) -> Result<Vec<PathBuf>, Failure> {
    let mut found = Vec::new();
    for item in listed.to_string_lossy().split(',').map(str::trim).filter(|item| !item.is_empty()) {
        let path = paths::clean(Path::new(item));
        if path.is_dir() {
            paths::walk(&path, is_json, &mut found)?;
        } else if path.file_name().is_some_and(is_json) {
            found.push(path);
        } else {
            let path = path.display();
            return Err(Failure::input(format!("fixture file must be .json: {path}")));
        }
    }
    if found.is_empty() {
        return Err(Failure::input("no intent fixtures discovered from --fixtures"));
    }
    paths::sort(&mut found);
    Ok(found)
}

fn is_json(name: &OsStr) -> bool {
    name.as_bytes().to_ascii_lowercase().ends_with(b".json")
}

// === impl Policies ===

impl Policies {
    fn judge(&self, path: PathBuf, at: Time) -> Result<Fixture, Failure> {
        let intent = load::intent(&path)?;
        Ok(Fixture {
            path,
            intent_digest: intent.digest(),
            baseline: judge::decide(&self.baseline, &intent, at),
            candidate: judge::decide(&self.candidate, &intent, at),
        })
    }
}

// === impl Fixture ===

impl Fixture {
    /// Approvals are not compared: the public tool does not, and they follow from the rule.
    fn is_changed(&self) -> bool {
        said(&self.baseline) != said(&self.candidate)
    }

    /// Whether it came to have a verdict that it did not have.
    fn became(&self, verdict: Verdict) -> bool {
        self.baseline.verdict != verdict && self.candidate.verdict == verdict
    }

    fn to_json(&self) -> Value {
        let mut members = Map::new();
        for (side, decision) in [("baseline", &self.baseline), ("candidate", &self.candidate)] {
            let mut put =
                |name: &str, value: Value| members.insert(format!("{side}_{name}"), value);
            put("verdict", decision.verdict.as_str().into());
            put("reason_codes", decision.reason_codes.clone().into());
            if !decision.violations.is_empty() {
                put("violations", decision.violations.clone().into());
            }
            if let Some(rule) = &decision.matched_rule {
                put("matched_rule", rule.as_str().into());
            }
        }
        members.insert("fixture_path".to_owned(), self.path.to_string_lossy().into());
        members.insert("intent_digest".to_owned(), self.intent_digest.to_string().into());
        members.insert("changed".to_owned(), true.into());
        Value::Object(members)
    }

    fn lines(&self) -> [Line; 3] {
        let side = |name, decision: &Decision| {
            let verdict = Line::new().verdict(decision.verdict).padded(VERDICT_WIDTH);
            let rule = decision.matched_rule.as_deref().unwrap_or("no rule");
            let reasons = decision.reason_codes.join(", ");
            let line = Line::from("  ").hued(Hue::Faint, name).padded(SIDE_WIDTH).then(verdict);
            line.text(format!("{rule}: {reasons}"))
        };
        let path = Line::new().hued(Hue::Strong, self.path.to_string_lossy());
        [path, side("baseline", &self.baseline), side("candidate", &self.candidate)]
    }
}

/// What of a decision is compared.
fn said(decision: &Decision) -> (Verdict, [&[String]; 2], Option<&str>) {
    let lists = [decision.reason_codes.as_slice(), decision.violations.as_slice()];
    (decision.verdict, lists, decision.matched_rule.as_deref())
}

/// The longest verdict and two spaces.
const VERDICT_WIDTH: usize = 18;

/// The longest side, its indent and two spaces.
const SIDE_WIDTH: usize = 13;

// === the answer ===

impl Recommendation {
    /// What newly runs should be watched first; what is newly blocked should be agreed on.
    fn of(changed: &[&Fixture]) -> Recommendation {
        let any = |verdict| changed.iter().any(|fixture| fixture.became(verdict));
        if any(Verdict::Allow) {
            Recommendation::Observe
        } else if any(Verdict::Block) {
            Recommendation::RequireApproval
        } else {
            Recommendation::Enforce
        }
    }

    fn as_str(self) -> &'static str {
        match self {
            Recommendation::Enforce => "enforce",
            Recommendation::Observe => "observe",
            Recommendation::RequireApproval => "require_approval",
        }
    }
}

fn answer(policies: &Policies, fixtures: &[Fixture]) -> Answer {
    let changed: Vec<&Fixture> = fixtures.iter().filter(|fixture| fixture.is_changed()).collect();
    let recommendation = Recommendation::of(&changed).as_str();
    let baseline = counts(fixtures.iter().map(|fixture| fixture.baseline.verdict));
    let candidate = counts(fixtures.iter().map(|fixture| fixture.candidate.verdict));
    let summary = format!(
        "policy simulate fixtures={} changed={} recommendation={recommendation}",
        fixtures.len(),
        changed.len(),
    );
    Answer::new(Exit::Success)
        .lines(changed.iter().flat_map(|fixture| fixture.lines()))
        .lines(table(&baseline, &candidate))
        .line(summary.as_str())
        .with("baseline_policy_digest", policies.baseline.digest().to_string())
        .with("candidate_policy_digest", policies.candidate.digest().to_string())
        .with("fixtures_total", fixtures.len())
        .with("changed_fixtures", changed.len())
        .with("baseline_verdicts", rows(&baseline))
        .with("candidate_verdicts", rows(&candidate))
        .with("recommendation", recommendation)
        .with("changed", changed.iter().map(|fixture| fixture.to_json()).collect::<Vec<_>>())
        .with("summary", summary)
}

/// How often each verdict came, by its word.
type Counts = BTreeMap<&'static str, usize>;

fn counts(verdicts: impl Iterator<Item = Verdict>) -> Counts {
    let mut counts = Counts::new();
    for verdict in verdicts {
        *counts.entry(verdict.as_str()).or_default() += 1;
    }
    counts
}

fn rows(counts: &Counts) -> Vec<Value> {
    counts.iter().map(|(verdict, count)| json!({"verdict": verdict, "count": count})).collect()
}

fn table(baseline: &Counts, candidate: &Counts) -> Vec<Line> {
    let row = |verdict: Verdict| {
        let count = |counts: &Counts| counts.get(verdict.as_str()).copied().unwrap_or_default();
        let (before, after) = (count(baseline), count(candidate));
        let line = Line::new().verdict(verdict).padded(VERDICT_WIDTH);
        (before + after > 0).then(|| line.text(format!("{before:>8}  {after:>9}")))
    };
    let head = Line::from("").padded(VERDICT_WIDTH).hued(Hue::Faint, "baseline  candidate");
    std::iter::once(head).chain(Verdict::ALL.into_iter().filter_map(row)).collect()
}
