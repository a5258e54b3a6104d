//! The keys that tokens are checked with: there before the first call, and fresh from then on.
//!
//! Keys that do not come keep nothing from starting or reloading: tokens of their source are
//! refused until they do, and a metric says so.

use super::Running;
use crate::snapshot::Plan;
use std::sync::Arc;
use std::time::Duration;

/// Nobody waits longer for keys, whatever their sources allow.
const FILL_MAX: Duration = Duration::from_secs(10);

/// Between two looks at what is due.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Fetches the keys of all sources, before anything is accepted.
pub(super) async fn fill(running: &Running) {
    let snapshot = running.proxy.snapshot.load_full();
    fill_for(running, &snapshot.plan).await;
}

/// Gives the next plan the keys that are held, and fetches those that are not, while the plan in
/// force still serves.
pub(super) async fn take_along(running: &Running, next: &mut Plan) {
    next.identity.adopt(&running.proxy.snapshot.load().plan.identity);
    running.proxy.keys.configure(&next.upstreams, next.identity.rings());
    fill_for(running, next).await;
}

/// Has the keys of the plan in force fetched again, where the next one did not come.
pub(super) fn stay(running: &Running) {
    let snapshot = running.proxy.snapshot.load();
    let identity = &snapshot.plan.identity;
    running.proxy.keys.configure(&snapshot.plan.upstreams, identity.rings());
}

async fn fill_for(running: &Running, plan: &Plan) {
    let filled = running.proxy.keys.fill(plan.identity.rings());
    if tokio::time::timeout(FILL_MAX, filled).await.is_err() {
        tracing::warn!("keys are still being fetched; calls with their tokens wait for them");
    }
}

/// Fetches keys again as often as their sources want.
pub(super) async fn keep(running: Arc<Running>) {
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        let snapshot = running.proxy.snapshot.load_full();
        running.proxy.keys.keep(snapshot.plan.identity.rings());
    }
}
