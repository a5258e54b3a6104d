//! How the rollout of a gait that runs stands, asked by command, and the same from its log alone.

use crate::support::{Gait, Recorder, Setup, run_to_end, send, wait_for};
use serde_json::Value;
use std::fs;

/// A route whose calls are allowed, and one whose calls are blocked.
fn gait(recorder: &Recorder) -> Gait {
    let route = |name: &str| {
        format!(
            "  - {{ name: {name}, match: {{ methods: [DELETE], path: \"/{name}/{{x}}\" }}, \
             upstream: tool, intent: {{ tool_name: tool.{name}, risk_class: high }} }}\n"
        )
    };
    let config = format!(
        "server: {{ listen: \"127.0.0.1:0\" }}\nstage: dry_run\nunmapped: {{ action: deny }}\n\
         identity:\n  anonymous: nobody\n  sources: [ {{ name: edge, header: {{ name: \
         X-Remote-User, from: {{ cidrs: [\"127.0.0.0/8\"] }} }} }} ]\n\
         rollout: {{ gates: {{ min_calls: 8, min_time: 0s }} }}\n\
         upstreams: {{ tool: {{ url: \"http://{}\" }} }}\nroutes:\n{}{}",
        recorder.address,
        route("good"),
        route("bad")
    );
    let policy = "default_verdict: block\nrules:\n  - name: good\n    effect: allow\n    match: { \
                  tool_names: [tool.good] }\n";
    Setup { config, policy: policy.to_owned() }.start()
}

fn call(gait: &Gait, route: &str, count: usize) {
    for _ in 0..count {
        call_as(gait, route, "");
    }
}

fn call_as(gait: &Gait, route: &str, fields: &str) {
    let head =
        format!("DELETE /{route}/1 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n{fields}\r\n");
    send(gait.server, head);
}

/// Exit and answer.
fn ask(gait: &Gait, line: &str) -> (i32, Value) {
    let arguments: Vec<&str> = line.split(' ').chain(["--json"]).collect();
    let run = run_to_end(gait.dir(), &arguments);
    let answer = serde_json::from_slice(&run.stdout);
    (run.status.code().unwrap(), answer.unwrap_or_else(|error| panic!("{error}: {run:?}")))
}

fn verdict(check: &Value, name: &str) -> String {
    let gates = check["gates"].as_array().unwrap();
    let gate = gates.iter().find(|gate| gate["name"] == name);
    gate.unwrap_or_else(|| panic!("{name} in {check}"))["verdict"].as_str().unwrap().to_owned()
}

fn verdicts(check: &Value) -> Vec<String> {
    let gates = check["gates"].as_array().unwrap().iter();
    gates.map(|gate| format!("{}: {}", gate["name"], gate["verdict"])).collect()
}

const GOOD: &str = "rollout gate --route good --to require_approval";
const BAD: &str = "rollout gate --route bad --to require_approval";

#[test]
fn the_gait_that_runs_and_its_log_say_the_same() {
    let recorder = Recorder::start();
    let gait = gait(&recorder);
    call(&gait, "good", 7);
    call(&gait, "bad", 8);
    // Closing lines are on disk a little later.
    wait_for("lines", || (gait.evidence().len() >= 20).then_some(()));
    let counted = || ask(&gait, "rollout status --route bad").1["rollout"]["routes"][0].clone();
    let stage = wait_for("calls", || {
        let stage = counted()["stages"][0].clone();
        (stage["calls"] == 8).then_some(stage)
    });
    assert_eq!((&stage["dry_runs"], &stage["verdicts"]["block"]), (&8.into(), &8.into()));
    let (exit, check) = ask(&gait, GOOD);
    assert_eq!((exit, verdict(&check, "calls").as_str()), (4, "not_enough_data"), "{check}");
    call(&gait, "good", 1);
    wait_for("the eighth call", || (ask(&gait, GOOD).0 == 0).then_some(()));
    let (exit, check) = ask(&gait, BAD);
    assert_eq!((exit, verdict(&check, "false_positives").as_str()), (4, "not_enough_data"));
    assert_eq!(verdict(&check, "bypasses"), "met", "its own counters are known");

    let page = gait.telemetry("/metrics").text();
    fs::write(gait.dir().join("page.txt"), page).unwrap();
    let offline = "--evidence state --config gait.yaml --metrics page.txt";
    // A line counts there once it is signed, which is a little later than it is written.
    let good = || ask(&gait, &format!("{GOOD} {offline}")).0;
    wait_for("the signature", || (good() == 0).then_some(()));
    let (exit, alone) = ask(&gait, &format!("{BAD} {offline}"));
    assert_eq!((exit, verdicts(&alone)), (4, verdicts(&ask(&gait, BAD).1)));

    call(&gait, "nowhere", 1);
    wait_for("a stranger's scan", || {
        gait.evidence().iter().find(|line| line["route"] == "_unmapped").map(drop)
    });
    assert_eq!(ask(&gait, GOOD).0, 0, "it was denied");
    call_as(&gait, "nowhere", "X-Remote-User: agent-7\r\n");
    let stray = || (ask(&gait, GOOD).0 == 3).then(|| ask(&gait, GOOD).1);
    let check = wait_for("the stray", stray);
    assert_eq!(
        (verdict(&check, "unmapped").as_str(), &check["verdict"]),
        ("not_met", &"not_met".into())
    );
}

#[test]
fn a_policy_that_is_changed_starts_anew() {
    let recorder = Recorder::start();
    let gait = gait(&recorder);
    call(&gait, "good", 8);
    wait_for("eight calls", || (ask(&gait, GOOD).0 == 0).then_some(()));
    let path = gait.dir().join("policy.yaml");
    let first = fs::read_to_string(&path).unwrap();
    fs::write(&path, first.replace("name: good", "name: better")).unwrap();
    let check = wait_for("the other policy", || {
        let (exit, check) = ask(&gait, GOOD);
        (exit == 4).then_some(check)
    });
    let calls = check["gates"].as_array().unwrap().iter().find(|gate| gate["name"] == "calls");
    assert_eq!(calls.unwrap()["value"], 0.0, "{check}");
    call(&gait, "good", 3);
    let stage = wait_for("three calls more", || {
        let status = ask(&gait, "rollout status --route good").1;
        let stage = status["rollout"]["routes"][0]["stages"][0].clone();
        (stage["calls"] == 11).then_some(stage)
    });
    assert_eq!(stage["policy_calls"], 3, "{stage}");
    let offline = ask(&gait, &format!("{GOOD} --evidence state --config gait.yaml")).1;
    assert_eq!(verdict(&offline, "calls"), "not_enough_data", "{offline}");
    fs::write(&path, first).unwrap();
    wait_for("the first policy, and its own calls", || (ask(&gait, GOOD).0 == 0).then_some(()));
}
