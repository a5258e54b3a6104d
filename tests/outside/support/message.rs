//! One HTTP/1.1 message as it stood on the wire, read with as little cleverness as possible.
//!
//! The reader is strict: one framing, CRLF line ends, no repair. A message it cannot read is a
//! finding, since the recorder stands for a tool and the client for a caller.

use std::io::{self, Read};

/// Header fields in wire order, names as sent.
pub(crate) type Fields = Vec<(String, String)>;

/// An answer as the caller got it.
#[derive(Clone, Debug)]
pub(crate) struct Response {
    /// The final status.
    pub(crate) status: u16,
    /// Informational statuses that came before it.
    pub(crate) interim: Vec<u16>,
    /// Fields of the final answer.
    pub(crate) fields: Fields,
    /// The body, with chunked framing taken off.
    pub(crate) body: Vec<u8>,
}

/// A request as the tool got it.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    /// Which connection it came on, counted from 0.
    pub(crate) conn: usize,
    /// Request line and fields, verbatim.
    pub(crate) head: String,
    /// Fields, in order.
    pub(crate) fields: Fields,
    /// The body, with chunked framing taken off.
    pub(crate) body: Vec<u8>,
}

impl Response {
    /// The values of every field called `name`, in order.
    pub(crate) fn all(&self, name: &str) -> Vec<&str> {
        values(&self.fields, name)
    }

    /// The only value of `name`; `None` when absent. Two of them are a finding.
    pub(crate) fn one(&self, name: &str) -> Option<&str> {
        only(&self.fields, name)
    }

    /// The body as JSON.
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("no JSON ({error}): {self:?}"))
    }

    /// The body as text.
    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.body.clone()).expect("text body")
    }
}

impl Seen {
    /// The request line's three words.
    fn words(&self) -> Vec<&str> {
        self.head.lines().next().unwrap_or_default().split(' ').collect()
    }

    /// The method.
    pub(crate) fn method(&self) -> &str {
        self.words()[0]
    }

    /// The request target, verbatim.
    pub(crate) fn target(&self) -> &str {
        self.words()[1]
    }

    /// The values of every field called `name`, in order.
    pub(crate) fn all(&self, name: &str) -> Vec<&str> {
        values(&self.fields, name)
    }
}

/// Values of one field.
pub(crate) fn values<'f>(fields: &'f Fields, name: &str) -> Vec<&'f str> {
    fields.iter().filter(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, v)| &**v).collect()
}

/// The only value of one field.
fn only<'f>(fields: &'f Fields, name: &str) -> Option<&'f str> {
    let found = values(fields, name);
    assert!(found.len() < 2, "`{name}` stands twice: {found:?}");
    found.first().copied()
}

/// Reads from a stream through a buffer that survives from one message to the next.
#[derive(Debug)]
pub(crate) struct Wire<S> {
    /// The socket.
    pub(crate) stream: S,
    buffer: Vec<u8>,
}

impl<S: Read> Wire<S> {
    /// Nothing read yet.
    pub(crate) fn new(stream: S) -> Wire<S> {
        Wire { stream, buffer: Vec::new() }
    }

    /// Reads once; false at the end of the stream.
    fn fill(&mut self) -> io::Result<usize> {
        let mut piece = [0; 65536];
        let count = self.stream.read(&mut piece)?;
        self.buffer.extend_from_slice(&piece[..count]);
        Ok(count)
    }

    /// Takes up to and including `mark`; `None` at a clean end.
    fn until(&mut self, mark: &[u8]) -> io::Result<Option<Vec<u8>>> {
        loop {
            if let Some(at) = self.buffer.windows(mark.len()).position(|part| part == mark) {
                return Ok(Some(self.buffer.drain(..at + mark.len()).collect()));
            }
            match self.fill()? {
                0 if self.buffer.is_empty() => return Ok(None),
                0 => return Err(io::Error::new(io::ErrorKind::UnexpectedEof, self.rest())),
                _ => {}
            }
        }
    }

    /// What is buffered, for an error's text.
    fn rest(&self) -> String {
        String::from_utf8_lossy(&self.buffer).into_owned()
    }

    /// Takes exactly `count` bytes.
    pub(crate) fn exactly(&mut self, count: usize) -> io::Result<Vec<u8>> {
        while self.buffer.len() < count {
            if self.fill()? == 0 {
                return Err(io::Error::new(io::ErrorKind::UnexpectedEof, self.rest()));
            }
        }
        Ok(self.buffer.drain(..count).collect())
    }

    /// Takes everything up to the end of the stream.
    pub(crate) fn remainder(&mut self) -> io::Result<Vec<u8>> {
        while self.fill()? > 0 {}
        Ok(std::mem::take(&mut self.buffer))
    }

    /// The next head: its text and its fields; `None` at a clean end.
    pub(crate) fn head(&mut self) -> io::Result<Option<(String, Fields)>> {
        let Some(bytes) = self.until(b"\r\n\r\n")? else { return Ok(None) };
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let fields = text.trim_end().split("\r\n").skip(1).map(field).collect();
        Ok(Some((text, fields)))
    }

    /// One chunk of a chunked body; empty at the last one, whose trailers are read away.
    pub(crate) fn chunk(&mut self) -> io::Result<Vec<u8>> {
        let cut = || io::Error::new(io::ErrorKind::UnexpectedEof, "cut inside a chunked body");
        let line = self.until(b"\r\n")?.ok_or_else(cut)?;
        let digits = String::from_utf8_lossy(&line).trim().to_owned();
        let size = usize::from_str_radix(&digits, 16)
            .map_err(|_| io::Error::other(format!("chunk size `{digits}`")))?;
        if size == 0 {
            while self.until(b"\r\n")?.ok_or_else(cut)? != b"\r\n" {}
            return Ok(Vec::new());
        }
        let data = self.exactly(size)?;
        self.exactly(2)?;
        Ok(data)
    }

    /// A whole chunked body.
    fn chunks(&mut self) -> io::Result<Vec<u8>> {
        let mut body = Vec::new();
        loop {
            let piece = self.chunk()?;
            if piece.is_empty() {
                return Ok(body);
            }
            body.extend_from_slice(&piece);
        }
    }

    /// The body that `fields` announce; `None` when they announce none.
    pub(crate) fn body(&mut self, fields: &Fields) -> io::Result<Option<Vec<u8>>> {
        let codings = values(fields, "transfer-encoding");
        let lengths = values(fields, "content-length");
        assert!(codings.len() + lengths.len() < 2, "two framings reached the tool: {fields:?}");
        if let Some(coding) = codings.first() {
            assert_eq!(*coding, "chunked", "unknown coding");
            return self.chunks().map(Some);
        }
        let Some(length) = lengths.first() else { return Ok(None) };
        let length = length.parse().unwrap_or_else(|_| panic!("length `{length}`"));
        self.exactly(length).map(Some)
    }
}

/// Splits one field line.
fn field(line: &str) -> (String, String) {
    let (name, value) = line.split_once(':').unwrap_or_else(|| panic!("field line `{line}`"));
    (name.to_owned(), value.trim().to_owned())
}
