//! Limits: what is too large, too many or too slow is refused, and gait goes on.

use super::{Bench, refused};
use crate::support::{Conn, Recorder, Response, Setup, Then, get, post, send, wait_for};
use std::io::Write;
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Bounds small enough to be reached.
const LIMITS: &str = "limits: { head_bytes: 16384, headers: 32, judged_body_bytes: 4096, \
                      body_budget_bytes: 65536, connections: 64 }\n\
                      timeouts: { head: 500ms, body: 500ms, idle: 500ms }\n";

/// The fixture with small bounds.
fn small() -> Bench {
    with(LIMITS)
}

fn with(limits: &str) -> Bench {
    let tool = Recorder::start();
    let gait = Setup::fixture("security", tool.address).with(limits).start();
    Bench { gait, tool }
}

/// A tool invocation with a body of `size` bytes.
fn invocation(size: usize) -> String {
    let frame = r#"{"tool":"read_file","a":""}"#;
    format!(r#"{{"tool":"read_file","a":"{}"}}"#, "x".repeat(size - frame.len()))
}

/// Sends, and checks that gait still answers others.
fn sent(bench: &Bench, bytes: &str) -> Response {
    let answer = send(bench.gait.server, bytes);
    assert_eq!(send(bench.gait.server, get("/health")).status, 200);
    answer
}

#[test]
fn heads_are_bounded() {
    let bench = small();
    let with = |lines: &str| format!("GET /health HTTP/1.1\r\nHost: api.test\r\n{lines}\r\n");
    let many: String = (0..200).map(|n| format!("X-{n}: y\r\n")).collect();
    assert_eq!(sent(&bench, &with(&many)).status, 431);
    assert_eq!(sent(&bench, &with(&format!("X: {}\r\n", "y".repeat(40_000)))).status, 431);
    let long = sent(&bench, &get(&format!("/v1/files/{}", "y".repeat(40_000)))).status;
    assert!([414, 431].contains(&long), "{long}");
    let few: String = (0..20).map(|n| format!("X-{n}: y\r\n")).collect();
    assert_eq!(sent(&bench, &with(&few)).status, 200);
}

#[test]
fn judged_bodies_are_bounded_in_every_framing() {
    let bench = small();
    assert_eq!(sent(&bench, &post("/v1/tools/invoke", &invocation(4096))).status, 200);
    let over = invocation(4097);
    refused(&sent(&bench, &post("/v1/tools/invoke", &over)), 413).unwrap();
    let chunked = format!(
        "POST /v1/tools/invoke HTTP/1.1\r\nHost: api.test\r\nContent-Type: application/json\r\n\
         Transfer-Encoding: chunked\r\n\r\n{:x}\r\n{over}\r\n0\r\n\r\n",
        over.len()
    );
    refused(&sent(&bench, &chunked), 413).unwrap();
    // Announced only: refused before the bytes are asked for.
    let announced = "POST /v1/tools/invoke HTTP/1.1\r\nHost: api.test\r\n\
                     Content-Type: application/json\r\nContent-Length: 1000000000\r\n\r\n";
    refused(&sent(&bench, announced), 413).unwrap();
    // A route that judges no body has no such bound.
    assert_eq!(sent(&bench, &post("/v1/notes/x", &over.repeat(10))).status, 200);
}

#[test]
fn slow_heads_and_slow_bodies_end() {
    let bench = small();
    let started = Instant::now();
    let mut head = Conn::open(bench.gait.server);
    head.write("GET /health HTTP/1.1\r\nHo");
    let mut body = Conn::open(bench.gait.server);
    body.write(
        "POST /v1/tools/invoke HTTP/1.1\r\nHost: api.test\r\nContent-Type: application/json\r\n\
         Content-Length: 20\r\n\r\n{\"to",
    );
    let answer = body.read();
    refused(&answer, 408).unwrap();
    let text = String::from_utf8_lossy(&head.rest()).into_owned();
    assert!(text.is_empty() || text.starts_with("HTTP/1.1 408"), "{text}");
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
    // A streamed body that stops flowing ends too, and nobody says that it did not execute.
    let mut stream = Conn::open(bench.gait.server);
    stream.write("POST /v1/notes/x HTTP/1.1\r\nHost: api.test\r\nContent-Length: 20\r\n\r\nhalf");
    let _cut_or_answered = stream.try_read();
    bench.gait.settled().assert_law();
    assert_eq!(bench.tool.take().len(), 0, "no whole call reached the tool");
}

#[test]
fn an_idle_connection_that_ends_is_no_rejection() {
    let bench = small();
    let rejected = || bench.gait.scrape().sum("gait_rejected_total", &[("reason", "head_timeout")]);
    let mut silent = Conn::open(bench.gait.server);
    let mut kept = Conn::open(bench.gait.server);
    assert_eq!(kept.write(get("/health")).read().status, 200);
    assert!(kept.rest().is_empty() && silent.rest().is_empty());
    assert_eq!(rejected(), 0.0);
    let mut begun = Conn::open(bench.gait.server);
    begun.write("GET /health HTTP/1.1\r\n").rest();
    wait_for("the rejection", || (rejected() == 1.0).then_some(()));
}

#[test]
fn a_connection_too_many_waits_or_is_refused_and_the_rest_live() {
    let bench = small();
    let idle: Vec<_> = (0..63).map(|_| Conn::open(bench.gait.server)).collect();
    let mut served = Conn::open(bench.gait.server);
    assert_eq!(served.write(get("/health")).read().status, 200);
    drop(idle);
    std::thread::sleep(Duration::from_millis(100));
    assert_eq!(send(bench.gait.server, get("/health")).status, 200);
}

/// Asks for `/metrics` over and over and reads nothing, until the other side stops reading too.
fn deaf(address: SocketAddr) -> TcpStream {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_write_timeout(Some(Duration::from_millis(100))).unwrap();
    let ask = "GET /metrics HTTP/1.1\r\nHost: t\r\n\r\n".repeat(1_000);
    while stream.write_all(ask.as_bytes()).is_ok() {}
    stream
}

#[test]
fn scrapers_who_do_not_read_keep_nobody_from_asking_for_health() {
    let bench = small();
    let telemetry = bench.gait.telemetry;
    let deaf: Vec<_> = std::thread::scope(|scope| {
        let all: Vec<_> = (0..64).map(|_| scope.spawn(|| deaf(telemetry))).collect();
        all.into_iter().map(|one| one.join().unwrap()).collect()
    });
    let mut probe = Conn::open(telemetry);
    probe.patience(Duration::from_secs(60)).write("GET /livez HTTP/1.1\r\nHost: t\r\n\r\n");
    assert_eq!(probe.read().status, 200);
    drop(deaf);
}

#[test]
fn bodies_share_one_budget() {
    // The last of them waits for all the others.
    let bench = with(&LIMITS.replace("body: 500ms", "body: 20s"));
    let body = invocation(4096);
    let (head, tail) = body.split_at(4000);
    let begin = format!(
        "POST /v1/tools/invoke HTTP/1.1\r\nHost: api.test\r\nContent-Type: application/json\r\n\
         Content-Length: 4096\r\n\r\n{head}"
    );
    let mut conns: Vec<_> = (0..30).map(|_| Conn::open(bench.gait.server)).collect();
    for conn in &mut conns {
        conn.write(&begin);
    }
    std::thread::sleep(Duration::from_millis(150));
    let answers: Vec<_> = conns.iter_mut().map(|conn| conn.write(tail).read().status).collect();
    let held = answers.iter().filter(|status| **status == 200).count();
    // 64 KiB hold 16 bodies of 4 KiB; the others are told that we are full.
    assert!((1..=16).contains(&held), "{answers:?}");
    assert!(answers.iter().all(|status| [200, 503].contains(status)), "{answers:?}");
    assert_eq!(bench.tool.take().len(), held);
    assert_eq!(send(bench.gait.server, post("/v1/tools/invoke", &body)).status, 200);
}

#[test]
fn callers_do_not_decide_how_much_is_logged() {
    let may_answer = Arc::new(AtomicBool::new(false));
    let awaited = may_answer.clone();
    let tool = Recorder::answering(move |_, stream| {
        while !awaited.load(Ordering::Relaxed) {
            std::thread::sleep(Duration::from_millis(5));
        }
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")?;
        Ok(Then::Keep)
    });
    let one_call = "limits: { calls: 1 }\n";
    let gait = Setup::fixture("security", tool.address).with(one_call).start();
    let mut slow = Conn::open(gait.server);
    slow.write(get("/health"));
    wait_for("the call to reach the tool", || (tool.count() == 1).then_some(()));
    for _ in 0..20 {
        assert_eq!(send(gait.server, get("/health")).status, 503);
    }
    may_answer.store(true, Ordering::Relaxed);
    assert_eq!(slow.read().status, 200);
    let reason = [("reason", "evidence_unavailable")];
    assert_eq!(gait.scrape().sum("gait_rejected_total", &reason), 20.0);
    assert!(!gait.log().contains("WARN"), "{}", gait.log());
}
