//! The rollout: how routes stand, and whether one may go on.
//!
//! All is read from the log, on a thread where waiting is allowed, by one at a time and for a bounded
//! time: what was read so far is kept, so whoever is told to ask again waits for less. Who asks
//! while another reads waits for its turn, in order: whoever looks on keeps nobody from promoting.

mod diff;
mod status;

pub(super) use diff::answer as diff;
pub(super) use status::answer as status;

use super::problem::{Kind, Problem};
use crate::audit::{Log, NoLog};
use crate::clock;
use crate::rollout::{Cache, Facts, NotRead, Summary, read};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Mutex, OwnedMutexGuard};
use tokio::task::spawn_blocking;
use tokio::time::timeout;

/// One reading takes no longer, but for the segment that it is at.
const READING_MAX: Duration = Duration::from_secs(5);

/// Who only looks waits for its turn no longer.
const LOOKING_MAX: Duration = Duration::from_secs(2);

/// What the rollout is answered from.
#[derive(Clone, Copy)]
pub struct Rollout<'a> {
    /// The log.
    pub archive: &'a Archive,
    /// What is not in the log, as it is now.
    pub facts: &'a (dyn Fn() -> Facts + Sync),
}

/// The log of this gait, and what was read of it.
#[derive(Debug)]
pub struct Archive {
    dir: PathBuf,
    pub(super) cache: Arc<Mutex<Cache>>,
    /// Held by who has it compared with a candidate.
    pub(super) comparing: Arc<Mutex<()>>,
}

/// Why there is no summary.
enum Unread {
    NoLog(NoLog),
    NotRead(NotRead),
}

// === impl Archive ===

impl Archive {
    /// The log in a state directory.
    pub fn new(state_dir: PathBuf) -> Archive {
        Archive { dir: state_dir, cache: Arc::default(), comparing: Arc::default() }
    }

    /// All that is in the log; waits for whoever reads it, no longer than `patience`.
    pub(super) async fn summary(&self, patience: Duration) -> Result<Summary, Problem> {
        let turn = timeout(patience, self.cache.clone().lock_owned());
        let cache = turn.await.map_err(|_| busy("somebody else has the log read; ask again"))?;
        let dir = self.dir.clone();
        // It goes on when whoever asked has left: the next will find it done.
        match spawn_blocking(move || sum(dir, cache)).await {
            Ok(Ok(summary)) => Ok(summary),
            Ok(Err(Unread::NotRead(cut @ NotRead::Cut { .. }))) => Err(busy(&cut.to_string())),
            Ok(Err(Unread::NotRead(failed))) => Err(unavailable(failed.to_string())),
            Ok(Err(Unread::NoLog(error))) => Err(unavailable(error.to_string())),
            Err(error) => {
                tracing::error!(%error, "reading the log broke off");
                Err(unavailable("reading the log broke off; look at gait's log"))
            }
        }
    }
}

fn sum(dir: PathBuf, mut cache: OwnedMutexGuard<Cache>) -> Result<Summary, Unread> {
    let begun = clock::instant();
    let log = Log::open(&dir).map_err(Unread::NoLog)?;
    read(&log, &mut cache, || begun.elapsed() < READING_MAX).map_err(Unread::NotRead)
}

fn unavailable(detail: impl Into<String>) -> Problem {
    Problem::new(Kind::Unavailable, detail)
}

fn busy(detail: &str) -> Problem {
    Problem::busy(detail, "1")
}
