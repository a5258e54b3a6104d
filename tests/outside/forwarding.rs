//! What tools are told of the way of a call, and what callers cannot make them believe.

use crate::support::{Conn, Gait, Recorder, Seen, Setup, Then, get, send};
use std::io::Write;

/// A gait that says everything in front of a recorder.
fn bench(forwarding: &str) -> (Gait, Recorder) {
    let tool = Recorder::start();
    let mut setup = Setup::fixture("security", tool.address);
    setup.config = setup.config.replace("forwarding: { emit: [] }", forwarding);
    (setup.start(), tool)
}

/// One GET with these lines; what the tool saw of it.
fn asked(gait: &Gait, tool: &Recorder, lines: &str) -> Seen {
    let request = format!("GET /health HTTP/1.1\r\nHost: api.test\r\n{lines}\r\n");
    assert_eq!(send(gait.server, request).status, 200, "{lines}");
    let mut seen = tool.take();
    assert_eq!(seen.len(), 1, "{lines}");
    seen.remove(0)
}

const CLAIMS: [&str; 16] = [
    "Forwarded: for=203.0.113.9",
    "FORWARDED: for=203.0.113.9",
    "X-Forwarded-For: 203.0.113.9",
    "x_forwarded_for: 203.0.113.9",
    "X.Forwarded.For: 203.0.113.9",
    "X-Forwarded-Proto: https;203.0.113.9",
    "X-Forwarded-Host: 203.0.113.9",
    "X_Forwarded-Host: 203.0.113.9",
    "X-Forwarded-Port: 2030113",
    "X-Forwarded: 203.0.113.9",
    "X-Forwarded-Prefix: /203.0.113.9",
    "X-Forwarded-Server: 203.0.113.9",
    "X-Real-IP: 203.0.113.9",
    "X_Real_IP: 203.0.113.9",
    "X-Client-IP: 203.0.113.9",
    "Connection: x-hop\r\nX-Hop: 203.0.113.9",
];

#[test]
fn a_stranger_speaks_for_nobody() {
    let (gait, tool) = bench("forwarding: { trusted: { cidrs: [10.0.0.0/8] } }");
    for claim in CLAIMS {
        let seen = asked(&gait, &tool, &format!("{claim}\r\n"));
        let told = seen.head.to_lowercase();
        assert!(!told.contains("203.0.113") && !told.contains("2030113"), "{claim}: {told}");
        assert_eq!(seen.all("forwarded"), ["for=127.0.0.1;host=api.test;proto=http"], "{claim}");
        assert_eq!(seen.all("x-forwarded-for"), ["127.0.0.1"], "{claim}");
        assert_eq!(seen.all("x-forwarded-proto"), ["http"], "{claim}");
        assert_eq!(seen.all("x-forwarded-host"), ["api.test"], "{claim}");
        assert_eq!(seen.all("x-forwarded-port"), ["80"], "{claim}");
        assert_eq!(seen.all("via"), ["1.1 gait"], "{claim}");
    }
}

#[test]
fn a_trusted_peer_is_believed_but_not_in_other_spellings() {
    let (gait, tool) = bench("forwarding: { trusted: { cidrs: [127.0.0.0/8] }, via: edge-1 }");
    let seen = asked(
        &gait,
        &tool,
        "Forwarded: for=\"[2001:db8::9]:80\";proto=https\r\nX-Forwarded-For: 203.0.113.9\r\n\
         x_forwarded_for: 203.0.113.66\r\nX-Forwarded-For: 203.0.113.10:7\r\n\
         X-Forwarded-Proto: https\r\nX-Forwarded-Host: shop.test\r\nVia: 1.0 cache\r\n",
    );
    let chain = "for=\"[2001:db8::9]:80\";proto=https, for=127.0.0.1;host=api.test;proto=http";
    assert_eq!(seen.all("forwarded"), [chain]);
    assert_eq!(seen.all("x-forwarded-for"), ["203.0.113.9, 203.0.113.10:7, 127.0.0.1"]);
    assert_eq!(seen.all("x-forwarded-proto"), ["https"]);
    assert_eq!(seen.all("x-forwarded-host"), ["shop.test"]);
    assert_eq!(seen.all("via"), ["1.0 cache, 1.1 edge-1"]);
    assert!(!seen.head.contains("203.0.113.66"));
    let seen = asked(&gait, &tool, "Forwarded: for=2001:db8::9\r\nX-Forwarded-For: evil\r\n");
    assert_eq!(seen.all("forwarded"), ["for=127.0.0.1;host=api.test;proto=http"]);
    assert_eq!(seen.all("x-forwarded-for"), ["127.0.0.1"]);
}

#[test]
fn nothing_is_told_where_nothing_is_to_be_told() {
    let (gait, tool) = bench("forwarding: { trusted: { cidrs: [127.0.0.0/8] }, emit: [] }");
    let seen = asked(&gait, &tool, "X-Forwarded-For: 203.0.113.9\r\nForwarded: for=_a\r\n");
    let names = ["forwarded", "x-forwarded-for", "x-forwarded-proto", "x-forwarded-host"];
    assert!(names.iter().all(|name| seen.all(name).is_empty()), "{}", seen.head);
}

#[test]
fn a_trace_goes_on_and_gait_is_the_parent() {
    let (gait, tool) = bench("");
    let (trace, parent) = ("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7");
    let lines = format!("traceparent: 00-{trace}-{parent}-00\r\ntracestate: a=1\r\n");
    let lines = format!("{lines}tracestate: b=2\r\n");
    let mut parents = Vec::new();
    for _ in 0..2 {
        let seen = asked(&gait, &tool, &lines);
        let told = seen.all("traceparent").concat();
        assert!(told.starts_with(&format!("00-{trace}-")) && told.ends_with("-00"), "{told}");
        assert!(!told.contains(parent) && told.len() == 55, "{told}");
        assert_eq!(seen.all("tracestate"), ["a=1,b=2"]);
        parents.push(told);
    }
    assert_ne!(parents[0], parents[1]);
    for bad in ["", "00-0-0-00", &format!("00-{}-{parent}-01", "0".repeat(32))] {
        let seen = asked(&gait, &tool, &format!("traceparent: {bad}\r\ntracestate: a=1\r\n"));
        assert_eq!(seen.all("traceparent").concat().len(), 55, "{bad}");
        assert!(!seen.head.contains(trace) && seen.all("tracestate").is_empty(), "{bad}");
    }
}

#[test]
fn a_request_that_only_observe_lets_through_is_told_of_as_well() {
    let tool = Recorder::start();
    let setup = Setup::fixture("security", tool.address);
    let config = format!(
        "server: {{ listen: \"127.0.0.1:0\" }}\nstage: observe\n\
         upstreams: {{ api: {{ url: \"http://{}\" }} }}\nroutes: []\n",
        tool.address
    );
    let gait = Setup { config, ..setup }.start();
    let request = get("/a//b/%2e%2e/c").replace("\r\n\r\n", "\r\nX-Forwarded-For: 9.9.9.9\r\n\r\n");
    assert_eq!(send(gait.server, request).status, 200);
    let seen = tool.take().remove(0);
    assert_eq!(seen.target(), "/a//b/%2e%2e/c");
    assert_eq!(seen.all("x-forwarded-for"), ["127.0.0.1"]);
    assert_eq!(seen.all("forwarded"), ["for=127.0.0.1;host=api.test;proto=http"]);
    assert_eq!(seen.all("via"), ["1.1 gait"]);
}

#[test]
fn trailers_of_an_answer_reach_a_caller_who_wants_them_but_for_those_of_gait() {
    let tool = Recorder::answering(|_, stream| {
        stream.write_all(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: Digest, Gait-Verdict\r\n\r\n\
              2\r\nhi\r\n0\r\nDigest: x\r\nGait-Verdict: block\r\n\r\n",
        )?;
        Ok(Then::Keep)
    });
    let gait = Setup::fixture("security", tool.address).start();
    for (te, wanted) in [("TE: trailers\r\n", "digest: x"), ("", "")] {
        let lines = format!("{te}Connection: TE, close\r\n");
        let mut conn = Conn::open(gait.server);
        conn.write(format!("GET /health HTTP/1.1\r\nHost: api.test\r\n{lines}\r\n"));
        assert_eq!(conn.head().unwrap().status, 200);
        let rest = String::from_utf8(conn.rest()).unwrap().to_lowercase();
        assert!(rest.starts_with("2\r\nhi\r\n0\r\n") && rest.contains(wanted), "{te}: {rest}");
        assert!(!rest.contains("block") && rest.contains("digest") != wanted.is_empty(), "{rest}");
    }
}
