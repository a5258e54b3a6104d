//! The sockets that calls come in by, bound as the config says.

use super::socket::Socket;
use super::unix::{self, SocketFile};
use super::{AppError, local};
use crate::call::peer::Transport;
use crate::config::{At, Listen};
use crate::metrics::{ListenerMetrics, Metrics};
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::net::{TcpListener, TcpSocket, UnixListener};

/// Connections that have come and wait to be accepted, as far as the system lets so many.
const BACKLOG: u32 = 1_024;

/// Binds a port. The library's own way takes a backlog of 128, which a burst overflows: a caller
/// that was dropped there comes again only after a second.
pub(super) fn tcp(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    // A restart takes the port up at once.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// A bound listener: all that the config cannot change while it is there.
pub(super) struct Door {
    pub(super) name: Arc<str>,
    pub(super) transport: Transport,
    pub(super) metrics: Arc<ListenerMetrics>,
    acceptor: Acceptor,
}

enum Acceptor {
    Tcp(TcpListener),
    /// With the file that goes when the listener does.
    Unix(UnixListener, SocketFile),
}

/// A connection, and where it comes from if that is a network.
pub(super) type Accepted = (Socket, Option<SocketAddr>);

impl Door {
    /// Binds.
    pub(super) async fn open(listen: &Listen, metrics: &Metrics) -> Result<Door, AppError> {
        let acceptor = match &listen.at {
            At::Tcp(address) => tcp(*address).map(Acceptor::Tcp),
            At::Unix { path, mode } => {
                let bound = unix::bind(path, *mode).await;
                bound.map(|(listener, file)| Acceptor::Unix(listener, file))
            }
        };
        let acceptor = acceptor.map_err(|source| AppError::Bind {
            what: listen.name.to_string(),
            address: listen.at.to_string(),
            source,
        })?;
        let metrics = Arc::new(metrics.listener(&listen.name));
        Ok(Door { name: listen.name.clone(), transport: listen.transport, metrics, acceptor })
    }

    /// Where it is bound: another port than in the config where that says 0.
    pub(super) fn address(&self) -> Result<String, AppError> {
        match &self.acceptor {
            Acceptor::Tcp(listener) => Ok(local(listener)?.to_string()),
            Acceptor::Unix(_, file) => Ok(format!("unix:{}", file.path().display())),
        }
    }

    fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<io::Result<Accepted>> {
        match &self.acceptor {
            Acceptor::Tcp(listener) => {
                listener.poll_accept(cx).map_ok(|(stream, from)| (Socket::Tcp(stream), Some(from)))
            }
            Acceptor::Unix(listener, _) => {
                listener.poll_accept(cx).map_ok(|(stream, _)| (Socket::Unix(stream), None))
            }
        }
    }
}

/// The next connection at any of `doors`, which are looked at from `turn` on: no listener can keep
/// the others waiting.
pub(super) async fn next(doors: &[Door], turn: usize) -> (&Door, io::Result<Accepted>) {
    poll_fn(|cx| {
        let rotated = doors.iter().cycle().skip(turn % doors.len().max(1)).take(doors.len());
        for door in rotated {
            if let Poll::Ready(accepted) = door.poll_accept(cx) {
                return Poll::Ready((door, accepted));
            }
        }
        Poll::Pending
    })
    .await
}
