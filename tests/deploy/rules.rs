//! What the rules, their tests, the page about them and the unit owe each other.

use crate::{text, yaml};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

/// The rules that are alerts.
fn alerts() -> Vec<Value> {
    let groups = yaml("deploy/alerts.yaml")["groups"].as_array().expect("groups").clone();
    let rules = groups.into_iter().flat_map(|group| group["rules"].as_array().unwrap().clone());
    rules.filter(|rule| rule["alert"].is_string()).collect()
}

fn names() -> BTreeSet<String> {
    alerts().iter().map(|rule| rule["alert"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn each_alert_is_shown_at_work() {
    let tests = ["deploy/alerts_test.yaml", "deploy/alerts_days_test.yaml"].map(yaml);
    let tests = tests.iter().flat_map(|file| file["tests"].as_array().expect("tests"));
    let cases = tests.flat_map(|test| test["alert_rule_test"].as_array()).flatten();
    let fired =
        cases.filter(|case| case["exp_alerts"].as_array().is_some_and(|all| !all.is_empty()));
    let fired: BTreeSet<_> =
        fired.map(|case| case["alertname"].as_str().unwrap().to_owned()).collect();
    assert_eq!(fired, names());
}

#[test]
fn each_alert_says_how_urgent_it_is_and_what_to_do() {
    for rule in alerts() {
        let severity = rule["labels"]["severity"].as_str();
        assert!(matches!(severity, Some("page" | "ticket")), "{rule}");
        for word in ["summary", "action"] {
            assert!(rule["annotations"][word].is_string(), "{rule} has no {word}");
        }
    }
}

#[test]
fn the_page_has_a_row_for_each_alert_and_no_other() {
    let page = text("docs/operations.md");
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `Gait"));
    let named: Vec<String> =
        rows.map(|row| format!("Gait{}", row.split('`').next().unwrap())).collect();
    assert_eq!(named.iter().cloned().collect::<BTreeSet<_>>(), names());
    assert_eq!(named.len(), names().len(), "one row each");
    for rule in alerts() {
        let name = rule["alert"].as_str().unwrap();
        let row = page.lines().find(|line| line.starts_with(&format!("| `{name}` |"))).unwrap();
        let severity = row.split('|').nth(2).unwrap().trim();
        assert_eq!(rule["labels"]["severity"], severity, "{name}");
    }
}

#[test]
fn systemd_understands_the_unit_and_finds_it_shut_in() {
    let dir = tempfile::tempdir().unwrap();
    let unit = dir.path().join("gait.service");
    // It looks for the program as well.
    let program = env!("CARGO_BIN_EXE_gait");
    fs::write(&unit, text("deploy/gait.service").replace("/usr/local/bin/gait", program)).unwrap();
    let analyze = |words: &[&str]| Command::new("systemd-analyze").args(words).arg(&unit).output();
    let Ok(verified) = analyze(&["verify", "--man=no"]) else {
        println!("skipped: systemd-analyze is not installed (Debian package `systemd`)");
        return;
    };
    let said = String::from_utf8_lossy(&verified.stderr);
    let ours: Vec<&str> = said.lines().filter(|line| line.contains("gait.service")).collect();
    assert!(verified.status.success() && ours.is_empty(), "{said}");
    // 0 is shut in, 10 is open; this is in tenths.
    let rated = analyze(&["security", "--offline=yes", "--threshold=15"]).unwrap();
    assert!(rated.status.success(), "{}", String::from_utf8_lossy(&rated.stdout));
}
