//! The kill switch over HTTP: orders from the command line stop calls at once and without a
//! reload; a file that breaks stops the riskiest.

use crate::support::{
    Gait, Peer, Recorder, Response, Setup, Then, get, run_to_end, send, wait_for,
};
use serde_json::{Value, json};
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// A file of orders that stop nothing.
fn no_orders() -> String {
    json!({
        "schema_id": "gait.gate.kill_switch_state", "schema_version": "1.0.0",
        "created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-01T00:00:00Z", "entries": [],
    })
    .to_string()
}

/// json-server behind a gait in this stage, with a kill switch.
fn behind(stage: &str, peer: &Peer) -> Gait {
    let mut setup = Setup::fixture("json_server", peer.address).with("kill_switch: ks.json\n");
    setup.config = setup.config.replace("STAGE", stage);
    let dir = TempDir::new().unwrap();
    fs::write(dir.path().join("ks.json"), no_orders()).unwrap();
    setup.start_in(dir)
}

/// `gait kill-switch ...` on the file of a gait.
fn order(gait: &Gait, arguments: &[&str]) {
    let output = Command::new(env!("CARGO_BIN_EXE_gait"))
        .arg("kill-switch")
        .args(arguments)
        .args(["--state", "ks.json"])
        .current_dir(gait.dir())
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
}

fn read_file(gait: &Gait) -> Response {
    send(gait.server, get("/files/2"))
}

/// A call of risk high that the policy allows.
fn write_file(gait: &Gait) -> Response {
    let body = r#"{"name":"zwei"}"#;
    send(
        gait.server,
        format!(
            "PUT /files/2 HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        ),
    )
}

fn codes(answer: &Response) -> Vec<String> {
    let codes = answer.json()["reason_codes"].as_array().unwrap().clone();
    codes.iter().map(|code| code.as_str().unwrap().to_owned()).collect()
}

fn state_is(gait: &Gait, state: &str) {
    wait_for("the state of the switch", || {
        let scrape = gait.scrape();
        let is = scrape.sum("gait_kill_switch_state", &[("state", state)]);
        // A scrape may fall between two states.
        ((is, scrape.total("gait_kill_switch_state")) == (1.0, 1.0)).then_some(())
    });
}

#[test]
fn an_order_stops_matching_calls_until_it_is_taken_back() {
    let peer = Peer::start();
    let gait = behind("enforce", &peer);
    state_is(&gait, "loaded");
    assert_eq!((read_file(&gait).status, write_file(&gait).status), (200, 200));
    order(&gait, &["add", "--tool-name", "files.write", "--id", "halt", "--reason", "incident"]);
    let ordered = Instant::now();
    let stopped =
        wait_for("the order", || Some(write_file(&gait)).filter(|answer| answer.status == 423));
    assert!(ordered.elapsed() < Duration::from_secs(10), "{:?}", ordered.elapsed());
    let body = stopped.json();
    assert_eq!(body["type"], "urn:gait:problem:locked");
    assert_eq!((&body["verdict"], &body["executed"]), (&json!("block"), &json!(false)));
    assert_eq!(body["violations"], json!(["kill_switch_active"]));
    for code in ["kill_switch_active", "kill_switch_tool_name_active"] {
        assert!(codes(&stopped).contains(&code.to_owned()), "{body}");
    }
    assert_eq!((stopped.one("Retry-After"), body.get("until")), (None, None));
    assert_eq!(read_file(&gait).status, 200, "other calls go on");
    assert_eq!(gait.scrape().total("gait_kill_switch_active_entries"), 1.0);
    let executed = peer.executed("PUT /files");
    order(&gait, &["disable", "--id", "halt"]);
    wait_for("the end of the order", || (write_file(&gait).status == 200).then_some(()));
    assert_eq!(peer.executed("PUT /files"), executed + 1, "nothing went out meanwhile");
    gait.settled().assert_law();
}

#[test]
fn an_order_that_comes_while_gait_starts_holds_for_the_first_call() {
    let dir = TempDir::new().unwrap();
    fs::write(dir.path().join("ks.json"), no_orders()).unwrap();
    let folder = dir.path().to_owned();
    // The start waits for the keys; meanwhile somebody stops everything.
    let issuer = Recorder::answering(move |_, stream| {
        let halt = ["kill-switch", "add", "--all", "--id", "halt", "--state", "ks.json"];
        assert!(run_to_end(&folder, &halt).status.success());
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n{\"keys\":[]}")?;
        Ok(Then::Close)
    });
    let tool = Recorder::start();
    let config = format!(
        "server: {{ listen: \"127.0.0.1:0\" }}\nstage: enforce\nunmapped: {{ action: deny }}\n\
         kill_switch: ks.json\nidentity: {{ sources: [ {{ name: sso, jwt: {{ issuer: \
         \"https://id.test\", audiences: [gait], algorithms: [EdDSA], jwks: {{ url: \
         \"http://{}/keys\" }}, claims: {{ identity: sub }} }} }} ] }}\n\
         upstreams: {{ tool: {{ url: \"http://{}\" }} }}\nroutes:\n  \
         - {{ name: r, match: {{ path: \"/x\" }}, upstream: tool, intent: {{ tool_name: t, \
         risk_class: low }} }}\n",
        issuer.address, tool.address
    );
    let gait = Setup { config, policy: "default_verdict: allow\n".to_owned() }.start_in(dir);
    assert_eq!(send(gait.server, get("/x")).status, 423);
    assert_eq!((issuer.count(), tool.count()), (1, 0));
}

#[test]
fn an_order_that_ends_by_itself_says_when() {
    let peer = Peer::start();
    let gait = behind("enforce", &peer);
    order(&gait, &["add", "--all", "--id", "pause", "--ttl", "10s"]);
    let stopped =
        wait_for("the order", || Some(read_file(&gait)).filter(|answer| answer.status == 423));
    assert!(stopped.json()["until"].as_str().unwrap().ends_with('Z'));
    let wait: u64 = stopped.one("Retry-After").unwrap().parse().unwrap();
    assert!((1..=10).contains(&wait), "{wait}");
    let told = send(gait.server, "GET /files/2 HTTP/1.1\r\nHost: h\r\nGait-Dry-Run: true\r\n\r\n");
    assert_eq!((told.status, &told.json()["would_status"]), (200, &json!(423)));
    wait_for("the end of the order", || (read_file(&gait).status == 200).then_some(()));
}

#[test]
fn observe_shows_what_an_order_would_stop() {
    let peer = Peer::start();
    let gait = behind("observe", &peer);
    order(&gait, &["add", "--all", "--id", "halt"]);
    let marked = wait_for("the order", || {
        Some(write_file(&gait)).filter(|answer| answer.one("Gait-Simulated").is_some())
    });
    assert_eq!((marked.status, marked.one("Gait-Simulated")), (200, Some("block")));
    gait.settled().assert_law();
}

#[test]
fn a_file_that_breaks_stops_the_riskiest_and_keeps_the_last_orders() {
    let peer = Peer::start();
    let gait = behind("enforce", &peer);
    order(&gait, &["add", "--tool-name", "notes.create", "--id", "halt"]);
    wait_for("the order", || (note(&gait).status == 423).then_some(()));
    let file = gait.dir().join("ks.json");
    let good = fs::read(&file).unwrap();
    for broken in [Some("{\"entries\": []}"), Some(""), None] {
        match broken {
            Some(text) => fs::write(&file, text).unwrap(),
            None => fs::remove_file(&file).unwrap(),
        }
        let refused =
            wait_for("the break", || Some(write_file(&gait)).filter(|answer| answer.status == 423));
        assert_eq!(codes(&refused), ["kill_switch_state_unavailable"], "{broken:?}");
        state_is(&gait, "lost");
        assert_eq!(read_file(&gait).status, 200, "low risk goes on by the last orders");
        assert_eq!(note(&gait).status, 423, "and they hold");
        assert_eq!(gait.telemetry("/readyz").status, 200);
        // In another way than the commands do, which give the file a new inode.
        fs::write(&file, &good).unwrap();
        wait_for("the file is back", || (write_file(&gait).status == 200).then_some(()));
        state_is(&gait, "loaded");
    }
    assert!(gait.log().contains("the kill switch cannot be read"));
    gait.settled().assert_law();
}

fn note(gait: &Gait) -> Response {
    send(gait.server, "POST /notes HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n")
}

#[test]
fn what_is_no_file_is_a_file_that_is_lost_and_is_found_again() {
    let peer = Peer::start();
    let mut gait = behind("enforce", &peer);
    let file = gait.dir().join("ks.json");
    fs::remove_file(&file).unwrap();
    // Whoever opens it to read waits for a writer that never comes.
    assert!(Command::new("mkfifo").arg(&file).status().unwrap().success());
    let refused = wait_for("the pipe to be noticed", || {
        Some(write_file(&gait)).filter(|answer| answer.status == 423)
    });
    assert_eq!(codes(&refused), ["kill_switch_state_unavailable"]);
    assert_eq!(read_file(&gait).status, 200);
    state_is(&gait, "lost");
    // Whoever looked at the pipe must not be caught in it for good.
    fs::remove_file(&file).unwrap();
    fs::write(&file, no_orders()).unwrap();
    order(&gait, &["add", "--all", "--id", "halt"]);
    wait_for("the order", || (read_file(&gait).status == 423).then_some(()));
    state_is(&gait, "loaded");
    assert!(gait.log().contains("not a regular file"), "{}", gait.log());
    gait.signal("INT");
    assert!(gait.wait().success(), "it does not keep gait from stopping");
}

#[test]
fn a_reload_takes_another_file_or_none_and_says_so() {
    let peer = Peer::start();
    let gait = behind("enforce", &peer);
    let config = fs::read_to_string(gait.dir().join("gait.yaml")).unwrap();
    let reload = |kill_switch: &str| {
        let text = config.replace("kill_switch: ks.json", kill_switch);
        fs::write(gait.dir().join("gait.yaml"), text).unwrap();
        gait.signal("HUP");
    };
    let all = no_orders()
        .replace("[]", r#"[{"entry_id":"x","enabled":true,"created_at":"2026-01-01T00:00:00Z"}]"#);
    fs::write(gait.dir().join("other.json"), all).unwrap();
    reload("kill_switch: other.json");
    wait_for("the other file", || (read_file(&gait).status == 423).then_some(()));
    fs::write(gait.dir().join("other.json"), "{").unwrap();
    reload("kill_switch: other.json # again");
    wait_for("the refused reload", || {
        (gait.scrape().total("gait_config_last_reload_successful") == 0.0).then_some(())
    });
    assert_eq!(read_file(&gait).status, 423, "the last orders stay");
    reload("kill_switch: ks.json");
    wait_for("fewer orders", || (read_file(&gait).status == 200).then_some(()));
    assert!(gait.log().contains("lacks orders which are in force"));
    reload("");
    state_is(&gait, "off");
    assert_eq!(read_file(&gait).status, 200);
    wait_for("the lines of the reloads", || {
        let lowered =
            |line: &Value| line["kind"] == "reload" && line["lowered"] == json!(["_kill_switch"]);
        (gait.evidence().into_iter().filter(lowered).count() == 2).then_some(())
    });
}

#[test]
fn a_file_that_cannot_be_used_stops_the_start() {
    let tool = Recorder::start();
    let dir = TempDir::new().unwrap();
    let refused = |config: &str, words: &[&str]| {
        Setup::fixture("security", tool.address).with(config).write(dir.path());
        refuses(dir.path(), words);
    };
    let named = "kill_switch: ks.json\n";
    refused(named, &["read kill switch state", "ks.json", "gait kill-switch add"]);
    for (text, word) in [
        ("{", "parse kill switch state"),
        ("{\"schema_id\":\"x\"}", "schema_id"),
        ("{\"created_at\":\"2026-01-01T00:00:00Z\"}", "updated_at"),
    ] {
        fs::write(dir.path().join("ks.json"), text).unwrap();
        refused(named, &[word, "ks.json"]);
    }
    fs::remove_file(dir.path().join("ks.json")).unwrap();
    fs::create_dir(dir.path().join("ks.json")).unwrap();
    refused(named, &["not a regular file", "ks.json"]);
    for empty in ["kill_switch:\n", "kill_switch: \"\"\n"] {
        refused(empty, &["`kill_switch` is empty"]);
    }
}

/// Starts gait in `dir`; it must end with 6, serve nothing, and say all of `words`.
fn refuses(dir: &Path, words: &[&str]) {
    for more in [&[][..], &["--check"]] {
        let output = run_to_end(dir, &[&["proxy", "--config", "gait.yaml"], more].concat());
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(6), "{more:?}: {said}");
        assert!(words.iter().all(|word| said.contains(word)), "{words:?} in: {said}");
        assert!(!dir.join("state/addresses.json").exists(), "it served");
    }
}
