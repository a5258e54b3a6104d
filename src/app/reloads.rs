//! Reloads, one after the other: whoever asks for one, and whatever changes, comes through here.
//!
//! Those who wait together share one load. A load begins after the one before has ended or was given
//! up, and what was given up never comes into force: so the snapshot in force is always that of the
//! last load begun that succeeded. One that hangs, as on a mount that does not answer, holds nobody
//! for longer than [`LOAD_MAX`]; once it ends, everything is loaded anew.

mod failed;
mod watch;

use super::{Running, keys, reload};
use crate::admin::{Asked, Change, Loaded, Want};
use crate::clock;
use crate::config::{Config, ConfigError, Files, Gathered, OverlayFile, Taken};
use crate::rollout::Overlay;
use crate::telemetry::Refused;
use failed::Failed;
use std::sync::Arc;
use std::time::Duration;
use tokio::signal::unix::Signal;
use tokio::sync::mpsc;
use tokio::task::{JoinHandle, JoinSet};
use watch::{Noticed, Wait, Watch};

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
    laid: Taken,
    /// What was dropped and may still be on disk. It never comes into force again.
    dropped: Overlay,
    /// What was over and may still be on disk.
    ended: Overlay,
    /// Whether the file is there, which is always kept.
    file: OverlayFile,
    /// Work on a disk that nobody waits for any more, and what is to be done once it has ended.
    stuck: JoinSet<Reason>,
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
#[derive(Clone, Debug, PartialEq, Eq)]
enum Reason {
    /// Somebody wants one, whatever the files look like.
    Asked,
    /// They look other than before.
    Changed,
    /// Nobody wants a load: only stages were set.
    Staged,
    /// Nobody wants a load: the key that signs the evidence is to be looked at.
    Key,
    /// There is nothing to load, as this file never stays as it is.
    Restless(String),
}

/// Whether what would let more through than before may come into force.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Due {
    /// It was asked for, or has rested.
    Now,
    /// It has to rest.
    Later,
}

// === impl Reason ===

impl Reason {
    fn of(noticed: Noticed) -> Reason {
        match noticed {
            Noticed::Changed => Reason::Changed,
            Noticed::Restless(file) => Reason::Restless(file),
        }
    }
}

// === impl Reloading ===

impl Reloading {
    /// For a process whose first snapshot is in force.
    pub(super) fn new(running: Arc<Running>, origins: Origins) -> Reloading {
        let Origins { hangups, asked, files, watch, overlay } = origins;
        let watch = Watch::new(files.clone(), watch);
        let (dropped, ended) = (overlay.dropped.clone(), overlay.ended.clone());
        Reloading {
            running,
            hangups,
            asked,
            watch,
            in_force: files,
            laid: overlay,
            dropped,
            ended,
            file: OverlayFile::There,
            stuck: JoinSet::new(),
        }
    }

    /// Reloads for as long as the process lives.
    pub(super) async fn run(mut self) {
        self.prune().await;
        loop {
            let (reason, mut waiting) = self.wait().await;
            while let Ok(asked) = self.asked.try_recv() {
                waiting.push(asked);
            }
            let (stages, loads): (Vec<_>, Vec<_>) =
                waiting.into_iter().partition(|asked| asked.want == Want::Stages);
            if reason == Reason::Staged || !stages.is_empty() {
                tell(stages, &self.restage().await);
            }
            if reason == Reason::Key {
                self.look_at_key().await;
            }
            let reason = if loads.is_empty() { reason } else { Reason::Asked };
            let Some(loaded) = self.reload(reason).await else { continue };
            tell(loads, &loaded);
            self.look_at_key().await;
        }
    }

    /// Waits for something to do, and gives who wants to be told.
    async fn wait(&mut self) -> (Reason, Vec<Asked>) {
        tokio::select! {
            _ = self.hangups.recv() => (Reason::Asked, Vec::new()),
            Some(asked) = self.asked.recv() => (Reason::Staged, vec![asked]),
            noticed = self.watch.changed() => (Reason::of(noticed), Vec::new()),
            Some(ended) = self.stuck.join_next() => (ended.unwrap_or(Reason::Changed), Vec::new()),
        }
    }

    /// Loads, takes over or keeps what is in force. `None` where nobody wants that, or the files are
    /// still being written.
    async fn reload(&mut self, reason: Reason) -> Option<Loaded> {
        match reason {
            Reason::Staged | Reason::Key => return None,
            Reason::Restless(file) => {
                let unsettled = ConfigError::Unsettled { file };
                return Some(self.refuse(&unsettled.into(), Due::Later).await);
            }
            Reason::Asked | Reason::Changed => {}
        }
        // Before the load, so that it meets nothing that was dropped.
        self.prune().await;
        let (config, files) = match self.gather(reason.clone()).await {
            Ok(Gathered { config, files }) => (config, files),
            Err(failed) => return Some(self.refuse(&failed, self.due(&reason, None)).await),
        };
        if reason == Reason::Changed && !self.watch.is_settled(&files) {
            return None;
        }
        let due = self.due(&reason, Some(&files));
        self.watch.follow(files.clone());
        let loaded = match config {
            Err(error) => self.refuse(&error.into(), due).await,
            Ok(config) if config.overlay.kept.meets(&self.dropped) => {
                self.refuse(&Failed::Revived, due).await
            }
            Ok(config) if files.hold_the_same(&self.in_force) && self.is_laid(&config) => {
                self.file = config.overlay.file;
                self.watch.release();
                self.keep()
            }
            Ok(config) if due == Due::Later && reload::lowers(&self.running, &config) => {
                self.hold();
                return None;
            }
            Ok(config) => self.take_over(config, files).await,
        };
        self.prune().await;
        Some(loaded)
    }

    fn due(&self, reason: &Reason, loaded: Option<&Files>) -> Due {
        let is_due = *reason == Reason::Asked || self.watch.has_rested(loaded);
        if is_due { Due::Now } else { Due::Later }
    }

    /// Has what was loaded wait for rest, and says so.
    fn hold(&mut self) {
        match self.watch.hold() {
            Wait::Begun => {
                tracing::warn!(
                    "what the files of the config say would let through more than before: it comes \
                     into force once they have not changed for some seconds, or at a reload"
                );
                self.running.readiness.waits(clock::now());
            }
            Wait::On => {}
            Wait::Overdue => {
                let unsettled = ConfigError::Unsettled { file: self.watch.file() };
                self.deny(&unsettled.to_string());
            }
        }
    }

    /// Whether what was set by command is in force as it is read: what is over by now is let go.
    fn is_laid(&self, config: &Config) -> bool {
        config.overlay.kept == self.laid.kept
    }

    fn keep(&self) -> Loaded {
        tracing::info!("reload: nothing has changed");
        self.running.readiness.loads();
        self.running.proxy.metrics.reload_succeeded(clock::now());
        let snapshot = self.running.proxy.snapshot.load().id.clone();
        Loaded::InForce { snapshot, change: Change::None }
    }

    async fn take_over(&mut self, mut config: Config, files: Files) -> Loaded {
        self.watch.release();
        self.watch.every(config.watch);
        keys::take_along(&self.running, &mut config.plan).await;
        self.lay_down(config.overlay.clone());
        let snapshot = reload::take_over(&self.running, config);
        self.in_force = files;
        Loaded::InForce { snapshot, change: Change::Made }
    }

    async fn refuse(&mut self, failed: &Failed, due: Due) -> Loaded {
        let why = failed.to_string();
        self.deny(&why);
        // What was set and is not in force yet need not wait for the config. What is gone waits as it
        // would for a config that can be used.
        let laid = self.lay(due).await;
        if !matches!(laid, Err(Failed::Restless)) {
            self.watch.release();
        }
        if let Err(failed) = laid {
            tracing::error!(error = %failed, "the stages in force stay");
        }
        Loaded::Refused(why.into())
    }

    fn deny(&self, why: &str) {
        tracing::error!(error = %why, "reload refused; the snapshot in force stays");
        self.running.proxy.metrics.reload_failed();
        self.running.readiness.refuses(Refused::new(why, clock::now()));
    }

    /// Has what was set by command hold, over what is in force: no other file is read.
    async fn restage(&mut self) -> Loaded {
        self.prune().await;
        let done = match self.lay(Due::Now).await {
            Ok((snapshot, change)) => Loaded::InForce { snapshot, change },
            Err(failed) => {
                let why = failed.to_string();
                tracing::error!(error = %why, "the stages in force stay");
                Loaded::Refused(why.into())
            }
        };
        self.prune().await;
        done
    }

    async fn lay(&mut self, due: Due) -> Result<(Arc<str>, Change), Failed> {
        let (running, laid, files) =
            (self.running.clone(), self.laid.clone(), self.in_force.clone());
        let laying = self.bounded(Reason::Staged, move || running.restage(&laid, files));
        let Some((plan, taken, files)) = laying.await?? else {
            let snapshot = self.running.proxy.snapshot.load().id.clone();
            return Ok((snapshot, Change::None));
        };
        if taken.kept.meets(&self.dropped) {
            return Err(Failed::Revived);
        }
        if due == Due::Later && reload::lowers_staged(&self.running, &plan, &taken) {
            self.watch.hold();
            return Err(Failed::Restless);
        }
        let snapshot = reload::restage(&self.running, plan, &taken);
        self.lay_down(taken);
        self.in_force = files;
        Ok((snapshot, Change::Made))
    }

    /// Notes what is laid, and what of the file has still to be brought up to it.
    fn lay_down(&mut self, taken: Taken) {
        self.dropped.add(&taken.dropped);
        self.ended.add(&taken.ended);
        self.file = taken.file;
        self.laid = taken;
    }

    /// Takes what was dropped or is over from the disk; where that fails it is tried again at the next
    /// load.
    async fn prune(&mut self) {
        let is_whole = self.file == OverlayFile::There;
        if self.dropped.is_empty() && self.ended.is_empty() && is_whole {
            return;
        }
        let (running, dropped, ended) =
            (self.running.clone(), self.dropped.clone(), self.ended.clone());
        let (routes, over) = (dropped.routes(), ended.routes());
        let overlay = self.running.shelf.path().to_owned();
        match self.bounded(Reason::Staged, move || running.prune(&dropped, &ended)).await {
            Ok(Ok(())) => {
                tracing::info!(dropped = ?routes, ended = ?over, "the overlay is brought up to date");
                (self.dropped, self.ended) = (Overlay::default(), Overlay::default());
                self.file = OverlayFile::There;
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
        let told = match self.bounded(Reason::Key, move || files.load()).await {
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

    /// What the files say now. Where that hangs, it is done again for the same reason: what nobody asked
    /// for has to rest also after a mount that did not answer.
    async fn gather(&mut self, reason: Reason) -> Result<Gathered, Failed> {
        let loader = self.running.clone();
        let gather = move || loader.source.gather(&loader.environment);
        self.bounded(reason, gather).await
    }

    /// Works where waiting is allowed, and waits for it, but not for ever. What hangs is the reason to
    /// do it again once it has ended.
    async fn bounded<T: Send + 'static>(
        &mut self,
        again: Reason,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Failed> {
        if self.stuck.len() >= STUCK_MAX {
            return Err(Failed::Stuck);
        }
        let mut working = tokio::task::spawn_blocking(work);
        match tokio::time::timeout(LOAD_MAX, &mut working).await {
            Ok(done) => Ok(done?),
            Err(_) => {
                self.stuck.spawn(end_of(working, again));
                Err(Failed::Late)
            }
        }
    }
}

/// Waits for the end of work whose result is of no use any more.
async fn end_of<T>(working: JoinHandle<T>, again: Reason) -> Reason {
    drop(working.await);
    again
}

fn tell(waiting: Vec<Asked>, loaded: &Loaded) {
    for asked in waiting {
        // Whoever asked may be gone.
        let _ = asked.told.send(loaded.clone());
    }
}
