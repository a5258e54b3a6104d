//! A copy of a log is verified before it is believed, and may be too old.

use crate::chain::KEY;
use crate::command::Place;
use crate::forge::Step;
use crate::{HOUR, History, Run};
use gait::sign::PrivateKey;
use gait::stage::Stage::{DryRun, Observe};
use jiff::SignedDuration;
use serde_json::Value;

const GATE: &str = "rollout gate --route r --to dry_run --config gait.yaml --metrics metrics.txt";
const SEGMENT: &str = "state/evidence/000002.jsonl";

fn ask(place: &Place, line: &str) -> Run {
    let line = format!("{line} --evidence state --json");
    place.gait(&line.split_whitespace().collect::<Vec<_>>(), &[])
}

/// What somebody does to the lines of a segment.
type Change = fn(&mut Vec<String>);

/// A route that may go on, and was never looked at in full.
fn written() -> Place {
    let place = Place::new();
    let history = History::good("", Observe, DryRun).then(Step::against(Observe, 1, 40 * HOUR));
    history.ask(&place, &history.forge(), None);
    place
}

/// Writes another segment for one of those that are there.
fn spoil(place: &Place, segment: &str, change: impl FnOnce(&mut Vec<String>)) {
    let text = std::fs::read_to_string(place.path(segment)).unwrap();
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    change(&mut lines);
    place.put(segment, lines.join("\n") + "\n");
}

fn change(lines: &mut [String], from: &str, to: &str) {
    let line = lines.iter_mut().find(|line| line.contains(from)).unwrap();
    *line = line.replace(from, to);
}

#[test]
fn a_log_that_is_not_as_it_was_written_answers_nothing() {
    let spoilt: [(&str, Change); 5] = [
        ("changed", |lines| change(lines, "\"verdict\":\"allow\"", "\"verdict\":\"block\"")),
        ("removed", |lines| drop(lines.remove(7))),
        ("added", |lines| lines.insert(7, lines[7].clone())),
        ("cut", |lines| lines[7].truncate(40)),
        ("all calls removed", |lines| lines.truncate(2)),
    ];
    for (name, change) in spoilt {
        let place = written();
        spoil(&place, SEGMENT, change);
        let said = ask(&place, "rollout diff").json();
        for line in [GATE, "rollout status --config gait.yaml", "rollout diff"] {
            let run = ask(&place, line);
            assert_eq!(run.exit, 2, "{name}: {line}: {run:?}");
            assert_eq!(run.json()["error"], said["error"], "{name}: {line}");
        }
        let verified = place.gait(&["trace", "verify", "state", "--json"], &[]);
        assert_eq!((verified.exit, &verified.json()["error"]), (2, &said["error"]), "{name}");
    }
    let place = written();
    std::fs::remove_file(place.path("state/evidence/000001.jsonl")).unwrap();
    assert_eq!(ask(&place, GATE).exit, 2, "the oldest segment is gone");
}

#[test]
fn what_no_signature_covers_does_not_count() {
    let place = written();
    assert_eq!(ask(&place, GATE).exit, 4, "the refusal is not labelled");
    let last = "state/evidence/000003.jsonl";
    // Whoever can write the files can chain lines, and cannot sign them.
    let label = |text: &str| {
        let refused = text.lines().find(|line| line.contains("\"verdict\":\"block\"")).unwrap();
        let refused: Value = serde_json::from_str(refused).unwrap();
        let (call_id, time) = (&refused["call_id"], &refused["time"]);
        serde_json::json!({"v": 1, "kind": "label", "call_id": call_id, "label": "correct",
            "by": "ada", "time": time, "route": "r", "stage": "observe", "verdict": "block",
            "policy_digest": refused["policy_digest"], "disposition": "forwarded"})
    };
    spoil(&place, last, |lines| {
        let head: Value = serde_json::from_str(lines.last().unwrap()).unwrap();
        let mut line = label(&lines.join("\n"));
        line["seq"] = (head["seq"].as_u64().unwrap() + 1).into();
        lines.push(crate::chain::after(&head, &line).trim_end().to_owned());
    });
    let run = ask(&place, GATE);
    assert_eq!(run.exit, 4, "{run:?}");
    let warned = run.json()["warnings"][0].as_str().unwrap().to_owned();
    assert!(warned.starts_with("no signature covers the last line of the log"), "{warned}");
    // Without the one that covers them no line counts.
    spoil(&place, last, |lines| drop(lines.drain(2..)));
    assert_eq!(ask(&place, GATE).exit, 4);
}

#[test]
fn keys_and_heads_from_elsewhere_are_held_against_the_log() {
    let place = written();
    place.put("own.pub", KEY.public().to_text());
    place.put("other.pub", PrivateKey::generate().unwrap().public().to_text());
    let text = std::fs::read_to_string(place.path("state/evidence/000003.jsonl")).unwrap();
    let head: Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
    let head = format!("{}:{}", head["seq"], head["hash"].as_str().unwrap());
    let asked = |pins: &str| ask(&place, &format!("{GATE} {pins}")).exit;
    assert_eq!(asked(&format!("--public-key own.pub --expect-head {head}")), 4);
    assert_eq!(asked("--public-key other.pub"), 2);
    assert_eq!(asked("--public-key nowhere.pub"), 6);
    spoil(&place, "state/evidence/000003.jsonl", |lines| lines.truncate(4));
    assert_eq!(asked(&format!("--expect-head {head}")), 2);
}

#[test]
fn an_old_copy_answers_nothing_where_its_age_is_bounded() {
    let place = Place::new();
    let history = History::good("", Observe, DryRun);
    let taken = gait::clock::now() - SignedDuration::from_hours(30);
    assert_eq!(history.ask(&place, &history.forge_at(taken), None).exit, 0);
    assert_eq!(ask(&place, &format!("{GATE} --max-age 31h")).exit, 0);
    let run = ask(&place, &format!("{GATE} --max-age 29h"));
    let error = run.json()["error"].as_str().unwrap().to_owned();
    assert!(run.exit == 4 && error.contains("30 h ago, and --max-age is 29h"), "{error}");
    assert_eq!(ask(&place, &format!("{GATE} --max-age 2d")).exit, 0);
    assert_eq!(ask(&place, &format!("{GATE} --max-age 1d")).exit, 4);
    for wrong in ["0s", "-1h", "soon", "0d", "-1d", "d", "99999999d"] {
        assert_eq!(ask(&place, &format!("{GATE} --max-age={wrong}")).exit, 6, "{wrong}");
    }
}

#[test]
fn a_clock_that_was_ahead_moves_no_window() {
    let place = Place::new();
    let history = History::good("", Observe, DryRun);
    let mut forge = history.forge();
    let ahead = forge.now + SignedDuration::from_hours(24 * 900);
    forge.lines[5]["time"] = format!("{ahead:.6}").into();
    assert_eq!(history.ask(&place, &forge, None).exit, 0);
    assert_eq!(ask(&place, &format!("{GATE} --max-age 1h")).exit, 0);
    for (minutes, exit) in [(3, 0), (7, 4)] {
        let place = Place::new();
        let at = gait::clock::now() + SignedDuration::from_mins(minutes);
        assert_eq!(history.ask(&place, &history.forge_at(at), None).exit, 0);
        let run = ask(&place, &format!("{GATE} --max-age 24h"));
        assert_eq!(run.exit, exit, "{minutes}: {run:?}");
        assert!(exit == 0 || run.json()["error"].as_str().unwrap().contains("yet to come"));
    }
}
