//! Evidence that keeps intents, judged again by `gait replay`.

use crate::support::{Gait, Recorder, Setup, get, post, run_to_end, send, wait_for};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;

/// A gait before `tool` whose routes keep intents, but for reads.
fn keeping(tool: &Recorder) -> Gait {
    let mut setup = Setup::fixture("json_server", tool.address);
    setup.config = setup.config.replace("STAGE", "enforce").replace(
        "    intent: { tool_name: payments.small,",
        "    capture: full\n    intent: { tool_name: payments.small,",
    );
    setup.config = setup.config.replace(
        "    intent: { tool_name: files.write,",
        "    capture: full\n    intent: { tool_name: files.write,",
    );
    setup.start()
}

fn write_file(name: &str) -> String {
    let body = json!({ "name": name }).to_string();
    format!(
        "PUT /files/2 HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

fn replay(dir: &Path, policy: &str) -> (Option<i32>, Value) {
    let arguments = ["replay", "--evidence", "state/evidence", "--policies", policy, "--json"];
    let output = run_to_end(dir, &arguments);
    (output.status.code(), serde_json::from_slice(&output.stdout).unwrap())
}

#[test]
fn kept_intents_are_judged_again_as_they_were() {
    let tool = Recorder::start();
    let gait = keeping(&tool);
    for amount in 1..=20 {
        let body = json!({ "to": "b\u{f6}b", "amount": amount, "note": " x " }).to_string();
        assert_eq!(send(gait.server, post("/payments", &body)).status, 200);
    }
    assert_eq!(send(gait.server, write_file("zwei")).status, 200);
    assert_eq!(send(gait.server, write_file(&"z".repeat(20_000))).status, 200);
    assert_eq!(send(gait.server, get("/files/2")).status, 200);
    let lines = wait_for("the lines", || {
        let lines = gait.evidence();
        let ended = lines.iter().filter(|line| line["ending"].is_string()).count();
        (ended == 23).then_some(lines)
    });
    let kept =
        |kind: &str| lines.iter().filter(|l| l["kind"] == kind && l["intent"].is_object()).count();
    assert_eq!((kept("call"), kept("decision"), kept("outcome")), (20, 1, 0));

    let dir = gait.kill();
    let (exit, same) = replay(dir.path(), "policy.yaml");
    assert_eq!(exit, Some(0), "{same}");
    let policy = fs::read_to_string(dir.path().join("policy.yaml")).unwrap();
    fs::write(dir.path().join("strict.yaml"), policy.replace(" payments.small,", "")).unwrap();
    let (exit, stricter) = replay(dir.path(), "strict.yaml");
    assert_eq!(exit, Some(3), "{stricter}");
    assert!(stricter.to_string().contains("payments.small"), "{stricter}");
}

/// A gait whose one route keeps intents without what it masks; its target says one masked value.
fn masking(tool: &Recorder) -> Gait {
    let config = format!(
        "server: {{ listen: \"127.0.0.1:0\" }}\nstage: enforce\nunmapped: {{ action: deny }}\n\
         upstreams: {{ tool: {{ url: \"http://{}\" }} }}\nroutes:\n\
         \x20 - {{ name: reset, match: {{ methods: [POST], path: \"/reset/{{user}}\" }}, upstream: tool, \
         capture: masked, mask: [\"/code\", \"/file/content\"], intent: {{ tool_name: reset, risk_class: \
         high, args: {{ code: \"body:/code?\", file: \"body:/file?\", user: path.user }}, targets: \
         [ {{ kind: path, value: \"/users/{{user}}\", operation: write }} ] }} }}\n",
        tool.address
    );
    Setup { config, policy: "default_verdict: allow\n".to_owned() }.start()
}

#[test]
fn what_a_route_masks_is_kept_nowhere_and_said_to_be_and_not_replayed() {
    let tool = Recorder::start();
    let gait = masking(&tool);
    let calls = [
        // Said in the argument and, escaped, in the path and the target.
        ("/reset/of-S3%63ret-c0de", json!({ "code": "s3cret-c0de" })),
        // Too long but for what is masked.
        ("/reset/ada", json!({ "file": { "name": "a", "content": "z".repeat(20_000) } })),
        ("/reset/ada", json!({ "file": { "name": "n".repeat(20_000) } })),
        ("/reset/ada", json!({ "file": { "name": "a" } })),
    ];
    for (path, body) in &calls {
        assert_eq!(send(gait.server, post(path, &body.to_string())).status, 200, "{path}");
    }
    let lines = wait_for("the lines", || {
        let lines = gait.evidence();
        (lines.iter().filter(|line| line["kind"] == "outcome").count() == 4).then_some(lines)
    });
    let decisions: Vec<_> = lines.iter().filter(|line| line["kind"] == "decision").collect();
    let [said, long, longer, plain] = decisions.as_slice() else { panic!("{decisions:?}") };
    assert_eq!(said["intent"]["args"], json!({ "code": "***", "user": "***" }));
    assert_eq!(said["intent"]["targets"][0]["value"], "***");
    assert_eq!(said["masked"], json!(["/args/code", "/args/user", "/targets/0/value"]));
    assert_eq!(long["intent"]["args"]["file"], json!({ "name": "a", "content": "***" }));
    assert_eq!(long["masked"], json!(["/args/file/content"]));
    assert!(longer["intent"].is_null() && longer["intent_omitted_bytes"].as_u64() > Some(20_000));
    assert!(plain["intent"].is_object() && plain["masked"].is_null());
    for line in &lines {
        let text = line.to_string().to_lowercase();
        assert!(!text.contains("s3cret-c0de") && !text.contains("zzzz"), "{line}");
    }

    let dir = gait.kill();
    let (exit, answer) = replay(dir.path(), "policy.yaml");
    assert_eq!((exit, &answer["intents"]), (Some(0), &json!(1)), "{answer}");
    let skipped = answer["skipped"].as_array().unwrap();
    let reasons: Vec<_> = skipped.iter().map(|row| (&row["reason"], &row["count"])).collect();
    let wanted =
        [("intent_masked", 2), ("intent_too_long", 1)].map(|(why, n)| (json!(why), json!(n)));
    assert_eq!(reasons, wanted.iter().map(|(why, n)| (why, n)).collect::<Vec<_>>());
    let first = &skipped[0]["examples"][0];
    let arguments = ["replay", "--evidence", "state/evidence", "--policies", "policy.yaml"];
    let output = run_to_end(dir.path(), &arguments);
    let text = String::from_utf8(output.stdout).unwrap();
    let shown =
        format!("skipped  2x  intent_masked\n    state/evidence/000001.jsonl:{}\n", first["line"]);
    assert!(text.contains(&shown), "{shown}\n  is not in\n{text}");
}
