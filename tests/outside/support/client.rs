//! A caller that writes literal bytes and reads answers, several on one connection.

use super::PATIENCE;
use super::message::{Response, Wire};
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// One connection to gait.
#[derive(Debug)]
pub(crate) struct Conn<S = TcpStream> {
    wire: Wire<S>,
}

impl Conn {
    /// Dials; a hung answer fails after [`PATIENCE`].
    pub(crate) fn open(address: SocketAddr) -> Conn {
        Conn::try_open(address).expect("connect to gait")
    }

    /// Dials, and says when nobody listens.
    pub(crate) fn try_open(address: SocketAddr) -> io::Result<Conn> {
        let stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        stream.set_nodelay(true)?;
        Ok(Conn { wire: Wire::new(stream) })
    }

    /// Waits this long for an answer instead.
    pub(crate) fn patience(&mut self, time: Duration) -> &mut Conn {
        self.wire.stream.set_read_timeout(Some(time)).expect("a time-out");
        self
    }

    /// Says that nothing more comes from here.
    pub(crate) fn finish(&mut self) -> &mut Conn {
        self.wire.stream.shutdown(std::net::Shutdown::Write).expect("a shutdown");
        self
    }
}

impl<S: Read + Write> Conn<S> {
    /// A connection that stands already.
    pub(crate) fn over(stream: S) -> Conn<S> {
        Conn { wire: Wire::new(stream) }
    }

    /// What it reads from and writes to.
    pub(crate) fn stream(&self) -> &S {
        &self.wire.stream
    }

    /// Writes literal bytes. A peer that hung up already is no error here: its answer tells.
    pub(crate) fn write(&mut self, bytes: impl AsRef<[u8]>) -> &mut Conn<S> {
        let _closed = self.wire.stream.write_all(bytes.as_ref());
        self
    }

    /// The final answer's head; its body is still to be read.
    pub(crate) fn head(&mut self) -> io::Result<Response> {
        let mut interim = Vec::new();
        loop {
            let eof = || io::Error::new(io::ErrorKind::UnexpectedEof, "closed without an answer");
            let (text, fields) = self.wire.head()?.ok_or_else(eof)?;
            let status = status(&text);
            if (100..200).contains(&status) && status != 101 {
                interim.push(status);
                continue;
            }
            return Ok(Response { status, interim, fields, body: Vec::new() });
        }
    }

    /// The whole answer to a request with a body-bearing answer (anything but HEAD).
    pub(crate) fn try_read(&mut self) -> io::Result<Response> {
        let mut answer = self.head()?;
        if matches!(answer.status, 101 | 204 | 304) {
            return Ok(answer);
        }
        answer.body = match self.wire.body(&answer.fields)? {
            Some(body) => body,
            None => self.wire.remainder()?,
        };
        Ok(answer)
    }

    /// The whole answer; no answer fails the test.
    pub(crate) fn read(&mut self) -> Response {
        self.try_read().expect("an answer")
    }

    /// One chunk of a chunked answer, as it comes.
    pub(crate) fn chunk(&mut self) -> io::Result<Vec<u8>> {
        self.wire.chunk()
    }

    /// Exactly `count` bytes of whatever is spoken behind an upgrade.
    pub(crate) fn exactly(&mut self, count: usize) -> io::Result<Vec<u8>> {
        self.wire.exactly(count)
    }

    /// Whatever is left on the connection until the other side closes it.
    pub(crate) fn rest(&mut self) -> Vec<u8> {
        match self.wire.remainder() {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => Vec::new(),
            Err(error) => panic!("the connection stays open: {error}"),
        }
    }
}

/// The status of a status line.
fn status(head: &str) -> u16 {
    head.split(' ').nth(1).and_then(|word| word.parse().ok()).unwrap_or_else(|| panic!("{head}"))
}

/// Sends one literal request on a fresh connection and reads the answer.
pub(crate) fn send(address: SocketAddr, bytes: impl AsRef<[u8]>) -> Response {
    Conn::open(address).write(bytes).read()
}

/// The bytes of a plain GET.
pub(crate) fn get(target: &str) -> String {
    format!("GET {target} HTTP/1.1\r\nHost: api.test\r\n\r\n")
}

/// The bytes of a plain JSON POST.
pub(crate) fn post(target: &str, body: &str) -> String {
    format!(
        "POST {target} HTTP/1.1\r\nHost: api.test\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
}
