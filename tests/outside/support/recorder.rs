//! A tool that keeps every request it gets: the judge of what was executed.

use super::message::{Seen, Wire};
use std::io::{self, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// What the tool does with its connection after an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Then {
    /// Waits for the next request.
    Keep,
    /// Hangs up.
    Close,
}

/// The recording tool. Its threads end with the test process.
#[derive(Debug)]
pub(crate) struct Recorder {
    /// Where it listens.
    pub(crate) address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Recorder {
    /// A tool that answers every request with a small JSON document.
    pub(crate) fn start() -> Recorder {
        Recorder::answering(|seen, stream| {
            stream.write_all(plain(seen).as_bytes())?;
            Ok(Then::Keep)
        })
    }

    /// A tool with an answer of the test's own.
    pub(crate) fn answering(
        answer: impl Fn(&Seen, &mut TcpStream) -> io::Result<Then> + Send + Sync + 'static,
    ) -> Recorder {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&seen);
        let answer = Arc::new(answer);
        let address = listen(move |conn, stream| {
            let _gone = serve(conn, stream, &kept, &*answer);
        });
        Recorder { address, seen }
    }

    /// Every request so far, oldest first.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    /// How many requests so far.
    pub(crate) fn count(&self) -> usize {
        self.seen.lock().unwrap().len()
    }

    /// Every request since the last call of this.
    pub(crate) fn take(&self) -> Vec<Seen> {
        std::mem::take(&mut self.seen.lock().unwrap())
    }
}

/// A listener whose every connection gets a thread; used bare where a test plays a broken tool.
pub(crate) fn listen(handle: impl Fn(usize, TcpStream) + Send + Sync + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let handle = Arc::new(handle);
    thread::spawn(move || {
        for (conn, stream) in listener.incoming().flatten().enumerate() {
            let handle = Arc::clone(&handle);
            thread::spawn(move || handle(conn, stream));
        }
    });
    address
}

/// Reads requests off one connection, keeps each and answers it.
fn serve(
    conn: usize,
    stream: TcpStream,
    kept: &Mutex<Vec<Seen>>,
    answer: &dyn Fn(&Seen, &mut TcpStream) -> io::Result<Then>,
) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut wire = Wire::new(stream);
    while let Some((head, fields)) = wire.head()? {
        let body = wire.body(&fields)?.unwrap_or_default();
        let seen = Seen { conn, head, fields, body };
        kept.lock().unwrap().push(seen.clone());
        if answer(&seen, &mut wire.stream)? == Then::Close {
            return Ok(());
        }
    }
    Ok(())
}

/// The answer of an unremarkable tool.
fn plain(seen: &Seen) -> String {
    let body = r#"{"ok":true}"#;
    let shown = if seen.method() == "HEAD" { "" } else { body };
    format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{shown}",
        body.len()
    )
}
