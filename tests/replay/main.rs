//! `gait replay` as a shell sees it: the matrix, what changed, the exit status, and its bounds.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a helper may stop the test")]

#[path = "../command/mod.rs"]
mod command;
#[path = "../command/shell.rs"]
mod shell;
mod corpus;
mod recorded;
mod size;

use command::{Place, Run};
use corpus::{intent, intents};
use serde_json::{Value, json};
use shell::{mode, refused};
use std::fs;

/// The policy that most tests begin with.
const BASE: &str = "\
default_verdict: block
rules:
  - {name: reads, effect: allow, match: {tool_names: [files.read, db.query]}}
  - {name: writes, effect: require_approval, match: {tool_names: [files.write]}}
  - {name: mails, effect: dry_run, match: {tool_names: [mail.send]}}
";

/// Nothing in February.
const FREEZE: &str = r#"
rules:
  - name: any
    effect: allow
    freeze_window:
      enabled: true
      timezone: UTC
      effect: block
      windows: [{start: "2026-02-01T00:00:00", end: "2026-03-01T00:00:00"}]
"#;

/// A place with `base.yaml`, and `corpus.jsonl` with 200 intents.
fn place() -> Place {
    let place = Place::new();
    place.put("base.yaml", BASE);
    place.put("corpus.jsonl", intents(200));
    place
}

fn replay(place: &Place, flags: &str) -> Run {
    place.run(&format!("replay --json {flags}"))
}

/// The JSON lines of a file.
fn lines(place: &Place, name: &str) -> Vec<Value> {
    let text = fs::read_to_string(place.path(name)).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn the_matrix_counts_every_verdict_of_every_policy() {
    let place = place();
    place.put("policies/b.yaml", "default_verdict: allow");
    place.put("policies/a/a.yml", BASE);
    let run = replay(&place, "--intents corpus.jsonl --policies policies");
    let answer = run.json();
    assert_eq!((run.exit, &answer["intents"]), (0, &json!(200)), "{run:?}");
    let rows = answer["policies"].as_array().unwrap();
    let verdicts: Vec<_> = rows.iter().map(|row| (&row["path"], &row["verdicts"])).collect();
    let base = json!({"allow": 80, "dry_run": 40, "require_approval": 40, "block": 40});
    let open = json!({"allow": 200, "dry_run": 0, "require_approval": 0, "block": 0});
    assert_eq!(verdicts, [(&json!("policies/a/a.yml"), &base), (&json!("policies/b.yaml"), &open)]);
    assert_eq!(answer["changes"], Value::Null, "without a baseline nothing is a change");
    let want = "replay intents=200 policies=2 changed=0 stricter=0 skipped=0 invalid=0";
    assert_eq!(answer["summary"], want);
}

#[test]
fn a_replay_says_what_gate_eval_says() {
    let place = Place::with(BASE);
    for number in 0..10 {
        place.put("intent.json", intent(number));
        let judged = place.eval("--trace-out trace.json");
        let trace = place.json("trace.json");
        let run = replay(&place, "--intents intent.json --policies policy.yaml --require allow");
        let verdicts = &run.json()["policies"][0]["verdicts"];
        assert_eq!(verdicts[trace["verdict"].as_str().unwrap()], 1, "{number}: {run:?}");
        // A dry run is no failure where it is judged, and one where execution is required.
        let exit = if trace["verdict"] == "dry_run" { 4 } else { judged.exit };
        assert_eq!(run.exit, exit, "{number}");
    }
}

#[test]
fn a_planted_change_gives_exactly_the_planted_set() {
    let place = place();
    let planted = "  - {name: vault, effect: block, priority: -1, match: {identities: [agent-3], \
                   tool_names: [files.read, files.write]}}\n";
    place.put("next.yaml", format!("{BASE}{planted}"));
    let run = replay(
        &place,
        "--intents corpus.jsonl --policies next.yaml --baseline base.yaml --out d.jsonl --examples 2",
    );
    let (answer, out) = (run.json(), lines(&place, "d.jsonl"));
    assert_eq!(run.exit, 3, "{run:?}");
    let is_planted = |number: &usize| {
        let intent: Value = serde_json::from_str(&intent(*number)).unwrap();
        let tool = intent["tool_name"].as_str().unwrap();
        intent["context"]["identity"] == "agent-3" && ["files.read", "files.write"].contains(&tool)
    };
    let want: Vec<u64> = (0..200).filter(is_planted).map(|number| number as u64 + 1).collect();
    assert!(want.len() > 5);
    let found: Vec<_> = out.iter().map(|line| line["line"].as_u64().unwrap()).collect();
    assert_eq!(found, want);
    for line in &out {
        assert_eq!((&line["kind"], &line["policy"]), (&json!("difference"), &json!("next.yaml")));
        assert_eq!(line["candidate_matched_rule"], "vault");
    }
    assert_eq!(mode(&place.path("d.jsonl")), 0o600);
    let changes = answer["changes"].as_array().unwrap();
    let count: u64 = changes.iter().map(|change| change["count"].as_u64().unwrap()).sum();
    assert_eq!((changes.len(), count), (2, want.len() as u64), "one for each tool");
    for change in changes {
        assert_eq!((&change["to"], &change["to_rule"]), (&json!("block"), &json!("vault")));
        assert_eq!(change["examples"].as_array().unwrap().len(), 2);
    }
    assert_eq!(answer["policies"][0]["stricter"], json!(want.len()));
}

#[test]
fn the_exit_status_is_the_worst_change() {
    let place = place();
    let swapped = |from: &str, to: &str| BASE.replacen(from, to, 1);
    for (code, policy) in [
        (0, BASE.to_owned()),
        (3, swapped("name: mails, effect: dry_run", "name: mails, effect: block")),
        (4, swapped("name: mails, effect: dry_run", "name: mails, effect: require_approval")),
        (5, swapped("name: writes, effect: require_approval", "name: writes, effect: dry_run")),
        (5, swapped("default_verdict: block", "default_verdict: allow")),
        (5, swapped("name: writes", "name: edits")),
        (5, swapped("name: writes", "min_approvals: 2, name: writes")),
    ] {
        place.put("next.yaml", &policy);
        let flags = "--intents corpus.jsonl --policies next.yaml --baseline base.yaml";
        let run = replay(&place, flags);
        assert_eq!(run.exit, code, "{policy}\n{run:?}");
        assert_eq!(run.json()["ok"], code != 5);
        place.put("broken.jsonl", "{}\n");
        assert_eq!(replay(&place, &format!("{flags} --intents broken.jsonl")).exit, 6);
    }
}

#[test]
fn the_deployment_gate_wants_every_verdict() {
    let place = Place::new();
    let rule = |effect: &str| format!("rules: [{{name: r, effect: {effect}}}]");
    place.put("intents/a.json", intent(0));
    let gate = |files: &[&str], require: &str| {
        let _ = fs::remove_dir_all(place.path("policies"));
        for effect in files {
            place.put(&format!("policies/{effect}.yaml"), rule(effect));
        }
        let run =
            replay(&place, &format!("--intents intents --policies policies --require {require}"));
        assert_eq!(run.json()["required"], require);
        run.exit
    };
    assert_eq!(gate(&["allow"], "allow"), 0);
    assert_eq!(gate(&["allow", "dry_run"], "allow"), 4);
    assert_eq!(gate(&["allow", "dry_run"], "dry_run"), 0);
    assert_eq!(gate(&["allow", "require_approval"], "allow"), 4);
    assert_eq!(gate(&["allow", "require_approval", "block"], "allow"), 3);
    assert_eq!(gate(&["require_approval"], "require_approval"), 0);
    place.put("intents/b.json", "{}");
    assert_eq!(gate(&["block"], "allow"), 6);
    let run = replay(&place, "--intents intents --policies policies --require block");
    refused(&run, "write allow, dry_run or require_approval");
}

#[test]
fn a_folder_of_documents_says_what_a_file_of_lines_says() {
    let place = place();
    (0..200).for_each(|number| place.put(&format!("many/{number:03}.json"), intent(number)));
    place.put("next.yaml", BASE.replace("mail.send", "files.delete"));
    let answers = ["corpus.jsonl", "many"].map(|input| {
        let flags = format!("--intents {input} --policies next.yaml --baseline base.yaml");
        let mut answer = replay(&place, &format!("{flags} --examples 0")).json();
        answer.as_object_mut().unwrap().remove("correlation_id");
        answer
    });
    assert_eq!(answers[0], answers[1]);
    assert_eq!(answers[0]["policies"][0]["changed"], 80);
}

#[test]
fn broken_input_is_reported_whole_and_the_rest_is_judged() {
    let place = place();
    let long = "x".repeat((4 << 20) + 1);
    let text = format!("{}\n\n{{\n{long}\n  \r\n{{}}\n{}", intent(0), intent(1));
    place.put("bad/b.jsonl", text);
    place.put("bad/a.json", "[]");
    place.put("bad/c.json", [b"\"".as_slice(), long.as_bytes(), b"\""].concat());
    let run = replay(&place, "--intents bad --policies base.yaml --out d.jsonl");
    let answer = run.json();
    assert_eq!((run.exit, &answer["intents"], &answer["invalid"]), (6, &json!(2), &json!(5)));
    refused(
        &run,
        "5 lines or documents cannot be used; the first is bad/a.json: parse intent json",
    );
    let faults = answer["faults"].as_array().unwrap().iter();
    let places: Vec<_> = faults.map(|fault| (&fault["path"], fault["line"].as_u64())).collect();
    let (a, b, c) = (&json!("bad/a.json"), &json!("bad/b.jsonl"), &json!("bad/c.json"));
    assert_eq!(places, [(a, None), (b, Some(3)), (b, Some(4)), (b, Some(6)), (c, None)]);
    let out = lines(&place, "d.jsonl");
    assert!(out.len() == 5 && out.iter().all(|line| line["kind"] == "invalid"));
    assert!(answer["faults"][2]["error"].as_str().unwrap().contains("longer than 4194304 bytes"));
}

#[test]
fn what_is_named_must_be_there() {
    let place = place();
    fs::create_dir(place.path("empty")).unwrap();
    place.put("blank.jsonl", "\n\n");
    place.put("none.jsonl", "");
    place.put("bad/a.yaml", "rules: 1");
    place.put("bad/b.yaml", "nonsense: 1");
    place.put("bad/c.yaml", BASE);
    fs::create_dir(place.path("out")).unwrap();
    for (flags, part) in [
        ("--policies base.yaml", "--intents"),
        ("--intents corpus.jsonl", "--policies"),
        ("--intents empty --policies base.yaml", "no intent (a regular file named"),
        ("--intents corpus.jsonl --policies empty", "no policy (a regular file named"),
        ("--intents corpus.jsonl --intents empty --policies base.yaml", "in empty"),
        ("--intents base.yaml --policies base.yaml", "base.yaml is no intent"),
        ("--intents nowhere --policies base.yaml", "read nowhere: "),
        ("--intents blank.jsonl --policies base.yaml", "nothing to replay"),
        ("--evidence empty --policies base.yaml", "no evidence segment"),
        ("--intents corpus.jsonl --policies bad", "2 of 3 policies cannot be used: "),
        ("--intents corpus.jsonl --policies base.yaml --baseline bad/b.yaml", "nonsense"),
        ("--intents corpus.jsonl --policies base.yaml --evaluation-time now", "--evaluation-time"),
        ("--intents corpus.jsonl --policies base.yaml --out out", "is no regular file"),
        ("--intents corpus.jsonl --policies base.yaml --out ./corpus.jsonl", "is replayed"),
        ("--intents corpus.jsonl --policies base.yaml --out base.yaml", "is replayed"),
        ("--intents corpus.jsonl --policies bad/c.yaml --baseline base.yaml --out base.yaml", "is"),
        ("--intents corpus.jsonl --intents none.jsonl --policies base.yaml", "none.jsonl is empty"),
    ] {
        refused(&replay(&place, flags), part);
    }
    assert_eq!(fs::read_to_string(place.path("corpus.jsonl")).unwrap(), intents(200));
    place.put("file", "");
    let run = replay(&place, "--intents corpus.jsonl --policies base.yaml --out file/d.jsonl");
    assert_eq!(run.exit, 1, "{run:?}");
}

#[test]
fn the_number_of_threads_changes_nothing() {
    let place = Place::new();
    place.put("base.yaml", BASE);
    place.put("next.yaml", BASE.replace("reads, effect: allow", "r, effect: block"));
    place.put("in/a.jsonl", intents(2000) + "{}\n" + &intents(100));
    (0..300).for_each(|number| place.put(&format!("in/b/{number}.json"), intent(number)));
    place.put("in/c.jsonl", intents(1000));
    let runs = [1, 4, 7].map(|jobs| {
        let flags = "--intents in --policies next.yaml --policies base.yaml --baseline base.yaml";
        let run = replay(&place, &format!("{flags} --jobs {jobs} --out {jobs}.jsonl"));
        let text = run.out.replace(&format!("{jobs}.jsonl"), "");
        let mut answer: Value = serde_json::from_str(&text).unwrap();
        answer.as_object_mut().unwrap().remove("correlation_id");
        (run.exit, answer, fs::read(place.path(&format!("{jobs}.jsonl"))).unwrap())
    });
    assert_eq!((runs[0].0, &runs[0].1["intents"]), (6, &json!(3400)));
    assert!(runs[0] == runs[1] && runs[1] == runs[2]);
}

#[test]
fn intents_are_judged_at_the_time_that_is_asked_for() {
    let place = place();
    place.put("base.yaml", FREEZE);
    for (time, exit) in [("2026-02-01T12:00:00Z", 3), ("2026-03-01T00:00:00Z", 0)] {
        let flags = "--intents corpus.jsonl --policies base.yaml --require allow";
        let run = replay(&place, &format!("{flags} --evaluation-time {time}"));
        assert_eq!(run.exit, exit, "{time}: {run:?}");
    }
}

#[test]
fn text_is_a_matrix_with_the_changes_below_it() {
    let place = Place::new();
    place.put("base.yaml", BASE);
    place.put(
        "next.yaml",
        BASE.replace("name: mails, effect: dry_run", "name: mails, effect: block"),
    );
    let ugly = intent(3).replace("mail.send", "mail\\u001b[2j");
    place.put("corpus.jsonl", format!("{}\n{}\n{ugly}\n", intent(0), intent(3)));
    let run = place.run("replay --intents corpus.jsonl --policies next.yaml --baseline base.yaml");
    let want = "\
policy     allow  dry_run  require_approval  block  changed  stricter  laxer
next.yaml      1        0                 0      2        1         1      0

dry_run -> block  1x  mail.send  mails -> mails  next.yaml
    corpus.jsonl:2

replay intents=3 policies=1 changed=1 stricter=1 skipped=0 invalid=0
";
    assert_eq!((run.exit, run.out.as_str(), run.log.as_str()), (3, want, ""));
    let open =
        place.run("replay --intents corpus.jsonl --policies base.yaml --quiet --color always");
    assert!(open.exit == 0 && open.out.contains("\u{1b}[31mblock\u{1b}[0m"), "{open:?}");
}
