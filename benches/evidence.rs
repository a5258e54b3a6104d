//! How many lines of evidence are verified in a second by one core, and what more cores help.
//!
//! `cargo bench --bench evidence` has the real writer write two logs and verifies them in turns: a
//! slice each, again and again, so that a busy neighbour falls on all alike. The figure is the
//! median slice. It takes about half a minute.
//!
//! | log | its lines |
//! |---|---|
//! | calls | a line a call that nobody waits for: a signature a second |
//! | commits | a decision, its signature and an outcome a call, one call after the other: the most signatures that there can be |
//!
//! Beside them stands what cannot be saved: one SHA-256 over the same bytes. Rejected: asserting a
//! time, which on shared machines measures the neighbours.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a benchmark reads the clock and ends when anything is odd"
)]

use gait::clock;
use gait::evidence::{self, CallId, Ending, Judgement, Ledger, Opening, Settings, Trust};
use gait::json::Digest;
use gait::state::StateDir;
use http::{Method, StatusCode};
use std::hint::black_box;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// How long one of them verifies before the next has its turn.
const SLICE: Duration = Duration::from_millis(100);
const TURNS: usize = 15;
/// Lines of the one log, calls of the other.
const CALLS: usize = 200_000;
const COMMITS: usize = 3_000;
/// Small enough that there is a segment for each of many cores.
const SEGMENT_BYTES: u64 = 4 << 20;

struct Log {
    name: &'static str,
    state: tempfile::TempDir,
    segments: Vec<(u32, Vec<u8>)>,
    lines: u64,
    signatures: u64,
}

/// Seconds for the whole log, one for each slice: a hash over it, one core, all cores.
#[derive(Default)]
struct Times([Vec<f64>; 3]);

fn main() {
    let logs = [Log::write("calls", CALLS, call), Log::write("commits", COMMITS, commit)];
    let mut times = [Times::default(), Times::default()];
    for _ in 0..TURNS {
        for (log, times) in logs.iter().zip(&mut times) {
            times.0[0].push(slice(|| log.hash()));
            times.0[1].push(slice(|| log.one_core()));
            times.0[2].push(slice(|| log.all_cores()));
        }
    }
    println!(
        "| log | lines | a signature per | bytes a line | lines/s, one core | ratio to a hash | all cores |"
    );
    println!("|---|---|---|---|---|---|---|");
    for (log, times) in logs.iter().zip(times) {
        log.print(times);
    }
}

/// The mean time of `work` over a slice, in seconds.
fn slice(mut work: impl FnMut()) -> f64 {
    let (start, mut rounds) = (Instant::now(), 0);
    while start.elapsed() < SLICE {
        work();
        rounds += 1;
    }
    start.elapsed().as_secs_f64() / f64::from(rounds)
}

fn opening() -> Opening {
    let target_digest = Digest::of(b"/v1/files/a");
    let (call_id, received) = (CallId::fresh(clock::now()), clock::instant());
    Opening { call_id, method: Method::DELETE, target_digest, spans: None, received }
}

fn judgement() -> Judgement {
    let digest = Some(Digest::of(b"x"));
    Judgement {
        route: Some("files.delete".into()),
        tool_name: Some("tool.delete".into()),
        identity: Some("ada".into()),
        policy_digest: digest,
        intent_digest: digest,
        args_digest: digest,
        reason_codes: vec!["matched_rule_allow".to_owned()],
        ..Judgement::default()
    }
}

const ANSWERED: Ending = Ending::Answered { answered: StatusCode::FORBIDDEN };

async fn call(ledger: &Ledger) {
    let mut record = loop {
        match ledger.open(opening()) {
            Ok(record) => break record,
            // The writer is behind.
            Err(_) => tokio::time::sleep(Duration::from_millis(1)).await,
        }
    };
    record.judged(judgement());
    record.close(ANSWERED);
}

async fn commit(ledger: &Ledger) {
    let mut record = ledger.open(opening()).unwrap();
    record.judged(judgement());
    let _durable = record.commit().await.unwrap();
    record.close(ANSWERED);
}

impl Log {
    fn write(name: &'static str, calls: usize, one: impl AsyncFn(&Ledger)) -> Log {
        let state = tempfile::tempdir().unwrap();
        let settings = Settings { segment_bytes_max: SEGMENT_BYTES, ..Settings::default() };
        let (ledger, writer) =
            evidence::start(&StateDir::open(state.path()).unwrap(), settings).unwrap();
        let writer = std::thread::Builder::new().spawn(move || writer.run(|_| {})).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            for _ in 0..calls {
                one(&ledger).await;
            }
            ledger.stop().await;
        });
        writer.join().unwrap().unwrap();
        let paths: Vec<(u32, PathBuf)> =
            evidence::segments(&state.path().join("evidence")).unwrap();
        let segments =
            paths.into_iter().map(|(n, path)| (n, std::fs::read(path).unwrap())).collect();
        let mut log = Log { name, state, segments, lines: 0, signatures: 0 };
        let report = evidence::verify_parts(&log.parts(), &Trust::default()).unwrap();
        log.lines = report.lines;
        log.signatures = report.signers[0].signatures;
        log
    }

    fn parts(&self) -> Vec<(u32, &[u8])> {
        self.segments.iter().map(|(number, bytes)| (*number, bytes.as_slice())).collect()
    }

    fn hash(&self) {
        for (_, bytes) in &self.segments {
            black_box(Digest::of(bytes));
        }
    }

    fn one_core(&self) {
        black_box(evidence::verify_parts(&self.parts(), &Trust::default()).unwrap());
    }

    fn all_cores(&self) {
        let directory = self.state.path().join("evidence");
        black_box(evidence::verify(&directory, &Trust::default(), &|_, _| {}).unwrap());
    }

    fn print(&self, times: Times) {
        let [hash, one, all] = times.0.map(|mut times| {
            times.sort_by(f64::total_cmp);
            times[times.len() / 2]
        });
        let bytes: usize = self.segments.iter().map(|(_, bytes)| bytes.len()).sum();
        let lines = self.lines as f64;
        println!(
            "| {} | {} | {:.1} lines | {:.0} | {:.0} | {:.1} | {:.2} |",
            self.name,
            self.lines,
            lines / self.signatures as f64,
            bytes as f64 / lines,
            lines / one,
            one / hash,
            one / all
        );
    }
}
