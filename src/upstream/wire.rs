//! The stream to a tool, in clear text or in TLS, with a tap on it.
//!
//! The tap sits above TLS: what it calls written is plain text that was handed to the TLS stream,
//! a part of which may still wait there. That is the careful side: what may have left counts as
//! left. So does all of a write that failed, since TLS may have sent a part of it.

use super::tap::{Meter, Tap};
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

/// The stream to a tool.
pub(super) enum Stream {
    /// In clear text.
    Clear(TcpStream),
    /// In TLS, after its handshake.
    Tls(Box<TlsStream<TcpStream>>),
}

/// The stream, with its tap.
pub(super) struct Wire {
    stream: Stream,
    meter: Meter,
    tap: Arc<Tap>,
    /// The error of a write that is not told yet.
    failed: Option<io::Error>,
}

trait Duplex: AsyncRead + AsyncWrite + Unpin {}
impl<T: AsyncRead + AsyncWrite + Unpin> Duplex for T {}

impl Stream {
    fn pinned(&mut self) -> Pin<&mut dyn Duplex> {
        let stream: &mut dyn Duplex = match self {
            Stream::Clear(stream) => stream,
            Stream::Tls(stream) => &mut **stream,
        };
        Pin::new(stream)
    }
}

impl Wire {
    /// Taps a stream.
    pub(super) fn new(stream: Stream, meter: Meter, tap: Arc<Tap>) -> Wire {
        Wire { stream, meter, tap, failed: None }
    }

    /// A server that does not believe gait's certificate says so and closes; what is written after
    /// that fails, and its reason would stay unread. So a failed write over TLS waits for the end
    /// of the stream, which a failed write promises.
    fn settle<T>(
        &mut self,
        cx: &mut Context<'_>,
        written: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        match (written, &self.stream) {
            (Poll::Ready(Err(error)), Stream::Tls(_)) => {
                self.failed = Some(error);
                self.poll_failed(cx).map(Err)
            }
            (written, _) => written,
        }
    }

    /// The error of an earlier write, once the reading side has said what it has to say.
    fn poll_failed(&mut self, cx: &mut Context<'_>) -> Poll<io::Error> {
        // No room to read into: TLS takes its own messages in all the same.
        let read = ready!(self.stream.pinned().poll_read(cx, &mut ReadBuf::new(&mut [])));
        if let Err(error) = &read {
            self.tap.note_error(error);
        }
        Poll::Ready(self.failed.take().unwrap_or_else(|| io::ErrorKind::BrokenPipe.into()))
    }

    /// Notes what was taken of `offered`.
    fn note(&mut self, written: &Poll<io::Result<usize>>, offered: &[IoSlice<'_>]) {
        let mut left = match (written, &self.stream) {
            (Poll::Ready(Ok(count)), _) => *count,
            (Poll::Ready(Err(_)), Stream::Tls(_)) => usize::MAX,
            (Poll::Ready(Err(_)), Stream::Clear(_)) | (Poll::Pending, _) => 0,
        };
        for piece in offered {
            let taken = piece.get(..left.min(piece.len())).unwrap_or_default();
            left -= taken.len();
            if self.meter.begins_in(taken) {
                self.tap.note_wrote();
            }
        }
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let read = self.stream.pinned().poll_read(cx, buf);
        if let Poll::Ready(Err(error)) = &read {
            self.tap.note_error(error);
        }
        read
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.failed.is_some() {
            return self.poll_failed(cx).map(Err);
        }
        let written = self.stream.pinned().poll_write(cx, buf);
        self.note(&written, &[IoSlice::new(buf)]);
        self.settle(cx, written)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.failed.is_some() {
            return self.poll_failed(cx).map(Err);
        }
        let flushed = self.stream.pinned().poll_flush(cx);
        self.settle(cx, flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream.pinned().poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if self.failed.is_some() {
            return self.poll_failed(cx).map(Err);
        }
        let written = self.stream.pinned().poll_write_vectored(cx, bufs);
        self.note(&written, bufs);
        self.settle(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        match &self.stream {
            Stream::Clear(stream) => stream.is_write_vectored(),
            Stream::Tls(stream) => stream.is_write_vectored(),
        }
    }
}
