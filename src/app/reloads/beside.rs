//! What is waited for while stages can be set: the files of the config, and the key of the evidence.

use super::failed::Failed;
use super::work::{Disk, WORK_MAX};
use super::{Due, Reason, Reloading, tell};
use crate::admin::{Asked, Want};
use crate::config::Gathered;
use std::pin::pin;
use tokio::time::timeout;

/// Those who wait for the load after the one that goes on.
const LATER_MAX: usize = 16;

// === impl Reloading ===

impl Reloading {
    /// Takes up another key for the evidence. A disk that hangs keeps no load from beginning.
    pub(super) async fn look_at_key(&mut self) {
        let files = self.running.proxy.ledger.key_files().clone();
        let told = match self.on_config(Reason::Key, move || files.load()).await {
            Ok(Ok(key)) => {
                let running = self.running.clone();
                let signs = async move { running.proxy.ledger.sign_with(key).await };
                self.beside(timeout(WORK_MAX, signs)).await.map_err(|late| late.to_string())
            }
            Ok(Err(fault)) => Err(fault.to_string()),
            Err(error) => Err(error.to_string()),
        };
        if let Err(error) = told {
            tracing::error!(%error, "the key that signs the evidence stays the one in force");
        }
    }

    /// What the files say now. Where that hangs, it is done again, and has to rest then, whoever asked.
    pub(super) async fn gather(&mut self, reason: &Reason) -> Result<Gathered, Failed> {
        let loader = self.running.clone();
        let gather = move || loader.source.gather(&loader.environment);
        self.on_config(reason.again(), gather).await
    }

    /// Works on files that may hang, and meanwhile lays what is set by command.
    pub(super) async fn on_config<T: Send + 'static>(
        &mut self,
        again: Reason,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Failed> {
        let begun = self.places.begin(Disk::Config, &again, work)?;
        let done = self.beside(begun.wait()).await;
        self.places.end(done, again)
    }

    /// The same in the state directory, where everybody waits for it.
    pub(super) async fn on_state<T: Send + 'static>(
        &mut self,
        again: Reason,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Failed> {
        let done = self.places.begin(Disk::State, &again, work)?.wait().await;
        self.places.end(done, again)
    }

    /// Has somebody wait for the next load. Who gave up waiting takes nobody's place, and who finds none
    /// is told to ask again.
    fn put_off(&mut self, asked: Asked) {
        self.later.retain(|waiting| !waiting.told.is_closed());
        if self.later.len() < LATER_MAX {
            self.later.push(asked);
        }
    }

    /// Waits for something, and meanwhile lays what is set by command.
    pub(super) async fn beside<T>(&mut self, waited: impl Future<Output = T>) -> T {
        let mut waited = pin!(waited);
        loop {
            let asked = tokio::select! {
                done = &mut waited => return done,
                Some(asked) = self.asked.recv() => asked,
            };
            match asked.want {
                Want::Stages => {
                    let laid = self.restage(Due::Now).await;
                    tell(vec![asked], &laid);
                }
                Want::All => self.put_off(asked),
            }
        }
    }
}
