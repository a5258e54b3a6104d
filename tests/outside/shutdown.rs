//! Stopping, by request and by force: nothing is cut, nothing goes unrecorded.

use crate::support::{Conn, Gait, Recorder, Setup, Then, get, run_to_end, send, wait_for};
use std::io::Write;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

/// A tool that takes its time.
fn slow(pause: Duration) -> Recorder {
    Recorder::answering(move |_, stream| {
        thread::sleep(pause);
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ndone")?;
        Ok(Then::Keep)
    })
}

/// The fixture, with this much patience when it stops.
fn stopping(tool: &Recorder, delay: &str, deadline: &str) -> Gait {
    let lines = format!("timeouts: {{ drain_delay: {delay}, drain_deadline: {deadline} }}\n");
    Setup::fixture("security", tool.address).with(&lines).start()
}

#[test]
fn a_drain_cuts_no_call() {
    let tool = slow(Duration::from_millis(1500));
    let mut gait = stopping(&tool, "3s", "20s");
    let mut conns: Vec<_> = (0..50).map(|_| Conn::open(gait.server)).collect();
    for conn in &mut conns {
        conn.write(get("/health"));
    }
    wait_for("every call to reach the tool", || (tool.count() == 50).then_some(()));
    gait.signal("TERM");
    // First not ready, but still accepting: a balancer needs the time to notice.
    wait_for("not ready", || (gait.telemetry("/readyz").status == 503).then_some(()));
    let late = send(gait.server, get("/health"));
    assert!([200, 503].contains(&late.status), "during the delay: {late:?}");
    for conn in &mut conns {
        let answer = conn.read();
        assert_eq!((answer.status, answer.text().as_str()), (200, "done"));
    }
    assert!(gait.wait().success(), "{}", gait.log());
    assert!(Conn::try_open(gait.server).is_err(), "nobody listens any more");
    let lines = gait.evidence();
    let ends: Vec<_> = lines.iter().rev().take(2).map(|line| &line["kind"]).collect();
    assert_eq!(ends, ["seal", "stop"]);
    let closed = lines.iter().filter(|line| line["kind"] == "call").count();
    assert!(closed >= 50, "{closed} closing lines");
}

#[test]
fn new_connections_are_refused_while_old_calls_end() {
    let tool = slow(Duration::from_secs(5));
    let mut gait = stopping(&tool, "0ms", "20s");
    let mut conn = Conn::open(gait.server);
    conn.write(get("/health"));
    wait_for("the call to reach the tool", || (tool.count() == 1).then_some(()));
    gait.signal("TERM");
    let refused = || Conn::try_open(gait.server).is_err().then_some(());
    let started = Instant::now();
    wait_for("the listener to close", refused);
    assert!(started.elapsed() < Duration::from_secs(4), "while the call is in flight");
    assert_eq!(conn.read().text(), "done");
    assert!(gait.wait().success());
}

#[test]
fn a_drain_ends_at_its_deadline() {
    let tool = slow(Duration::from_secs(30));
    let mut gait = stopping(&tool, "0ms", "700ms");
    let mut conn = Conn::open(gait.server);
    conn.write(get("/health"));
    wait_for("the call to reach the tool", || (tool.count() == 1).then_some(()));
    let started = Instant::now();
    gait.signal("TERM");
    let _ended = gait.wait();
    let took = started.elapsed();
    assert!((600..5000).contains(&took.as_millis()), "{took:?}");
    let lines = gait.evidence();
    let closed = lines.iter().filter(|line| line["kind"] == "call").count();
    assert_eq!(closed, 1, "the cut call has its line: {lines:?}");
}

#[test]
fn an_idle_gait_stops_at_once_and_idle_connections_do_not_hold_it() {
    let tool = Recorder::start();
    let mut gait = stopping(&tool, "0ms", "20s");
    let mut idle = Conn::open(gait.server);
    assert_eq!(idle.write(get("/health")).read().status, 200);
    let started = Instant::now();
    gait.signal("TERM");
    assert!(gait.wait().success());
    assert!(started.elapsed() < Duration::from_secs(3), "{:?}", started.elapsed());
    assert!(idle.rest().is_empty());
}

#[test]
fn a_config_that_hangs_does_not_keep_it_from_stopping() {
    let tool = Recorder::start();
    let mut gait = stopping(&tool, "0ms", "20s");
    let config = gait.dir().join("gait.yaml");
    std::fs::remove_file(&config).unwrap();
    // Whoever opens it to read waits for a writer that never comes.
    assert!(Command::new("mkfifo").arg(&config).status().unwrap().success());
    gait.signal("HUP");
    thread::sleep(Duration::from_millis(200));
    gait.signal("TERM");
    assert!(gait.wait().success());
}

#[test]
fn two_processes_do_not_share_a_state_directory() {
    let tool = Recorder::start();
    let gait = Setup::fixture("security", tool.address).start();
    let output = run_to_end(gait.dir(), &["proxy", "--config", "gait.yaml"]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && output.status.code() != Some(124), "{output:?}");
    assert!(said.contains("state"), "{said}");
    assert!(said.contains(&gait.pid().to_string()) || said.contains("lock"), "{said}");
    assert_eq!(send(gait.server, get("/health")).status, 200, "the first goes on");
    // A crash leaves no lock behind.
    let dir = gait.kill();
    let again = Setup::fixture("security", tool.address).start_in(dir);
    assert_eq!(send(again.server, get("/health")).status, 200);
}
