//! The access log's thread: it may wait for standard output for as long as that likes.

use super::{Desk, read};
use crate::audit::access;
use std::io::{self, Write as _};

/// Lines that are written at once.
const BATCH_LINES: usize = 64;

/// Writes what comes until the queue is closed and empty.
///
/// # Errors
/// The system gives no thread.
pub(super) fn start(desk: Desk) -> io::Result<()> {
    let thread = std::thread::Builder::new().name("access-log".to_owned());
    thread.spawn(move || write(desk)).map(drop)
}

fn write(mut desk: Desk) {
    let (mut lines, mut failing) = (Vec::new(), false);
    while desk.queue.blocking_recv_many(&mut lines, BATCH_LINES) > 0 {
        desk.metrics.telling(lines.first().map(|line| line.time()));
        let objects = lines.iter().filter_map(|line| read(line));
        let text: String = objects.map(|entry| format!("{}\n", access::object(&entry))).collect();
        let mut out = io::stdout().lock();
        match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
            Ok(()) => {
                failing = false;
                desk.metrics.sent(lines.len());
            }
            Err(error) => {
                if !std::mem::replace(&mut failing, true) {
                    tracing::error!(%error, "the access log cannot be written to standard output");
                }
                desk.metrics.dropped(lines.len());
            }
        }
        lines.clear();
        desk.metrics.telling(None);
    }
}
