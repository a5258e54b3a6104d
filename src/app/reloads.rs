//! Reloads, one after the other: whoever asks for one, and whatever changes, comes through here.
//!
//! Those who wait together share one load. A load begins after the one before has ended or was given
//! up, and what was given up never comes into force: so the snapshot in force is always that of the
//! last load begun that succeeded. One that hangs, as on a mount that does not answer, holds nobody
//! for longer than [`work::WORK_MAX`]; once it ends, everything is loaded anew.
//!
//! What is set by command waits for no load: it is laid over what is in force while the files are
//! read, and what was read is then read again, as it may be older. Rejected: a second task for it,
//! with a lock around all that both have; to let it wait, as somebody who goes back is in a hurry,
//! and a mount that hangs is when.

mod arrears;
mod beside;
mod failed;
mod held;
mod laid;
mod resting;
mod watch;
mod work;

use super::{Running, keys, reload};
use crate::admin::{Asked, Change, Loaded, Want};
use crate::clock;
use crate::config::{Config, ConfigError, Files, Gathered, Taken};
use crate::telemetry::{News, Refused};
use arrears::Arrears;
use failed::Failed;
use held::Wait;
use resting::Resting;
use std::sync::Arc;
use std::time::Duration;
use tokio::signal::unix::Signal;
use tokio::sync::mpsc;
use watch::{Noticed, Watch};
use work::Places;

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
    /// What of that is still to be done on the disk.
    arrears: Arrears,
    resting: Resting,
    places: Places,
    /// Those who asked for a load while there was one.
    later: Vec<Asked>,
    /// Rises whenever something else is laid: what was read before that may be older.
    laid_turn: u64,
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
    /// Nobody wants a load: the file of the overlay is to be brought up to what is in force.
    Arrears,
    /// There is nothing to load, as this file never stays as it is.
    Restless(String),
}

/// What a load came to.
enum Ended {
    Told(Loaded),
    /// The files are still being written, or what they say has to rest.
    Waits,
    /// Something was set by command meanwhile.
    Overtaken,
}

/// Whether what would let more through than before may come into force.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Due {
    /// It was asked for.
    Now,
    /// It has to rest.
    Later,
}

// === impl Reason ===

impl Reason {
    /// A load of the files is no other for who asks for it: nothing is laid before.
    fn of_want(want: Want) -> Reason {
        match want {
            Want::All => Reason::Asked,
            Want::Stages => Reason::Staged,
        }
    }

    /// Why something is done again that hung or was refused. Whoever asked for it was told that by then,
    /// and waits no more: what lies there has to rest.
    fn again(&self) -> Reason {
        match self {
            Reason::Asked => Reason::Changed,
            other => other.clone(),
        }
    }

    fn of(noticed: Noticed) -> Reason {
        match noticed {
            Noticed::Changed => Reason::Changed,
            Noticed::Restless(file) => Reason::Restless(file),
        }
    }
}

// === impl Due ===

impl Due {
    fn of(reason: &Reason) -> Due {
        if *reason == Reason::Asked { Due::Now } else { Due::Later }
    }
}

// === impl Reloading ===

impl Reloading {
    /// For a process whose first snapshot is in force.
    pub(super) fn new(running: Arc<Running>, origins: Origins) -> Reloading {
        let Origins { hangups, asked, files, watch, overlay } = origins;
        let watch = Watch::new(files.clone(), watch);
        let arrears = Arrears::of_start(&overlay);
        Reloading {
            running,
            hangups,
            asked,
            watch,
            in_force: files,
            laid: overlay,
            arrears,
            resting: Resting::default(),
            places: Places::default(),
            later: Vec::new(),
            laid_turn: 0,
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
                // Of what hung nobody waits any more: what lies there by now has to rest.
                let due = if stages.is_empty() { Due::Later } else { Due::Now };
                tell(stages, &self.restage(due).await);
            }
            let reason = match reason {
                Reason::Key => {
                    self.look_at_key().await;
                    Reason::Key
                }
                Reason::Arrears => self.catch_up().await,
                other => other,
            };
            let reason = if loads.is_empty() { reason } else { Reason::Asked };
            let Some(loaded) = self.reload(reason).await else { continue };
            tell(loads, &loaded);
            if matches!(loaded, Loaded::InForce { .. }) {
                self.look_at_key().await;
            }
        }
    }

    /// Waits for something to do, and gives who wants to be told.
    async fn wait(&mut self) -> (Reason, Vec<Asked>) {
        if !self.later.is_empty() {
            return (Reason::Asked, std::mem::take(&mut self.later));
        }
        tokio::select! {
            _ = self.hangups.recv() => (Reason::Asked, Vec::new()),
            Some(asked) = self.asked.recv() => (Reason::of_want(asked.want), vec![asked]),
            noticed = self.watch.changed() => (Reason::of(noticed), Vec::new()),
            again = self.places.freed() => (again, Vec::new()),
            () = self.arrears.due() => (Reason::Arrears, Vec::new()),
        }
    }

    /// Loads, takes over or keeps what is in force. `None` where nobody wants that, or the files are
    /// still being written.
    async fn reload(&mut self, reason: Reason) -> Option<Loaded> {
        match reason {
            Reason::Staged | Reason::Key | Reason::Arrears => return None,
            Reason::Restless(file) => {
                let unsettled = ConfigError::Unsettled { file };
                return Some(self.refuse(&unsettled.into(), &Reason::Changed).await);
            }
            Reason::Asked | Reason::Changed => {}
        }
        loop {
            match self.load(&reason).await {
                Ended::Told(loaded) => return Some(loaded),
                Ended::Waits => return None,
                Ended::Overtaken => {}
            }
        }
    }

    async fn load(&mut self, reason: &Reason) -> Ended {
        // Before the load, so that it meets nothing that was dropped.
        self.prune().await;
        self.arrears.loads();
        let turn = self.laid_turn;
        let (config, files) = match self.gather(reason).await {
            Ok(Gathered { config, files }) => (config, files),
            // Whatever has rested, it is not this.
            Err(failed) => return Ended::Told(self.refuse(&failed, reason).await),
        };
        if turn != self.laid_turn {
            return Ended::Overtaken;
        }
        if *reason == Reason::Changed && !self.watch.is_settled(&files) {
            self.watch.unsettle();
            return Ended::Waits;
        }
        let waits = Due::of(reason) == Due::Later && !self.watch.has_rested(&files);
        self.watch.follow(files.clone());
        if config.is_ok() {
            self.resting.end();
        }
        let ended = match config {
            Err(error) => {
                if matches!(error, ConfigError::Overlay { .. }) {
                    self.arrears.refuses_spoilt();
                }
                Ended::Told(self.refuse(&error.into(), reason).await)
            }
            Ok(config) if self.arrears.meets(&config.overlay.kept) => {
                self.arrears.refuses();
                Ended::Told(self.refuse(&Failed::Revived, reason).await)
            }
            Ok(mut config) if files.hold_the_same(&self.in_force) && self.is_laid(&config) => {
                self.arrears.pass_over(&mut config.overlay);
                self.arrears.add(&config.overlay);
                self.watch.release();
                // From now on, what was touched is known as it is.
                self.in_force = files;
                self.running.shelf.knows(config.overlay.found.clone());
                Ended::Told(self.keep(Due::of(reason)))
            }
            Ok(mut config) => {
                self.arrears.pass_settled(&mut config.overlay);
                let lowers = waits.then(|| reload::lowers(&self.running, &config)).flatten();
                if let Some(named) = lowers {
                    self.hold(named);
                    return Ended::Waits;
                }
                self.take_over(config, files).await
            }
        };
        self.prune().await;
        ended
    }

    /// Has what was loaded wait for rest, and says so.
    fn hold(&mut self, named: Vec<String>) {
        match self.watch.hold() {
            Wait::On => {
                let news = self.running.readiness.waits(clock::now(), &named);
                if news == News::New {
                    tracing::warn!(
                        routes = ?named,
                        "what the files of the config say would let through more than before: it comes \
                         into force once they have not changed for some seconds, or at a reload"
                    );
                }
            }
            Wait::Told => {}
            Wait::Overdue(file, times) => {
                self.deny(&Failed::Overdue { file, times }.to_string());
            }
        }
    }

    /// Whether what was set by command is in force as it is read, and told: what is over by now is
    /// let go.
    fn is_laid(&self, config: &Config) -> bool {
        config.overlay.kept == self.laid.kept && self.arrears.has_told(&config.overlay)
    }

    fn keep(&mut self, due: Due) -> Loaded {
        // Unless somebody asked, what the start dropped goes once it has rested: these are its bytes.
        if due == Due::Now {
            self.arrears.settle(&self.laid.kept);
        }
        tracing::info!("reload: nothing has changed");
        self.running.readiness.loads();
        self.running.proxy.metrics.reload_succeeded(clock::now());
        let snapshot = self.running.proxy.snapshot.load().id.clone();
        Loaded::InForce { snapshot, change: Change::None }
    }

    async fn take_over(&mut self, mut config: Config, files: Files) -> Ended {
        let (running, turn) = (self.running.clone(), self.laid_turn);
        let taken_along = async move {
            keys::take_along(&running, &mut config.plan).await;
            config
        };
        let mut config = self.beside(taken_along).await;
        if turn != self.laid_turn {
            keys::stay(&self.running);
            return Ended::Overtaken;
        }
        self.watch.release();
        self.watch.every(config.watch);
        self.arrears.pass_over(&mut config.overlay);
        self.arrears.settle(&config.overlay.kept);
        let lost = self.lost(&config.overlay);
        self.lay_down(config.overlay.clone());
        let snapshot = reload::take_over(&self.running, config, lost);
        self.in_force = files;
        Ended::Told(Loaded::InForce { snapshot, change: Change::Made })
    }

    async fn refuse(&mut self, failed: &Failed, reason: &Reason) -> Loaded {
        let why = failed.to_string();
        self.deny(&why);
        // What was set and is not in force yet need not wait for the config. What is gone waits as it
        // would for a config that can be used.
        let laid = self.lay(reason.again(), Due::of(reason)).await;
        if !matches!(laid, Err(Failed::Restless)) {
            self.watch.release();
        }
        if let Err(failed) = laid
            && failed.to_string() != why
        {
            tracing::error!(error = %failed, "the stages in force stay");
        }
        Loaded::Refused(why.into())
    }

    fn deny(&self, why: &str) {
        tracing::error!(error = %why, "reload refused; the snapshot in force stays");
        self.running.proxy.metrics.reload_failed();
        self.running.readiness.refuses(Refused::new(why, clock::now()));
    }
}

fn tell(waiting: Vec<Asked>, loaded: &Loaded) {
    for asked in waiting {
        // Whoever asked may be gone.
        let _ = asked.told.send(loaded.clone());
    }
}
