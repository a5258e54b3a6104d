//! Differences as people read them: a sentence, then a row for each group.

use super::super::wire::{Difference, Found};
use crate::cli::style::{Hue, Line};
use crate::policy::Verdict;

const HEADS: [&str; 8] =
    ["CALLS", "IN FORCE", "CANDIDATE", "RULE", "ITS RULE", "TOOL", "CALLER", "NEWEST CALL"];

/// Rows that text shows; JSON has all.
const ROWS_MAX: usize = 50;

/// Names wider than this are cut where the width is bounded.
const CELL_WIDTH_MAX: usize = 28;

/// The least that is shown of a line on a narrow terminal.
const WIDTH_MIN: usize = 60;

/// All lines; `width` is that of the terminal, where there is one.
pub(super) fn of(found: &Found, width: Option<usize>) -> Vec<Line> {
    let mut lines = summary(found);
    if found.groups.is_empty() {
        return lines;
    }
    let mut rows = vec![HEADS.map(|head| Line::new().hued(Hue::Faint, head))];
    rows.extend(found.groups.iter().take(ROWS_MAX).map(|one| row(one, width)));
    let widest = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(Line::width).max().unwrap_or_default()
    };
    let widths: Vec<usize> = (0..HEADS.len()).map(widest).collect();
    let width = width.map(|width| width.max(WIDTH_MIN));
    lines.extend(rows.into_iter().map(|row| bounded(Line::row(row, &widths), width)));
    lines.extend(rest(found));
    lines
}

fn summary(found: &Found) -> Vec<Line> {
    let short: String = found.candidate_policy_digest.chars().take(16).collect();
    let line = Line::from("candidate ").hued(Hue::Strong, short);
    let line = line.text(format!(": {} calls compared, ", found.compared));
    let line = match found.differing {
        0 => line.hued(Hue::Green, "none differs"),
        differing => line
            .hued(Hue::Strong, format!("{differing} differ"))
            .text(": ")
            .hued(Hue::Red, format!("{} stricter", found.stricter))
            .text(", ")
            .hued(Hue::Yellow, format!("{} laxer", found.laxer)),
    };
    let times = found.first.as_ref().zip(found.last.as_ref());
    let times = times.map(|(first, last)| {
        Line::new().hued(Hue::Faint, format!("from {} to {}", second(first), second(last)))
    });
    let unjudged = (found.unjudged > 0)
        .then(|| Line::from(format!("{} more calls could not be judged at all", found.unjudged)));
    std::iter::once(line).chain(times).chain(unjudged).collect()
}

/// Without the fraction.
fn second(time: &str) -> String {
    match time.split_once('.') {
        Some((whole, _)) => format!("{whole}Z"),
        None => time.to_owned(),
    }
}

fn row(one: &Difference, width: Option<usize>) -> [Line; 8] {
    let verdict = |word: &str| match Verdict::parse(word) {
        Some(verdict) => Line::new().verdict(verdict),
        None => Line::from(word.to_owned()),
    };
    let cell = |text: &str| bounded(Line::from(text), width.map(|_| CELL_WIDTH_MAX));
    [
        Line::from(one.count.to_string()),
        verdict(&one.from),
        verdict(&one.to),
        cell(one.rule.as_deref().unwrap_or("(default)")),
        cell(one.candidate_rule.as_deref().unwrap_or("(default)")),
        cell(&one.tool),
        cell(one.caller.as_deref().unwrap_or("-")),
        Line::from(one.examples.last().map_or("-", String::as_str)),
    ]
}

fn bounded(line: Line, width: Option<usize>) -> Line {
    match width {
        Some(width) => line.fitted(width),
        None => line,
    }
}

/// What the table leaves out.
fn rest(found: &Found) -> Option<Line> {
    let hidden = found.groups.iter().skip(ROWS_MAX).map(|one| one.count).sum::<u64>() + found.other;
    (hidden > 0).then(|| Line::from(format!("{hidden} more differing calls; --json tells of them")))
}
