//! One connection to a tool, polled by whoever uses it.
//!
//! The connection lives in the task of the call that it serves: no task of its own, no wake-up
//! across tasks. While it idles in the pool nobody polls it, so it is polled once when it is taken
//! out, to see whether the tool has closed it or spoken unasked. A [`Tap`] under the connection
//! notes whether a byte of this call has left: that, and nothing above it, is what "sent" means.

use super::outgoing::Outgoing;
use super::pool::Slot;
use crate::clock;
use futures_util::task::noop_waker_ref;
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::client::conn::TrySendError;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// The sending half; named here once, since nothing else may hold one.
#[expect(clippy::disallowed_types, reason = "upstream is the module that talks to tools")]
type Sender = http1::SendRequest<Outgoing>;

/// What moves the bytes of a connection. hyper gives its type no name.
type Driver = Pin<Box<dyn Future<Output = hyper::Result<()>> + Send>>;

/// An open connection.
pub(super) struct Link {
    sender: Sender,
    /// `None` after its end: hyper's connection may not be polled again. Boxed, because links
    /// move in and out of the pool.
    connection: Option<Driver>,
    tap: Arc<Tap>,
    idle_since: Instant,
    _slot: Slot,
}

/// What has left for the tool in the current call.
#[derive(Debug, Default)]
pub(super) struct Tap {
    wrote: AtomicBool,
    body_bytes: AtomicU64,
}

/// The socket, with its tap.
struct Wire {
    stream: TcpStream,
    tap: Arc<Tap>,
}

// === impl Tap ===

impl Tap {
    /// Starts a call: nothing has left yet.
    fn reset(&self) {
        self.wrote.store(false, Ordering::Release);
        self.body_bytes.store(0, Ordering::Release);
    }

    /// Whether a byte has left.
    pub(super) fn wrote(&self) -> bool {
        self.wrote.load(Ordering::Acquire)
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

// === impl Link ===

impl Link {
    /// Speaks HTTP/1.1 on a fresh connection.
    pub(super) async fn open(stream: TcpStream, slot: Slot) -> hyper::Result<Link> {
        let tap = Arc::new(Tap::default());
        let wire = Wire { stream, tap: tap.clone() };
        let (sender, connection) =
            http1::Builder::new().preserve_header_case(true).handshake(TokioIo::new(wire)).await?;
        // Where the tool goes over to another protocol, hyper lets go of the socket.
        let connection: Driver = Box::pin(connection.with_upgrades());
        let connection = Some(connection);
        Ok(Link { sender, connection, tap, idle_since: clock::instant(), _slot: slot })
    }

    /// The tap of the current call.
    pub(super) fn tap(&self) -> &Arc<Tap> {
        &self.tap
    }

    /// Queues a request; the answer comes as the link is polled.
    pub(super) fn send(
        &mut self,
        request: Request<Outgoing>,
    ) -> impl Future<Output = Result<Response<Incoming>, TrySendError<Request<Outgoing>>>> + use<>
    {
        self.tap.reset();
        self.sender.try_send_request(request)
    }

    /// Drives the connection as far as it goes now.
    pub(super) fn drive(&mut self, cx: &mut Context<'_>) {
        if let Some(connection) = &mut self.connection
            && connection.as_mut().poll(cx).is_ready()
        {
            self.connection = None;
        }
    }

    /// Whether the connection has ended.
    pub(super) fn is_closed(&self) -> bool {
        self.connection.is_none()
    }

    /// Whether another request can go out on it: polls once, to see a close or unasked bytes.
    pub(super) fn is_reusable(&mut self) -> bool {
        self.drive(&mut Context::from_waker(noop_waker_ref()));
        !self.is_closed() && self.sender.is_ready()
    }

    /// How long it has idled.
    pub(super) fn idle(&self) -> Duration {
        clock::instant().saturating_duration_since(self.idle_since)
    }

    /// It goes back to the pool now.
    pub(super) fn rest(&mut self) {
        self.idle_since = clock::instant();
    }
}

// === impl Wire ===

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.note(written)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.note(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

impl Wire {
    fn note(&self, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if matches!(written, Poll::Ready(Ok(count)) if count > 0) {
            self.tap.wrote.store(true, Ordering::Release);
        }
        written
    }
}
