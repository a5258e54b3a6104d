//! Who waits for whom: at most one fetch of a ring's keys at a time.

use super::bucket::Bucket;
use super::fetch::{FetchError, fetch};
use crate::clock;
use crate::identity::keys::{KeyRing, Remote};
use crate::metrics::JwksMetrics;
use crate::snapshot::UpstreamSpec;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// After a failure the next try comes no later.
const RETRY: Duration = Duration::from_secs(15);

/// The fetches of one ring.
#[derive(Debug)]
pub(super) struct Flight {
    state: Mutex<State>,
    landed: watch::Sender<Landed>,
    metrics: JwksMetrics,
}

#[derive(Debug)]
struct State {
    aloft: bool,
    bucket: Bucket,
    /// When the keys are to be fetched without being asked for.
    due: Instant,
}

/// How the last fetch ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Landed {
    /// With keys.
    Fetched,
    /// Without.
    Failed,
}

/// Who wants a fetch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asker {
    /// A call; the bucket bounds them all.
    Call,
    /// The process itself.
    House,
}

/// A place in a fetch.
pub(super) enum Seat {
    /// It is to be begun, by whoever got this.
    First(watch::Receiver<Landed>, Aloft),
    /// It is under way.
    Another(watch::Receiver<Landed>),
    /// There is none: too many were asked for.
    None,
}

/// A fetch that is under way; it lands however it ends.
#[derive(Debug)]
pub(super) struct Aloft {
    flight: Arc<Flight>,
    landed: Landed,
    next: Duration,
}

// === impl Flight ===

impl Flight {
    /// One that is due at once.
    pub(super) fn new(metrics: JwksMetrics) -> Flight {
        let now = clock::instant();
        let state = State { aloft: false, bucket: Bucket::new(now), due: now };
        let (landed, _) = watch::channel(Landed::Failed);
        Flight { state: Mutex::new(state), landed, metrics }
    }

    /// Takes a seat in the fetch that is under way, or in a new one.
    pub(super) fn board(self: &Arc<Self>, asker: Asker) -> Seat {
        let mut state = self.lock();
        // Under the lock, so that the next landing is that of this very fetch.
        let landed = self.landed.subscribe();
        if state.aloft {
            return Seat::Another(landed);
        }
        if asker == Asker::Call && !state.bucket.take(clock::instant()) {
            return Seat::None;
        }
        state.aloft = true;
        let aloft = Aloft { flight: self.clone(), landed: Landed::Failed, next: RETRY };
        Seat::First(landed, aloft)
    }

    /// Whether the keys are to be fetched without being asked for.
    pub(super) fn is_due(&self) -> bool {
        let state = self.lock();
        !state.aloft && clock::instant() >= state.due
    }

    /// The state is whole after a panic elsewhere, so poison is ignored.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl Aloft ===

impl Aloft {
    /// Fetches, and puts what came into the ring. A failure leaves there what there is.
    pub(super) async fn fly(mut self, ring: Arc<KeyRing>, upstreams: Vec<Arc<UpstreamSpec>>) {
        let Some(remote) = ring.remote() else { return };
        self.next = remote.refresh.min(RETRY);
        match fetch(remote, &upstreams).await {
            Ok(keys) => {
                let now = clock::now();
                ring.store(keys, now);
                self.flight.metrics.succeeded(now);
                self.landed = Landed::Fetched;
                self.next = jittered(remote.refresh);
            }
            Err(error) => warn(remote, &error),
        }
    }
}

fn warn(remote: &Remote, error: &FetchError) {
    let (source, url) = (&remote.source, &remote.url);
    tracing::warn!(%source, %url, %error, "keys cannot be fetched; those that are held stay");
}

impl Drop for Aloft {
    fn drop(&mut self) {
        if self.landed == Landed::Failed {
            self.flight.metrics.failed();
        }
        let mut state = self.flight.lock();
        state.aloft = false;
        state.due = clock::instant() + self.next;
        self.flight.landed.send_replace(self.landed);
    }
}

/// A little earlier, each time by another bit: many proxies that start together must not ask one
/// issuer together for ever. The same where the system has no randomness.
fn jittered(every: Duration) -> Duration {
    let mut bytes = [0_u8; 1];
    match getrandom::fill(&mut bytes) {
        Ok(()) => every - every / 10 * u32::from(bytes[0]) / 255,
        Err(_) => every,
    }
}
