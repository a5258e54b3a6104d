//! Counting in memory: windows, room, and what a restart knows.

use super::*;
use crate::store::rate_limits::spend;
use proptest::prelude::*;
use serde_json::json;
use std::path::Path;
use std::thread;

const NOON: &str = "2026-03-01T12:00:30Z";
const ROOM: usize = 1 << 20;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn limit(requests: u64, window: Window, scope: Scope) -> Option<Limit> {
    Some(Limit { requests, window, scope })
}

fn calls(requests: u64, window: Window, scope: Scope) -> Demands {
    Demands { rate_limit: limit(requests, window, scope), ..Demands::default() }
}

fn intent(tool: &str, operation: &str) -> Intent {
    let intent = json!({
        "tool_name": tool,
        "targets": [{"kind": "path", "value": "/x", "operation": operation}],
        "context": {"identity": "ada", "workspace": "/w", "risk_class": "low"},
    });
    crate::intent::read::from_json(intent.to_string().as_bytes()).unwrap().normalise().unwrap()
}

fn open(dir: &Path) -> Live {
    Live::open(dir.join("rate_limits.json")).unwrap()
}

/// Whether a call goes through.
fn passes(live: &Live, demands: &Demands, now: &str) -> bool {
    let tally = live.charge(demands, &intent("t", "read"), Toll::Take, at(now), ROOM).unwrap();
    assert_eq!(tally.charged.is_some(), tally.exceeded.is_empty());
    tally.exceeded.is_empty()
}

#[test]
fn a_window_counts_to_its_limit_and_the_next_begins_anew() {
    let dir = tempfile::tempdir().unwrap();
    let live = open(dir.path());
    let two = calls(2, Window::Minute, Scope::Tool);
    let passed: Vec<bool> = (0..4).map(|_| passes(&live, &two, NOON)).collect();
    assert_eq!(passed, [true, true, false, false]);
    let read = intent("t", "read");
    let tally = live.charge(&two, &read, Toll::Take, at(NOON), ROOM).unwrap();
    assert_eq!(tally.exceeded, [Counted::RateLimit]);
    assert_eq!(tally.renewed_at, Some(at("2026-03-01T12:01:00Z")));
    let other = live.charge(&two, &intent("other", "read"), Toll::Take, at(NOON), ROOM).unwrap();
    assert!(other.charged.unwrap().covers(&two, &intent("other", "read")));
    assert!(passes(&live, &two, "2026-03-01T12:01:00Z"));
    assert_eq!(live.counters(), 1, "the old window is gone");
}

#[test]
fn a_look_counts_nothing_and_proves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let live = open(dir.path());
    let one = calls(1, Window::Hour, Scope::Identity);
    let look = || live.charge(&one, &intent("t", "read"), Toll::Look, at(NOON), 0).unwrap();
    for _ in 0..3 {
        let tally = look();
        assert!(tally.exceeded.is_empty() && tally.charged.is_none());
    }
    assert!(passes(&live, &one, NOON));
    assert_eq!(look().exceeded, [Counted::RateLimit]);
}

#[test]
fn budgets_count_destruction_alone_and_both_limits_count() {
    let dir = tempfile::tempdir().unwrap();
    let live = open(dir.path());
    let both = Demands {
        rate_limit: limit(3, Window::Hour, Scope::Tool),
        destructive_budget: limit(1, Window::Hour, Scope::Tool),
        ..Demands::default()
    };
    let exceeded = |operation: &str| {
        live.charge(&both, &intent("t", operation), Toll::Take, at(NOON), ROOM).unwrap().exceeded
    };
    assert_eq!(exceeded("read"), []);
    assert_eq!(exceeded("delete"), []);
    assert_eq!(exceeded("delete"), [Counted::DestructiveBudget]);
    // The blocked one was counted by the rate limit all the same.
    assert_eq!(exceeded("read"), [Counted::RateLimit]);
    assert_eq!(exceeded("delete"), [Counted::RateLimit, Counted::DestructiveBudget]);
}

#[test]
fn a_proof_is_of_one_intent_and_its_demands() {
    let dir = tempfile::tempdir().unwrap();
    let live = open(dir.path());
    let (one, two) =
        (calls(1, Window::Hour, Scope::Tool), calls(2, Window::Hour, Scope::ToolIdentity));
    let read = intent("t", "read");
    let tally = live.charge(&one, &read, Toll::Take, at(NOON), ROOM).unwrap();
    let proof = tally.charged.unwrap();
    assert!(proof.covers(&one, &read));
    assert!(!proof.covers(&two, &read));
    assert!(!proof.covers(&one, &intent("t", "write")));
}

#[test]
fn a_restart_knows_what_was_written_and_only_the_newest_windows() {
    let dir = tempfile::tempdir().unwrap();
    let (minute, hour) =
        (calls(2, Window::Minute, Scope::ToolIdentity), calls(2, Window::Hour, Scope::Tool));
    let live = open(dir.path());
    assert!(passes(&live, &minute, NOON) && passes(&live, &hour, NOON));
    live.flush().unwrap();
    assert!(passes(&live, &hour, NOON));
    drop(live);
    let live = open(dir.path());
    assert_eq!(live.counters(), 2);
    assert!(passes(&live, &hour, NOON), "what was not written is forgotten");
    assert!(!passes(&live, &hour, NOON));
    live.flush().unwrap();
    let later = open(dir.path());
    assert!(!passes(&later, &hour, "2026-03-01T12:59:59Z"));
    assert!(passes(&later, &minute, "2026-03-01T12:59:59Z"));
}

#[test]
fn the_file_is_that_of_the_command_line() {
    let dir = tempfile::tempdir().unwrap();
    let demands = calls(3, Window::Hour, Scope::ToolIdentity);
    let state = dir.path().join("rate_limits.json");
    let charge = charges(&demands, &intent("t", "read"));
    let by_command = || spend(&state, &charge, || at(NOON)).unwrap().remove(0);
    assert_eq!(by_command().used, 1);
    let live = open(dir.path());
    assert!(passes(&live, &demands, NOON));
    live.flush().unwrap();
    assert_eq!((by_command().used, by_command().allowed), (3, false));
}

#[test]
fn a_clock_set_back_a_little_opens_no_window_again() {
    let dir = tempfile::tempdir().unwrap();
    let live = open(dir.path());
    let one = calls(1, Window::Minute, Scope::Tool);
    assert!(passes(&live, &one, NOON));
    assert!(!passes(&live, &one, "2026-03-01T11:59:59Z"));
    assert!(!passes(&live, &one, NOON));
    assert!(passes(&live, &one, "2026-03-01T10:00:00Z"), "a wrong clock that was mended");
}

#[test]
fn without_room_nothing_new_is_counted_and_the_known_go_on() {
    let dir = tempfile::tempdir().unwrap();
    let live = open(dir.path());
    let many = calls(1_000, Window::Hour, Scope::Tool);
    let room = 20_000;
    let charge = |tool: &str| live.charge(&many, &intent(tool, "read"), Toll::Take, at(NOON), room);
    // The worst that a key can be: all of it escapes in the file.
    let refused = (0..1_000).find(|n| charge(&format!("{n}{}", "\u{1}".repeat(50))).is_err());
    let refused = refused.unwrap();
    assert!(refused > 10, "{refused}");
    let long = |tool: &str| format!("{tool}{}", "\u{1}".repeat(50));
    assert_eq!(charge(&long("new")).unwrap_err(), Full);
    assert!(charge(&long("0")).is_ok());
    live.flush().unwrap();
    let bytes = std::fs::metadata(dir.path().join("rate_limits.json")).unwrap().len();
    assert!(bytes < room as u64 + 1_024, "{bytes}");
    assert!(live.charge(&many, &intent("new", "read"), Toll::Take, at(NOON), ROOM).is_ok());
}

#[test]
fn a_file_that_means_nothing_is_not_taken_up() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("rate_limits.json");
    for text in ["", "{}", "[]"] {
        std::fs::write(&file, text).unwrap();
        assert!(Live::open(file.clone()).unwrap_err().is_input(), "{text:?}");
    }
}

#[test]
fn a_write_that_fails_is_made_up_for() {
    let dir = tempfile::tempdir().unwrap();
    let live = open(dir.path());
    let two = calls(2, Window::Hour, Scope::Tool);
    assert!(passes(&live, &two, NOON));
    // A directory takes the place of the file.
    std::fs::create_dir(dir.path().join("rate_limits.json")).unwrap();
    live.flush().unwrap_err();
    std::fs::remove_dir(dir.path().join("rate_limits.json")).unwrap();
    live.flush().unwrap();
    assert_eq!(open(dir.path()).counters(), 1);
}

#[test]
fn threads_share_one_count() {
    let dir = tempfile::tempdir().unwrap();
    let live = open(dir.path());
    let hundred = calls(100, Window::Hour, Scope::Identity);
    let passed: usize = thread::scope(|scope| {
        let callers: Vec<_> = (0..8)
            .map(|_| scope.spawn(|| (0..50).filter(|_| passes(&live, &hundred, NOON)).count()))
            .collect();
        callers.into_iter().map(|caller| caller.join().unwrap()).sum()
    });
    assert_eq!(passed, 100);
}

proptest! {
    // Few: the file is synced for every call.
    #![proptest_config(ProptestConfig::with_cases(8))]

    /// The counters in memory and the file of the command line let the same calls through, at
    /// times that only go on.
    #[test]
    fn memory_and_file_agree(
        steps in prop::collection::vec((0_i64..90, 0_usize..3, any::<bool>(), 0_usize..3), 1..40),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let (live, state) = (open(dir.path()), dir.path().join("file.json"));
        let mut now = at(NOON);
        for (seconds, scope, destructive, tool) in steps {
            now += jiff::SignedDuration::from_secs(seconds);
            let scope = Scope::ALL[scope];
            let demands = Demands {
                rate_limit: limit(3, Window::Minute, scope),
                destructive_budget: limit(2, Window::Hour, Scope::Tool),
                ..Demands::default()
            };
            let intent = intent(&format!("t{tool}"), if destructive { "delete" } else { "read" });
            let tally = live.charge(&demands, &intent, Toll::Take, now, ROOM).unwrap();
            let spent = spend(&state, &charges(&demands, &intent), || now).unwrap();
            let refused: Vec<_> =
                spent.iter().filter(|spent| !spent.allowed).map(|spent| spent.counted).collect();
            prop_assert_eq!(tally.exceeded, refused);
        }
    }
}
