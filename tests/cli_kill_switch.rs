//! `gait kill-switch` as a shell sees it: orders, the file they make, and the journal beside it.

mod command;
#[path = "command/shell.rs"]
mod shell;

use command::Place;
use serde_json::{Value, json};
use shell::{INTENT, mode, refused};
use std::fs;

const STATE: &str = ".gait-out/kill_switch.json";

/// The events of the journal, or nothing where there is none.
fn journal(place: &Place) -> Vec<Value> {
    let text = fs::read_to_string(place.path(".gait-out/kill_switch_journal.jsonl"));
    text.unwrap_or_default().lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

#[test]
fn an_order_is_given_shown_and_taken_back() {
    let place = Place::new();
    let add = "kill-switch add --json --id e1 --tool-name Repo.Write --environment PROD \
        --path-prefix /srv/app/ --path-prefix /srv/../etc --workspace-prefix /w --actor ada \
        --reason leak --expires-at 2999-01-01T00:00:00Z";
    let run = place.run(add);
    let answer = run.json();
    assert_eq!((run.exit, &answer["entry_id"]), (0, &json!("e1")), "{run:?}");
    assert_eq!((&answer["active_entries"], &answer["state_path"]), (&json!(1), &json!(STATE)));

    let state = place.json(STATE);
    assert_eq!(state["schema_id"], "gait.gate.kill_switch_state");
    assert_eq!(state["created_at"], state["updated_at"]);
    let mut entry = state["entries"][0].clone();
    assert_eq!(entry["created_at"], state["created_at"]);
    entry.as_object_mut().unwrap().remove("created_at");
    let want = json!({
        "entry_id": "e1", "enabled": true, "tool_name": "repo.write", "environment": "prod",
        "path_prefixes": ["/etc", "/srv/app"], "workspace_prefixes": ["/w"], "reason": "leak",
        "actor": "ada", "expires_at": "2999-01-01T00:00:00Z",
    });
    assert_eq!(entry, want);
    assert_eq!(mode(&place.path(STATE)), 0o600);
    assert_eq!(mode(&place.path(".gait-out/kill_switch_journal.jsonl")), 0o600);

    let run = place.run("kill-switch disable --id e1 --actor bob --reason over");
    assert!(run.out.starts_with("kill-switch: disabled e1 status=disabled\n"), "{run:?}");
    assert_eq!(place.json(STATE)["entries"][0]["enabled"], false);
    let journal = journal(&place);
    assert_eq!(journal.len(), 2);
    assert_eq!((&journal[0]["event"], &journal[0]["actor"]), (&json!("added"), &json!("ada")));
    assert_eq!(journal[0]["entry"]["tool_name"], "repo.write");
    assert_eq!((&journal[1]["event"], &journal[1]["reason"]), (&json!("disabled"), &json!("over")));
    assert_eq!(journal[1]["entry_ids"], json!(["e1"]));
    assert!(!place.path(&format!("{STATE}.lock")).exists());
}

#[test]
fn a_list_is_aligned_and_says_what_counts() {
    let place = Place::new();
    refused(&place.run("kill-switch list --json"), "read kill switch state: ");
    let run = place.run("kill-switch list");
    assert!(run.log.starts_with("kill-switch list error: read kill switch state: "), "{run:?}");
    for add in [
        "--id b --tool-name t --reason it's",
        "--id a --all",
        "--id long-name --identity ada --target-kind Host --ttl 1h",
    ] {
        assert_eq!(place.run(&format!("kill-switch add {add}")).exit, 0);
    }
    assert_eq!(place.run("kill-switch expire --id long-name").exit, 0);
    assert_eq!(place.run("kill-switch disable --id b").exit, 0);
    let list = place.run("kill-switch list").out;
    let lines: Vec<&str> = list.lines().collect();
    let column = |name: &str, line: usize| {
        let at = lines[0].find(name).unwrap();
        lines[line].split_at(at).1.split("  ").next().unwrap()
    };
    assert_eq!([1, 2, 3].map(|line| column("STATUS", line)), ["active", "disabled", "expired"]);
    assert_eq!([1, 2].map(|line| column("ENDS", line)), ["never", "never"]);
    let stops = ["everything", "tool_name=t", "identity=ada target_kind=host"];
    assert_eq!([1, 2, 3].map(|line| column("STOPS", line)), stops);
    assert_eq!(column("REASON", 2), "it's");

    let answer = place.run("kill-switch list --json").json();
    assert_eq!(answer["active_entries"], 1);
    assert_eq!(answer["entries"][2]["status"], "expired");
    assert_eq!(answer["entries"][2]["entry_id"], "long-name");
}

#[test]
fn a_slip_is_no_order() {
    let place = Place::new();
    let add = |flags: &[&str]| {
        let args = [&["kill-switch", "add", "--json"], flags].concat();
        place.gait(&args, &[])
    };
    for (flags, part) in [
        (&["--id", "x"][..], "nothing is selected"),
        (&["--all", "--tool-name", "t"], "leave out the selectors"),
        (&["--tool-name", "", "--identity", "ada"], "--tool-name is blank"),
        (&["--path-prefix", " "], "--path-prefix is blank"),
        (&["--all", "--id", " "], "--id is blank"),
        (&["--target-kind", "file"], "unsupported --target-kind `file`"),
        (&["--all", "--ttl=-5m"], "invalid --ttl `-5m`"),
        (&["--all", "--ttl", "soon"], "invalid --ttl"),
        (&["--all", "--ttl", "0s"], "invalid --ttl"),
        (&["--all", "--expires-at", "today"], "invalid --expires-at"),
        (&["--all", "--expires-at", "2020-01-01T00:00:00Z"], "end before it begins"),
        (&["--all", "--ttl", "1h", "--expires-at", "2999-01-01T00:00:00Z"], "cannot be used with"),
    ] {
        refused(&add(flags), part);
    }
    assert!(!place.path(STATE).exists());
    assert_eq!(add(&["--all", "--id", "x"]).exit, 0);
    refused(&add(&["--all", "--id", "x"]), "`x` is already there");
    refused(&place.run("kill-switch disable --id y --json"), "no kill switch entry `y`");
    assert_eq!(place.run("kill-switch expire --id x --ttl 1h").exit, 0);
    refused(&place.run("kill-switch expire --id x --ttl 2h --json"), "ends earlier already");
}

#[test]
fn a_state_that_means_nothing_is_not_overwritten() {
    let place = Place::new();
    for text in ["", "{}", "[]", "{\"created_at\":\"2026-01-01T00:00:00Z\"}"] {
        place.put(STATE, text);
        refused(&place.run("kill-switch add --all --json"), "parse kill switch state: ");
        assert_eq!(fs::read_to_string(place.path(STATE)).unwrap(), text);
    }
}

#[test]
fn entries_from_elsewhere_get_a_name_and_are_kept() {
    let place = Place::new();
    let entry = json!({"enabled": true, "tool_name": "t", "created_at": "2026-01-01T00:00:00Z"});
    let state = json!({
        "created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-01T00:00:00Z",
        "entries": [entry],
    });
    place.put("k.json", state.to_string());
    assert_eq!(place.run("kill-switch add --state k.json --all --id z").exit, 0);
    let state = place.json("k.json");
    let id = state["entries"][0]["entry_id"].as_str().unwrap();
    assert!(id.starts_with("ks_"), "{id}");
    assert_eq!(place.run(&format!("kill-switch disable --state k.json --id {id}")).exit, 0);
    assert_eq!(place.json("k.json")["entries"][0]["enabled"], false);
    assert!(place.path("kill_switch_journal.jsonl").exists());
}

#[test]
fn orders_given_at_once_are_all_kept() {
    let place = Place::new();
    std::thread::scope(|scope| {
        for number in 0..6 {
            let place = &place;
            scope.spawn(move || {
                let run = place.run(&format!("kill-switch add --tool-name t{number}"));
                assert_eq!(run.exit, 0, "{run:?}");
            });
        }
    });
    assert_eq!(place.json(STATE)["entries"].as_array().unwrap().len(), 6);
    assert_eq!(journal(&place).len(), 6);
}

// === gate eval ===

const ALLOW: &str = "rules: [{name: a, effect: allow}]";

#[test]
fn an_active_order_blocks_whatever_the_policy_says_and_is_noted() {
    let place = Place::with(ALLOW);
    let eval = format!("--kill-switch-state {STATE}");
    assert_eq!(place.run("kill-switch add --id e1 --identity nobody").exit, 0);
    let run = place.eval(&eval);
    assert_eq!(
        (run.exit, &run.json()["kill_switch"]["status"]),
        (0, &json!("inactive")),
        "{run:?}"
    );

    assert_eq!(place.run("kill-switch add --id e2 --tool-name files.write").exit, 0);
    let run = place.eval(&format!("{eval} --trace-out t.json"));
    let answer = run.json();
    assert_eq!((run.exit, &answer["violations"]), (3, &json!(["kill_switch_active"])), "{run:?}");
    let reasons = ["kill_switch_active", "kill_switch_tool_name_active", "matched_rule_a"];
    assert_eq!(answer["reason_codes"], json!(reasons));
    assert_eq!(answer["kill_switch"]["matched_entry_ids"], json!(["e2"]));
    assert_eq!(place.json("t.json")["kill_switch"], answer["kill_switch"]);
    let note = journal(&place).pop().unwrap();
    assert_eq!((&note["event"], &note["entry_ids"]), (&json!("stopped"), &json!(["e2"])));
    assert_eq!(note["trace_id"], answer["trace_id"]);

    let run = place.eval(&format!("{eval} --simulate"));
    assert_eq!((run.exit, &run.json()["simulated_verdict"]), (0, &json!("block")), "{run:?}");
    assert_eq!(place.run("kill-switch disable --id e2").exit, 0);
    assert_eq!(place.eval(&eval).exit, 0);
}

#[test]
fn a_state_that_cannot_be_had_blocks_where_the_risk_is_high() {
    let place = Place::with(ALLOW);
    place.put("k.json", "{");
    let eval = "--kill-switch-state k.json";
    refused(&place.eval(eval), "parse kill switch state: k.json");
    refused(
        &place.eval("--kill-switch-state missing.json"),
        "read kill switch state: missing.json",
    );

    let risky = INTENT.replace("\"risk_class\":\"low\"", "\"risk_class\":\"Critical\"");
    assert_ne!(risky, INTENT);
    place.put("intent.json", risky);
    let run = place.eval(eval);
    let answer = run.json();
    assert_eq!((run.exit, &answer["matched_rule"]), (3, &Value::Null), "{run:?}");
    assert_eq!(answer["reason_codes"], json!(["kill_switch_state_unavailable"]));
    assert_eq!(answer["kill_switch"]["status"], "unavailable");
    assert!(answer["warnings"][0].as_str().unwrap().contains("k.json"), "{run:?}");

    // What fails closed does so for its own reasons.
    place.put("policy.yaml", "fail_closed: {enabled: true, required_fields: [delegation]}");
    let answer = place.eval(eval).json();
    assert_eq!(answer["violations"], json!(["missing_delegation"]));
    assert_eq!(answer["kill_switch"], Value::Null);
}

#[test]
fn an_order_sees_into_a_script() {
    let place = Place::with(ALLOW);
    let steps = r#""script":{"steps":[{"tool_name":"a.read"},{"tool_name":"a.drop",
        "targets":[{"kind":"path","value":"/data/x"}]}]}"#;
    let own = r#""targets":[{"kind":"path","value":"/tmp/y"}]"#;
    let context = r#""context":{"identity":"ada","workspace":"/w","risk_class":"low"}"#;
    place.put("intent.json", format!("{{{steps},{own},{context}}}"));
    for selector in ["--tool-name a.drop", "--tool-name script", "--path-prefix /data"] {
        let state = format!("{}.json", selector.len());
        assert_eq!(place.run(&format!("kill-switch add --state {state} {selector}")).exit, 0);
        assert_eq!(place.eval(&format!("--kill-switch-state {state}")).exit, 3, "{selector}");
    }
}

#[test]
fn an_order_by_a_link_reaches_who_reads_the_file() {
    let place = Place::new();
    assert_eq!(place.run("kill-switch add --state real/ks.json --id one --all").exit, 0);
    std::os::unix::fs::symlink("real/ks.json", place.path("link.json")).unwrap();
    assert_eq!(place.run("kill-switch add --state link.json --id two --all").exit, 0);
    assert_eq!(place.json("real/ks.json")["entries"].as_array().map(Vec::len), Some(2));
    assert!(fs::symlink_metadata(place.path("link.json")).unwrap().is_symlink());
    std::os::unix::fs::symlink("gone.json", place.path("dangling.json")).unwrap();
    let run = place.run("kill-switch add --state dangling.json --id x --all --json");
    refused(&run, "read kill switch state: dangling.json");
}
