//! SIGHUP: a good snapshot takes over between two calls; a bad one changes nothing but a metric.

use crate::support::{Conn, Gait, Recorder, Setup, get, send, wait_for};
use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

const ALLOW: &str = "default_verdict: block\nrules:\n  - name: go\n    effect: allow\n    \
                     match: { risk_classes: [low] }\n";
const BLOCK: &str = "default_verdict: block\n";

/// Rewrites the policy and asks for a reload.
fn policy(gait: &Gait, text: &str) {
    fs::write(gait.dir().join("policy.yaml"), text).unwrap();
    gait.signal("HUP");
}

/// The status that `/health` gets now.
fn status(gait: &Gait) -> u16 {
    send(gait.server, get("/health")).status
}

/// Waits until `/health` gets `wanted`.
fn becomes(gait: &Gait, wanted: u16) {
    wait_for("the new policy", || (status(gait) == wanted).then_some(()));
}

/// Waits until the last reload is told as `value`.
fn told(gait: &Gait, value: f64) {
    wait_for("the reload's metric", || {
        (gait.scrape().total("gait_config_last_reload_successful") == value).then_some(())
    });
}

#[test]
fn a_good_policy_takes_over_and_a_bad_one_does_not() {
    let tool = Recorder::start();
    let gait = Setup::fixture("security", tool.address).start();
    assert_eq!(status(&gait), 200);
    told(&gait, 1.0);
    policy(&gait, BLOCK);
    becomes(&gait, 403);
    let blocked = send(gait.server, get("/health")).json()["policy_digest"].clone();
    for broken in ["rules: [", "", "default_verdict: perhaps\n", "colour: red\n"] {
        policy(&gait, ALLOW);
        becomes(&gait, 200);
        told(&gait, 1.0);
        let before = gait.scrape().total("gait_config_last_reload_success_timestamp_seconds");
        policy(&gait, broken);
        if broken.is_empty() {
            // An empty policy is a whole one: it asks for an approval of everything.
            becomes(&gait, 428);
            continue;
        }
        told(&gait, 0.0);
        assert_eq!(status(&gait), 200, "the old policy stays in force after {broken:?}");
        assert_eq!(gait.telemetry("/readyz").status, 200);
        let after = gait.scrape().total("gait_config_last_reload_success_timestamp_seconds");
        assert_eq!(before, after, "a failed reload is no success");
    }
    fs::remove_file(gait.dir().join("policy.yaml")).unwrap();
    policy(&gait, BLOCK);
    becomes(&gait, 403);
    told(&gait, 1.0);
    assert_eq!(send(gait.server, get("/health")).json()["policy_digest"], blocked);
    let reloads = gait.evidence().iter().filter(|line| line["kind"] == "reload").count();
    assert!(reloads >= 5, "{reloads} reload lines");
    gait.settled().assert_law();
}

#[test]
fn a_removed_policy_or_config_changes_nothing() {
    let tool = Recorder::start();
    let gait = Setup::fixture("security", tool.address).start();
    for name in ["policy.yaml", "gait.yaml"] {
        let kept = fs::read(gait.dir().join(name)).unwrap();
        fs::remove_file(gait.dir().join(name)).unwrap();
        gait.signal("HUP");
        told(&gait, 0.0);
        assert_eq!(status(&gait), 200, "without {name}");
        fs::write(gait.dir().join(name), kept).unwrap();
        gait.signal("HUP");
        told(&gait, 1.0);
    }
}

#[test]
fn a_state_directory_cannot_move_and_the_metric_says_so() {
    let tool = Recorder::start();
    let gait = Setup::fixture("security", tool.address).start();
    let file = gait.dir().join("gait.yaml");
    let config = fs::read_to_string(&file).unwrap();
    fs::write(&file, config.replace("./state", "./elsewhere")).unwrap();
    gait.signal("HUP");
    wait_for("the restart metric", || {
        (gait.scrape().total("gait_config_restart_needed") == 1.0).then_some(())
    });
    assert_eq!(status(&gait), 200);
}

#[test]
fn no_call_is_lost_or_judged_by_two_policies() {
    let tool = Recorder::start();
    let gait = Setup::fixture("security", tool.address).start();
    let stop = AtomicBool::new(false);
    let seen = thread::scope(|scope| {
        let callers: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    let mut statuses = Vec::new();
                    while !stop.load(Ordering::Relaxed) {
                        statuses.push(status(&gait));
                    }
                    statuses
                })
            })
            .collect();
        for round in 0..20 {
            let (text, wanted) = if round % 2 == 0 { (BLOCK, 403) } else { (ALLOW, 200) };
            policy(&gait, text);
            becomes(&gait, wanted);
        }
        stop.store(true, Ordering::Relaxed);
        callers.into_iter().flat_map(|caller| caller.join().unwrap()).collect::<Vec<_>>()
    });
    assert!(seen.iter().all(|status| [200, 403].contains(status)), "other answers: {seen:?}");
    gait.settled().assert_law();
}

#[test]
fn idle_connections_do_not_keep_old_snapshots() {
    let rule =
        |n| format!("  - {{ name: r{n}, effect: allow, match: {{ tool_names: [t.{n}] }} }}\n");
    let rules: String = (0..3_000).map(rule).collect();
    let tool = Recorder::start();
    // What looks reads as well, and has memory of its own that would blur what is weighed here.
    let setup = Setup::fixture("security", tool.address).with("reload: { watch: off }\n");
    let gait = setup.start();
    let big = format!("{ALLOW}{rules}");
    let reload = || {
        let before = gait.log().matches("\"reloaded\"").count();
        // What says the same is not taken over anew.
        policy(&gait, &format!("{big}# {before}\n"));
        wait_for("the reload", || {
            (gait.log().matches("\"reloaded\"").count() > before).then_some(())
        });
    };
    let resident = || gait.scrape().total("process_resident_memory_bytes");
    (0..10).for_each(|_| reload());
    let settled = resident();
    let mut idle = Vec::new();
    for _ in 0..20 {
        let mut conn = Conn::open(gait.server);
        assert_eq!(conn.write(get("/health")).read().status, 200);
        idle.push(conn);
        reload();
    }
    // Kept, each of them is 3 MB and more.
    let grown = resident() - settled;
    assert!(grown < 30e6, "grown by {grown} bytes");
}

#[test]
fn a_reload_asked_for_during_the_start_ends_nobody() {
    let tool = Recorder::start();
    let setup = Setup::fixture("security", tool.address);
    for _ in 0..20 {
        let dir = tempfile::TempDir::new().unwrap();
        setup.write(dir.path());
        let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_gait"))
            .args(["proxy", "--config", "gait.yaml"])
            .current_dir(dir.path())
            .stderr(std::process::Stdio::null())
            .spawn()
            .unwrap();
        let locked = dir.path().join("state/lock");
        while !locked.exists() {}
        let pid = child.id().to_string();
        assert!(
            std::process::Command::new("kill").args(["-HUP", &pid]).status().unwrap().success()
        );
        thread::sleep(std::time::Duration::from_millis(50));
        let ended = child.try_wait().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(ended, None);
    }
}
