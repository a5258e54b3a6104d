//! A client that asks once and reads to the end.

use serde_json::Value;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: String,
}

impl Answer {
    /// Its body, which must be JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).expect("JSON")
    }
}

/// One request; a broken connection is an answer of status 0.
pub(crate) fn ask(to: SocketAddr, method: &str, target: &str, body: &str) -> Answer {
    let request = format!(
        "{method} {target} HTTP/1.1\r\nHost: {to}\r\nConnection: close\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    exchange(to, &request).unwrap_or(Answer { status: 0, body: String::new() })
}

/// One form, as Prometheus takes long queries. HTTP/1.0, so that the answer is not cut into chunks.
pub(crate) fn form(to: SocketAddr, target: &str, key: &str, value: &str) -> Value {
    let value = percent_encoding::utf8_percent_encode(value, percent_encoding::NON_ALPHANUMERIC);
    let body = format!("{key}={value}");
    let request = format!(
        "POST {target} HTTP/1.0\r\nHost: {to}\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    exchange(to, &request).expect("an answer").json()
}

fn exchange(to: SocketAddr, request: &str) -> Option<Answer> {
    let mut stream = TcpStream::connect(to).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(20))).ok()?;
    stream.write_all(request.as_bytes()).ok()?;
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).ok()?;
    let text = String::from_utf8_lossy(&bytes);
    let (head, body) = text.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    Some(Answer { status, body: body.to_owned() })
}

/// One GET, for the same reason in HTTP/1.0.
pub(crate) fn fetch(to: SocketAddr, target: &str) -> Value {
    let request = format!("GET {target} HTTP/1.0\r\nHost: {to}\r\n\r\n");
    exchange(to, &request).expect("an answer").json()
}
