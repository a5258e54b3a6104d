//! Comparing a changed policy with the one in force, and starting a new one.

use crate::command::{Place, Run};
use crate::shell::{INTENT, mode, refused};
use crate::{POLICY, suite};
use serde_json::{Value, json};
use std::fs;

fn simulate(place: &Place, fixtures: &str) -> Run {
    place.run(&format!(
        "policy simulate --policy new.yaml --baseline policy.yaml --fixtures {fixtures} --json"
    ))
}

#[test]
fn a_changed_policy_is_compared_over_all_intents_of_a_folder() {
    let place = suite("");
    for (name, tool) in [("read", "files.read"), ("sub/write", "files.write"), ("sub", "x")] {
        place.put(&format!("fx/{name}.json"), INTENT.replace("files.write", tool));
    }
    place.put("fx/notes.txt", "no intent");
    for (rules, recommendation, changed) in [
        (POLICY.to_owned(), "enforce", &[][..]),
        (POLICY.replace("[ask, first]", "[ask]"), "enforce", &["fx/sub/write.json"][..]),
        (POLICY.replace("require_approval", "allow"), "observe", &["fx/sub/write.json"][..]),
        (
            POLICY.replace("effect: allow", "effect: block"),
            "require_approval",
            &["fx/read.json"][..],
        ),
        (
            "default_verdict: allow".to_owned(),
            "observe",
            &["fx/read.json", "fx/sub.json", "fx/sub/write.json"][..],
        ),
    ] {
        place.put("new.yaml", rules);
        let run = simulate(&place, "fx/sub,./fx/.");
        let answer = run.json();
        assert_eq!((run.exit, &answer["recommendation"]), (0, &json!(recommendation)), "{run:?}");
        assert_eq!(answer["fixtures_total"], 3);
        let paths: Vec<&str> = answer["changed"].as_array().map_or_else(Vec::new, |rows| {
            rows.iter().map(|row| row["fixture_path"].as_str().unwrap()).collect()
        });
        assert_eq!(paths, changed);
        let counted = changed.len();
        let summary =
            format!("policy simulate fixtures=3 changed={counted} recommendation={recommendation}");
        assert_eq!(answer["summary"], summary.as_str());
    }
    let text = place.run("policy simulate --policy new.yaml --baseline policy.yaml --fixtures fx");
    for line in [
        "fx/sub/write.json",
        "  baseline   require_approval  writes: ask, first",
        "  candidate  allow             no rule: default_allow",
        "allow                    1          3",
    ] {
        assert!(text.out.lines().any(|out| out == line), "{line}\n{}", text.out);
    }
}

#[test]
fn what_simulate_needs_is_asked_for_in_order() {
    let place = suite("");
    place.put("fx/bad.json", "{");
    place.put("x.txt", "");
    fs::create_dir(place.path("none")).unwrap();
    for (args, part) in [
        ("extra --policy p", "unexpected positional arguments"),
        ("--baseline b", "missing required --policy <candidate_policy.yaml>"),
        ("--policy p --fixtures f", "missing required --baseline <baseline_policy.yaml>"),
        ("--policy p --baseline b", "missing required --fixtures <csv files/dirs>"),
        ("--policy p --baseline b --fixtures ,", "no intent fixtures discovered from --fixtures"),
        ("--policy p --baseline b --fixtures none", "no intent fixtures discovered"),
        ("--policy p --baseline b --fixtures x.txt", "fixture file must be .json: x.txt"),
        ("--policy p --baseline b --fixtures fx", "read policy p: "),
        ("--policy policy.yaml --baseline b --fixtures fx", "read policy b: "),
        (
            "--policy policy.yaml --baseline policy.yaml --fixtures fx",
            "fx/bad.json: parse intent json",
        ),
        (
            "--policy policy.yaml --baseline policy.yaml --fixtures intent.json,gone.json",
            "gone.json",
        ),
    ] {
        refused(&place.run(&format!("policy simulate {args} --json")), part);
    }
}

#[test]
fn a_starter_policy_is_written_once_and_is_valid_and_quiet() {
    let place = Place::new();
    for (word, name) in [
        ("low", "baseline-lowrisk"),
        ("BASELINE-MEDIUMRISK", "baseline-mediumrisk"),
        ("baseline_high_risk", "baseline-highrisk"),
    ] {
        let run = place.run(&format!("policy init {word} --out p/{name}.yaml --json"));
        let answer = run.json();
        assert_eq!((run.exit, &answer["template"]), (0, &json!(name)), "{run:?}");
        assert_eq!(answer["policy_path"], format!("p/{name}.yaml"));
        assert_eq!(answer["next_commands"].as_array().unwrap().len(), 3);
        assert_eq!(mode(&place.path(&format!("p/{name}.yaml"))), 0o600);
        let valid = place.run(&format!("policy validate p/{name}.yaml --json"));
        assert_eq!((valid.exit, &valid.json()["warnings"]), (0, &Value::Null), "{valid:?}");
    }
    assert_eq!(place.run("policy init low").exit, 0);
    let taken = "output path already exists (use --force to overwrite): gait.policy.yaml";
    refused(&place.run("policy init high --json"), taken);
    assert_eq!(place.run("policy init high --force").exit, 0);
    assert!(fs::read_to_string(place.path("gait.policy.yaml")).unwrap().contains("high risk"));
    refused(&place.run("policy init lowish --json"), "unknown template: lowish");
}
