//! HTTP/2 to tools: one call at a time on a connection, counted exactly, with all that HTTP/2 adds.

use crate::support::{
    Authority, Conn, Lasting, Security, Tool, address_of, get, post, send, wait_for,
};
use crate::upstream_tls::{config, folder};
use http::Version;
use std::process::{Child, Command, Stdio};
use std::thread;

/// A tool in clear text whose callers know what it speaks.
fn clear(lasting: Lasting) -> Tool {
    Tool::start(Security::default(), Version::HTTP_2, lasting)
}

const PRIOR: &str = "    http2: prior_knowledge";

#[test]
fn a_tool_is_spoken_to_with_prior_knowledge() {
    let tool = clear(Lasting::Long);
    let gait = config(&format!("http://{}", tool.address), PRIOR).start();
    let fields = "GET /v1/a%41?b=c HTTP/1.1\r\nHost: api.test\r\nTE: trailers, gzip\r\n\
                  Connection: te, keep-alive\r\nUpgrade: h2c\r\nKeep-Alive: timeout=5\r\n\
                  Proxy-Connection: keep-alive\r\nX-Plain: 1\r\n\r\n";
    assert_eq!(send(gait.server, fields).text(), "HTTP/2.0 0");
    assert_eq!(send(gait.server, post("/v1/pay", "{\"a\":1}")).text(), "HTTP/2.0 7");
    assert_eq!(send(gait.server, get("/v1/big")).body.len(), 3 << 20);
    let asked = tool.asked();
    let authority = tool.address.to_string();
    assert_eq!(asked[0].uri, format!("http://{authority}/v1/aA?b=c"));
    let mut names: Vec<&str> = asked[0].fields.keys().map(|name| name.as_str()).collect();
    // What gait says of the way is another test's matter.
    names.retain(|name| !name.starts_with("x-forwarded-"));
    names.sort_unstable();
    assert_eq!(names, ["forwarded", "traceparent", "via", "x-plain"]);
    assert_eq!(asked[1].fields["content-length"], "7");
    assert_eq!(tool.connections(), 1, "the connection is kept");
    gait.settled().assert_law();
}

#[test]
fn alpn_chooses_and_falls_back() {
    let authority = Authority::new("ca");
    let issued = authority.server(&["127.0.0.1"]);
    for (offered, http2, want) in [
        (["h2", "http/1.1"].as_slice(), "alpn", Version::HTTP_2),
        (&["h2"], "alpn", Version::HTTP_2),
        (&["http/1.1"], "alpn", Version::HTTP_11),
        (&[], "alpn", Version::HTTP_11),
        (&["h2", "http/1.1"], "off", Version::HTTP_11),
    ] {
        let security = Security::tls(&issued, None, offered);
        let tool = Tool::start(security, Version::HTTP_11, Lasting::Long);
        let dir = folder(&[("ca.pem", &authority.pem())]);
        let more = format!("    tls: {{ ca: ca.pem }}\n    http2: {http2}");
        let gait = config(&format!("https://{}", tool.address), &more).start_in(dir);
        for _ in 0..3 {
            assert_eq!(send(gait.server, get("/v1/a")).status, 200, "{offered:?} {http2}");
        }
        let asked = tool.asked();
        assert!(asked.iter().all(|asked| asked.version == want), "{offered:?} {http2}");
        let uri = if want == Version::HTTP_2 {
            format!("https://{}/v1/a", tool.address)
        } else {
            "/v1/a".to_owned()
        };
        assert_eq!(asked[0].uri, uri);
        assert_eq!(tool.connections(), 1);
        gait.settled().assert_law();
    }
}

#[test]
fn the_host_of_the_caller_is_the_authority_where_it_is_preserved() {
    let tool = clear(Lasting::Long);
    let more = format!("{PRIOR}\n    host: preserve");
    let gait = config(&format!("http://{}", tool.address), &more).start();
    assert_eq!(send(gait.server, get("/v1/a")).status, 200);
    assert_eq!(tool.asked()[0].uri, "http://api.test/v1/a");
}

#[test]
fn trailers_of_an_answer_pass() {
    for (security, version, more) in
        [(Security::default(), Version::HTTP_2, PRIOR), (Security::default(), Version::HTTP_11, "")]
    {
        let tool = Tool::start(security, version, Lasting::Long);
        let gait = config(&format!("http://{}", tool.address), more).start();
        for _ in 0..3 {
            let mut conn = Conn::open(gait.server);
            conn.write("GET /v1/trailers HTTP/1.1\r\nHost: api.test\r\nTE: trailers\r\nConnection: te, close\r\n\r\n");
            let text = String::from_utf8_lossy(&conn.rest()).to_lowercase();
            assert!(text.starts_with("http/1.1 200"), "{text}");
            assert!(text.ends_with("0\r\ngrpc-status: 0\r\n\r\n"), "{version:?}: {text}");
        }
        assert_eq!(tool.connections(), 1, "{version:?}");
        gait.settled().assert_law();
    }
}

#[test]
fn bodies_stream_both_ways_at_once() {
    let tool = clear(Lasting::Long);
    let gait = config(&format!("http://{}", tool.address), PRIOR).start();
    for _ in 0..2 {
        let mut conn = Conn::open(gait.server);
        let head = "POST /v1/echo HTTP/1.1\r\nHost: api.test\r\nTransfer-Encoding: chunked\r\n\r\n";
        conn.write(head).write("3\r\none\r\n");
        assert_eq!(conn.head().unwrap().status, 200);
        assert_eq!(conn.chunk().unwrap(), b"one");
        conn.write("3\r\ntwo\r\n");
        assert_eq!(conn.chunk().unwrap(), b"two");
        conn.write("0\r\n\r\n");
        assert_eq!(conn.chunk().unwrap(), b"");
    }
    assert_eq!(tool.connections(), 1, "the connection is kept");
    gait.settled().assert_law();
}

#[test]
fn a_caller_who_breaks_off_is_told_apart_from_a_tool_that_does() {
    for (version, more) in [(Version::HTTP_2, PRIOR), (Version::HTTP_11, "")] {
        let tool = Tool::start(Security::default(), version, Lasting::Long);
        let gait = config(&format!("http://{}", tool.address), more).start();
        let mut conn = Conn::open(gait.server);
        let head = "POST /v1/echo HTTP/1.1\r\nHost: api.test\r\nTransfer-Encoding: chunked\r\n\r\n";
        conn.write(head).write("3\r\none\r\n");
        assert_eq!(conn.head().unwrap().status, 200);
        assert_eq!(conn.chunk().unwrap(), b"one");
        drop(conn);
        gait.settled().assert_law();
        let line = wait_for("the line", || gait.evidence().pop().filter(|l| l["kind"] == "call"));
        assert_eq!(line["ending"], "caller_gone", "{line}");
    }
}

#[test]
fn a_tool_that_takes_no_more_loses_no_call() {
    let tool = clear(Lasting::OneCall);
    let gait = config(&format!("http://{}", tool.address), PRIOR).start();
    for _ in 0..10 {
        assert_eq!(send(gait.server, get("/v1/a")).status, 200);
        assert_eq!(send(gait.server, post("/v1/pay", "{}")).status, 200);
    }
    assert_eq!(tool.asked().len(), 20);
    // A connection whose goodbye is still under way may serve once more.
    assert!((15..=20).contains(&tool.connections()), "{}", tool.connections());
    gait.settled().assert_law();
}

#[test]
fn each_call_has_a_connection_to_itself() {
    let tool = clear(Lasting::Long);
    let gait = config(&format!("http://{}", tool.address), PRIOR).start();
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..25 {
                    assert_eq!(send(gait.server, get("/v1/a")).status, 200);
                    assert_eq!(send(gait.server, post("/v1/pay", "{}")).status, 200);
                }
            });
        }
    });
    assert_eq!(tool.asked().len(), 400);
    assert!(tool.connections() <= 8 * 50, "{}", tool.connections());
    let scrape = gait.settled();
    scrape.assert_law();
    assert_eq!(scrape.total("gait_upstream_requests_total"), 400.0);
}

#[test]
fn a_tool_that_does_not_speak_it_is_told_and_counted() {
    let tool = Tool::start(Security::default(), Version::HTTP_11, Lasting::Long);
    let gait = config(&format!("http://{}", tool.address), PRIOR).start();
    let answer = send(gait.server, get("/v1/a"));
    assert_eq!((answer.status, &answer.json()["reason_codes"][0]), (502, &"upstream_reset".into()));
    assert!(tool.asked().is_empty());
    gait.settled().assert_law();
}

/// nghttpd, the server of the people who wrote HTTP/2 down; killed when dropped.
struct Nghttpd(Child);

impl Drop for Nghttpd {
    fn drop(&mut self) {
        let _ended = self.0.kill();
        let _reaped = self.0.wait();
    }
}

#[test]
fn nghttpd_is_a_tool() {
    let dir = folder(&[]);
    std::fs::create_dir(dir.path().join("v1")).unwrap();
    std::fs::write(dir.path().join("v1/a"), "hello").unwrap();
    let child = Command::new("nghttpd")
        .args(["--no-tls", "-a", "127.0.0.1", "--trailer=x-sum: 1", "-d"])
        .args([dir.path().to_str().unwrap(), "0"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("`nghttpd` starts: install nghttp2-server");
    let mut running = Nghttpd(child);
    let address = address_of(&mut running.0);
    let gait = config(&format!("http://{address}"), PRIOR).start();
    for _ in 0..20 {
        assert_eq!(send(gait.server, get("/v1/a")).text(), "hello");
        assert_eq!(send(gait.server, get("/v1/b")).status, 404);
    }
    gait.settled().assert_law();
}
