//! The store of labels on a real file.

use super::*;
use std::os::unix::fs::PermissionsExt as _;

fn label(call_id: &str, word: &str) -> Label {
    let text = str::to_owned;
    Label {
        at: "2026-11-01T00:00:00.000001Z".parse().unwrap(),
        call_id: text(call_id),
        label: text(word),
        by: text("ada@desk"),
        note: Some(text("seen with the owner")),
        decided_at: "2026-10-31T00:00:00Z".parse().unwrap(),
        route: text(if call_id.starts_with('a') { "files" } else { "mail" }),
        stage: text("observe"),
        verdict: text("block"),
        disposition: text("forwarded"),
        tool_name: text("files.delete"),
        matched_rule: None,
        intent_digest: Some("d".repeat(64)),
        policy_digest: None,
    }
}

fn said(labels: &Labels, call_id: &str, word: &str, line: u64) {
    let ticket = labels.put(&label(call_id, word)).unwrap();
    labels.settle(&ticket, line).unwrap();
}

fn listed(labels: &Labels, filter: &Filter) -> Vec<(u64, bool)> {
    let kept = labels.list(&Filter { limit: 10, ..filter.clone() }).unwrap();
    kept.into_iter().map(|kept| (kept.line, kept.is_last)).collect()
}

#[test]
fn the_last_word_on_a_call_counts_and_all_of_them_are_kept() {
    let dir = tempfile::tempdir().unwrap();
    let labels = Labels::new(dir.path());
    said(&labels, "a1", "false-positive", 7);
    said(&labels, "b1", "correct", 8);
    said(&labels, "a1", "correct", 9);
    assert_eq!(listed(&labels, &Filter::default()), [(9, true), (8, true), (7, false)]);
    let route = Some("files".to_owned());
    let of_files = Filter { route, ..Filter::default() };
    assert_eq!(listed(&labels, &of_files), [(9, true), (7, false)]);
    let first = labels.list(&Filter { limit: 1, ..of_files.clone() }).unwrap();
    assert_eq!(first.len(), 2, "one more than wanted says that there are more");
    assert_eq!(first[0].label, label("a1", "correct"));
    let older = Filter { before: Some(first[0].number), ..of_files };
    assert_eq!(listed(&labels, &older), [(7, false)]);
    let of_call = Filter { call_id: Some("b1".to_owned()), ..Filter::default() };
    assert_eq!(listed(&Labels::new(dir.path()), &of_call), [(8, true)], "also after a restart");
    let mode = std::fs::metadata(dir.path().join("labels.db")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn what_has_no_line_does_not_count() {
    let dir = tempfile::tempdir().unwrap();
    let labels = Labels::new(dir.path());
    said(&labels, "a1", "correct", 7);
    let left = labels.put(&label("a1", "false-positive")).unwrap();
    assert_eq!(listed(&labels, &Filter::default()), [(7, true)]);
    let labels = Labels::new(dir.path());
    assert_eq!(labels.unsettled().unwrap(), [(left.clone(), label("a1", "false-positive"))]);
    labels.withdraw(&left).unwrap();
    assert!(labels.unsettled().unwrap().is_empty());
    labels.withdraw(&Ticket(1)).unwrap();
    assert_eq!(listed(&labels, &Filter::default()), [(7, true)], "what counts stays");
}

#[test]
fn a_file_that_is_none_is_said_and_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("labels.db");
    std::fs::write(&path, "not a database, but long enough to be looked at").unwrap();
    let labels = Labels::new(dir.path());
    let error = labels.put(&label("a", "correct")).unwrap_err().to_string();
    assert!(error.starts_with("the store of labels does not answer: "), "{error}");
    assert!(std::fs::read_to_string(&path).unwrap().starts_with("not a database"));
    std::fs::remove_file(&path).unwrap();
    said(&labels, "a1", "correct", 7);
    let newer = Connection::open(&path).unwrap();
    newer.pragma_update(None, "user_version", 9).unwrap();
    drop(newer);
    let error = Labels::new(dir.path()).unsettled().unwrap_err().to_string();
    assert!(error.contains("newer gait"), "{error}");
    assert!(labels.put(&label("a", "other")).is_err(), "the word is none");
}
