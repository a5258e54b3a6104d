//! One connection of a caller: handshake, whom it proves, and what is spoken on it.
//!
//! All of it runs in the task of the connection: no handshake holds up the accepting of others.

use super::Running;
use super::data::draining;
use super::listen::Door;
use super::noticed::Noticed;
use super::patience::Patient;
use super::sniff::{self, Spoken};
use super::socket::Socket;
use super::stop::Phase;
use super::{http1, http2};
use crate::call::peer::{Certificate, Peer, Transport};
use crate::clock;
use crate::limits::{Limits, Timeouts};
use crate::metrics::{ListenerMetrics, ProtocolLabel};
use crate::snapshot::Http2;
use crate::tls;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// Refusals that are made without a request: hyper's and those of HTTP/2.
pub(super) const REFUSALS: [&str; 6] =
    [HEAD_TOO_LARGE, HEAD_TIMEOUT, HTTP_MALFORMED, HTTP_INCOMPLETE, http2::FLOOD, http2::MALFORMED];
pub(super) const HEAD_TOO_LARGE: &str = "head_too_large";
pub(super) const HEAD_TIMEOUT: &str = "head_timeout";
pub(super) const HTTP_MALFORMED: &str = "http_malformed";
pub(super) const HTTP_INCOMPLETE: &str = "http_incomplete";

/// A connection that was accepted, with its place among `limits.connections`.
pub(super) struct Arrived {
    listener: Arc<str>,
    transport: Transport,
    metrics: Arc<ListenerMetrics>,
    socket: Socket,
    from: Option<SocketAddr>,
    slot: OwnedSemaphorePermit,
}

impl Arrived {
    pub(super) fn new(
        door: &Door,
        socket: Socket,
        from: Option<SocketAddr>,
        slot: OwnedSemaphorePermit,
    ) -> Arrived {
        let (listener, metrics) = (door.name.clone(), door.metrics.clone());
        Arrived { listener, transport: door.transport, metrics, socket, from, slot }
    }
}

/// A caller whose connection is ready for requests.
pub(super) struct Visitor {
    pub(super) running: Arc<Running>,
    pub(super) peer: Arc<Peer>,
    // Copied, so that an idle connection does not keep an old snapshot alive.
    pub(super) limits: Limits,
    pub(super) timeouts: Timeouts,
    pub(super) phase: watch::Receiver<Phase>,
}

impl Visitor {
    /// Returns once draining has begun.
    pub(super) async fn leave(&mut self) {
        draining(&mut self.phase).await;
    }
}

/// Serves a connection to its end.
pub(super) async fn serve(running: Arc<Running>, arrived: Arrived, phase: watch::Receiver<Phase>) {
    let Arrived { listener: name, transport, metrics, socket, from, slot: _slot } = arrived;
    let _counted = metrics.connection();
    let (listener, limits, timeouts) = {
        let plan = &running.proxy.snapshot.load().plan;
        let found = plan.listeners.iter().find(|listener| listener.name == name);
        // A reload keeps what was bound as it was; nothing is served in another way.
        let Some(listener) = found.filter(|found| found.transport() == transport) else { return };
        (listener.clone(), plan.limits, plan.timeouts)
    };
    let address = match socket.greet(from) {
        Ok(address) => address,
        Err(error) => {
            tracing::debug!(%error, listener = %name, "a caller left at once");
            return;
        }
    };
    let peer = Peer { listener: name, address, transport, certificate: None };
    let guest = Guest { running, peer, limits, timeouts, phase };
    let stream = Patient::new(socket, timeouts.idle);
    // Boxed, so that plain HTTP/1.1 pays no room for what it does not speak.
    match &listener.tls {
        Some(tls) => Box::pin(guest.encrypted(tls, stream, &metrics)).await,
        None if listener.http2 == Http2::PriorKnowledge => {
            Box::pin(guest.sniffed(stream, &metrics)).await;
        }
        None => guest.speak(Spoken::Http1, stream, &metrics).await,
    }
}

/// A caller before anything is spoken.
struct Guest {
    running: Arc<Running>,
    peer: Peer,
    limits: Limits,
    timeouts: Timeouts,
    phase: watch::Receiver<Phase>,
}

impl Guest {
    async fn encrypted(
        mut self,
        tls: &tls::Server,
        stream: Patient<Socket>,
        metrics: &ListenerMetrics,
    ) {
        let shaken = tokio::time::timeout(self.timeouts.handshake, shake(tls, stream)).await;
        let shaken = shaken.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
        match shaken {
            Ok((stream, certificate)) => {
                self.peer.certificate = certificate;
                let spoken = match stream.get_ref().1.alpn_protocol() {
                    Some(b"h2") => Spoken::Http2,
                    _ => Spoken::Http1,
                };
                self.speak(spoken, stream, metrics).await;
            }
            Err(error) => {
                metrics.handshake_failed();
                let Peer { listener, address, .. } = &self.peer;
                tracing::debug!(%listener, ?address, %error, "a TLS handshake failed");
            }
        }
    }

    async fn sniffed(self, stream: Patient<Socket>, metrics: &ListenerMetrics) {
        let sniffed = tokio::time::timeout(self.timeouts.head, sniff::sniff(stream)).await;
        // Else nothing was asked: it ends like any connection that says nothing.
        if let Ok(Ok((spoken, stream))) = sniffed {
            self.speak(spoken, stream, metrics).await;
        }
    }

    async fn speak<S>(self, spoken: Spoken, stream: S, metrics: &ListenerMetrics)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let Guest { running, peer, limits, timeouts, phase } = self;
        let visitor = Visitor { running, peer: Arc::new(peer), limits, timeouts, phase };
        match spoken {
            Spoken::Http1 => {
                metrics.speaks(ProtocolLabel::Http1);
                http1::serve(visitor, Noticed::new(stream)).await;
            }
            Spoken::Http2 => {
                metrics.speaks(ProtocolLabel::Http2);
                Box::pin(http2::serve(visitor, stream)).await;
            }
        }
    }
}

/// The handshake, and what the caller proved in it.
pub(super) async fn shake<S>(
    tls: &tls::Server,
    stream: S,
) -> io::Result<(TlsStream<S>, Option<Certificate>)>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let stream = TlsAcceptor::from(tls.config.clone()).accept(stream).await?;
    let shown = stream.get_ref().1.peer_certificates();
    let certificate = shown.map(|chain| tls.shown(chain)).transpose().map_err(io::Error::other)?;
    // A session that is resumed is not verified again.
    if certificate.as_ref().is_some_and(|shown| shown.not_after < clock::now()) {
        return Err(io::Error::other("the certificate of a resumed session has expired"));
    }
    Ok((stream, certificate))
}

#[cfg(test)]
mod tests;
