//! Records end once, commits are durable, and what is closed refuses.

use crate::{
    Log, answered, block_on, judgement, kinds, lines, opening, retaken, segment, told, verify,
    wait_until,
};
use gait::{
    clock,
    evidence::{
        self, CommitFailed, Cut, Ending, Exchange, Head, Judgement, LedgerRefused, PermitKind,
        Reach, Record, Reload, Settings, State,
    },
    json::Digest,
    state::StateDir,
};
use http::StatusCode;
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    time::Duration,
};

#[test]
fn every_ending_leaves_exactly_one_closing_line() {
    let state = tempfile::tempdir().unwrap();
    let log = Log::open(state.path(), Settings::default());
    let (answered, status) = (StatusCode::BAD_GATEWAY, StatusCode::OK);
    let exchange = Exchange { status, request_bytes: 1, response_bytes: 2 };
    let endings = [
        Ending::Answered { answered },
        Ending::Completed(exchange),
        Ending::CallerGone(Reach::Replied(exchange)),
        Ending::UpstreamReset(Cut::MidReply(exchange)),
        Ending::ConnectFailed { answered },
        Ending::TimedOut(Cut::NoReply { request_bytes: 1, answered }),
    ];
    let mut expected = Vec::new();
    for ending in endings {
        for committed in [false, true] {
            let mut record = log.record();
            if committed {
                let _ = block_on(record.commit()).unwrap();
            }
            let kind = if committed { "outcome" } else { "call" };
            expected.push((record.opening().call_id.to_string(), kind, ending.as_str()));
            record.close(ending);
        }
    }
    let mut dropped = log.record();
    dropped.reached(Reach::Sent { request_bytes: 5 });
    expected.push((dropped.opening().call_id.to_string(), "call", "abandoned"));
    drop(dropped);

    let record = log.record();
    expected.push((record.opening().call_id.to_string(), "call", "panicked"));
    let panicking = AssertUnwindSafe(move || {
        let _held = record;
        panic!("on purpose");
    });
    catch_unwind(panicking).unwrap_err();

    let record = log.record();
    expected.push((record.opening().call_id.to_string(), "call", "abandoned"));
    let task = async move {
        let _held = record;
        std::future::pending::<()>().await;
    };
    block_on(async { tokio::time::timeout(Duration::ZERO, task).await.unwrap_err() });

    log.stop();
    let lines = lines(state.path());
    for (call_id, kind, ending) in expected {
        let closing: Vec<_> = lines
            .iter()
            .filter(|line| line["call_id"] == *call_id && line["ending"].is_string())
            .collect();
        assert_eq!(closing.len(), 1, "{kind} {ending}");
        assert_eq!((&closing[0]["kind"], &closing[0]["ending"]), (&kind.into(), &ending.into()));
    }
    let abandoned = lines.iter().find(|line| line["ending"] == "abandoned").unwrap();
    assert_eq!((&abandoned["sent"], &abandoned["request_bytes"]), (&true.into(), &5.into()));
    verify(state.path());
}

#[test]
fn a_call_that_ends_without_a_permit_and_without_a_word_was_not_sent() {
    let state = tempfile::tempdir().unwrap();
    let log = Log::open(state.path(), Settings::default());
    drop(log.record());
    let mut permitted = log.record();
    permitted.judged(Judgement { permit: Some(PermitKind::Allow), ..judgement() });
    drop(permitted);
    log.stop();
    let lines = lines(state.path());
    let sent: Vec<_> = lines
        .iter()
        .filter(|line| line["ending"] == "abandoned")
        .map(|line| line["sent"].as_bool())
        .collect();
    assert_eq!(sent, [Some(false), None]);
}

#[test]
fn a_commit_returns_with_its_line_on_disk_and_only_once() {
    let state = tempfile::tempdir().unwrap();
    let log = Log::open(state.path(), Settings::default());
    let mut record = log.record();
    let committed = block_on(record.commit()).unwrap();
    assert_eq!(committed.call_id(), record.opening().call_id);
    assert_eq!(committed.intent_digest(), Digest::of(b"x"));
    assert_eq!(lines(state.path())[2]["call_id"], *committed.call_id().to_string());
    assert_eq!(kinds(state.path()), ["start", "key", "decision", "batch"]);
    assert_eq!(log.ledger.health().head(), verify(state.path()).head);
    assert_eq!(*log.tallied.lock().unwrap(), ["start", "decision"]);
    assert_eq!(block_on(record.commit()).unwrap_err(), CommitFailed::Spent);

    let mut undecided = log.ledger.open(opening()).unwrap();
    assert_eq!(block_on(undecided.commit()).unwrap_err(), CommitFailed::Undecided);
    let mut unrecorded = Record::unrecorded(opening());
    assert!(!unrecorded.is_recorded());
    assert_eq!(block_on(unrecorded.commit()).unwrap_err(), CommitFailed::Unrecorded);
    drop((record, undecided, unrecorded));
    log.stop();
    assert_eq!(told(state.path()), ["start", "decision", "outcome", "call", "stop"]);
}

#[test]
fn a_full_ledger_refuses_until_a_call_ends() {
    let state = tempfile::tempdir().unwrap();
    let log = Log::open(state.path(), Settings { ledger_lines_max: 5, ..Settings::default() });
    let (first, second) = (log.record(), log.record());
    assert_eq!(log.ledger.open(opening()).unwrap_err(), LedgerRefused::Full);
    drop(first);
    wait_until(|| log.ledger.open(opening()).is_ok());
    drop(second);
    log.stop();
}

#[test]
fn a_stopped_log_refuses_and_the_next_process_continues_its_chain() {
    let state = tempfile::tempdir().unwrap();
    let mut head = Head::genesis();
    for round in 1..=3 {
        let log = Log::open(state.path(), Settings::default());
        let reload = Reload { lowered: vec!["files".to_owned()], ..Reload::default() };
        log.ledger.reloaded(reload).unwrap();
        let ledger = log.ledger.clone();
        head = log.stop();
        assert_eq!(head.seq, round * 5);
        assert_eq!(ledger.health().state(), State::Stopped);
        assert_eq!(ledger.open(opening()).unwrap_err(), LedgerRefused::Stopped);
    }
    assert_eq!(verify(state.path()).head, head);
    assert_eq!(kinds(state.path()), ["start", "key", "reload", "stop", "seal"].repeat(3));
}

#[test]
fn a_second_process_is_refused_while_the_first_writes() {
    let state = tempfile::tempdir().unwrap();
    let log = Log::open(state.path(), Settings::default());
    let refusal = StateDir::open(state.path()).unwrap_err().to_string();
    assert!(refusal.contains("is in use by process"), "{refusal}");
    log.stop();
    drop(retaken(state.path()));
}

#[test]
fn a_writer_that_dies_refuses_everything() {
    let state = tempfile::tempdir().unwrap();
    let state = StateDir::open(state.path()).unwrap();
    let (ledger, writer) = evidence::start(&state, Settings::default()).unwrap();
    let run = move || writer.run(|line| assert_ne!(line.entry().kind(), "decision"));
    let writer = std::thread::Builder::new().spawn(run).unwrap();
    let mut record = ledger.open(opening()).unwrap();
    record.judged(judgement());
    assert_eq!(block_on(record.commit()).unwrap_err(), CommitFailed::Stopped);
    assert!(writer.join().is_err());
    assert_eq!(ledger.open(opening()).unwrap_err(), LedgerRefused::Stopped);
}

#[test]
fn decisions_gather_for_one_sync_and_each_waits_for_it() {
    let state = tempfile::tempdir().unwrap();
    let gather = Duration::from_millis(300);
    let log = Log::open(state.path(), Settings { gather, ..Settings::default() });
    let synced = log.ledger.health().durable().totals.syncs;
    let mut records: Vec<_> = (0..20).map(|_| log.record()).collect();
    let began = clock::instant();
    let commits: Vec<_> = records.iter_mut().map(Record::commit).collect();
    for commit in commits {
        let _ = block_on(commit).unwrap();
        assert!(clock::instant() - began >= gather);
    }
    assert_eq!(log.ledger.health().durable().totals.syncs, synced + 1);
    drop(records);

    // A full batch has nothing to wait for.
    let log = {
        log.stop();
        let settings =
            Settings { gather: Duration::from_secs(60), batch_lines_max: 2, ..Settings::default() };
        Log::open(state.path(), settings)
    };
    let mut records = [log.record(), log.record()];
    let commits = records.each_mut().map(Record::commit);
    for commit in commits {
        let _ = block_on(commit).unwrap();
    }
    assert!(clock::instant() - began < Duration::from_secs(30));
}

#[test]
fn old_segments_go_and_what_is_left_is_one_log() {
    let state = tempfile::tempdir().unwrap();
    for _ in 0..3 {
        Log::open(state.path(), Settings::default()).stop();
    }
    let ends: Vec<_> =
        lines(state.path()).into_iter().filter(|line| line["kind"] == "seal").collect();
    let settings = Settings { retention: Some(Duration::ZERO), ..Settings::default() };
    let log = Log::open(state.path(), settings);
    wait_until(|| log.ledger.health().durable().totals.segments == 1);
    log.stop();
    assert!((1..4).all(|number| !segment(state.path(), number).exists()));
    let left = lines(state.path());
    let kinds: Vec<_> = left.iter().map(|line| line["kind"].as_str().unwrap()).collect();
    let expected = ["start", "key", "expired", "expired", "expired", "batch", "stop", "seal"];
    assert_eq!(kinds, expected);
    assert_eq!(left[0]["prev"], ends[2]["hash"]);
    for (expired, end) in left[2..5].iter().zip(&ends) {
        let told = (&expired["segment"], &expired["last_seq"], &expired["last_hash"]);
        assert_eq!(told, (&end["segment"], &end["seq"], &end["hash"]));
    }
}

#[test]
fn nothing_goes_from_a_log_that_somebody_changed() {
    let state = tempfile::tempdir().unwrap();
    for _ in 0..2 {
        Log::open(state.path(), Settings::default()).stop();
    }
    let last = segment(state.path(), 2);
    let text = std::fs::read_to_string(&last).unwrap();
    std::fs::write(&last, text.replace("\"stop\"", "\"halt\"")).unwrap();
    let (retention, retention_bytes) = (Some(Duration::ZERO), Some(1));
    Log::open(state.path(), Settings { retention, retention_bytes, ..Settings::default() }).stop();
    assert!((1..4).all(|number| segment(state.path(), number).exists()));
}

#[test]
fn reloads_find_room_in_a_full_queue_stand_in_order_and_before_the_stop() {
    let state = tempfile::tempdir().unwrap();
    let log = Log::open(state.path(), Settings { ledger_lines_max: 2, ..Settings::default() });
    let record = log.ledger.open(opening()).unwrap();
    assert_eq!(log.ledger.open(opening()).unwrap_err(), LedgerRefused::Full);
    for name in ["a", "b", "c"] {
        let reload = Reload { snapshot: Some(name.into()), ..Reload::default() };
        log.ledger.reloaded(reload).unwrap();
    }
    record.close(answered());
    log.stop();
    let lines = lines(state.path());
    let reloads = lines.iter().filter(|line| line["kind"] == "reload");
    let snapshots: Vec<_> = reloads.map(|line| line["snapshot"].as_str().unwrap()).collect();
    assert_eq!(snapshots, ["a", "b", "c"]);
}
