//! Files of the config that hang, as on a mount that does not answer.

use crate::support::{Approver, Gait, Recorder, Setup, get, run_to_end, send, wait_for};
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// A load that hangs is given up after ten.
const AT_ONCE: Duration = Duration::from_secs(4);

/// What lets more through rests for five.
const UNRESTED: Duration = Duration::from_secs(3);

/// One protected route whose every call is blocked.
fn setup(tool: &Recorder, stage: &str, watch: &str) -> Setup {
    let config = format!(
        "server: {{ listen: \"127.0.0.1:0\" }}\nreload: {{ watch: {watch} }}\n\
         upstreams: {{ api: {{ url: \"http://{}\" }} }}\nroutes:\n  - name: del\n    \
         match: {{ path: \"/del\" }}\n    upstream: api\n    stage: {stage}\n    \
         intent: {{ tool_name: files.delete, risk_class: high }}\n",
        tool.address
    );
    Setup { config, policy: "default_verdict: block\n".to_owned() }
}

/// Puts a pipe in the place of a file: whoever opens it to read waits for a writer.
fn hang(path: &Path) {
    fs::remove_file(path).unwrap();
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
}

/// Puts another file in the place of a pipe, and has whoever hangs on that read its end.
fn let_go(path: &Path, text: &str) {
    let next = path.with_extension("next");
    fs::write(&next, text).unwrap();
    let hanging = fs::OpenOptions::new().write(true).open(path).unwrap();
    fs::rename(next, path).unwrap();
    drop(hanging);
}

fn set(gait: &Gait, word: &str, to: &str, more: &[&str]) -> Option<i32> {
    let why = ["--reason", "incident 42", "--json"];
    let line = [&["rollout", word, "--route", "del", "--to", to][..], more, &why].concat();
    run_to_end(gait.dir(), &line).status.code()
}

fn demote(gait: &Gait, to: &str) -> Option<i32> {
    set(gait, "demote", to, &[])
}

/// Looks for as long as nothing may have come into force.
fn assert_stays(gait: &Gait, status: u16) {
    let begun = Instant::now();
    while begun.elapsed() < UNRESTED {
        assert_eq!(send(gait.server, get("/del")).status, status, "after {:?}", begun.elapsed());
        thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_load_that_hangs_keeps_no_stage_from_being_set_and_undoes_none() {
    let tool = Recorder::start();
    let gait = setup(&tool, "enforce", "off").start();
    let status = || send(gait.server, get("/del")).status;
    assert_eq!(status(), 403);
    let policy = gait.dir().join("policy.yaml");
    hang(&policy);
    gait.signal("HUP");
    thread::sleep(Duration::from_millis(500));
    let begun = Instant::now();
    assert_eq!(demote(&gait, "dry_run"), Some(0));
    assert!(begun.elapsed() < AT_ONCE, "{:?}", begun.elapsed());
    assert_eq!(demote(&gait, "observe"), Some(0));
    assert_eq!(status(), 200);
    assert!(!gait.log().contains("were not read within"), "it hangs on");
    // The load goes on, with what was set meanwhile.
    let_go(&policy, "default_verdict: block\nrules: []\n# another\n");
    let ends = ["\"reloaded\"", "nothing has changed"];
    wait_for("the load", || ends.iter().any(|end| gait.log().contains(end)).then_some(()));
    assert_eq!(status(), 200);
}

#[test]
fn who_finds_no_place_beside_a_load_that_hangs_is_told_to_ask_again() {
    let tool = Recorder::start();
    let gait = setup(&tool, "enforce", "off").start();
    let policy = gait.dir().join("policy.yaml");
    hang(&policy);
    gait.signal("HUP");
    thread::sleep(Duration::from_millis(500));
    let (local, turned_away) = (Approver::local(&gait), AtomicUsize::new(0));
    let ask = || {
        let told = local.send("POST", "/v1/reload", "", "");
        if told.text().contains("no reload can be asked for now") {
            turned_away.fetch_add(1, Ordering::Relaxed);
        }
        told.status
    };
    let statuses = thread::scope(|scope| {
        let asked: Vec<_> = (0..24).map(|_| scope.spawn(ask)).collect();
        wait_for("those without a place", || {
            (turned_away.load(Ordering::Relaxed) >= 8).then_some(())
        });
        let_go(&policy, "default_verdict: block\nrules: []\n# another\n");
        asked.into_iter().map(|asking| asking.join().unwrap()).collect::<Vec<_>>()
    });
    let loaded = statuses.iter().filter(|status| **status == 200).count();
    assert_eq!(loaded + turned_away.into_inner(), 24, "{statuses:?}");
    assert!((1..=16).contains(&loaded), "{statuses:?}");
}

#[test]
fn an_overlay_that_hung_has_to_rest_once_it_is_back() {
    let tool = Recorder::start();
    let gait = setup(&tool, "observe", "100ms").start();
    assert_eq!(set(&gait, "promote", "enforce", &["--force"]), Some(0));
    let (config, overlay) = (gait.dir().join("gait.yaml"), gait.dir().join("state/rollout.json"));
    // Nothing else is read of a config like this, nor followed.
    fs::write(&config, "colour: red").unwrap();
    wait_for("the refusal", || gait.log().contains("reload refused").then_some(()));
    hang(&overlay);
    fs::write(&config, "colour: green").unwrap();
    wait_for("the overlay to be given up", || {
        gait.log().contains("files of the state directory were not read within").then_some(())
    });
    let_go(&overlay, "{\"v\":1,\"routes\":{}}");
    assert_stays(&gait, 403);
    wait_for("the older one", || (send(gait.server, get("/del")).status == 200).then_some(()));
}

#[test]
fn what_was_asked_for_and_hung_has_to_rest_and_comes_also_where_nobody_looks() {
    let tool = Recorder::start();
    let gait = setup(&tool, "enforce", "off").start();
    let policy = gait.dir().join("policy.yaml");
    hang(&policy);
    gait.signal("HUP");
    wait_for("the load to be given up", || {
        gait.log().contains("files of the config were not read within").then_some(())
    });
    let_go(&policy, "default_verdict: allow\n");
    assert_stays(&gait, 403);
    wait_for("the policy", || (send(gait.server, get("/del")).status == 200).then_some(()));
}

#[test]
fn what_rested_makes_nothing_due_but_itself() {
    let tool = Recorder::start();
    let gait = setup(&tool, "observe", "100ms").start();
    assert_eq!(set(&gait, "promote", "enforce", &["--force"]), Some(0));
    fs::write(gait.dir().join("policy.yaml"), "default_verdict: allow\n").unwrap();
    wait_for("the policy to wait", || {
        gait.log().contains("let through more than before").then_some(())
    });
    let config = gait.dir().join("gait.yaml");
    let text = fs::read_to_string(&config).unwrap();
    hang(&config);
    thread::sleep(Duration::from_secs(1));
    fs::remove_file(gait.dir().join("state/rollout.json")).unwrap();
    wait_for("the load to be given up", || {
        gait.log().contains("files of the config were not read within").then_some(())
    });
    assert_stays(&gait, 403);
    let_go(&config, &text);
    wait_for("what has rested", || (send(gait.server, get("/del")).status == 200).then_some(()));
}
