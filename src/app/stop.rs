//! Stopping in order: signals, phases, and the tasks that obey them.

use super::AppError;
use std::time::Duration;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// How far stopping has come, as the tasks see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// Accept and serve.
    Accept,
    /// Accept nothing more; finish what is there.
    Drain,
    /// No call is left; finish the errands.
    Finish,
}

/// How the process was asked to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// SIGTERM: whoever routes calls here learns first that they must go elsewhere.
    Announced,
    /// SIGINT: a person at a terminal waits for it.
    AtOnce,
}

/// The signals that the process obeys.
pub(super) struct Signals {
    term: Signal,
    int: Signal,
    /// A request to stop that came during other work.
    pending: Option<Stop>,
}

impl Signals {
    /// Obeys from now on; before, a request to stop ends the process where it stands.
    pub(super) fn new() -> Result<Signals, AppError> {
        let (term, int) = (take(SignalKind::terminate())?, take(SignalKind::interrupt())?);
        Ok(Signals { term, int, pending: None })
    }

    /// Returns on SIGTERM or SIGINT.
    pub(super) async fn wait_for_stop(&mut self) -> Stop {
        match self.pending.take() {
            Some(stop) => stop,
            None => tokio::select! {
                _ = self.term.recv() => Stop::Announced,
                _ = self.int.recv() => Stop::AtOnce,
            },
        }
    }

    /// Waits for work that must not keep the process from stopping, such as the first fetch of
    /// keys: the next request to stop ends the wait, and is asked for again.
    pub(super) async fn unless_stopped(&mut self, work: impl Future<Output = ()>) {
        tokio::select! {
            () = work => {}
            _ = self.term.recv() => self.pending = Some(Stop::Announced),
            _ = self.int.recv() => self.pending = Some(Stop::AtOnce),
        }
    }

    /// Waits; a second request to stop cuts the wait short.
    pub(super) async fn sleep_or_stop(&mut self, duration: Duration) {
        tokio::select! {
            () = tokio::time::sleep(duration) => {}
            _ = self.term.recv() => {}
            _ = self.int.recv() => {}
        }
    }
}

/// Requests to reload, kept until they are asked for. To be had before the config is read: then
/// one that comes during the start neither ends the process nor is forgotten.
pub(super) fn hangups() -> Result<Signal, AppError> {
    take(SignalKind::hangup())
}

fn take(kind: SignalKind) -> Result<Signal, AppError> {
    signal(kind).map_err(|source| AppError::Machine { what: "cannot take signals", source })
}

/// The tasks of a running process.
pub(super) struct Tasks {
    pub(super) calls: JoinHandle<()>,
    pub(super) errands: JoinHandle<()>,
    pub(super) fetches: JoinHandle<()>,
    pub(super) keys: JoinHandle<()>,
    pub(super) reads: JoinHandle<()>,
    pub(super) admin: JoinHandle<()>,
    pub(super) webhooks: JoinHandle<()>,
    pub(super) house: JoinHandle<()>,
    pub(super) orders: JoinHandle<()>,
    pub(super) counters: JoinHandle<()>,
    pub(super) reloads: JoinHandle<()>,
}

impl Tasks {
    /// Lets calls finish, then what they left behind.
    pub(super) async fn finish(&mut self, phases: &watch::Sender<Phase>) {
        phases.send_replace(Phase::Drain);
        // A task that panicked has ended as well.
        let _ = (&mut self.calls).await;
        phases.send_replace(Phase::Finish);
        let _ = (&mut self.errands).await;
    }

    /// Cuts off what is left; every record that was open is closed by its drop.
    pub(super) async fn end(self) {
        let upkeep =
            [self.house, self.orders, self.counters, self.keys, self.fetches, self.reloads];
        for task in [self.calls, self.errands, self.reads, self.admin, self.webhooks]
            .into_iter()
            .chain(upkeep)
        {
            if !task.is_finished() {
                task.abort();
                let _ = task.await;
            }
        }
    }
}
