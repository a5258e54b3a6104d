//! A suite's report for people.

use super::report::{
    CaseReport, Coverage, Difference, End, FileReport, Report, Status, Totals, counted_cases,
};
use crate::cli::style::{Hue, Line};
use std::path::Path;

/// Where file names start.
const STATUS_WIDTH: usize = 8;

/// Where a case's details start.
const INDENT: &str = "        ";

/// Files, then what is wrong, then the rules that were left out, then one line of numbers.
pub(super) fn lines(report: &Report) -> Vec<Line> {
    let width = report.files.iter().map(|file| name(&file.path).width()).max().unwrap_or_default();
    let mut lines: Vec<Line> = report.files.iter().map(|file| file_line(file, width)).collect();
    for file in &report.files {
        let wrong = file.cases.iter().filter(|case| case.status() != Status::Passed);
        lines.extend(wrong.flat_map(|case| case_lines(&file.path, case)));
    }
    lines.push(Line::new());
    lines.extend(report.coverage.iter().flat_map(coverage_lines));
    lines.push(Line::new());
    lines.push(last_line(report));
    lines
}

fn file_line(file: &FileReport, width: usize) -> Line {
    let totals = file.totals();
    let line = status(totals.status()).then(name(&file.path).padded(width + 2));
    numbers(line.text(counted_cases(totals.cases)), totals)
}

/// Adds what is not fine.
fn numbers(line: Line, totals: Totals) -> Line {
    let wrong = [(totals.failed, "failed"), (totals.broken, "broken")];
    wrong
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .fold(line, |line, (count, word)| line.text(", ").hued(Hue::Red, format!("{count} {word}")))
}

fn case_lines(file: &Path, case: &CaseReport) -> Vec<Line> {
    let place = format!(":{}:{}  ", case.place.line, case.place.column);
    let head = status(case.status()).then(name(file)).hued(Hue::Faint, place);
    let mut lines = vec![Line::new(), head.hued(Hue::Strong, case.name.as_str())];
    match &case.end {
        End::Broken(error) => lines.push(Line::from(INDENT).text(error.as_str())),
        End::Judged(judged) => {
            lines.extend(judged.differences.iter().flat_map(difference_lines));
            let rule = judged.decision.matched_rule.as_deref().unwrap_or("no rule");
            let reasons = judged.decision.reason_codes.join(", ");
            let by = Line::from(INDENT).hued(Hue::Faint, format!("decided by {rule}: {reasons}"));
            lines.push(by);
        }
    }
    lines
}

fn difference_lines(difference: &Difference) -> [Line; 2] {
    let [expected, got] = difference.words();
    let label = |text: &str| Line::from(INDENT).text(text).padded(INDENT.len() + 15);
    [
        label(difference.member).text("expected  ").hued(Hue::Green, expected),
        label("").text("got       ").hued(Hue::Red, got),
    ]
}

fn coverage_lines(coverage: &Coverage) -> Vec<Line> {
    let (rules, left) = (coverage.rules, coverage.unmatched.len());
    let hue = if left == 0 { Hue::Green } else { Hue::Yellow };
    let count = format!("{}/{rules}", rules - left);
    let head = Line::from("rules").padded(STATUS_WIDTH).hued(hue, count).text("  ");
    let rules = coverage.unmatched.iter().map(|rule| {
        let place = format!("{}:{}", coverage.policy.display(), rule.line);
        Line::from(INDENT).text(place).text(": no case matches ").hued(Hue::Yellow, &*rule.name)
    });
    std::iter::once(head.then(name(&coverage.policy))).chain(rules).collect()
}

fn last_line(report: &Report) -> Line {
    let (totals, covered) = (report.totals(), report.covered());
    let passed = format!("{} passed", totals.passed());
    let line = Line::from(counted_cases(totals.cases)).text(": ").hued(Hue::Green, passed);
    let (matched, rules, percent) = (covered.matched, covered.rules, covered.percent());
    numbers(line, totals).text(format!("; {matched} of {rules} rules matched ({percent} %)"))
}

impl Totals {
    fn status(self) -> Status {
        match (self.broken, self.failed) {
            (0, 0) => Status::Passed,
            (0, _) => Status::Failed,
            _ => Status::Broken,
        }
    }
}

fn status(status: Status) -> Line {
    let (hue, word) = match status {
        Status::Passed => (Hue::Green, "ok"),
        Status::Failed => (Hue::Red, "FAILED"),
        Status::Broken => (Hue::Red, "BROKEN"),
    };
    Line::new().hued(hue, word).padded(STATUS_WIDTH)
}

fn name(path: &Path) -> Line {
    path.display().to_string().into()
}
