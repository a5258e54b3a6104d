//! Calls that could not be judged: a person says that this is right, and no gate counts them.

use crate::support::{Approver, Gait, Recorder, Setup, post, run_to_end, send, wait_for};
use serde_json::Value;

fn gait(tool: &Recorder) -> Gait {
    let config = format!(
        "server: {{ listen: \"127.0.0.1:0\" }}\nunmapped: {{ action: deny }}\n\
         rollout: {{ gates: {{ min_calls: 2, min_time: 0s }} }}\n\
         upstreams: {{ api: {{ url: \"http://{}\" }} }}\nroutes:\n  - name: put\n    \
         match: {{ path: \"/put\" }}\n    upstream: api\n    \
         intent: {{ tool_name: files.put, risk_class: high, args: body }}\n",
        tool.address
    );
    Setup { config, policy: "default_verdict: allow\n".to_owned() }.start()
}

/// Exit and answer of a command.
fn run(gait: &Gait, line: &str) -> (i32, Value) {
    let arguments: Vec<&str> = line.split(' ').chain(["--json"]).collect();
    let run = run_to_end(gait.dir(), &arguments);
    let answer = serde_json::from_slice(&run.stdout);
    (run.status.code().unwrap(), answer.unwrap_or_else(|error| panic!("{error}: {run:?}")))
}

/// The gate of evaluation errors: exit of all, and what is said of this one.
fn errors(gait: &Gait) -> (i32, String) {
    let (exit, check) = run(gait, "rollout gate --route put --to dry_run");
    let gates = check["gates"].as_array().unwrap_or_else(|| panic!("{check}"));
    let gate = gates.iter().find(|gate| gate["name"] == "evaluation_errors").unwrap();
    (exit, gate["say"].as_str().unwrap().to_owned())
}

#[test]
fn what_is_rightly_not_judged_keeps_no_gate_shut() {
    let tool = Recorder::start();
    let gait = gait(&tool);
    for body in ["{}", "{}", "{"] {
        assert_eq!(send(gait.server, post("/put", body)).status, 200);
    }
    let id = wait_for("the line of the broken call", || {
        let lines = gait.evidence();
        let is_error = |line: &&Value| line["kind"] == "outcome" || line["kind"] == "call";
        let lines: Vec<&Value> = lines.iter().filter(is_error).collect();
        let broken = lines.iter().find(|line| line["verdict"].is_null())?;
        (lines.len() == 3).then(|| broken["call_id"].as_str().unwrap().to_owned())
    });
    let (exit, said) = errors(&gait);
    assert!(exit == 3 && said.starts_with("1 calls could not be judged, 0 may"), "{said}");

    for word in ["missed", "false-positive"] {
        assert_eq!(run(&gait, &format!("rollout label {id} {word}")).0, 0);
        assert_eq!(errors(&gait).0, 3, "{word} leaves it counted");
    }
    let (exit, label) = run(&gait, &format!("rollout label {id} correct"));
    assert_eq!((exit, &label["label"]["verdict"]), (0, &Value::Null), "{label}");
    let lines = gait.evidence();
    let says = lines.iter().filter(|line| line["kind"] == "label");
    let says: Vec<(&str, bool)> = says
        .map(|line| (line["label"].as_str().unwrap(), line["dismisses"] == Value::Bool(true)))
        .collect();
    assert_eq!(says, [("missed", false), ("false-positive", false), ("correct", true)]);
    let (exit, said) = errors(&gait);
    assert_eq!((exit, &*said), (0, "0 calls could not be judged, 1 more rightly so, 0 may"));

    let listed = Approver::local(&gait).get("/v1/labels?route=put");
    let last = &listed["labels"][0];
    assert_eq!((&last["label"], &last["verdict"]), (&"correct".into(), &Value::Null), "{last}");
    let run = run_to_end(gait.dir(), &["rollout", "status"]);
    let shown = String::from_utf8_lossy(&run.stdout);
    assert!(shown.contains("evaluation errors    1, 1 of them found right\n"), "{shown}");
}
