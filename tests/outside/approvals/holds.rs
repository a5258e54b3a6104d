//! Calls that wait, open, for their approval.

use super::*;
use crate::support::Conn;
use std::fs;
use std::thread;
use std::time::{Duration, Instant};

/// The setup of all, where a call waits so long.
fn holding(tool: SocketAddr, time: &str) -> Setup {
    let Setup { config, policy } = setup(tool);
    Setup { config: config.replace("hold: 3s", &format!("hold: {time}")), policy }
}

fn held(gait: &Gait) -> f64 {
    gait.scrape().total("gait_approval_holds")
}

#[test]
fn a_held_call_runs_once_it_is_granted() {
    let tool = Recorder::start();
    let gait = setup(tool.address).start();
    let desk = Approver::local(&gait);
    let server = gait.server;
    let call = thread::spawn(move || send(server, request("PUT", "ann", "/v1/held/a", "", "x")));
    let id = desk.pending();
    wait_for("the hold", || (held(&gait) == 1.0).then_some(()));
    desk.grant(&id);
    let ran = call.join().unwrap();
    assert_eq!((ran.status, tool.count()), (200, 1), "{}", ran.text());
    assert_eq!(held(&gait), 0.0);
}

#[test]
fn a_held_call_gives_up_in_time_and_can_be_sent_again() {
    let tool = Recorder::start();
    let gait = setup(tool.address).start();
    let started = Instant::now();
    let late = put(&gait, "ann", "/v1/held/a", "", "x");
    assert!(started.elapsed() >= Duration::from_millis(2_900), "{:?}", started.elapsed());
    assert_eq!((late.status, late.one("gait-disposition")), (428, Some("held")));
    let desk = Approver::local(&gait);
    desk.grant(&desk.pending());
    assert_eq!(put(&gait, "ann", "/v1/held/a", "", "x").status, 200);
    assert_eq!(tool.count(), 1);
}

#[test]
fn a_caller_who_hangs_up_releases_its_hold_and_runs_nothing() {
    let tool = Recorder::start();
    let gait = setup(tool.address).start();
    let desk = Approver::local(&gait);
    let mut conn = Conn::open(gait.server);
    conn.write(request("PUT", "ann", "/v1/held/a", "", "x"));
    wait_for("the hold", || (held(&gait) == 1.0).then_some(()));
    let id = desk.pending();
    drop(conn);
    wait_for("the release", || (held(&gait) == 0.0).then_some(()));
    desk.grant(&id);
    assert_eq!((desk.show(&id)["state"].clone(), tool.count()), ("approved".into(), 0));
    let line = wait_for("the line of the call", || {
        gait.evidence().into_iter().find(|line| line["disposition"] == "held")
    });
    assert_eq!(line["ending"], "abandoned");
    assert_eq!(line["approval_request"], id.as_str(), "the gates must see that it asked");
}

#[test]
fn a_denied_call_does_not_wait_on() {
    let tool = Recorder::start();
    let gait = setup(tool.address).start();
    let desk = Approver::local(&gait);
    let server = gait.server;
    let call = thread::spawn(move || send(server, request("PUT", "ann", "/v1/held/a", "", "x")));
    desk.deny(&desk.pending());
    let answer = call.join().unwrap();
    assert_eq!((answer.status, tool.count()), (403, 0));
    assert!(says(&answer, "approval_denied"), "{}", answer.text());
    assert!(answer.json()["detail"].as_str().unwrap().contains("not today"));
}

#[test]
fn a_held_call_is_judged_by_what_is_in_force_when_it_is_granted() {
    let tool = Recorder::start();
    // Longer than a caller here waits for an answer: only the grant ends it in time.
    let gait = holding(tool.address, "30s").start();
    let desk = Approver::local(&gait);
    let server = gait.server;
    let call = thread::spawn(move || send(server, request("PUT", "ann", "/v1/held/a", "", "x")));
    let id = desk.pending();
    wait_for("the hold", || (held(&gait) == 1.0).then_some(()));
    let before = gait.scrape().values("gait_snapshot_info", "policy");
    let policy = POLICY.replace("require_approval", "block");
    fs::write(gait.dir().join("policy.yaml"), policy).unwrap();
    gait.signal("HUP");
    wait_for("the reload", || {
        (gait.scrape().values("gait_snapshot_info", "policy") != before).then_some(())
    });
    desk.grant(&id);
    let answer = call.join().unwrap();
    assert_eq!((answer.status, tool.count()), (403, 0), "{}", answer.text());
    assert_eq!(answer.one("gait-verdict"), Some("block"));
    assert_eq!(desk.show(&id)["state"], "approved", "the words are given back");
    let line = wait_for("its line", || {
        gait.evidence().into_iter().find(|line| line["verdict"] == "block")
    });
    assert_ne!(line["asked_under"], line["snapshot"], "both snapshots are named");
}

#[test]
fn holds_are_bounded() {
    let tool = Recorder::start();
    let gait = setup(tool.address).with("limits: { holds: 2 }\n").start();
    let server = gait.server;
    let calls: Vec<_> = (0..2)
        .map(|at| {
            let target = format!("/v1/held/{at}");
            thread::spawn(move || send(server, request("PUT", "ann", &target, "", "x")).status)
        })
        .collect();
    wait_for("both holds", || (held(&gait) == 2.0).then_some(()));
    let started = Instant::now();
    assert_eq!(put(&gait, "ann", "/v1/held/third", "", "x").status, 428);
    assert!(started.elapsed() < Duration::from_secs(2));
    assert!(calls.into_iter().all(|call| call.join().unwrap() == 428));
}

#[test]
fn a_process_that_ends_keeps_no_call_waiting() {
    let tool = Recorder::start();
    let mut gait = setup(tool.address).with("timeouts: { drain_delay: 0s }\n").start();
    let server = gait.server;
    let config = fs::read_to_string(gait.dir().join("gait.yaml")).unwrap();
    fs::write(gait.dir().join("gait.yaml"), config.replace("hold: 3s", "hold: 10m")).unwrap();
    let before = gait.scrape().total("gait_config_last_reload_success_timestamp_seconds");
    gait.signal("HUP");
    wait_for("the reload", || {
        let now = gait.scrape().total("gait_config_last_reload_success_timestamp_seconds");
        (now > before).then_some(())
    });
    let call = thread::spawn(move || send(server, request("PUT", "ann", "/v1/held/a", "", "x")));
    wait_for("the hold", || (held(&gait) == 1.0).then_some(()));
    gait.signal("TERM");
    assert_eq!(call.join().unwrap().status, 428);
    assert!(gait.wait().success());
}

#[test]
fn bodies_of_calls_that_wait_leave_half_of_the_room_to_others() {
    let tool = Recorder::start();
    let limits = "limits: { judged_body_bytes: 1048576, body_budget_bytes: 8388608 }\n";
    let gait = holding(tool.address, "8s").with(limits).start();
    let (server, body) = (gait.server, "x".repeat(1 << 20));
    let calls: Vec<_> = (0..8)
        .map(|at| {
            let call = request("PUT", "ann", &format!("/v1/held/{at}"), "", &body);
            thread::spawn(move || send(server, call).status)
        })
        .collect();
    wait_for("holds", || (held(&gait) == 4.0).then_some(()));
    thread::sleep(Duration::from_millis(300));
    assert_eq!(held(&gait), 4.0);
    let other = put(&gait, "bob", "/v1/files/a", "", &body);
    assert_eq!(other.status, 428, "{}", other.text());
    assert!(calls.into_iter().all(|call| call.join().unwrap() == 428));
}

#[test]
fn a_call_that_waits_when_its_override_ends_is_judged_by_what_holds_then() {
    let tool = Recorder::start();
    let until = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(12);
    let one = format!("{{ route: held, stage: require_approval, until: \"{until}\", reason: x }}");
    let overrides = format!("stage_overrides: [{one}]\n");
    let gait = holding(tool.address, "30s").with(&overrides).start();
    let desk = Approver::local(&gait);
    let server = gait.server;
    let waiting = thread::spawn(move || send(server, request("PUT", "ann", "/v1/held/a", "", "x")));
    let id = desk.pending();
    assert!(jiff::Timestamp::now() < until, "the start took too long for this test");
    wait_for("the end", || (jiff::Timestamp::now() > until).then_some(()));
    assert_eq!((held(&gait), tool.count()), (1.0, 0), "the end of an override lets nothing go");
    desk.grant(&id);
    assert_eq!((waiting.join().unwrap().status, tool.count()), (200, 1));
    let line = wait_for("the line of the call", || {
        gait.evidence().into_iter().find(|line| line["disposition"] == "forwarded")
    });
    assert_eq!(
        (&line["stage"], line["approval_request"].as_str()),
        (&"enforce".into(), Some(&*id))
    );
}
