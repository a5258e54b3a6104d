//! Evidence for people, a line each: what a call was and what became of it, or what happened.
//!
//! Words of callers stand in it. They cannot steer the terminal, which [`Line`] sees to, and not
//! pass for another column either: what has a space in it stands in quotes.

use crate::audit::Entry;
use crate::cli::style::{Hue, Line};
use crate::intent::time::Time;
use crate::policy::Verdict;
use serde_json::Value;

/// What is said of a call, without its time.
const FACTS: usize = 8;

/// The heads of a table of calls.
pub(super) const HEADS: [&str; FACTS + 1] =
    ["TIME", "VERDICT", "ROUTE", "TOOL", "IDENTITY", "STATUS", "TOOK", "REASONS", "CALL"];

/// Columns are at least so wide where lines come one by one.
const WIDTHS: [usize; FACTS] = [23, 14, 16, 10, 6, 7, 20, 36];

/// Names wider than this are cut on a terminal.
const CELL_WIDTH_MAX: usize = 32;

/// Members of every line, which say nothing of what happened.
const FRAME: [&str; 8] = ["v", "seq", "kind", "time", "prev", "hash", "sig", "key_id"];

/// So much of a digest is shown where it is one word among others.
const DIGEST_CHARS: usize = 12;

/// A line of the log, as it comes.
pub(super) fn of_line(entry: &Entry, width: Option<usize>) -> Line {
    let kind = Line::new().hued(kind_hue(entry.kind()), entry.kind());
    let front = Line::new().hued(Hue::Faint, time(entry.time())).text("  ");
    let front = front.then(kind.padded(8)).text("  ");
    match entry.kind() {
        "decision" | "outcome" | "call" => front.then(joined(facts(entry, width), &WIDTHS)),
        _ => front.then(told(entry)),
    }
}

/// A call as a row of a table with [`HEADS`].
pub(super) fn of_call(at: Option<Time>, facts_of: &Entry, width: Option<usize>) -> [Line; 9] {
    let [verdict, route, tool, identity, status, took, reasons, call] = facts(facts_of, width);
    let time = Line::new().hued(Hue::Faint, time(at));
    [time, verdict, route, tool, identity, status, took, reasons, call]
}

/// Rows in columns, below their heads.
pub(super) fn table(rows: Vec<[Line; 9]>) -> Vec<Line> {
    let heads = HEADS.map(|head| Line::new().hued(Hue::Faint, head));
    let rows: Vec<_> = std::iter::once(heads).chain(rows).collect();
    let widest = |at: usize| rows.iter().filter_map(move |row| row.get(at)).map(Line::width);
    let widths: Vec<usize> = (0..9).map(|at| widest(at).max().unwrap_or_default()).collect();
    rows.into_iter().map(|row| joined(row, &widths)).collect()
}

/// The last cell is not padded.
fn joined<const N: usize>(row: [Line; N], widths: &[usize]) -> Line {
    let cells = row.into_iter().zip(widths).enumerate();
    cells.fold(Line::new(), |line, (at, (cell, width))| match at + 1 == N {
        true => line.then(cell),
        false => line.then(cell.padded(*width)).text("  "),
    })
}

fn facts(entry: &Entry, width: Option<usize>) -> [Line; FACTS] {
    let text = |name| entry.text(name).map_or_else(|| "-".to_owned(), word);
    let cell = |name| {
        let line = Line::from(text(name));
        if width.is_some() { line.fitted(CELL_WIDTH_MAX) } else { line }
    };
    [
        verdict(entry),
        cell("route"),
        cell("tool_name"),
        cell("identity"),
        status(entry),
        Line::from(took(entry)),
        Line::from(reasons(entry)),
        Line::new().hued(Hue::Strong, text("call_id")),
    ]
}

/// What the policy said, and what was made of it.
pub(super) fn verdict(entry: &Entry) -> Line {
    let said = entry.text("verdict");
    let line = match said.and_then(Verdict::parse) {
        Some(verdict) => Line::new().verdict(verdict),
        None => Line::from(said.map_or_else(|| "-".to_owned(), word)),
    };
    match entry.text("disposition") {
        Some(done) => line.text("/").hued(disposition_hue(done), word(done)),
        None => line,
    }
}

/// The tool's status, or ours; how it ended where that was another way than an answer.
fn status(entry: &Entry) -> Line {
    let number = entry.number("status").or_else(|| entry.number("answered"));
    let ending = entry.text("ending").filter(|word| !["answered", "completed"].contains(word));
    let hue = match number {
        Some(200..400) => Hue::Plain,
        Some(400..500) => Hue::Yellow,
        Some(_) => Hue::Red,
        None => Hue::Plain,
    };
    let line = match (number, ending) {
        (None, None) => return Line::from("-"),
        (Some(number), _) => Line::new().hued(hue, number.to_string()),
        (None, Some(_)) => Line::new(),
    };
    match ending {
        Some(ending) if line.width() > 0 => line.text(" ").hued(Hue::Red, word(ending)),
        Some(ending) => line.hued(Hue::Red, word(ending)),
        None => line,
    }
}

fn took(entry: &Entry) -> String {
    let millis = entry.members().get("duration_ms").and_then(Value::as_f64);
    match millis {
        None => "-".to_owned(),
        Some(millis) if millis < 100.0 => format!("{millis:.1}ms"),
        Some(millis) if millis < 10_000.0 => format!("{millis:.0}ms"),
        Some(millis) => format!("{:.1}s", millis / 1e3),
    }
}

fn reasons(entry: &Entry) -> String {
    let simulated = entry.flag("simulated").filter(|is| *is).map(|_| "simulated".to_owned());
    let codes = entry.texts("reason_codes").map(word);
    let all: Vec<String> = simulated.into_iter().chain(codes).collect();
    if all.is_empty() { "-".to_owned() } else { all.join(",") }
}

/// What an event says, member by member.
fn told(entry: &Entry) -> Line {
    let own = entry.members().iter().filter(|(name, _)| !FRAME.contains(&name.as_str()));
    let words = own.map(|(name, value)| (name, shown(value)));
    words.enumerate().fold(Line::new(), |line, (at, (name, text))| {
        let gap = if at == 0 { "" } else { "  " };
        line.text(gap).hued(Hue::Faint, format!("{name}=")).text(text)
    })
}

/// A value in one word.
pub(super) fn shown(value: &Value) -> String {
    match value {
        Value::String(text) if is_digest(text) => {
            format!("{}…", text.chars().take(DIGEST_CHARS).collect::<String>())
        }
        Value::String(text) => word(text),
        Value::Array(items) => items.iter().map(shown).collect::<Vec<_>>().join(","),
        other => other.to_string(),
    }
}

fn is_digest(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// A text as one word: in quotes where it would look like several, or like none.
pub(super) fn word(text: &str) -> String {
    let is_odd = |c: char| c.is_whitespace() || matches!(c, '"' | '=' | ',' | '…');
    match text.is_empty() || text.contains(is_odd) {
        true => Value::from(text).to_string(),
        false => text.to_owned(),
    }
}

/// To the millisecond, in columns of one width.
pub(super) fn time(time: Option<Time>) -> String {
    match time {
        Some(time) => time.civil().strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string(),
        None => "-".to_owned(),
    }
}

fn kind_hue(kind: &str) -> Hue {
    match kind {
        "decision" | "outcome" | "call" => Hue::Plain,
        "recover" => Hue::Red,
        "approval" | "reload" | "key" | "expired" => Hue::Yellow,
        _ => Hue::Cyan,
    }
}

fn disposition_hue(word: &str) -> Hue {
    match word {
        "forwarded" => Hue::Green,
        "dry_run" => Hue::Cyan,
        "held" => Hue::Yellow,
        "denied" | "failed" => Hue::Red,
        _ => Hue::Plain,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::style::Paint;
    use serde_json::json;

    fn entry(more: Value) -> Entry {
        let mut line = json!({"v": 1, "seq": 7, "kind": "call",
            "time": "2026-01-02T03:04:05.678901Z", "prev": "p", "hash": "h"});
        let members = line.as_object_mut().unwrap();
        members.extend(more.as_object().unwrap().clone());
        Entry::read(line.to_string().as_bytes()).unwrap()
    }

    fn line(more: Value) -> String {
        of_line(&entry(more), None).render(Paint::Plain)
    }

    #[test]
    fn a_call_is_told_on_one_line() {
        let shown = line(json!({"call_id": "0190", "route": "files", "tool_name": "files.delete",
            "identity": "ada", "verdict": "block", "disposition": "forwarded", "simulated": true,
            "reason_codes": ["a", "b"], "ending": "timed_out", "answered": 504,
            "duration_ms": 1234.5}));
        let words: Vec<&str> = shown.split_whitespace().collect();
        assert_eq!(
            words,
            [
                "2026-01-02T03:04:05.678Z",
                "call",
                "block/forwarded",
                "files",
                "files.delete",
                "ada",
                "504",
                "timed_out",
                "1234ms",
                "simulated,a,b",
                "0190"
            ]
        );
        assert_eq!(line(json!({})).split_whitespace().filter(|word| *word == "-").count(), 8);
    }

    #[test]
    fn words_of_callers_stay_in_their_place() {
        let shown = line(json!({"call_id": "c", "identity": "ada  200  1.0ms\n\u{1b}[2J\u{202e}",
            "tool_name": "", "route": "a\tb", "verdict": "allow  x", "disposition": "d\u{2028}"}));
        assert!(!shown.contains(['\n', '\t', '\u{1b}', '\u{202e}', '\u{2028}']), "{shown:?}");
        for part in ["\"ada  200  1.0ms\\n", " \"\" ", "\"a\\tb\"", "\"allow  x\"/"] {
            assert!(shown.contains(part), "{part}: {shown}");
        }
    }

    #[test]
    fn an_event_is_told_whatever_it_is() {
        let digest = "ab".repeat(32);
        let shown =
            line(json!({"kind": "reload", "policy_digest": digest, "lowered": ["r", "s t"],
            "sig": "x"}));
        assert_eq!(
            shown,
            "2026-01-02T03:04:05.678Z  reload    lowered=r,\"s t\"  policy_digest=abababababab…"
        );
        assert!(line(json!({"kind": "news", "a": {"b": 1}})).ends_with("news      a={\"b\":1}"));
    }

    #[test]
    fn a_table_has_its_columns() {
        let row = |tool: &str| {
            let entry = entry(json!({"tool_name": tool, "call_id": "c"}));
            of_call(entry.time(), &entry, None)
        };
        let lines = table(vec![row("short"), row("quite.long")]);
        let at = |line: &Line| line.render(Paint::Plain).find("  -  ").unwrap();
        assert!(lines[0].render(Paint::Plain).starts_with("TIME     "));
        assert_eq!(at(&lines[1]), at(&lines[2]));
    }
}
