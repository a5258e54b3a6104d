//! `gait rollout status`: each route in its stage, as numbers and bars, and the gates before it.

use super::client;
use super::offline::{Copied, Offline};
use super::wire::{self, Approvals, Gate, Labels, Route, Stage, Thresholds};
use crate::cli::answer::{Answer, Exit, Failure, Outcome};
use crate::cli::approvals::Door;
use crate::cli::style::{Hue, Line};
use crate::policy::Verdict;
use crate::rollout::{self, GateVerdict, VERDICTS};
use clap::Args;
use jiff::SignedDuration;
use std::io::{self, IsTerminal as _};

/// Width of the column of names.
const LABEL_WIDTH: usize = 23;
/// A bar is no wider than this.
const BAR_WIDTH_MAX: usize = 40;
const BAR_WIDTH_MIN: usize = 10;
/// Of a terminal whose width is not known.
const WIDTH: usize = 100;

const HELP: &str = "\
Counted is since the route stands in its stage, and no further back than `rollout.gates.window`. A
false positive is a verdict other than allow that somebody labelled so; only those of the policy in
force count, since a policy that was mended starts anew.

Examples:
  gait rollout status
  gait rollout status --route files.delete --json
  gait rollout status --evidence state --config gait.yaml --metrics metrics.txt";

/// `gait rollout status`.
#[derive(Args)]
#[command(after_help = HELP)]
pub(in crate::cli) struct Status {
    /// Only this route
    #[arg(long, value_name = "NAME")]
    route: Option<String>,
    #[command(flatten)]
    offline: Offline,
    #[command(flatten)]
    door: Door,
}

impl Status {
    /// Asks and shows.
    pub(super) fn run(&self) -> Outcome {
        let copied = self.offline.read()?;
        let value = match &copied {
            Some(copied) => {
                let Copied { summary, facts, .. } = copied;
                let status = rollout::Status::of(summary, facts, self.route.as_deref());
                serde_json::to_value(status).map_err(Failure::internal)?
            }
            None => client::get(&self.door, &self.target())?,
        };
        let status: wire::Status = wire::read(&value)?;
        if let Some(route) = self.route.as_ref().filter(|_| status.routes.is_empty()) {
            return Err(Failure::input(format!("there is no route `{route}` in the config")));
        }
        let answer = Answer::new(Exit::Success).lines(lines(&status, width()));
        // In one piece: the envelope leaves out members that are nought, and nought says much here.
        let answer = answer.with("rollout", value);
        Ok(copied.iter().fold(answer, |answer, copied| copied.saying(answer)))
    }

    fn target(&self) -> String {
        match &self.route {
            Some(route) => format!("/v1/rollout?route={}", client::escaped(route)),
            None => "/v1/rollout".to_owned(),
        }
    }
}

/// How wide the terminal is.
fn width() -> usize {
    let terminal = io::stdout().is_terminal().then(terminal_size::terminal_size).flatten();
    terminal.map_or(WIDTH, |(width, _)| usize::from(width.0))
}

fn lines(status: &wire::Status, width: usize) -> Vec<Line> {
    let mut lines = vec![gateway(status), evidence(status)];
    lines.extend(thresholds(&status.gates));
    for route in &status.routes {
        lines.push(Line::new());
        lines.extend(route_lines(route, width));
    }
    lines
}

fn gateway(status: &wire::Status) -> Line {
    let at = status.at.map(|at| at.strftime("  %Y-%m-%dT%H:%M:%SZ").to_string());
    let hue = if status.unmapped_calls > 0 { Hue::Yellow } else { Hue::Plain };
    label("gateway")
        .hued(hue, format!("{} unmapped calls", status.unmapped_calls))
        .text(format!(" in {} h", status.window_seconds / 3_600))
        .hued(Hue::Faint, format!(" ({})", status.unmapped))
        .text(", ")
        .then(counter("bypasses", status.bypasses))
        .hued(Hue::Faint, at.unwrap_or_default())
}

fn evidence(status: &wire::Status) -> Line {
    let log = &status.evidence;
    let line = label("evidence").text(format!("{} lines, ", log.last_seq));
    let line = line.then(counter("missing", Some(log.missing_lines))).text(", ");
    let line = line.then(counter("unrecorded calls", log.unrecorded));
    match log.dropped {
        0 => line,
        dropped => line.hued(Hue::Yellow, format!(", {dropped} more than can be kept in mind")),
    }
}

/// What the gates want, in two lines: of calls and labels, and of errors and people.
fn thresholds(wanted: &Thresholds) -> [Line; 2] {
    let time = |seconds: f64| {
        let time = SignedDuration::try_from_secs_f64(seconds).unwrap_or_default();
        format!("{time:#}")
    };
    let percent = |share: f64| (share * 10_000.0).round() / 100.0;
    let first = format!(
        "{} calls in {}, {} labels or all, {} % false positives, {} % sure",
        wanted.min_calls,
        time(wanted.min_time_seconds),
        wanted.min_labels,
        percent(wanted.false_positive_rate),
        percent(wanted.confidence)
    );
    let then = format!(
        "{} evaluation errors, {} unmapped calls, {} approvals, p95 {}, {} % decided",
        wanted.evaluation_errors,
        wanted.unmapped_calls,
        wanted.min_approvals,
        time(wanted.approval_p95_seconds),
        percent(wanted.approvals_decided)
    );
    [label("gates want").text(first), label("").text(then)]
}

/// What should be nought.
fn counter(what: &str, count: Option<u64>) -> Line {
    match count {
        Some(0) => Line::from(format!("0 {what}")),
        Some(count) => Line::new().hued(Hue::Red, format!("{count} {what}")),
        None => Line::new().hued(Hue::Yellow, format!("{what} not known")),
    }
}

fn route_lines(route: &Route, width: usize) -> Vec<Line> {
    let head = Line::new().hued(Hue::Strong, &*route.route).padded(LABEL_WIDTH);
    let mut lines = vec![head.hued(Hue::Cyan, &*route.standing)];
    lines.extend(route.stages.iter().flat_map(|stage| stage_lines(stage, width)));
    if let Some(next) = &route.next {
        lines.push(label(&format!("to {}", next.to)).then(verdict(&next.verdict)));
        lines.extend(gate_lines(&next.gates));
    }
    lines
}

fn stage_lines(stage: &Stage, width: usize) -> Vec<Line> {
    let mut lines = vec![stage_head(stage)];
    lines.extend(bars(stage, width));
    lines.extend(evaluation_errors(stage));
    let errors =
        [("sent undecided", stage.undecided_sends), ("lost outcomes", stage.lost_outcomes)];
    let told = errors.into_iter().filter(|(_, count)| *count > 0);
    lines.extend(told.map(|(what, count)| label(what).hued(Hue::Red, count.to_string())));
    let has_labels = stage.labels.against > 0 || stage.policy_calls.is_some();
    lines.extend(has_labels.then(|| labels(&stage.labels, stage.policy_calls)));
    lines.extend((stage.labels.missed > 0).then(|| {
        label("missed").hued(Hue::Red, format!("{} should not be allowed", stage.labels.missed))
    }));
    lines.extend((stage.approvals.demanded > 0).then(|| approvals(&stage.approvals)));
    lines
}

fn evaluation_errors(stage: &Stage) -> Option<Line> {
    let (all, right) = (stage.evaluation_errors, stage.labels.dismissed);
    let hue = if all > right { Hue::Red } else { Hue::Plain };
    let line = (all > 0).then(|| label("evaluation errors").hued(hue, all.to_string()))?;
    Some(if right > 0 { line.text(format!(", {right} of them found right")) } else { line })
}

fn stage_head(stage: &Stage) -> Line {
    let share = match stage.share {
        share if share <= 0.0 => "before  ".to_owned(),
        share if share < 1.0 => format!("{:.0} % of callers  ", share * 100.0),
        _ => String::new(),
    };
    let since = match (&stage.since, stage.proof.as_deref()) {
        (Some(since), Some("at_least")) => format!("{:.1} days or more, {since}", stage.days),
        (Some(since), _) => format!("{:.1} days, since {since}", stage.days),
        (None, _) if stage.share > 0.0 => "nothing in the log shows since when".to_owned(),
        (None, _) => String::new(),
    };
    label(&format!("in {}", stage.stage))
        .text(format!("{share}{} calls, ", stage.calls))
        .text(format!("{} would be blocked, {} dry runs", stage.would_blocks, stage.dry_runs))
        .hued(Hue::Faint, format!("  {since}"))
}

/// A bar for each verdict that any call had.
fn bars(stage: &Stage, width: usize) -> Vec<Line> {
    let most = width.saturating_sub(LABEL_WIDTH + 24).clamp(BAR_WIDTH_MIN, BAR_WIDTH_MAX);
    let all = stage.calls.max(1);
    let bar = |word: &&str| {
        let count = *stage.verdicts.get(*word).filter(|count| **count > 0)?;
        let share = count as f64 / all as f64;
        // What is there at all has a mark.
        let wide = ((share * most as f64).round() as usize).clamp(1, most);
        let hue = Verdict::parse(word).map_or(Hue::Red, Hue::from);
        let line =
            label(word).hued(hue, "█".repeat(wide)).hued(Hue::Faint, "░".repeat(most - wide));
        Some(line.text(format!(" {count}")).hued(Hue::Faint, format!("  {:.1} %", share * 100.0)))
    };
    VERDICTS.iter().filter_map(bar).collect()
}

/// `policy_calls` stand where other policies judged calls as well.
fn labels(labels: &Labels, policy_calls: Option<u64>) -> Line {
    let Labels { against, labelled, false_positives, rate_low, rate_high, .. } = labels;
    let line = label("false positives")
        .text(format!("{false_positives} of {labelled} labelled, {against} in all"));
    let (low, high) = (rate_low * 100.0, rate_high * 100.0);
    let line = line.hued(Hue::Faint, format!("  {low:.1} % to {high:.1} %"));
    match policy_calls {
        Some(calls) => {
            line.hued(Hue::Yellow, format!("  of {calls} calls under the policy in force"))
        }
        None => line,
    }
}

fn approvals(approvals: &Approvals) -> Line {
    let Approvals { demanded, granted, denied, expired, pending, .. } = approvals;
    let line = label("approvals")
        .text(format!("{demanded} demanded: {granted} granted, {denied} denied, "))
        .hued(if *expired > 0 { Hue::Yellow } else { Hue::Plain }, format!("{expired} expired"))
        .text(format!(", {pending} pending"));
    match (approvals.p50_seconds, approvals.p95_seconds) {
        (Some(half), Some(most)) => {
            line.hued(Hue::Faint, format!("  p50 {half:.1} s, p95 {most:.1} s"))
        }
        _ => line,
    }
}

/// A line for each gate.
pub(super) fn gate_lines(gates: &[Gate]) -> impl Iterator<Item = Line> {
    gates.iter().map(|gate| {
        let line = label(&gate.name).then(verdict(&gate.verdict));
        // What a change keeps of a gate has no words.
        match &*gate.say {
            "" => line,
            say => line.padded(LABEL_WIDTH + 17).text(say),
        }
    })
}

/// The word of a gate, in its colour.
pub(super) fn verdict(word: &str) -> Line {
    let (hue, said) = match GateVerdict::parse(word) {
        Some(GateVerdict::Met) => (Hue::Green, "met"),
        Some(GateVerdict::NotEnoughData) => (Hue::Yellow, "not enough data"),
        Some(GateVerdict::NotMet) => (Hue::Red, "not met"),
        None => (Hue::Red, word),
    };
    Line::new().hued(hue, said)
}

fn label(text: &str) -> Line {
    Line::from("  ").hued(Hue::Faint, text).padded(LABEL_WIDTH)
}
