//! Ways round a proxy, as literal bytes: each row is one request and what must come of it.
//!
//! The tables stand in `wire/`; this file runs them. Whatever a row expects, three things hold
//! for all: the tool never sees a call that the policy refuses, a call reaches it at most once,
//! and an answer that gait gives says that nothing was executed.

mod bodies;
mod endings;
mod frames;
mod headers;
mod limits;
mod logs;
mod mutants;
mod paths;
mod streams;

use crate::support::{Conn, Gait, Recorder, Response, Seen, Setup};
use std::time::Duration;

/// One request and its fate.
struct Row {
    /// What is tried.
    name: String,
    /// The literal bytes.
    bytes: Vec<u8>,
    /// What must come of it.
    want: Want,
}

/// What must come of a row.
enum Want {
    /// The tool sees exactly this target and body, once, by the row's own method.
    Forwarded(String, Vec<u8>),
    /// The same, and the tool sees none of these fields.
    Stripped(&'static [&'static str]),
    /// gait refuses with this status and a whole problem document.
    Refused(u16),
    /// A refusal of any kind, also hyper's own or a closed connection.
    Cut,
    /// A refusal of any kind, or one unambiguous call to the row's own target.
    Safe,
}

impl Row {
    /// A row, named after its class and what it tries.
    fn new(name: impl Into<String>, bytes: impl Into<Vec<u8>>, want: Want) -> Row {
        Row { name: name.into(), bytes: bytes.into(), want }
    }

    /// Word `index` of the request line; empty where there is none.
    fn word(&self, index: usize) -> String {
        let text = String::from_utf8_lossy(&self.bytes);
        let line = text.trim_start().split('\r').next().unwrap_or_default();
        line.split(' ').nth(index).unwrap_or_default().to_owned()
    }
}

/// The table's gait and its tool.
struct Bench {
    gait: Gait,
    tool: Recorder,
}

impl Bench {
    /// The fixture, with time-outs short enough for a table.
    fn start() -> Bench {
        let tool = Recorder::start();
        let gait = Setup::fixture("security", tool.address).start();
        Bench { gait, tool }
    }

    /// Runs one row; the complaint when it went otherwise.
    fn run(&self, row: &Row) -> Result<(), String> {
        let mut conn = Conn::open(self.gait.server);
        let answer = conn.write(&row.bytes).try_read().ok();
        if matches!(row.want, Want::Cut | Want::Safe) {
            // What a smuggled rest would do, it does within this.
            std::thread::sleep(Duration::from_millis(20));
        }
        let seen = self.tool.take();
        if let Some(evil) = seen.iter().find(|seen| forbidden(seen)) {
            return Err(format!("the tool was reached: {}", evil.head));
        }
        judge(row, answer.as_ref(), &seen)
    }

    /// Runs a table and reports every row that failed.
    fn run_all(&self, rows: &[Row]) {
        let failures: Vec<String> = rows
            .iter()
            .filter_map(|row| self.run(row).err().map(|why| format!("{}: {why}", row.name)))
            .collect();
        let scrape = self.gait.settled();
        scrape.assert_law();
        std::thread::sleep(Duration::from_millis(100));
        assert_eq!(self.tool.count(), 0, "calls that came after their row's end");
        let (failed, all) = (failures.len(), rows.len());
        assert!(failures.is_empty(), "{failed} of {all} rows:\n{}", failures.join("\n"));
    }
}

/// Whether the policy of the fixture refuses what the tool saw.
fn forbidden(seen: &Seen) -> bool {
    let (method, target) = (seen.method(), seen.target());
    let path = target.split('?').next().unwrap_or_default();
    seen.head.contains("EVIL")
        || path.starts_with("/admin")
        || method == "DELETE" && !path.starts_with("/v1/drafts/")
        || method == "POST" && path.starts_with("/v1/payments")
        || path == "/v1/query" && modes(target) != ["mode=read"]
}

/// The pairs of a query that some server could take for `mode`.
fn modes(target: &str) -> Vec<&str> {
    let query = target.split_once('?').map_or("", |(_, query)| query);
    let is_mode = |pair: &&str| {
        let key = pair.split(['=', '[', '%', '+', ' ']).next().unwrap_or_default();
        key.eq_ignore_ascii_case("mode")
    };
    query.split(['&', ';']).filter(is_mode).collect()
}

/// Compares what came with what was wanted.
fn judge(row: &Row, answer: Option<&Response>, seen: &[Seen]) -> Result<(), String> {
    let status = answer.map(|answer| answer.status);
    match (&row.want, seen) {
        (Want::Forwarded(target, body), [one]) => forwarded(row, one, target, body),
        (Want::Stripped(names), [one]) => stripped(one, names),
        (Want::Refused(wanted), []) => {
            let answer = answer.ok_or("no answer")?;
            refused(answer, *wanted)
        }
        (Want::Cut | Want::Safe, []) if status.is_none_or(|status| status >= 400) => Ok(()),
        (Want::Safe, [one]) if one.target() == row.word(1) => Ok(()),
        _ => Err(format!("status {status:?}, the tool saw {:?}", heads(seen))),
    }
}

/// First lines, for a complaint.
fn heads(seen: &[Seen]) -> Vec<&str> {
    seen.iter().map(|seen| seen.head.as_str()).collect()
}

/// The judged call and no other.
fn forwarded(row: &Row, seen: &Seen, target: &str, body: &[u8]) -> Result<(), String> {
    let same = seen.method() == row.word(0) && seen.target() == target && seen.body == body;
    same.then_some(()).ok_or_else(|| format!("forwarded as {} {:?}", seen.head, seen.body))
}

/// None of the named fields.
fn stripped(seen: &Seen, names: &[&str]) -> Result<(), String> {
    let left: Vec<_> = names.iter().filter(|name| !seen.all(name).is_empty()).collect();
    left.is_empty().then_some(()).ok_or_else(|| format!("{left:?} reached the tool"))
}

/// A whole problem document of gait's own, with the headers of every answer.
fn refused(answer: &Response, status: u16) -> Result<(), String> {
    if answer.status != status {
        return Err(format!("{} instead of {status}: {:?}", answer.status, answer.text()));
    }
    let missing: Vec<_> = ["Gait-Call-Id", "Gait-Verdict", "Gait-Disposition", "Cache-Control"]
        .into_iter()
        .filter(|name| answer.one(name).is_none())
        .collect();
    if !missing.is_empty() {
        return Err(format!("the answer lacks {missing:?}: {answer:?}"));
    }
    if answer.one("Content-Type") != Some("application/problem+json") {
        return Err(format!("content type {:?}", answer.one("Content-Type")));
    }
    let body = answer.json();
    let whole = body["executed"] == false
        && body["status"] == status
        && body["reason_codes"].as_array().is_some_and(|codes| !codes.is_empty())
        && body["call_id"].as_str() == answer.one("Gait-Call-Id")
        && body["type"].is_string();
    whole.then_some(()).ok_or_else(|| format!("half a problem: {body}"))
}

/// Every row of every table.
fn all_rows() -> Vec<Row> {
    [paths::rows(), headers::rows(), bodies::rows(), frames::rows()].into_iter().flatten().collect()
}

#[test]
fn tables() {
    let rows = all_rows();
    assert!(rows.len() >= 150, "{} rows", rows.len());
    Bench::start().run_all(&rows);
}
