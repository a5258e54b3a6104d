//! The key that signs the evidence: made once, rotated under load, missed and found again.

use crate::support::{Gait, Recorder, Response, Setup, post, run_to_end, send, wait_for};
use serde_json::{Value, json};
use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::thread;

const KEY: &str = "state/evidence_signing.key";

fn setup(tool: &Recorder) -> Setup {
    let mut setup = Setup::fixture("json_server", tool.address);
    setup.config = setup.config.replace("STAGE", "enforce");
    setup
}

/// A call that is protected and allowed.
fn protected(server: SocketAddr) -> Response {
    let head = "PUT /files/2 HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\n";
    let body = json!({ "name": "two" }).to_string();
    send(server, format!("{head}Content-Length: {}\r\n\r\n{body}", body.len()))
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

fn keys(lines: &[Value]) -> Vec<&Value> {
    lines.iter().filter(|line| line["kind"] == "key").collect()
}

/// Ends it in order and gives its directory back.
fn stopped(mut gait: Gait) -> tempfile::TempDir {
    gait.signal("INT");
    assert!(gait.wait().success(), "{}", gait.log());
    gait.kill()
}

/// The address of `listener` of a gait that starts in `dir`.
fn address(dir: &Path, listener: &str) -> SocketAddr {
    wait_for("the addresses", || {
        let text = fs::read(dir.join("state/addresses.json")).ok()?;
        let read: Value = serde_json::from_slice(&text).ok()?;
        read[listener].as_str()?.parse().ok()
    })
}

#[test]
fn a_key_is_made_and_the_head_that_it_signed_is_shown() {
    let tool = Recorder::start();
    let gait = setup(&tool).start();
    let key = gait.dir().join(KEY);
    assert_eq!((mode(&key), mode(&key.with_extension("pub"))), (0o600, 0o644));
    assert_eq!(protected(gait.server).status, 200);
    let head = gait.telemetry("/evidence/head").json();
    let lines = gait.evidence();
    let line = lines.iter().find(|line| line["seq"] == head["seq"]).unwrap();
    assert_eq!((&line["hash"], &line["key_id"]), (&head["hash"], &head["key_id"]));
    assert_eq!((&head["segment"], &line["kind"]), (&json!(1), &json!("batch")));
    let public = fs::read_to_string(key.with_extension("pub")).unwrap();
    assert_eq!(keys(&lines)[0]["public_key"], public.trim_end());
    let scrape = gait.scrape();
    assert!(scrape.total("gait_evidence_syncs_total") >= 2.0);
    assert_eq!(scrape.total("gait_evidence_segments"), 1.0);
    assert_eq!(scrape.total("gait_evidence_last_seal_timestamp_seconds"), 0.0);
}

#[test]
fn a_rotated_key_is_endorsed_by_the_one_before() {
    let tool = Recorder::start();
    let gait = setup(&tool).start();
    let rotate = ["keys", "rotate", "--evidence", "state", "--json"];
    let rotated = run_to_end(gait.dir(), &rotate);
    let rotated: Value = serde_json::from_slice(&rotated.stdout).unwrap();
    let again = run_to_end(gait.dir(), &rotate);
    assert_eq!(again.status.code(), Some(6), "the log has not taken up the last one yet");
    gait.signal("HUP");
    let lines = wait_for("the new key", || {
        let lines = gait.evidence();
        (keys(&lines).len() == 2).then_some(lines)
    });
    let second = keys(&lines)[1];
    assert_eq!(second["key_id"], rotated["previous_key_id"], "signed by the old one");
    assert_eq!(second["replaces"], rotated["previous_key_id"]);
    assert_eq!(protected(gait.server).status, 200);
    assert_eq!(gait.telemetry("/evidence/head").json()["key_id"], rotated["key_id"]);

    // A spoilt file changes nothing but the log.
    fs::write(gait.dir().join(KEY), "no key\n").unwrap();
    gait.signal("HUP");
    wait_for("the complaint", || gait.log().contains("stays the one in force").then_some(()));
    assert_eq!(protected(gait.server).status, 200);
    assert_eq!(gait.telemetry("/readyz").status, 200);
}

#[test]
fn a_rotation_while_nobody_runs_is_endorsed_at_the_next_start() {
    let tool = Recorder::start();
    let dir = stopped(setup(&tool).start());
    let rotated = run_to_end(dir.path(), &["keys", "rotate", "--evidence", "state"]);
    assert!(rotated.status.success(), "{rotated:?}");
    let lines = setup(&tool).start_in(dir).evidence();
    let (first, second) = (keys(&lines)[0], keys(&lines)[1]);
    assert_eq!((&second["replaces"], &second["key_id"]), (&first["key_id"], &first["key_id"]));
    assert_ne!(second["public_key"], first["public_key"]);
}

#[test]
fn without_its_key_it_serves_and_refuses_what_needs_evidence_until_the_key_is_back() {
    let tool = Recorder::start();
    let dir = stopped(setup(&tool).start());
    let key = dir.path().join(KEY);
    fs::rename(&key, dir.path().join("away")).unwrap();
    fs::remove_file(dir.path().join("state/addresses.json")).unwrap();
    tool.take();
    let gait = thread::scope(|scope| {
        let path = dir.path().to_owned();
        let meanwhile = scope.spawn(|| meanwhile(path, &tool));
        let gait = setup(&tool).start_in(dir);
        meanwhile.join().unwrap();
        gait
    });
    assert_eq!(protected(gait.server).status, 200);
    let log = gait.log();
    assert!(
        log.contains("evidence_signing.key") && log.contains("is missing: put it back"),
        "{log}"
    );
    let kinds: Vec<_> =
        gait.evidence().iter().map(|line| line["kind"].as_str().unwrap().to_owned()).collect();
    assert_eq!(kinds[4..8], ["start", "key", "recover", "batch"]);
}

/// What a gait says that has lost its key; gives the key back.
fn meanwhile(dir: std::path::PathBuf, tool: &Recorder) {
    let telemetry = address(&dir, "telemetry");
    let ready = wait_for("readiness is told", || {
        let request = "GET /readyz HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n";
        let answer = send(telemetry, request);
        answer.text().contains("[-]evidence").then(|| answer.text())
    });
    assert!(ready.contains("[-]evidence failed: the signing key cannot be used"), "{ready}");
    let server = address(&dir, "server");
    for refused in [protected(server), send(server, post("/payments", "{}"))] {
        assert_eq!(refused.status, 503, "{}", refused.text());
        assert!(refused.text().contains("evidence_unavailable"), "{}", refused.text());
    }
    assert_eq!(tool.count(), 0, "nothing reached the tool");
    fs::rename(dir.join("away"), dir.join(KEY)).unwrap();
}
