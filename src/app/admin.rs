//! The admin listener: where people look after requests for approval.
//!
//! It accepts for as long as the process lives, also while calls drain: some of them may wait for
//! a person. It has few connections of its own, so that nobody keeps it busy from where calls come.

mod crowd;
mod token;

pub use token::TokenError;

use super::connection::shake;
use super::listen::{self, Door};
use super::patience::Patient;
use super::socket::Socket;
use super::{Running, spawn};
use crate::admin::{
    self, Archive, BODY_BYTES_MAX, Context, Helm, Rollout, Scheme, Stands, Unread, WAITS_MAX,
};
use crate::call::peer::Address;
use crate::clock;
use crate::metrics::Missed;
use crate::rollout::{Counters, Facts, Life, Shelf};
use crate::snapshot::{Login, Snapshot};
use crate::state::StateDir;
use bytes::Bytes;
use crowd::{Busy, Crowd, Room};
use http::{Method, Request, Response, request::Parts};
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::UnixStream;
use tokio::sync::{Semaphore, oneshot};
use tokio::task::JoinSet;

/// People and their tools, not more; half of it may wait for changes.
const CONNECTIONS_MAX: usize = 2 * WAITS_MAX;
/// For a head, for a body, and for a reader.
const PATIENCE: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(50);
const HEAD_BYTES_MAX: usize = 16 << 10;
const HEADERS_MAX: usize = 64;
/// hyper takes no less for a head and a piece of a body.
const BUFFER_BYTES_MAX: usize = 2 * HEAD_BYTES_MAX;

/// The file of the local login's token, in the state directory.
pub(super) const ADMIN_TOKEN: &str = "admin.token";

/// What the admin listener has for itself.
pub(super) struct Office {
    local: Login,
    waits: Semaphore,
    archive: Archive,
    shelf: Arc<Shelf>,
    helm: Helm,
}

/// Where one connection came to, and who is there.
#[derive(Clone, Copy)]
struct Counter {
    address: Option<IpAddr>,
    scheme: Scheme,
}

/// What is in force when it is asked for, and not when the request came.
#[derive(Clone, Copy)]
struct Now<'a> {
    facts: &'a (dyn Fn() -> Facts + Sync),
    stands: &'a (dyn Fn(&str) -> Option<Stands> + Sync),
}

impl Office {
    /// Reads the token of the local login, or makes it.
    pub(super) fn open(state: &StateDir) -> Result<Office, TokenError> {
        let local = token::local(&state.path().join(ADMIN_TOKEN))?;
        let archive = Archive::new(state.path().to_owned());
        let shelf = Arc::new(Shelf::new(state.path()));
        let helm = Helm::new(state.path(), shelf.clone());
        Ok(Office { local, waits: Semaphore::new(WAITS_MAX), archive, shelf, helm })
    }

    /// The overlay, which whoever changes it must share.
    pub(super) fn shelf(&self) -> Arc<Shelf> {
        self.shelf.clone()
    }
}

/// Accepts for as long as the process lives.
pub(super) async fn accept(running: Arc<Running>, door: Door) {
    let doors = [door];
    let (mut connections, mut crowd) = (JoinSet::new(), Crowd::default());
    loop {
        let room = crowd.room(CONNECTIONS_MAX);
        tokio::select! {
            accepted = listen::next(&doors, 0), if room == Room::Now => {
                match accepted {
                    (door, Ok((socket, from))) => {
                        let (counted, busy) = (door.metrics.connection(), Busy::default());
                        let serving = greet(running.clone(), socket, from, busy.clone());
                        let task = connections.spawn(async move { serving.await; drop(counted) });
                        crowd.join(CONNECTIONS_MAX, busy, task);
                    }
                    (_, Err(_)) => tokio::time::sleep(PAUSE).await,
                }
            }
            () = until(room) => {}
            Some(_) = connections.join_next() => {}
        }
    }
}

/// Waits until there may be room.
async fn until(room: Room) {
    match room {
        Room::Now => std::future::pending().await,
        Room::In(wait) => tokio::time::sleep(wait).await,
        Room::None => tokio::time::sleep(PAUSE).await,
    }
}

/// Serves a connection, if whoever made it may.
async fn greet(
    running: Arc<Running>,
    socket: Socket,
    from: Option<std::net::SocketAddr>,
    busy: Busy,
) {
    match socket.greet(from).and_then(|address| may_enter(&address)) {
        Ok(()) => {}
        Err(error) => {
            tracing::warn!(%error, "security event: a connection to the admin listener was refused");
            return;
        }
    }
    let address = socket.local_ip();
    let stream = Patient::new(socket, PATIENCE);
    let tls = running.proxy.snapshot.load().plan.admin.tls.clone();
    let Some(tls) = tls else {
        return serve(running, stream, Counter { address, scheme: Scheme::Http }, busy).await;
    };
    match tokio::time::timeout(PATIENCE, shake(&tls, stream)).await {
        Ok(Ok((stream, _))) => {
            serve(running, stream, Counter { address, scheme: Scheme::Https }, busy).await;
        }
        _ => tracing::debug!("a handshake at the admin listener broke off"),
    }
}

/// A Unix socket is for root and for whoever runs gait, whatever the mode of its file.
fn may_enter(address: &Address) -> io::Result<()> {
    let Address::Unix { uid, .. } = address else { return Ok(()) };
    // Both ends of a pair are ours.
    let own = UnixStream::pair()?.0.peer_cred()?.uid();
    match [0, own].contains(uid) {
        true => Ok(()),
        false => Err(io::Error::new(io::ErrorKind::PermissionDenied, format!("uid {uid}"))),
    }
}

async fn serve<S>(running: Arc<Running>, stream: S, counter: Counter, busy: Busy)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = service_fn(|request| answer(running.clone(), request, counter, busy.clone()));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(PATIENCE)
        .max_headers(HEADERS_MAX)
        .max_header_size(HEAD_BYTES_MAX)
        .max_buf_size(BUFFER_BYTES_MAX)
        .serve_connection(TokioIo::new(stream), service);
    if let Err(error) = connection.await {
        tracing::debug!(%error, "a connection to the admin listener broke off");
    }
}

/// One answer. What changes something is carried out in a task of its own: a client that leaves in
/// the midst of it must not leave it half done.
async fn answer(
    running: Arc<Running>,
    request: Request<Incoming>,
    counter: Counter,
    busy: Busy,
) -> Result<Response<Full<Bytes>>, oneshot::error::RecvError> {
    let (head, incoming) = request.into_parts();
    let body = whole(incoming).await;
    let _answering = busy.answering();
    if head.method != Method::POST {
        return Ok(answered(&running, &head, body, counter).await);
    }
    let (reply, answer) = oneshot::channel();
    spawn(async move {
        // Whoever asked may be gone.
        let _ = reply.send(answered(&running, &head, body, counter).await);
    });
    answer.await
}

async fn answered(
    running: &Running,
    head: &Parts,
    body: Result<Bytes, Unread>,
    counter: Counter,
) -> Response<Full<Bytes>> {
    let snapshot = running.proxy.snapshot.load_full();
    let now = Now { facts: &|| facts(running), stands: &|route| stands(running, route) };
    let answer = admin::answer(head, body, &context(running, &snapshot, counter, now)).await;
    let later = running.proxy.snapshot.load_full();
    if head.method == Method::POST || Arc::ptr_eq(&snapshot, &later) {
        return answer;
    }
    // It may have been waited for, and who waited be taken away meanwhile.
    admin::refusal(head, &context(running, &later, counter, now)).unwrap_or(answer)
}

/// What the rollout wants to know beside the log, of the snapshot that is in force now.
fn facts(running: &Running) -> Facts {
    let snapshot = running.proxy.snapshot.load();
    let Missed { bypasses, unrecorded } = running.proxy.metrics.unlined().read();
    let counters = Counters { bypasses: Some(bypasses), unrecorded: Some(unrecorded) };
    let policy = snapshot.policy.digest();
    Facts::of(&snapshot.plan, policy, counters, Life::Lives, clock::now())
}

/// Where a route stands in the snapshot that is in force now.
fn stands(running: &Running, route: &str) -> Option<Stands> {
    let snapshot = running.proxy.snapshot.load();
    let route = snapshot.plan.route(route)?;
    Some(Stands { said: route.said.clone(), course: route.course.clone() })
}

fn context<'a>(
    running: &'a Running,
    snapshot: &'a Snapshot,
    counter: Counter,
    now: Now<'a>,
) -> Context<'a> {
    Context {
        desk: &running.proxy.desk,
        approvals: &snapshot.plan.approvals,
        ledger: &running.proxy.ledger,
        local: &running.office.local,
        address: counter.address,
        scheme: counter.scheme,
        waits: &running.office.waits,
        reloads: &running.reloads,
        helm: &running.office.helm,
        rollout: Rollout { archive: &running.office.archive, facts: now.facts },
        stands: now.stands,
    }
}

async fn whole(incoming: Incoming) -> Result<Bytes, Unread> {
    let body = Limited::new(incoming, BODY_BYTES_MAX).collect();
    match tokio::time::timeout(PATIENCE, body).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(Unread::TooLarge),
        Ok(Err(_)) | Err(_) => Err(Unread::Broken),
    }
}
