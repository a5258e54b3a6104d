//! Upgrades: refused everywhere but where a route allows them, and carried there.

use crate::support::{
    Conn, Gait, Peer, Recorder, Setup, Then, post, send, wait_for, websocket_caller,
};
use serde_json::Value;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

const TAKEN: &str = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n\
                     Upgrade: websocket\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\
                     Gait-Verdict: block\r\n\r\n";
const OFFER: &str = "Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n\
                     Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n";

/// Sends back whatever comes, until nothing more does.
fn echo(stream: &mut TcpStream) {
    let mut piece = [0; 1024];
    while let Ok(count @ 1..) = stream.read(&mut piece) {
        let _gone = stream.write_all(&piece[..count]);
    }
}

/// A tool that goes over to an echo where it is asked to, and answers what else there is.
fn tool() -> Recorder {
    Recorder::answering(|seen, stream| {
        if seen.all("upgrade").is_empty() {
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nplain")?;
            return Ok(Then::Keep);
        }
        stream.write_all(TAKEN.as_bytes())?;
        echo(stream);
        Ok(Then::Close)
    })
}

/// A gait whose routes `/ws` and `/guarded` allow websockets, at this stage.
fn gait(tool: SocketAddr, stage: &str, lines: &str) -> Gait {
    let route = |name: &str, risk: &str, more: &str| {
        format!(
            "  - name: {name}\n    match: {{ path: \"/{name}\" }}\n    upstream: api\n    {more}\n    \
             intent: {{ tool_name: t.{name}, risk_class: {risk} }}\n"
        )
    };
    let config = format!(
        "server: {{ listen: \"127.0.0.1:0\" }}\nstage: {stage}\nunmapped: {{ action: deny }}\n\
         upstreams: {{ api: {{ url: \"http://{}\" }} }}\nroutes:\n{}{}{}{}{lines}",
        tool,
        route("ws", "low", "upgrade: [websocket]"),
        route("guarded", "high", "upgrade: [websocket]"),
        route("blocked", "low", "upgrade: [websocket]"),
        route("plain", "low", "upgrade: [other]"),
    );
    let policy = "schema_id: gait.gate.policy\nschema_version: \"1.0.0\"\ndefault_verdict: allow\n\
                  rules:\n  - name: no\n    effect: block\n    match: { tool_names: [t.blocked] }\n";
    Setup { config, policy: policy.to_owned() }.start()
}

fn offer(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: api.test\r\n{OFFER}\r\n")
}

/// A connection that has gone over.
fn open(gait: &Gait, path: &str) -> Conn {
    let mut conn = Conn::open(gait.server);
    let answer = conn.write(offer(path)).head().unwrap();
    assert_eq!(answer.status, 101, "{answer:?}");
    assert_eq!(answer.one("upgrade"), Some("websocket"));
    assert_eq!(answer.one("connection").map(str::to_lowercase).as_deref(), Some("upgrade"));
    assert_eq!(answer.one("sec-websocket-accept"), Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
    assert_eq!(answer.one("gait-verdict"), Some("allow"));
    assert!(answer.one("gait-call-id").is_some());
    conn
}

/// Waits for as many open tunnels.
fn tunnels(gait: &Gait, count: f64) {
    wait_for("the number of tunnels", || {
        (gait.scrape().total("gait_tunnels_open") == count).then_some(())
    });
}

/// The last line of the only call, once it is closed.
fn line(gait: &Gait) -> Value {
    wait_for("the closing line", || gait.evidence().into_iter().find(|l| l["ending"].is_string()))
}

#[test]
fn bytes_go_both_ways_and_the_record_closes_with_them() {
    let tool = tool();
    let gait = gait(tool.address, "enforce", "");
    let mut conn = Conn::open(gait.server);
    // What the caller says too early waits for the tool's word.
    let answer = conn.write(offer("/ws") + "early").head().unwrap();
    assert_eq!(answer.status, 101);
    assert_eq!(conn.exactly(5).unwrap(), b"early");
    for round in 0..100 {
        let said = format!("{round:04}").repeat(100);
        assert_eq!(conn.write(&said).exactly(said.len()).unwrap(), said.as_bytes());
    }
    tunnels(&gait, 1.0);
    assert!(gait.evidence().iter().all(|line| line["ending"].is_null()));
    assert!(conn.finish().rest().is_empty());
    tunnels(&gait, 0.0);
    let line = line(&gait);
    assert_eq!((&line["ending"], &line["status"]), (&"completed".into(), &101.into()));
    assert_eq!(line["request_bytes"], 40_005);
    assert_eq!(line["response_bytes"], 40_005);
    let seen = tool.take().remove(0);
    assert_eq!(seen.all("connection"), ["Upgrade"]);
    assert_eq!(seen.all("upgrade"), ["websocket"]);
    assert_eq!(seen.all("sec-websocket-key"), ["dGhlIHNhbXBsZSBub25jZQ=="]);
    gait.settled().assert_law();
}

#[test]
fn an_offer_that_the_route_does_not_allow_is_refused() {
    let tool = tool();
    let gait = gait(tool.address, "enforce", "");
    let two = OFFER.replace("websocket", "websocket, other");
    let rows = [
        offer("/plain"),
        format!("GET /ws HTTP/1.1\r\nHost: a\r\n{two}\r\n"),
        format!("POST /ws HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n{OFFER}\r\n"),
        format!("GET /ws HTTP/1.1\r\nHost: a\r\n{}\r\n", OFFER.replace("websocket", "x")),
        format!("GET /ws HTTP/1.1\r\nHost: a\r\n{}\r\n", OFFER.replace("websocket", "websocket/1")),
    ];
    for (refused, row) in rows.iter().enumerate() {
        let answer = send(gait.server, row);
        assert_eq!(answer.status, 403, "{row}");
        let problem = answer.json();
        assert_eq!(problem["reason_codes"], serde_json::json!(["upgrade_refused"]), "{row}");
        assert_eq!(problem["executed"], false);
        let counted = gait.scrape().sum("gait_rejected_total", &[("reason", "upgrade_refused")]);
        assert_eq!(counted, refused as f64 + 1.0);
    }
    assert_eq!(send(gait.server, offer("/blocked")).status, 403);
    let body = format!("GET /ws HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n{OFFER}\r\nx");
    assert_eq!(send(gait.server, body).status, 400);
    assert_eq!(tool.count(), 0);
    gait.settled().assert_law();
}

#[test]
fn what_is_no_offer_is_stripped_as_before() {
    let tool = tool();
    let gait = gait(tool.address, "enforce", "");
    for lines in [
        "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n",
        "Upgrade: websocket\r\n",
        "Connection: Upgrade\r\n",
    ] {
        let answer = send(gait.server, format!("GET /plain HTTP/1.1\r\nHost: a\r\n{lines}\r\n"));
        assert_eq!((answer.status, answer.text().as_str()), (200, "plain"), "{lines}");
        let seen = tool.take().remove(0);
        let names = ["connection", "upgrade", "http2-settings"];
        assert!(names.iter().all(|name| seen.all(name).is_empty()), "{}", seen.head);
    }
}

#[test]
fn observe_strips_what_it_does_not_carry_and_carries_what_the_route_allows() {
    let tool = tool();
    let gait = gait(tool.address, "observe", "");
    let answer = send(gait.server, offer("/plain"));
    assert_eq!((answer.status, answer.one("gait-verdict")), (200, Some("allow")));
    assert!(tool.take()[0].all("upgrade").is_empty());
    let counted = gait.scrape().sum("gait_rejected_total", &[("reason", "upgrade_refused")]);
    assert_eq!(counted, 1.0);
    assert_eq!(open(&gait, "/ws").write("x").exactly(1).unwrap(), b"x");
}

#[test]
fn an_answer_that_is_no_101_is_an_answer() {
    let tool = Recorder::answering(|seen, stream| {
        let answer: &[u8] = match seen.target() {
            "/ws" => b"HTTP/1.1 426 Upgrade Required\r\nUpgrade: websocket\r\nContent-Length: 2\r\n\r\nno",
            _ => b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n",
        };
        stream.write_all(answer)?;
        Ok(Then::Keep)
    });
    let gait = gait(tool.address, "enforce", "");
    let mut conn = Conn::open(gait.server);
    let answer = conn.write(offer("/ws")).read();
    assert_eq!((answer.status, answer.text().as_str()), (426, "no"));
    assert!(answer.one("upgrade").is_none());
    // The connection still speaks HTTP, and what follows is judged.
    assert_eq!(conn.write(offer("/blocked")).read().status, 403);
    // Another protocol than the one that was asked for is no answer.
    assert_eq!(send(gait.server, offer("/guarded")).status, 502);
    gait.settled().assert_law();
    tunnels(&gait, 0.0);
}

#[test]
fn a_tunnel_that_stands_still_ends_and_one_that_lasts_too_long() {
    let tool = tool();
    for (timeouts, beats) in [("idle: 1500ms, total: 60s", 0), ("idle: 1500ms, total: 2s", 100)] {
        let gait = gait(tool.address, "enforce", &format!("timeouts: {{ {timeouts} }}\n"));
        let started = Instant::now();
        let mut conn = open(&gait, "/ws");
        let mut alive = 0;
        while alive < beats && conn.write("x").exactly(1).is_ok() {
            alive += 1;
            std::thread::sleep(Duration::from_millis(100));
        }
        assert!(conn.rest().is_empty());
        let took = started.elapsed();
        let wanted = if beats == 0 { 1400..6000 } else { 1900..8000 };
        assert!(wanted.contains(&took.as_millis()), "{timeouts}: {took:?}");
        assert_eq!(line(&gait)["ending"], "timed_out");
        tunnels(&gait, 0.0);
    }
}

#[test]
fn beyond_the_limit_the_tool_is_not_asked() {
    let tool = tool();
    let gait = gait(tool.address, "enforce", "limits: { tunnels: 2 }\n");
    let (first, _second) = (open(&gait, "/ws"), open(&gait, "/guarded"));
    let answer = send(gait.server, offer("/ws"));
    assert_eq!(answer.status, 503);
    assert_eq!(answer.json()["reason_codes"], serde_json::json!(["tunnels_exhausted"]));
    assert_eq!(tool.count(), 2);
    assert_eq!(send(gait.server, post("/plain", "{}")).status, 200);
    drop(first);
    tunnels(&gait, 1.0);
    open(&gait, "/ws");
    gait.settled().assert_law();
}

#[test]
fn a_protected_tunnel_ends_with_its_caller() {
    let (tell, told) = std::sync::mpsc::channel();
    let tell = std::sync::Mutex::new(tell);
    let tool = Recorder::answering(move |_, stream| {
        stream.write_all(TAKEN.as_bytes())?;
        let mut all = Vec::new();
        let _cut = stream.read_to_end(&mut all);
        let _gone = tell.lock().unwrap().send(all);
        // It would go on speaking to nobody.
        std::thread::sleep(Duration::from_secs(30));
        Ok(Then::Close)
    });
    let gait = gait(tool.address, "enforce", "");
    let mut conn = open(&gait, "/guarded");
    conn.write("last words").finish();
    assert_eq!(told.recv_timeout(Duration::from_secs(5)).unwrap(), b"last words");
    tunnels(&gait, 0.0);
    let outcome = wait_for("the outcome", || {
        gait.evidence().into_iter().find(|line| line["kind"] == "outcome")
    });
    assert_eq!(
        (&outcome["ending"], &outcome["request_bytes"]),
        (&"caller_gone".into(), &10.into())
    );
}

#[test]
fn a_drain_ends_tunnels_at_its_deadline_and_records_what_went_through() {
    let tool = tool();
    let timeouts = "timeouts: { drain_delay: 0ms, drain_deadline: 1s }\n";
    let mut gait = gait(tool.address, "enforce", timeouts);
    let mut conn = open(&gait, "/ws");
    assert_eq!(conn.write("before").exactly(6).unwrap(), b"before");
    gait.signal("TERM");
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(conn.write("during").exactly(6).unwrap(), b"during");
    assert!(conn.rest().is_empty());
    assert!(gait.wait().success(), "{}", gait.log());
    let line = line(&gait);
    assert_eq!((&line["ending"], &line["request_bytes"]), (&"abandoned".into(), &12.into()));
    assert_eq!(line["response_bytes"], 12);
}

#[test]
fn websockets_of_others_go_through() {
    let tool = Peer::websocket();
    let gait = gait(tool.address, "enforce", "");
    for (path, works) in [("ws", true), ("guarded", true), ("plain", false), ("blocked", false)] {
        let run = websocket_caller(&format!("ws://{}/{path}", gait.server));
        assert_eq!(run.status.success(), works, "{path}: {run:?}");
        let said = String::from_utf8_lossy(&run.stderr).into_owned();
        assert!(works || said.contains("403"), "{path}: {said}");
    }
    tunnels(&gait, 0.0);
    let ended = wait_for("both outcomes", || {
        let lines = gait.evidence().into_iter().filter(|line| line["status"] == 101);
        Some(lines.collect::<Vec<_>>()).filter(|ended| ended.len() >= 2)
    });
    assert_eq!(ended.len(), 2, "{ended:?}");
    assert!(ended.iter().all(|line| line["response_bytes"].as_u64() > Some(3 << 20)));
    gait.settled().assert_law();
}
