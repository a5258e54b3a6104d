//! One connection to a tool, polled by whoever uses it.
//!
//! The connection lives in the task of the call that it serves: no task of its own, no wake-up
//! across tasks. While it idles in the pool nobody polls it, so it is polled once when it is taken
//! out, to see whether the tool has closed it or spoken unasked. A [`Tap`] on its wire notes
//! whether a byte of this call has left: that, and nothing above it, is what "sent" means.

use super::http1::Http1;
use super::http2::Http2;
use super::outgoing::Outgoing;
use super::pool::Slot;
use super::tap::{Meter, Tap};
use super::wire::{Stream, Wire};
use crate::call::credential::marks_connection;
use crate::clock;
use futures_util::future::Either;
use futures_util::task::noop_waker_ref;
use http::{Request, Response, Version};
use hyper::body::Incoming;
use hyper::client::conn::TrySendError;
use std::sync::Arc;
use std::task::Context;
use std::time::{Duration, Instant};

/// An open connection.
pub(super) struct Link {
    talk: Talk,
    tap: Arc<Tap>,
    idle_since: Instant,
    /// The tool may know its caller by it: nobody else's call goes out here.
    marked: bool,
    _slot: Slot,
}

enum Talk {
    Http1(Http1),
    Http2(Http2),
}

impl Link {
    /// Speaks HTTP/1.1 on a fresh stream.
    pub(super) async fn open_http1(stream: Stream, slot: Slot) -> hyper::Result<Link> {
        let tap = Arc::new(Tap::default());
        let wire = Wire::new(stream, Meter::AnyByte, tap.clone());
        Ok(Link::new(Talk::Http1(Http1::open(wire).await?), tap, slot))
    }

    /// Speaks HTTP/2 on a fresh stream.
    pub(super) async fn open_http2(stream: Stream, slot: Slot) -> hyper::Result<Link> {
        let tap = Arc::new(Tap::default());
        let wire = Wire::new(stream, Meter::new_stream(), tap.clone());
        Ok(Link::new(Talk::Http2(Http2::open(wire).await?), tap, slot))
    }

    fn new(talk: Talk, tap: Arc<Tap>, slot: Slot) -> Link {
        Link { talk, tap, idle_since: clock::instant(), marked: false, _slot: slot }
    }

    /// The version that is spoken.
    pub(super) fn version(&self) -> Version {
        match self.talk {
            Talk::Http1(_) => Version::HTTP_11,
            Talk::Http2(_) => Version::HTTP_2,
        }
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
        self.marked |= marks_connection(request.headers());
        match &mut self.talk {
            Talk::Http1(http1) => Either::Left(http1.send(request)),
            Talk::Http2(http2) => Either::Right(http2.send(request)),
        }
    }

    /// Drives the connection as far as it goes now.
    pub(super) fn drive(&mut self, cx: &mut Context<'_>) {
        match &mut self.talk {
            Talk::Http1(http1) => http1.drive(cx),
            Talk::Http2(http2) => http2.drive(cx),
        }
    }

    /// Whether the connection has ended.
    pub(super) fn is_closed(&self) -> bool {
        match &self.talk {
            Talk::Http1(http1) => http1.is_closed(),
            Talk::Http2(http2) => http2.is_closed(),
        }
    }

    /// Whether another request can go out on it: polls once, to see a close or unasked bytes.
    pub(super) fn is_reusable(&mut self) -> bool {
        self.drive(&mut Context::from_waker(noop_waker_ref()));
        let is_free = match &self.talk {
            Talk::Http1(http1) => http1.is_free(),
            Talk::Http2(http2) => http2.is_free(),
        };
        is_free && !self.marked
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
