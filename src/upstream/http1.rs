//! HTTP/1.1 on one connection.

use super::outgoing::Outgoing;
use super::wire::Wire;
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::client::conn::{TrySendError, http1};
use hyper_util::rt::TokioIo;
use std::pin::Pin;
use std::task::Context;

/// The sending half; named here once, since nothing else may hold one.
#[expect(clippy::disallowed_types, reason = "upstream is the module that talks to tools")]
type Sender = http1::SendRequest<Outgoing>;

/// A connection that speaks HTTP/1.1.
pub(super) struct Http1 {
    sender: Sender,
    /// `None` after its end: hyper's connection may not be polled again. Boxed, because links
    /// move in and out of the pool.
    connection: Option<Box<http1::Connection<TokioIo<Wire>, Outgoing>>>,
}

impl Http1 {
    /// Speaks it on a fresh wire.
    pub(super) async fn open(wire: Wire) -> hyper::Result<Http1> {
        let (sender, connection) =
            http1::Builder::new().preserve_header_case(true).handshake(TokioIo::new(wire)).await?;
        Ok(Http1 { sender, connection: Some(Box::new(connection)) })
    }

    /// Queues a request; the answer comes as the connection is driven.
    pub(super) fn send(
        &mut self,
        request: Request<Outgoing>,
    ) -> impl Future<Output = Result<Response<Incoming>, TrySendError<Request<Outgoing>>>> + use<>
    {
        self.sender.try_send_request(request)
    }

    /// Drives the connection as far as it goes now.
    pub(super) fn drive(&mut self, cx: &mut Context<'_>) {
        if let Some(connection) = &mut self.connection
            && Pin::new(connection.as_mut()).poll(cx).is_ready()
        {
            self.connection = None;
        }
    }

    /// Whether the connection has ended.
    pub(super) fn is_closed(&self) -> bool {
        self.connection.is_none()
    }

    /// Whether nothing is under way on it.
    pub(super) fn is_free(&self) -> bool {
        !self.is_closed() && self.sender.is_ready()
    }
}
