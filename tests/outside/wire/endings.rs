//! Classes retry and resp: tools that are down, late, broken or hostile.

use super::{Bench, refused};
use crate::support::{Conn, Gait, HeldPort, Recorder, Setup, Then, get, listen, post, send};
use std::io::Write;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

fn before(upstream: SocketAddr) -> Gait {
    Setup::fixture("security", upstream).start()
}

/// A gait before a tool that answers everything with these bytes and then does `then`.
fn answering(bytes: &'static [u8], then: Then) -> Bench {
    let tool = Recorder::answering(move |_, stream| {
        stream.write_all(bytes)?;
        Ok(then)
    });
    Bench { gait: before(tool.address), tool }
}

#[test]
fn a_tool_that_is_down_is_502_at_once() {
    let nobody = HeldPort::take();
    let gait = before(nobody.address);
    let started = Instant::now();
    let answer = send(gait.server, get("/health"));
    refused(&answer, 502).unwrap();
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
    assert_eq!(answer.json()["disposition"].as_str(), answer.one("Gait-Disposition"));
    let scrape = gait.settled();
    scrape.assert_law();
    assert_eq!(scrape.total("gait_upstream_requests_total"), 0.0);
    assert_eq!(scrape.total("gait_permits_unused_total"), 1.0);
}

#[test]
fn a_tool_that_is_late_is_504_and_nobody_says_that_it_did_not_execute() {
    let tool = Recorder::answering(|_, _| {
        std::thread::sleep(Duration::from_secs(3));
        Ok(Then::Close)
    });
    let timeouts = "timeouts: { first_byte: 400ms }\n";
    let gait = Setup::fixture("security", tool.address).with(timeouts).start();
    let started = Instant::now();
    let answer = send(gait.server, post("/v1/notes/x", "{}"));
    let took = started.elapsed();
    assert_eq!(answer.status, 504, "{answer:?}");
    assert!((360..2900).contains(&took.as_millis()), "{took:?}");
    assert_eq!(answer.json()["executed"], "unknown");
    assert_eq!(tool.count(), 1);
    gait.settled().assert_law();
}

#[test]
fn an_answer_that_stops_behind_its_head_ends_in_the_time_for_all_of_it() {
    let tool = Recorder::answering(|_, stream| {
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n")?;
        std::thread::sleep(Duration::from_secs(20));
        Ok(Then::Close)
    });
    let timeouts = "timeouts: { total: 1s, idle: 10s }\n";
    let gait = Setup::fixture("security", tool.address).with(timeouts).start();
    let started = Instant::now();
    let mut conn = Conn::open(gait.server);
    assert!(conn.write(get("/health")).try_read().is_err());
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
    gait.settled().assert_law();
}

/// Answers that no caller should ever see.
const GARBAGE: [&[u8]; 14] = [
    b"",
    b"garbage\r\n\r\n",
    b"HTTP/1.1 abc OK\r\n\r\n",
    b"HTTP/9.9 200 OK\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Le",
    b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nhi!",
    b"HTTP/1.1 200 OK\r\nContent-Length: +2\r\n\r\nhi",
    b"HTTP/1.1 200 OK\r\nX: a\0b\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\n X: folded first\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nX y\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: foo\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"HTTP/1.1 099 Low\r\nContent-Length: 0\r\n\r\n",
];

#[test]
fn garbage_is_502_and_a_post_is_never_sent_again() {
    for bytes in GARBAGE {
        let shown = String::from_utf8_lossy(bytes);
        let bench = answering(bytes, Then::Close);
        let answer = send(bench.gait.server, post("/v1/notes/x", "{}"));
        assert_eq!(answer.status, 502, "after {shown:?}: {answer:?}");
        assert_eq!(answer.json()["executed"], "unknown", "after {shown:?}");
        assert_eq!(bench.tool.count(), 1, "after {shown:?}");
        bench.gait.settled().assert_law();
    }
}

#[test]
fn an_answer_that_breaks_off_never_looks_whole() {
    let cut: [&[u8]; 2] = [
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n12345\r\n",
    ];
    for bytes in cut {
        let bench = answering(bytes, Then::Close);
        let answer = Conn::open(bench.gait.server).write(get("/health")).try_read();
        assert!(answer.is_err(), "a short body passed as whole: {answer:?}");
        bench.gait.settled().assert_law();
    }
}

#[test]
fn an_extra_answer_goes_to_nobody() {
    let extra = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi\
                  HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nEVIL";
    let bench = answering(extra, Then::Keep);
    for _ in 0..5 {
        let answer = send(bench.gait.server, get("/health"));
        assert_eq!((answer.status, answer.text().as_str()), (200, "hi"));
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_kept_connection_that_died_costs_no_second_post() {
    let tool = Recorder::answering(|seen, stream| {
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")?;
        // The second request on a connection finds it dying.
        Ok(if seen.target().ends_with("last") { Then::Close } else { Then::Keep })
    });
    let gait = before(tool.address);
    for round in 0..10 {
        send(gait.server, post(&format!("/v1/notes/{round}"), "{}"));
        send(gait.server, post(&format!("/v1/notes/{round}last"), "{}"));
        std::thread::sleep(Duration::from_millis(5));
    }
    let mut targets: Vec<_> = tool.seen().iter().map(|seen| seen.target().to_owned()).collect();
    let all = targets.len();
    targets.sort();
    targets.dedup();
    assert_eq!(targets.len(), all, "a call was sent twice");
    gait.settled().assert_law();
}

#[test]
fn the_tools_own_fields_come_back_and_ours_it_cannot_set() {
    let bytes = b"HTTP/1.1 201 Created\r\nX-Tool: 1\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n\
                  Gait-Verdict: block\r\nGait-Call-Id: x\r\nGait-Executed: no\r\n\
                  Keep-Alive: timeout=9\r\nConnection: x-hop\r\nX-Hop: 1\r\nETag: \"e\"\r\n\
                  Content-Length: 2\r\n\r\nhi";
    let bench = answering(bytes, Then::Keep);
    let answer = send(bench.gait.server, get("/health"));
    assert_eq!((answer.status, answer.text().as_str()), (201, "hi"));
    assert_eq!(answer.one("X-Tool"), Some("1"));
    assert_eq!(answer.one("ETag"), Some("\"e\""));
    assert_eq!(answer.all("Set-Cookie"), ["a=1", "b=2"]);
    assert_eq!(answer.one("Gait-Verdict"), Some("allow"));
    assert_eq!(answer.one("Gait-Disposition"), Some("forwarded"));
    assert_ne!(answer.one("Gait-Call-Id"), Some("x"));
    for gone in ["Gait-Executed", "X-Hop", "Gait-Simulated"] {
        assert_eq!(answer.one(gone), None, "{gone}");
    }
}

#[test]
fn answers_without_a_body_stay_without() {
    for (bytes, status) in [
        (&b"HTTP/1.1 204 No Content\r\n\r\n"[..], 204),
        (b"HTTP/1.1 304 Not Modified\r\nETag: \"e\"\r\n\r\n", 304),
        (b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n", 204),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 304 Not Modified\r\n\r\n", 304),
    ] {
        let bench = answering(bytes, Then::Keep);
        let mut conn = Conn::open(bench.gait.server);
        for _ in 0..2 {
            assert_eq!(conn.write(get("/health")).read().status, status);
        }
    }
    let bench = Bench::start();
    let mut conn = Conn::open(bench.gait.server);
    for _ in 0..2 {
        conn.write("HEAD /v1/files/a HTTP/1.1\r\nHost: api.test\r\n\r\n");
        let answer = conn.head().unwrap();
        assert_eq!((answer.status, answer.one("Content-Length")), (200, Some("11")));
    }
}

#[test]
fn an_answer_that_ends_with_its_connection_is_whole() {
    for bytes in [&b"HTTP/1.0 200 OK\r\n\r\nto the end"[..], b"HTTP/1.1 200 OK\r\n\r\nto the end"] {
        let bench = answering(bytes, Then::Close);
        let answer = send(bench.gait.server, get("/health"));
        assert_eq!((answer.status, answer.text().as_str()), (200, "to the end"));
    }
}

#[test]
fn a_tool_of_http_1_0_gets_the_whole_of_a_body_whose_length_nobody_knows() {
    let bytes = b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nhi";
    let bench = answering(bytes, Then::Keep);
    let mut conn = Conn::open(bench.gait.server);
    assert_eq!(conn.write(get("/health")).read().status, 200);
    conn.write(
        "POST /v1/notes/x HTTP/1.1\r\nHost: api.test\r\nContent-Type: text/plain\r\n\
         Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    );
    assert_eq!(conn.read().status, 200);
    assert_eq!(bench.tool.seen()[1].body, b"hello");
}

#[test]
fn the_caller_is_answered_in_gaits_own_version_of_http() {
    let bench = answering(b"HTTP/1.0 200 OK\r\n\r\nto the end", Then::Close);
    let mut conn = Conn::open(bench.gait.server);
    conn.write("GET /health HTTP/1.1\r\nHost: api.test\r\nConnection: close\r\n\r\n");
    let answer = String::from_utf8(conn.rest()).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(answer.ends_with("to the end\r\n0\r\n\r\n"), "{answer}");
    let mut old = Conn::open(bench.gait.server);
    old.write("GET /health HTTP/1.0\r\nHost: api.test\r\n\r\n");
    let answer = String::from_utf8(old.rest()).unwrap();
    assert!(answer.starts_with("HTTP/1.0 200 OK\r\n"), "{answer}");
    assert!(answer.ends_with("\r\n\r\nto the end"), "{answer}");
}

#[test]
fn trailers_of_an_answer_do_no_harm() {
    let bytes = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n\
                  2\r\nhi\r\n0\r\nX-Sum: 1\r\nGait-Verdict: block\r\n\r\n";
    let bench = answering(bytes, Then::Keep);
    let mut conn = Conn::open(bench.gait.server);
    for _ in 0..2 {
        let answer = conn.write(get("/health")).read();
        assert_eq!((answer.status, answer.text().as_str()), (200, "hi"));
    }
}

#[test]
fn a_tool_that_hangs_up_at_once_is_502() {
    let address = listen(|_, stream| drop(stream));
    let gait = before(address);
    for _ in 0..5 {
        assert_eq!(send(gait.server, post("/v1/notes/x", "{}")).status, 502);
    }
    gait.settled().assert_law();
}
