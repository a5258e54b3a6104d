//! The tool behind both proxies: reads a request, answers 64 bytes of JSON.

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

/// 64 bytes of JSON.
const BODY: &str = r#"{"ok":true,"pad":"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"}"#;

/// Prints its address and serves until it is killed.
pub(crate) fn run() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    println!("{}", listener.local_addr().expect("an address"));
    for stream in listener.incoming().flatten() {
        thread::spawn(move || serve(stream));
    }
}

/// Answers every request of one connection.
fn serve(mut stream: TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let answer = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{BODY}",
        BODY.len()
    );
    let mut buffer = Vec::new();
    let mut piece = vec![0; 128 << 10];
    loop {
        while let Some(length) = whole(&buffer) {
            buffer.drain(..length);
            stream.write_all(answer.as_bytes())?;
        }
        match stream.read(&mut piece)? {
            0 => return Ok(()),
            count => buffer.extend_from_slice(&piece[..count]),
        }
    }
}

/// Length of the first whole request or answer in `buffer`.
pub(crate) fn whole(buffer: &[u8]) -> Option<usize> {
    let head = buffer.windows(4).position(|part| part == b"\r\n\r\n")? + 4;
    let text = std::str::from_utf8(&buffer[..head]).expect("an ASCII head").to_ascii_lowercase();
    assert!(!text.contains("transfer-encoding"), "both sides know their lengths: {text}");
    let length = text.split("content-length: ").nth(1).and_then(|after| after.split('\r').next());
    let body: usize = length.map_or(0, |digits| digits.parse().expect("a length"));
    (buffer.len() >= head + body).then_some(head + body)
}
