//! What was set by command, laid over what is in force; and its file, brought up to that.

use super::failed::Failed;
use super::{Due, Reloading, reload};
use crate::admin::{Change, Loaded};
use crate::config::{OverlayFile, Taken};
use crate::rollout::Overlay;
use std::sync::Arc;

// === impl Reloading ===

impl Reloading {
    /// Has what was set by command hold, over what is in force: no other file is read.
    pub(super) async fn restage(&mut self) -> Loaded {
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

    pub(super) async fn lay(&mut self, due: Due) -> Result<(Arc<str>, Change), Failed> {
        let (running, laid, files) =
            (self.running.clone(), self.laid.clone(), self.in_force.clone());
        let laying = self.on_state(move || running.restage(&laid, files));
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
    pub(super) fn lay_down(&mut self, taken: Taken) {
        self.dropped.add(&taken.dropped);
        self.ended.add(&taken.ended);
        self.file = taken.file;
        self.laid = taken;
        self.laid_turn = self.laid_turn.wrapping_add(1);
    }

    /// Takes what was dropped or is over from the disk; where that fails it is tried again at the next
    /// load.
    pub(super) async fn prune(&mut self) {
        let is_whole = self.file == OverlayFile::There;
        if self.dropped.is_empty() && self.ended.is_empty() && is_whole {
            return;
        }
        let (running, dropped, ended) =
            (self.running.clone(), self.dropped.clone(), self.ended.clone());
        let (routes, over) = (dropped.routes(), ended.routes());
        let overlay = self.running.shelf.path().to_owned();
        match self.on_state(move || running.prune(&dropped, &ended)).await {
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
}
