//! An explanation as text for people: the decision, then a line for each rule, and below a rule
//! that counts a line for each of its terms.

use super::{Explained, demands};
use crate::cli::policy::test::block;
use crate::cli::style::{Hue, Line};
use crate::policy::explain::{
    Ground, Lack, Outcome, RuleReport, Spoken, Standing, StepReport, TermReport,
};
use crate::policy::{Policy, Rule, Verdict};

/// The longest of `matches`, `no match` and `too late`, and two spaces.
const OUTCOME_WIDTH: usize = 10;

/// Names longer than this push what follows them to the right.
const NAME_WIDTH_MAX: usize = 64;

/// Where the terms of a rule stand.
const TERM_INDENT: usize = OUTCOME_WIDTH + 2;

/// The longest name of a term and two spaces.
const TERM_WIDTH: usize = 22;

impl Explained<'_> {
    /// Every line.
    pub(super) fn lines(&self) -> Vec<Line> {
        let decision = &self.explanation.decision;
        let mut lines: Vec<Line> = block(self.policy, self.intent, decision).collect();
        let label = |label: &str| Line::new().hued(Hue::Faint, label).padded(12);
        lines.push(label("judged at").hued(Hue::Faint, self.at.to_string()));
        lines.extend(demands(decision).into_iter().map(|demand| label("also needs").text(demand)));
        lines.push(Line::new());
        match &self.explanation.ground {
            Ground::FailedClosed(lacks) => lines.extend(self.lacking(lacks)),
            Ground::Rules(reports) => {
                lines.extend(rules(reports));
                lines.extend(default(self.policy, reports));
            }
            Ground::Steps { steps, limits } => {
                lines.extend(steps.iter().enumerate().flat_map(|(at, s)| step(self.policy, at, s)));
                lines.extend(limits.as_ref().map(|limits| term(0, limits)));
            }
        }
        lines
    }

    fn lacking(&self, lacks: &[Lack]) -> Vec<Line> {
        let risk = &self.intent.context().risk_class;
        let head = format!("fail_closed covers risk class `{risk}`, and the intent lacks");
        let each = lacks.iter().map(|lack| {
            let (field, code) = (field(lack), &lack.reason_code);
            Line::from("  ").hued(Hue::Red, field).padded(TERM_WIDTH).hued(Hue::Faint, code)
        });
        let tail = Line::new().hued(Hue::Faint, "no rule was looked at");
        std::iter::once(Line::from(head)).chain(each).chain([tail]).collect()
    }
}

/// What is missing, by the word of the policy.
fn field(lack: &Lack) -> &str {
    match lack.violation.strip_prefix("missing_") {
        Some(field) => field,
        None => "a known endpoint class",
    }
}

fn step(policy: &Policy, at: usize, step: &StepReport<'_>) -> Vec<Line> {
    let name = format!("step {at} ");
    let head = Line::new().hued(Hue::Strong, name).text(format!("{}: ", step.tool_name));
    let mut lines = vec![head.verdict(step.decision.verdict)];
    lines.extend(rules(&step.rules));
    lines.extend(default(policy, &step.rules));
    lines.push(Line::new());
    lines
}

fn rules(reports: &[RuleReport<'_>]) -> Vec<Line> {
    let width = reports.iter().map(|report| named(report.rule).width()).max().unwrap_or_default();
    let width = width.min(NAME_WIDTH_MAX);
    reports.iter().flat_map(|report| rule(report, width)).collect()
}

fn rule(report: &RuleReport<'_>, width: usize) -> Vec<Line> {
    let start = |hue, outcome| {
        let start = Line::new().hued(hue, outcome).padded(OUTCOME_WIDTH);
        // A name beyond the column still ends before what is said of it begins.
        start.then(named(report.rule).padded(width)).text("  ")
    };
    match &report.outcome {
        Outcome::Missed(miss) => {
            let (key, wanted, got) = (miss.key.as_str(), &miss.wanted, &miss.got);
            let line = start(Hue::Faint, "no match").hued(Hue::Strong, key);
            vec![line.text(format!(": wants {wanted}; has {got}"))]
        }
        Outcome::TooLate => {
            vec![start(Hue::Faint, "too late").text("matches; a lower priority number had decided")]
        }
        Outcome::Spoke(spoken) => {
            let line = start(Hue::Strong, "matches").verdict(spoken.effect);
            let mut lines = vec![line.text(standing(spoken))];
            lines.extend(spoken.terms.iter().map(|report| term(TERM_INDENT, report)));
            lines
        }
    }
}

fn standing(spoken: &Spoken) -> String {
    match spoken.standing {
        Standing::GivesVerdict => format!(": {}", spoken.reason_codes.join(", ")),
        Standing::Outranked => "; another rule of this priority is stricter".to_owned(),
    }
}

fn term(indent: usize, report: &TermReport) -> Line {
    let line = Line::from(" ".repeat(indent)).hued(Hue::Faint, report.term.as_str());
    let line = line.padded(indent + TERM_WIDTH);
    if report.reason_codes.is_empty() {
        return line.hued(Hue::Faint, "holds");
    }
    let because = format!(": {}", report.reason_codes.join(", "));
    let line = match report.from == report.to {
        true => line.text("stays ").verdict(report.to),
        false => line.verdict(report.from).text(" to ").verdict(report.to),
    };
    line.text(because)
}

fn named(rule: &Rule) -> Line {
    let place = format!(" (line {}, priority {})", rule.line, rule.priority);
    Line::from(rule.name.as_str()).hued(Hue::Faint, place)
}

/// Where no rule matches, what decides instead.
fn default(policy: &Policy, reports: &[RuleReport<'_>]) -> Option<Line> {
    let missed = |report: &RuleReport<'_>| matches!(report.outcome, Outcome::Missed(_));
    if !reports.iter().all(missed) {
        return None;
    }
    let verdict = policy.default_verdict();
    let line = Line::from("no rule matches, so default_verdict decides: ").verdict(verdict);
    Some(match verdict {
        Verdict::Allow => line.text(", also for destructive targets"),
        _ => line,
    })
}
