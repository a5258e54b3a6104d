//! What people steer the rollout with: the labels, the overlay, and a turn for each.
//!
//! Both go to the evidence log first and to their store after it, so one is done after the other:
//! of two at once the store would else keep the first and the log the second.

use super::problem::{Kind, Problem};
use crate::audit::{Entry, Filter, Log, NoCall, NoLog};
use crate::clock;
use crate::rollout::Shelf;
use crate::stage::Course;
use crate::store::labels::{Label, Labels, LabelsError};
use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Mutex, OwnedMutexGuard, Semaphore};
use tokio::task::spawn_blocking;
use tokio::time::timeout;

/// No search for a call takes longer, but for the segment that it is at.
const SEARCH_MAX: Duration = Duration::from_secs(10);

/// How long others may take who set a stage, or read the log to see whether they may.
pub(super) const TURN_MAX: Duration = Duration::from_secs(15);

/// What is told to whoever waited that long, in seconds as well.
const TURN_AGAIN: &str = "15";

/// How long the disk of the overlay may take. Whoever waits for it holds up all others.
const WORK_MAX: Duration = Duration::from_secs(10);

/// What people steer with.
#[derive(Debug)]
pub struct Helm {
    state_dir: PathBuf,
    pub(super) labels: Arc<Labels>,
    pub(super) overlay: Arc<Shelf>,
    /// Held by who labels.
    pub(super) labelling: Mutex<()>,
    /// Held by who sets a stage.
    setting: Arc<Mutex<()>>,
    /// One search at a time.
    searches: Arc<Semaphore>,
}

/// Where a route stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stands {
    /// By what the config says alone.
    pub said: Course,
    /// With what was set by command over it.
    pub course: Course,
}

/// The turn of who sets a stage: nobody else does as long as it, or work that it began, goes on.
#[derive(Debug)]
pub(super) struct Turn(Arc<OwnedMutexGuard<()>>);

/// Why a call was not found.
enum Unfound {
    NoLog(NoLog),
    NoCall(NoCall),
}

// === impl Helm ===

impl Helm {
    /// Over the stores and the log of this state directory.
    pub fn new(state_dir: &Path, overlay: Arc<Shelf>) -> Helm {
        Helm {
            state_dir: state_dir.to_owned(),
            labels: Arc::new(Labels::new(state_dir)),
            overlay,
            labelling: Mutex::default(),
            setting: Arc::default(),
            searches: Arc::new(Semaphore::new(1)),
        }
    }

    /// The turn to set a stage.
    pub(super) async fn turn(&self) -> Result<Turn, Problem> {
        let turn = timeout(TURN_MAX, self.setting.clone().lock_owned()).await;
        turn.map(|turn| Turn(Arc::new(turn))).map_err(|_| {
            let detail = "somebody else sets a stage, and does not come to an end; look at the disk of \
                          the state directory, and ask again";
            Problem::busy(detail, TURN_AGAIN)
        })
    }

    /// The line that says most of a call; `id` is its id, or how that begins.
    pub(super) async fn call(&self, id: &str) -> Result<Entry, Problem> {
        let busy = |_| Problem::busy("somebody else has the log searched; ask again", "1");
        let place = self.searches.clone().try_acquire_owned().map_err(busy)?;
        let (state_dir, id) = (self.state_dir.clone(), id.to_owned());
        let found = blocking(move || {
            // It goes on when whoever asked has left.
            let _place = place;
            let begun = clock::instant();
            let log = Log::open(&state_dir).map_err(Unfound::NoLog)?;
            let goes_on = || begun.elapsed() < SEARCH_MAX;
            log.find_call(&id, goes_on).map_err(Unfound::NoCall)
        });
        found.await?.map_err(Problem::from)
    }

    /// Asks the log about labels that a crash, or a store that did not answer, left in between.
    /// To be called by who holds the turn.
    pub(super) async fn settle_rest(&self) -> Result<(), Problem> {
        let (labels, state_dir) = (self.labels.clone(), self.state_dir.clone());
        blocking(move || settle_rest(&labels, &state_dir)).await?
    }
}

// === impl Turn ===

impl Turn {
    /// Works in the state directory, and waits for it, but not for ever. Work that hangs keeps the turn:
    /// nobody knows what it still does to the file.
    ///
    /// # Errors
    /// Why it failed, or that it hangs.
    pub(super) async fn work<T: Send + 'static, E: Display + Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, E> + Send + 'static,
    ) -> Result<T, String> {
        let held = self.0.clone();
        let working = spawn_blocking(move || {
            let done = work();
            drop(held);
            done
        });
        match timeout(WORK_MAX, working).await {
            Ok(Ok(done)) => done.map_err(|error| error.to_string()),
            Ok(Err(error)) => Err(format!("it broke off: {error}")),
            Err(_) => Err(format!("the disk did not answer within {} s", WORK_MAX.as_secs())),
        }
    }
}

fn settle_rest(labels: &Labels, state_dir: &Path) -> Result<(), Problem> {
    for (ticket, label) in labels.unsettled()? {
        let log = Log::open(state_dir).map_err(Unfound::NoLog)?;
        match line_of(&log, &label) {
            Some(line) => labels.settle(&ticket, line)?,
            None => labels.withdraw(&ticket)?,
        }
    }
    Ok(())
}

/// Where the log has a label, if it has it.
fn line_of(log: &Log, label: &Label) -> Option<u64> {
    let filter = Filter::labels_of(&label.call_id);
    let mut lines = log.backwards(filter.sieve());
    while let Some((entry, _)) = lines.next_line() {
        let at = entry.text("time").and_then(|time| time.parse().ok());
        if at.is_some_and(|at| label.at > at) {
            return None;
        }
        let is = |member: &str, own: &str| entry.text(member) == Some(own);
        if is("call_id", &label.call_id) && is("label", &label.label) && is("by", &label.by) {
            return Some(entry.seq());
        }
    }
    None
}

/// Works where waiting is allowed.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Problem> {
    spawn_blocking(work).await.map_err(|error| {
        tracing::error!(%error, "an errand of the admin listener broke off");
        Problem::new(Kind::Unavailable, "it broke off; look at gait's log")
    })
}

// === impl Problem ===

impl From<Unfound> for Problem {
    fn from(why: Unfound) -> Problem {
        match why {
            Unfound::NoLog(error) => Problem::new(Kind::Unavailable, error.to_string()),
            Unfound::NoCall(NoCall::Cut) => Problem::busy(&NoCall::Cut.to_string(), "1"),
            Unfound::NoCall(error @ NoCall::Unknown(_)) => {
                Problem::new(Kind::NotFound, error.to_string())
            }
            Unfound::NoCall(error @ NoCall::Ambiguous { .. }) => {
                Problem::new(Kind::Unfit, error.to_string()).because("ambiguous")
            }
        }
    }
}

impl From<LabelsError> for Problem {
    fn from(error: LabelsError) -> Problem {
        let reason = match error {
            LabelsError::Full => "labels_full",
            LabelsError::Down { .. } => "label_store_unavailable",
        };
        Problem::new(Kind::Unavailable, error.to_string()).because(reason)
    }
}
