//! Counting, window by window, in files of a directory that goes away.

use super::*;
use serde_json::{Value, json};

const NOON: &str = "2026-03-01T12:00:59.9Z";

fn limit(requests: u64, window: Window, scope: Scope) -> Limit {
    Limit { requests, window, scope }
}

fn intent(members: &Value) -> Intent {
    let mut intent = json!({
        "tool_name": "t", "context": {"identity": "ada", "workspace": "/w", "risk_class": "low"},
    });
    intent.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    crate::intent::read::from_json(intent.to_string().as_bytes()).unwrap().normalise().unwrap()
}

fn calls(limit: Limit) -> Charge {
    Charge::of(Counted::RateLimit, limit, &intent(&json!({})))
}

fn destructive(limit: Limit) -> Charge {
    Charge::of(Counted::DestructiveBudget, limit, &intent(&json!({})))
}

/// The outcome of each charge: allowed, used, remaining.
fn outcomes(state: &Path, charges: &[Charge], now: &str) -> Vec<(bool, u64, u64)> {
    let spent = spend(state, charges, || now.parse().unwrap()).unwrap();
    spent.iter().map(|spent| (spent.allowed, spent.used, spent.remaining)).collect()
}

fn keys(state: &Path) -> Vec<String> {
    let state: Value = serde_json::from_slice(&std::fs::read(state).unwrap()).unwrap();
    let counters = state["counters"].as_array().unwrap().iter();
    counters
        .map(|counter| format!("{} {}", counter["key"].as_str().unwrap(), counter["count"]))
        .collect()
}

#[test]
fn a_limit_counts_up_to_itself_and_no_further() {
    let dir = tempfile::tempdir().unwrap();
    let state = dir.path().join("a/b/rate.json");
    let charge = [calls(limit(2, Window::Minute, Scope::ToolIdentity))];
    let all: Vec<_> = (0..4).flat_map(|_| outcomes(&state, &charge, NOON)).collect();
    assert_eq!(all, [(true, 1, 1), (true, 2, 0), (false, 2, 0), (false, 2, 0)]);
    assert_eq!(keys(&state), ["minute|tool_identity|2026-03-01T12:00:00Z|t|ada 2"]);
    assert!(!dir.path().join("a/b/rate.json.lock").exists());
}

#[test]
fn a_new_window_drops_the_old_one_of_its_kind() {
    let dir = tempfile::tempdir().unwrap();
    let state = dir.path().join("rate.json");
    let minute = calls(limit(1, Window::Minute, Scope::Tool));
    let hour = calls(limit(1, Window::Hour, Scope::Identity));
    assert_eq!(
        outcomes(&state, &[minute.clone(), hour.clone()], NOON),
        [(true, 1, 0), (true, 1, 0)]
    );
    let later = "2026-03-01T12:01:00Z";
    assert_eq!(outcomes(&state, &[hour, minute], later), [(false, 1, 0), (true, 1, 0)]);
    let want = ["hour|identity|2026-03-01T12:00:00Z|ada 1", "minute|tool|2026-03-01T12:01:00Z|t 1"];
    assert_eq!(keys(&state), want);
}

#[test]
fn rate_limit_and_budget_share_a_counter_only_where_no_tool_is_counted() {
    let dir = tempfile::tempdir().unwrap();
    let state = dir.path().join("shared.json");
    let by_identity = |requests| limit(requests, Window::Hour, Scope::Identity);
    let both = [calls(by_identity(4)), destructive(by_identity(3))];
    assert_eq!(outcomes(&state, &both, NOON), [(true, 1, 3), (true, 2, 1)]);
    assert_eq!(outcomes(&state, &both, NOON), [(true, 3, 1), (false, 3, 0)]);
    assert_eq!(outcomes(&state, &both, NOON), [(true, 4, 0), (false, 4, 0)]);

    let state = dir.path().join("apart.json");
    let by_tool = limit(1, Window::Hour, Scope::Tool);
    let both = [calls(by_tool), destructive(by_tool)];
    assert_eq!(outcomes(&state, &both, NOON), [(true, 1, 0), (true, 1, 0)]);
    assert_eq!(outcomes(&state, &both, NOON), [(false, 1, 0), (false, 1, 0)]);
    let spent = spend(&state, &both, || NOON.parse().unwrap()).unwrap();
    assert_eq!(spent[1].key, "destructive_budget|t");

    let state = dir.path().join("script.json");
    let script = intent(&json!({"script": {"steps": [{"tool_name": "a"}, {"tool_name": "b"}]}}));
    let both = [Counted::RateLimit, Counted::DestructiveBudget]
        .map(|counted| Charge::of(counted, by_tool, &script));
    assert_eq!(outcomes(&state, &both, NOON), [(true, 1, 0), (false, 1, 0)]);
}

#[test]
fn a_state_that_means_nothing_lets_nothing_through() {
    let dir = tempfile::tempdir().unwrap();
    let state = dir.path().join("rate.json");
    let charge = [calls(limit(1, Window::Hour, Scope::Tool))];
    let refusal = |text: &str| {
        std::fs::write(&state, text).unwrap();
        let error = spend(&state, &charge, || NOON.parse().unwrap()).unwrap_err();
        assert!(error.is_input(), "{error}");
        assert_eq!(std::fs::read_to_string(&state).unwrap(), text);
        error.to_string()
    };
    let whole = |counters: Value| {
        json!({"schema_id": "gait.gate.rate_limit_state", "schema_version": "1.0.0", "counters": counters})
            .to_string()
    };
    for (text, part) in [
        (String::new(), "EOF"),
        ("{}".to_owned(), "`schema_id`"),
        ("[]".to_owned(), "one JSON object"),
        (whole(json!([{"key": "k", "count": -1}])), "must be >= 0"),
        (whole(json!([{"key": "k", "count": 1.5}])), "must be an integer"),
        (whole(json!([{"count": 1}])), "`counters[0].key` is missing"),
        (whole(json!([{"key": "k", "count": 5}, {"key": "k", "count": 1}])), "counted twice"),
        (whole(json!([{"key": "k", "Count": 1}])), "must be written `count`"),
    ] {
        let refusal = refusal(&text);
        assert!(refusal.starts_with("parse rate limit state: "), "{refusal}");
        assert!(refusal.contains(part), "{refusal}");
    }
}

#[test]
fn counters_that_would_not_fit_are_refused_and_the_old_ones_stay() {
    let dir = tempfile::tempdir().unwrap();
    let state = dir.path().join("rate.json");
    let charge = [calls(limit(1, Window::Hour, Scope::Identity))];
    outcomes(&state, &charge, NOON);
    let long = "x".repeat(SPECIES.write_bytes_max);
    let long = [Charge { identity: long, ..charge[0].clone() }];
    let error = spend(&state, &long, || NOON.parse().unwrap()).unwrap_err();
    assert!(matches!(error, StoreError::Full { .. }) && !error.is_input(), "{error}");
    assert_eq!(outcomes(&state, &charge, NOON), [(false, 1, 0)]);
}
