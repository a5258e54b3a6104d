//! The clerk: one thread that does what came to the desk, and answers once it is durable.
//!
//! What waits is done together, in one transaction, and committed once. Whoever asks gets an answer
//! only after that; where the commit fails, nobody does, and nothing of it stands. Where the shelf
//! is of no use, everybody is told so and it is opened again every few seconds; how calls ended is
//! kept until then.

mod errand;

use super::Ended;
use super::desk::{Errand, Orders, Waiting};
use super::shelf::{Fault, Shelf};
use super::turn::{Before, Change, Office, Orphans, Turn, What};
use crate::clock;
use crate::metrics::ApprovalMetrics;
use crate::sign::PrivateKey;
use jiff::Timestamp;
use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::mpsc::{UnboundedReceiver, WeakUnboundedSender};

/// Errands that are done together; each delays the others.
const BATCH_MAX: usize = 256;
/// How often time is looked at.
const SWEEP_EVERY: Duration = Duration::from_secs(1);
/// How long a shelf that is of no use is left alone.
const OPEN_EVERY: Duration = Duration::from_secs(3);

/// Opens the shelf, at the time that is given.
pub(super) type Opener = Box<dyn FnMut(Timestamp) -> Result<Box<dyn Shelf>, Fault> + Send>;

/// Does what comes to a desk.
pub struct Clerk {
    inbox: UnboundedReceiver<Errand>,
    /// For claims; weak, so that the clerk ends when nobody is left.
    orders: WeakUnboundedSender<Errand>,
    waiting: Arc<Waiting>,
    office: Office,
    opener: Opener,
    shelf: Option<Box<dyn Shelf>>,
    health: Health,
    /// Ends of calls that are not written down yet.
    unsettled: Vec<(Arc<str>, Ended)>,
    orphans: Orphans,
    metrics: ApprovalMetrics,
}

/// How the shelf is.
#[derive(Clone, Copy, Debug)]
enum Health {
    Good,
    /// Not before that is it opened again.
    BadUntil(Instant),
}

/// Whether more is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Then {
    GoOn,
    End,
}

impl Clerk {
    pub(super) fn new(
        (orders, inbox): (&Orders, UnboundedReceiver<Errand>),
        waiting: Arc<Waiting>,
        signer: PrivateKey,
        opener: Opener,
        metrics: ApprovalMetrics,
    ) -> Clerk {
        Clerk {
            inbox,
            orders: orders.downgrade(),
            waiting,
            office: Office { signer, rules: None, asked: HashMap::new() },
            opener,
            shelf: None,
            health: Health::Good,
            unsettled: Vec::new(),
            orphans: Orphans::Unseen,
            metrics,
        }
    }

    /// Works until it is told to stop, or nobody is left who could ask. Give it a thread of its own.
    pub fn run(mut self) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
        let runtime = match runtime {
            Ok(runtime) => runtime,
            Err(error) => return tracing::error!("the store of approvals cannot start: {error}"),
        };
        self.sweep();
        let mut sweep_at = clock::instant() + SWEEP_EVERY;
        loop {
            let mut batch = Vec::new();
            let patience = sweep_at.saturating_duration_since(clock::instant());
            let came = runtime.block_on(async {
                let inbox = self.inbox.recv_many(&mut batch, BATCH_MAX);
                tokio::time::timeout(patience, inbox).await
            });
            let then = if came == Ok(0) { Then::End } else { self.serve(batch) };
            if then == Then::End || clock::instant() >= sweep_at {
                self.sweep();
                sweep_at = clock::instant() + SWEEP_EVERY;
            }
            if then == Then::End {
                return;
            }
        }
    }

    /// Does what came together.
    fn serve(&mut self, batch: Vec<Errand>) -> Then {
        let mut then = Then::GoOn;
        let mut errands = Vec::new();
        for errand in batch {
            match errand {
                Errand::Settle { call_id, ended } => self.unsettled.push((call_id, ended)),
                Errand::Rules(rules) => self.office.rules = Some(rules),
                Errand::Stop => then = Then::End,
                _ if then == Then::End => {}
                errand => errands.push(errand),
            }
        }
        if errands.is_empty() && self.unsettled.is_empty() {
            return then;
        }
        let Some(orders) = self.orders.upgrade() else { return Then::End };
        let answers = self.transact(|turn| errand::all(turn, errands, &orders));
        answers.into_iter().flatten().for_each(|answer| answer());
        then
    }

    fn sweep(&mut self) {
        let Some(swept) = self.transact(|turn| turn.sweep()) else { return };
        self.office.asked.clear();
        self.metrics.pending(swept.pending, swept.oldest);
    }

    /// Does `work` in one transaction; `None` where nothing of it stands.
    fn transact<T>(&mut self, work: impl FnOnce(&mut Turn<'_>) -> Result<T, Fault>) -> Option<T> {
        let mut shelf = self.take_shelf()?;
        // As fine as it is kept, so that nothing differs once it is read again.
        let now = clock::now();
        let now = Timestamp::from_microsecond(now.as_microsecond()).unwrap_or(now);
        let mut turn = Turn::new(&mut *shelf, &mut self.office, now);
        let before = Before { orphans: self.orphans, unsettled: &self.unsettled };
        // One bad errand must not be the end of all approvals.
        let done = catch_unwind(AssertUnwindSafe(|| turn.whole(&before, work)));
        let done = done.unwrap_or_else(|_| Err(Fault::Broken("its work panicked".to_owned())));
        let changes = turn.changes();
        match done {
            Ok(done) => {
                self.shelf = Some(shelf);
                self.tell(&changes);
                Some(done)
            }
            Err(fault) => {
                drop(shelf);
                self.fail(&fault, changes);
                None
            }
        }
    }

    /// The shelf, opened where it must be; `None` where it is of no use.
    fn take_shelf(&mut self) -> Option<Box<dyn Shelf>> {
        if let Some(shelf) = self.shelf.take() {
            return Some(shelf);
        }
        if let Health::BadUntil(until) = self.health
            && clock::instant() < until
        {
            return None;
        }
        match (self.opener)(clock::now()) {
            Ok(shelf) => Some(shelf),
            Err(fault) => {
                self.fail(&fault, Vec::new());
                None
            }
        }
    }

    /// Says what is durable now.
    fn tell(&mut self, changes: &[Change]) {
        self.unsettled.clear();
        self.orphans = Orphans::SeenTo;
        if let Health::BadUntil(_) = self.health {
            tracing::info!("the store of approvals answers again");
        }
        self.health = Health::Good;
        self.metrics.store_up();
        for Change { id, what } in changes {
            self.waiting.wake(id);
            if let Some(label) = what.label() {
                self.metrics.happened(label);
            }
            match what {
                What::Granted { waited: Some(waited) } => self.metrics.waited(*waited),
                What::Unknown { call_id } => {
                    tracing::warn!(request = %id, %call_id, "outcome unknown");
                }
                _ => {}
            }
        }
    }

    /// Nothing of this turn stands, or nobody knows whether it does.
    fn fail(&mut self, fault: &Fault, changes: Vec<Change>) {
        if let Health::Good = self.health {
            tracing::error!(
                "the store of approvals does not answer: {fault}; calls that need an approval are denied; \
                 see to `approvals.db` in the state directory, and to its disk: it is opened again by itself"
            );
        }
        self.health = Health::BadUntil(clock::instant() + OPEN_EVERY);
        self.metrics.store_down();
        // A commit that failed may stand; no call got the words that were taken in it.
        for change in changes {
            if let What::Claimed { call_id } = change.what {
                self.unsettled.push((call_id, Ended::Unsent));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::sqlite::{Past, Place};
    use super::*;
    use crate::metrics::{Limits, Metrics};

    #[test]
    fn work_that_panics_is_undone_and_ends_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let mut place = Place::new(folder.path().join("a.db"), Past::None);
        let opener: Opener = Box::new(move |now| Ok(Box::new(place.open(now)?) as Box<dyn Shelf>));
        let (orders, inbox) = tokio::sync::mpsc::unbounded_channel();
        let metrics = Metrics::new(Limits { series_max: 1_000 }, &[]).approvals(&[]);
        let signer = PrivateKey::generate().unwrap();
        let mut clerk = Clerk::new((&orders, inbox), Arc::default(), signer, opener, metrics);
        assert!(clerk.transact(|turn| turn.sweep()).is_some());
        assert!(clerk.transact(|_| -> Result<(), Fault> { panic!("a bad errand") }).is_none());
        assert!(matches!(clerk.health, Health::BadUntil(_)));
        clerk.health = Health::Good;
        assert!(clerk.transact(|turn| turn.sweep()).is_some());
    }
}
