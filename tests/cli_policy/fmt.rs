//! The normal form of a policy: what it keeps, what it leaves out, and how it gets into the file.

use crate::command::Place;
use crate::shell::{mode, refused};
use serde_json::json;
use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};

/// Every key of the format that has a place in the normal form, with a value that is no default.
const EVERYTHING: &str = include_str!("everything.yaml");

/// The same meaning, said at length, in another order, and with every default spelled out.
const LOOSE: &str = "\
# yaml-language-server: $schema=policy.json

rules:
  - {name: b, action: ALLOW, priority: 2, match: {tool_name: B.x, tool_names: [' a ', 'b.x']},
     endpoint: {enabled: false}, dataflow: {enabled: true, tainted_sources: [tool_output, External],
     action: require_approval}, min_approvals: 2, require_distinct_approvers: true} # one
  - name: 'yes'
    effect: block
    match: {target_values: ['1.0', '']}
    # two
    rate_limit: {requests: 5, window: minute, scope: tool_identity}
default_action: require_approval
fail_closed: {enabled: true, risk_classes: [high, critical]}
";

const NORMAL: &str = "\
# yaml-language-server: $schema=policy.json

schema_id: gait.gate.policy
schema_version: \"1.0.0\"
default_verdict: require_approval
fail_closed:
  enabled: true
rules:
  - name: \"yes\"
    effect: block
    match:
      target_values:
        - \"1.0\"
    rate_limit:
      requests: 5
  - name: b
    priority: 2
    effect: allow
    match:
      tool_names:
        - a
        - b.x
    min_approvals: 2
    dataflow:
      enabled: true
";

fn place(text: &str) -> Place {
    let place = Place::new();
    place.put("p.yaml", text);
    place
}

fn text(place: &Place) -> String {
    fs::read_to_string(place.path("p.yaml")).unwrap()
}

#[test]
fn defaults_aliases_and_order_do_not_show() {
    let place = place(LOOSE);
    let run = place.run("policy fmt p.yaml");
    assert_eq!((run.exit, run.out.as_str()), (0, NORMAL));
    assert!(run.log.contains("2 comments are not kept"), "{run:?}");
    assert_eq!(text(&place), LOOSE);
    let answer = place.run("policy fmt p.yaml --json").json();
    let digest = place.run("policy validate p.yaml --json").json()["policy_digest"].clone();
    for (name, want) in [
        ("ok", json!(true)),
        ("path", json!("p.yaml")),
        ("changed", json!(true)),
        ("written", json!(null)),
        ("policy_digest", digest),
        ("default_verdict", json!("require_approval")),
        ("rule_count", json!(2)),
        ("formatted", json!(NORMAL)),
    ] {
        assert_eq!(answer[name], want, "{name}");
    }
}

#[test]
fn every_key_has_its_place() {
    let place = place(EVERYTHING);
    let run = place.run("policy fmt p.yaml");
    assert_eq!((run.exit, run.out.as_str(), run.log.as_str()), (0, EVERYTHING, ""));
}

#[test]
fn writing_keeps_mode_and_link_and_touches_only_what_differs() {
    let place = place("");
    place.put("real.yaml", LOOSE);
    fs::set_permissions(place.path("real.yaml"), fs::Permissions::from_mode(0o640)).unwrap();
    fs::remove_file(place.path("p.yaml")).unwrap();
    symlink("real.yaml", place.path("p.yaml")).unwrap();
    let before = place.run("policy validate p.yaml --json").json()["policy_digest"].clone();
    let run = place.run("policy fmt p.yaml --write --json");
    let answer = run.json();
    assert_eq!((run.exit, &answer["written"], &answer["changed"]), (0, &json!(true), &json!(true)));
    assert_eq!((&answer["formatted"], &answer["policy_digest"]), (&json!(null), &before));
    assert_eq!(answer["warnings"], json!(["2 comments are not kept; only those at the head are"]));
    assert_eq!(text(&place), NORMAL);
    assert_eq!(mode(&place.path("real.yaml")), 0o640);
    assert!(place.path("p.yaml").is_symlink());
    let inode = || fs::metadata(place.path("p.yaml")).unwrap().ino();
    let was = inode();
    let answer = place.run("policy fmt --write p.yaml --json").json();
    assert_eq!((&answer["written"], &answer["changed"]), (&json!(null), &json!(null)));
    assert_eq!(answer["warnings"], json!(null));
    assert_eq!(inode(), was);
    assert_eq!(fs::read_dir(place.path("")).unwrap().count(), 2);
}

#[test]
fn a_check_fails_where_formatting_would_change_something() {
    let place = place(LOOSE);
    let run = place.run("policy fmt --check p.yaml --json");
    let answer = run.json();
    assert_eq!((run.exit, &answer["ok"], &answer["changed"]), (5, &json!(false), &json!(true)));
    assert!(answer["error"].as_str().unwrap().contains("run gait policy fmt --write p.yaml"));
    assert_eq!(text(&place), LOOSE);
    place.put("p.yaml", NORMAL);
    let run = place.run("policy fmt --check p.yaml");
    assert_eq!((run.exit, run.out.as_str()), (0, "in normal form: p.yaml\n"));
    refused(&place.run("policy fmt --check --write p.yaml --json"), "--check");
}

#[test]
fn a_file_that_is_no_policy_or_has_no_normal_form_stays() {
    let place = place("rules: [{name: a}]\n");
    refused(&place.run("policy fmt --write p.yaml --json"), "rule effect is required");
    // Cleaned twice, this path becomes another one.
    let odd = "rules: [{name: a, effect: block, sandbox: {required_read_only_roots: ['./ ./b']}}]";
    place.put("p.yaml", odd);
    refused(&place.run("policy fmt --write p.yaml --json"), "would not mean the same");
    assert_eq!(text(&place), odd);
    refused(&place.run("policy fmt nowhere.yaml --json"), "nowhere.yaml");
}

#[test]
fn later_documents_go_with_a_warning() {
    let place = place("---\n# head\nrules: []\n---\nrules: {}\n");
    let run = place.run("policy fmt --write p.yaml");
    assert!(run.log.contains("only the first yaml document is kept"), "{run:?}");
    assert!(text(&place).starts_with("# head\nschema_id: gait.gate.policy\n"));
}
