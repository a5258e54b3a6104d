//! Callers on kept connections: each writes a request, waits for the answer, and goes on.

use crate::tool::whole;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

/// Kept connections per proxy, a thread each.
const CONNECTIONS: usize = 32;

/// One kind of call.
pub(crate) struct Workload {
    /// W1, W2, W3.
    pub(crate) name: &'static str,
    /// The whole request.
    request: Vec<u8>,
}

impl Workload {
    /// The three of the table.
    pub(crate) fn all() -> [Workload; 3] {
        [
            Workload {
                name: "W1",
                request: b"GET /v1/items/1 HTTP/1.1\r\nhost: bench.test\r\n\r\n".to_vec(),
            },
            Workload { name: "W2", request: post(1 << 10) },
            Workload { name: "W3", request: post(64 << 10) },
        ]
    }
}

/// A POST of `size` bytes of JSON: a call with arguments, as tools get them.
fn post(size: usize) -> Vec<u8> {
    let frame = r#"{"to":"account-7","amount":12.5,"items":[1,2,3],"note":""}"#;
    let note = "n".repeat(size - frame.len());
    let body = frame.replace("\"\"", &format!("\"{note}\""));
    let head = format!(
        "POST /v1/items HTTP/1.1\r\nhost: bench.test\r\ncontent-type: application/json\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    );
    head.into_bytes()
}

/// Open connections to one proxy.
pub(crate) struct Load {
    connections: Vec<TcpStream>,
    request: Vec<u8>,
}

impl Load {
    /// Opens them all.
    pub(crate) fn open(proxy: SocketAddr, workload: &Workload) -> Load {
        let open = || {
            let stream = TcpStream::connect(proxy).expect("connect");
            stream.set_nodelay(true).expect("nodelay");
            stream.set_read_timeout(Some(Duration::from_secs(10))).expect("timeout");
            stream
        };
        let connections = (0..CONNECTIONS).map(|_| open()).collect();
        Load { connections, request: workload.request.clone() }
    }

    /// Drives all connections for `time`; gives how many answers came. Every one must be a 200.
    pub(crate) fn drive(&mut self, time: Duration) -> usize {
        let request = &self.request;
        let end = Instant::now() + time;
        thread::scope(|scope| {
            let callers: Vec<_> = self
                .connections
                .iter_mut()
                .map(|stream| scope.spawn(move || call_until(stream, request, end)))
                .collect();
            callers.into_iter().map(|caller| caller.join().expect("a caller")).sum()
        })
    }
}

/// One caller's calls.
fn call_until(stream: &mut TcpStream, request: &[u8], end: Instant) -> usize {
    let mut answers = 0;
    let mut piece = [0; 4096];
    while Instant::now() < end {
        stream.write_all(request).expect("write");
        let mut buffer = Vec::new();
        while whole(&buffer).is_none() {
            let count = stream.read(&mut piece).expect("an answer");
            assert!(count > 0, "closed: {}", String::from_utf8_lossy(&buffer));
            buffer.extend_from_slice(&piece[..count]);
        }
        let ok = buffer.starts_with(b"HTTP/1.1 200");
        assert!(ok, "not a 200: {}", String::from_utf8_lossy(&buffer));
        answers += 1;
    }
    answers
}
