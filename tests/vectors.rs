//! The recorded answers of the public tool, asked of the built binary.
//!
//! A row holds when exit status and all members but those in [`FREE`] are equal, and so are the
//! trace and the audits that are written. Rows tagged `quirk:*` or
//! `non_utf8` record an accident of another program's reader; there, refusing with exit 6 is as
//! good. Every trace that is written must also verify.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "test data is as recorded")]

mod command;

use base64::Engine as _;
use command::{Place, Run};
use gait::sign::PublicKey;
use gait::trace::Record;
use serde_json::Value;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The fixed test key of the recorded answers: seed 0x07 repeated.
const PRIVATE_KEY: &str =
    "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwfqSmxj4pxSCr71UHsTLsX5lUd2rr6+e5JCHuppFEbSLA==";
const PUBLIC_KEY: &str = "6kpsY+KcUgq+9VB7Ey7F+ZVHdq6+vnuSQh7qaRRG0iw=";

/// Members of an answer that may differ: texts that are ours to write, paths that the row does not
/// keep, an id that depends on the arguments, and one that the format leaves open.
const FREE: [&str; 10] = [
    "approval_audit_path",
    "correlation_id",
    "credential_evidence_path",
    "delegation_audit_path",
    "error",
    "hint",
    "migration",
    "trace_path",
    "warnings",
    "formatted",
];

/// Members of a trace and of an audit that change from run to run.
const UNSTABLE: [&str; 6] =
    ["observed_at", "event_id", "latency_ms", "correlation_id", "producer_version", "signature"];

const GATE_EVAL: &str = "gate eval --policy policy.yaml --intent intent.json --no-config \
    --key-mode prod --private-key trace_private.key --evaluation-time 2026-03-01T12:00:00Z \
    --rate-limit-state rate.json --trace-out trace.json --approval-audit-out audit.json \
    --delegation-audit-out daudit.json --json";

/// Files that one evaluation leaves and the next must not find.
const LEFT: [&str; 4] = ["rate.json", "trace.json", "audit.json", "daudit.json"];

#[test]
fn recorded_decisions_hold() {
    let core = rows(include_str!("vectors/decisions_core.jsonl"));
    assert_eq!(core.len(), 422);
    each(&core, decision);
    let extended = rows(include_str!("vectors/decisions_extended.jsonl"));
    assert_eq!(extended.len(), 352);
    each(&extended, decision);
}

#[test]
fn recorded_approvals_hold() {
    let rows = rows(include_str!("vectors/approvals.jsonl"));
    assert_eq!(rows.len(), 90);
    each(&rows, decision);
}

/// Asks everything that a row has an answer to.
fn decision(row: &Value) -> Vec<String> {
    let place = Place::new();
    place.put("policy.yaml", bytes(row, "policy"));
    place.put("intent.json", bytes(row, "intent"));
    place.put("trace_private.key", PRIVATE_KEY);
    for (name, text) in row["files"].as_object().into_iter().flatten() {
        place.put(name, text.as_str().unwrap());
    }
    let mut bad = ask(row, "policy_test", &place, "policy test policy.yaml intent.json --json");
    bad.extend(ask(row, "policy_validate", &place, "policy validate policy.yaml --json"));
    let more = row["gate_args"].as_array().map_or(Vec::new(), |_| list::<&str>(&row["gate_args"]));
    for (part, last) in [("gate_eval", ""), ("gate_simulate", "--simulate")] {
        for name in LEFT {
            let _ = std::fs::remove_file(place.path(name));
        }
        bad.extend(ask(row, part, &place, &format!("{GATE_EVAL} {} {last}", more.join(" "))));
        bad.extend(left_behind(row, part, &place));
    }
    bad
}

#[test]
fn recorded_counts_hold() {
    let rows = rows(include_str!("vectors/ratelimit.jsonl"));
    assert_eq!(rows.len(), 18);
    each(&rows, |row| {
        // A window may end between two steps, but not twice.
        let bad = counts(row);
        if bad.is_empty() { bad } else { counts(row) }
    });
}

fn counts(row: &Value) -> Vec<String> {
    let place = Place::new();
    place.put("policy.yaml", bytes(row, "policy"));
    place.put("trace_private.key", PRIVATE_KEY);
    let mut bad = Vec::new();
    for (number, step) in row["steps"].as_array().unwrap().iter().enumerate() {
        place.put("intent.json", step["intent"].as_str().unwrap());
        let simulate = if step["simulate"] == true { "--simulate" } else { "" };
        let args = format!("{GATE_EVAL} {simulate}");
        let args: Vec<&str> = args.split_whitespace().collect();
        let found = differences(row, &step["result"], &place.gait(&args, &[]));
        bad.extend(found.into_iter().map(|text| format!("step {number}: {text}")));
    }
    bad
}

#[test]
fn recorded_simulations_hold() {
    let rows = rows(include_str!("vectors/simulate.jsonl"));
    assert_eq!(rows.len(), 35);
    each(&rows, |row| {
        let place = Place::new();
        place.put("base.yaml", row["baseline"].as_str().unwrap());
        place.put("cand.yaml", row["candidate"].as_str().unwrap());
        for (name, text) in row["fixtures"].as_object().unwrap() {
            let below = if name.starts_with("fx") { name.clone() } else { format!("fx/{name}") };
            place.put(&below, text.as_str().unwrap());
        }
        let args: Vec<&str> = list(&row["argv"]);
        differences(row, &row["result"], &place.gait(&args, &[]))
    });
}

#[test]
fn recorded_forms_keep_their_digest() {
    let rows = rows(include_str!("vectors/fmt.jsonl"));
    assert_eq!(rows.len(), 20);
    each(&rows, |row| {
        let place = Place::new();
        place.put("policy.yaml", row["policy"].as_str().unwrap());
        let args: Vec<&str> = list(&row["argv"]);
        let run = place.gait(&args, &[]);
        let mut bad = Vec::new();
        if row["result"]["exit"] != run.exit {
            bad.push(format!("exit {}, recorded {}", run.exit, row["result"]["exit"]));
        }
        let (got, want) = (&run.json()["policy_digest"], &row["result"]["json"]["policy_digest"]);
        if got != want {
            bad.push(format!("digest {got}, recorded {want}"));
        }
        bad
    });
}

#[test]
fn recorded_traces_hold() {
    let rows = rows(include_str!("vectors/traces.jsonl"));
    assert_eq!(rows.len(), 60);
    each(&rows, |row| {
        let place = Place::new();
        place.put("trace.json", row["trace"].as_str().unwrap());
        if let Some(key) = row["public_key"].as_str() {
            place.put("pub.key", key);
        }
        let args: Vec<&str> = list(&row["argv"]);
        differences(row, &row["result"], &place.gait(&args, &[]))
    });
}

/// Runs `check` over the rows on every core; fails with the first rows that do not hold.
fn each(rows: &[Value], check: impl Fn(&Value) -> Vec<String> + Sync) {
    let (next, bad) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some(row) = rows.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let found = check(row);
                    if !found.is_empty() {
                        let line =
                            format!("{} {}: {}", row["id"], row["feature"], found.join("; "));
                        bad.lock().unwrap().push(line);
                    }
                }
            });
        }
    });
    let bad = bad.into_inner().unwrap();
    assert!(bad.is_empty(), "{} rows do not hold:\n{}", bad.len(), bad.join("\n"));
}

/// Asks one question of a row; what differs from the recorded answer.
fn ask(row: &Value, part: &str, place: &Place, args: &str) -> Vec<String> {
    if row[part].is_null() {
        return Vec::new();
    }
    let args: Vec<&str> = args.split_whitespace().collect();
    let differences = differences(row, &row[part], &place.gait(&args, &[]));
    differences.into_iter().map(|text| format!("{part}: {text}")).collect()
}

fn differences(row: &Value, want: &Value, run: &Run) -> Vec<String> {
    let got = run.json();
    let refused = run.exit == 6 && got["ok"] == false && got["error_code"] == "invalid_input";
    if is_lenient(row) && refused {
        return Vec::new();
    }
    if list::<&str>(&row["feature"]).contains(&"security:reference_flaw") {
        return flaw(&got);
    }
    let mut bad = Vec::new();
    if want["exit"] != run.exit {
        bad.push(format!("exit {}, recorded {} {}", run.exit, want["exit"], run.log));
    }
    let names = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    let mut names = [names(&want["json"]), names(&got)].concat();
    names.retain(|name| !FREE.contains(&name.as_str()));
    names.sort();
    names.dedup();
    for name in names.iter().filter(|name| want["json"][*name] != got[*name]) {
        bad.push(format!("{name} {}, recorded {}", got[name], want["json"][name]));
    }
    bad
}

/// A row that records a known hole holds where the hole is closed.
fn flaw(got: &Value) -> Vec<String> {
    let of = |plain: &str| match got["simulate_mode"] == true {
        true => got[format!("simulated_{plain}")].clone(),
        false => got[plain].clone(),
    };
    let distinct = Value::from("approval_distinct_approvers_required");
    let named = of("reason_codes").as_array().is_some_and(|codes| codes.contains(&distinct));
    match of("verdict") == "require_approval" && named {
        true => Vec::new(),
        false => vec![format!("the hole is open: {got}")],
    }
}

/// The written trace and audit, member by member, and the trace's signature.
fn left_behind(row: &Value, part: &str, place: &Place) -> Vec<String> {
    let want = &row[part];
    let flawed = list::<&str>(&row["feature"]).contains(&"security:reference_flaw");
    if want["trace"].is_null() || is_lenient(row) || flawed {
        return Vec::new();
    }
    let mut bad = members("trace", &want["trace"], &place.json("trace.json"));
    let record = Record::read(&std::fs::read(place.path("trace.json")).unwrap()).unwrap();
    if let Err(error) = record.verify(&PublicKey::parse(PUBLIC_KEY).unwrap()) {
        bad.push(error.to_string());
    }
    for (audit, file) in [("approval_audit", "audit.json"), ("delegation_audit", "daudit.json")] {
        match (want[audit].is_null(), place.path(file).exists()) {
            (true, false) => {}
            (false, true) => bad.extend(members(audit, &want[audit], &place.json(file))),
            (wanted, _) => bad.push(format!("{audit}: recorded none {wanted}, written otherwise")),
        }
    }
    bad
}

/// All stable members of both objects.
fn members(what: &str, want: &Value, got: &Value) -> Vec<String> {
    let names = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    let mut names = [names(want), names(got)].concat();
    names.retain(|name| !UNSTABLE.contains(&name.as_str()));
    names.sort();
    names.dedup();
    let differs = |name: &String| want[name] != got[name];
    names
        .into_iter()
        .filter(differs)
        .map(|name| format!("{what}.{name} {}, recorded {}", got[&name], want[&name]))
        .collect()
}

fn is_lenient(row: &Value) -> bool {
    let mut tags = list::<&str>(&row["feature"]).into_iter();
    tags.any(|tag| tag.starts_with("quirk:") || tag == "non_utf8")
}

fn rows(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn list<'a, T: From<&'a str>>(value: &'a Value) -> Vec<T> {
    value.as_array().unwrap().iter().map(|item| item.as_str().unwrap().into()).collect()
}

/// A document as text, or as base64 where it is not UTF-8.
fn bytes(row: &Value, name: &str) -> Vec<u8> {
    match row[name].as_str() {
        Some(text) => text.as_bytes().to_vec(),
        None => base64::engine::general_purpose::STANDARD
            .decode(row[format!("{name}_b64")].as_str().unwrap())
            .unwrap(),
    }
}
