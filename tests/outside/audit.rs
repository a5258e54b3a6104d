//! The evidence of a gait that runs, read while it is written: `gait trace tail -f` over a restart,
//! and what `show` says of a call that somebody approved.

use crate::support::{Gait, Recorder, Response, Setup, get, run_to_end, send, wait_for};
use serde_json::Value;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;
use tempfile::TempDir;

const ANY_PORT: [(&str, &str); 2] =
    [("GAIT__SERVER__LISTEN", "127.0.0.1:0"), ("GAIT__TELEMETRY__LISTEN", "127.0.0.1:0")];

/// A `gait trace tail -f` whose lines are read by a thread.
struct Tail {
    child: Child,
    lines: Receiver<Value>,
}

impl Tail {
    fn start(dir: &Path) -> Tail {
        let mut child = Command::new(env!("CARGO_BIN_EXE_gait"))
            .args(["trace", "tail", "-n", "1000", "-f", "--filter", "kind=call", "--json"])
            .current_dir(dir)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (sender, lines) = channel();
        let out = BufReader::new(child.stdout.take().unwrap());
        std::thread::spawn(move || {
            for line in out.lines().map_while(Result::ok) {
                let _read = sender.send(serde_json::from_str(&line).unwrap());
            }
        });
        Tail { child, lines }
    }

    fn next(&self) -> Value {
        self.lines.recv_timeout(Duration::from_secs(20)).expect("a line of tail -f")
    }
}

impl Drop for Tail {
    fn drop(&mut self) {
        let _ended = self.child.kill();
        let _reaped = self.child.wait();
    }
}

fn observing(tool: &Recorder) -> Setup {
    let mut setup = Setup::fixture("json_server", tool.address);
    setup.config = setup.config.replace("STAGE", "observe");
    setup
}

#[test]
fn tail_follows_a_gait_over_its_death() {
    let tool = Recorder::start();
    let setup = observing(&tool);
    let gait = setup.start();
    assert_eq!(send(gait.server, get("/files/1")).status, 200);
    wait_for("the line", || {
        gait.evidence().iter().any(|line| line["kind"] == "call").then_some(())
    });
    let mut tail = Tail::start(gait.dir());
    let first = tail.next();
    assert_eq!((&first["route"], &first["status"]), (&"files.read".into(), &200.into()));
    for id in 2..5 {
        assert_eq!(send(gait.server, get(&format!("/files/{id}"))).status, 200);
        assert!(tail.next()["seq"].as_u64() > first["seq"].as_u64());
    }
    let gait = setup.start_in(gait.kill());
    assert_eq!(send(gait.server, get("/files/9")).status, 200);
    assert_eq!(tail.next()["route"], "files.read");

    let pid = tail.child.id().to_string();
    assert!(Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
    assert_eq!(tail.next()["ok"], true);
    assert_eq!(wait_for("tail to end", || tail.child.try_wait().unwrap()).code(), Some(0));
}

#[test]
fn tail_ends_where_nobody_reads() {
    let tool = Recorder::start();
    let gait = observing(&tool).start();
    assert_eq!(send(gait.server, get("/files/1")).status, 200);
    let script = format!("'{}' trace tail -f | head -n 1", env!("CARGO_BIN_EXE_gait"));
    let mut shell = Command::new("sh")
        .args(["-c", &script])
        .current_dir(gait.dir())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // Each line that comes tells it that the reader is gone.
    wait_for("the pipe to end", || {
        assert_eq!(send(gait.server, get("/files/2")).status, 200);
        shell.try_wait().unwrap()
    });
    let said = std::io::read_to_string(shell.stderr.take().unwrap()).unwrap();
    assert_eq!(said, "");
}

/// Publishes a file; `lines` are further header fields.
fn publish(gait: &Gait, lines: &str) -> Response {
    let head = format!("PUT /v1/files/public/a.txt HTTP/1.1\r\nHost: h\r\n{lines}");
    send(gait.server, head + "Content-Length: 2\r\nConnection: close\r\n\r\nhi")
}

fn shown(dir: &Path, id: &str) -> Value {
    let output = run_to_end(dir, &["trace", "show", id, "--json"]);
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn who_approved_a_call_is_told_with_it() {
    let gait = Gait::launch(TempDir::new().unwrap(), &["proxy"], &ANY_PORT);
    let asked = publish(&gait, "");
    assert_eq!(asked.status, 428, "{}", asked.text());
    let request = asked.json()["approval_id"].as_str().unwrap().to_owned();
    let granted =
        run_to_end(gait.dir(), &["approvals", "grant", &request, "--reason", "seen and fine"]);
    let granted = String::from_utf8(granted.stdout).unwrap();
    let header = granted.lines().find(|line| line.starts_with("Gait-Approval: ")).unwrap();
    let answer = publish(&gait, &format!("{header}\r\n"));
    assert_eq!(answer.status, 201, "{}", answer.text());
    let id = answer.one("gait-call-id").unwrap().to_owned();
    let story = wait_for("the outcome", || {
        let story = shown(gait.dir(), &id);
        (story["calls"][0]["ending"] == "completed").then_some(story)
    });
    let lines = story["calls"][0]["lines"].as_array().unwrap();
    assert_eq!((&lines[0]["line"]["kind"], lines.len()), (&"decision".into(), 2), "{story}");
    let said = &story["events"][0]["line"];
    assert_eq!((&said["action"], &said["reason"]), (&"grant".into(), &"seen and fine".into()));
    // By the request, both calls are told: the one that asked and the one that went.
    let both = shown(gait.dir(), &request);
    assert_eq!(both["calls"].as_array().unwrap().len(), 2, "{both}");
    let text = run_to_end(gait.dir(), &["trace", "show", &id]);
    let text = String::from_utf8(text.stdout).unwrap();
    for part in ["approval", "grant", "seen and fine", "files.publish", "completed"] {
        assert!(text.contains(part), "{part}: {text}");
    }
}
