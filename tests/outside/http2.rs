//! HTTP/2 with callers: by the tools that people use, and by frames that nobody should send.

use crate::support::{Authority, Conn, Gait, Recorder, Setup, Then, get, wait_for};
use std::fs;
use std::io::{self, Read as _, Write as _};
use std::net::TcpStream;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};
use tempfile::TempDir;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;

/// A caller that writes literal frames (RFC 9113, section 4.1).
pub(crate) struct Frames {
    stream: TcpStream,
}

/// A frame as it came.
#[derive(Debug)]
pub(crate) struct Frame {
    kind: u8,
    flags: u8,
    pub(crate) stream: u32,
    payload: Vec<u8>,
}

impl Frames {
    /// Dials, and says hello with these settings.
    pub(crate) fn open(gait: &Gait, settings: &[(u16, u32)]) -> Frames {
        let stream = TcpStream::connect(gait.server).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(15))).unwrap();
        let mut frames = Frames { stream };
        let pairs = settings
            .iter()
            .flat_map(|(id, value)| id.to_be_bytes().into_iter().chain(value.to_be_bytes()));
        let hello = [PREFACE, &frame(SETTINGS, 0, 0, &pairs.collect::<Vec<_>>())].concat();
        frames.write(&hello);
        frames
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) {
        let _closed = self.stream.write_all(bytes);
    }

    /// The next frame, once pings and settings are answered; `None` at the end.
    fn next(&mut self) -> Option<Frame> {
        loop {
            let found = self.read().ok()?;
            match (found.kind, found.flags & 1) {
                (SETTINGS, 0) => self.write(&frame(SETTINGS, 1, 0, &[])),
                (PING, 0) => self.write(&frame(PING, 1, 0, &found.payload)),
                (SETTINGS | PING, _) => {}
                _ => return Some(found),
            }
        }
    }

    /// The next frame of this kind; others are read away.
    pub(crate) fn until(&mut self, kind: u8) -> Option<Frame> {
        loop {
            let found = self.next()?;
            if found.kind == kind {
                return Some(found);
            }
        }
    }

    fn read(&mut self) -> io::Result<Frame> {
        let mut head = [0; 9];
        self.stream.read_exact(&mut head)?;
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let mut payload = vec![0; length as usize];
        self.stream.read_exact(&mut payload)?;
        let stream = u32::from_be_bytes([head[5], head[6], head[7], head[8]]);
        Ok(Frame { kind: head[3], flags: head[4], stream, payload })
    }

    /// Answers nothing, not even the goodbye.
    fn seconds_to_end(&mut self, begun: Instant) -> f64 {
        while self.read().is_ok() {}
        begun.elapsed().as_secs_f64()
    }
}

/// A frame of this kind.
pub(crate) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// A GET in literal fields without an index (RFC 7541, section 6.2.2), with its stream ended.
fn request(stream: u32, path: &str, more: usize) -> Vec<u8> {
    let mut fields = vec![0x82, 0x86];
    literal(&mut fields, 0x04, path);
    literal(&mut fields, 0x01, "api.test");
    for n in 0..more {
        literal(&mut fields, 0, &format!("x-{n}"));
        fields.extend([1, b'v']);
    }
    frame(HEADERS, 0x5, stream, &fields)
}

/// A text of less than 127 bytes behind the index of its name; 0 for a name itself.
pub(crate) fn literal(fields: &mut Vec<u8>, index: u8, text: &str) {
    fields.extend([index, u8::try_from(text.len()).unwrap()]);
    fields.extend(text.as_bytes());
}

/// The status of a HEADERS frame, where it is one of the static table or a literal.
fn status(found: &Frame) -> u16 {
    match found.payload.as_slice() {
        [0x88, ..] => 200,
        [0x8b, ..] => 304,
        [0x8c, ..] => 400,
        [0x8e, ..] => 500,
        // A literal of `:status`, with its digits perhaps compressed.
        [_, length, rest @ ..] if length & 0x80 == 0 => {
            String::from_utf8_lossy(&rest[..3]).parse().unwrap()
        }
        [_, _, rest @ ..] => huffman_digits(rest),
        short => panic!("{short:?}"),
    }
}

/// Three digits in the code of RFC 7541, appendix B: `0`, `1`, `2` have five bits, the others six.
fn huffman_digits(bytes: &[u8]) -> u16 {
    let mut bits = bytes.iter().take(3).fold(0u32, |all, byte| all << 8 | u32::from(*byte)) << 8;
    let mut digits = 0;
    for _ in 0..3 {
        let five = bits >> 27;
        let (digit, width) = if five < 3 { (five, 5) } else { ((bits >> 26) - 0x19 + 3, 6) };
        digits = digits * 10 + digit;
        bits <<= width;
    }
    u16::try_from(digits).unwrap()
}

/// A gait that speaks HTTP/2 in the clear, with these further lines.
fn start(tool: &Recorder, lines: &str) -> Gait {
    let server = "{ listen: \"127.0.0.1:0\", http2: prior_knowledge }";
    Setup::fixture("security", tool.address).listening(server).with(lines).start()
}

/// How often gait refused for this reason.
fn rejected(gait: &Gait, reason: &str) -> f64 {
    gait.scrape().sum("gait_rejected_total", &[("reason", reason)])
}

/// What curl says of its call: version of HTTP and status.
fn curl(gait: &Gait, scheme: &str, arguments: &[&str]) -> String {
    let port = gait.server.port();
    let run = Command::new("curl")
        .args(["-sS", "-o", "/dev/null", "-w", "%{http_version} %{http_code}"])
        .args(["--resolve", &format!("api.test:{port}:127.0.0.1")])
        .args(arguments)
        .arg(format!("{scheme}://api.test:{port}/health"))
        .current_dir(gait.dir())
        .output()
        .unwrap();
    String::from_utf8_lossy(&run.stdout).into_owned() + &String::from_utf8_lossy(&run.stderr)
}

#[test]
fn curl_and_nghttp_speak_it_over_tls() {
    let (ca, tool, dir) = (Authority::new("ca"), Recorder::start(), TempDir::new().unwrap());
    ca.server(&["api.test"]).write(dir.path(), "a");
    ca.client(&["spiffe://prod.example/ns/a/sa/b"]).write(dir.path(), "c");
    fs::write(dir.path().join("ca.pem"), ca.pem()).unwrap();
    let server = "{ listen: \"127.0.0.1:0\", tls: { certificates: [ { cert: a.pem, key: a.key } ], \
                  client_certificates: required, client_ca: ca.pem } }";
    let gait = Setup::fixture("security", tool.address).listening(server).start_in(dir);
    let shows = ["--cacert", "ca.pem", "--cert", "c.pem", "--key", "c.key"];
    for (version, said) in [("--http2", "2 200"), ("--http1.1", "1.1 200")] {
        for tls in [&["--tlsv1.3"][..], &["--tlsv1.2", "--tls-max", "1.2"]] {
            let arguments = [&shows[..], &[version], tls].concat();
            assert_eq!(curl(&gait, "https", &arguments), said);
        }
    }
    let without = curl(&gait, "https", &["--cacert", "ca.pem", "--http2"]);
    assert!(without.contains("000"), "no certificate, no answer: {without}");
    // It checks no certificate, but shows one.
    let run = Command::new("nghttp")
        .args(["-nv", "-m", "20", "--cert=c.pem", "--key=c.key", "-H", ":authority: api.test"])
        .arg(format!("https://127.0.0.1:{}/health", gait.server.port()))
        .current_dir(gait.dir())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&run.stdout).into_owned();
    assert_eq!(said.matches(":status: 200").count(), 20, "{said}");
    gait.settled().assert_law();
}

#[test]
fn one_port_takes_both_in_the_clear() {
    let tool = Recorder::start();
    let gait = start(&tool, "");
    assert_eq!(curl(&gait, "http", &["--http2-prior-knowledge"]), "2 200");
    assert_eq!(curl(&gait, "http", &["--http1.1"]), "1.1 200");
    // An upgrade from HTTP/1.1 is not taken: the answer stays in the old version.
    assert!(curl(&gait, "http", &["--http2"]).starts_with("1.1 "));
    // A request that comes in pieces is told by its first bytes.
    let mut conn = Conn::open(gait.server);
    let text = get("/health");
    let (one, rest) = text.split_at(1);
    conn.write(one);
    thread::sleep(Duration::from_millis(50));
    assert_eq!(conn.write(rest).read().status, 200);
    let mut frames = Frames::open(&gait, &[]);
    frames.write(&request(1, "/health", 0));
    assert_eq!(status(&frames.until(HEADERS).unwrap()), 200);
    let of = |protocol| gait.scrape().sum("gait_connections_total", &[("protocol", protocol)]);
    assert!(of("http1") >= 1.0 && of("http2") >= 1.0);
}

#[test]
fn without_leave_the_preface_is_garbage() {
    let tool = Recorder::start();
    let gait = Setup::fixture("security", tool.address).start();
    let mut conn = Conn::open(gait.server);
    assert!(conn.write(PREFACE).try_read().is_err(), "there is no version to answer in");
    wait_for("the count", || (rejected(&gait, "http_malformed") == 1.0).then_some(()));
    assert_eq!(tool.count(), 0);
}

#[test]
fn who_says_nothing_is_let_go() {
    let tool = Recorder::start();
    let gait = start(&tool, "timeouts: { head: 600ms, idle: 600ms }\n");
    let begun = Instant::now();
    let mut part = Conn::open(gait.server);
    part.write("PRI * HT");
    assert_eq!(part.rest(), b"");
    assert!((0.5..5.0).contains(&begun.elapsed().as_secs_f64()), "{:?}", begun.elapsed());
    // Idle after the preface, after an answer, and inside a head that never ends.
    let open_head = frame(HEADERS, 0x1, 1, &[0x82]);
    for bytes in [Vec::new(), request(1, "/health", 0), open_head] {
        let begun = Instant::now();
        let mut frames = Frames::open(&gait, &[]);
        frames.write(&bytes);
        let took = frames.seconds_to_end(begun);
        assert!((0.5..5.0).contains(&took), "{took} {bytes:?}");
    }
    wait_for("every connection to end", || {
        (gait.scrape().sum("gait_connections", &[("listener", "server")]) == 0.0).then_some(())
    });
}

#[test]
fn a_goodbye_comes_before_an_idle_end() {
    let tool = Recorder::start();
    let gait = start(&tool, "timeouts: { head: 500ms }\n");
    let mut frames = Frames::open(&gait, &[]);
    frames.write(&request(1, "/health", 0));
    let found = frames.until(GOAWAY).unwrap();
    assert_eq!(found.payload[4..8], [0; 4], "without an error");
}

#[test]
fn a_call_that_takes_long_is_no_idle_connection() {
    let tool = Recorder::answering(|_, stream| {
        thread::sleep(Duration::from_millis(1500));
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ndone")?;
        Ok(Then::Keep)
    });
    let gait = start(&tool, "timeouts: { head: 300ms }\n");
    let mut frames = Frames::open(&gait, &[]);
    frames.write(&request(1, "/health", 0));
    assert_eq!(status(&frames.until(HEADERS).unwrap()), 200);
}

#[test]
fn heads_are_bounded_as_on_http_1() {
    let tool = Recorder::start();
    let gait = start(&tool, "limits: { headers: 40, h2_header_list_bytes: 8192 }\n");
    let mut frames = Frames::open(&gait, &[]);
    frames.write(&request(1, "/health", 20));
    assert_eq!(status(&frames.until(HEADERS).unwrap()), 200);
    frames.write(&request(3, "/health", 60));
    assert_eq!(status(&frames.until(HEADERS).unwrap()), 431);
    assert_eq!(rejected(&gait, "head_too_large"), 1.0);
    frames.write(&request(5, "/health", 0));
    assert_eq!(status(&frames.until(HEADERS).unwrap()), 200, "the connection goes on");
    let mut frames = Frames::open(&gait, &[]);
    frames.write(&request(1, "/health", 300));
    assert_eq!(status(&frames.until(HEADERS).unwrap()), 431);
    assert_eq!(tool.count(), 2);
}

#[test]
fn no_more_calls_at_a_time_than_the_limit() {
    let tool = Recorder::answering(|_, _| {
        thread::sleep(Duration::from_secs(20));
        Ok(Then::Close)
    });
    let gait = start(&tool, "limits: { h2_streams: 3 }\n");
    let mut frames = Frames::open(&gait, &[]);
    wait_for("the settings", || {
        let found = frames.read().unwrap();
        (found.kind == SETTINGS && found.flags == 0).then(|| {
            let pairs: Vec<_> = found.payload.chunks(6).collect();
            assert!(pairs.contains(&&[0, 3, 0, 0, 0, 3][..]), "{pairs:?}");
        })
    });
    for stream in [1, 3, 5, 7] {
        frames.write(&request(stream, "/health", 0));
    }
    let refused = frames.until(RST_STREAM).unwrap();
    assert_eq!((refused.stream, refused.payload), (7, vec![0, 0, 0, 7]), "REFUSED_STREAM");
    wait_for("the three others", || (tool.count() == 3).then_some(()));
}

#[test]
fn calls_that_are_taken_back_by_the_hundred_end_the_connection() {
    let tool = Recorder::start();
    let gait = start(&tool, "");
    let mut frames = Frames::open(&gait, &[]);
    let burst = |from: u32| -> Vec<u8> {
        let one = |n: u32| {
            let stream = (from + n) * 2 + 1;
            [request(stream, "/health", 0), frame(RST_STREAM, 0, stream, &[0, 0, 0, 8])].concat()
        };
        (0..1_000).flat_map(one).collect()
    };
    frames.write(&burst(0));
    let found = frames.until(GOAWAY).unwrap();
    assert_eq!(found.payload[4..8], [0, 0, 0, 11], "ENHANCE_YOUR_CALM");
    wait_for("the count", || (rejected(&gait, "http2_flood") == 1.0).then_some(()));
    assert!(tool.count() < 500, "{} calls reached the tool", tool.count());
    gait.settled().assert_law();
    let mut other = Frames::open(&gait, &[]);
    other.write(&request(1, "/health", 0));
    assert_eq!(status(&other.until(HEADERS).unwrap()), 200);
}

#[test]
fn frames_that_break_the_protocol_end_the_connection() {
    let tool = Recorder::start();
    let gait = start(&tool, "");
    let mut frames = Frames::open(&gait, &[]);
    // DATA on a stream that was never opened.
    frames.write(&frame(0, 0, 5, b"x"));
    let found = frames.until(GOAWAY).unwrap();
    assert_eq!(found.payload[4..8], [0, 0, 0, 1], "PROTOCOL_ERROR");
    wait_for("the count", || (rejected(&gait, "http2_malformed") == 1.0).then_some(()));
}

#[test]
fn an_answer_that_nobody_takes_is_cut() {
    let tool = Recorder::answering(|_, stream| {
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")?;
        stream.write_all(&vec![b'x'; 1_000_000])?;
        Ok(Then::Keep)
    });
    let gait = start(&tool, "timeouts: { idle: 600ms }\n");
    // SETTINGS_INITIAL_WINDOW_SIZE: no window at all, then one that is soon full.
    for window in [0, 1_000] {
        let mut frames = Frames::open(&gait, &[(4, window)]);
        let begun = Instant::now();
        frames.write(&request(1, "/health", 0));
        assert_eq!(status(&frames.until(HEADERS).unwrap()), 200);
        let cut = frames.until(RST_STREAM).unwrap();
        assert_eq!((cut.stream, cut.payload), (1, vec![0, 0, 0, 8]), "CANCEL");
        assert!((0.5..5.0).contains(&begun.elapsed().as_secs_f64()), "{:?}", begun.elapsed());
    }
    gait.settled().assert_law();
    let closed = || gait.evidence().iter().filter(|line| line["kind"] == "call").count();
    wait_for("both lines", || (closed() == 2).then_some(()));
}

#[test]
fn a_drain_says_goodbye_and_cuts_no_stream() {
    let tool = Recorder::answering(|_, stream| {
        thread::sleep(Duration::from_millis(1200));
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ndone")?;
        Ok(Then::Keep)
    });
    let mut gait = start(&tool, "timeouts: { drain_delay: 0ms, drain_deadline: 20s }\n");
    let mut frames = Frames::open(&gait, &[]);
    for stream in [1, 3, 5] {
        frames.write(&request(stream, "/health", 0));
    }
    wait_for("the calls to reach the tool", || (tool.count() == 3).then_some(()));
    let begun = Instant::now();
    gait.signal("TERM");
    let (mut answers, mut goodbyes) = (0, 0);
    while let Some(found) = frames.next() {
        match found.kind {
            HEADERS => answers += u32::from(status(&found) == 200),
            GOAWAY => goodbyes += 1,
            _ => {}
        }
    }
    assert!(answers == 3 && goodbyes >= 1, "{answers} answers, {goodbyes} goodbyes");
    assert!(gait.wait().success(), "{}", gait.log());
    assert!(begun.elapsed() < Duration::from_secs(10), "it waits for nobody");
}
