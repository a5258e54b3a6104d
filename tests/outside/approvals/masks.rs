//! What a route masks is shown to no approver and told to no webhook, wherever a call says it.

use super::setup;
use crate::support::{Approver, Gait, Recorder, Setup, listen, send, wait_for};
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

/// Two routes whose paths hold a secret: in one segment, and over several.
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
    ];
    let config = config.replace("routes:\n", &routes.concat());
    let config = format!(
        "approvals: {{ webhooks: [ {{ name: chat, url: \"http://{hook}/\", allow_http: true, secret: \
         {{ file: secret }} }} ] }}\n{config}"
    );
    let policy = policy.replace("notes.write]", "notes.write, reset, share]");
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
