//! What `evidence.durability` and `evidence.unprotected_on_failure` promise, cell by cell, over
//! HTTP: with room in the log, without, and while the disk refuses.

use crate::support::{Conn, Gait, Recorder, Response, Setup, Then, get, send, wait_for};
use serde_json::Value;
use std::fs;
use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

const MODES: [&str; 3] = ["protected", "all", "batched"];

/// Path and tool name, stage, risk, verdict.
const ROUTES: [(&str, &str, &str, &str); 7] = [
    ("open", "enforce", "low", "allow"),
    ("protected", "enforce", "high", "allow"),
    ("watched", "observe", "high", "block"),
    ("blocked", "enforce", "low", "block"),
    ("asking", "enforce", "low", "require_approval"),
    ("simulated", "dry_run", "low", "block"),
    ("slow", "observe", "low", "allow"),
];

fn setup(tool: &Recorder, evidence: &str, rest: &str) -> Setup {
    let mut config = format!(
        "server: {{ listen: \"127.0.0.1:0\" }}\nstage: enforce\nunmapped: {{ action: deny }}\n\
         evidence: {{ {evidence} }}\n{rest}\n\
         upstreams: {{ tool: {{ url: \"http://{}\" }} }}\nroutes:\n",
        tool.address
    );
    let mut policy = "default_verdict: block\nrules:\n".to_owned();
    for (name, stage, risk, verdict) in ROUTES {
        config += &format!(
            "  - {{ name: {name}, match: {{ path: \"/{name}\" }}, upstream: tool, stage: {stage}, \
             intent: {{ tool_name: {name}, risk_class: {risk} }} }}\n"
        );
        policy += &format!(
            "  - {{ name: {name}, effect: {verdict}, match: {{ tool_names: [{name}] }} }}\n"
        );
    }
    Setup { config, policy }
}

/// A tool that answers `/slow` when it is told to.
fn tool() -> (Recorder, Arc<AtomicBool>) {
    let told = Arc::new(AtomicBool::new(false));
    let awaited = told.clone();
    let tool = Recorder::answering(move |seen, stream| {
        while seen.target() == "/slow" && !awaited.load(Ordering::Relaxed) {
            std::thread::sleep(Duration::from_millis(5));
        }
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")?;
        Ok(Then::Keep)
    });
    (tool, told)
}

fn call(gait: &Gait, name: &str) -> Response {
    send(gait.server, get(&format!("/{name}")))
}

fn marked(answer: &Response) -> bool {
    answer.one("gait-unrecorded") == Some("true")
}

/// The lines about the calls of a route: kind, permit, and reason codes.
fn lines(gait: &Gait, route: &str) -> Vec<Value> {
    gait.evidence().into_iter().filter(|line| line["route"] == route).collect()
}

fn kinds(gait: &Gait, route: &str) -> Vec<String> {
    let kind = |line: Value| line["kind"].as_str().unwrap().to_owned();
    lines(gait, route).into_iter().map(kind).collect()
}

/// What becomes of each route's call where the log has no room: its status, and whether it is
/// counted as unrecorded rather than as refused.
fn without_room(on_failure: &str) -> [(&'static str, u16); 6] {
    let (goes, blocked) = if on_failure == "forward" { (200, 403) } else { (503, 503) };
    [
        ("open", goes),
        ("protected", 503),
        ("watched", 200),
        ("blocked", blocked),
        ("asking", 503),
        ("simulated", goes),
    ]
}

#[test]
fn without_room_in_the_log_each_call_is_held_to_its_mode() {
    for mode in MODES {
        for on_failure in ["deny", "forward"] {
            let (tool, told) = tool();
            let evidence = format!("durability: {mode}, unprotected_on_failure: {on_failure}");
            let gait = setup(&tool, &evidence, "limits: { calls: 1 }").start();
            let mut slow = Conn::open(gait.server);
            slow.write(get("/slow"));
            wait_for("the slow call", || (tool.count() == 1).then_some(()));
            let (mut went, mut refused, mut unrecorded) = (1, 0.0, 0.0);
            for (name, status) in without_room(on_failure) {
                let answer = call(&gait, name);
                let at = format!("{mode} {on_failure} {name}");
                assert_eq!(answer.status, status, "{at}: {}", answer.text());
                assert_eq!(marked(&answer), status == 200, "{at}");
                match status {
                    503 => {
                        let codes = &answer.json()["reason_codes"];
                        assert_eq!(codes, &serde_json::json!(["evidence_unavailable"]), "{at}");
                        refused += 1.0;
                    }
                    _ => unrecorded += 1.0,
                }
                went += usize::from(status == 200);
                assert_eq!(tool.count(), went, "{at}");
            }
            told.store(true, Ordering::Relaxed);
            let slow = slow.read();
            assert!(slow.status == 200 && !marked(&slow));
            let scrape = gait.settled();
            scrape.assert_law();
            let reason = [("reason", "evidence_unavailable")];
            assert_eq!(scrape.sum("gait_rejected_total", &reason), refused, "{mode} {on_failure}");
            assert_eq!(scrape.total("gait_unrecorded_total"), unrecorded, "{mode} {on_failure}");
            // With room again all is as ever.
            let answer = call(&gait, "open");
            assert!(answer.status == 200 && !marked(&answer), "{mode} {on_failure}");
        }
    }
}

#[test]
fn what_waits_leaves_its_decision_before_it_goes() {
    for mode in MODES {
        let tool = Recorder::start();
        let gait = setup(&tool, &format!("durability: {mode}"), "").start();
        for (name, ..) in ROUTES.iter().filter(|(name, ..)| *name != "slow") {
            call(&gait, name);
        }
        let both = ["decision", "outcome"];
        let open = if mode == "all" { &both[..] } else { &["call"] };
        for (name, wanted) in [
            ("open", open),
            ("simulated", open),
            ("protected", &both),
            ("watched", &["call"]),
            ("blocked", &["call"]),
            ("asking", &["call"]),
        ] {
            let found = wait_for("the lines", || {
                let found = kinds(&gait, name);
                (found.len() == wanted.len()).then_some(found)
            });
            assert_eq!(found, wanted, "{mode} {name}");
        }
        let simulated = &lines(&gait, "simulated")[0];
        assert_eq!(
            (&simulated["permit"], &simulated["simulated"]),
            (&"observed".into(), &true.into())
        );
        gait.settled().assert_law();
    }
}

/// Sends calls of a route until one is not as the first ones.
fn until_the_disk_refuses(gait: &Gait, route: &str) -> Response {
    wait_for("the segment to be full", || {
        let answer = call(gait, route);
        (answer.status != 200 || marked(&answer)).then_some(answer)
    })
}

#[test]
fn while_the_disk_refuses_only_open_calls_go_and_only_by_config_and_the_log_heals() {
    for (on_failure, status) in [("deny", 503), ("forward", 200)] {
        let tool = Recorder::start();
        let evidence = format!("durability: all, unprotected_on_failure: {on_failure}");
        let gait = setup(&tool, &evidence, "limits: { segment_bytes: 65536 }").start();
        // The next segment cannot be begun.
        let block = gait.dir().join("state/evidence/000002.jsonl");
        fs::create_dir(&block).unwrap();
        let first = until_the_disk_refuses(&gait, "open");
        assert_eq!(first.status, status, "{on_failure}");
        let ready = || gait.telemetry("/readyz").status;
        assert_eq!(ready(), 503);
        let before = tool.count();
        assert_eq!(call(&gait, "protected").status, 503);
        assert_eq!(tool.count(), before, "a protected call went without evidence");
        assert_eq!(call(&gait, "open").status, status);
        assert!(marked(&call(&gait, "watched")));
        fs::remove_dir(&block).unwrap();
        wait_for("the log to heal", || (ready() == 200).then_some(()));
        let healed = call(&gait, "protected");
        assert!(healed.status == 200 && !marked(&healed));
        let scrape = gait.settled();
        scrape.assert_law();
        // Both open calls and the one in observe, or that one alone.
        let unrecorded = if on_failure == "forward" { 3.0 } else { 1.0 };
        assert_eq!(scrape.total("gait_unrecorded_total"), unrecorded, "{on_failure}");
        // A call that the failure met with room in the log has its line, late: it says so. One
        // that came later had no room, and where it was refused it is counted.
        let is_late = |line: &Value| {
            let codes = line["reason_codes"].as_array();
            codes.is_some_and(|codes| codes.contains(&"evidence_unavailable".into()))
        };
        let late: Vec<_> = gait.evidence().into_iter().filter(is_late).collect();
        for line in &late {
            let is_open = line["route"] == "open" && on_failure == "forward";
            let disposition = if is_open { "forwarded" } else { "failed" };
            assert_eq!(
                (&line["kind"], &line["disposition"]),
                (&"call".into(), &disposition.into())
            );
        }
        let late = late.iter().filter(|line| line["disposition"] == "failed").count();
        let refused = scrape.sum("gait_rejected_total", &[("reason", "evidence_unavailable")]);
        let wanted = if on_failure == "forward" { 1.0 } else { 3.0 };
        assert_eq!(refused + late as f64, wanted, "{on_failure}");
    }
}

#[test]
fn what_waits_for_the_evidence_takes_a_restart() {
    let tool = Recorder::start();
    let first = setup(&tool, "durability: all", "");
    let gait = first.start();
    setup(&tool, "unprotected_on_failure: forward", "").write(gait.dir());
    gait.signal("HUP");
    wait_for("the reload", || {
        (gait.scrape().total("gait_config_restart_needed") == 1.0).then_some(())
    });
    assert_eq!(call(&gait, "open").status, 200);
    wait_for("the lines", || (kinds(&gait, "open") == ["decision", "outcome"]).then_some(()));
    first.write(gait.dir());
    gait.signal("HUP");
    wait_for("the reload back", || {
        (gait.scrape().total("gait_config_restart_needed") == 0.0).then_some(())
    });
}
