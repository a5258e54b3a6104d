//! Ways to be taken for somebody else, each row with the one reason it must be refused for.
//!
//! The tables stand in `attacks/`; this file runs them: over HTTP/1.1 and HTTP/2, against a route
//! that takes anonymous calls and against one that does not. Whatever a row tries, four things
//! hold for all: the tool is not reached, the evidence names nobody, the caller is not taken for
//! anonymous either, and what it showed stands in no answer, log, metric or line. Twins that differ
//! from attacks in the one thing that matters get through, so that no row is refused for a reason
//! that is not its own.

mod certificates;
mod claims;
mod headers;
mod keys;
mod tokens;
mod world;

use crate::support::{Ask, Caller, Gait, Origin, Pair, Recorder, Response, Scrape, Seen, wait_for};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use world::World;

/// Callers from here are strangers.
const ANYWHERE: Ipv4Addr = Ipv4Addr::LOCALHOST;
/// What comes from here is a proxy whose word is taken.
const EDGE: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);
/// Takes anonymous calls, and takes none.
const PATHS: [&str; 2] = ["/open/x", "/closed/x"];
/// A shorter value says nothing about whom it came from.
const SECRET_MIN: usize = 12;

/// One request and its fate.
#[derive(Debug)]
struct Row {
    name: String,
    from: Ipv4Addr,
    own: Option<Arc<Pair>>,
    wires: &'static [Wire],
    ask: Ask,
    /// Who it is all the same, where it is refused for something else.
    caller: Option<&'static str>,
    want: Want,
}

/// Which HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wire {
    H1,
    H2,
}

/// What must come of a row.
#[derive(Clone, Debug)]
enum Want {
    /// A refusal with this status and this reason.
    Refused(u16, &'static str),
    /// There is no connection to ask on.
    NoHandshake,
    /// A forwarded call of this caller.
    Known(&'static str),
}

impl Row {
    fn new(name: impl Into<String>, want: Want) -> Row {
        let wires = [Wire::H1, Wire::H2].as_slice();
        let ask = Ask::default();
        Row { name: name.into(), from: ANYWHERE, own: None, wires, ask, caller: None, want }
    }

    /// Refused as not authenticated.
    fn refused(name: impl Into<String>, code: &'static str) -> Row {
        Row::new(name, Want::Refused(401, code))
    }

    fn field(mut self, name: &str, value: impl Into<String>) -> Row {
        self.ask.fields.push((name.to_owned(), value.into()));
        self
    }

    fn bearer(self, token: impl Into<String>) -> Row {
        let token: String = token.into();
        self.field("Authorization", format!("Bearer {token}"))
    }

    fn trailer(mut self, name: &str, value: &str) -> Row {
        self.ask.trailers.push((name.to_owned(), value.to_owned()));
        self
    }

    fn at_edge(mut self) -> Row {
        self.from = EDGE;
        self
    }

    fn with(mut self, pair: &Arc<Pair>) -> Row {
        self.own = Some(pair.clone());
        self
    }

    /// Refused, but not for who it is.
    fn by(mut self, caller: &'static str) -> Row {
        self.caller = Some(caller);
        self
    }

    /// Only as literal bytes: no client of HTTP/2 would send it.
    fn h1_only(mut self) -> Row {
        self.wires = &[Wire::H1];
        self
    }

    /// What must show up nowhere: whole values, and what follows the scheme.
    fn secrets(&self) -> impl Iterator<Item = &str> {
        let fields = self.ask.fields.iter().chain(&self.ask.trailers);
        let parts = fields.flat_map(|(_, value)| value.split([' ', ',', '.']).chain([&**value]));
        parts.filter(|part| part.len() >= SECRET_MIN)
    }
}

/// The tables' gait and its tool.
struct Bench {
    gait: Gait,
    tool: Recorder,
    world: World,
    mesh: SocketAddr,
}

impl Bench {
    fn start() -> Bench {
        let (world, tool) = (World::new(), Recorder::start());
        let gait = world.gait(tool.address);
        let mesh = gait.listener("mesh").parse().unwrap();
        Bench { gait, tool, world, mesh }
    }

    /// Asks once, as the row says.
    fn ask(&self, row: &Row, wire: Wire, path: &str) -> io::Result<Response> {
        let under_tls = wire == Wire::H2 || row.own.is_some();
        let alpn: &[&str] = if wire == Wire::H2 { &["h2"] } else { &["http/1.1"] };
        let tls = under_tls.then(|| {
            let caller = Caller::of(&self.world.authority.pem());
            Caller { shows: row.own.as_deref().cloned(), alpn, ..caller }
        });
        let to = if under_tls { self.mesh } else { self.gait.server };
        let origin = Origin { from: row.from, tls };
        match wire {
            Wire::H1 => origin.h1(to, &row.ask.bytes(path)),
            Wire::H2 => origin.h2(to, path, &row.ask),
        }
    }

    /// Runs one row everywhere; the calls that had an answer, or the complaint.
    fn run(&self, row: &Row) -> Result<Vec<String>, String> {
        let mut calls = Vec::new();
        for (wire, path) in row.wires.iter().flat_map(|wire| PATHS.map(|path| (*wire, path))) {
            let answer = self.ask(row, wire, path);
            let seen = self.tool.take();
            calls.extend(
                answer
                    .as_ref()
                    .ok()
                    .and_then(|answer| answer.one("Gait-Call-Id"))
                    .map(str::to_owned),
            );
            judge(row, answer, &seen).map_err(|why| format!("{wire:?} {path}: {why}"))?;
        }
        Ok(calls)
    }

    /// Runs a table, reports every row that failed, and holds the evidence against it.
    fn run_all(&self, rows: &[Row]) {
        let (mut failures, mut ended) = (Vec::new(), Vec::new());
        for row in rows {
            match self.run(row) {
                Ok(calls) => ended.push((row, calls)),
                Err(why) => failures.push(format!("{}: {why}", row.name)),
            }
        }
        assert!(
            failures.is_empty(),
            "{} of {} rows:\n{}",
            failures.len(),
            rows.len(),
            failures.join("\n")
        );
        let lines = self.lines(ended.iter().map(|(_, calls)| calls.len()).sum());
        for (row, calls) in &ended {
            for call in calls {
                recorded(row, call, &lines);
            }
        }
    }

    /// The closing lines of at least so many calls.
    fn lines(&self, calls: usize) -> Vec<Value> {
        wait_for("a line of every call", || {
            let lines = self.gait.evidence();
            let closing =
                |line: &&Value| ["call", "outcome"].iter().any(|kind| line["kind"] == *kind);
            (lines.iter().filter(closing).count() >= calls).then_some(lines)
        })
    }
}

/// Without its last character.
fn cut(text: &str) -> &str {
    let mut chars = text.chars();
    chars.next_back();
    chars.as_str()
}

/// Compares what came with what was wanted.
fn judge(row: &Row, answer: io::Result<Response>, seen: &[Seen]) -> Result<(), String> {
    match (&row.want, answer, seen) {
        (Want::NoHandshake, Err(_), []) => Ok(()),
        (Want::Refused(status, code), Ok(answer), []) => refused(row, &answer, *status, code),
        (Want::Known(_), Ok(answer), [one]) if answer.status == 200 => stripped(row, one),
        (_, answer, seen) => {
            let heads: Vec<_> = seen.iter().map(|seen| seen.head.as_str()).collect();
            let answer = answer.map(|answer| (answer.status, answer.text()));
            Err(format!("wanted {:?}, got {answer:?}, the tool saw {heads:?}", row.want))
        }
    }
}

/// A refusal for the row's own reason, which repeats nothing of what was shown.
fn refused(row: &Row, answer: &Response, status: u16, code: &str) -> Result<(), String> {
    let body = answer.json();
    if answer.status != status || body["reason_codes"] != serde_json::json!([code]) {
        return Err(format!("wanted {status} {code}, got {} {body}", answer.status));
    }
    if status == 401 && answer.one("WWW-Authenticate").is_none() {
        return Err("a 401 without a challenge".to_owned());
    }
    let whole = format!("{:?} {}", answer.fields, answer.text());
    match row.secrets().find(|secret| whole.contains(secret)) {
        Some(secret) => Err(format!("`{secret}` stands in the answer {whole}")),
        None => Ok(()),
    }
}

/// The tool sees none of the fields that say who calls.
fn stripped(row: &Row, seen: &Seen) -> Result<(), String> {
    let fields = row.ask.fields.iter().chain(&row.ask.trailers);
    let left: Vec<_> = fields.filter(|(name, _)| !seen.all(name).is_empty()).collect();
    left.is_empty().then_some(()).ok_or_else(|| format!("{left:?} reached the tool"))
}

/// The lines of a call name its caller, or nobody where it was refused.
fn recorded(row: &Row, call: &str, lines: &[Value]) {
    let mut own = lines.iter().filter(|line| line["call_id"] == call).peekable();
    assert!(own.peek().is_some(), "{}: no line", row.name);
    for line in own {
        match row.want {
            Want::Known(identity) => {
                assert_eq!(line["identity"], identity, "{}: {line}", row.name);
                assert_eq!(line["disposition"], "forwarded", "{}: {line}", row.name);
            }
            Want::Refused(status, _) => {
                // Of what is malformed nobody asks who sent it.
                let nobody = (status == 400).then_some("anonymous");
                let caller = row.caller.or(nobody);
                assert_eq!(line["identity"].as_str(), caller, "{}: {line}", row.name);
                assert_eq!(line["disposition"], "denied", "{}: {line}", row.name);
            }
            Want::NoHandshake => panic!("{}: {line}", row.name),
        }
    }
}

/// Every reason is counted as often as a caller was refused for it.
fn counted(rows: &[Row], scrape: &Scrape) {
    let mut wanted: BTreeMap<&str, usize> = BTreeMap::new();
    for row in rows {
        if let Want::Refused(401 | 403, code) = row.want {
            *wanted.entry(code).or_default() += row.wires.len() * PATHS.len();
        }
    }
    for (code, calls) in wanted {
        let counted = scrape.sum("gait_identity_refused_total", &[("reason", code)]);
        assert_eq!(counted, calls as f64, "`{code}`");
    }
}

#[test]
fn nobody_is_taken_for_somebody_else() {
    let bench = Bench::start();
    let rows: Vec<Row> = [
        headers::rows(&bench.world),
        tokens::rows(&bench.world),
        claims::rows(&bench.world),
        keys::rows(&bench.world),
        certificates::rows(&bench.world),
    ]
    .into_iter()
    .flatten()
    .collect();
    assert!(rows.len() >= 100, "{} rows", rows.len());
    let names: BTreeSet<&str> = rows.iter().map(|row| row.name.as_str()).collect();
    assert_eq!(names.len(), rows.len(), "two rows of one name");
    bench.run_all(&rows);
    let scrape = bench.gait.settled();
    scrape.assert_law();
    assert_eq!(scrape.total("gait_permits_total"), 0.0, "a permit for an attack");
    counted(&rows, &scrape);
    silent(&bench, &rows);
    bench.run_all(&world::twins(&bench.world));
    bench.gait.settled().assert_law();
}

/// What was shown stands in no log, metric or line.
fn silent(bench: &Bench, rows: &[Row]) {
    let places = [
        ("log", bench.gait.log()),
        ("metrics", bench.gait.telemetry("/metrics").text()),
        ("evidence", bench.gait.evidence().iter().map(Value::to_string).collect()),
    ];
    for secret in rows.iter().flat_map(Row::secrets).collect::<BTreeSet<_>>() {
        for (place, text) in &places {
            assert!(!text.contains(secret), "`{secret}` stands in the {place}");
        }
    }
}
