//! The key that signs the evidence, under load: missing and then there, and replaced.

use crate::support::{Answered, Crowd, Gait, Recorder, Setup, audit, run_to_end, wait_for};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use tempfile::TempDir;

/// Callers at once.
const CALLERS: usize = 6;

/// One key pair in `dir`, as `NAME_private.key`.
fn make_key(dir: &Path, name: &str) {
    let made = run_to_end(dir, &["keys", "init", "--out-dir", ".", "--prefix", name]);
    assert!(made.status.success(), "{made:?}");
}

/// Waits until every kind of call was made twice, and gives the answers from then on.
fn some_of_each(gait: &Gait, name: &str) -> Vec<Answered> {
    let is_enough = |answers: &[Answered]| {
        let count = |kind: &str| answers.iter().filter(|answer| answer.is(kind)).count();
        ["protected", "open", "watched"].iter().all(|kind| count(kind) >= 2)
    };
    let calls = Crowd::call(gait, name, CALLERS, |crowd| {
        wait_for("some calls", || is_enough(&crowd.answers()).then_some(()));
    });
    calls.0
}

/// Only what is observed goes out, and is counted.
fn assert_closed(gait: &Gait, name: &str) {
    let unrecorded = || gait.scrape().total("gait_unrecorded_total") as usize;
    let before = unrecorded();
    let answers = some_of_each(gait, name);
    let wrong = answers.iter().find(|answer| answer.is_refused() == answer.is("watched"));
    assert_eq!(wrong, None);
    let watched = answers.iter().filter(|answer| answer.is("watched")).count();
    assert_eq!(unrecorded() - before, watched);
    let ready = gait.telemetry("/readyz?verbose");
    assert_eq!(ready.status, 503);
    assert!(ready.text().contains("evidence"), "{}", ready.text());
    let log = gait.log();
    assert!(log.contains("signing.key"), "{log}");
}

/// It serves again by itself.
fn assert_back(gait: &Gait, name: &str) {
    wait_for("gait to be ready", || (gait.telemetry("/readyz").status == 200).then_some(()));
    let wrong = some_of_each(gait, name).into_iter().find(Answered::is_refused);
    assert_eq!(wrong, None);
}

#[test]
fn without_its_key_it_serves_what_is_observed_and_with_it_everything() {
    let tool = Recorder::start();
    let setup = Setup::fixture("evidence", tool.address)
        .with("evidence: { signing_key: keys/signing.key }\n");
    let dir = TempDir::new().unwrap();
    make_key(dir.path(), "a");
    let [key, made] = ["keys/signing.key", "a_private.key"].map(|name| dir.path().join(name));
    fs::create_dir(dir.path().join("keys")).unwrap();
    setup.write(dir.path());
    let gait = Gait::unready(dir);
    assert_closed(&gait, "never");
    assert_eq!(tool.protected(), Vec::<String>::new());
    fs::copy(&made, &key).unwrap();
    assert_back(&gait, "given");
    // What is in force stays in force; the next process needs the file.
    fs::remove_file(&key).unwrap();
    assert_back(&gait, "in-force");
    let gait = Gait::unready(gait.kill());
    assert_closed(&gait, "gone");
    fs::copy(&made, &key).unwrap();
    assert_back(&gait, "again");

    let audit = audit(gait.dir());
    audit.assert_decided(tool.protected().iter().map(String::as_str));
    let is_ours = fs::read_to_string(gait.dir().join("a_public.key")).unwrap();
    assert!(audit.of("key").all(|line| line.said["public_key"] == is_ours.trim()));
}

#[test]
fn a_key_that_is_replaced_under_load_is_signed_for_by_the_one_before() {
    const ROTATIONS: usize = 3;
    let tool = Recorder::start();
    let mut gait = Setup::fixture("evidence", tool.address).start();
    let keys = |gait: &Gait| {
        let lines = gait.evidence().into_iter().filter(|line| line["kind"] == "key");
        lines.map(|line| line["public_key"].to_string()).collect::<BTreeSet<_>>().len()
    };
    let (answers, ()) = Crowd::call(&gait, "a", CALLERS, |crowd| {
        for rotation in 1..=ROTATIONS {
            let made = run_to_end(gait.dir(), &["keys", "rotate", "--evidence", "state"]);
            assert!(made.status.success(), "{made:?}");
            gait.signal("HUP");
            let before = crowd.answers().len();
            wait_for("the new key", || (keys(&gait) > rotation).then_some(()));
            wait_for("calls", || (crowd.answers().len() > before + 50).then_some(()));
        }
    });
    assert_eq!(answers.into_iter().find(Answered::is_refused), None);
    gait.signal("TERM");
    assert!(gait.wait().success(), "{}", gait.log());
    assert_eq!(keys(&gait), ROTATIONS + 1);
    audit(gait.dir()).assert_decided(tool.protected().iter().map(String::as_str));
}
