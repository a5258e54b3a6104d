//! The data listener: accept, serve, drain. It carries data and nothing else.

use super::Running;
use super::patience::Patient;
use super::stop::Phase;
use crate::call::Malformed;
use crate::call::peer::{Address, Peer, Transport};
use crate::demo::{self, Demo};
use crate::metrics::ListenerLabel;
use crate::proxy;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::io;
use std::pin::pin;
use std::sync::atomic::Ordering;
use std::sync::{Arc, LazyLock};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;

/// After an accept that failed, most likely for want of descriptors: long enough not to spin,
/// short enough to be back at once.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// A streamed body is read in pieces of this size at most.
const STREAM_BUFFER_BYTES: usize = 64 << 10;

/// Refusals that hyper makes by itself, before there is a request.
const HEAD_TOO_LARGE: &str = "head_too_large";
const HEAD_TIMEOUT: &str = "head_timeout";
const HTTP_MALFORMED: &str = "http_malformed";
const HTTP_INCOMPLETE: &str = "http_incomplete";

static REASONS: LazyLock<Vec<&'static str>> = LazyLock::new(|| {
    let own = [HEAD_TOO_LARGE, HEAD_TIMEOUT, HTTP_MALFORMED, HTTP_INCOMPLETE];
    Malformed::ALL.into_iter().map(Malformed::code).chain(own).chain(proxy::FAULTS).collect()
});

/// The closed list of `gait_rejected_total`.
pub(super) fn reasons() -> &'static [&'static str] {
    &REASONS
}

/// Accepts connections until draining begins, then waits for those there are.
pub(super) async fn accept(
    running: Arc<Running>,
    listener: TcpListener,
    mut phase: watch::Receiver<Phase>,
) {
    let slots = Arc::new(Semaphore::new(running.fixed.sizes.connections));
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            () = draining(&mut phase) => break,
            Some(_) = connections.join_next() => {}
            accepted = accept_one(&listener, &slots) => match accepted {
                Ok((stream, peer, slot)) => {
                    let served = serve(running.clone(), stream, peer, slot, phase.clone());
                    connections.spawn(served);
                }
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            },
        }
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
}

/// One connection, once there is room for it: at the cap nothing is accepted.
async fn accept_one(
    listener: &TcpListener,
    slots: &Arc<Semaphore>,
) -> io::Result<(TcpStream, Peer, OwnedSemaphorePermit)> {
    let slot = slots.clone().acquire_owned().await.map_err(io::Error::other)?;
    let (stream, address) = listener.accept().await?;
    stream.set_nodelay(true)?;
    let peer = Peer {
        listener: "server".into(),
        address: Address::Ip(address.ip().to_canonical()),
        transport: Transport::Clear,
        certificate: None,
    };
    Ok((stream, peer, slot))
}

/// Returns once draining has begun.
async fn draining(phase: &mut watch::Receiver<Phase>) {
    // Where the sender is gone, the process is ending.
    let _ = phase.wait_for(|phase| *phase != Phase::Accept).await;
}

async fn serve(
    running: Arc<Running>,
    stream: TcpStream,
    peer: Peer,
    _slot: OwnedSemaphorePermit,
    mut phase: watch::Receiver<Phase>,
) {
    let proxy = &running.proxy;
    let _counted = proxy.metrics.connection(ListenerLabel::Server);
    // Copied, so that an idle connection does not keep an old snapshot alive.
    let (limits, timeouts) = {
        let plan = &proxy.snapshot.load().plan;
        (plan.limits, plan.timeouts)
    };
    // Boxed per request: hyper keeps room for the future of a service on every idle connection.
    let peer = Arc::new(peer);
    let service = service_fn(|request| {
        let answer = Box::pin(proxy.answer(request, peer.clone()));
        async { Ok::<_, Infallible>(answer.await) }
    });
    let stream = Patient::new(stream, timeouts.idle);
    let begun = stream.begun();
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(timeouts.head)
        .max_headers(limits.headers)
        .max_header_size(limits.head_bytes)
        .max_buf_size(limits.head_bytes.max(STREAM_BUFFER_BYTES))
        .preserve_header_case(true)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    let mut connection = pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = draining(&mut phase) => {
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

/// Serves the demo tools, behind gait, for as long as the process lives.
pub(super) async fn serve_demo(listener: TcpListener, demo: Demo) {
    let service = demo::service(demo);
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    let serving = http1::Builder::new()
                        .timer(TokioTimer::new())
                        .serve_connection(TokioIo::new(stream), service.clone());
                    connections.spawn(serving);
                }
                Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}
