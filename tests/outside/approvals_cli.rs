//! `gait approvals` beside a gait that runs: the demo's publish, decided by command line and at a
//! terminal; over TLS and a Unix socket; and what is refused.

use crate::support::{Authority, Gait, Recorder, Response, send, wait_for};
use serde_json::Value;
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use tempfile::TempDir;

const ANY_PORT: [(&str, &str); 2] =
    [("GAIT__SERVER__LISTEN", "127.0.0.1:0"), ("GAIT__TELEMETRY__LISTEN", "127.0.0.1:0")];

fn demo() -> Gait {
    Gait::launch(TempDir::new().unwrap(), &["proxy"], &ANY_PORT)
}

/// Publishes a file; `lines` are further header fields.
fn publish(gait: &Gait, name: &str, lines: &str) -> Response {
    let head = format!("PUT /v1/files/public/{name} HTTP/1.1\r\nHost: h\r\n{lines}");
    send(gait.server, head + "Content-Length: 2\r\nConnection: close\r\n\r\nhi")
}

/// Asks for a publication, and gives the id of the request.
fn asked(gait: &Gait, name: &str) -> String {
    let answer = publish(gait, name, "");
    assert_eq!(answer.status, 428, "{}", answer.text());
    answer.json()["approval_id"].as_str().unwrap().to_owned()
}

fn approvals(dir: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gait"));
    command.arg("approvals").args(arguments).current_dir(dir).env("NO_COLOR", "1");
    command.stdin(Stdio::null()).output().unwrap()
}

/// What is printed by a run that does its work.
#[track_caller]
fn done(dir: &Path, arguments: &[&str]) -> String {
    let run = approvals(dir, arguments);
    assert!(run.status.success(), "{arguments:?}: {run:?}");
    String::from_utf8(run.stdout).unwrap()
}

/// Exit and error of a run that does not.
#[track_caller]
fn refused(dir: &Path, arguments: &[&str], exit: i32, part: &str) {
    let run = approvals(dir, &[arguments, &["--json"]].concat());
    let answer: Value = serde_json::from_slice(&run.stdout).unwrap();
    let error = answer["error"].as_str().unwrap_or_default();
    assert!(run.status.code() == Some(exit) && error.contains(part), "{part}: {run:?}");
}

#[test]
fn the_demo_publishes_what_was_granted_and_once() {
    let gait = demo();
    let id = asked(&gait, "a.txt");
    let list = done(gait.dir(), &["list"]);
    for part in
        [id.as_str(), "pending", "0/1", "files.publish", "anonymous?", "PUT /v1/files/public/a.txt"]
    {
        assert!(list.contains(part), "{part}: {list}");
    }
    let shown = done(gait.dir(), &["show", id.get(..4).unwrap()]);
    for part in [
        "write path /public/a.txt",
        "body (2 bytes",
        "  hi\n",
        "  \"path\": \"a.txt\"",
        "you may grant it",
    ] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    let granted =
        done(gait.dir(), &["grant", id.get(..6).unwrap(), "--reason", "seen", "--ttl", "5m"]);
    let header = granted.lines().find(|line| line.starts_with("Gait-Approval: ")).unwrap();
    refused(gait.dir(), &["grant", &id, "--reason", "again"], 6, "already_granted");
    assert_eq!(publish(&gait, "b.txt", &format!("{header}\r\n")).status, 403, "another call");
    assert_eq!(publish(&gait, "a.txt", &format!("{header}\r\n")).status, 201);
    assert_eq!(publish(&gait, "a.txt", &format!("{header}\r\n")).status, 409);
    let shown = done(gait.dir(), &["show", &id]);
    for part in ["executed", "grant by operator (login local)", "the tool answered 201"] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    refused(gait.dir(), &["deny", &id, "--reason", "late"], 6, "executed");
}

#[test]
fn words_are_refused_with_a_reason() {
    let gait = demo();
    let (one, other) = (asked(&gait, "a.txt"), asked(&gait, "b.txt"));
    done(gait.dir(), &["deny", &one, "--reason", "not this week"]);
    let answer = publish(&gait, "a.txt", "");
    assert_eq!(answer.status, 403);
    assert!(answer.json()["detail"].as_str().unwrap().contains("not this week"));
    assert!(!done(gait.dir(), &["list"]).contains(&one));
    assert!(done(gait.dir(), &["list", "--state", "denied"]).contains(&one));
    refused(gait.dir(), &["grant", &one, "--reason", "r"], 6, "denied");
    for (more, part) in [
        (["--reason", " "], "reason"),
        (["--reason=r", "--ttl=10h"], "ttl"),
        (["--reason=r", "--if-match=9"], "look again"),
    ] {
        refused(gait.dir(), &[&["grant", &other], &more[..]].concat(), 6, part);
    }
    refused(gait.dir(), &["show", "zzzz"], 6, "there is no request `zzzz`");
    fs::write(gait.dir().join("wrong"), "gait_admin_x").unwrap();
    refused(gait.dir(), &["list", "--token-file", "wrong"], 6, "does not know this token");
}

#[test]
fn a_person_at_a_terminal_is_asked() {
    let gait = demo();
    let id = asked(&gait, "a.txt");
    let line = format!("exec {} approvals grant {id} --reason seen", env!("CARGO_BIN_EXE_gait"));
    let mut script = Command::new("script")
        .args(["-qec", &line, "/dev/null"])
        .current_dir(gait.dir())
        .env("TERM", "xterm")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let (mut typed, mut out) = (script.stdin.take().unwrap(), script.stdout.take().unwrap());
    let (mut shown, mut byte) = (Vec::new(), [0]);
    while out.read(&mut byte).unwrap_or(0) == 1 {
        shown.extend(byte);
        if shown.ends_with(b"[y/N] ") {
            typed.write_all(b"y\n").unwrap();
        }
    }
    let shown = String::from_utf8(shown).unwrap();
    assert!(script.wait().unwrap().success(), "{shown}");
    assert!(shown.contains("write path") && shown.contains("/public/a.txt"), "{shown}");
    let header = shown.lines().find(|line| line.starts_with("Gait-Approval: ")).unwrap();
    assert_eq!(publish(&gait, "a.txt", &format!("{}\r\n", header.trim())).status, 201);
}

#[test]
fn a_watch_sees_a_request_through_to_its_end() {
    let gait = demo();
    let mut watch = Command::new(env!("CARGO_BIN_EXE_gait"))
        .args(["approvals", "watch", "--json"])
        .current_dir(gait.dir())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(watch.stdout.take().unwrap()).lines();
    let mut next = || {
        let line: Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
        line["state"].as_str().unwrap_or_default().to_owned()
    };
    let id = asked(&gait, "a.txt");
    assert_eq!(next(), "pending");
    done(gait.dir(), &["grant", &id, "--reason", "r", "--token-out", "token"]);
    assert_eq!(next(), "approved");
    let token = fs::read_to_string(gait.dir().join("token")).unwrap();
    publish(&gait, "a.txt", &format!("Gait-Approval: {}\r\n", token.trim()));
    // Whether the moment in which it runs is seen is a matter of luck.
    while next() != "executed" {}
    let pid = watch.id().to_string();
    assert!(Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
    assert_eq!(watch.wait().unwrap().code(), Some(0));
}

/// A gait with its admin listener at `listen`, on a policy under which everything wants an approval.
fn gait(listen: &str, more: &str, files: &[(&str, &str)]) -> Gait {
    let tool = Recorder::start().address;
    let config = format!(
        "server: {{ listen: \"127.0.0.1:0\" }}\ntelemetry: {{ listen: \"127.0.0.1:0\" }}\n\
         state_dir: ./state\npolicy: ./policy.yaml\nstage: enforce\n{more}\
         unmapped: {{ action: deny }}\nupstreams: {{ tool: {{ url: \"http://{tool}\" }} }}\nroutes:\n\
         - {{ name: a, match: {{ methods: [PUT], path: \"/{{path*}}\" }}, upstream: tool, intent: \
         {{ tool_name: a, risk_class: high }} }}\n"
    );
    let dir = TempDir::new().unwrap();
    let own = [("gait.yaml", &*config), ("policy.yaml", "default_verdict: require_approval\n")];
    for (name, text) in own.iter().chain(files) {
        fs::write(dir.path().join(name), text).unwrap();
    }
    let arguments = ["proxy", "--config", "gait.yaml"];
    Gait::launch(dir, &arguments, &[("GAIT__ADMIN__LISTEN", listen)])
}

#[test]
fn a_listener_with_tls_is_asked_over_tls() {
    let authority = Authority::new("ca");
    let pair = authority.server(&["localhost", "127.0.0.1"]);
    let files =
        [("admin.pem", pair.cert.as_str()), ("admin.key", &pair.key), ("ca.pem", &authority.pem())];
    let tls = "admin: { tls: { cert: admin.pem, key: admin.key } }\n";
    let gait = gait("127.0.0.1:0", tls, &files);
    let id = asked(&gait, "a");
    let at = format!("https://localhost:{}", gait.listener("admin").rsplit(':').next().unwrap());
    for place in [&["--ca", "ca.pem"][..], &["--ca", "ca.pem", "--admin", &at]] {
        assert!(done(gait.dir(), &[&["list"], place].concat()).contains(&id));
    }
    refused(gait.dir(), &["list"], 1, "where the listener has `tls`, write https://");
    refused(gait.dir(), &["list", "--admin", &at], 1, "TLS failed");
}

#[test]
fn a_unix_socket_is_found_by_the_state_directory() {
    let gait = gait("unix:admin.sock", "", &[]);
    let id = asked(&gait, "a");
    assert!(done(gait.dir(), &["list"]).contains(&id));
    done(gait.dir(), &["deny", &id, "--reason", "r", "--admin", "unix:admin.sock"]);
}

#[test]
fn nobody_approves_their_own_call() {
    let approvers = "approvals: { approvers: [ { name: me, logins: [local], identities: [anonymous] } ] }\n\
                     identity: { anonymous: anonymous }\n";
    let gait = gait("127.0.0.1:0", approvers, &[]);
    let id = asked(&gait, "a");
    assert!(done(gait.dir(), &["show", &id]).contains("approver_is_requester"));
    refused(gait.dir(), &["grant", &id, "--reason", "r"], 6, "somebody else must decide it");
}

#[test]
fn a_store_that_is_gone_is_the_machines_fault() {
    let gait = gait("127.0.0.1:0", "", &[]);
    asked(&gait, "a");
    fs::rename(gait.dir().join("state/approvals.db"), gait.dir().join("gone")).unwrap();
    wait_for("the store to notice", || {
        (approvals(gait.dir(), &["list"]).status.code() == Some(1)).then_some(())
    });
}
