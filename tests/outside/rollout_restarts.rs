//! A share that only the config says, over restarts: what it showed is kept as long as it stands.

use crate::support::{Gait, Recorder, Setup, run_to_end, send, wait_for};
use serde_json::Value;
use tempfile::TempDir;

const SHARE: &str = "{ from: observe, to: dry_run, percent: 50 }";

fn setup(tool: &Recorder, stage: &str) -> Setup {
    let config = format!(
        "server: {{ listen: \"127.0.0.1:0\" }}\nunmapped: {{ action: deny }}\n\
         timeouts: {{ drain_delay: 0ms }}\n\
         identity:\n  sources: [ {{ name: edge, header: {{ name: X-Remote-User, from: {{ cidrs: \
         [\"127.0.0.0/8\"] }} }} }} ]\n\
         rollout: {{ gates: {{ min_calls: 1, min_time: 2s }} }}\n\
         upstreams: {{ api: {{ url: \"http://{}\" }} }}\nroutes:\n  - name: put\n    \
         match: {{ path: \"/put\" }}\n    upstream: api\n    stage: {stage}\n    \
         intent: {{ tool_name: files.put, risk_class: high, args: body }}\n",
        tool.address
    );
    Setup { config, policy: "default_verdict: allow\n".to_owned() }
}

/// Calls by so many that some of them stand in each stage of a share of half, and waits for their
/// lines.
fn call(gait: &Gait) {
    let closed = || {
        let lines = gait.evidence();
        let is_closed = |line: &&Value| line["kind"] == "outcome" || line["kind"] == "call";
        lines.iter().filter(is_closed).count()
    };
    let before = closed();
    (0..16).for_each(|name| put(gait, name, "{}"));
    wait_for("lines", || (closed() == before + 16).then_some(()));
}

fn put(gait: &Gait, name: u32, body: &str) {
    let head = format!(
        "POST /put HTTP/1.1\r\nHost: h\r\nConnection: close\r\nX-Remote-User: agent-{name}\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    send(gait.server, head);
}

/// Stops in order, and starts with the route in this stage.
fn restart(tool: &Recorder, mut gait: Gait, stage: &str) -> Gait {
    gait.signal("TERM");
    let status = gait.wait();
    assert!(status.success(), "{status}: {}", gait.log());
    let dir: TempDir = gait.kill();
    setup(tool, stage).start_in(dir)
}

fn rollout(gait: &Gait, line: &str) -> Value {
    let arguments: Vec<&str> = line.split(' ').chain(["--json"]).collect();
    let run = run_to_end(gait.dir(), &arguments);
    serde_json::from_slice(&run.stdout).unwrap_or_else(|error| panic!("{error}: {run:?}"))
}

fn gate(gait: &Gait, name: &str) -> Value {
    let check = rollout(gait, "rollout gate --route put --to dry_run");
    let gates = check["gates"].as_array().unwrap_or_else(|| panic!("{check}"));
    gates.iter().find(|gate| gate["name"] == name).unwrap()["verdict"].clone()
}

/// By stage: since when, and calls.
fn stages(gait: &Gait) -> Vec<(String, String, u64)> {
    let status = rollout(gait, "rollout status --route put");
    let stages = status["rollout"]["routes"][0]["stages"].as_array().unwrap().clone();
    let text = |stage: &Value, name: &str| stage[name].as_str().unwrap_or_default().to_owned();
    let stage = |stage: &Value| {
        (text(stage, "stage"), text(stage, "since"), stage["calls"].as_u64().unwrap())
    };
    stages.iter().map(stage).collect()
}

fn since(gait: &Gait, stage: &str) -> String {
    let stages = stages(gait);
    stages.iter().find(|one| one.0 == stage).unwrap_or_else(|| panic!("{stages:?}")).1.clone()
}

#[test]
fn a_share_of_the_config_goes_on_over_restarts_and_begins_anew_after_another_stage() {
    let tool = Recorder::start();
    let gait = setup(&tool, SHARE).start();
    call(&gait);
    (0..16).for_each(|name| put(&gait, name, "{"));
    wait_for("what was wrong", || (gate(&gait, "evaluation_errors") == "not_met").then_some(()));
    let first = stages(&gait);
    assert!(first.len() == 2 && first.iter().all(|one| one.2 > 0), "{first:?}");

    let gait = restart(&tool, gait, SHARE);
    call(&gait);
    assert_eq!(gate(&gait, "evaluation_errors"), "not_met", "it is not forgotten");
    wait_for("the time in both", || (gate(&gait, "time") == "met").then_some(()));
    let again = stages(&gait);
    for (before, after) in first.iter().zip(&again) {
        assert_eq!((&before.0, &before.1), (&after.0, &after.1));
        assert!(after.2 > before.2, "{again:?}");
    }

    // Nobody stands in observe for a while, and the log shows that.
    let gait = restart(&tool, gait, "dry_run");
    call(&gait);
    let gait = restart(&tool, gait, SHARE);
    call(&gait);
    assert!(since(&gait, "observe") > again[0].1, "{:?}", stages(&gait));
}
