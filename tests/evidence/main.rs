//! The evidence log from outside: what tampering, kills, full disks and dropped calls leave.
#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests may fail the test")]

mod ledger;
mod tamper;
mod faults;
mod hostile;

use gait::{
    clock,
    evidence::{
        self, CallId, Ending, Head, Judgement, Ledger, Opening, Record, Report, Settings, Trust,
        Unwritten, VerifyError,
    },
    json::Digest,
    state::{StateDir, StateError},
};
use http::{Method, StatusCode};
use serde_json::Value;
use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    thread::JoinHandle,
    time::Duration,
};

/// A log with its writer running.
pub(crate) struct Log {
    pub(crate) ledger: Ledger,
    writer: JoinHandle<Result<Head, Unwritten>>,
    pub(crate) tallied: Arc<Mutex<Vec<&'static str>>>,
}

impl Log {
    pub(crate) fn open(state: &Path, settings: Settings) -> Log {
        let state = retaken(state);
        let (ledger, writer) = evidence::start(&state, settings).unwrap();
        let tallied = Arc::<Mutex<Vec<_>>>::default();
        let tally = Arc::clone(&tallied);
        let run = move || writer.run(move |line| tally.lock().unwrap().push(line.entry().kind()));
        Log { ledger, writer: std::thread::Builder::new().spawn(run).unwrap(), tallied }
    }

    pub(crate) fn record(&self) -> Record {
        let mut record = self.ledger.open(opening()).unwrap();
        record.judged(judgement());
        record
    }

    /// Stops the log in order and returns its head.
    pub(crate) fn stop(self) -> Head {
        block_on(self.ledger.stop());
        self.writer.join().unwrap().unwrap()
    }
}

/// Takes a directory that was just let go. A child that another test starts at this moment holds
/// a copy of the lock's descriptor between its fork and its exec, so the first try can fail.
pub(crate) fn retaken(state: &Path) -> StateDir {
    for _ in 0..200 {
        match StateDir::open(state) {
            Err(StateError::Held { .. }) => std::thread::sleep(Duration::from_millis(10)),
            taken => return taken.unwrap(),
        }
    }
    panic!("the lock on {} is not let go", state.display());
}

pub(crate) fn opening() -> Opening {
    let call_id = CallId::fresh(clock::now());
    let target_digest = Digest::of(b"/v1/files/a");
    let (received, spans) = (clock::instant(), None);
    Opening { call_id, method: Method::DELETE, target_digest, received, spans }
}

pub(crate) fn judgement() -> Judgement {
    let digest = Some(Digest::of(b"x"));
    Judgement { intent_digest: digest, policy_digest: digest, ..Judgement::default() }
}

pub(crate) fn answered() -> Ending {
    Ending::Answered { answered: StatusCode::FORBIDDEN }
}

pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(future)
}

pub(crate) fn directory(state: &Path) -> PathBuf {
    state.join("evidence")
}

pub(crate) fn segment(state: &Path, number: u32) -> PathBuf {
    directory(state).join(format!("{number:06}.jsonl"))
}

pub(crate) fn checked(state: &Path) -> Result<Report, VerifyError> {
    evidence::verify(&directory(state), &Trust::default(), &|_, _| {})
}

pub(crate) fn verify(state: &Path) -> Report {
    checked(state).unwrap()
}

/// The whole lines of all segments.
pub(crate) fn lines(state: &Path) -> Vec<Value> {
    let mut paths: Vec<_> =
        directory(state).read_dir().unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let texts = paths.iter().map(|path| std::fs::read(path).unwrap());
    let parse = |line: &[u8]| serde_json::from_slice(line).ok();
    texts
        .flat_map(|text| text.split(|byte| *byte == b'\n').filter_map(parse).collect::<Vec<_>>())
        .collect()
}

pub(crate) fn kinds(state: &Path) -> Vec<String> {
    lines(state).iter().map(|line| line["kind"].as_str().unwrap().to_owned()).collect()
}

/// The same without what the log says of itself; this is what a tally sees.
pub(crate) fn told(state: &Path) -> Vec<String> {
    let own = ["key", "batch", "seal"];
    kinds(state).into_iter().filter(|kind| !own.contains(&kind.as_str())).collect()
}

pub(crate) fn wait_until(is_so: impl Fn() -> bool) {
    let start = clock::instant();
    while !is_so() {
        assert!(clock::instant() - start < Duration::from_secs(5), "waited too long");
        std::thread::sleep(Duration::from_millis(10));
    }
}
