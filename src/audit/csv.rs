//! Calls as comma-separated values (RFC 4180), for spreadsheets.
//!
//! The columns are fixed. Lists have a space between their items. Two things are changed in the
//! words of callers, because a spreadsheet runs what looks like a formula and a terminal what looks
//! like a command: what begins like a formula begins with `'`, and a control character is spelt out.
//! In many countries a spreadsheet splits at `;`, where the quotes of this format do not count: a
//! formula is disarmed behind each separator as well as at the front. The digests and the JSON forms
//! tell what it was.

use super::calls::Call;
use super::entry::Entry;
use serde_json::Value;
use std::io;

/// The columns: members of a call's last line.
const COLUMNS: [&str; 34] = [
    "time",
    "call_id",
    "trace_id",
    "kind",
    "seq",
    "method",
    "upstream",
    "route",
    "stage",
    "tool_name",
    "risk_class",
    "protected",
    "identity",
    "identity_source",
    "verdict",
    "disposition",
    "simulated",
    "permit",
    "reason_codes",
    "violations",
    "matched_rule",
    "approval_request",
    "approvers",
    "delegation_ref",
    "ending",
    "sent",
    "status",
    "answered",
    "request_bytes",
    "response_bytes",
    "duration_ms",
    "policy_digest",
    "intent_digest",
    "snapshot",
];

/// What makes a cell a formula.
const FORMULA: [char; 8] = ['=', '+', '-', '@', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}'];

/// What a spreadsheet may take for the end of a cell.
const SEPARATORS: [char; 2] = [',', ';'];

/// Writes the names of the columns.
///
/// # Errors
/// It cannot be written.
pub fn head(out: &mut impl io::Write) -> io::Result<()> {
    write!(out, "{}\r\n", COLUMNS.join(","))
}

/// Writes a call.
///
/// # Errors
/// It cannot be written.
pub fn row(call: &Call, out: &mut impl io::Write) -> io::Result<()> {
    let Some(facts) = call.facts() else { return Ok(()) };
    let cells = COLUMNS.map(|name| cell(&text(call, facts, name)));
    write!(out, "{}\r\n", cells.join(","))
}

fn text(call: &Call, facts: &Entry, name: &str) -> String {
    match (name, facts.members().get(name)) {
        ("ending", _) => call.ending().to_owned(),
        (_, None) => String::new(),
        (_, Some(value)) => plain(value),
    }
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(plain).collect::<Vec<_>>().join(" "),
        other => other.to_string(),
    }
}

fn cell(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut begins = true;
    for c in text.chars() {
        if begins && FORMULA.contains(&c) {
            shown.push('\'');
        }
        // Spaces and quotes before a formula are taken away with the rest of a cell's wrapping.
        begins = SEPARATORS.contains(&c) || begins && matches!(c, ' ' | '"');
        match c {
            '"' => shown.push_str("\"\""),
            c if c.is_control() || is_unseen(c) => shown.extend(c.escape_unicode()),
            c => shown.push(c),
        }
    }
    match shown.contains([',', '"', '\'']) || shown.starts_with(' ') || shown.ends_with(' ') {
        true => format!("\"{shown}\""),
        false => shown,
    }
}

/// Ends of lines, marks that turn the direction of writing, and characters without a width.
fn is_unseen(c: char) -> bool {
    matches!(
        c,
        '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn written(more: Value) -> Vec<String> {
        let mut line = json!({"v": 1, "seq": 7, "kind": "call",
            "time": "2026-01-02T03:04:05.000000Z"});
        line.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let entry = Entry::read(line.to_string().as_bytes()).unwrap();
        let call = Call { decision: None, closing: Some(entry) };
        let mut out = Vec::new();
        head(&mut out).unwrap();
        row(&call, &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        let lines: Vec<_> = text.split("\r\n").map(str::to_owned).collect();
        assert_eq!((lines.len(), lines[2].as_str()), (3, ""));
        assert!(lines[0].starts_with("time,call_id,trace_id,kind,seq,"));
        lines
    }

    #[test]
    fn a_row_has_every_column() {
        let lines = written(json!({"call_id": "c", "reason_codes": ["a", "b"], "sent": true,
            "duration_ms": 1.5, "ending": "completed"}));
        let cells: Vec<&str> = lines[1].split(',').collect();
        assert_eq!(cells.len(), COLUMNS.len());
        assert_eq!(&cells[..5], ["2026-01-02T03:04:05.000000Z", "c", "", "call", "7"]);
        for cell in ["a b", "true", "1.5", "completed"] {
            assert!(cells.contains(&cell), "{cell}");
        }
        assert!(written(json!({}))[1].contains(",unknown,"));
    }

    #[test]
    fn words_of_callers_are_neither_formulas_nor_commands() {
        for (word, cell) in [
            ("=HYPERLINK(\"http://x\")", "\"'=HYPERLINK(\"\"http://x\"\")\""),
            ("+1", "\"'+1\""),
            ("-1+1", "\"'-1+1\""),
            ("@SUM(A1)", "\"'@SUM(A1)\""),
            ("\u{ff1d}1", "\"'\u{ff1d}1\""),
            ("a,b", "\"a,b\""),
            ("a;=1;b-1", "\"a;'=1;b-1\""),
            ("a,+1", "\"a,'+1\""),
            ("x; \"@1", "\"x; \"\"'@1\""),
            (" =1", "\" '=1\""),
            ("say \"x\"", "\"say \"\"x\"\"\""),
            ("two\r\nlines", "two\\u{d}\\u{a}lines"),
            ("\t=1", "\\u{9}=1"),
            ("\u{1b}[2J\u{202e}\u{2028}", "\\u{1b}[2J\\u{202e}\\u{2028}"),
            (" lead", "\" lead\""),
        ] {
            assert_eq!(super::cell(word), cell);
            let lines = written(json!({ "identity": word }));
            assert!(lines[1].contains(&format!(",{cell},")), "{}", lines[1]);
        }
    }
}
