//! HTTP/2 on one connection, one call at a time.
//!
//! hyper hands what it would have spawned to an executor. Here that is a queue, and whoever drives
//! the connection polls what is in it: the connection itself, the body that goes out, the wait for
//! the answer. So the connection lives in the task of its call, as it does over HTTP/1.1.
//!
//! Multiplexing is left out on purpose. With two calls on one connection nobody could say whose
//! first byte has left, a call that hangs or is cut off would take others with it, and a protected
//! call could not choose a connection that has just been used. The pool opens more connections
//! instead, as it does for HTTP/1.1.

use super::outgoing::Outgoing;
use super::wire::Wire;
use crossbeam_queue::SegQueue;
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::client::conn::{TrySendError, http2};
use hyper::rt::Executor;
use hyper_util::rt::TokioIo;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Context;

/// What a tool may send ahead of its reader.
const WINDOW_BYTES: u32 = 512 << 10;
/// The fields of one answer, as RFC 9113, 6.5.2 counts them.
const FIELDS_BYTES_MAX: u32 = 64 << 10;

/// The sending half; named here once, since nothing else may hold one.
#[expect(clippy::disallowed_types, reason = "upstream is the module that talks to tools")]
type Sender = http2::SendRequest<Outgoing>;

type Chore = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A connection that speaks HTTP/2.
pub(super) struct Http2 {
    sender: Sender,
    /// Takes requests in; `None` after its end, which is where the tool wants no more of them.
    intake: Option<Box<http2::Connection<TokioIo<Wire>, Outgoing, Queue>>>,
    queue: Queue,
    /// The first is the connection; it ends last. Kept apart from the queue, which they know:
    /// nothing may own itself.
    chores: Vec<Chore>,
}

/// What hyper wants to have run.
#[derive(Clone, Default)]
struct Queue(Arc<SegQueue<Chore>>);

impl<F: Future<Output = ()> + Send + 'static> Executor<F> for Queue {
    fn execute(&self, future: F) {
        self.0.push(Box::pin(future));
    }
}

impl Http2 {
    /// Speaks it on a fresh wire.
    pub(super) async fn open(wire: Wire) -> hyper::Result<Http2> {
        let queue = Queue::default();
        let (sender, intake) = http2::Builder::new(queue.clone())
            .initial_stream_window_size(WINDOW_BYTES)
            .initial_connection_window_size(WINDOW_BYTES)
            .max_header_list_size(FIELDS_BYTES_MAX)
            .handshake(TokioIo::new(wire))
            .await?;
        let mut link = Http2 { sender, intake: Some(Box::new(intake)), queue, chores: Vec::new() };
        link.take_over();
        Ok(link)
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
        if let Some(intake) = &mut self.intake
            && Pin::new(intake.as_mut()).poll(cx).is_ready()
        {
            self.intake = None;
        }
        self.take_over();
        // The connection last, so that it sends at once what the others give it.
        for at in (0..self.chores.len()).rev() {
            let chore = self.chores.get_mut(at);
            if chore.is_some_and(|chore| chore.as_mut().poll(cx).is_ready()) {
                drop(self.chores.remove(at));
            }
        }
    }

    fn take_over(&mut self) {
        while let Some(chore) = self.queue.0.pop() {
            self.chores.push(chore);
        }
    }

    /// Whether the connection has ended. A tool that takes no more requests (GOAWAY) still
    /// answers the one that it has.
    pub(super) fn is_closed(&self) -> bool {
        self.intake.is_none() && self.chores.is_empty()
    }

    /// Whether nothing is under way on it.
    pub(super) fn is_free(&self) -> bool {
        self.intake.is_some() && self.chores.len() == 1 && self.sender.is_ready()
    }
}
