//! Reloads, one after the other: whoever asks for one, and whatever changes, comes through here.
//!
//! Those who wait together share one load. A load begins after the one before has ended or was given
//! up, and what was given up never comes into force: so the snapshot in force is always that of the
//! last load begun that succeeded. One that hangs, as on a mount that does not answer, holds nobody
//! for longer than [`LOAD_MAX`]; once it ends, everything is loaded anew.

mod watch;

use super::{Running, evidence, keys, reload};
use crate::admin::{Asked, Change, Loaded};
use crate::clock;
use crate::config::{Config, ConfigError, Files, Gathered};
use crate::telemetry::Refused;
use std::sync::Arc;
use std::time::Duration;
use tokio::signal::unix::Signal;
use tokio::sync::mpsc;
use tokio::task::{JoinError, JoinHandle, JoinSet};
use watch::Watch;

/// How long files may be read for.
const LOAD_MAX: Duration = Duration::from_secs(10);

/// As many loads that hang are left behind; each holds a thread.
const STUCK_MAX: usize = 4;

/// What asks for reloads, and what they are made with.
pub(super) struct Reloading {
    running: Arc<Running>,
    hangups: Signal,
    asked: mpsc::Receiver<Asked>,
    watch: Watch,
    /// What is in force was read from these.
    in_force: Files,
    /// Loads that nobody waits for any more.
    stuck: JoinSet<()>,
}

/// Where reloads come from, and what the config that is in force was read from.
pub(super) struct Origins {
    /// SIGHUP.
    pub(super) hangups: Signal,
    /// The admin listener.
    pub(super) asked: mpsc::Receiver<Asked>,
    /// What the first load read.
    pub(super) files: Files,
    /// How often to look at them.
    pub(super) watch: Option<Duration>,
}

/// Why there is a load.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reason {
    /// Somebody wants one, whatever the files look like.
    Asked,
    /// They look other than before.
    Changed,
}

/// Why a load brought nothing.
#[derive(Debug, thiserror::Error)]
enum Failed {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(
        "the files of the config were not read within {} s; look at the mount that they are on",
        LOAD_MAX.as_secs()
    )]
    Late,
    #[error("{STUCK_MAX} loads hang; look at the mount that the files of the config are on")]
    Stuck,
    #[error("the load broke off: {0}; look at gait's log")]
    BrokeOff(#[from] JoinError),
}

// === impl Reloading ===

impl Reloading {
    /// For a process whose first snapshot is in force.
    pub(super) fn new(running: Arc<Running>, origins: Origins) -> Reloading {
        let Origins { hangups, asked, files, watch } = origins;
        let watch = Watch::new(files.clone(), watch);
        Reloading { running, hangups, asked, watch, in_force: files, stuck: JoinSet::new() }
    }

    /// Reloads for as long as the process lives.
    pub(super) async fn run(mut self) {
        loop {
            let (reason, mut waiting) = self.wait().await;
            while let Ok(told) = self.asked.try_recv() {
                waiting.push(told);
            }
            let reason = if waiting.is_empty() { reason } else { Reason::Asked };
            let Some(loaded) = self.reload(reason).await else { continue };
            for told in waiting {
                // Whoever asked may be gone.
                let _ = told.send(loaded.clone());
            }
        }
    }

    /// Waits for a reason to load, and gives who wants to be told.
    async fn wait(&mut self) -> (Reason, Vec<Asked>) {
        tokio::select! {
            _ = self.hangups.recv() => (Reason::Asked, Vec::new()),
            Some(told) = self.asked.recv() => (Reason::Asked, vec![told]),
            () = self.watch.changed() => (Reason::Changed, Vec::new()),
            Some(_) = self.stuck.join_next() => (Reason::Asked, Vec::new()),
        }
    }

    /// Loads, takes over or keeps what is in force; either way takes up another key. `None` where
    /// the files are still being written.
    async fn reload(&mut self, reason: Reason) -> Option<Loaded> {
        let (config, files) = match self.gather().await {
            Ok(Gathered { config, files }) => (config, files),
            Err(failed) => return Some(self.refuse(&failed).await),
        };
        if reason == Reason::Changed && !self.watch.is_settled(&files) {
            return None;
        }
        self.watch.follow(files.clone());
        let loaded = match config {
            Err(error) => return Some(self.refuse(&error.into()).await),
            Ok(_) if files.hold_the_same(&self.in_force) => self.keep(),
            Ok(config) => self.take_over(config, files).await,
        };
        evidence::look_at_key(&self.running).await;
        Some(loaded)
    }

    fn keep(&self) -> Loaded {
        tracing::info!("reload: nothing has changed");
        self.running.readiness.loads();
        self.running.proxy.metrics.reload_succeeded(clock::now());
        let snapshot = self.running.proxy.snapshot.load().id.clone();
        Loaded::InForce { snapshot, change: Change::None }
    }

    async fn take_over(&mut self, mut config: Config, files: Files) -> Loaded {
        self.watch.every(config.watch);
        keys::take_along(&self.running, &mut config.plan).await;
        let snapshot = reload::take_over(&self.running, config);
        self.in_force = files;
        Loaded::InForce { snapshot, change: Change::Made }
    }

    async fn refuse(&mut self, failed: &Failed) -> Loaded {
        let why = failed.to_string();
        tracing::error!(error = %why, "reload refused; the snapshot in force stays");
        self.running.proxy.metrics.reload_failed();
        self.running.readiness.refuses(Refused::new(&why, clock::now()));
        evidence::look_at_key(&self.running).await;
        Loaded::Refused(why.into())
    }

    /// What the files say now.
    async fn gather(&mut self) -> Result<Gathered, Failed> {
        if self.stuck.len() >= STUCK_MAX {
            return Err(Failed::Stuck);
        }
        let loader = self.running.clone();
        let mut loading =
            tokio::task::spawn_blocking(move || loader.source.gather(&loader.environment));
        match tokio::time::timeout(LOAD_MAX, &mut loading).await {
            Ok(loaded) => Ok(loaded?),
            Err(_) => {
                self.stuck.spawn(end_of(loading));
                Err(Failed::Late)
            }
        }
    }
}

/// Waits for the end of a load whose result is of no use any more.
async fn end_of(loading: JoinHandle<Gathered>) {
    drop(loading.await);
}
