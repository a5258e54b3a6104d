//! What of a call has left for the tool.
//!
//! Over HTTP/1.1 any byte that the connection takes is one of the call. Over HTTP/2 it is not:
//! settings, windows, pings and what is left of the call before go out on the same connection. So
//! the frames that are written are walked through, and the call has begun to leave with the head
//! of the first HEADERS frame on a stream that is newer than all before it (RFC 9113, 5.1.1:
//! a client's streams rise).

use std::io;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Bytes that a client sends before its first frame (RFC 9113, 3.4).
const PREFACE_BYTES: usize = 24;
/// The head of every frame (RFC 9113, 4.1).
const HEAD_BYTES: usize = 9;
const HEADERS: u8 = 0x1;

/// What has left for the tool in the current call.
#[derive(Debug, Default)]
pub(super) struct Tap {
    wrote: AtomicBool,
    body_bytes: AtomicU64,
    /// Why TLS ended the connection; no call comes after that.
    distrust: OnceLock<String>,
}

/// What counts as the first byte of a call.
pub(super) enum Meter {
    /// Whatever is written.
    AnyByte,
    /// A new stream.
    NewStream(Frames),
}

/// A walk over the frames of a connection, in whatever pieces they are written.
#[derive(Default)]
pub(super) struct Frames {
    /// Of the preface, or of a payload.
    skip: usize,
    head: Vec<u8>,
    newest: u32,
}

// === impl Tap ===

impl Tap {
    /// Starts a call: nothing has left yet.
    pub(super) fn reset(&self) {
        self.wrote.store(false, Ordering::Release);
        self.body_bytes.store(0, Ordering::Release);
    }

    /// Whether a byte has left.
    pub(super) fn wrote(&self) -> bool {
        self.wrote.load(Ordering::Acquire)
    }

    /// Notes that one has.
    pub(super) fn note_wrote(&self) {
        self.wrote.store(true, Ordering::Release);
    }

    /// Why TLS ended the connection, where it did.
    pub(super) fn distrust(&self) -> Option<&str> {
        self.distrust.get().map(String::as_str)
    }

    /// Notes an error of the stream, if it is one of TLS: what comes out of hyper may have lost it.
    pub(super) fn note_error(&self, error: &io::Error) {
        if let Some(cause) = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>())
        {
            // The first is the cause, others follow from it.
            drop(self.distrust.set(cause.to_string()));
        }
    }

    /// Body bytes given to the connection.
    pub(super) fn body_bytes(&self) -> u64 {
        self.body_bytes.load(Ordering::Acquire)
    }

    /// Notes body bytes.
    pub(super) fn note_body(&self, bytes: usize) {
        self.body_bytes.fetch_add(bytes as u64, Ordering::AcqRel);
    }
}

// === impl Meter ===

impl Meter {
    /// The meter of an HTTP/2 connection that has not begun.
    pub(super) fn new_stream() -> Meter {
        Meter::NewStream(Frames { skip: PREFACE_BYTES, ..Frames::default() })
    }

    /// Whether a call begins in `bytes`, which were written after all that came before.
    pub(super) fn begins_in(&mut self, bytes: &[u8]) -> bool {
        match self {
            Meter::AnyByte => !bytes.is_empty(),
            Meter::NewStream(frames) => frames.open_in(bytes),
        }
    }
}

// === impl Frames ===

impl Frames {
    fn open_in(&mut self, mut bytes: &[u8]) -> bool {
        let mut opened = false;
        while !bytes.is_empty() {
            let wanted = if self.skip > 0 { self.skip } else { HEAD_BYTES - self.head.len() };
            let (taken, rest) = bytes.split_at(wanted.min(bytes.len()));
            bytes = rest;
            if self.skip > 0 {
                self.skip -= taken.len();
            } else {
                self.head.extend_from_slice(taken);
                opened |= self.finish_head();
            }
        }
        opened
    }

    /// Reads the head of a frame once it is whole; whether it opens a stream.
    fn finish_head(&mut self) -> bool {
        let [l0, l1, l2, kind, _, s0, s1, s2, s3] = *self.head.as_slice() else { return false };
        self.head.clear();
        self.skip = u32::from_be_bytes([0, l0, l1, l2]) as usize;
        let stream = u32::from_be_bytes([s0 & 0x7f, s1, s2, s3]);
        let opens = kind == HEADERS && stream > self.newest;
        self.newest = self.newest.max(stream);
        opens
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
        let length = (payload.len() as u32).to_be_bytes();
        [&length[1..], &[kind, 0], &stream.to_be_bytes(), payload].concat()
    }

    /// The whole of a connection, and after how many of its bytes a call had begun.
    fn begins(pieces: &[Vec<u8>], at_once: usize) -> Vec<usize> {
        let bytes = [vec![b'x'; PREFACE_BYTES], pieces.concat()].concat();
        let mut meter = Meter::new_stream();
        let mut begun = Vec::new();
        for (index, piece) in bytes.chunks(at_once).enumerate() {
            if meter.begins_in(piece) {
                begun.push(index * at_once + piece.len());
            }
        }
        begun
    }

    #[test]
    fn a_call_begins_with_the_head_of_a_new_stream_however_it_is_cut() {
        let settings = frame(4, 0, b"123456");
        // A payload that looks like the head of a HEADERS frame.
        let data = frame(0, 1, &frame(HEADERS, 9, b""));
        let pieces = [
            settings.clone(),
            frame(HEADERS, 1, b"abc"),
            data,
            frame(HEADERS, 1, b"trailers"),
            frame(8, 0, b"1234"),
            frame(HEADERS, 3, b""),
        ];
        let first = PREFACE_BYTES + settings.len() + HEAD_BYTES;
        let whole: usize = PREFACE_BYTES + pieces.iter().map(Vec::len).sum::<usize>();
        assert_eq!(begins(&pieces, 1), [first, whole]);
        for at_once in [2, 7, 9, 16, 50] {
            let begun = begins(&pieces, at_once);
            assert_eq!(begun.len(), 2, "{at_once}: {begun:?}");
        }
    }

    #[test]
    fn over_http1_any_byte_is_of_the_call() {
        assert!(!Meter::AnyByte.begins_in(b""));
        assert!(Meter::AnyByte.begins_in(b"G"));
    }
}
