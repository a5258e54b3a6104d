//! Counters that several processes share, and processes that are killed while they count.
//!
//! The processes are this very test binary, started again for the one test [`spender`].
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a process that cannot go on should stop the test"
)]

use gait::policy::limit::{Limit, Scope, Window};
use gait::store::StoreError;
use gait::store::rate_limits::{Charge, Counted, spend};
use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::slice;
use std::time::Duration;

/// The file that a spender is to use; only a spender has it.
const STATE: &str = "GAIT_TEST_STATE";

/// How often it is to spend.
const TIMES: &str = "GAIT_TEST_TIMES";

const REQUESTS: u64 = 137;

/// The window is one hour of a day that does not pass while the tests run.
const NOW: &str = "2026-03-01T12:30:00Z";

/// Spends once: whether it was allowed, and how many the window has.
fn spend_once(state: &Path, requests: u64) -> (bool, u64) {
    let limit = Limit { requests, window: Window::Hour, scope: Scope::Identity };
    let intent =
        r#"{"tool_name":"t","context":{"identity":"ada","workspace":"/w","risk_class":"low"}}"#;
    let intent = gait::intent::read::from_json(intent.as_bytes()).unwrap().normalise().unwrap();
    let charge = Charge::of(Counted::RateLimit, limit, &intent);
    let spent = loop {
        match spend(state, slice::from_ref(&charge), || NOW.parse().unwrap()) {
            // On a slow disk the others keep the lock for longer than anybody waits.
            Err(StoreError::Held { .. }) => {}
            ended => break ended.unwrap(),
        }
    };
    (spent[0].allowed, spent[0].used)
}

/// Not a test of its own: what the other processes run.
#[test]
fn spender() {
    let (Ok(state), Ok(times)) = (std::env::var(STATE), std::env::var(TIMES)) else { return };
    let requests = std::env::var("GAIT_TEST_REQUESTS").unwrap().parse().unwrap();
    let mut out = std::io::stdout();
    for _ in 0..times.parse::<u32>().unwrap() {
        let (allowed, _) = spend_once(Path::new(&state), requests);
        let word = if allowed { "allowed" } else { "refused" };
        writeln!(out, "spent: {word}").unwrap();
        out.flush().unwrap();
    }
}

fn start(state: &Path, times: u32, requests: u64) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "spender", "--nocapture", "--test-threads=1"])
        .env(STATE, state)
        .env(TIMES, times.to_string())
        .env("GAIT_TEST_REQUESTS", requests.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

/// How often the process said each word.
fn said(child: &mut Child) -> BTreeMap<String, u64> {
    let lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    let mut counts = BTreeMap::new();
    for line in lines {
        // The harness prints the test's name on the same line first.
        if let Some((_, word)) = line.split_once("spent: ") {
            *counts.entry(word.to_owned()).or_default() += 1;
        }
    }
    counts
}

#[test]
fn eight_processes_get_exactly_what_the_limit_allows() {
    let dir = tempfile::tempdir().unwrap();
    let state = dir.path().join("new/rate.json");
    let children: Vec<_> = (0..8).map(|_| start(&state, 50, REQUESTS)).collect();
    let mut totals: BTreeMap<String, u64> = BTreeMap::new();
    for mut child in children {
        for (word, count) in said(&mut child) {
            *totals.entry(word).or_default() += count;
        }
        assert!(child.wait().unwrap().success());
    }
    assert_eq!(totals["allowed"], REQUESTS);
    assert_eq!(totals["refused"], 400 - REQUESTS);
    assert_eq!(spend_once(&state, REQUESTS), (false, REQUESTS));
    assert_eq!(std::fs::read_dir(state.parent().unwrap()).unwrap().count(), 1);
}

#[test]
fn a_killed_process_loses_no_count_and_holds_nobody_up() {
    let dir = tempfile::tempdir().unwrap();
    let state = dir.path().join("rate.json");
    // What the file said after the last round.
    let mut known = 0;
    for round in 0..24_u64 {
        let mut child = start(&state, 10_000, u64::MAX);
        std::thread::sleep(Duration::from_millis(20 + 7 * round));
        child.kill().unwrap();
        let finished = said(&mut child).get("allowed").copied().unwrap_or_default();
        child.wait().unwrap();
        // Readable, and only the spend in flight may be counted or not.
        let (allowed, used) = spend_once(&state, u64::MAX);
        let before = used - 1;
        let counted = before - known;
        assert!(allowed);
        assert!(counted == finished || counted == finished + 1, "{counted} of {finished}");
        known = used;
    }
    assert!(known > 24, "no round spent anything");
}
