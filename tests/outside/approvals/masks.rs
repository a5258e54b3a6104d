//! What a route masks is shown to no approver and told to no webhook, wherever a call says it.

use super::setup;
use crate::support::{Approver, Gait, Recorder, Setup, listen, send, wait_for};
use serde_json::{Value, json};
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tempfile::TempDir;

/// A receiver that takes everything, and what it was told.
fn receiver() -> (SocketAddr, Arc<Mutex<String>>) {
    let told = Arc::new(Mutex::new(String::new()));
    let kept = told.clone();
    let address = listen(move |_, mut stream| {
        let mut bytes = [0; 16 << 10];
        stream.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
        while let Ok(read @ 1..) = stream.read(&mut bytes) {
            kept.lock().unwrap().push_str(&String::from_utf8_lossy(&bytes[..read]));
        }
        let _gone = stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n");
    });
    (address, told)
}

/// Two routes whose paths hold a secret that they mask, in one segment and over several; and one
/// that masks nothing.
fn start(tool: SocketAddr, hook: SocketAddr) -> Gait {
    let Setup { config, policy } = setup(tool);
    let route = |name: &str, path: &str, arg: &str| {
        format!(
            "- {{ name: {name}, match: {{ methods: [PUT], path: \"/v1/{name}/{path}\" }}, mask: [\"/code\"], \
             upstream: tool, intent: {{ tool_name: {name}, risk_class: high, args: {{ code: {arg} }}, \
             targets: [ {{ kind: path, value: \"/{name}/{{code}}\", operation: write }} ] }} }}\n"
        )
    };
    let routes = [
        "routes:\n".to_owned(),
        route("reset", "{user}/{code}", "path.code"),
        route("share", "{code*}", "path.code"),
        "- { name: open, match: { methods: [PUT], path: \"/v1/open/{user}\" }, upstream: tool, intent: \
         { tool_name: open, risk_class: low, args: { user: path.user, said: \"body:/said?\", pin: \
         \"body:/pin?\" }, targets: [ { kind: path, value: \"/open/{user}\", operation: write } ] } }\n"
            .to_owned(),
    ];
    let config = config.replace("routes:\n", &routes.concat());
    let config = format!(
        "approvals: {{ webhooks: [ {{ name: chat, url: \"http://{hook}/\", allow_http: true, secret: \
         {{ file: secret }} }} ] }}\n{config}"
    );
    let policy = policy.replace("notes.write]", "notes.write, reset, share, open]");
    let dir = TempDir::new().unwrap();
    fs::write(dir.path().join("secret"), "A".repeat(40)).unwrap();
    Setup { config, policy }.start_in(dir)
}

#[test]
fn a_masked_argument_is_not_read_off_the_path_or_the_targets() {
    let (tool, (hook, told)) = (Recorder::start(), receiver());
    let gait = start(tool.address, hook);
    let desk = Approver::local(&gait);
    for (target, shown) in [
        ("/v1/reset/ann/s3%63ret-code", "/v1/reset/ann/***"),
        ("/v1/share/s3cret-code/deep", "***"),
    ] {
        let answer = send(gait.server, super::request("PUT", "", target, "", ""));
        assert_eq!(answer.status, 428, "{}", answer.text());
        let id = answer.json()["approval_id"].as_str().unwrap().to_owned();
        let entry = desk.show(&id);
        assert_eq!((&entry["path"], &entry["call"]["path"]), (&shown.into(), &shown.into()));
        assert_eq!(entry["call"]["targets"][0]["value"], "***");
        let text = entry.to_string().replace("%63", "c");
        assert!(!text.contains("s3cret-code"), "{text}");
        let event = wait_for("the webhook", || {
            let told = told.lock().unwrap().replace("%63", "c");
            told.contains(&id).then_some(told)
        });
        assert!(!event.contains("s3cret-code"), "{event}");
    }
}

/// Asks for the call, and gives what an approver is shown of it once the webhook has been told.
fn shown(gait: &Gait, told: &Mutex<String>, target: &str, body: &str) -> Value {
    let lines = "Content-Type: application/json\r\n";
    let answer = send(gait.server, super::request("PUT", "", target, lines, body));
    assert_eq!(answer.status, 428, "{}", answer.text());
    let id = answer.json()["approval_id"].as_str().unwrap().to_owned();
    wait_for("the webhook", || told.lock().unwrap().contains(&id).then_some(()));
    Approver::local(gait).show(&id)["call"].clone()
}

#[test]
fn a_credential_is_shown_to_nobody_and_stored_nowhere() {
    let (tool, (hook, told)) = (Recorder::start(), receiver());
    let gait = start(tool.address, hook);
    let see = |target: &str, body: &str| shown(&gait, &told, target, body);

    let body = r#"{"said": "curl -H 'Authorization: Bearer s3cretWord'"}"#;
    let call = see("/v1/open/s3cretWord?n=1&access_token=s3cretWord&b", body);
    assert_eq!(call["args"], json!({ "said": "***", "user": "***" }));
    assert_eq!(call["masked"], json!(["/said", "/user"]));
    assert_eq!(call["path"], "/v1/open/***");
    assert_eq!(call["query"], "n=1&access_token=***&b");
    assert_eq!(call["targets"][0]["value"], "***");
    assert!(call["body"].is_null(), "{call}");

    let call = see("/v1/open/ann?Bearer%20s3cretWord1", r#"{"password": ["s3cretWord"]}"#);
    assert_eq!(call["query"], "***");
    assert!(call["body"].is_null(), "{call}");

    let call = see("/v1/open/ghp_s3cretWord0123456", r#"{"pin": 80125, "said": "no 80125"}"#);
    assert_eq!(call["args"], json!({ "said": "***", "pin": "***", "user": "***" }));
    let call = see("/v1/open/ann?n=1", r#"{"said": "hello"}"#);
    assert_eq!((&call["query"], &call["body"]), (&json!("n=1"), &json!(r#"{"said": "hello"}"#)));
    assert!(call["masked"].is_null(), "{call}");

    let told = told.lock().unwrap().clone();
    let state = gait.dir().join("state");
    let dirs = [state.join("evidence"), state];
    let files = dirs.iter().flat_map(|dir| fs::read_dir(dir).unwrap());
    let files = files.map(|entry| entry.unwrap().path()).filter(|path| path.is_file());
    let stored = files.map(|path| (path.display().to_string(), fs::read(&path).unwrap()));
    let mut seen = 0;
    for (place, bytes) in stored.chain([("webhook".to_owned(), told.into_bytes())]) {
        let text = String::from_utf8_lossy(&bytes);
        assert!(!text.contains("s3cretWord") && !text.contains("80125"), "{place}");
        seen += usize::from(text.contains("/v1/open/***"));
    }
    assert!(seen >= 2, "{seen}");
}
