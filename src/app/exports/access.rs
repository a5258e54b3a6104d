//! The access log's thread: it may wait for standard output for as long as that likes.
//!
//! It writes to a descriptor of its own. The library's standard output has a lock, for which the
//! process would wait at its end while this thread waits with it for a reader.

use super::{Desk, read};
use crate::audit::access;
use std::fs::File;
use std::io::{self, Write as _};
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

fn write(mut desk: Desk, mut out: File) {
    let (mut lines, mut failing) = (Vec::new(), false);
    while desk.queue.blocking_recv_many(&mut lines, BATCH_LINES) > 0 {
        desk.metrics.telling(lines.first().map(|line| line.time()));
        let objects = lines.iter().filter_map(|line| read(line));
        let text: String = objects.map(|entry| format!("{}\n", access::object(&entry))).collect();
        match out.write_all(text.as_bytes()) {
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
