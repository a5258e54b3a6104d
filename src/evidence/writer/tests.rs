//! The group commit on a disk that fails on demand.

mod platter;
mod histories;
mod keys;
mod segments;

use super::*;
use crate::evidence::{
    Ending, Judgement, KeyFile, Label, Labelled, LedgerRefused, Opening, Opinion, Reach, Record,
    event::Reload,
    key::KeyFiles,
    queue::{Bell, Message},
    record::Ledger,
    survey::Left,
};
use crate::{
    policy::Verdict,
    stage::{Disposition, Stage},
};
use http::{Method, StatusCode};
use platter::FakeDisk;
use std::{
    path::Path,
    pin::Pin,
    task::{Context, Poll, Waker},
};
use tokio::sync::mpsc;

/// An engine, the ledger that feeds it, and the kinds that its tally saw.
struct Bench {
    engine: Engine<FakeDisk, FakeDisk>,
    queue: mpsc::Receiver<Message>,
    bell: Arc<Bell>,
    ledger: Ledger,
    tallied: Vec<&'static str>,
    now: Instant,
}

impl Bench {
    fn new(disk: &FakeDisk) -> Bench {
        Bench::start(disk, Settings::default()).unwrap()
    }

    /// A process that starts on what the disk holds.
    fn start(disk: &FakeDisk, settings: Settings) -> io::Result<Bench> {
        let (left, shelf) = disk.opened();
        Bench::on(disk, left, shelf, settings)
    }

    /// A process that found this on the disk.
    fn on(disk: &FakeDisk, left: Left, shelf: Shelf, settings: Settings) -> io::Result<Bench> {
        let (sender, queue) = mpsc::channel(64);
        let journal = Journal::new(disk.clone(), left.anchor);
        let start =
            Line::new(clock::now(), Entry::Event(Event::Start { torn: left.torn, in_force: None }));
        let (engine, start) = Engine::begin(journal, disk.clone(), shelf, settings, start)?;
        let health = Arc::clone(engine.health());
        let keys = KeyFiles::of(Path::new("nowhere"), &KeyFile::Own);
        let bell = Arc::<Bell>::default();
        let ledger = Ledger::new(sender, bell.clone(), health, keys);
        let tallied = start.iter().map(|line| line.entry().kind()).collect();
        Ok(Bench { engine, queue, bell, ledger, tallied, now: clock::instant() })
    }

    /// Gives the engine what is queued, as one batch.
    fn turn(&mut self) {
        let mut posts = Vec::new();
        while let Ok(Message::Post(post)) = self.queue.try_recv() {
            posts.push(post);
        }
        posts.extend(self.bell.collect());
        self.engine.take(posts, &mut |line| self.tallied.push(line.entry().kind()), self.now);
    }

    /// Opens and ends a call.
    fn call(&mut self) {
        self.ledger.open(opening()).unwrap().close(answered());
        self.turn();
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
    let disk = FakeDisk::failing(&[]);
    let mut bench = Bench::new(&disk);
    disk.0.lock().unwrap().log.clear();
    let mut records: Vec<_> = (0..3).map(|_| bench.ledger.open(opening()).unwrap()).collect();
    let mut answers: Vec<_> = records.iter_mut().map(commit).collect();
    assert!(answers[0].answer().is_none(), "nothing is durable yet");
    bench.turn();
    assert_eq!(disk.0.lock().unwrap().log, ["append", "sync"]);
    assert_eq!(disk.kinds(), ["start", "key", "decision", "decision", "decision", "batch"]);
    for (answer, record) in answers.iter_mut().zip(&records) {
        let committed = answer.answer().unwrap().unwrap();
        assert_eq!(committed.call_id(), record.opening().call_id);
        assert!(disk.durable_text().contains(&committed.call_id().to_string()));
    }
}

#[test]
fn lines_nobody_waits_for_are_signed_and_synced_after_the_interval() {
    let disk = FakeDisk::failing(&[]);
    let mut bench = Bench::new(&disk);
    bench.call();
    bench.pass(Duration::from_millis(999));
    assert!(!disk.durable_text().contains("\"kind\":\"call\""));
    assert_eq!(bench.engine.health().lag(bench.now), Duration::from_millis(999));
    bench.pass(Duration::from_millis(1));
    assert_eq!(bench.engine.health().lag(bench.now), Duration::ZERO);
    assert_eq!(bench.engine.health().head().seq, 4);
    assert_eq!(disk.kinds(), ["start", "key", "call", "batch"]);
    let durable = bench.engine.health().durable();
    let bytes = disk.0.lock().unwrap().segments[&1].len() as u64;
    assert_eq!((durable.totals.lines, durable.totals.bytes, durable.totals.syncs), (4, bytes, 2));
    assert_eq!((durable.anchor.segment, durable.totals.segments), (1, 1));
}

#[test]
fn a_failed_sync_refuses_takes_back_and_recovers() {
    // The key, the start line and its sync come first.
    let disk = FakeDisk::failing(&[5]);
    let mut bench = Bench::new(&disk);
    let mut record = bench.ledger.open(opening()).unwrap();
    let mut answer = commit(&mut record);
    bench.turn();
    assert_eq!(answer.answer().unwrap().unwrap_err(), CommitFailed::Failed);
    assert_eq!(bench.ledger.open(opening()).unwrap_err(), LedgerRefused::Failed);
    let told = bench.engine.health().trouble(bench.now).unwrap();
    assert_eq!(told.as_str(), "the disk refuses: other error");
    record.close(answered());
    bench.turn();
    assert_eq!(bench.tallied, ["start"]);
    bench.pass(Duration::from_secs(1));
    assert_eq!(disk.kinds(), ["start", "key", "recover", "call", "batch"]);
    assert_eq!(disk.lines()[2]["withdrawn"], 1);
    assert_eq!(bench.tallied, ["start", "recover", "call"]);
    drop(bench.ledger.open(opening()).unwrap());
}

#[test]
fn a_reload_is_recorded_once_a_disk_that_refused_can_be_written() {
    let disk = FakeDisk::failing(&[4]);
    let mut bench = Bench::new(&disk);
    bench.call();
    bench.pass(Duration::from_millis(1));
    assert_eq!(bench.engine.health().state(), State::Failed);
    let reload = Reload { lowered: vec!["files".to_owned()], ..Reload::default() };
    let ledger = bench.ledger.clone();
    assert_eq!(ledger.reloaded(reload), Ok(()));
    bench.turn();
    bench.pass(Duration::from_secs(1));
    assert_eq!(disk.kinds(), ["start", "key", "recover", "call", "reload", "batch"]);
}

#[test]
fn a_commit_given_up_is_followed_by_an_outcome_where_its_decision_stands() {
    for (fails, kinds) in [
        (vec![], vec!["start", "key", "decision", "outcome", "batch"]),
        (vec![4], vec!["start", "key", "recover", "call", "batch"]),
    ] {
        let disk = FakeDisk::failing(&fails);
        let mut bench = Bench::new(&disk);
        let mut record = bench.ledger.open(opening()).unwrap();
        drop(commit(&mut record));
        drop(record);
        bench.turn();
        bench.pass(Duration::from_secs(1));
        assert_eq!(disk.kinds(), kinds);
    }
}

#[test]
fn what_a_person_did_is_answered_once_it_is_durable_and_refused_where_it_is_not() {
    let disk = FakeDisk::failing(&[6]);
    let mut bench = Bench::new(&disk);
    let ledger = bench.ledger.clone();
    let label = || {
        let of = Labelled {
            time: clock::now(),
            route: "files".into(),
            stage: Stage::Observe,
            verdict: Some(Verdict::Block),
            disposition: Disposition::Forwarded,
            tool_name: Some("files.delete".into()),
            matched_rule: None,
            intent_digest: None,
            policy_digest: None,
        };
        let (call_id, by) = ("c".into(), "ada@desk".into());
        let opinion = Opinion::FalsePositive;
        Event::Label(Box::new(Label { call_id, opinion, by, note: None, of }))
    };
    let mut cx = Context::from_waker(Waker::noop());
    let mut first = Box::pin(ledger.record(label()));
    assert!(first.as_mut().poll(&mut cx).is_pending(), "nothing is durable yet");
    bench.turn();
    assert!(matches!(first.as_mut().poll(&mut cx), Poll::Ready(Ok(Recorded { seq: 3, .. }))));
    assert!(disk.durable_text().contains(r#""label":"false-positive""#));
    let mut second = Box::pin(ledger.record(label()));
    assert!(second.as_mut().poll(&mut cx).is_pending());
    bench.turn();
    assert_eq!(second.as_mut().poll(&mut cx), Poll::Ready(Err(LedgerRefused::Failed)));
    let mut third = Box::pin(ledger.record(label()));
    assert_eq!(third.as_mut().poll(&mut cx), Poll::Ready(Err(LedgerRefused::Failed)));
    bench.pass(Duration::from_secs(1));
    assert_eq!(disk.kinds(), ["start", "key", "label", "batch", "recover", "batch"]);
    assert_eq!(bench.tallied, ["start", "label", "recover"]);
}

#[test]
fn the_writer_ends_with_a_sealed_stop_line_or_says_what_is_lost() {
    let disk = FakeDisk::failing(&[]);
    let bench = Bench::new(&disk);
    let mut kinds = Vec::new();
    let head = bench.engine.finish(&mut |line| kinds.push(line.entry().kind())).unwrap();
    assert_eq!((head.seq, kinds), (4, vec!["stop"]));
    assert_eq!(disk.kinds(), ["start", "key", "stop", "seal"]);

    let disk = FakeDisk::failing(&[4, 5]);
    let mut bench = Bench::new(&disk);
    bench.ledger.open(opening()).unwrap().close(Ending::CallerGone(Reach::Unsent));
    bench.turn();
    let lost = bench.engine.finish(&mut |_| {}).unwrap_err();
    assert_eq!(lost.lines, 1);
}
