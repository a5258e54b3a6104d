//! The listeners of calls: accept, and drain. They carry data and nothing else.

use super::Running;
use super::connection::{self, Arrived};
use super::listen::{self, Door};
use super::stop::Phase;
use crate::call::Malformed;
use crate::demo::{self, Demo};
use crate::proxy;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::sync::{Arc, LazyLock};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

/// After an accept that failed, most likely for want of descriptors: long enough not to spin,
/// short enough to be back at once.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

static REASONS: LazyLock<Vec<&'static str>> = LazyLock::new(|| {
    let codes = Malformed::ALL.into_iter().map(Malformed::code);
    codes.chain(connection::REFUSALS).chain(proxy::FAULTS).collect()
});

/// The closed list of `gait_rejected_total`.
pub(super) fn reasons() -> &'static [&'static str] {
    &REASONS
}

/// Accepts connections until draining begins, then waits for those there are.
///
/// One loop for all listeners: `limits.connections` is theirs together, and at the cap nothing is
/// accepted anywhere.
pub(super) async fn accept(
    running: Arc<Running>,
    doors: Vec<Door>,
    mut phase: watch::Receiver<Phase>,
) {
    let slots = Arc::new(Semaphore::new(running.fixed.sizes.connections));
    let mut connections = JoinSet::new();
    let mut turn = 0usize;
    loop {
        turn = turn.wrapping_add(1);
        tokio::select! {
            () = draining(&mut phase) => break,
            Some(_) = connections.join_next() => {}
            arrived = accept_one(&doors, turn, &slots) => match arrived {
                Some(arrived) => {
                    connections.spawn(connection::serve(running.clone(), arrived, phase.clone()));
                }
                None => tokio::time::sleep(ACCEPT_PAUSE).await,
            },
        }
    }
    drop(doors);
    while connections.join_next().await.is_some() {}
}

/// One connection, once there is room for it; `None` where the machine could not give it.
async fn accept_one(doors: &[Door], turn: usize, slots: &Arc<Semaphore>) -> Option<Arrived> {
    let slot = slots.clone().acquire_owned().await.ok()?;
    let (door, accepted) = listen::next(doors, turn).await;
    match accepted {
        Ok((socket, from)) => Some(Arrived::new(door, socket, from, slot)),
        Err(error) => {
            tracing::warn!(%error, listener = %door.name, "cannot accept a connection");
            None
        }
    }
}

/// Returns once draining has begun.
pub(super) async fn draining(phase: &mut watch::Receiver<Phase>) {
    // Where the sender is gone, the process is ending.
    let _ = phase.wait_for(|phase| *phase != Phase::Accept).await;
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
