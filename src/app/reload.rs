//! Taking over another config without dropping a call.
//!
//! The new snapshot is read, compiled and built aside; then one pointer is swapped. Whatever is
//! wrong with it, the old one stays in force, and a metric says so.

use super::Running;
use crate::clock;
use crate::config::{Config, ConfigError};
use crate::evidence::Reload;
use crate::metrics::{Metrics, Restart, SnapshotFace};
use crate::snapshot::{Plan, Snapshot};
use std::sync::Arc;

/// Reloads config and policy, or keeps what is in force.
pub(super) async fn reload(running: &Arc<Running>) {
    let loader = running.clone();
    let loaded = tokio::task::spawn_blocking(move || loader.source.load(&loader.environment)).await;
    match loaded {
        Ok(Ok(config)) => take_over(running, config),
        Ok(Err(error)) => keep(running, &error),
        Err(error) => {
            tracing::error!(%error, "reload broke off; the snapshot in force stays");
            running.proxy.metrics.reload_failed();
        }
    }
}

fn keep(running: &Running, error: &ConfigError) {
    tracing::error!(%error, "reload refused; the snapshot in force stays");
    running.proxy.metrics.reload_failed();
}

fn take_over(running: &Running, config: Config) {
    let Config { fixed, plan, policy, warnings } = config;
    let proxy = &running.proxy;
    warnings.iter().for_each(|warning| tracing::warn!("{warning}"));
    let restart = if fixed == running.fixed { Restart::NotNeeded } else { Restart::Needed };
    if fixed != running.fixed {
        tracing::warn!("listeners, state_dir, log or limits changed: that part needs a restart");
    }
    proxy.metrics.restart(restart);
    let old = proxy.snapshot.load_full();
    let lowered = lowered(&old.plan, &plan);
    if !lowered.is_empty() {
        tracing::warn!(routes = ?lowered, "security event: the stage of these routes was lowered");
    }
    proxy.tools.configure(&plan);
    let snapshot = Arc::new(Snapshot::build(plan, policy, &proxy.metrics));
    show(&snapshot, &proxy.metrics);
    let line = Reload {
        snapshot: Some(snapshot.id.clone()),
        policy_digest: Some(snapshot.policy.digest()),
        lowered,
    };
    tracing::info!(snapshot = %snapshot.id, "reloaded");
    proxy.snapshot.store(snapshot);
    if let Err(refusal) = proxy.ledger.reloaded(line) {
        tracing::error!(%refusal, "the reload could not be recorded");
    }
}

/// Shows a snapshot as the one in force.
pub(super) fn show(snapshot: &Snapshot, metrics: &Metrics) {
    let stages: Vec<(&str, &str)> =
        snapshot.plan.routes.iter().map(|route| (&*route.name, route.stage.as_str())).collect();
    let (config, policy) = (snapshot.plan.digest.to_string(), snapshot.policy.digest().to_string());
    metrics.snapshot(&SnapshotFace { config: &config, policy: &policy, stages: &stages });
    metrics.reload_succeeded(clock::now());
}

/// Routes whose stage is lower than it was.
fn lowered(old: &Plan, new: &Plan) -> Vec<String> {
    let was = |name: &str| old.routes.iter().find(|route| &*route.name == name);
    let lower = new
        .routes
        .iter()
        .filter(|route| was(&route.name).is_some_and(|before| route.stage < before.stage));
    lower.map(|route| route.name.to_string()).collect()
}
