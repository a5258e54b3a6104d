//! What a state stops, read from files as people write them.

use super::*;
use crate::intent::{read, time};
use serde_json::{Value, json};

const AT: &str = "2026-03-01T12:00:00Z";

fn at(text: &str) -> Time {
    time::parse(text).unwrap()
}

fn intent() -> Value {
    json!({
        "tool_name": "Repo.Read",
        "targets": [
            {"kind": "path", "value": "/x/../data/f.txt", "operation": "read"},
            {"kind": "host", "value": "db.test"},
        ],
        "context": {
            "identity": "ada", "workspace": "/srv/app", "risk_class": "low",
            "agent_id": "Agent-1", "environment": "Prod",
        },
    })
}

fn normalised(intent: &Value) -> Intent {
    read::from_json(intent.to_string().as_bytes()).unwrap().normalise().unwrap()
}

fn document(entries: &Value) -> Value {
    json!({
        "schema_id": SCHEMA_ID, "schema_version": SCHEMA_VERSION, "created_at": "2026-01-01T00:00:00Z",
        "updated_at": "2026-01-01T00:00:00Z", "producer_version": "t", "entries": entries,
    })
}

fn state(entries: Value) -> State {
    State::from_json(document(&entries).to_string().as_bytes()).unwrap()
}

/// An enabled entry `e` with these members.
fn entry(members: Value) -> Value {
    let mut entry = json!({"entry_id": "e", "enabled": true, "created_at": "2026-01-01T00:00:00Z"});
    entry.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    entry
}

fn judged(members: Value) -> Outcome {
    state(json!([entry(members)])).judge(&normalised(&intent()), at(AT))
}

#[test]
fn every_selector_stops_and_says_why() {
    for (members, reason) in [
        (json!({"agent_id": " Agent-1 "}), "kill_switch_agent_id_active"),
        (json!({"identity": "ada"}), "kill_switch_identity_active"),
        (json!({"tool_name": "repo.READ"}), "kill_switch_tool_name_active"),
        (json!({"environment": "PROD"}), "kill_switch_environment_active"),
        (json!({"target_kind": "host"}), "kill_switch_target_active"),
        (json!({"target_value": "db.test"}), "kill_switch_target_active"),
        (json!({"target_kind": "host", "target_value": "db.test"}), "kill_switch_target_active"),
        (json!({"path_prefixes": ["/no", "/data/"]}), "kill_switch_path_active"),
        (json!({"path_prefixes": ["/"]}), "kill_switch_path_active"),
        (json!({"workspace_prefixes": ["\\srv\\."]}), "kill_switch_workspace_active"),
    ] {
        let outcome = judged(members.clone());
        assert_eq!(outcome.status, Status::Active, "{members}");
        assert_eq!(outcome.reason_code, Some(reason), "{members}");
        assert_eq!(outcome.reason_codes, [ACTIVE, reason], "{members}");
        assert_eq!(outcome.matched_entry_ids, ["e"], "{members}");
        assert_eq!(outcome.violation(), Some(ACTIVE));
    }
}

#[test]
fn what_is_not_selected_goes_on() {
    for members in [
        json!({"agent_id": "agent-1"}),
        json!({"identity": "ad"}),
        json!({"tool_name": "repo"}),
        json!({"environment": "dev"}),
        json!({"target_kind": "path", "target_value": "db.test"}),
        json!({"target_value": "DB.test"}),
        json!({"path_prefixes": ["/dat", "/x", "/data/f"]}),
        json!({"workspace_prefixes": ["/srv/ap", "/data"]}),
        json!({"identity": "ada", "agent_id": "other"}),
        json!({"enabled": false}),
        json!({"identity": "ada", "enabled": null}),
        json!({"expires_at": AT}),
    ] {
        let outcome = judged(members.clone());
        assert_eq!(outcome.status, Status::Inactive, "{members}");
        assert_eq!(outcome.violation(), None);
        let written = json!({"status": "inactive", "evaluated_at": AT});
        assert_eq!(serde_json::to_value(outcome).unwrap(), written);
    }
}

#[test]
fn an_id_alone_stops_everything() {
    let outcome = judged(json!({}));
    assert_eq!((outcome.reason_code, outcome.reason_codes), (Some(ACTIVE), vec![ACTIVE]));
    assert_eq!(outcome.matched_entry_ids, ["e"]);
}

#[test]
fn an_entry_ends_when_it_says() {
    let late = json!({"tool_name": "repo.read", "expires_at": "2026-03-01T12:00:00.000000001Z"});
    assert_eq!(judged(late).status, Status::Active);
    assert_eq!(judged(json!({"expires_at": null})).status, Status::Active);
    assert_eq!(judged(json!({"expires_at": "0001-01-01T00:00:00Z"})).status, Status::Active);
}

#[test]
fn several_entries_are_merged_in_byte_order() {
    let path = entry(json!({"entry_id": "b", "path_prefixes": ["/data"]}));
    let agent = entry(json!({"entry_id": "a", "agent_id": "Agent-1", "identity": "ada"}));
    let mut nameless = entry(json!({"tool_name": "repo.read"}));
    nameless.as_object_mut().unwrap().remove("entry_id");
    let outcome = state(json!([path, agent, nameless, path])).judge(&normalised(&intent()), at(AT));
    assert_eq!(outcome.matched_entry_ids, ["a", "b"]);
    let reasons = [
        ACTIVE,
        "kill_switch_agent_id_active",
        "kill_switch_identity_active",
        "kill_switch_path_active",
        "kill_switch_tool_name_active",
    ];
    assert_eq!(outcome.reason_codes, reasons);
    assert_eq!(outcome.reason_code, Some(reasons[1]));
}

#[test]
fn what_is_no_state_says_where() {
    let said =
        |value: &Value| State::from_json(value.to_string().as_bytes()).unwrap_err().to_string();
    for (member, value, part) in [
        ("created_at", json!(null), "kill switch state created_at is required"),
        ("updated_at", json!("0001-01-01T00:00:00Z"), "kill switch state updated_at is required"),
        ("created_at", json!("today"), "created_at is `today`"),
        ("schema_id", json!("other"), "unsupported kill switch state schema_id: `other`"),
        ("schema_version", json!("2.0.0"), "unsupported kill switch state schema_version"),
        ("entries", json!({}), "`entries` must be a list"),
        ("Entries", json!([]), "`Entries` must be written `entries`"),
        ("entries", json!([{"entry_id": "e"}]), "`entries[0]` created_at is required"),
        ("entries", json!([entry(json!({"entry_id": " "}))]), "`entries[0]` selects nothing"),
        ("entries", json!([entry(json!({"Tool_name": "x"}))]), "must be written `tool_name`"),
        ("entries", json!([entry(json!({"enabled": "yes"}))]), "must be true or false"),
        ("entries", json!([entry(json!({"expires_at": ""}))]), "expires_at is ``"),
    ] {
        let mut whole = document(&json!([]));
        whole[member] = value;
        assert!(said(&whole).contains(part), "{}", said(&whole));
    }
    assert!(said(&json!(null)).contains("one JSON object"));
    assert!(State::from_json(b"{\"entries\":[],\"entries\":[]}").is_err());
    let mut lax = document(&json!([]));
    for member in ["schema_id", "schema_version", "producer_version", "entries"] {
        lax.as_object_mut().unwrap().remove(member);
    }
    lax["note"] = json!(1);
    assert_eq!(State::from_json(lax.to_string().as_bytes()).unwrap().entries(), []);
}

#[test]
fn a_written_state_reads_back_the_same() {
    let b = entry(json!({"entry_id": "b", "tool_name": "T", "path_prefixes": ["/b/", "/a"]}));
    let a = entry(json!({"entry_id": "a", "reason": "r", "expires_at": "2026-04-01T00:00:00Z"}));
    let written = state(json!([b, a])).to_json();
    assert_eq!(written, state(json!([a, b])).to_json());
    let again = State::from_json(&written).unwrap();
    assert_eq!(again, state(json!([a, b])));
    assert_eq!(again.to_json(), written);
}

#[test]
fn changes_are_kept_and_never_bring_an_entry_back() {
    let now = at(AT);
    let mut state = State::empty(now);
    let new = |id: &str| Entry {
        entry_id: id.to_owned(),
        enabled: true,
        selector: Selector { tool_name: "t".to_owned(), ..Selector::default() },
        reason: String::new(),
        actor: String::new(),
        created_at: now,
        expires_at: time::ZERO,
    };
    let id = state.add(new(""), now).unwrap().entry_id;
    assert!(id.starts_with("ks_") && id.len() == 27, "{id}");
    assert_eq!(state.add(new(""), now), Err(ChangeError::Taken(id.clone())));
    state.add(new("x"), now).unwrap();

    let later = at("2026-03-01T13:00:00Z");
    state.expire("x", later, now).unwrap();
    assert_eq!(state.active_count(now), 2);
    assert_eq!(state.active_count(later), 1);
    let too_late = at("2026-03-01T14:00:00Z");
    assert_eq!(state.expire("x", too_late, now), Err(ChangeError::EndsEarlier("x".to_owned())));
    state.expire("x", now, now).unwrap();
    state.disable(&id, later).unwrap();
    assert_eq!(state.active_count(now), 0);
    assert_eq!(state.updated_at, later);
    assert_eq!(state.disable("y", now), Err(ChangeError::Unknown("y".to_owned())));
    assert_eq!(state.entries().len(), 2);
}
