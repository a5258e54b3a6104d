//! Why a policy decides as it does: what people read, and the same as one object.

use crate::command::Place;
use crate::shell::refused;
use serde_json::json;

const POLICY: &str = "\
default_verdict: block
rules:
  - name: reads
    effect: allow
    match: {tool_names: [files.read, files.list]}
  - name: writes
    priority: 1
    effect: allow
    match: {target_kinds: [path]}
    reason_codes: [wrote]
    dataflow: {enabled: true}
    endpoint: {path_denylist: [/etc/**], action: require_approval}
    freeze_window:
      timezone: UTC
      windows: [{name: w, start: '2026-01-01T00:00:00', end: '2026-01-02T00:00:00'}]
    rate_limit: {requests: 3}
  - {name: writes-low, priority: 1, effect: dry_run, match: {risk_classes: [low]}}
  - {name: late, priority: 2, effect: block}
";

const CONTEXT: &str = r#""context":{"identity":"ada","workspace":"/srv","risk_class":"low"}"#;
const DELETE: &str = r#""targets":[{"kind":"path","value":"/etc/x","operation":"delete"}]"#;

fn place(policy: &str) -> Place {
    let place = Place::new();
    place.put("p.yaml", policy);
    place.put("i.json", format!(r#"{{"tool_name":"files.write",{DELETE},{CONTEXT}}}"#));
    place.put("bare.json", format!(r#"{{"tool_name":"mail.send",{CONTEXT}}}"#));
    let steps = format!(r#"[{{"tool_name":"files.read"}},{{"tool_name":"files.write",{DELETE}}}]"#);
    place.put("s.json", format!(r#"{{"tool_name":"x","script":{{"steps":{steps}}},{CONTEXT}}}"#));
    place
}

/// What stands below the decision itself.
fn below(out: &str) -> &str {
    out.split_once("\n\n").unwrap().1
}

#[test]
fn every_rule_says_why_it_counts_or_not() {
    let place = place(POLICY);
    let run = place.run("policy explain p.yaml i.json --at 2026-01-01T12:00:00+01:00");
    assert_eq!(run.exit, 3, "{run:?}");
    assert!(run.out.contains("judged at   2026-01-01T11:00:00Z\n"), "{}", run.out);
    let want = "\
no match  reads (line 3, priority 0)        tool_names: wants one of files.list, files.read; has files.write
matches   writes (line 6, priority 1)       block: wrote, endpoint_path_denied, endpoint_constraint_violation, freeze_window_active_block, destructive_apply_requires_approval
            dataflow              holds
            endpoint              allow to require_approval: endpoint_path_denied, endpoint_constraint_violation
            freeze_window         require_approval to block: freeze_window_active_block
            destructive_boundary  stays block: destructive_apply_requires_approval
matches   writes-low (line 17, priority 1)  require_approval; another rule of this priority is stricter
            destructive_boundary  dry_run to require_approval: destructive_apply_requires_approval
too late  late (line 18, priority 2)        matches; a lower priority number had decided
";
    assert_eq!(below(&run.out), want);
    assert!(run.out.contains("also needs  room for a call: 3 a minute by tool_identity\n"));
}

#[test]
fn the_object_has_all_of_it_and_the_decision_is_that_of_the_test() {
    let place = place(POLICY);
    let run = place.run("policy explain p.yaml i.json --at 2026-02-01T00:00:00Z --json");
    let answer = run.json();
    let test = place.run("policy test p.yaml i.json --json");
    assert_eq!((run.exit, test.exit), (4, 4));
    for name in ["verdict", "reason_codes", "violations", "matched_rule", "policy_digest"] {
        assert_eq!(answer[name], test.json()[name], "{name}");
    }
    assert_eq!(answer["ground"], "rules");
    assert_eq!(answer["freeze_window"]["status"], "inactive");
    let missed = json!({"key": "tool_names", "wanted": "one of files.list, files.read",
        "got": "files.write"});
    assert_eq!(answer["rules"][0]["missed"], missed);
    let writes = &answer["rules"][1];
    assert_eq!((&writes["name"], &writes["line"]), (&json!("writes"), &json!(6)));
    assert_eq!((&writes["effect"], &writes["outcome"]), (&json!("allow"), &json!("spoke")));
    assert_eq!(writes["said"]["effect"], "require_approval");
    let endpoint = json!({"term": "endpoint", "from": "allow", "to": "require_approval",
        "reason_codes": ["endpoint_path_denied", "endpoint_constraint_violation"],
        "violations": ["endpoint_path_denied", "endpoint_constraint_violation"]});
    assert_eq!(writes["said"]["terms"][1], endpoint);
    let holds = json!({"term": "freeze_window", "from": "require_approval",
        "to": "require_approval", "reason_codes": [], "violations": []});
    assert_eq!(writes["said"]["terms"][2], holds);
    assert_eq!(answer["rules"][3]["outcome"], "too_late");
}

#[test]
fn where_no_rule_matches_the_default_is_named() {
    let place = place(&POLICY.replace("risk_classes: [low]", "risk_classes: [high]"));
    let run = place.run("policy explain p.yaml bare.json");
    // The last rule matches everything.
    assert!(run.out.contains("matches   late"), "{}", run.out);
    assert!(run.out.contains("target_kinds: wants path; has no targets\n"), "{}", run.out);
    place.put("p.yaml", "default_verdict: allow\nrules: [{name: a, effect: block, match: {require_delegation: true}}]");
    let run = place.run("policy explain p.yaml bare.json");
    let want = "\
no match  a (line 2, priority 0)  require_delegation: wants a delegation; has no delegation
no rule matches, so default_verdict decides: allow, also for destructive targets
";
    assert_eq!((run.exit, below(&run.out)), (0, want));
    let answer = place.run("policy explain p.yaml bare.json --json").json();
    assert_eq!(answer["ground"], "default_verdict");
}

#[test]
fn failing_closed_names_what_is_missing() {
    let place = place(
        "fail_closed: {enabled: true, risk_classes: [low], required_fields: [delegation], \
         required_high_risk_fields: [run_id]}\nrules: [{name: a, effect: allow}]",
    );
    let run = place.run("policy explain p.yaml bare.json");
    let want = "\
fail_closed covers risk class `low`, and the intent lacks
  delegation          fail_closed_missing_delegation
  run_id              fail_closed_missing_run_id
no rule was looked at
";
    assert_eq!((run.exit, below(&run.out)), (3, want));
    let answer = place.run("policy explain p.yaml bare.json --json").json();
    let lack = json!({"reason_code": "fail_closed_missing_run_id", "violation": "missing_run_id"});
    assert_eq!((&answer["ground"], &answer["lacks"][1]), (&json!("fail_closed"), &lack));
}

#[test]
fn a_script_is_explained_step_by_step() {
    let place = place(&format!("{POLICY}scripts: {{max_steps: 1}}\n"));
    let run = place.run("policy explain p.yaml s.json --at 2026-02-01T00:00:00Z");
    assert_eq!(run.exit, 3, "{run:?}");
    for part in [
        "\nstep 0 files.read: allow\nmatches   reads",
        "\nstep 1 files.write: require_approval\nno match  reads",
        "\nscript_limits         require_approval to block: script_max_steps_exceeded\n",
    ] {
        assert!(run.out.contains(part), "{part}: {}", run.out);
    }
    let answer = place.run("policy explain p.yaml s.json --json").json();
    assert_eq!(answer["ground"], "script");
    assert_eq!(answer["steps"][0]["rules"][0]["outcome"], "spoke");
    assert_eq!(answer["script_limits"]["to"], "block");
}

#[test]
fn what_cannot_be_explained_is_refused() {
    let place = place(POLICY);
    refused(&place.run("policy explain p.yaml i.json --at soon --json"), "invalid --at: `soon`");
    refused(&place.run("policy explain p.yaml nowhere.json --json"), "nowhere.json");
    refused(&place.run("policy explain p.yaml --json"), "<INTENT>");
}
