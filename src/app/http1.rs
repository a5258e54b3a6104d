//! HTTP/1.1 with a caller.

use super::connection::{HEAD_TIMEOUT, HEAD_TOO_LARGE, HTTP_INCOMPLETE, HTTP_MALFORMED, Visitor};
use super::noticed::Noticed;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::pin::pin;
use std::sync::atomic::Ordering;
use tokio::io::{AsyncRead, AsyncWrite};

/// A streamed body is read in pieces of this size at most.
const STREAM_BUFFER_BYTES: usize = 64 << 10;

/// Serves a connection to its end.
pub(super) async fn serve<S>(mut visitor: Visitor, stream: Noticed<S>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let running = visitor.running.clone();
    let (proxy, peer) = (&running.proxy, visitor.peer.clone());
    let (limits, timeouts) = (visitor.limits, visitor.timeouts);
    // Boxed per request: hyper keeps room for the future of a service on every idle connection.
    let service = service_fn(|request| {
        let answer = Box::pin(proxy.answer(request, peer.clone()));
        async { Ok::<_, Infallible>(answer.await) }
    });
    let begun = stream.begun();
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(timeouts.head)
        .max_headers(limits.headers)
        .max_header_size(limits.head_bytes)
        .max_buf_size(limits.head_bytes.max(STREAM_BUFFER_BYTES))
        .preserve_header_case(true)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = visitor.leave() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended
        && let Some(reason) = refusal(&error)
        && (reason != HEAD_TIMEOUT || begun.load(Ordering::Relaxed))
    {
        proxy.metrics.rejected(reason);
    }
}

/// What hyper refused by itself; `None` where the connection just ended.
fn refusal(error: &hyper::Error) -> Option<&'static str> {
    if error.is_parse_too_large() {
        Some(HEAD_TOO_LARGE)
    } else if error.is_parse() || error.is_parse_status() {
        Some(HTTP_MALFORMED)
    } else if error.is_timeout() {
        Some(HEAD_TIMEOUT)
    } else if error.is_incomplete_message() {
        Some(HTTP_INCOMPLETE)
    } else {
        None
    }
}
