//! Kills in the midst of writing, and disks that are full or read-only.

use crate::{
    Log, answered, block_on, directory, judgement, lines, opening, segment, told, verify,
    wait_until,
};
use gait::{
    clock,
    evidence::{self, CommitFailed, LedgerRefused, Settings, State},
    state::StateDir,
};
use std::{
    collections::BTreeSet,
    io::{BufRead as _, BufReader, Write as _},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

/// Names the state directory to the child of the kill test.
const CHILD: &str = "GAIT_TEST_EVIDENCE_CHILD";

/// Not a test by itself: the process that the next test kills. Prints what it was given proof of.
#[test]
fn child_that_writes_until_it_is_killed() {
    let Some(state) = std::env::var_os(CHILD) else { return };
    let log = Log::open(Path::new(&state), Settings::default());
    loop {
        let mut record = log.record();
        let committed = block_on(record.commit()).unwrap();
        println!("\nproof {}", committed.call_id());
        (0..20).for_each(|_| log.record().close(answered()));
    }
}

/// Runs the child until it has printed `proofs`, kills it, and returns them all.
fn run_and_kill(state: &Path, proofs: usize) -> Vec<String> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "faults::child_that_writes_until_it_is_killed", "--nocapture"])
        .env(CHILD, state)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut given = Vec::new();
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        if let Some(proof) = line.unwrap().strip_prefix("proof ") {
            given.push(proof.to_owned());
        }
        if given.len() == proofs {
            child.kill().unwrap();
        }
    }
    child.wait().unwrap();
    given
}

#[test]
fn a_kill_loses_no_decision_that_was_proven() {
    let state = tempfile::tempdir().unwrap();
    let mut proven = BTreeSet::new();
    for round in 0..6 {
        proven.extend(run_and_kill(state.path(), 1 + round * 3));
        // A kill seldom hits the midst of a write; every other round is helped along.
        if round % 2 == 0 {
            let path = segment(state.path(), round as u32 + 1);
            let mut bytes = std::fs::read(&path).unwrap();
            bytes.extend_from_slice(b"{\"v\":1,\"seq\":");
            std::fs::write(&path, bytes).unwrap();
            assert!(verify(state.path()).torn.is_some());
        }
    }
    Log::open(state.path(), Settings::default()).stop();
    assert_eq!(verify(state.path()).mended.len(), 3);
    let lines = lines(state.path());
    let decided: BTreeSet<_> = lines
        .iter()
        .filter(|line| line["kind"] == "decision")
        .map(|line| line["call_id"].as_str().unwrap().to_owned())
        .collect();
    assert!(proven.len() >= 51 && proven.is_subset(&decided), "{} proven", proven.len());
    // One call was in flight at each kill.
    assert!(decided.len() <= proven.len() + 6);
}

/// A file system of 1 MiB, unmounted at the end.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    /// `None` where mounting is not permitted.
    fn mount() -> Option<SmallDisk> {
        let dir = tempfile::tempdir().unwrap();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=1m", "tmpfs"]).arg(dir.path());
        let is_mounted = mount.stderr(Stdio::null()).status().is_ok_and(|status| status.success());
        is_mounted.then_some(SmallDisk(dir))
    }

    fn remount(&self, options: &str) -> bool {
        let mut mount = Command::new("mount");
        mount.args(["-o", options]).arg(self.0.path()).stderr(Stdio::null());
        mount.status().unwrap().success()
    }

    /// Writes until nothing fits any more.
    fn fill(&self) -> PathBuf {
        let path = self.0.path().join("filler");
        let mut file = std::fs::File::create(&path).unwrap();
        while file.write_all(&[0; 4096]).is_ok() {}
        path
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.0.path()).status();
    }
}

fn elapsed(since: Instant) -> Duration {
    clock::instant() - since
}

#[test]
fn a_full_disk_refuses_calls_and_a_freed_one_takes_them_without_restart() {
    let Some(disk) = SmallDisk::mount() else {
        println!("skipped: mounting a tmpfs is not permitted here");
        return;
    };
    let state = disk.0.path().join("state");
    let log = Log::open(&state, Settings::default());
    let open = log.record();
    for round in 0..3 {
        let filler = disk.fill();
        // What fits into the last page still goes through; then it is refused.
        let refused = loop {
            let Ok(mut record) = log.ledger.open(opening()) else { break LedgerRefused::Failed };
            record.judged(judgement());
            if let Err(error) = block_on(record.commit()) {
                assert_eq!(error, CommitFailed::Failed);
                break log.ledger.open(opening()).unwrap_err();
            }
        };
        assert_eq!((refused, log.ledger.health().state()), (LedgerRefused::Failed, State::Failed));
        assert!(log.ledger.health().failures() > round);
        assert!(log.ledger.health().lag(clock::instant()) > Duration::ZERO);
        std::fs::remove_file(filler).unwrap();
        let freed = clock::instant();
        wait_until(|| log.ledger.health().state() == State::Writing);
        assert!(elapsed(freed) < Duration::from_secs(1));
        let mut record = log.record();
        let _ = block_on(record.commit()).unwrap();
    }
    open.close(answered());
    let tallied = Arc::clone(&log.tallied);
    let head = log.stop();
    assert_eq!(verify(&state).head, head);
    assert_eq!(*tallied.lock().unwrap(), told(&state), "the tally saw each line once");
    assert_eq!(told(&state).iter().filter(|kind| *kind == "recover").count(), 3);
    let lines = lines(&state);
    let decisions = lines.iter().filter(|line| line["kind"] == "decision").count();
    let outcomes = lines.iter().filter(|line| line["kind"] == "outcome").count();
    assert_eq!(decisions, outcomes);
}

#[test]
fn a_process_does_not_start_on_a_disk_that_cannot_be_written() {
    let Some(disk) = SmallDisk::mount() else {
        println!("skipped: mounting a tmpfs is not permitted here");
        return;
    };
    let dir = StateDir::open(&disk.0.path().join("state")).unwrap();
    disk.fill();
    for _ in 0..3 {
        let refusal = evidence::start(&dir, Settings::default()).unwrap_err().to_string();
        assert!(refusal.starts_with("cannot begin an evidence segment in `"), "{refusal}");
    }
    let left = directory(dir.path()).read_dir().unwrap().count();
    assert_eq!(left, 1, "starts that fail do not pile up segments");
    drop(dir);
    if !disk.remount("remount,ro") {
        println!("skipped in part: remounting is not permitted here");
        return;
    }
    let refusal = StateDir::open(&disk.0.path().join("state")).unwrap_err().to_string();
    assert!(refusal.contains("cannot use state directory"), "{refusal}");
}
