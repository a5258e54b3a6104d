//! What was set by command, laid over what is in force; and its file, brought up to that.

use super::failed::Failed;
use super::reload::Lost;
use super::{Due, Reason, Reloading, reload, resting};
use crate::admin::{Change, Loaded};
use crate::clock;
use crate::config::{Files, Taken};
use std::sync::Arc;

// === impl Reloading ===

impl Reloading {
    /// Has what was set by command hold, over what is in force: no other file is read.
    pub(super) async fn restage(&mut self, due: Due) -> Loaded {
        self.prune().await;
        let done = match self.lay(Reason::Staged, due).await {
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

    /// Lays what the file says by now. Where that hangs, it comes again for what it was done:
    /// nothing goes without its rest but by command.
    pub(super) async fn lay(
        &mut self,
        again: Reason,
        due: Due,
    ) -> Result<(Arc<str>, Change), Failed> {
        let (running, laid, files) =
            (self.running.clone(), self.laid.clone(), self.in_force.clone());
        let laying = self.on_state(again, move || running.relaid(&laid, files));
        let Some((plan, taken, files)) = laying.await?? else {
            self.resting.end();
            let snapshot = self.running.proxy.snapshot.load().id.clone();
            return Ok((snapshot, Change::None));
        };
        if self.arrears.meets(&taken.kept) {
            return Err(Failed::Revived);
        }
        if due == Due::Later && reload::lowers_staged(&self.running, &plan) {
            let now = clock::instant();
            let since = self.resting.since(&taken, now);
            if !resting::has_rested(since, now) {
                self.watch.hold_besides(&files, self.running.shelf.path(), since);
                return Err(Failed::Restless);
            }
        }
        let lost = self.lost(&taken);
        if taken.kept == self.laid.kept {
            // Only the file is to be made anew.
            reload::tell_lost(&self.running.shelf, lost);
            self.lay_down(taken);
            self.know(files);
            let snapshot = self.running.proxy.snapshot.load().id.clone();
            return Ok((snapshot, Change::None));
        }
        let snapshot = reload::restage(&self.running, plan, &taken, lost);
        self.lay_down(taken);
        self.know(files);
        Ok((snapshot, Change::Made))
    }

    /// Knows the overlay as gait has written it: to the watch that is no change.
    fn know(&mut self, files: Files) {
        self.watch.knows(self.running.shelf.path(), (&self.in_force, &files));
        self.in_force = files;
    }

    /// What was lost with the file. A load that was refused for it comes once it is mended.
    pub(super) fn lost(&mut self, taken: &Taken) -> Lost {
        let is_mended = self.running.shelf.tells_mended();
        if is_mended {
            self.arrears.mended();
        }
        match self.arrears.lost(taken, &self.laid) {
            Lost::Nothing | Lost::File if is_mended => Lost::Mended,
            lost => lost,
        }
    }

    /// Notes what is laid, and what of the file has still to be brought up to it.
    pub(super) fn lay_down(&mut self, taken: Taken) {
        self.arrears.add(&taken);
        self.running.shelf.knows(taken.found.clone());
        self.resting.end();
        self.laid = taken;
        self.laid_turn = self.laid_turn.wrapping_add(1);
    }

    /// Takes what was dropped or is over from the disk; where that fails it is tried again soon.
    pub(super) async fn prune(&mut self) {
        let Some((dropped, ended)) = self.arrears.to_write() else { return };
        let (running, routes, over) = (self.running.clone(), dropped.routes(), ended.routes());
        let files = self.in_force.clone();
        let prune = move || running.prune(&dropped, &ended, files);
        let written = self.on_state(Reason::Arrears, prune).await;
        let fault = match written {
            Ok(Ok(files)) => {
                self.know(files);
                tracing::info!(dropped = ?routes, ended = ?over, "the overlay is brought up to date");
                self.arrears.written();
                return;
            }
            Ok(Err(error)) => error.to_string(),
            Err(failed) => failed.to_string(),
        };
        if self.arrears.unwritten(&fault) {
            let overlay = self.running.shelf.path().display();
            tracing::error!(error = %fault, %overlay, "dropped stages stay there");
        }
    }

    /// Does what is still to be done on the disk, and gives whether there is to be a load then.
    pub(super) async fn catch_up(&mut self) -> Reason {
        if self.arrears.is_unrested() {
            match self.has_stayed().await {
                true => self.arrears.settle(&self.laid.kept),
                // Whatever comes of the change, a load tells.
                false => self.arrears.put_off(),
            }
        }
        self.prune().await;
        let is_done = self.arrears.to_write().is_none();
        // Nobody waits for it any more, so it has to rest.
        if is_done && self.arrears.takes_due_load() { Reason::Changed } else { Reason::Arrears }
    }

    /// Whether the files are as what is in force was read from them.
    async fn has_stayed(&mut self) -> bool {
        let files = self.in_force.clone();
        let looked = self.on_config(Reason::Arrears, move || files.stay()).await;
        looked.unwrap_or(false)
    }
}
