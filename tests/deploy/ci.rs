//! The scripts of `deploy/ci`: each exit status that they can end with, from what brings it about.

use crate::checkout::{Checkout, Ran};
use crate::http::ask;
use crate::scene::Scene;
use crate::wait_for;
use std::os::unix::fs::symlink;
use std::path::Path;

const PR: &str = "deploy/ci/pr.sh";
const NIGHTLY: &str = "deploy/ci/nightly.sh";
const GATE: &str = "deploy/ci/deploy-gate.sh";
const LOW: &str = "policies/base_low_risk.yaml";
const HIGH: &str = "policies/base_high_risk.yaml";

/// The rule of `LOW` that allows reads.
const READS: &str = "  - name: allow-reads\n    priority: 20\n    effect: allow";

/// A checkout in which `LOW` says something else of reads.
fn reads_are(effect: &str) -> Checkout {
    let checkout = Checkout::new();
    let other = READS.replace("effect: allow", &format!("effect: {effect}"));
    checkout.edit(LOW, READS, &other);
    checkout.commit();
    checkout
}

#[track_caller]
fn ends(ran: &Ran, exit: i32) {
    assert_eq!(ran.exit, exit, "{}\n{}", ran.out, ran.log);
}

// === pr.sh ===

#[test]
fn a_pull_request_that_changes_nothing_passes_and_leaves_one_folder() {
    let checkout = Checkout::new();
    let ran = checkout.run(PR, &[]);
    ends(&ran, 0);
    assert!(!ran.out.contains("gate eval"), "nothing has changed: {}", ran.out);
    assert_eq!(checkout.git(&["status", "--porcelain"]), "?? gait-out/\n");
    let junit = std::fs::read_to_string(checkout.path("gait-out/junit.xml")).unwrap();
    assert!(junit.contains("<testsuite "), "{junit}");
}

#[test]
fn what_a_changed_policy_would_do_is_shown_and_fails_only_on_demand() {
    let checkout = Checkout::new();
    // Which rule asks is of no interest to the suites, so that the change alone is to be seen.
    checkout.edit(LOW, "allow-reads", "let-reads-through");
    checkout.commit();
    let shown = checkout.run(PR, &[]);
    ends(&shown, 0);
    for word in ["simulated_verdict=require_approval", "changed=1", "let-reads-through"] {
        assert!(shown.out.contains(word), "no `{word}` in {}", shown.out);
    }
    assert_eq!(shown.out.matches("== simulate ").count(), 3, "three intents, one changed policy");
    ends(&checkout.run(PR, &[("GAIT_ON_CHANGE", "fail")]), 5);
}

#[test]
fn a_verdict_that_changed_ends_the_job_as_replay_says() {
    for (effect, exit) in [("block", 3), ("require_approval", 4), ("dry_run", 5)] {
        let checkout = reads_are(effect);
        ends(&checkout.run(PR, &[("GAIT_ON_CHANGE", "fail")]), exit);
        // By itself it is the suite that finds a decision that nobody expected.
        let report = checkout.run(PR, &[]);
        ends(&report, 5);
        assert!(report.out.contains("changed=1"), "{}", report.out);
    }
}

#[test]
fn a_warning_and_a_case_that_fails_are_other_than_expected() {
    let checkout = Checkout::new();
    checkout.edit(LOW, "default_verdict: require_approval", "default_verdict: allow");
    ends(&checkout.run(PR, &[]), 5);
    let checkout = Checkout::new();
    checkout.edit("policies/tests/demo_test.yaml", "verdict: allow", "verdict: block");
    ends(&checkout.run(PR, &[]), 5);
}

#[test]
fn what_cannot_be_read_is_a_broken_pipeline() {
    for (file, from, to) in [
        (LOW, "rules:", "rulez:"),
        ("policies/tests/demo_test.yaml", "cases:", "cazes:"),
        ("config/gait.yaml", "stage: observe", "stage: enforcee"),
    ] {
        let checkout = Checkout::new();
        checkout.edit(file, from, to);
        ends(&checkout.run(PR, &[]), 6);
    }
}

#[test]
fn a_pull_request_may_mend_a_policy_that_was_broken() {
    let checkout = Checkout::new();
    checkout.git(&["checkout", "--quiet", "main"]);
    checkout.edit(LOW, "rules:", "rulez:");
    checkout.commit();
    checkout.git(&["checkout", "--quiet", "-B", "change"]);
    checkout.edit(LOW, "rulez:", "rules:");
    checkout.commit();
    ends(&checkout.run(PR, &[("GAIT_ON_CHANGE", "fail")]), 0);
}

#[test]
fn a_policy_that_is_new_is_looked_at_and_compared_with_none() {
    let checkout = Checkout::new();
    let text = std::fs::read_to_string(checkout.path(LOW)).unwrap();
    checkout.put("policies/a new one.yml", &text);
    checkout.commit();
    let ran = checkout.run(PR, &[("GAIT_ON_CHANGE", "fail"), ("GAIT_MIN_COVERAGE", "0")]);
    ends(&ran, 0);
    assert_eq!(ran.out.matches("== simulate ").count(), 3, "{}", ran.out);
    assert!(!ran.out.contains("--baseline"), "{}", ran.out);
}

#[test]
fn a_pull_request_without_what_it_needs_names_the_variable() {
    let checkout = Checkout::new();
    for (name, value) in [
        ("GAIT_BASE", "no-such-branch"),
        ("GAIT_POLICIES", "no-such-folder"),
        ("GAIT_INTENTS", "no-such-folder"),
        ("GAIT_INTENTS", "config"),
        ("GAIT_ON_CHANGE", "maybe"),
    ] {
        let ran = checkout.run(PR, &[(name, value)]);
        ends(&ran, 6);
        assert!(ran.log.contains(name), "{name}: {}", ran.log);
    }
}

#[test]
fn a_program_that_is_missing_or_dies_is_a_failure_of_the_machine() {
    let checkout = Checkout::new();
    for script in [PR, NIGHTLY, GATE] {
        let ran = checkout.run(script, &[("GAIT", "no-such-gait")]);
        ends(&ran, 1);
        assert!(ran.log.contains("name it in GAIT"), "{}", ran.log);
    }
    let gait = checkout.stand_in("proxy --check", "kill -9 $$");
    ends(&checkout.run(PR, &[("GAIT", &gait)]), 1);
    let gait = checkout.stand_in("replay", "exit 101");
    ends(&checkout.run(NIGHTLY, &[("GAIT", &gait)]), 1);
}

// === nightly.sh ===

#[test]
fn a_night_ends_with_the_worst_change() {
    let checkout = Checkout::new();
    ends(&checkout.run(NIGHTLY, &[]), 0);
    assert!(checkout.path("gait-out/intents.jsonl").exists());
    for (policies, baseline, exit) in [(HIGH, HIGH, 0), (LOW, HIGH, 5), (HIGH, LOW, 3)] {
        let variables = [("GAIT_POLICIES", policies), ("GAIT_BASELINE", baseline)];
        ends(&checkout.run(NIGHTLY, &variables), exit);
    }
    checkout.put("lax.yaml", "default_verdict: dry_run\nrules: []\n");
    let variables = [("GAIT_POLICIES", LOW), ("GAIT_BASELINE", "lax.yaml")];
    ends(&checkout.run(NIGHTLY, &variables), 4);
    checkout.put("policies/intents/torn.json", "{");
    ends(&checkout.run(NIGHTLY, &[]), 6);
}

#[test]
fn recorded_calls_are_replayed_under_the_policy_in_force() {
    let full = "upstream: tool\n    capture: full\n";
    let gait = Scene::with(|config| {
        config.replace("    stage:    require_approval\n", "").replace("upstream: tool\n", full)
    });
    gait.traffic();
    let recorded = gait.stop();
    let checkout = Checkout::new();
    let evidence = recorded.path().join("state/evidence");
    let policy = "deploy/compose/policy.yaml";
    let variables = [("GAIT_EVIDENCE", evidence.to_str().unwrap()), ("GAIT_POLICY", policy)];
    ends(&checkout.run(NIGHTLY, &variables), 0);
    // A planted change: what was allowed is blocked, and the job says so.
    checkout.edit(policy, "notes.create, ", "");
    ends(&checkout.run(NIGHTLY, &variables), 3);
    let differences = std::fs::read_to_string(checkout.path("gait-out/evidence.jsonl")).unwrap();
    assert_eq!(differences.matches("notes.create").count(), 1, "{differences}");
}

// === deploy-gate.sh ===

#[test]
fn the_gate_ends_with_the_worst_of_six_three_and_four() {
    let one = |name: &str| format!("policies/intents/intent_{name}.json");
    let checkout = Checkout::new();
    for (required, exit) in [
        (one("read"), 0),
        (one("write"), 4),
        (one("delete"), 3),
        ("policies/intents".to_owned(), 3),
        ("no-such-folder".to_owned(), 6),
    ] {
        ends(&checkout.run(GATE, &[("GAIT_REQUIRED", &required)]), exit);
    }
    checkout.put("policies/intents/torn.json", "{");
    ends(&checkout.run(GATE, &[("GAIT_REQUIRED", "policies/intents")]), 6);
}

#[test]
fn the_gate_asks_the_policy_that_goes_live() {
    let checkout = Checkout::new();
    let ran = checkout.run(GATE, &[("GAIT_POLICY", LOW)]);
    ends(&ran, 6);
    assert!(ran.log.contains("name in GAIT_POLICY the one that goes live"), "{}", ran.log);
    ends(&checkout.run(GATE, &[("GAIT_POLICY", LOW), ("GAIT_CONFIG", "")]), 0);
    checkout.edit("config/gait.yaml", "stage: observe", "stage: enforcee");
    ends(&checkout.run(GATE, &[]), 6);
}

#[test]
fn the_gate_of_a_route_is_asked_where_route_and_stage_are_named() {
    let checkout = Checkout::new();
    for (exit, required, worst) in [
        (0, "read", 0),
        (3, "read", 3),
        (4, "read", 4),
        (6, "read", 6),
        (1, "read", 1),
        (4, "delete", 3),
        (3, "write", 3),
    ] {
        let gait = checkout.stand_in("rollout gate", &format!("exit {exit}"));
        let required = format!("policies/intents/intent_{required}.json");
        let mut variables = vec![("GAIT", gait.as_str()), ("GAIT_REQUIRED", required.as_str())];
        variables.extend([("GAIT_ROUTE", "files.delete"), ("GAIT_STAGE", "enforce")]);
        ends(&checkout.run(GATE, &variables), worst);
    }
    let asked = std::fs::read_to_string(checkout.path("asked")).unwrap();
    assert_eq!(asked, "rollout gate --route files.delete --to enforce --or-beyond\n");
}

#[test]
fn the_gate_of_a_route_can_be_asked_of_evidence() {
    let checkout = Checkout::new();
    let gait = checkout.stand_in("", "exit 0");
    let mut variables = vec![("GAIT", gait.as_str()), ("GAIT_ROUTE", "r"), ("GAIT_STAGE", "s")];
    variables.extend([
        ("GAIT_EVIDENCE", "a copy"),
        ("GAIT_METRICS", "scrape"),
        ("GAIT_CONFIG", ""),
    ]);
    let of = "rollout gate --route r --to s --or-beyond --evidence a copy --config  --max-age";
    for (more, age, key) in [
        (vec![], "24h", ""),
        (vec![("GAIT_EVIDENCE_MAX_AGE", "2h"), ("GAIT_EVIDENCE_KEY", "own key")], "2h", "own key"),
    ] {
        let ran = checkout.run(GATE, &[variables.as_slice(), more.as_slice()].concat());
        ends(&ran, 0);
        let key = if key.is_empty() { String::new() } else { format!(" --public-key {key}") };
        assert!(ran.out.contains(&format!("trace verify a copy{key}\n")), "{}", ran.out);
        let asked = std::fs::read_to_string(checkout.path("asked")).unwrap();
        assert_eq!(asked, format!("{of} {age} --metrics scrape{key}\n"));
    }
}

const READ: &str = r#"{"created_at":"2026-01-02T03:04:05Z","tool_name":"files.read","args":{},
    "context":{"identity":"ci","workspace":"/srv","risk_class":"low"}}"#;

/// A checkout that asks about a route of `Scene`.
fn asking(state: &Path) -> Checkout {
    let checkout = Checkout::new();
    checkout.put("required.json", READ);
    symlink(state, checkout.path("state")).unwrap();
    checkout
}

const OF_SCENE: [(&str, &str); 2] =
    [("GAIT_POLICY", "deploy/compose/policy.yaml"), ("GAIT_REQUIRED", "required.json")];

#[test]
fn the_gate_looks_at_no_copy_that_was_changed() {
    let gait = Scene::start();
    gait.traffic();
    let recorded = gait.stop();
    let checkout = asking(&recorded.path().join("state"));
    let mut variables = OF_SCENE.to_vec();
    variables.extend([("GAIT_CONFIG", "deploy/compose/gait.yaml"), ("GAIT_EVIDENCE", "state")]);
    let asks_a_route = [("GAIT_ROUTE", "files.delete"), ("GAIT_STAGE", "enforce")];
    ends(&checkout.run(GATE, &variables), 0);
    let all = [variables.as_slice(), &asks_a_route].concat();
    ends(&checkout.run(GATE, &all), 3);
    let aged = [all.as_slice(), &[("GAIT_EVIDENCE_MAX_AGE", "1ms")]].concat();
    let ran = checkout.run(GATE, &aged);
    ends(&ran, 4);
    assert!(ran.log.contains("take a newer copy"), "{}", ran.log);

    let segment = "state/evidence/000001.jsonl";
    let text = std::fs::read_to_string(checkout.path(segment)).unwrap();
    let call = text.lines().find(|line| line.contains("\"kind\":\"call\"")).unwrap();
    checkout.put(segment, &text.replace(&format!("{call}\n"), ""));
    for variables in [&variables, &all] {
        let ran = checkout.run(GATE, variables);
        ends(&ran, 2);
        assert!(ran.log.contains("trace verify error: state/evidence/000001"), "{}", ran.log);
    }
}

/// The config that promotes is neither the proof nor the measure of its own promotion.
#[test]
fn a_promotion_by_config_is_held_against_the_config_in_force() {
    let gait = Scene::start();
    for (method, path, body) in [("POST", "/notes", "{\"text\":\"a\"}"), ("DELETE", "/files/1", "")]
    {
        ask(gait.server, method, path, body);
    }
    let recorded = gait.stop();
    let checkout = asking(&recorded.path().join("state"));
    checkout
        .put("counted", "gait_bypass_total{cause=\"permit_kind\"} 0\ngait_unrecorded_total 0\n");
    let own = "intent:   { tool_name: notes.create";
    let old = crate::text("deploy/compose/gait.yaml");
    let policy = crate::text("deploy/compose/policy.yaml");
    let gates = "rollout: { gates: { min_calls: 1, min_time: 0s } }\n";
    let raised = old.replace(own, &format!("stage: dry_run\n    {own}"));
    for (name, text) in [
        ("strict", old.clone()),
        ("lax", format!("{old}{gates}")),
        ("raised", format!("{raised}{gates}")),
        ("other", raised.replace("policy.yaml", "other-policy.yaml")),
        ("other-policy", format!("{policy}# others see it\n").replace("everyday", "all-day")),
    ] {
        checkout.put(&format!("deploy/compose/{name}.yaml"), &text);
    }
    let file = |name: &str| format!("deploy/compose/{name}.yaml");
    let run = |config: &str, in_force: &str, more: &[(&str, &str)]| {
        let (config, in_force) = (file(config), file(in_force));
        let mut variables = OF_SCENE.to_vec();
        variables.extend([("GAIT_ROUTE", "notes.create"), ("GAIT_STAGE", "dry_run")]);
        variables.extend([("GAIT_EVIDENCE", "state"), ("GAIT_METRICS", "counted")]);
        variables.push(("GAIT_CONFIG", &config));
        if in_force != file("") {
            variables.push(("GAIT_CONFIG_IN_FORCE", &in_force));
        }
        variables.extend(more);
        checkout.run(GATE, &variables)
    };
    let unproven = run("raised", "", &[]);
    ends(&unproven, 4);
    assert!(unproven.log.contains("give the config that is in force"), "{}", unproven.log);
    ends(&run("raised", "lax", &[]), 0);
    // Its own thresholds open nothing.
    ends(&run("lax", "", &[]), 0);
    ends(&run("lax", "strict", &[]), 4);
    ends(&run("raised", "strict", &[]), 4);
    ends(&run("raised", "no-such-file", &[]), 6);
    // What the policy in force judged says nothing of the next one.
    let other = file("other-policy");
    let next = run("other", "lax", &[("GAIT_POLICY", &other)]);
    ends(&next, 4);
    assert!(next.log.contains("deploy the policy first"), "{}", next.log);
    let there = [("GAIT_ROUTE", "files.delete"), ("GAIT_STAGE", "require_approval")];
    ends(&run("other", "lax", &[&[("GAIT_POLICY", &*other)], &there[..]].concat()), 0);
}

#[test]
fn the_gate_may_be_asked_again_after_its_promotion() {
    let gates = "rollout: { gates: { min_calls: 1, min_time: 0s } }\n";
    let gait = Scene::with(|config| config + gates);
    let called = ask(gait.server, "POST", "/notes", "{\"text\":\"a\"}");
    assert_eq!(called.status, 200, "{}", called.body);
    let checkout = asking(&gait.path("state"));
    let mut variables = OF_SCENE.to_vec();
    variables.push(("GAIT_CONFIG", ""));
    variables.extend([("GAIT_ROUTE", "notes.create"), ("GAIT_STAGE", "dry_run")]);
    // The line of the call is on its way to the disk.
    wait_for("the gate", || (checkout.run(GATE, &variables).exit == 0).then_some(()));
    let step = "--route notes.create --to dry_run";
    ends(&checkout.run(&format!("gait rollout promote {step}"), &[]), 0);
    let again = checkout.run(GATE, &variables);
    ends(&again, 0);
    assert!(again.out.contains("notes.create: stands in dry_run or beyond"), "{}", again.out);
    ends(&checkout.run(&format!("gait rollout gate {step}"), &[]), 6);
    let beyond = "gait rollout gate --or-beyond --route notes.create --to";
    ends(&checkout.run(&format!("{beyond} observe"), &[]), 0);
    ends(&checkout.run(&format!("{beyond} require_approval"), &[]), 4);
    ends(&checkout.run("gait rollout gate --or-beyond --route nobody --to dry_run", &[]), 6);
}

#[test]
fn half_a_question_is_refused() {
    let checkout = Checkout::new();
    let of_evidence = ["METRICS", "EVIDENCE_KEY", "EVIDENCE_MAX_AGE", "CONFIG_IN_FORCE"];
    for variable in ["ROUTE", "STAGE"].into_iter().chain(of_evidence) {
        let variable = &*format!("GAIT_{variable}");
        let ran = checkout.run(GATE, &[(variable, "x")]);
        ends(&ran, 6);
        assert!(ran.log.contains(variable), "{}", ran.log);
    }
}

// === the page ===

/// The lines of the blocks of docs/ci.md that show the scripts.
fn shown() -> Vec<String> {
    let page = crate::text("docs/ci.md");
    let blocks = page.split("```").skip(1).step_by(2);
    let tagged = blocks.filter_map(|block| block.strip_prefix("sh scripts\n"));
    tagged.flat_map(str::lines).map(str::to_owned).collect()
}

#[test]
fn the_scripts_end_as_the_page_says() {
    let checkout = Checkout::new();
    let lines = shown();
    assert!(lines.len() >= 6, "{lines:?}");
    for line in lines {
        let exit = line.split_once("# exit ").map_or("0", |(_, exit)| exit.trim());
        ends(&checkout.run(&line, &[]), exit.parse().unwrap());
    }
}
