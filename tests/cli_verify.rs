//! `gait trace verify` over evidence that a real writer wrote, sound and spoilt.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a helper may stop the test")]

mod command;
#[path = "command/refused.rs"]
mod refused;
#[path = "command/taken.rs"]
mod taken;

use command::{Place, Run};
use gait::clock;
use gait::evidence::{self, CallId, Ending, Judgement, Opening, Settings};
use gait::json::Digest;
use http::{Method, StatusCode};
use refused::refused;
use serde_json::{Value, json};
use std::fs;
use taken::taken;

const SEGMENT: &str = "state/evidence/000001.jsonl";

/// A place whose directory `state` holds the log of one process: start, key, decision, batch,
/// outcome, stop, seal; perhaps a batch more.
fn place() -> Place {
    let place = Place::new();
    another(&place);
    place
}

/// One more process with one call.
fn another(place: &Place) {
    let state = taken(place);
    let (ledger, writer) = evidence::start(&state, Settings::default()).unwrap();
    let writer = std::thread::Builder::new().spawn(move || writer.run(|_| {})).unwrap();
    let mut record = ledger
        .open(Opening {
            call_id: CallId::fresh(clock::now()),
            method: Method::DELETE,
            target_digest: Digest::of(b"/v1/files/a"),
            spans: None,
            received: clock::instant(),
        })
        .unwrap();
    let digest = Some(Digest::of(b"x"));
    record.judged(Judgement {
        intent_digest: digest,
        policy_digest: digest,
        ..Judgement::default()
    });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let _durable = runtime.block_on(record.commit()).unwrap();
    record.close(Ending::Answered { answered: StatusCode::FORBIDDEN });
    runtime.block_on(ledger.stop());
    writer.join().unwrap().unwrap();
}

fn gait(place: &Place, line: &str) -> Run {
    place.gait(&line.split_whitespace().collect::<Vec<_>>(), &[])
}

fn lines(place: &Place) -> Vec<String> {
    let text = fs::read_to_string(place.path(SEGMENT)).unwrap();
    text.lines().map(|line| format!("{line}\n")).collect()
}

/// Exit 2, and what was found.
#[track_caller]
fn broken(run: &Run) -> Value {
    let found = run.json();
    assert_eq!((run.exit, &found["error_code"]), (2, &json!("verification_failed")), "{run:?}");
    assert_eq!((&found["status"], &found["ok"]), (&json!("broken"), &json!(false)), "{run:?}");
    found
}

/// The line with its hash made anew.
fn rehashed(line: &str) -> String {
    let (body, _) = line.rsplit_once(",\"hash\":").unwrap();
    let prev = body.rsplit('"').nth(1).unwrap();
    let prev = Digest::parse(prev).unwrap();
    let hash = Digest::of_parts(&[prev.as_bytes(), body.as_bytes(), b"}"]);
    format!("{body},\"hash\":\"{hash}\"}}\n")
}

#[test]
fn a_sound_log_is_told_to_people_and_to_machines() {
    let place = place();
    another(&place);
    let run = gait(&place, "trace verify state --json");
    let found = run.json();
    assert_eq!((run.exit, &found["status"]), (0, &json!("sound")), "{run:?}");
    assert_eq!((&found["calls"], &found["decisions"]), (&json!(2), &json!(2)));
    assert_eq!(found["segments"], json!({ "sealed": 2, "unsealed": 0 }));
    assert_eq!((&found["covered_to"], &found["head"]["seq"]), (&found["lines"], &found["lines"]));
    assert_eq!(found["keys"][0]["standing"], "self_attested");
    assert_eq!((&found["uncovered_lines"], &found["warnings"]), (&Value::Null, &Value::Null));

    let text = gait(&place, "trace verify state/evidence");
    let head = format!("{}:{}", found["lines"], found["head"]["hash"].as_str().unwrap());
    for part in ["trace verify: sound\n", "2 sealed, 0 not", "self-attested", "all lines", &head] {
        assert!(
            text.exit == 0 && text.out.contains(part) && text.log.is_empty(),
            "{part}: {text:?}"
        );
    }
}

#[test]
fn keys_that_are_named_are_trusted_and_no_others() {
    let place = place();
    assert_eq!(gait(&place, "keys init --out-dir keys --prefix k").exit, 0);
    let own = "trace verify state --json --public-key state/evidence_signing.pub";
    let found = gait(&place, own).json();
    assert_eq!((&found["ok"], &found["keys"][0]["standing"]), (&json!(true), &json!("named")));
    assert_eq!(gait(&place, &format!("{own} --public-key keys/k_public.key")).exit, 0);
    let found = broken(&gait(&place, "trace verify state --json --public-key keys/k_public.key"));
    assert_eq!((&found["fault"], &found["line"]), (&json!("untrusted"), &json!(1)));

    assert_eq!(gait(&place, "keys rotate --evidence state").exit, 0);
    another(&place);
    for flags in ["", "--public-key state/evidence_signing.pub"] {
        let found = gait(&place, &format!("trace verify state --json {flags}")).json();
        assert_eq!(
            (&found["ok"], &found["uncovered_lines"]),
            (&json!(true), &Value::Null),
            "{found}"
        );
    }
}

#[test]
fn the_line_that_was_changed_is_named() {
    let place = place();
    let mut changed = lines(&place);
    changed[2] = changed[2].replace("\"DELETE\"", "\"GET\"");
    place.put(SEGMENT, changed.concat());
    let found = broken(&gait(&place, "trace verify state --json"));
    for (name, want) in [
        ("fault", json!("changed")),
        ("file", json!(SEGMENT)),
        ("segment", json!(1)),
        ("line", json!(3)),
        ("seq", json!(3)),
    ] {
        assert_eq!(found[name], want, "{name}");
    }
    let text = gait(&place, "trace verify state");
    let error =
        format!("trace verify error: {SEGMENT}, line 3, seq 3: changed since it was written\n");
    assert_eq!((text.exit, text.out.as_str(), text.log), (2, "", error));

    place.put(SEGMENT, [&changed[..2], &changed[3..]].concat().concat());
    assert_eq!(broken(&gait(&place, "trace verify state --json"))["fault"], "dropped");
}

#[test]
fn a_head_that_was_kept_shows_a_cut() {
    let place = place();
    let head = gait(&place, "trace verify state --json").json()["head"].clone();
    let (seq, hash) = (head["seq"].as_u64().unwrap(), head["hash"].as_str().unwrap());
    let expect =
        |seq: &str| gait(&place, &format!("trace verify state --json --expect-head {seq}{hash}"));
    let before = &expect("").json()["expected_head"];
    assert_eq!(*before, json!({ "seq": seq, "newer_lines": 0 }));
    another(&place);
    let newer = expect(&format!("{seq}:")).json()["expected_head"]["newer_lines"].as_u64();
    assert!(newer.unwrap() > 4, "{newer:?}");

    fs::remove_file(place.path("state/evidence/000002.jsonl")).unwrap();
    let kept = lines(&place);
    place.put(SEGMENT, kept[..kept.len() - 2].concat());
    assert_eq!(gait(&place, "trace verify state").exit, 0, "without the head nobody can tell");
    let found = broken(&expect(&format!("{seq}:")));
    assert_eq!((&found["fault"], &found["seq"]), (&json!("cut"), &json!(seq - 1)));
    assert_eq!(broken(&expect(""))["fault"], "other_head");
}

#[test]
fn what_no_signature_covers_is_said() {
    let place = place();
    let whole = lines(&place);
    place.put(SEGMENT, whole[..whole.len() - 1].concat() + "{\"v\":1");
    let found = gait(&place, "trace verify state --json").json();
    assert_eq!((&found["ok"], &found["torn_end"]["bytes"]), (&json!(true), &json!(6)), "{found}");
    let text = gait(&place, "trace verify state").out;
    assert!(text.contains("only chained") && text.contains("no line yet"), "{text}");
}

#[test]
fn a_log_without_signatures_is_warned_of() {
    let place = place();
    let start = lines(&place)[0].clone();
    place.put(SEGMENT, &start);
    assert_eq!(place.json(SEGMENT)["kind"], "start");
    let run = gait(&place, "trace verify state");
    assert_eq!(run.exit, 0, "{run:?}");
    assert!(run.log.starts_with("warning: no line is signed"), "{run:?}");
    assert!(run.out.contains("nothing: the lines are only chained"), "{run:?}");
    let run = gait(&place, "trace verify state --json --public-key state/evidence_signing.pub");
    assert_eq!(broken(&run)["fault"], "untrusted");
}

#[test]
fn nothing_in_a_log_steers_a_terminal() {
    let place = place();
    let mut forged = lines(&place);
    let last = forged.pop().unwrap();
    let id = last.split("\"key_id\":\"").nth(1).unwrap().split('"').next().unwrap();
    let hostile = format!("\u{1b}[2J\rtrace verify: sound{}", "\u{202e}".repeat(13));
    let rest = "x".repeat(id.len() - hostile.len());
    forged.push(rehashed(&last.replace(id, &(hostile + &rest))));
    place.put(SEGMENT, forged.concat());
    for flags in ["", " --json"] {
        let run = gait(&place, &format!("trace verify state{flags}"));
        let said = run.out + &run.log;
        assert_eq!(run.exit, 2, "{said}");
        assert!(
            !said.chars().any(|c| c == '\u{202e}' || (c.is_control() && c != '\n')),
            "{said:?}"
        );
        assert!(!said.lines().any(|line| line.starts_with("trace verify: sound")), "{said}");
    }
}

#[test]
fn what_cannot_be_verified_is_refused() {
    let place = place();
    let run = |line: &str| gait(&place, &format!("trace verify {line} --json"));
    fs::create_dir_all(place.path("empty/evidence")).unwrap();
    fs::create_dir_all(place.path("blank/evidence")).unwrap();
    place.put("blank/evidence/000001.jsonl", "");
    place.put("record.json", "{}");
    refused(&run("nowhere"), "read trace record: nowhere");
    refused(&run("empty"), "no evidence in `empty/evidence`");
    refused(&run("blank"), "no evidence in `blank/evidence`: no file");
    refused(&run("state --public-key record.json"), "decode public key");
    refused(&run("state --private-key record.json"), "`--private-key` is for a trace record");
    refused(&run("state --public-key-env KEY"), "`--public-key-env` is for a trace record");
    refused(&run("state --expect-head xyz"), "64 lower-case hex digits");
    let hash = Digest::of(b"x");
    refused(
        &run(&format!("record.json --expect-head {hash}")),
        "`--expect-head` is for an evidence",
    );
    let keys = "--public-key state/evidence_signing.pub --public-key state/evidence_signing.pub";
    refused(&run(&format!("record.json {keys}")), "a trace record has one key");
    let other = broken(&run(&format!("state --expect-head {hash}")));
    assert_eq!(other["fault"], "other_head");
}
