//! Warnings of `policy validate`: where they go, what they name, and what they can fail.

use crate::command::Place;
use serde_json::json;

const WARNED: &str = "\
rules:
  - {name: first, effect: block}
  - {name: second, effect: allow, priority: 1, match: {target_kinds: [file]}}
";

#[test]
fn warnings_name_file_line_and_rule_and_change_no_answer() {
    let place = Place::new();
    place.put("p.yaml", WARNED);
    let run = place.run("policy validate p.yaml");
    let log = "\
warning: p.yaml:3: rule `second` is never looked at: whatever it matches, rule `first` (line 2, priority 0) matches before
warning: p.yaml:3: rule `second` never matches: it lists target_kinds `file`; known are bucket, host, other, path, queue, repo, table, topic, url
";
    assert_eq!((run.exit, run.log.as_str()), (0, log));
    assert!(run.out.starts_with("policy validate ok: default=require_approval rules=2 "));
    let answer = place.run("policy validate p.yaml --json").json();
    assert_eq!((&answer["ok"], &answer["rule_count"]), (&json!(true), &json!(2)));
    assert_eq!(answer["warnings"].as_array().unwrap().len(), 2);
}

#[test]
fn strict_fails_on_a_warning_and_on_nothing_else() {
    let place = Place::new();
    place.put("p.yaml", WARNED);
    let run = place.run("policy validate --strict p.yaml --json");
    let answer = run.json();
    assert_eq!(
        (run.exit, &answer["ok"], &answer["error"]),
        (5, &json!(false), &json!("2 warnings"))
    );
    assert_eq!(answer["warnings"].as_array().unwrap().len(), 2);
    place.put("p.yaml", "rules: [{name: first, effect: block}]");
    assert_eq!(place.run("policy validate --strict p.yaml").exit, 0);
}

#[test]
fn a_mistyped_field_is_told_what_it_was_meant_to_be() {
    let place = Place::new();
    place.put("p.yaml", "rules:\n  - {name: a, efect: allow}\n");
    let run = place.run("policy validate p.yaml");
    let error = "policy validate error: parse policy yaml: p.yaml:2:15: unknown field `efect` in \
                 rules[0]; did you mean `effect`? known fields are name, ";
    assert!(run.exit == 6 && run.log.starts_with(error), "{run:?}");
    place.put("c.yaml", "server: {lisen: x}\n");
    let run = place.run("proxy --check --config c.yaml");
    assert!(run.log.contains("unknown field `lisen` in server; did you mean `listen`? known"));
}
