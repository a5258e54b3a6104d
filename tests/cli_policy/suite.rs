//! Cases, differences and what is broken.

use crate::command::Place;
use crate::shell::refused;
use crate::{case, suite};
use serde_json::{Value, json};
use std::fs;

#[test]
fn the_shipped_suite_passes_and_covers_every_rule() {
    let run = Place::new().run("policy test @tests --min-coverage 100 --json");
    let answer = run.json();
    assert_eq!(
        (run.exit, &answer["ok"], &answer["coverage_percent"]),
        (0, &json!(true), &json!(100))
    );
    assert_eq!(answer["cases_total"], answer["cases_passed"], "{run:?}");
    for shipped in ["base_high_risk", "demo", "stages/dry_run", "templates/baseline-lowrisk"] {
        let is = |policy: &Value| {
            policy["policy"].as_str().unwrap().ends_with(&format!("{shipped}.yaml"))
        };
        assert!(answer["coverage"].as_array().unwrap().iter().any(is), "{shipped}: {run:?}");
    }
}

#[test]
fn cases_come_from_files_and_from_the_test_itself() {
    let place = suite(
        "  - {name: short, intent: {tool_name: files.read}, expect: allow}
  - name: long
    intent: ../intent.json
    at: 2026-01-02T03:04:05Z
    expect:
      verdict: require_approval
      reason_codes: [first, ask, ask]
      violations: []
      matched_rule: writes
      min_approvals: 2
  - name: changed
    intent: ../intent.json
    with: {tool_name: Files.Read, args: {note: null}}
    expect: {verdict: allow, matched_rule: reads}
  - name: unlisted
    intent: {tool_name: x, context: {risk_class: high}}
    expect: {verdict: block, matched_rule: \"\"}
",
    );
    let run = place.run("policy test t --json");
    let answer = run.json();
    assert_eq!((run.exit, &answer["cases_passed"]), (0, &json!(4)), "{run:?}");
    let alone = place.run("policy test policy.yaml intent.json --json").json();
    assert_eq!(case(&answer, "long")["intent_digest"], alone["intent_digest"]);
    assert_eq!(place.run("policy test t/a_test.yaml").exit, 0);
}

#[test]
fn a_decision_that_is_not_the_expected_one_is_exit_5_and_says_the_difference() {
    let place = suite(
        "  - {name: good, intent: {tool_name: files.read}, expect: allow}
  - name: bad
    intent: {tool_name: files.write}
    expect: {verdict: allow, reason_codes: [ask, last], violations: [v], min_approvals: 1}
",
    );
    let run = place.run("policy test t --json");
    let answer = run.json();
    assert_eq!((run.exit, &answer["ok"]), (5, &json!(false)), "{run:?}");
    assert_eq!(answer["error_code"], "regress_failed");
    assert_eq!(answer["error_category"], "internal_failure");
    assert_eq!(answer["error"], "1 of 2 cases failed");
    assert_eq!(case(&answer, "good")["status"], "passed");
    let bad = case(&answer, "bad");
    assert_eq!((&bad["status"], &bad["line"]), (&json!("failed"), &json!(5)), "{bad}");
    assert_eq!(
        bad["differences"],
        json!([
            {"member": "verdict", "expected": "allow", "got": "require_approval"},
            {"member": "reason_codes", "expected": ["ask", "last"], "got": ["ask", "first"]},
            {"member": "violations", "expected": ["v"], "got": []},
            {"member": "min_approvals", "expected": 1, "got": 2},
        ])
    );
    let text = place.run("policy test t");
    for line in [
        "FAILED  t/a_test.yaml  2 cases, 1 failed",
        "FAILED  t/a_test.yaml:5:5  bad",
        "        verdict        expected  allow",
        "                       got       require_approval",
        "        violations     expected  v",
        "                       got       none",
        "        decided by writes: ask, first",
        "2 cases: 1 passed, 1 failed; 2 of 2 rules matched (100 %)",
    ] {
        assert!(text.out.lines().any(|out| out == line), "{line}\n{}", text.out);
    }
    assert_eq!(text.log, "policy test error: 1 of 2 cases failed\n");
}

#[test]
fn what_is_broken_is_named_with_its_place_and_the_rest_still_runs() {
    for (broken, place_and_part) in [
        (
            "{name: b, intent: x.json, expect: allow, mode: 1}",
            "5:46 unknown field `mode` in cases[1]",
        ),
        ("{intent: x.json, expect: allow}", "5:5 `cases[1].name` is required"),
        ("{name: b, intent: {tool_name: x}, expect: alow}", "5:47 unknown verdict `alow`"),
        ("{name: b, intent: {tool_name: x}}", "an expected verdict is required"),
        (
            "{name: b, intent: {tool_name: x}, expect: {verdict: block, why: x}}",
            "unknown field `why`",
        ),
        (
            "{name: b, intent: {tool_name: x, target: []}, expect: block}",
            "unknown member `target` in `cases[1].intent`",
        ),
        (
            "{name: b, intent: {tool_name: x, targets: [{kid: path}]}, expect: block}",
            "unknown member `kid`",
        ),
        ("{name: b, intent: {tool_name: x, args: {n: 010}}, expect: block}", "put it in quotes"),
        (
            "{name: b, intent: {tool_name: ' '}, expect: block}",
            "5:23 normalize intent: tool_name is required",
        ),
        ("{name: b, intent: nowhere.json, expect: block}", "read intent: t/nowhere.json"),
        ("{name: b, intent: 7, expect: block}", "must be a file's name or a mapping"),
        ("{name: a, intent: {tool_name: x}, expect: block}", "two cases are named `a`"),
        ("{name: b, intent: {tool_name: x}, at: noon, expect: block}", "write it like 2026-"),
    ] {
        let good = "  - {name: a, intent: {tool_name: files.read}, expect: allow}\n";
        let place = suite(&format!("{good}  - {broken}\n"));
        let run = place.run("policy test t --json");
        refused(&run, "1 of 2 cases broken");
        let answer = run.json();
        let of = |status: &str| {
            let cases = answer["cases"].as_array().unwrap();
            cases.iter().find(|case| case["status"] == status).unwrap_or(&Value::Null).clone()
        };
        assert_eq!(of("passed")["name"], "a", "{run:?}");
        let case = of("broken");
        let said =
            format!("{}:{} {}", case["line"], case["column"], case["error"].as_str().unwrap());
        assert!(said.contains(place_and_part), "{place_and_part}: {said}");
        assert!(place.run("policy test t").out.contains("BROKEN  t/a_test.yaml:5:"));
    }
}

#[test]
fn a_broken_file_does_not_hide_the_others() {
    let place = suite("  - {name: a, intent: {tool_name: files.write}, expect: allow}\n");
    place.put("broken.yaml", "rules:\n  - nme: x\n");
    for (text, part) in [
        ("", "`policy` is required"),
        ("policy: ../policy.yaml\ncases: []\n", "`cases` is required"),
        ("policy: ../policy.yaml\ncase: []\n", "unknown field `case` in the test file"),
        ("policy: [\n", ""),
        ("policy: x\n---\npolicy: y\n", "several yaml documents"),
        ("policy: ../../broken.yaml\ncases: [{}]\n", "broken.yaml:2:5: unknown field `nme`"),
        ("policy: ../nowhere.yaml\ncases: [{}]\n", "read policy"),
        ("defaults: {tool: x}\npolicy: x\ncases: [{}]\n", "unknown member `tool` in `defaults`"),
    ] {
        place.put("t/deep/b_test.yml", text);
        let run = place.run("policy test t --json");
        refused(&run, "1 of 2 cases failed; 1 of 2 cases broken");
        let error = case(&run.json(), "the file")["error"].as_str().unwrap().to_owned();
        assert!(error.contains(part), "{part}: {error}");
    }
}

#[test]
fn a_folder_without_tests_and_a_wrong_count_are_refused() {
    let place = suite("");
    fs::create_dir(place.path("empty")).unwrap();
    refused(&place.run("policy test empty --json"), "no files named *_test.yaml in `empty`");
    for line in ["", "policy.yaml", "a b c", "nowhere"] {
        let run = place.run(&format!("policy test {line} --json"));
        refused(&run, "expected <policy.yaml> <intent_fixture.json>");
    }
    for flag in ["--junit x.xml", "--min-coverage 5", "--watch"] {
        let run = place.run(&format!("policy test policy.yaml intent.json {flag} --json"));
        refused(&run, "goes with a suite");
    }
    refused(&place.run("policy test t --watch --json"), "--watch is for people");
    refused(&place.run("policy test t --min-coverage 101 --json"), "101");
}

#[test]
fn a_report_takes_no_place_but_a_report_s() {
    let place = suite("  - {name: reads, intent: {tool_name: files.read}, expect: allow}\n");
    let test = fs::read(place.path("t/a_test.yaml")).unwrap();
    for used in ["t/a_test.yaml", "./t/../policy.yaml"] {
        let part = "is a file of the suite";
        refused(&place.run(&format!("policy test t --junit {used} --json")), part);
    }
    assert_eq!(fs::read(place.path("t/a_test.yaml")).unwrap(), test);
    // Renaming would take away a device or a link: as root `/dev/stdout` itself.
    std::os::unix::fs::symlink("/dev/null", place.path("link")).unwrap();
    refused(&place.run("policy test t --junit link --json"), "link is no regular file");
    assert!(place.path("link").is_symlink());
}
