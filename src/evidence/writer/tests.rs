//! The group commit on a disk that fails on demand.

use super::*;
use crate::evidence::{
    Ending, Judgement, LedgerRefused, Opening, Reach, Record, Verifier, queue::Message,
    record::Ledger,
};
use http::{Method, StatusCode};
use serde_json::Value;
use std::{
    pin::Pin,
    sync::Mutex,
    task::{Context, Poll, Waker},
};
use tokio::sync::mpsc;

/// A disk in memory whose n-th operation fails.
#[derive(Clone, Default)]
struct FakeDisk(Arc<Mutex<Platter>>);

#[derive(Default)]
struct Platter {
    segments: Vec<Vec<u8>>,
    durable_len: usize,
    operations: u32,
    fails: Vec<u32>,
    log: Vec<&'static str>,
}

impl Platter {
    fn operate(&mut self, name: &'static str) -> io::Result<&mut Vec<u8>> {
        self.operations += 1;
        self.log.push(name);
        let fails = self.fails.contains(&self.operations);
        if self.segments.is_empty() {
            self.segments.push(Vec::new());
        }
        let segment = self.segments.last_mut().unwrap();
        if fails {
            match name {
                "append" => segment.extend_from_slice(b"{\"half\":"),
                // As a kernel does: what could not be synced may be gone.
                "sync" => segment.truncate(self.durable_len),
                _ => {}
            }
            return Err(io::Error::other("no space left"));
        }
        Ok(segment)
    }
}

impl Disk for FakeDisk {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.lock().unwrap().operate("append")?.extend_from_slice(bytes);
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        let mut platter = self.0.lock().unwrap();
        platter.durable_len = platter.operate("sync")?.len();
        Ok(())
    }

    fn rewind(&mut self, len: u64) -> io::Result<()> {
        self.0.lock().unwrap().operate("rewind")?.truncate(len as usize);
        Ok(())
    }

    fn next(&mut self) -> io::Result<()> {
        let mut platter = self.0.lock().unwrap();
        platter.operate("next")?;
        platter.segments.push(Vec::new());
        platter.durable_len = 0;
        Ok(())
    }
}

impl FakeDisk {
    fn failing(operations: &[u32]) -> FakeDisk {
        let disk = FakeDisk::default();
        disk.0.lock().unwrap().fails = operations.to_vec();
        disk
    }

    /// Verifies the chain and parses its lines.
    fn lines(&self) -> Vec<Value> {
        let platter = self.0.lock().unwrap();
        let mut verifier = Verifier::new();
        for (number, segment) in (1..).zip(&platter.segments) {
            verifier.segment(number, segment).unwrap();
        }
        assert_eq!(verifier.finish().torn, None);
        let text = String::from_utf8(platter.segments.concat()).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    fn kinds(&self) -> Vec<String> {
        self.lines().iter().map(|line| line["kind"].as_str().unwrap().to_owned()).collect()
    }

    fn durable_text(&self) -> String {
        let platter = self.0.lock().unwrap();
        let durable = &platter.segments.last().unwrap()[..platter.durable_len];
        String::from_utf8_lossy(durable).into_owned()
    }
}

/// An engine, the ledger that feeds it, and the kinds that its tally saw.
struct Bench {
    engine: Engine<FakeDisk>,
    queue: mpsc::Receiver<Message>,
    ledger: Ledger,
    tallied: Vec<&'static str>,
    now: Instant,
}

impl Bench {
    fn new(disk: &FakeDisk, segment_bytes_max: u64) -> Bench {
        let (sender, queue) = mpsc::channel(64);
        let journal = Journal::new(disk.clone(), Head::genesis(), segment_bytes_max);
        let engine = Engine::new(journal, Settings::default());
        let ledger = Ledger::new(sender, Arc::default(), Arc::clone(engine.health()));
        Bench { engine, queue, ledger, tallied: Vec::new(), now: clock::instant() }
    }

    /// Gives the engine what is queued, as one batch.
    fn turn(&mut self) {
        let mut posts = Vec::new();
        while let Ok(Message::Post(post)) = self.queue.try_recv() {
            posts.push(post);
        }
        self.engine.take(posts, &mut |line| self.tallied.push(line.entry().kind()), self.now);
    }

    /// Lets time pass.
    fn pass(&mut self, time: Duration) {
        self.now += time;
        self.engine.tend(&mut |line| self.tallied.push(line.entry().kind()), self.now);
    }
}

fn opening() -> Opening {
    let call_id = CallId::fresh(clock::now());
    let target_digest = Digest::of(b"/v1/files/a");
    let (received, spans) = (clock::instant(), None);
    Opening { call_id, method: Method::DELETE, target_digest, received, spans }
}

fn judgement() -> Judgement {
    let digest = Some(Digest::of(b"x"));
    Judgement { intent_digest: digest, policy_digest: digest, ..Judgement::default() }
}

fn answered() -> Ending {
    Ending::Answered { answered: StatusCode::FORBIDDEN }
}

/// A commit that was started and can be asked for its answer.
struct Commit(Pin<Box<dyn Future<Output = Result<Committed, CommitFailed>>>>);

impl Commit {
    fn answer(&mut self) -> Option<Result<Committed, CommitFailed>> {
        match self.0.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(answer) => Some(answer),
            Poll::Pending => None,
        }
    }
}

fn commit(record: &mut Record) -> Commit {
    record.judged(judgement());
    Commit(Box::pin(record.commit()))
}

#[test]
fn one_sync_serves_a_batch_and_comes_before_every_answer() {
    let disk = FakeDisk::default();
    let mut bench = Bench::new(&disk, 1 << 20);
    let mut records: Vec<_> = (0..3).map(|_| bench.ledger.open(opening()).unwrap()).collect();
    let mut answers: Vec<_> = records.iter_mut().map(commit).collect();
    assert!(answers[0].answer().is_none(), "nothing is durable yet");
    bench.turn();
    assert_eq!(disk.0.lock().unwrap().log, ["append", "sync"]);
    for (answer, record) in answers.iter_mut().zip(&records) {
        let committed = answer.answer().unwrap().unwrap();
        assert_eq!(committed.call_id(), record.opening().call_id);
        assert!(disk.durable_text().contains(&committed.call_id().to_string()));
    }
}

#[test]
fn lines_nobody_waits_for_are_synced_after_the_interval() {
    let disk = FakeDisk::default();
    let mut bench = Bench::new(&disk, 1 << 20);
    bench.ledger.open(opening()).unwrap().close(answered());
    bench.turn();
    bench.pass(Duration::from_millis(999));
    assert_eq!(disk.durable_text(), "");
    assert_eq!(bench.engine.health().lag(bench.now), Duration::from_millis(999));
    bench.pass(Duration::from_millis(1));
    assert_eq!(bench.engine.health().lag(bench.now), Duration::ZERO);
    assert_eq!(bench.engine.health().head().seq, 1);
    assert!(disk.durable_text().contains("\"kind\":\"call\""));
}

#[test]
fn a_full_segment_is_followed_by_another() {
    let disk = FakeDisk::default();
    let mut bench = Bench::new(&disk, 1);
    for _ in 0..3 {
        bench.ledger.open(opening()).unwrap().close(answered());
        bench.turn();
    }
    assert_eq!(disk.0.lock().unwrap().segments.len(), 3);
    assert_eq!(disk.kinds(), ["call"; 3]);
}

#[test]
fn a_failed_sync_refuses_takes_back_and_recovers() {
    let disk = FakeDisk::failing(&[2]);
    let mut bench = Bench::new(&disk, 1 << 20);
    let mut record = bench.ledger.open(opening()).unwrap();
    let mut answer = commit(&mut record);
    bench.turn();
    assert_eq!(answer.answer().unwrap().unwrap_err(), CommitFailed::Failed);
    assert_eq!(bench.ledger.open(opening()).unwrap_err(), LedgerRefused::Failed);
    record.close(answered());
    bench.turn();
    assert!(bench.tallied.is_empty());
    bench.pass(Duration::from_secs(1));
    assert_eq!(disk.kinds(), ["recover", "call"]);
    assert_eq!(disk.lines()[0]["withdrawn"], 1);
    assert_eq!(bench.tallied, ["recover", "call"]);
    drop(bench.ledger.open(opening()).unwrap());
}

#[test]
fn a_commit_given_up_is_followed_by_an_outcome_where_its_decision_stands() {
    for (fails, kinds) in
        [(vec![], vec!["decision", "outcome"]), (vec![1], vec!["recover", "call"])]
    {
        let disk = FakeDisk::failing(&fails);
        let mut bench = Bench::new(&disk, 1 << 20);
        let mut record = bench.ledger.open(opening()).unwrap();
        drop(commit(&mut record));
        drop(record);
        bench.turn();
        bench.pass(Duration::from_secs(1));
        assert_eq!(disk.kinds(), kinds);
    }
}

/// Calls with every kind of line, on a disk whose `fails` fail. Checks what must hold always.
fn scenario(fails: &[u32]) -> u32 {
    let disk = FakeDisk::failing(fails);
    let mut bench = Bench::new(&disk, 1500);
    let (mut opened, mut proven) = (Vec::new(), Vec::new());
    for round in 0..6 {
        let mut records: Vec<_> =
            (0..2).filter_map(|_| bench.ledger.open(opening()).ok()).collect();
        opened.extend(records.iter().map(|record| record.opening().call_id.to_string()));
        let mut answers: Vec<_> = records.iter_mut().take(round % 3).map(commit).collect();
        bench.turn();
        for committed in answers.iter_mut().filter_map(|answer| answer.answer().unwrap().ok()) {
            assert!(disk.durable_text().contains(&committed.call_id().to_string()), "{fails:?}");
            proven.push(committed.call_id().to_string());
        }
        if let Some(record) = records.pop() {
            record.close(answered());
        }
        drop(records);
        bench.turn();
        bench.pass(Duration::from_millis(600));
    }
    for _ in 0..fails.len() + 2 {
        bench.pass(Duration::from_secs(2));
    }
    let lines = disk.lines();
    let ids = |kinds: &[&str]| -> Vec<String> {
        let of_kind = lines.iter().filter(|line| kinds.contains(&line["kind"].as_str().unwrap()));
        of_kind.map(|line| line["call_id"].as_str().unwrap().to_owned()).collect()
    };
    let sorted = |mut ids: Vec<String>| -> Vec<String> {
        ids.sort_unstable();
        ids
    };
    assert_eq!(sorted(ids(&["call", "outcome"])), sorted(opened), "closing lines, {fails:?}");
    assert_eq!(sorted(ids(&["decision"])), sorted(proven.clone()), "decisions, {fails:?}");
    assert_eq!(sorted(ids(&["outcome"])), sorted(proven), "outcomes, {fails:?}");
    let kinds: Vec<_> = lines.iter().map(|line| line["kind"].as_str().unwrap()).collect();
    assert_eq!(bench.tallied, kinds, "the tally saw every line once, {fails:?}");
    assert_eq!(bench.engine.health().state(), State::Writing);
    let platter = disk.0.lock().unwrap();
    platter.operations
}

#[test]
fn whichever_operation_fails_no_line_is_lost_and_no_proof_is_false() {
    let operations = scenario(&[]);
    assert!(operations > 15, "{operations}");
    for first in 1..=operations {
        scenario(&[first]);
        for second in first + 1..first + 8 {
            scenario(&[first, second]);
            scenario(&[first, first + 1, second + 1]);
        }
    }
}

#[test]
fn the_writer_ends_with_a_stop_line_or_says_what_is_lost() {
    let disk = FakeDisk::default();
    let bench = Bench::new(&disk, 1 << 20);
    let mut kinds = Vec::new();
    let head = bench.engine.finish(&mut |line| kinds.push(line.entry().kind())).unwrap();
    assert_eq!((head.seq, kinds), (1, vec!["stop"]));

    let disk = FakeDisk::failing(&[1, 2]);
    let mut bench = Bench::new(&disk, 1 << 20);
    bench.ledger.open(opening()).unwrap().close(Ending::CallerGone(Reach::Unsent));
    bench.turn();
    let lost = bench.engine.finish(&mut |_| {}).unwrap_err();
    assert_eq!(lost.lines, 1);
}
