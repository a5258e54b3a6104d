//! What counts as compared, what as a difference, and how much of it is held.

use super::*;
use crate::intent::time;
use serde_json::{Value, json};

const NEXT: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
const OTHER: &str = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";

fn question() -> Question {
    let candidate = CandidateId::parse(NEXT).unwrap();
    Question { candidate, route: None, when: When::default(), examples_max: 2 }
}

/// The id of a snapshot with a candidate.
fn snapshot(candidate: &str) -> String {
    format!("0123456789abcdef-0123456789abcdef-{candidate:.16}")
}

/// A closing line of a call that both policies judged alike.
fn call(seq: u64, more: &Value) -> Entry {
    let mut line = json!({
        "seq": seq, "kind": "call", "time": "2026-01-02T03:04:05.000000Z", "call_id":
        format!("c{seq}"), "route": "r", "tool_name": "t", "identity": "ada", "verdict": "allow",
        "matched_rule": "go", "snapshot": snapshot(NEXT),
    });
    line.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    Entry::read(line.to_string().as_bytes()).unwrap()
}

/// The same with a difference.
fn differs(seq: u64, against: &str, verdict: &str, more: &Value) -> Entry {
    let mut members = json!({
        "verdict": against, "candidate_against": against, "candidate_verdict": verdict,
        "candidate_rule": "newer", "candidate_policy_digest": NEXT,
    });
    members.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    call(seq, &members)
}

/// The same from either end.
fn found(question: Question, entries: &[Entry]) -> Found {
    let (mut diff, mut back) = (Diff::new(question.clone()), Diff::new(question));
    entries.iter().for_each(|entry| diff.take(entry));
    entries.iter().rev().for_each(|entry| back.take_older(entry));
    let found = diff.found();
    // Without room for all groups those stay that came first.
    if found.other == 0 {
        assert_eq!(back.found(), found);
    }
    found
}

#[test]
fn groups_that_are_not_told_are_counted() {
    let lines = [
        differs(1, "allow", "block", &json!({"tool_name": "a"})),
        differs(2, "allow", "block", &json!({"tool_name": "b"})),
        differs(3, "allow", "block", &json!({"tool_name": "b"})),
    ];
    let all = found(question(), &lines);
    assert_eq!(all.clone().of_groups(2), all);
    let one = all.of_groups(1);
    assert_eq!((one.groups.len(), one.groups[0].count, one.other, one.differing), (1, 2, 1, 3));
}

#[test]
fn a_call_is_compared_by_its_own_snapshot_and_counted_once() {
    let lines = [
        call(1, &json!({"snapshot": "0123456789abcdef-0123456789abcdef"})),
        call(2, &json!({"snapshot": snapshot(OTHER)})),
        call(3, &json!({})),
        call(4, &json!({"kind": "decision"})),
        call(5, &json!({"kind": "outcome"})),
        call(6, &json!({"verdict": null})),
        call(7, &json!({"kind": "reload", "candidate_policy_digest": NEXT})),
        differs(8, "allow", "block", &json!({"kind": "decision"})),
        differs(8, "allow", "block", &json!({"kind": "outcome"})),
        differs(9, "allow", "block", &json!({"candidate_policy_digest": OTHER})),
    ];
    let found = found(question(), &lines);
    assert_eq!((found.compared, found.unjudged, found.differing), (3, 1, 1));
    assert_eq!((found.stricter, found.laxer, found.other), (1, 0, 0));
    assert_eq!(found.groups[0].examples, ["c8"]);
}

#[test]
fn the_verdict_that_is_compared_is_not_that_of_an_approval_or_a_limit() {
    let approved = json!({"verdict": "allow", "permit": "approved"});
    let limited = json!({"verdict": "block"});
    let lines = [
        differs(1, "require_approval", "allow", &approved),
        differs(2, "allow", "block", &limited),
    ];
    let found = found(question(), &lines);
    let pairs: Vec<_> = found.pairs.iter().map(|pair| (pair.from, pair.to, pair.count)).collect();
    let (held, block) = (Verdict::RequireApproval, Verdict::Block);
    assert_eq!(pairs, [(Verdict::Allow, block, 1), (held, Verdict::Allow, 1)]);
}

#[test]
fn groups_are_told_apart_and_the_stricter_come_first() {
    let mut lines: Vec<Entry> =
        (0..9).map(|seq| differs(seq, "block", "allow", &json!({}))).collect();
    lines.extend((9..12).map(|seq| differs(seq, "allow", "block", &json!({}))));
    lines.extend((12..16).map(|seq| differs(seq, "allow", "dry_run", &json!({"identity": "bob"}))));
    lines.push(differs(16, "allow", "block", &json!({"tool_name": "other"})));
    lines.push(differs(17, "allow", "block", &json!({"candidate_rule": "newest"})));
    let found = found(question(), &lines);
    let counts: Vec<_> = found.groups.iter().map(|one| one.count).collect();
    assert_eq!(counts, [4, 3, 1, 1, 9]);
    assert_eq!((found.stricter, found.laxer, found.differing), (9, 9, 18));
    assert_eq!(found.groups[0].group.caller.as_deref(), Some("bob"));
    assert_eq!(found.groups[4].examples, ["c7", "c8"], "the newest");
    let told = serde_json::to_value(&found).unwrap();
    assert_eq!(told["groups"][1]["from"], "allow");
    assert_eq!(told["groups"][1]["candidate_rule"], "newer");
}

#[test]
fn routes_and_times_narrow_it() {
    let at = |time: &str| json!({"time": time});
    let lines = [
        call(1, &at("2026-01-01T00:00:00.000000Z")),
        call(2, &json!({"route": "s"})),
        call(3, &at("2026-01-03T00:00:00.000000Z")),
    ];
    let since = time::parse("2026-01-02T00:00:00Z");
    let when = When { since, until: None };
    assert_eq!(found(Question { when, ..question() }, &lines).compared, 2);
    let route = Some("s".to_owned());
    assert_eq!(found(Question { route, ..question() }, &lines).compared, 1);
    let found = found(question(), &lines);
    assert_eq!(found.first.as_deref(), Some("2026-01-01T00:00:00.000000Z"));
    assert_eq!(found.last.as_deref(), Some("2026-01-03T00:00:00.000000Z"));
}

#[test]
fn no_more_groups_are_held_than_there_is_room_for() {
    let of = |seq: u64| differs(seq, "allow", "block", &json!({"identity": format!("c{seq}")}));
    let lines: Vec<Entry> = (0..GROUPS_MAX as u64 + 5).map(of).chain([of(0)]).collect();
    let found = found(question(), &lines);
    assert_eq!((found.groups.len(), found.other), (GROUPS_MAX, 5));
    assert_eq!((found.differing, found.groups[0].count), (GROUPS_MAX as u64 + 6, 2));
}

#[test]
fn a_candidate_is_named_by_its_digits() {
    for no in ["", "aaaaaaa", "AAAAAAAA", "aaaaaaag", &"a".repeat(65)] {
        assert_eq!(CandidateId::parse(no), None, "{no}");
    }
    let short = CandidateId::parse("aaaaaaaa").unwrap();
    let lines = [call(1, &json!({})), differs(2, "allow", "block", &json!({}))];
    let found = found(Question { candidate: short, ..question() }, &lines);
    assert_eq!((found.candidate_policy_digest.as_str(), found.compared), (NEXT, 2));
    assert_eq!(CandidateId::of(&lines[0]).unwrap().as_str(), "a".repeat(16));
}
