//! Bodies that flow, connections that stay, callers that leave.

use super::Bench;
use crate::support::{Conn, Recorder, Setup, Then, get, listen, post, send, wait_for};
use std::io::{Read, Write};
use std::sync::mpsc;
use std::time::Duration;

#[test]
fn server_sent_events_pass_one_by_one() {
    let (go, gone) = mpsc::channel::<()>();
    let gone = std::sync::Mutex::new(gone);
    let tool = Recorder::answering(move |_, stream| {
        stream.write_all(
            b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\
              Transfer-Encoding: chunked\r\n\r\n",
        )?;
        for event in 0..3 {
            stream.write_all(format!("8\r\ndata: {event}\n\r\n").as_bytes())?;
            // The next event waits until the caller has this one.
            let _told = gone.lock().unwrap().recv_timeout(Duration::from_secs(10));
        }
        stream.write_all(b"0\r\n\r\n")?;
        Ok(Then::Keep)
    });
    let gait = Setup::fixture("security", tool.address).start();
    let mut conn = Conn::open(gait.server);
    assert_eq!(conn.write(get("/health")).head().unwrap().status, 200);
    for event in 0..3 {
        // A proxy may cut chunks anew; what counts is that the event is here before the next.
        let mut come = Vec::new();
        while come.len() < 8 {
            come.extend(conn.chunk().unwrap());
        }
        assert_eq!(come, format!("data: {event}\n").as_bytes());
        go.send(()).unwrap();
    }
    assert!(conn.chunk().unwrap().is_empty());
    gait.settled().assert_law();
}

#[test]
fn an_upload_that_nobody_judges_streams() {
    const WHOLE: usize = 8 << 20;
    const PIECE: usize = 64 << 10;
    let (tell, told) = mpsc::channel();
    let tell = std::sync::Mutex::new(tell);
    let tool = listen(move |_, mut stream| {
        let mut piece = [0; PIECE];
        let mut all = 0;
        while let Ok(count @ 1..) = stream.read(&mut piece) {
            all += count;
            let _gone = tell.lock().unwrap().send(all);
            if all > WHOLE {
                let _gone = stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n");
            }
        }
    });
    let gait = Setup::fixture("security", tool).start();
    let mut conn = Conn::open(gait.server);
    conn.write(format!(
        "POST /v1/notes/big HTTP/1.1\r\nHost: api.test\r\nContent-Length: {WHOLE}\r\n\r\n"
    ));
    conn.write(vec![b'x'; PIECE]);
    // The tool has the first piece while the caller still holds the rest.
    let early = told.recv_timeout(Duration::from_secs(10)).expect("the first piece");
    assert!(early < WHOLE / 2, "{early}");
    for _ in 1..WHOLE / PIECE {
        conn.write(vec![b'x'; PIECE]);
    }
    assert_eq!(conn.read().status, 204);
    gait.settled().assert_law();
}

#[test]
fn one_connection_carries_many_calls() {
    let bench = Bench::start();
    let mut conn = Conn::open(bench.gait.server);
    let mut ids = Vec::new();
    for round in 0..50 {
        let (bytes, status) = match round % 3 {
            0 => (get("/health"), 200),
            1 => (post("/v1/notes/x", "{}"), 200),
            _ => (post("/v1/payments", "{}"), 428),
        };
        let answer = conn.write(bytes).read();
        assert_eq!(answer.status, status, "round {round}: {answer:?}");
        ids.push(answer.one("Gait-Call-Id").expect("a call id").to_owned());
    }
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 50, "call ids are unique");
    assert_eq!(bench.tool.count(), 34);
    // Kept connections are reused: sequential calls need no crowd of them.
    let most = bench.tool.seen().iter().map(|seen| seen.conn).max().unwrap();
    assert!(most < 5, "{most} connections to the tool");
}

#[test]
fn pipelined_calls_are_judged_and_answered_in_order() {
    let bench = Bench::start();
    let mut conn = Conn::open(bench.gait.server);
    let calls = [get("/v1/files/1"), post("/v1/payments", "{}"), get("/v1/files/2"), get("/admin")];
    conn.write(calls.concat());
    let statuses: Vec<_> = calls.iter().map(|_| conn.read().status).collect();
    assert_eq!(statuses, [200, 428, 200, 403]);
    let seen: Vec<_> = bench.tool.seen().iter().map(|seen| seen.target().to_owned()).collect();
    assert_eq!(seen, ["/v1/files/1", "/v1/files/2"]);
}

#[test]
fn expect_100_continue_is_answered_when_the_head_may_go_on() {
    let bench = Bench::start();
    let head = |target: &str| {
        format!(
            "POST {target} HTTP/1.1\r\nHost: api.test\r\nExpect: 100-continue\r\n\
             Content-Type: application/json\r\nContent-Length: 2\r\n\r\n"
        )
    };
    let mut conn = Conn::open(bench.gait.server);
    conn.write(head("/v1/notes/x"));
    std::thread::sleep(Duration::from_millis(50));
    let answer = conn.write("{}").read();
    assert_eq!((answer.status, answer.interim.as_slice()), (200, &[100][..]));
    // A call that its head already condemns is refused before its body is asked for.
    let answer = Conn::open(bench.gait.server).write(head("/v1/nowhere")).read();
    assert_eq!((answer.status, answer.interim.as_slice()), (403, &[][..]));
    assert_eq!(bench.tool.count(), 1);
}

#[test]
fn a_caller_who_leaves_leaves_nothing_open() {
    let tool = Recorder::answering(|_, stream| {
        std::thread::sleep(Duration::from_millis(100));
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")?;
        Ok(Then::Keep)
    });
    let gait = Setup::fixture("security", tool.address).start();
    for _ in 0..10 {
        let mut conn = Conn::open(gait.server);
        conn.write(get("/health"));
        std::thread::sleep(Duration::from_millis(10));
        drop(conn);
        let mut conn = Conn::open(gait.server);
        conn.write(
            "POST /v1/transfers HTTP/1.1\r\nHost: api.test\r\nContent-Length: 9\r\n\r\n{\"am",
        );
        drop(conn);
    }
    let scrape = gait.settled();
    scrape.assert_law();
    let done = || {
        let ended = gait.evidence().iter().filter(|line| line["ending"].is_string()).count();
        (ended >= 10).then_some(())
    };
    wait_for("a closing line for every call that reached the tool", done);
    assert_eq!(send(gait.server, get("/health")).status, 200);
}

#[test]
fn a_protected_stream_that_lost_its_caller_is_read_on_but_not_for_long() {
    let (tell, closed) = mpsc::channel();
    let tell = std::sync::Mutex::new(tell);
    let tool = Recorder::answering(move |_, stream| {
        stream.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")?;
        let mut events = 0;
        while stream.write_all(b"2\r\nok\r\n").is_ok() {
            events += 1;
            std::thread::sleep(Duration::from_millis(20));
        }
        let _gone = tell.lock().unwrap().send(events);
        Ok(Then::Close)
    });
    let config = format!(
        "server: {{ listen: \"127.0.0.1:0\" }}\nstage: enforce\ntimeouts: {{ first_byte: 500ms }}\n\
         upstreams: {{ tool: {{ url: \"http://{}\" }} }}\nroutes:\n  \
         - {{ name: events, upstream: tool, intent: {{ tool_name: t, risk_class: high }} }}\n",
        tool.address
    );
    let setup = Setup { config, policy: "default_verdict: allow\n".into() };
    let gait = setup.start();
    let mut conn = Conn::open(gait.server);
    assert_eq!(conn.write(get("/events")).head().unwrap().status, 200);
    assert_eq!(conn.chunk().unwrap(), b"ok");
    drop(conn);
    let events: usize = closed.recv_timeout(Duration::from_secs(10)).unwrap();
    assert!(events > 10, "cut off after {events} events");
    gait.settled().assert_law();
    let outcome = || gait.evidence().into_iter().find(|line| line["kind"] == "outcome");
    let outcome = wait_for("the outcome of the call", outcome);
    assert_eq!((&outcome["ending"], &outcome["status"]), (&"caller_gone".into(), &200.into()));
}

#[test]
fn an_upload_that_its_caller_breaks_off_is_not_laid_to_the_tool() {
    let tool = Recorder::start();
    let gait = Setup::fixture("security", tool.address).with("timeouts: { idle: 400ms }\n").start();
    let begin = "POST /v1/notes/x HTTP/1.1\r\nHost: api.test\r\nContent-Type: text/plain\r\n\
                 Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n";
    let mut pausing = Conn::open(gait.server);
    let answer = pausing.write(begin).read();
    assert_eq!((answer.status, answer.one("Connection")), (408, Some("close")));
    assert_eq!(answer.json()["reason_codes"][0], "body_timeout");
    assert_eq!(answer.json()["executed"], "unknown");
    let mut garbled = Conn::open(gait.server);
    let answer = garbled.write(format!("{begin}XX\r\n")).read();
    assert_eq!(answer.status, 400);
    assert_eq!(answer.json()["reason_codes"][0], "body_incomplete");
    Conn::open(gait.server).write(begin);
    let endings = wait_for("three lines", || {
        let lines = gait.evidence();
        let calls: Vec<_> = lines.iter().filter(|line| line["kind"] == "call").collect();
        let endings: Vec<_> = calls.iter().map(|line| line["ending"].clone()).collect();
        (endings.len() == 3).then_some(endings)
    });
    assert_eq!(endings, ["timed_out", "caller_gone", "caller_gone"]);
    assert_eq!(tool.count(), 0);
    gait.settled().assert_law();
}
