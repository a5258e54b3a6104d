//! Rule coverage, and the report for CI.

use crate::{DEFAULTS, suite};
use serde_json::{Value, json};
use std::process::Command;

#[test]
fn rules_that_no_case_matches_are_named_with_their_line() {
    let place = suite("  - {name: a, intent: {tool_name: files.read}, expect: allow}\n");
    let run = place.run("policy test t --min-coverage 50 --json");
    let answer = run.json();
    assert_eq!((run.exit, &answer["rules_matched"]), (0, &json!(1)), "{run:?}");
    assert_eq!(answer["coverage"][0]["unmatched"], json!([{"rule": "writes", "line": 6}]));
    let run = place.run("policy test t --min-coverage 51");
    assert_eq!(run.exit, 5, "{run:?}");
    assert!(run.out.contains("        policy.yaml:6: no case matches writes\n"), "{run:?}");
    assert_eq!(run.log, "policy test error: rule coverage is 50 %, below --min-coverage 51\n");
}

#[test]
fn two_files_cover_one_policy_together() {
    let place = suite("  - {name: a, intent: {tool_name: files.read}, expect: allow}\n");
    let other = "  - {name: a, intent: {tool_name: files.write}, expect: require_approval}\n";
    place.put("t/b_test.yaml", format!("policy: ./../policy.yaml\n{DEFAULTS}cases:\n{other}"));
    let run = place.run("policy test t --min-coverage 100 --json");
    assert_eq!((run.exit, run.json()["rules_total"].clone()), (0, json!(2)), "{run:?}");
}

#[test]
fn the_junit_report_is_xml_that_a_parser_reads() {
    let place = suite(
        "  - {name: fine, intent: {tool_name: files.read}, expect: allow}
  - {name: \"not <fine> & 'odd' \\e\", intent: {tool_name: x}, expect: allow}
  - {name: broken, intent: {tool_name: ''}, expect: allow}
",
    );
    let run = place.run("policy test t --junit out/junit.xml --min-coverage 90");
    assert_eq!(run.exit, 6, "{run:?}");
    let script = "
import sys, json, xml.etree.ElementTree as tree
root = tree.parse(sys.argv[1]).getroot()
print(json.dumps([root.attrib, [s.attrib for s in root],
  [[c.attrib['name'], [[e.tag, e.attrib['message']] for e in c]] for c in root.iter('testcase')]]))";
    let path = place.path("out/junit.xml");
    let python = Command::new("python3").arg("-c").arg(script).arg(path).output().unwrap();
    assert!(python.status.success(), "{python:?}");
    let [root, suites, cases] = serde_json::from_slice::<[Value; 3]>(&python.stdout).unwrap();
    assert_eq!(
        (&root["tests"], &root["failures"], &root["errors"]),
        (&json!("4"), &json!("2"), &json!("1"))
    );
    assert_eq!((&suites[0]["name"], &suites[0]["tests"]), (&json!("t/a_test.yaml"), &json!("3")));
    assert_eq!(
        cases,
        json!([
            ["fine", []],
            ["not <fine> & 'odd' \u{fffd}", [["failure", "verdict: expected allow, got block"]]],
            ["broken", [["error", "normalize intent: tool_name is required"]]],
            ["--min-coverage", [["failure", "rule coverage is 50 %, below --min-coverage 90"]]],
        ])
    );
}
