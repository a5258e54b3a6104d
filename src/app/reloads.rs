//! Reloads, one after the other: whoever asks for one, and whatever changes, comes through here.
//!
//! Those who wait together share one load. A load begins after the one before has ended or was given
//! up, and what was given up never comes into force: so the snapshot in force is always that of the
//! last load begun that succeeded. One that hangs, as on a mount that does not answer, holds nobody
//! for longer than [`LOAD_MAX`]; once it ends, everything is loaded anew.

mod watch;

use super::{Running, keys, reload};
use crate::admin::{Asked, Change, Loaded};
use crate::clock;
use crate::config::{Config, ConfigError, Files, Gathered, Taken};
use crate::rollout::Overlay;
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
    /// What was set by command, in force.
    laid: Overlay,
    /// What was dropped and may still be on disk. It never comes into force again.
    dropped: Overlay,
    /// Work on a disk that nobody waits for any more.
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
    /// What it took of the overlay.
    pub(super) overlay: Taken,
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
    #[error(
        "a stage that was dropped would hold again, as `rollout.json` could not be written; see to \
         the disk"
    )]
    Revived,
}

// === impl Reloading ===

impl Reloading {
    /// For a process whose first snapshot is in force.
    pub(super) fn new(running: Arc<Running>, origins: Origins) -> Reloading {
        let Origins { hangups, asked, files, watch, overlay } = origins;
        let watch = Watch::new(files.clone(), watch);
        let Taken { kept: laid, dropped, .. } = overlay;
        let stuck = JoinSet::new();
        Reloading { running, hangups, asked, watch, in_force: files, laid, dropped, stuck }
    }

    /// Reloads for as long as the process lives.
    pub(super) async fn run(mut self) {
        self.prune().await;
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
            self.look_at_key().await;
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

    /// Loads, takes over or keeps what is in force. `None` where the files are still being written.
    async fn reload(&mut self, reason: Reason) -> Option<Loaded> {
        // Before the load, so that it meets nothing that was dropped.
        self.prune().await;
        let (config, files) = match self.gather().await {
            Ok(Gathered { config, files }) => (config, files),
            Err(failed) => return Some(self.refuse(&failed).await),
        };
        if reason == Reason::Changed && !self.watch.is_settled(&files) {
            return None;
        }
        self.watch.follow(files.clone());
        let loaded = match config {
            Err(error) => self.refuse(&error.into()).await,
            Ok(config) if config.overlay.kept.meets(&self.dropped) => {
                self.refuse(&Failed::Revived).await
            }
            Ok(_) if files.hold_the_same(&self.in_force) => self.keep(),
            Ok(config) => self.take_over(config, files).await,
        };
        self.prune().await;
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
        self.laid = config.overlay.kept.clone();
        self.dropped.add(&config.overlay.dropped);
        let snapshot = reload::take_over(&self.running, config);
        self.in_force = files;
        Loaded::InForce { snapshot, change: Change::Made }
    }

    async fn refuse(&mut self, failed: &Failed) -> Loaded {
        let why = failed.to_string();
        tracing::error!(error = %why, "reload refused; the snapshot in force stays");
        self.running.proxy.metrics.reload_failed();
        self.running.readiness.refuses(Refused::new(&why, clock::now()));
        self.restage().await;
        Loaded::Refused(why.into())
    }

    /// Has what was set by command hold although the config cannot be loaded.
    async fn restage(&mut self) {
        let (running, laid) = (self.running.clone(), self.laid.clone());
        let (plan, taken) = match self.bounded(move || running.restage(&laid)).await {
            Ok(Ok(Some(found))) => found,
            Ok(Ok(None)) => return,
            Ok(Err(error)) => return tracing::error!(%error, "the stages in force stay"),
            Err(error) => return tracing::error!(%error, "the stages in force stay"),
        };
        if taken.kept.meets(&self.dropped) {
            return tracing::error!(error = %Failed::Revived, "the stages in force stay");
        }
        reload::restage(&self.running, plan, &taken);
        // No files say what is in force now: the next config that can be loaded is taken over.
        self.in_force = Files::default();
        self.dropped.add(&taken.dropped);
        self.laid = taken.kept;
    }

    /// Takes what was dropped from the disk; where that fails it is tried again at the next load.
    async fn prune(&mut self) {
        if self.dropped.is_empty() {
            return;
        }
        let (running, dropped) = (self.running.clone(), self.dropped.clone());
        let routes = dropped.routes();
        let overlay = self.running.shelf.path().to_owned();
        match self.bounded(move || running.prune(&dropped)).await {
            Ok(Ok(())) => {
                tracing::info!(?routes, "taken from the overlay");
                self.dropped = Overlay::default();
            }
            Ok(Err(error)) => {
                tracing::error!(%error, overlay = %overlay.display(), "dropped stages stay there")
            }
            Err(error) => {
                tracing::error!(%error, overlay = %overlay.display(), "dropped stages stay there")
            }
        }
    }

    /// Takes up another key for the evidence. A disk that hangs keeps no load from beginning.
    async fn look_at_key(&mut self) {
        let files = self.running.proxy.ledger.key_files().clone();
        let told = match self.bounded(move || files.load()).await {
            Ok(Ok(key)) => {
                let signs = self.running.proxy.ledger.sign_with(key);
                tokio::time::timeout(LOAD_MAX, signs).await.map_err(|late| late.to_string())
            }
            Ok(Err(fault)) => Err(fault.to_string()),
            Err(error) => Err(error.to_string()),
        };
        if let Err(error) = told {
            tracing::error!(%error, "the key that signs the evidence stays the one in force");
        }
    }

    /// What the files say now.
    async fn gather(&mut self) -> Result<Gathered, Failed> {
        let loader = self.running.clone();
        self.bounded(move || loader.source.gather(&loader.environment)).await
    }

    /// Works where waiting is allowed, and waits for it, but not for ever.
    async fn bounded<T: Send + 'static>(
        &mut self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Failed> {
        if self.stuck.len() >= STUCK_MAX {
            return Err(Failed::Stuck);
        }
        let mut working = tokio::task::spawn_blocking(work);
        match tokio::time::timeout(LOAD_MAX, &mut working).await {
            Ok(done) => Ok(done?),
            Err(_) => {
                self.stuck.spawn(end_of(working));
                Err(Failed::Late)
            }
        }
    }
}

/// Waits for the end of work whose result is of no use any more.
async fn end_of<T>(working: JoinHandle<T>) {
    drop(working.await);
}
