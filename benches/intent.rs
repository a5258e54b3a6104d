//! What it costs to read, normalise and judge, as ratios of CPU to a plain parse.
//!
//! `cargo bench --bench intent` runs each step on the same documents in turns with the yardstick:
//! `serde_json::from_slice` into a `Value`, which is what a program that judges nothing would do.
//! The order is swapped from pair to pair; CPU is the thread's own (`/proc/thread-self/schedstat`).
//! The figure is the median over pairs of step ÷ yardstick; the spread stands beside it.
//!
//! | documents | what they are |
//! |---|---|
//! | intent | 1000 intents of 650 bytes, as `gait replay` reads them |
//! | text | a body of 64 KiB that is one long text |
//! | records | a body of 64 KiB with some hundred records |
//!
//! It takes about half a minute. Nothing is asserted about time: shared machines vary, and a ratio
//! within 8 % of another is a tie. Rejected: a harness that compares with figures of another day,
//! when the neighbours were others.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a benchmark ends when anything is odd"
)]

#[path = "../tests/replay/corpus.rs"]
#[expect(dead_code, reason = "the tests want them joined, too")]
mod corpus;

use gait::intent::{ContextDraft, Draft, Intent, read, time};
use gait::json;
use gait::policy::source;
use serde_json::Value;
use std::fs;
use std::hint::black_box;

/// Pairs per row; the median of them is the figure.
const PAIRS: usize = 9;
/// How long one side runs before the other has its turn, in seconds of CPU.
const SLICE_SECONDS: f64 = 0.1;
/// The size of a body.
const BODY_BYTES: usize = 64 << 10;

/// As many rules as the corpus has tools, found by name.
const POLICY: &str = "
default_verdict: block
rules:
  - {name: reads, effect: allow, match: {tool_names: [files.read, db.query]}}
  - {name: writes, effect: require_approval, match: {tool_names: [files.write]}}
  - {name: mails, effect: dry_run, match: {tool_names: [mail.send]}}
";

fn main() {
    println!("| documents | step | yardstick, µs | step, µs | ratio | lowest | highest |");
    println!("|---|---|---|---|---|---|---|");
    intents();
    body("text", &text());
    body("records", &records());
}

/// The steps of a replay.
fn intents() {
    let documents: Vec<String> = (0..1000).map(corpus::intent).collect();
    let policy = source::parse("policy.yaml", POLICY.as_bytes()).expect("a policy");
    let intents: Vec<Intent> = documents.iter().map(|text| intent(text)).collect();
    let each = |step: &dyn Fn(&str)| documents.iter().for_each(|text| step(text));
    let yardstick = || each(&|text| drop(black_box(plain(text))));
    let rows: [(&str, &dyn Fn()); 3] = [
        ("read", &|| each(&|text| drop(black_box(draft(text))))),
        ("read and normalise", &|| each(&|text| drop(black_box(intent(text))))),
        ("judge", &|| {
            for intent in &intents {
                black_box(policy.decide(intent, time::DEFAULT));
            }
        }),
    ];
    for (name, step) in rows {
        row(&format!("intent | {name}"), documents.len(), &yardstick, step);
    }
}

/// The steps of a proxied call whose body gives the args.
fn body(name: &str, text: &str) {
    let value = plain(text);
    let yardstick = || drop(black_box(plain(text)));
    let rows: [(&str, &dyn Fn()); 3] = [
        ("parse", &|| drop(black_box(json::parse(text.as_bytes())))),
        ("doubt", &|| {
            black_box(json::inexact_number(text.as_bytes()));
            black_box(json::aliased_member(&value));
        }),
        ("normalise", &|| drop(black_box(call(&value)))),
    ];
    for (step_name, step) in rows {
        row(&format!("{name} | {step_name}"), 1, &yardstick, step);
    }
}

// === documents ===

fn text() -> String {
    format!("{{\"to\":\"account-7\",\"note\":\"{}\"}}", "n".repeat(BODY_BYTES))
}

fn records() -> String {
    let record = |number: usize| {
        format!(
            "{{\"id\":{number},\"name\":\"item number {number}\",\"price\":{number}.5,\
             \"tags\":[\"new\",\"a\\\"b\",\"größe\"],\"active\":true,\"note\":null,\
             \"owner\":{{\"user_id\":\"u-{number}\",\"mail\":\"a{number}@example.test\"}}}}"
        )
    };
    let mut records = record(0);
    for number in 1.. {
        if records.len() >= BODY_BYTES {
            break;
        }
        records += ",";
        records += &record(number);
    }
    format!("{{\"items\":[{records}],\"to\":\"account-7\"}}")
}

// === steps ===

fn plain(text: &str) -> Value {
    serde_json::from_slice(text.as_bytes()).expect("json")
}

fn draft(text: &str) -> Draft {
    read::from_json(text.as_bytes()).expect("a draft")
}

fn intent(text: &str) -> Intent {
    draft(text).normalise().expect("an intent")
}

/// As the proxy drafts a call: the args are a copy of the body.
fn call(body: &Value) -> Intent {
    let draft = Draft {
        tool_name: "items.create".into(),
        args: body.as_object().cloned().unwrap_or_default(),
        context: ContextDraft {
            identity: "agent-1".into(),
            workspace: "/srv".into(),
            risk_class: "low".into(),
            ..ContextDraft::default()
        },
        ..Draft::default()
    };
    draft.normalise().expect("an intent")
}

// === measuring ===

/// Runs both in turns and prints the row; `count` documents are one run.
fn row(name: &str, count: usize, yardstick: &dyn Fn(), step: &dyn Fn()) {
    let sides = [yardstick, step];
    let runs = sides.map(runs_a_slice);
    let (mut ratios, mut costs) = (Vec::new(), [Vec::new(), Vec::new()]);
    for pair in 0..PAIRS {
        let mut cost = [0.0; 2];
        for turn in 0..2 {
            let side = (pair + turn) % 2;
            cost[side] = seconds(sides[side], runs[side]) * 1e6 / (runs[side] * count) as f64;
            costs[side].push(cost[side]);
        }
        ratios.push(cost[1] / cost[0]);
    }
    ratios.sort_by(f64::total_cmp);
    let (low, high, ratio) = (ratios[0], ratios[PAIRS - 1], median(&ratios));
    let [plain, step] = costs.map(|mut costs| {
        costs.sort_by(f64::total_cmp);
        median(&costs)
    });
    println!("| {name} | {plain:.2} | {step:.2} | {ratio:.2} | {low:.2} | {high:.2} |");
}

/// How many runs fill a slice; warms up on the way.
fn runs_a_slice(run: &dyn Fn()) -> usize {
    let mut runs = 1;
    while seconds(run, runs) < SLICE_SECONDS {
        runs *= 2;
    }
    runs
}

/// The CPU that so many runs take.
fn seconds(run: &dyn Fn(), runs: usize) -> f64 {
    let before = cpu_nanoseconds();
    (0..runs).for_each(|_| run());
    (cpu_nanoseconds() - before) as f64 / 1e9
}

fn cpu_nanoseconds() -> u64 {
    let text = fs::read_to_string("/proc/thread-self/schedstat").expect("schedstat");
    text.split(' ').next().and_then(|field| field.parse().ok()).expect("nanoseconds")
}

/// The middle of sorted values.
fn median(sorted: &[f64]) -> f64 {
    sorted[sorted.len() / 2]
}
