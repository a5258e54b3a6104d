//! The rollout: how routes stand, and whether one may go on.
//!
//! All is read from the log, on a thread where waiting is allowed, by one at a time and for a bounded
//! time: what was read so far is kept, so whoever is told to ask again waits for less. Who asks
//! while another reads waits for its turn, in order: whoever looks on keeps nobody from promoting.
//! What several wait for is read once: a reading that began after a question answers it.

mod diff;
mod status;

pub(super) use diff::answer as diff;
pub(super) use status::answer as status;

use super::problem::{Kind, Problem};
use crate::audit::{Log, NoLog};
use crate::clock;
use crate::rollout::{Cache, Facts, NotRead, Summary, read};
use jiff::Timestamp;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};
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
    pub(super) desk: Arc<Mutex<Desk>>,
    /// Held by who has it compared with a candidate.
    pub(super) comparing: Arc<Mutex<()>>,
}

/// Where one reads at a time.
#[derive(Debug, Default)]
pub(super) struct Desk {
    cache: Cache,
    last: Option<Reading>,
}

/// The last reading.
#[derive(Debug)]
struct Reading {
    begun: Instant,
    summary: Arc<Summary>,
}

/// Why there is no summary.
enum Unread {
    NoLog(NoLog),
    NotRead(NotRead),
}

// === impl Rollout ===

impl Rollout<'_> {
    /// All that counts in the log as of now; waits for whoever reads it, no longer than `patience`.
    pub(super) async fn summary(&self, patience: Duration) -> Result<Arc<Summary>, Problem> {
        self.archive.summary((self.facts)().look.edge(), patience).await
    }
}

// === impl Archive ===

impl Archive {
    /// The log in a state directory.
    pub fn new(state_dir: PathBuf) -> Archive {
        Archive { dir: state_dir, desk: Arc::default(), comparing: Arc::default() }
    }

    pub(super) async fn summary(
        &self,
        edge: Timestamp,
        patience: Duration,
    ) -> Result<Arc<Summary>, Problem> {
        let asked = clock::instant();
        let turn = timeout(patience, self.desk.clone().lock_owned());
        let desk = turn.await.map_err(|_| busy("somebody else has the log read; ask again"))?;
        if let Some(summary) = desk.since(asked, edge) {
            return Ok(summary);
        }
        let dir = self.dir.clone();
        // It goes on when whoever asked has left: the next will find it done.
        match spawn_blocking(move || sum(dir, edge, desk)).await {
            Ok(Ok(summary)) => Ok(summary),
            Ok(Err(Unread::NotRead(NotRead::Failed(why)))) => {
                Err(unavailable(NotRead::Failed(why).to_string()))
            }
            Ok(Err(Unread::NotRead(cut))) => Err(busy(&cut.to_string())),
            Ok(Err(Unread::NoLog(error))) => Err(unavailable(error.to_string())),
            Err(error) => {
                tracing::error!(%error, "reading the log broke off");
                Err(unavailable("reading the log broke off; look at gait's log"))
            }
        }
    }
}

// === impl Desk ===

impl Desk {
    /// What was read by others since it was asked for.
    fn since(&self, asked: Instant, edge: Timestamp) -> Option<Arc<Summary>> {
        let last = self.last.as_ref()?;
        (last.begun >= asked && last.summary.reaches(edge)).then(|| last.summary.clone())
    }
}

fn sum(
    dir: PathBuf,
    edge: Timestamp,
    mut desk: OwnedMutexGuard<Desk>,
) -> Result<Arc<Summary>, Unread> {
    let begun = clock::instant();
    // There is no need of two.
    desk.last = None;
    let log = Log::open(&dir).map_err(Unread::NoLog)?;
    let goes_on = || begun.elapsed() < READING_MAX;
    let summary = read(&log, &mut desk.cache, edge, goes_on).map_err(Unread::NotRead)?;
    let summary = Arc::new(summary);
    desk.last = Some(Reading { begun, summary: summary.clone() });
    Ok(summary)
}

fn unavailable(detail: impl Into<String>) -> Problem {
    Problem::new(Kind::Unavailable, detail)
}

fn busy(detail: &str) -> Problem {
    Problem::busy(detail, "1")
}
