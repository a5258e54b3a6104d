//! Entries as lines of aligned text.

use crate::intent::time::Time;
use crate::kill_switch::{Entry, Selector};

const COLUMNS: usize = 5;

const HEADS: [&str; COLUMNS] = ["ID", "STATUS", "ENDS", "STOPS", "REASON"];

/// A head and a line for each entry.
pub(super) fn lines(entries: &[Entry], now: Time) -> Vec<String> {
    if entries.is_empty() {
        return vec!["no entries".to_owned()];
    }
    let mut rows = vec![HEADS.map(str::to_owned)];
    rows.extend(entries.iter().map(|entry| row(entry, now)));
    let width = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max()
    };
    let widths: Vec<usize> = (0..COLUMNS).map(|column| width(column).unwrap_or_default()).collect();
    rows.iter().map(|row| line(row, &widths)).collect()
}

fn line(row: &[String; COLUMNS], widths: &[usize]) -> String {
    let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
    cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
}

/// The file may come from anywhere, so that nothing in it may steer a terminal.
fn row(entry: &Entry, now: Time) -> [String; COLUMNS] {
    let ends = match entry.expires_at.is_given() {
        true => entry.expires_at.to_string(),
        false => "never".to_owned(),
    };
    [
        if entry.entry_id.is_empty() { "-".to_owned() } else { entry.entry_id.clone() },
        entry.status(now).as_str().to_owned(),
        ends,
        stops(&entry.selector),
        entry.reason.clone(),
    ]
    .map(|cell| cell.chars().map(plain).collect())
}

/// The character, escaped where it does more than show itself.
fn plain(c: char) -> String {
    match c {
        '\'' | '"' | '\\' => c.to_string(),
        c => c.escape_debug().to_string(),
    }
}

/// The selectors that are given, in the words of the file.
fn stops(selector: &Selector) -> String {
    let (paths, workspaces) =
        (selector.path_prefixes.join(","), selector.workspace_prefixes.join(","));
    let given = [
        ("agent_id", &selector.agent_id),
        ("identity", &selector.identity),
        ("tool_name", &selector.tool_name),
        ("target_kind", &selector.target_kind),
        ("target_value", &selector.target_value),
        ("environment", &selector.environment),
        ("path_prefixes", &paths),
        ("workspace_prefixes", &workspaces),
    ];
    let given = given.into_iter().filter(|(_, value)| !value.is_empty());
    let texts: Vec<String> = given.map(|(name, value)| format!("{name}={value}")).collect();
    if texts.is_empty() { "everything".to_owned() } else { texts.join(" ") }
}
