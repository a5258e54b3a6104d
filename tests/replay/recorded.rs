//! Evidence as input: what the writer leaves today, and lines that hold their intent.

use super::{BASE, FREEZE, lines, replay};
use crate::command::Place;
use crate::corpus::intent;
use crate::shell::refused;
use gait::clock;
use gait::evidence::{self, CallId, Ending, Judgement, Opening, Settings};
use gait::intent::{Draft, Intent, read};
use gait::json::Digest;
use gait::policy::Verdict;
use gait::state::StateDir;
use http::{Method, StatusCode};
use serde_json::{Value, json};

fn read(number: usize) -> Intent {
    read::from_json(intent(number).as_bytes()).and_then(Draft::normalise).unwrap()
}

/// What `BASE` says of an intent, as a record holds it.
fn judgement(number: usize) -> Judgement {
    let intent = read(number);
    let (verdict, rule) = [
        (Verdict::Allow, Some("reads")),
        (Verdict::RequireApproval, Some("writes")),
        (Verdict::Allow, Some("reads")),
        (Verdict::DryRun, Some("mails")),
        (Verdict::Block, None),
    ][number % 5];
    let reason = rule.map_or("default_block".to_owned(), |rule| format!("matched_rule_{rule}"));
    Judgement {
        tool_name: Some(intent.tool_name().into()),
        verdict: Some(verdict),
        reason_codes: vec![reason],
        matched_rule: rule.map(str::to_owned),
        intent_digest: Some(intent.digest()),
        ..Judgement::default()
    }
}

/// Writes the calls with the library's own writer.
fn write(place: &Place, judgements: impl IntoIterator<Item = Judgement>) {
    let state = StateDir::open(&place.path("state")).unwrap();
    let (ledger, writer) = evidence::start(&state, Settings::default()).unwrap();
    let thread = std::thread::Builder::new().spawn(move || writer.run(|_| ())).unwrap();
    for judgement in judgements {
        let (call_id, target_digest) = (CallId::fresh(clock::now()), Digest::of(b"t"));
        let (received, spans) = (clock::instant(), None);
        let opening = Opening { call_id, method: Method::GET, target_digest, received, spans };
        let mut record = ledger.open(opening).unwrap();
        record.judged(judgement);
        record.close(Ending::Answered { answered: StatusCode::FORBIDDEN });
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(ledger.stop());
    thread.join().unwrap().unwrap();
}

/// Adds to each call line the intent that it was made of.
fn capture(place: &Place, change: impl Fn(usize, &mut Value)) {
    let name = "state/evidence/000001.jsonl";
    let mut number = 0;
    let mut text = String::new();
    for mut line in lines(place, name) {
        if line["kind"] == "call" {
            line["intent"] = serde_json::from_str(&intent(number)).unwrap();
            change(number, &mut line);
            number += 1;
        }
        text += &format!("{line}\n");
    }
    place.put(name, text);
}

fn place() -> Place {
    let place = Place::new();
    place.put("base.yaml", BASE);
    write(&place, (0..40).map(judgement));
    place
}

#[test]
fn lines_of_digests_are_skipped_and_said_to_be() {
    let place = place();
    let run = replay(&place, "--evidence state/evidence --policies base.yaml");
    refused(&run, "nothing to replay: skipped 40 recorded calls: the line holds digests only");
    let skipped = &run.json()["skipped"][0];
    assert_eq!(
        (&skipped["reason"], &skipped["count"]),
        (&json!("intent_not_captured"), &json!(40))
    );
    assert_eq!(skipped["examples"][0]["path"], "state/evidence/000001.jsonl");
    refused(&replay(&place, "--evidence state --policies base.yaml"), "name the folder `evidence`");
}

#[test]
fn the_policy_that_was_in_force_gives_no_difference_and_a_planted_rule_its_own() {
    let place = place();
    capture(&place, |_, _| ());
    let run = replay(&place, "--evidence state/evidence --policies base.yaml");
    let answer = run.json();
    assert_eq!(
        (run.exit, &answer["intents"], &answer["baseline"]),
        (0, &json!(40), &json!("recorded"))
    );
    let row = &answer["policies"][0];
    assert_eq!((&row["compared"], &row["changed"]), (&json!(40), &json!(0)), "{run:?}");
    assert_eq!(answer["passed_lines"], 4, "start, key, stop and seal");

    let rule =
        "  - {name: no-queries, effect: block, priority: -1, match: {tool_names: [db.query]}}\n";
    place.put("next.yaml", format!("{BASE}{rule}"));
    let run = replay(&place, "--evidence state/evidence --policies next.yaml --out d.jsonl");
    assert_eq!(run.exit, 3, "{run:?}");
    let found: Vec<_> =
        lines(&place, "d.jsonl").into_iter().map(|mut line| line["intent_digest"].take()).collect();
    let planted: Vec<_> = (0..40)
        .filter(|number| number % 5 == 2)
        .map(|number| json!(read(number).digest()))
        .collect();
    assert_eq!(found, planted);
    let example = &run.json()["changes"][0]["examples"][0];
    assert!(example["call_id"].as_str().unwrap().len() == 36, "{example}");
}

#[test]
fn a_changed_intent_is_not_judged() {
    let place = place();
    capture(&place, |number, line| {
        if number == 7 {
            line["intent"]["args"]["bytes"] = json!(0);
        }
    });
    let run = replay(&place, "--evidence state/evidence --policies base.yaml");
    refused(&run, "000001.jsonl:10: the recorded intent does not give the line's intent_digest");
    assert_eq!(run.json()["intents"], 39);
}

#[test]
fn decisions_and_their_outcomes_are_one_call_and_a_torn_line_none() {
    let place = place();
    capture(&place, |number, line| match number {
        0 => line["kind"] = json!("decision"),
        1 => line["kind"] = json!("outcome"),
        2 => drop(line.as_object_mut().unwrap().remove("intent_digest")),
        3 => {
            line["dry_run_requested"] = json!(true);
            line["reason_codes"].as_array_mut().unwrap().push(json!("dry_run_requested"));
        }
        _ => {}
    });
    let name = "state/evidence/000001.jsonl";
    let text = std::fs::read_to_string(place.path(name)).unwrap();
    place.put(name, text + "{\"v\":1,\"kind\":\"call\",\"intent_di");
    let run = replay(&place, "--evidence state/evidence --policies base.yaml");
    let answer = run.json();
    assert_eq!((run.exit, &answer["intents"], &answer["passed_lines"]), (0, &json!(38), &json!(5)));
    let skipped: Vec<_> =
        answer["skipped"].as_array().unwrap().iter().map(|row| &row["reason"]).collect();
    assert_eq!(skipped, ["no_intent", "torn_line"]);
    assert_eq!(answer["warnings"].as_array().unwrap().len(), 2);
}

#[test]
fn a_call_that_cannot_be_judged_fails_the_gate_unless_it_is_passed_over() {
    let place = place();
    place.put("open.yaml", "default_verdict: allow");
    capture(&place, |number, line| match number {
        0 => drop(line.as_object_mut().unwrap().remove("intent")),
        1 => drop(line.as_object_mut().unwrap().remove("intent_digest")),
        _ => {}
    });
    let gate = |more: &str| {
        replay(&place, &format!("--evidence state/evidence --policies open.yaml {more}"))
    };
    let run = gate("--require allow");
    refused(&run, "2 recorded calls cannot be replayed, so --require is not met");
    assert_eq!(run.json()["skipped"].as_array().unwrap().len(), 2, "{run:?}");
    let passed = gate("--require allow --skip-unreplayable");
    assert_eq!((passed.exit, &passed.json()["intents"]), (0, &json!(38)), "{passed:?}");
    assert_eq!(passed.json()["warnings"].as_array().unwrap().len(), 2);
    place.put("open.yaml", "default_verdict: block");
    assert_eq!(gate("--require allow --skip-unreplayable").exit, 3);
    refused(&gate("--skip-unreplayable"), "--require");
}

#[test]
fn a_call_is_judged_at_its_own_time() {
    let place = place();
    capture(&place, |number, line| {
        let month = if number < 10 { "02" } else { "03" };
        line["time"] = json!(format!("2026-{month}-01T00:00:00.000000Z"));
    });
    place.put("freeze.yaml", FREEZE);
    let run = replay(&place, "--evidence state/evidence --policies freeze.yaml");
    let verdicts = &run.json()["policies"][0]["verdicts"];
    assert_eq!((&verdicts["block"], &verdicts["allow"]), (&json!(10), &json!(30)), "{run:?}");
    let fixed =
        "--evidence state/evidence --policies freeze.yaml --evaluation-time 2026-02-02T00:00:00Z";
    assert_eq!(replay(&place, fixed).json()["policies"][0]["verdicts"]["block"], 40);
}
