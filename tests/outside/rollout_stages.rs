//! Stages for some and for a time, and stages that were set by command.

use crate::support::{Conn, Gait, Recorder, Response, Setup, run_to_end, send, wait_for};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

/// One protected route whose every call is blocked, so that its stage shows; callers are whom a
/// trusted proxy says.
fn setup(tool: &Recorder, stage: &str) -> Setup {
    let config = format!(
        "server: {{ listen: \"127.0.0.1:0\" }}\n\
         identity:\n  anonymous: nobody\n  sources: [ {{ name: edge, header: {{ name: \
         X-Remote-User, from: {{ cidrs: [\"127.0.0.0/8\"] }} }} }} ]\n\
         upstreams: {{ api: {{ url: \"http://{}\" }} }}\nroutes:\n  - name: del\n    \
         match: {{ path: \"/del\" }}\n    upstream: api\n    \
         intent: {{ tool_name: files.delete, risk_class: high }}\n{stage}\n",
        tool.address
    );
    Setup { config, policy: "default_verdict: block\n".to_owned() }
}

fn call(gait: &Gait, fields: &str) -> Response {
    send(gait.server, format!("GET /del HTTP/1.1\r\nHost: api.test\r\n{fields}\r\n"))
}

/// The statuses that these callers get.
fn statuses(gait: &Gait, callers: usize) -> Vec<u16> {
    let of = |n: usize| call(gait, &format!("X-Remote-User: agent-{n}\r\n"));
    (0..callers).map(|n| of(n).status).collect()
}

/// Writes another config and waits until its reload is told as `value`.
fn reload(gait: &Gait, setup: &Setup, value: f64) {
    setup.write(gait.dir());
    let log = if value == 1.0 { "\"reloaded\"" } else { "reload refused" };
    let before = gait.log().matches(log).count();
    gait.signal("HUP");
    wait_for("the reload", || (gait.log().matches(log).count() > before).then_some(()));
    wait_for("the reload's metric", || {
        (gait.scrape().total("gait_config_last_reload_successful") == value).then_some(())
    });
}

fn share(gait: &Gait, stage: &str) -> f64 {
    gait.scrape().sum("gait_stage", &[("route", "del"), ("stage", stage)])
}

#[test]
fn a_share_of_the_callers_is_held_to_more_and_stays_the_same() {
    const CALLERS: usize = 100;
    let tool = Recorder::start();
    let at = |percent: u8| {
        setup(&tool, &format!("stage: {{ from: observe, to: enforce, percent: {percent} }}"))
    };
    let gait = at(50).start();
    assert_eq!((share(&gait, "observe"), share(&gait, "enforce")), (0.5, 0.5));
    for stage in ["observe", "enforce"] {
        let labels = [("route", "del"), ("stage", stage)];
        assert_eq!(gait.scrape().sum("gait_calls_total", &labels), 0.0, "there from the start");
    }
    let first = statuses(&gait, CALLERS);
    let refused = first.iter().filter(|status| **status == 403).count();
    assert!(first.iter().all(|status| [200, 403].contains(status)), "{first:?}");
    assert!((20..=80).contains(&refused), "{refused} of {CALLERS}");
    assert_eq!(tool.count(), CALLERS - refused, "one goes and another does not");
    // Nobody in particular, and somebody who is refused, get the stricter of the two.
    assert_eq!(call(&gait, "").status, 403);
    assert_eq!(call(&gait, "X-Remote-User: a\r\nX-Remote-User: b\r\n").status, 401);
    assert_eq!(tool.count(), CALLERS - refused);
    let key = gait.dir().join("state/rollout.key");
    assert_eq!(fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600);

    reload(&gait, &at(75), 1.0);
    let more = statuses(&gait, CALLERS);
    for (caller, (before, after)) in first.iter().zip(&more).enumerate() {
        assert!(*before == 200 || *after == 403, "agent-{caller} was let out of the share");
    }
    let more_refused = more.iter().filter(|status| **status == 403).count();
    assert!((refused + 1..CALLERS).contains(&more_refused), "{more_refused} of {CALLERS}");
    gait.settled().assert_law();

    let dir = gait.kill();
    let gait = at(50).start_in(dir);
    assert_eq!(statuses(&gait, CALLERS), first, "everybody has the same seat after a restart");
    wait_for("the lines", || (gait.evidence().len() > 3 * CALLERS).then_some(()));
    let lines = gait.evidence();
    let calls = lines.iter().filter(|line| line["identity"].as_str() == Some("agent-7"));
    let stages: Vec<&str> = calls.filter_map(|line| line["stage"].as_str()).collect();
    let own = if first[7] == 403 { "enforce" } else { "observe" };
    assert_eq!((stages.first(), stages.last()), (Some(&own), Some(&own)));
    let said = lines.iter().filter(|line| line["kind"] == "reload");
    let said: Vec<&str> = said.filter_map(|line| line["stages"]["del"].as_str()).collect();
    let want = [50, 75, 50].map(|percent| format!("enforce for {percent} %, else observe"));
    assert_eq!(said, want, "at start, at the reload, and at the next start");
}

fn soon(seconds: i64) -> (Timestamp, String) {
    let until = Timestamp::now() + SignedDuration::from_secs(seconds);
    (until, format!("until: \"{until}\", reason: incident 42"))
}

/// Loses what was set by command while the config is broken, which is changed in the same moment.
fn lose_beside_a_broken_config(gait: &Gait) {
    set(gait.dir(), "enforce", "observe");
    wait_for("the stage", || (call(gait, "").status == 403).then_some(()));
    fs::write(gait.dir().join("policy.yaml"), "rules: none").unwrap();
    wait_for("the refusal", || gait.log().contains("reload refused").then_some(()));
    fs::remove_file(gait.dir().join("state/rollout.json")).unwrap();
    fs::write(gait.dir().join("policy.yaml"), "rules: nothing").unwrap();
}

#[test]
fn an_overlay_that_goes_beside_a_broken_config_waits_for_rest_as_well() {
    let tool = Recorder::start();
    let gait = setup(&tool, "stage: observe\nreload: { watch: 100ms }").start();
    lose_beside_a_broken_config(&gait);
    for _ in 0..30 {
        assert_eq!(call(&gait, "").status, 403);
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    wait_for("the loss", || (call(&gait, "").status == 200).then_some(()));
}

#[test]
fn what_began_to_rest_beside_a_broken_config_is_told_once_that_is_mended() {
    let tool = Recorder::start();
    let setup = setup(&tool, "stage: observe\nreload: { watch: 100ms }");
    let gait = setup.start();
    lose_beside_a_broken_config(&gait);
    wait_for("the rest", || gait.log().contains("is there no more").then_some(()));
    setup.write(gait.dir());
    wait_for("word of it", || {
        let told = gait.telemetry("/readyz?verbose").text();
        let is_told = told.contains("[!]reload waits since") && told.contains("del)");
        (is_told && !told.contains("reload refused")).then_some(())
    });
    assert!(gait.log().contains("would let through more than before: it comes"));
    wait_for("the loss", || (call(&gait, "").status == 200).then_some(()));
}

#[test]
fn an_override_ends_by_itself_to_the_call() {
    let tool = Recorder::start();
    let (until, rest) = soon(6);
    let over =
        format!("stage: enforce\nstage_overrides: [{{ route: del, stage: observe, {rest} }}]");
    let gait = setup(&tool, &over).start();
    let stamp = "gait_config_last_reload_success_timestamp_seconds";
    let loaded = gait.scrape().total(stamp);
    assert_eq!((share(&gait, "observe"), share(&gait, "enforce")), (1.0, 0.0));
    let (mut before, mut after) = (0, 0);
    while after < 20 {
        let sent = Timestamp::now();
        let status = call(&gait, "").status;
        let answered = Timestamp::now();
        match status {
            200 => assert!(sent < until, "sent at {sent}, observed after {until}"),
            403 => assert!(answered >= until, "answered at {answered}, refused before {until}"),
            other => panic!("{other}"),
        }
        if status == 200 { before += 1 } else { after += 1 }
    }
    assert!(before > 0, "the start took too long for this test");
    assert_eq!(tool.count(), before);
    wait_for("the gauge", || (share(&gait, "enforce") == 1.0).then_some(()));
    let late = Timestamp::now().duration_since(until);
    assert!(late < SignedDuration::from_secs(3), "the gauge followed {late:#} late");
    assert!(gait.log().contains("an override ended"));
    assert!(!gait.log().contains("security event"), "nobody is held to less");
    assert_eq!(gait.scrape().total(stamp), loaded, "without a reload");
    let line = wait_for("the line", || {
        gait.evidence().into_iter().find(|line| line["stages"]["del"] == "enforce")
    });
    assert_eq!((&line["kind"], &line["lowered"]), (&json!("reload"), &Value::Null));
}

#[test]
fn a_body_that_trickles_keeps_no_override_alive() {
    let tool = Recorder::start();
    let (until, rest) = soon(4);
    let over =
        format!("stage: enforce\nstage_overrides: [{{ route: del, stage: observe, {rest} }}]");
    let gait = setup(&tool, &over).start();
    let mut slow = Conn::open(gait.server);
    slow.write("POST /del HTTP/1.1\r\nHost: api.test\r\nContent-Length: 4\r\n\r\nab");
    assert!(Timestamp::now() < until, "the start took too long for this test");
    wait_for("the end", || (Timestamp::now() > until).then_some(()));
    slow.write("cd");
    assert_eq!((slow.read().status, tool.count()), (403, 0));
}

#[test]
fn an_override_that_ends_below_is_a_security_event() {
    let tool = Recorder::start();
    let (_, rest) = soon(3);
    let over = format!(
        "stage: observe\nstage_overrides: [{{ tool: \"files.*\", stage: enforce, {rest} }}]"
    );
    let gait = setup(&tool, &over).start();
    wait_for("the end", || (call(&gait, "").status == 200).then_some(()));
    wait_for("the log", || gait.log().contains("security event: an override ended").then_some(()));
    let line = wait_for("the line", || {
        gait.evidence().into_iter().find(|line| line["lowered"] == json!(["del"]))
    });
    assert_eq!(line["stages"], json!({"del": "observe"}));
}

/// Writes an overlay for `del`, as a promotion does.
fn set(dir: &Path, stage: &str, over: &str) {
    let entry =
        json!({"stage": stage, "over": over, "by": "ada@desk", "at": "2026-11-01T00:00:00Z"});
    fs::create_dir_all(dir.join("state")).unwrap();
    let overlay = json!({"v": 1, "routes": {"del": entry}});
    fs::write(dir.join("state/rollout.json"), overlay.to_string()).unwrap();
}

fn overlay(gait: &Gait) -> Value {
    serde_json::from_slice(&fs::read(gait.dir().join("state/rollout.json")).unwrap()).unwrap()
}

#[test]
fn a_stage_set_by_command_holds_until_the_config_says_something_else() {
    let tool = Recorder::start();
    let dir = tempfile::TempDir::new().unwrap();
    set(dir.path(), "dry_run", "observe");
    let gait = setup(&tool, "stage: observe").start_in(dir);
    let dry = call(&gait, "");
    assert_eq!((dry.status, dry.one("Gait-Disposition")), (200, Some("dry_run")));
    assert_eq!((tool.count(), share(&gait, "dry_run")), (0, 1.0));
    let dropped = || gait.scrape().total("gait_rollout_dropped_total");
    assert_eq!(dropped(), 0.0);
    let id = || gait.scrape().values("gait_snapshot_info", "config");
    let before = id();

    reload(&gait, &setup(&tool, "stage: require_approval"), 1.0);
    assert_eq!(call(&gait, "").status, 403, "a block, in the stage of the config");
    assert_eq!((dropped(), share(&gait, "require_approval")), (1.0, 1.0));
    wait_for("the file", || (overlay(&gait)["routes"] == json!({})).then_some(()));
    assert!(gait.log().contains("was set by command for route `del` is dropped"));
    let line = wait_for("the line", || {
        gait.evidence().into_iter().find(|line| line["dropped"] == json!(["del"]))
    });
    assert_eq!(line["stages"], json!({"del": "require_approval"}));
    assert_ne!(id(), before);

    // What is dropped at a start is said as well.
    set(gait.dir(), "dry_run", "observe");
    let gait = setup(&tool, "stage: enforce").start_in(gait.kill());
    assert_eq!(gait.scrape().total("gait_rollout_dropped_total"), 1.0);
    wait_for("the file", || (overlay(&gait)["routes"] == json!({})).then_some(()));
    wait_for("the line", || {
        let lines = gait.evidence();
        (lines.iter().filter(|line| line["dropped"] == json!(["del"])).count() == 2).then_some(())
    });
}

#[test]
fn an_overlay_that_cannot_be_read_changes_nothing_and_starts_nothing() {
    let tool = Recorder::start();
    let dir = tempfile::TempDir::new().unwrap();
    set(dir.path(), "dry_run", "observe");
    let plain = setup(&tool, "stage: observe");
    let gait = plain.start_in(dir);
    let path = gait.dir().join("state/rollout.json");
    fs::write(&path, "{ garbage").unwrap();
    reload(&gait, &plain, 0.0);
    assert!(gait.log().contains("rollout.json: ") && gait.log().contains("move it away"));
    assert_eq!(call(&gait, "").one("Gait-Disposition"), Some("dry_run"), "the last good holds");
    assert_eq!(fs::read_to_string(&path).unwrap(), "{ garbage", "nobody writes over it");
    let dir = gait.kill();
    for check in [&[][..], &["--check"]] {
        let arguments = [&["proxy", "--config", "gait.yaml"], check].concat();
        let output = run_to_end(dir.path(), &arguments);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(6), "{said}");
        assert!(said.contains("state/rollout.json: ") && said.contains("move it away"), "{said}");
    }
}

#[test]
fn a_key_that_others_may_read_or_that_is_none_starts_nothing() {
    let tool = Recorder::start();
    let plain = setup(&tool, "stage: observe");
    let dir = plain.start().kill();
    let key = dir.path().join("state/rollout.key");
    for (mode, bytes, word) in [(0o644, 32, "chmod 600"), (0o600, 31, "holds no rollout key")] {
        fs::write(&key, vec![7; bytes]).unwrap();
        fs::set_permissions(&key, fs::Permissions::from_mode(mode)).unwrap();
        let output = run_to_end(dir.path(), &["proxy", "--config", "gait.yaml"]);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(6), "{said}");
        assert!(said.contains(word), "{said}");
    }
}
