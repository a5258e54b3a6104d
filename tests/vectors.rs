//! The recorded answers of the public tool, asked of the built binary.
//!
//! A row holds when exit status and contractual members are equal. Rows tagged `quirk:*` or
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

/// The members of an answer that must be equal; a missing one equals an empty one.
const MEMBERS: [&str; 24] = [
    "verdict",
    "reason_codes",
    "violations",
    "matched_rule",
    "policy_digest",
    "intent_digest",
    "trace_id",
    "error_code",
    "error_category",
    "created_at",
    "phase",
    "profile",
    "default_verdict",
    "rule_count",
    "simulate_mode",
    "would_have_blocked",
    "simulated_verdict",
    "simulated_reason_codes",
    "required_approvals",
    "valid_approvals",
    "approval_ref",
    "signature_status",
    "key_id",
    "summary",
];

/// Members of a trace and of an audit that change from run to run.
const UNSTABLE: [&str; 6] =
    ["observed_at", "event_id", "latency_ms", "correlation_id", "producer_version", "signature"];

const GATE_EVAL: &str = "gate eval --policy policy.yaml --intent intent.json --no-config \
    --key-mode prod --private-key trace_private.key --evaluation-time 2026-03-01T12:00:00Z \
    --rate-limit-state rate.json --trace-out trace.json --approval-audit-out audit.json \
    --delegation-audit-out daudit.json --json";

#[test]
fn recorded_decisions_hold() {
    let rows = rows(include_str!("vectors/decisions_core.jsonl"));
    assert_eq!(rows.len(), 422);
    each(&rows, |row| {
        let place = Place::new();
        place.put("policy.yaml", bytes(row, "policy"));
        place.put("intent.json", bytes(row, "intent"));
        place.put("trace_private.key", PRIVATE_KEY);
        let mut bad = ask(row, "policy_test", &place, "policy test policy.yaml intent.json --json");
        bad.extend(ask(row, "policy_validate", &place, "policy validate policy.yaml --json"));
        bad.extend(ask(row, "gate_eval", &place, GATE_EVAL));
        bad.extend(left_behind(row, "gate_eval", &place));
        bad.extend(ask(row, "gate_simulate", &place, &format!("{GATE_EVAL} --simulate")));
        bad.extend(left_behind(row, "gate_simulate", &place));
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
    let mut bad = Vec::new();
    if want["exit"] != run.exit {
        bad.push(format!("exit {}, recorded {} {}", run.exit, want["exit"], run.log));
    }
    for name in MEMBERS.iter().chain(&["ok"]) {
        if !same(&want["json"][*name], &got[*name]) {
            bad.push(format!("{name} {}, recorded {}", got[*name], want["json"][*name]));
        }
    }
    bad
}

/// The written trace and audit, member by member, and the trace's signature.
fn left_behind(row: &Value, part: &str, place: &Place) -> Vec<String> {
    let want = &row[part];
    if want["trace"].is_null() || is_lenient(row) {
        return Vec::new();
    }
    let mut bad = members("trace", &want["trace"], &place.json("trace.json"));
    let record = Record::read(&std::fs::read(place.path("trace.json")).unwrap()).unwrap();
    if let Err(error) = record.verify(&PublicKey::parse(PUBLIC_KEY).unwrap()) {
        bad.push(error.to_string());
    }
    if !want["approval_audit"].is_null() {
        bad.extend(members("audit", &want["approval_audit"], &place.json("audit.json")));
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

/// Equal, or both empty.
fn same(want: &Value, got: &Value) -> bool {
    let empty = |value: &Value| {
        value.is_null()
            || *value == 0
            || *value == false
            || *value == ""
            || *value == Value::Array(Vec::new())
    };
    want == got || (empty(want) && empty(got))
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
