//! A call that waits, open, for its approval.
//!
//! It takes one of a bounded number of places for as long as it waits, and gives it back however it
//! ends: a caller who hangs up drops the call, and with it the place. Without a place it is answered
//! at once, as where its route does not let it wait.

use super::Proxy;
use crate::approval::{Proof, RequestId};
use crate::case::{Case, Waited};
use crate::clock;
use crate::limits::{Lease, Place};
use crate::metrics::Held;
use crate::snapshot::Snapshot;
use crate::store::approvals::Waiter;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// How soon a held call sees that gait is about to end.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Whether, and how long, a call may wait.
pub(super) struct Hold {
    deadline: Instant,
    /// `None` where the call does not wait.
    place: Option<(Place, Lease, Held)>,
    waiter: Option<(RequestId, Waiter)>,
}

impl Hold {
    /// Takes a place where the route lets its calls wait. A caller that must show a token gains
    /// nothing by waiting: what comes meanwhile would not reach it.
    pub(super) fn new(proxy: &Proxy, snapshot: &Snapshot, case: &Case, proof: Proof) -> Hold {
        let hold = case.lane.approval.hold;
        let may = proof == Proof::Proven && hold > Duration::ZERO;
        let place = || {
            let place = proxy.holds.take(snapshot.plan.limits.holds)?;
            let mut room = proxy.held_bodies.lease();
            let body = case.call.body().whole().map_or(0, <[u8]>::len);
            room.grow_to(body as u64).ok()?;
            Some((place, room, proxy.approvals.holding()))
        };
        let place = may.then(place).flatten();
        Hold { deadline: clock::instant() + hold, place, waiter: None }
    }

    /// Whether the call has a place to wait in.
    pub(super) fn is_open(&self) -> bool {
        self.place.is_some()
    }

    /// Whether the call waited, or could have.
    pub(super) fn waited(&self) -> Waited {
        if self.waiter.is_some() { Waited::Held } else { Waited::No }
    }

    /// Waits for the request to change; `true` where it is worth another look, `false` where the call
    /// may wait no longer.
    ///
    /// At first it only takes a place to wait at: what changed before that is seen by the next look.
    pub(super) async fn wait(
        &mut self,
        id: &RequestId,
        waiter: impl FnOnce() -> Waiter,
        draining: &AtomicBool,
    ) -> bool {
        if self.place.is_none() {
            return false;
        }
        let Some((_, waiter)) = self.waiter.as_mut().filter(|(own, _)| own == id) else {
            self.waiter = Some((id.clone(), waiter()));
            return clock::instant() < self.deadline;
        };
        let changed = std::pin::pin!(waiter.changed());
        let mut changed = changed;
        loop {
            let now = clock::instant();
            if now >= self.deadline || draining.load(Ordering::Relaxed) {
                return false;
            }
            let until = self.deadline.min(now + LOOK_EVERY);
            if tokio::time::timeout_at(until.into(), changed.as_mut()).await.is_ok() {
                return true;
            }
        }
    }
}
