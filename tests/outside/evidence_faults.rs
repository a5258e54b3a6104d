//! The n-th write, sync or cut of a real process fails: strace answers in the kernel's
//! place. Whatever fails, the tool sees no protected call whose signed decision is not in the log,
//! nobody is told that his call went out when it did not, and the process comes back by itself.
//!
//! `GAIT_FAULTS` sets the last n (200 is what a release is held to). Each n has a process of its own
//! and one of the kinds of faults; n counts the calls of one thread, since strace counts so.

use crate::support::strace;
use crate::support::{Answered, Audit, Crowd, Gait, Recorder, Setup, audit, wait_for};
use std::collections::BTreeSet;
use std::fs;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use tempfile::TempDir;

/// The last n, unless the environment says otherwise.
const FAULTS: usize = 24;
/// Processes at once; strace leaves them much time to wait.
const AT_ONCE: usize = 3;
/// Callers of each.
const CALLERS: usize = 6;

/// About how many of [`Fault::State`] there are to strike in one thread.
const STATE_CALLS: usize = 14;

/// What fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    /// A sync of the log.
    Sync,
    /// A write of the log, for want of room.
    Write,
    /// A write of the log, then twice the way back.
    WriteAndCut,
    /// Some syncs in a row.
    Syncs,
    /// A sync or a link of what a state directory is made of: keys, tokens, directories.
    State,
}

/// How a process took it.
#[derive(Debug, PartialEq, Eq)]
enum Taken {
    /// It did not start.
    Refused,
    /// It started, and there never was an n-th.
    Spared,
    /// It went on.
    Survived { refused: usize },
}

const KINDS: [Fault; 5] =
    [Fault::Sync, Fault::Write, Fault::WriteAndCut, Fault::Syncs, Fault::State];

impl Fault {
    /// What is traced, and what is answered to the n-th of it.
    fn options(self, n: usize) -> Vec<String> {
        let on = |calls: &str, error: &str, when: String| {
            ["-e".to_owned(), format!("inject={calls}:error={error}:when={when}")]
        };
        let state = "fsync,link,linkat";
        let injected = match self {
            Fault::Sync => on("fdatasync", "EIO", format!("{n}")).to_vec(),
            Fault::Syncs => on("fdatasync", "EIO", format!("{n}..{}", n + 2)).to_vec(),
            Fault::Write => on("write", "ENOSPC", format!("{n}")).to_vec(),
            Fault::WriteAndCut => {
                [on("write", "EROFS", format!("{n}")), on("ftruncate", "EROFS", "1..2".to_owned())]
                    .concat()
            }
            // A start has some, and nothing after it.
            Fault::State => {
                on(state, "EIO", format!("{}", n / KINDS.len() % STATE_CALLS + 1)).to_vec()
            }
        };
        let trace = "trace=write,fdatasync,ftruncate,fsync,link,linkat".to_owned();
        ["-s".to_owned(), "0".to_owned(), "-e".to_owned(), trace]
            .into_iter()
            .chain(injected)
            .collect()
    }
}

#[test]
fn whatever_write_or_sync_fails_no_call_leaves_without_its_line() {
    if !strace::can_trace() {
        return;
    }
    let asked = std::env::var("GAIT_FAULTS").ok().map(|text| text.parse().expect("a number"));
    let (last, next) = (asked.unwrap_or(FAULTS), AtomicUsize::new(1));
    let taken: Vec<_> = thread::scope(|scope| {
        let each = || {
            let numbers = std::iter::from_fn(|| Some(next.fetch_add(1, Ordering::SeqCst)));
            let mine = numbers.take_while(|n| *n <= last);
            mine.map(|n| (n, KINDS[n % KINDS.len()]))
                .map(|(n, kind)| (n, kind, strike(kind, n)))
                .collect::<Vec<_>>()
        };
        let workers: Vec<_> = (0..AT_ONCE).map(|_| scope.spawn(each)).collect();
        workers.into_iter().flat_map(|worker| worker.join().expect("a fault that holds")).collect()
    });
    eprintln!("{taken:?}");
    let survived = |fault: Fault| {
        let lived = |taken: &Taken| matches!(taken, Taken::Survived { .. });
        taken.iter().any(|(_, kind, taken)| *kind == fault && lived(taken))
    };
    for kind in &KINDS[..4] {
        assert!(survived(*kind), "{kind:?} struck nobody at work");
    }
}

/// One process that this happens to.
fn strike(fault: Fault, n: usize) -> Taken {
    let tool = Recorder::start();
    let setup = Setup::fixture("evidence", tool.address);
    let dir = TempDir::new().unwrap();
    setup.write(dir.path());
    let options = fault.options(n);
    let mut options: Vec<&str> = options.iter().map(String::as_str).collect();
    let log = dir.path().join("state/evidence/000001.jsonl").to_str().unwrap().to_owned();
    if fault != Fault::State {
        options.extend(["-P", &log]);
    }
    let mut gait = match strace::traced(dir, &options) {
        Ok(gait) => gait,
        Err((status, dir)) => {
            assert_eq!(
                status.code(),
                Some(1),
                "{}",
                fs::read_to_string(dir.path().join("log")).unwrap()
            );
            assert_eq!(tool.count(), 0);
            return Taken::Refused;
        }
    };
    let (answers, ()) = Crowd::call(&gait, "a", CALLERS, |crowd| until_struck(&gait, crowd, fault));
    let answers = answers.into_iter().chain(
        Crowd::call(&gait, "b", 1, |crowd| {
            wait_for("a call after it", || (crowd.answers().len() > 8).then_some(()));
        })
        .0,
    );
    let (refused, passed): (Vec<_>, Vec<_>) = answers.partition(|answer| answer.is_refused());
    gait.signal("TERM");
    assert!(gait.wait().success(), "{}", gait.log());
    let audit = audit(gait.dir());
    let seen = tool.protected();
    audit.assert_decided(seen.iter().map(String::as_str));
    let went: BTreeSet<_> = seen.iter().collect();
    assert_eq!(went.len(), seen.len(), "a call went out twice");
    for answer in passed.iter().filter(|answer| answer.target.starts_with("/protected/")) {
        assert!(went.contains(&answer.target), "{answer:?} never went out");
    }
    for answer in &refused {
        assert!(!went.contains(&answer.target), "{answer:?} went out");
    }
    taken(&gait, fault, &audit, refused.len())
}

/// Waits until the fault has struck and calls go through again. What
/// strikes the state directory struck at the start or never does.
fn until_struck(gait: &Gait, crowd: &Crowd, fault: Fault) {
    let is_good = |answers: &[Answered]| answers.iter().all(|answer| !answer.is_refused());
    let calls = || crowd.answers().len();
    wait_for("the fault", || (fault == Fault::State || strokes(gait) > 0).then_some(()));
    let enough = calls() + 40;
    wait_for("calls behind the fault", || {
        let answers = crowd.answers();
        (answers.len() > enough && is_good(&answers[answers.len() - 8..])).then_some(())
    });
}

/// How often the fault struck so far.
fn strokes(gait: &Gait) -> usize {
    let trace = fs::read(gait.dir().join("trace")).expect("a trace");
    String::from_utf8_lossy(&trace).matches("(INJECTED)").count()
}

/// How it was taken, by the log.
fn taken(gait: &Gait, fault: Fault, audit: &Audit, refused: usize) -> Taken {
    match (strokes(gait), fault) {
        (0, _) => Taken::Spared,
        (_, Fault::State) => Taken::Survived { refused },
        (strokes, _) => {
            let recovered = audit.of("recover").count();
            assert!((1..=strokes).contains(&recovered), "{recovered} of {strokes} are told of");
            Taken::Survived { refused }
        }
    }
}
