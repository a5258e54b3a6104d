//! The access log's thread: it may wait for standard output for as long as that likes.
//!
//! It writes to a descriptor of its own. The library's standard output has a lock, for which the
//! process would wait at its end while this thread waits with it for a reader.

use super::{Desk, read};
use crate::audit::access;
use std::fs::File;
use std::io;
use std::os::fd::AsFd as _;

/// Lines that are written at once.
const BATCH_LINES: usize = 64;

/// Writes what comes until the queue is closed and empty.
///
/// # Errors
/// The system gives no thread, or there is no standard output.
pub(super) fn start(desk: Desk) -> io::Result<()> {
    let out = File::from(io::stdout().as_fd().try_clone_to_owned()?);
    let thread = std::thread::Builder::new().name("access-log".to_owned());
    thread.spawn(move || write(desk, out)).map(drop)
}

/// Where lines go, and whether the last try failed: then part of a line may stand there.
struct Out<W> {
    to: W,
    failing: bool,
}

// === impl Out ===

impl<W: io::Write> Out<W> {
    /// Writes whole lines, behind a line end of their own where the last ones broke off.
    fn lines(&mut self, text: &str) -> io::Result<()> {
        let written = match self.failing {
            true => self.to.write_all(b"\n").and_then(|()| self.to.write_all(text.as_bytes())),
            false => self.to.write_all(text.as_bytes()),
        };
        let failed_before = std::mem::replace(&mut self.failing, written.is_err());
        if let (Err(error), false) = (&written, failed_before) {
            tracing::error!(%error, "the access log cannot be written to standard output");
        }
        written
    }
}

fn write(mut desk: Desk, out: File) {
    let (mut lines, mut out) = (Vec::new(), Out { to: out, failing: false });
    while desk.queue.blocking_recv_many(&mut lines, BATCH_LINES) > 0 {
        desk.metrics.telling(lines.first().map(|line| line.time()));
        let objects = lines.iter().filter_map(|line| read(line));
        let text: String = objects.map(|entry| format!("{}\n", access::object(&entry))).collect();
        match out.lines(&text) {
            Ok(()) => desk.metrics.sent(lines.len()),
            Err(_) => desk.metrics.dropped(lines.len()),
        }
        lines.clear();
        desk.metrics.telling(None);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes so many bytes, then fails until it has room again.
    struct Pipe {
        room: usize,
        text: Vec<u8>,
    }

    impl io::Write for Pipe {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let taken = bytes.len().min(self.room);
            self.text.extend_from_slice(&bytes[..taken]);
            self.room -= taken;
            if taken == 0 { Err(io::ErrorKind::StorageFull.into()) } else { Ok(taken) }
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_line_that_broke_off_spoils_none_behind_it() {
        let mut out = Out { to: Pipe { room: 5, text: Vec::new() }, failing: false };
        out.lines("{\"a\":1}\n").unwrap_err();
        out.to.room = 0;
        out.lines("{\"b\":1}\n").unwrap_err();
        out.to.room = 99;
        for text in ["{\"c\":1}\n", "{\"d\":1}\n"] {
            out.lines(text).unwrap();
        }
        let text = String::from_utf8(out.to.text).unwrap();
        assert_eq!(text.lines().skip(1).collect::<Vec<_>>(), ["{\"c\":1}", "{\"d\":1}"]);
    }
}
