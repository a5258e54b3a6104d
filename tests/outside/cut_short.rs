//! What was cut short never looks whole: a call whose caller takes the rest back does not reach a
//! tool as a whole call, and half an answer does not reach a caller as a whole answer.

use crate::http2::{Frames, frame, literal};
use crate::support::{Authority, Conn, Gait, Pair, Recorder, Setup, get, listen, wait_for};
use crate::upstream_tls::{config, folder};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::Value;
use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

/// `:status: 200` and nothing else.
const OK: &[u8] = &[0x88];

/// A POST to `path` whose body is still to come.
fn begun(stream: u32, path: &str) -> Vec<u8> {
    let mut fields = vec![0x83, 0x86];
    literal(&mut fields, 0x04, path);
    literal(&mut fields, 0x01, "api.test");
    literal(&mut fields, 0, "content-type");
    fields.push(16);
    fields.extend(b"application/json");
    frame(HEADERS, END_HEADERS, stream, &fields)
}

/// How the only call ended.
fn ending(gait: &Gait) -> Value {
    let line = || gait.evidence().into_iter().find(|line| line["ending"].is_string());
    wait_for("the closing line", line)["ending"].clone()
}

#[test]
fn a_call_that_is_taken_back_is_no_whole_call() {
    let tool = Recorder::start();
    let server = "{ listen: \"127.0.0.1:0\", http2: prior_knowledge }";
    let gait = Setup::fixture("security", tool.address).listening(server).start();
    // NO_ERROR, CANCEL.
    for code in [0, 8] {
        for (path, pause) in [("/v1/notes/x", 0), ("/v1/notes/x", 100), ("/v1/transfers", 100)] {
            let mut frames = Frames::open(&gait, &[]);
            frames.write(&begun(1, path));
            frames.write(&frame(DATA, 0, 1, b"{\"amount\":1}"));
            thread::sleep(Duration::from_millis(pause));
            frames.write(&frame(RST_STREAM, 0, 1, &[0, 0, 0, code]));
            // The same on a stream that ends, so that the one before it has been dealt with.
            frames.write(&begun(3, "/v1/notes/whole"));
            frames.write(&frame(DATA, END_STREAM, 3, b"all"));
            let answer = frames.until(HEADERS).unwrap();
            assert_eq!(answer.stream, 3, "{path} {code}");
        }
    }
    gait.settled().assert_law();
    let targets: Vec<String> = tool.seen().iter().map(|seen| seen.target().to_owned()).collect();
    assert_eq!(targets, ["/v1/notes/whole"; 6]);
}

/// A tool that answers the first request on a connection with these frames.
fn frames_tool(answer: Vec<u8>) -> SocketAddr {
    listen(move |_, mut stream| {
        let _gone = play(&mut stream, &answer);
    })
}

fn play(stream: &mut TcpStream, answer: &[u8]) -> io::Result<()> {
    stream.read_exact(&mut [0; 24])?;
    stream.write_all(&frame(SETTINGS, 0, 0, &[]))?;
    loop {
        let mut head = [0; 9];
        stream.read_exact(&mut head)?;
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        stream.read_exact(&mut vec![0; length as usize])?;
        match (head[3], head[4]) {
            (SETTINGS, 0) => stream.write_all(&frame(SETTINGS, 1, 0, &[]))?,
            (HEADERS, _) => stream.write_all(answer)?,
            _ => {}
        }
    }
}

#[test]
fn half_an_answer_over_http2_is_no_answer() {
    let reset = |code| frame(RST_STREAM, 0, 1, &[0, 0, 0, code]);
    let head = || frame(HEADERS, END_HEADERS, 1, OK);
    let half = || [head(), frame(DATA, 0, 1, b"half")].concat();
    let whole = [head(), frame(DATA, END_STREAM, 1, b"whole")].concat();
    // `content-length: 4`, of which all comes.
    let mut fields = OK.to_vec();
    fields.extend([0x0f, 0x0d, 1, b'4']);
    let announced = [frame(HEADERS, END_HEADERS, 1, &fields), frame(DATA, 0, 1, b"whol")].concat();
    for (answer, whole) in [
        (whole.clone(), true),
        ([whole, reset(0)].concat(), true),
        ([announced.clone(), reset(0)].concat(), true),
        // Its end never comes; all that was announced is there.
        (announced, true),
        ([half(), reset(0)].concat(), false),
        ([half(), reset(8)].concat(), false),
        ([head(), reset(0)].concat(), false),
    ] {
        let said = format!("{answer:?}");
        let tool = frames_tool(answer);
        let gait = config(&format!("http://{tool}"), "    http2: prior_knowledge").start();
        let read = Conn::open(gait.server).write(get("/v1/a")).try_read();
        assert_eq!(read.is_ok(), whole, "{said}: {read:?}");
        let wanted = if whole { "completed" } else { "upstream_reset" };
        assert_eq!(ending(&gait), wanted, "{said}");
        gait.settled().assert_law();
    }
}

/// A tool over TLS that answers without a length, and says goodbye or just hangs up.
fn secure_tool(pair: &Pair, answer: &'static str, goodbye: bool) -> SocketAddr {
    let chain = vec![CertificateDer::from_pem_slice(pair.cert.as_bytes()).unwrap()];
    let key = PrivateKeyDer::from_pem_slice(pair.key.as_bytes()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    let config = Arc::new(config);
    listen(move |_, stream| {
        let session = ServerConnection::new(Arc::clone(&config)).unwrap();
        let mut secure = StreamOwned::new(session, stream);
        let mut asked = [0; 4096];
        let _count = secure.read(&mut asked);
        let _gone = secure.write_all(answer.as_bytes());
        if goodbye {
            secure.conn.send_close_notify();
        }
        let _gone = secure.flush();
    })
}

#[test]
fn an_answer_over_tls_ends_with_a_goodbye_or_with_its_length() {
    let authority = Authority::new("ca");
    let pair = authority.server(&["127.0.0.1"]);
    let open = "HTTP/1.1 200 OK\r\n\r\nhalf";
    let old = "HTTP/1.0 200 OK\r\n\r\nhalf";
    let long = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nhalf";
    for (answer, goodbye, whole) in [
        (open, true, true),
        (open, false, false),
        (old, true, true),
        (old, false, false),
        (long, false, true),
    ] {
        let tool = secure_tool(&pair, answer, goodbye);
        let dir = folder(&[("ca.pem", &authority.pem())]);
        let gait = config(&format!("https://{tool}"), "    tls: { ca: ca.pem }").start_in(dir);
        let read = Conn::open(gait.server).write(get("/v1/a")).try_read();
        assert_eq!(read.is_ok(), whole, "{answer:?} {goodbye}: {read:?}");
        let wanted = if whole { "completed" } else { "upstream_reset" };
        assert_eq!(ending(&gait), wanted, "{answer:?} {goodbye}");
    }
}
