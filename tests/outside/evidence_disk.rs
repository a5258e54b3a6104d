//! A real disk that is full, and then read-only, under load. No protected call goes out without its
//! line, readiness says so within a second, what is refused does not go out, what is only observed
//! goes on and is counted; and once there is room again calls go on without a restart, and every
//! call that went through has its lines.

use crate::support::{
    Answered, Crowd, Gait, Recorder, Setup, SmallDisk, audit, digest_of, wait_for,
};
use std::collections::BTreeSet;
use std::fs;
use std::thread;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Callers at once.
const CALLERS: usize = 8;
/// How often the disk is full.
const ROUNDS: usize = 3;
/// How soon after the first refusal gait must say that it is not ready.
const NOTICE: Duration = Duration::from_secs(1);
/// How soon it must serve again once it can; it tries four times a second.
const RETURN: Duration = Duration::from_secs(5);
/// How long the trouble lasts.
const TROUBLE: Duration = Duration::from_millis(400);

#[test]
fn a_full_or_read_only_disk_lets_no_call_out_without_its_line() {
    let dir = TempDir::new().unwrap();
    fs::create_dir(dir.path().join("state")).unwrap();
    let Some(disk) = SmallDisk::at(&dir.path().join("state")) else { return };
    let tool = Recorder::start();
    let mut gait = Setup::fixture("evidence", tool.address).start_in(dir);
    let (answers, ()) = Crowd::call(&gait, "a", CALLERS, |crowd| {
        for _ in 0..ROUNDS {
            fill(&gait, crowd, &disk);
            thread::sleep(TROUBLE);
            disk.free();
            assert_back(&gait, crowd);
        }
        fill(&gait, crowd, &disk);
        let view = disk.make_read_only("evidence");
        disk.free();
        assert_closed(crowd);
        drop(view);
        assert_back(&gait, crowd);
    });
    let unrecorded = gait.scrape().total("gait_unrecorded_total") as usize;
    gait.signal("TERM");
    assert!(gait.wait().success(), "{}", gait.log());
    let (refused, passed): (Vec<_>, Vec<_>) =
        answers.into_iter().partition(|answer| answer.is_refused());
    assert!(!refused.iter().any(|answer| answer.is("watched")), "an observed call was refused");
    assert_lines(&gait, &tool, &refused, &passed, unrecorded);
    drop(disk);
}

/// Fills the disk and waits until calls of both kinds are refused, and it is said soon enough.
fn fill(gait: &Gait, crowd: &Crowd, disk: &SmallDisk) {
    let before = crowd.answers().len();
    disk.fill();
    let noticed = wait_for("gait to be not ready", || {
        (gait.telemetry("/readyz").status == 503).then(Instant::now)
    });
    let first = wait_for("refusals", || {
        // A cut of the log makes a little room, which is taken away again.
        disk.fill();
        let answers = crowd.answers();
        let refused: Vec<_> = answers[before..].iter().filter(|one| one.is_refused()).collect();
        let is_both = ["protected", "open"].iter().all(|kind| refused.iter().any(|o| o.is(kind)));
        is_both.then(|| refused[0].at)
    });
    let took = noticed.saturating_duration_since(first);
    assert!(took <= NOTICE, "not ready {took:?} after the first refusal");
}

/// While the log cannot be opened, only what is observed gets through.
fn assert_closed(crowd: &Crowd) {
    // What went out before is answered by then.
    thread::sleep(TROUBLE * 2);
    let before = crowd.answers().len();
    thread::sleep(TROUBLE);
    let answers = crowd.answers().split_off(before);
    let through = answers.iter().find(|answer| !answer.is("watched") && !answer.is_refused());
    assert!(through.is_none(), "{through:?}");
    assert!(answers.iter().any(|answer| answer.is("watched")), "observe goes on");
}

/// It serves again by itself.
fn assert_back(gait: &Gait, crowd: &Crowd) {
    let freed = Instant::now();
    wait_for("gait to be ready", || (gait.telemetry("/readyz").status == 200).then_some(()));
    wait_for("calls to go through", || {
        let is_through =
            |one: &Answered| one.at > freed && one.is("protected") && one.status == 200;
        crowd.answers().iter().any(is_through).then_some(())
    });
    assert!(freed.elapsed() < RETURN, "back after {:?}", freed.elapsed());
}

/// The tool, the callers and the log tell the same.
fn assert_lines(
    gait: &Gait,
    tool: &Recorder,
    refused: &[Answered],
    passed: &[Answered],
    unrecorded: usize,
) {
    let audit = audit(gait.dir());
    let seen: Vec<String> = tool.seen().iter().map(|seen| seen.target().to_owned()).collect();
    let went: BTreeSet<&str> = seen.iter().map(String::as_str).collect();
    audit.assert_decided(went.iter().copied().filter(|target| target.starts_with("/protected/")));
    for (answers, is_out) in [(refused, false), (passed, true)] {
        let wrong = answers.iter().find(|one| went.contains(one.target.as_str()) != is_out);
        assert!(wrong.is_none(), "{wrong:?}");
    }
    let closings = audit.of("call").chain(audit.of("outcome"));
    let closed: BTreeSet<&str> =
        closings.map(|line| line.said["target_digest"].as_str().expect("a target")).collect();
    let lost: Vec<_> =
        passed.iter().filter(|one| !closed.contains(digest_of(&one.target).as_str())).collect();
    assert_eq!(lost.iter().find(|one| !one.is("watched")), None, "it has no line");
    assert_eq!(lost.len(), unrecorded, "observed calls without a line, and their count");
    assert!(unrecorded > 0 && audit.of("recover").count() > ROUNDS, "too little to be seen");
}
