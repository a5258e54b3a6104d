//! The keys of issuers, kept fresh: for calls that ask, and by the clock.

use super::Fetch;
use super::flight::{Asker, Flight, Landed, Seat};
use crate::identity::keys::{KeyRing, Stale};
use crate::metrics::Metrics;
use crate::snapshot::UpstreamSpec;
use arc_swap::ArcSwap;
use futures_util::future::join_all;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;
use tokio::sync::{mpsc, watch};

/// A fetch ends by itself; this is for one that nobody runs.
const SLACK: Duration = Duration::from_secs(1);

/// Fetches keys; cheap to clone.
#[derive(Clone)]
pub struct Fetcher(Arc<Inner>);

struct Inner {
    fetches: mpsc::UnboundedSender<Fetch>,
    /// Where tools are.
    upstreams: ArcSwap<Vec<Arc<UpstreamSpec>>>,
    /// Taken when keys are to be fetched, never by a call whose key is known.
    flights: Mutex<Vec<(Weak<KeyRing>, Arc<Flight>)>>,
    metrics: Metrics,
}

/// What became of a wish for fresh keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refreshed {
    /// There are; it is worth another look.
    Fetched,
    /// There are, of a fetch that had begun before. Worth a look as well, but they can be older
    /// than the wish.
    Earlier,
    /// The issuer gave none in time; what there was is still there.
    Failed,
    /// Too many wishes; nothing was done.
    Limited,
    /// These keys are never fetched.
    Fixed,
}

impl Fetcher {
    /// A fetcher that knows no tools yet, and the fetches that it wants run, each as a task.
    pub fn new(metrics: Metrics) -> (Fetcher, mpsc::UnboundedReceiver<Fetch>) {
        let (fetches, wanted) = mpsc::unbounded_channel();
        let (upstreams, flights) = (ArcSwap::default(), Mutex::default());
        (Fetcher(Arc::new(Inner { fetches, upstreams, flights, metrics })), wanted)
    }

    /// From now on these are the tools, none of which is asked for keys; and these rings have
    /// their metrics.
    pub fn configure<'r>(
        &self,
        upstreams: &[Arc<UpstreamSpec>],
        rings: impl Iterator<Item = &'r Arc<KeyRing>>,
    ) {
        self.0.upstreams.store(Arc::new(upstreams.to_vec()));
        rings.filter(|ring| ring.remote().is_some()).for_each(|ring| drop(self.flight(ring)));
    }

    /// Fetches keys because a call wants others than it saw; or waits for the fetch that is under
    /// way. Bounded by the ring's own time-out. May be dropped at any time.
    pub async fn refresh(&self, stale: &Stale) -> Refreshed {
        match stale.is_over() {
            true => Refreshed::Earlier,
            false => self.fetch(&stale.ring, Asker::Call).await,
        }
    }

    /// Fetches the keys of all rings that hold none, at once, and waits for them.
    pub async fn fill<'r>(&self, rings: impl Iterator<Item = &'r Arc<KeyRing>>) {
        let empty = rings.filter(|ring| ring.held().is_none());
        join_all(empty.map(|ring| self.fetch(ring, Asker::House))).await;
    }

    /// Begins the fetches that are due.
    pub fn keep<'r>(&self, rings: impl Iterator<Item = &'r Arc<KeyRing>>) {
        for ring in rings.filter(|ring| ring.remote().is_some()) {
            if self.flight(ring).is_due() {
                // Nobody waits for it.
                drop(self.board(ring, Asker::House));
            }
        }
    }

    async fn fetch(&self, ring: &Arc<KeyRing>, asker: Asker) -> Refreshed {
        let Some(remote) = ring.remote() else { return Refreshed::Fixed };
        let Some((refreshed, mut landed)) = self.board(ring, asker) else {
            return Refreshed::Limited;
        };
        match tokio::time::timeout(remote.timeout + SLACK, landed.changed()).await {
            Ok(Ok(())) if *landed.borrow() == Landed::Fetched => refreshed,
            _ => Refreshed::Failed,
        }
    }

    /// A seat, and what is to be said once its fetch has landed with keys.
    fn board(
        &self,
        ring: &Arc<KeyRing>,
        asker: Asker,
    ) -> Option<(Refreshed, watch::Receiver<Landed>)> {
        match self.flight(ring).board(asker) {
            Seat::None => None,
            Seat::Another(landed) => Some((Refreshed::Earlier, landed)),
            Seat::First(landed, aloft) => {
                let upstreams = self.0.upstreams.load().to_vec();
                // Where nobody runs fetches any more, dropping it lands it.
                drop(self.0.fetches.send(Box::pin(aloft.fly(ring.clone(), upstreams))));
                Some((Refreshed::Fetched, landed))
            }
        }
    }

    fn flight(&self, ring: &Arc<KeyRing>) -> Arc<Flight> {
        let mut flights = self.0.flights.lock().unwrap_or_else(PoisonError::into_inner);
        let known = |(known, _): &&(Weak<KeyRing>, _)| known.as_ptr() == Arc::as_ptr(ring);
        if let Some((_, flight)) = flights.iter().find(known) {
            return flight.clone();
        }
        flights.retain(|(known, _)| known.strong_count() > 0);
        let source = ring.remote().map_or_else(|| "".into(), |remote| remote.source.clone());
        let flight = Arc::new(Flight::new(self.0.metrics.jwks(&source)));
        flights.push((Arc::downgrade(ring), flight.clone()));
        flight
    }
}
