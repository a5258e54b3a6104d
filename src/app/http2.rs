//! HTTP/2 with a caller.
//!
//! hyper bounds neither how long a connection may idle nor how long an answer may go untaken; both
//! are bounded here. The streams of a connection run as tasks of its own: they are counted to know
//! when it idles, and whoever ends the connection ends them.
//!
//! Not spoken: upgrade from HTTP/1.1, extended CONNECT, server push.

use super::connection::{HEAD_TOO_LARGE, Visitor};
use super::flow::{self, Shown, Stream, after};
use crate::call::peer::Peer;
use crate::limits::Limits;
use crate::proxy::{AnswerBody, Proxy};
use http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper::rt::Executor;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::error::Error as _;
use std::pin::pin;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

/// The connection was ended for what is most likely an attack.
pub(super) const FLOOD: &str = "http2_flood";
/// It was ended for frames that break the protocol.
pub(super) const MALFORMED: &str = "http2_malformed";

/// What a caller may send of one body before any of it is read.
const STREAM_WINDOW_BYTES: u32 = 128 << 10;
/// The same for all bodies of a connection.
const CONNECTION_WINDOW_BYTES: u32 = 256 << 10;
/// What is held of one answer for a caller who is slow to take it.
const SEND_BUFFER_BYTES: usize = 64 << 10;

/// Hands the streams of a connection to its task.
#[derive(Clone)]
struct Hand(mpsc::UnboundedSender<Stream>);

impl<F> Executor<F> for Hand
where
    F: Future<Output = ()> + Send + 'static,
{
    fn execute(&self, stream: F) {
        // The connection is gone: so is the stream.
        let _ = self.0.send(Box::pin(stream));
    }
}

/// How far a connection is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stand {
    /// New streams are welcome.
    Open,
    /// The caller was told to go.
    Leaving,
}

/// Serves a connection to its end.
pub(super) async fn serve<S>(mut visitor: Visitor, stream: S)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (running, peer) = (visitor.running.clone(), visitor.peer.clone());
    let (limits, timeouts) = (visitor.limits, visitor.timeouts);
    let (hand, mut fresh) = mpsc::unbounded_channel();
    let service = service_fn(move |request| {
        let (proxy, peer) = (running.proxy.clone(), peer.clone());
        async move { Ok::<_, Infallible>(answer(proxy, peer, limits, request).await) }
    });
    let connection = builder(Hand(hand), &limits).serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    let mut streams = JoinSet::new();
    let mut stand = Stand::Open;
    let mut idle = pin!(tokio::time::sleep(timeouts.head));
    let ended = loop {
        tokio::select! {
            ended = connection.as_mut() => break ended,
            Some(stream) = fresh.recv() => {
                streams.spawn(flow::bounded(stream, timeouts.idle));
                continue;
            }
            Some(_) = streams.join_next() => {
                let pause = if stand == Stand::Open { timeouts.head } else { timeouts.idle };
                idle.as_mut().reset(after(pause));
                continue;
            }
            () = visitor.leave(), if stand == Stand::Open => {}
            () = idle.as_mut(), if streams.is_empty() => {
                if stand == Stand::Leaving {
                    // It was told to go and does not.
                    return;
                }
            }
        }
        connection.as_mut().graceful_shutdown();
        stand = Stand::Leaving;
        idle.as_mut().reset(after(timeouts.idle));
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "an HTTP/2 connection broke off");
        if let Some(reason) = refusal(&error) {
            visitor.running.proxy.metrics.rejected(reason);
        }
    }
    // They see that the connection is gone, and close their records.
    while streams.join_next().await.is_some() {}
}

fn builder(hand: Hand, limits: &Limits) -> http2::Builder<Hand> {
    let number = |size: usize| u32::try_from(size).unwrap_or(u32::MAX);
    let mut builder = http2::Builder::new(hand);
    builder
        .timer(TokioTimer::new())
        .max_concurrent_streams(number(limits.h2_streams))
        .max_header_list_size(number(limits.h2_header_list_bytes))
        .max_pending_accept_reset_streams(limits.h2_resets)
        .max_local_error_reset_streams(limits.h2_resets)
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .max_send_buf_size(SEND_BUFFER_BYTES);
    builder
}

/// Answers one request; one with more fields than HTTP/1.1 would take is refused as there.
async fn answer(
    proxy: Proxy,
    peer: Arc<Peer>,
    limits: Limits,
    request: Request<Incoming>,
) -> Response<Shown<AnswerBody>> {
    if request.headers().len() > limits.headers {
        proxy.metrics.rejected(HEAD_TOO_LARGE);
        let mut response = Response::new(Shown::new(AnswerBody::Own(None)));
        *response.status_mut() = StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
        return response;
    }
    proxy.answer(request, peer).await.map(Shown::new)
}

/// What HTTP/2 itself refused; `None` where the connection just ended.
fn refusal(error: &hyper::Error) -> Option<&'static str> {
    let error = error.source()?.downcast_ref::<h2::Error>()?;
    // What the caller says of us is no refusal of ours.
    if error.is_remote() || error.is_io() {
        return None;
    }
    match error.reason()? {
        h2::Reason::ENHANCE_YOUR_CALM => Some(FLOOD),
        h2::Reason::NO_ERROR => None,
        _ => Some(MALFORMED),
    }
}
