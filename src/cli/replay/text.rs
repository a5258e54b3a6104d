//! What a replay found, for people: the matrix, the changes below it, the summary last.

use super::report::{Compares, Report, laxer, stricter, tool};
use crate::cli::style::{Hue, Line};
use crate::policy::Verdict;
use crate::replay::{Counts, Examples, Group, Plan, Spot};

/// Groups and faults that text shows; JSON has more, the file of differences has all.
const ROWS_MAX: usize = 20;

/// Spaces between two columns.
const GAP: usize = 2;

/// All lines.
pub(super) fn of(report: &Report<'_>) -> Vec<Line> {
    let mut lines = matrix(report);
    lines.extend(changes(report));
    lines.extend(skipped(report));
    lines.extend(faults(report));
    lines.push(Line::from(report.summary()));
    lines
}

/// `path:line`, or the path alone for a document.
pub(super) fn spot(plan: &Plan, spot: &Spot) -> String {
    let path = plan.sources.get(spot.source).map(|source| source.path.display().to_string());
    let path = path.unwrap_or_default();
    if spot.line == 0 { path } else { format!("{path}:{}", spot.line) }
}

// === matrix ===

fn matrix(report: &Report<'_>) -> Vec<Line> {
    let compares = report.compares() != Compares::Nothing;
    let head = Verdict::ALL.map(|verdict| Line::new().verdict(verdict)).into_iter();
    let head = std::iter::once(Line::from("policy")).chain(head);
    let head = head.chain(compares.then(|| CHANGES.map(Line::from)).into_iter().flatten());
    let mut rows = vec![head.collect()];
    for (policy, counts) in report.plan.policies.iter().zip(&report.tally.policies) {
        let row = std::iter::once(Line::from(policy.path.display().to_string()))
            .chain(Verdict::ALL.map(|verdict| number(verdict.into(), of_verdict(counts, verdict))))
            .chain(compares.then(|| of_changes(counts)).into_iter().flatten());
        rows.push(row.collect());
    }
    aligned(&rows)
}

const CHANGES: [&str; 3] = ["changed", "stricter", "laxer"];

fn of_verdict(counts: &Counts, verdict: Verdict) -> u64 {
    counts.verdicts.get(&verdict).copied().unwrap_or_default()
}

fn of_changes(counts: &Counts) -> [Line; 3] {
    [
        number(Hue::Strong, counts.changed_count()),
        number(Hue::Red, stricter(counts)),
        number(Hue::Yellow, laxer(counts)),
    ]
}

/// A count; zeros step back.
fn number(hue: Hue, count: u64) -> Line {
    Line::new().hued(if count == 0 { Hue::Faint } else { hue }, count.to_string())
}

/// Columns: the first to the left, numbers to the right.
fn aligned(rows: &[Vec<Line>]) -> Vec<Line> {
    let columns = rows.first().map_or(0, Vec::len);
    let width = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(Line::width).max().unwrap_or_default()
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let line = |row: &Vec<Line>| {
        let mut line = Line::new();
        let mut end = 0;
        for (cell, width) in row.iter().zip(&widths) {
            let start = if end == 0 { 0 } else { end + GAP + width - cell.width() };
            end = if end == 0 { *width } else { end + GAP + width };
            line = line.padded(start).then(cell.clone());
        }
        line
    };
    rows.iter().map(line).collect()
}

// === below it ===

fn changes(report: &Report<'_>) -> Vec<Line> {
    let groups = report.groups();
    let mut lines = Vec::new();
    for (group, examples) in groups.iter().take(ROWS_MAX) {
        lines.push(Line::new());
        lines.push(change(report.plan, group, examples));
        let shown = examples.spots.iter().map(|example| spot(report.plan, example));
        lines.extend(shown.map(|text| Line::from("    ").hued(Hue::Faint, text)));
    }
    if groups.len() > ROWS_MAX {
        let more = groups.len() - ROWS_MAX;
        lines.push(Line::from(format!("... and {more} more kinds of change; see --json, --out")));
    }
    if !lines.is_empty() {
        lines.push(Line::new());
    }
    lines
}

fn change(plan: &Plan, group: &Group, examples: &Examples) -> Line {
    let rule = |rule: &Option<String>| rule.as_deref().unwrap_or("no rule").to_owned();
    let policy = plan.policies.get(group.policy).map(|policy| policy.path.display().to_string());
    Line::new()
        .verdict(group.from)
        .text(" -> ")
        .verdict(group.to)
        .hued(Hue::Strong, format!("  {}x", examples.count))
        .text(format!("  {}", tool(group).unwrap_or("(other tools)")))
        .text(format!("  {} -> {}", rule(&group.rule_before), rule(&group.rule)))
        .hued(Hue::Faint, format!("  {}", policy.unwrap_or_default()))
}

/// Which recorded calls were not judged; why is said in a warning.
fn skipped(report: &Report<'_>) -> Vec<Line> {
    let mut lines = Vec::new();
    for (why, examples) in &report.tally.skipped {
        let count = format!("  {}x", examples.count);
        lines.push(
            Line::new().hued(Hue::Yellow, "skipped").text(count).text("  ").text(why.as_str()),
        );
        let shown = examples.spots.iter().map(|example| spot(report.plan, example));
        lines.extend(shown.map(|text| Line::from("    ").hued(Hue::Faint, text)));
    }
    lines
}

fn faults(report: &Report<'_>) -> Vec<Line> {
    let tally = report.tally;
    let shown = tally.faults.iter().take(ROWS_MAX).map(|fault| {
        let at = spot(report.plan, &fault.spot);
        Line::new().hued(Hue::Red, "invalid").text(format!("  {at}: {}", fault.error))
    });
    let mut lines: Vec<Line> = shown.collect();
    if tally.invalid > lines.len() as u64 {
        let more = tally.invalid - lines.len() as u64;
        lines.push(Line::from(format!("... and {more} more that are invalid; see --json, --out")));
    }
    lines
}
