//! Taking over another config without dropping a call.
//!
//! The new snapshot is read, compiled and built aside; then one pointer is swapped. Whatever is
//! wrong with it, the old one stays in force, and a metric says so.

use super::lowered::{is_half_of_plan, is_half_of_policy, lowered};
use super::stages::{moved, told};
use super::{Running, stages};
use crate::clock;
use crate::config::{Config, Listen, Taken};
use crate::evidence::Reload;
use crate::intent::time::Time;
use crate::metrics::{Metrics, Restart, Share, SnapshotFace};
use crate::policy::Policy;
use crate::rollout::Shelf;
use crate::snapshot::{Listener, Plan, Snapshot};
use crate::store::approvals::Rules;
use crate::store::switch::{Given, Step};
use jiff::Timestamp;
use std::sync::Arc;

/// What evidence calls the kill switch where orders in force are lost with it; no route has such a name.
const KILL_SWITCH: &str = "_kill_switch";

/// What was lost with the file of the overlay, which a process always keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lost {
    /// It is there, that it is not was told, or no process has served yet.
    Nothing,
    /// It said nothing, or none was kept.
    File,
    /// Stages that were set by command.
    Stages,
    /// Nothing but time: a demotion has written it anew.
    Mended,
}

/// Puts a config in force, and gives the name of its snapshot.
pub(super) fn take_over(running: &Arc<Running>, config: Config, lost: Lost) -> Arc<str> {
    let Config { fixed, mut plan, policy, kill_switch, overlay, warnings, .. } = config;
    let proxy = &running.proxy;
    warnings.iter().for_each(|warning| tracing::warn!("{warning}"));
    let restart = if fixed == running.fixed { Restart::NotNeeded } else { Restart::Needed };
    if fixed != running.fixed {
        tracing::warn!(
            "listeners, state_dir, log, limits or evidence changed: that part needs a restart"
        );
    }
    proxy.metrics.restart(restart);
    let old = proxy.snapshot.load_full();
    plan.listeners = kept(&running.fixed.listeners, &old.plan.listeners, plan.listeners);
    plan.admin = kept_admin(&running.fixed.admin, &old.plan.admin, plan.admin);
    plan.assurance = running.fixed.assurance;
    plan.seats = old.plan.seats.clone();
    let now = proxy.stage_time();
    let mut lowered = lowered(&old.plan, &plan, now);
    if !lowered.is_empty() {
        tracing::warn!(routes = ?lowered, "security event: these routes are held to less than before, or more may be approved");
    }
    if loses_orders(switch_step(running, kill_switch.as_ref())) {
        tracing::warn!(
            "security event: the config names no kill switch any more, or one that lacks orders which are \
             in force"
        );
        lowered.push(KILL_SWITCH.to_owned());
    }
    proxy.tools.configure(&plan);
    proxy.desk.configure(rules(&plan));
    running.exports.configure(&plan);
    let told = Reload { lowered, ..told(&overlay, tell_lost(&running.shelf, lost)) };
    let snapshot = recorded(running, &old, (plan, Arc::new(policy)), told);
    proxy.switch.follow(kill_switch);
    put(running, &snapshot, &overlay);
    running.readiness.in_force_since(clock::now());
    proxy.metrics.reload_succeeded(clock::now());
    // Last: whoever reads it meets nothing older any more.
    tracing::info!(snapshot = %snapshot.id, "reloaded");
    snapshot.id.clone()
}

/// Whether a config would let something through that is not now, or drop a stage that was set: half of
/// one does, as it lacks what comes last. Gives what of that has a name; `None` where there is nothing.
pub(super) fn lowers(running: &Running, config: &Config) -> Option<Vec<String>> {
    let (old, now) = (running.proxy.snapshot.load(), running.proxy.stage_time());
    let Config { plan, policy, kill_switch, overlay, .. } = config;
    let mut named = lowered(&old.plan, plan, now);
    named.extend(overlay.dropped.routes());
    let step = switch_step(running, kill_switch.as_ref());
    if loses_orders(step) {
        named.push(KILL_SWITCH.to_owned());
    }
    named.sort_unstable();
    named.dedup();
    let is_half = || is_half_of_policy(&old.policy, policy) || is_half_of_plan(&old.plan, plan);
    (!named.is_empty() || step != Step::Same || is_half()).then_some(named)
}

fn switch_step(running: &Running, given: Option<&Given>) -> Step {
    running.proxy.switch.step(given, Time::from_timestamp(clock::now()))
}

fn loses_orders(step: Step) -> bool {
    matches!(step, Step::Off | Step::Fewer)
}

/// Whether another overlay over the plan in force would let something through that is not now.
pub(super) fn lowers_staged(running: &Running, plan: &Plan) -> bool {
    let (old, now) = (running.proxy.snapshot.load(), running.proxy.stage_time());
    !lowered(&old.plan, plan, now).is_empty()
}

/// Puts the plan in force under another overlay, with the policy in force, and gives the name of the
/// snapshot. No other file has a say in it: what was set by command holds also while the config
/// cannot be loaded.
pub(super) fn restage(running: &Arc<Running>, plan: Plan, overlay: &Taken, lost: Lost) -> Arc<str> {
    let proxy = &running.proxy;
    let (old, now) = (proxy.snapshot.load_full(), proxy.stage_time());
    let lowered = lowered(&old.plan, &plan, now);
    if !lowered.is_empty() {
        tracing::warn!(routes = ?lowered, "security event: these routes are held to less than before");
    }
    let told = Reload { lowered, ..told(overlay, tell_lost(&running.shelf, lost)) };
    let snapshot = recorded(running, &old, (plan, old.policy.clone()), told);
    put(running, &snapshot, overlay);
    running.readiness.restaged_at(clock::now());
    tracing::info!(snapshot = %snapshot.id, "what was set by command is in force");
    snapshot.id.clone()
}

/// Builds a snapshot, and records that it comes into force: first, so that no call's line names one
/// of which the log does not know.
fn recorded(
    running: &Running,
    old: &Snapshot,
    (plan, policy): (Plan, Arc<Policy>),
    told: Reload,
) -> Arc<Snapshot> {
    let stages = moved(&old.plan, &plan, running.proxy.stage_time());
    let snapshot = Arc::new(Snapshot::build(plan, policy, &running.proxy.metrics));
    record(running, &snapshot, Reload { stages, ..told });
    snapshot
}

/// Says what was lost, and whether the evidence is to say so as well.
pub(super) fn tell_lost(shelf: &Shelf, lost: Lost) -> bool {
    let overlay = shelf.path().display();
    match lost {
        Lost::Nothing => {}
        Lost::File => tracing::warn!(
            %overlay,
            "there is no overlay, and nothing says that a stage was set by command: it is made anew"
        ),
        Lost::Stages => tracing::warn!(
            %overlay,
            "security event: the overlay is gone, and with it every stage that was set by command: \
             all routes stand where the config says; look at the `stage` lines of the evidence, and \
             set what is still meant"
        ),
        Lost::Mended => tracing::warn!(
            %overlay,
            "security event: the overlay was lost; it is written anew, as it was but for a demotion"
        ),
    }
    matches!(lost, Lost::Stages | Lost::Mended)
}

/// Swaps the pointer.
fn put(running: &Running, snapshot: &Arc<Snapshot>, overlay: &Taken) {
    running.proxy.snapshot.store(snapshot.clone());
    // Shown once it is in force: whoever waits for the metric meets nothing older.
    show_face(snapshot, &running.proxy.metrics, running.proxy.stage_time());
    running.proxy.metrics.rollout_dropped(overlay.dropped.routes().len());
}

/// Records that a snapshot comes into force. A log that has no room for its line keeps it from
/// nothing: what comes may stop more calls than what is.
fn record(running: &Running, snapshot: &Snapshot, line: Reload) {
    let line = Reload {
        snapshot: Some(snapshot.id.clone()),
        policy_digest: Some(snapshot.policy.digest()),
        candidate_policy_digest: snapshot.candidate.as_ref().map(|one| one.policy.digest()),
        ..line
    };
    if let Err(refusal) = running.proxy.ledger.reloaded(line) {
        tracing::error!(%refusal, "the reload could not be recorded");
    }
}

/// What the store of approvals is held to.
pub(super) fn rules(plan: &Plan) -> Rules {
    let webhooks = plan.approvals.webhooks.iter();
    Rules {
        pending_max: plan.limits.pending_approvals,
        pending_per_identity_max: plan.limits.pending_approvals_per_identity,
        retention: plan.approvals.retention,
        webhooks: webhooks.map(|webhook| webhook.name.clone()).collect(),
    }
}

/// How each bound listener speaks from now on. One that is gone from the config, or that was
/// given TLS or lost it, speaks as before until a restart: never in the clear where it encrypted.
fn kept(bound: &[Listen], old: &[Listener], new: Vec<Listener>) -> Vec<Listener> {
    let keep = |listen: &Listen| {
        let fits =
            |found: &&Listener| found.name == listen.name && found.transport() == listen.transport;
        let found = new.iter().find(fits);
        if found.is_none() {
            tracing::warn!(listener = %listen.name, "this listener stays as it was until a restart");
        }
        found.or_else(|| old.iter().find(fits)).cloned()
    };
    bound.iter().filter_map(keep).collect()
}

/// The same for where approvals are given: tokens never travel in the clear where they did not.
fn kept_admin(bound: &Listen, old: &Listener, new: Listener) -> Listener {
    if bound.transport == new.transport() {
        return new;
    }
    tracing::warn!("the admin listener stays as it was until a restart");
    old.clone()
}

/// Every certificate in force: its name, and until when it holds, in seconds of Unix time.
pub(super) fn certificates(plan: &Plan) -> Vec<(String, f64)> {
    let of = |listener: &Listener| {
        let tls = listener.tls.iter().flat_map(|tls| tls.not_after.iter().enumerate());
        tls.map(|(index, end)| (format!("{}/{index}", listener.name), end.as_second() as f64))
            .collect::<Vec<_>>()
    };
    let shown = plan.upstreams.iter().filter_map(|upstream| {
        let end = upstream.tls.as_ref()?.client_not_after()?;
        Some((format!("upstream:{}", upstream.name), end.as_second() as f64))
    });
    plan.listeners.iter().chain([&plan.admin]).flat_map(of).chain(shown).collect()
}

/// Shows a snapshot as the one in force.
pub(super) fn show(snapshot: &Snapshot, metrics: &Metrics) {
    show_face(snapshot, metrics, clock::now());
    metrics.reload_succeeded(clock::now());
}

/// Its digests, its certificates, and where its callers stand at an instant.
pub(super) fn show_face(snapshot: &Snapshot, metrics: &Metrics, now: Timestamp) {
    let stages: Vec<Share<'_>> = stages::shares(&snapshot.plan, now).collect();
    let lasting: Vec<Share<'_>> = stages::lasting(&snapshot.plan).collect();
    let (config, policy) = (snapshot.plan.digest.to_string(), snapshot.policy.digest().to_string());
    let certificates = &certificates(&snapshot.plan);
    metrics.snapshot(&SnapshotFace {
        config: &config,
        policy: &policy,
        stages: &stages,
        lasting: &lasting,
        certificates,
    });
}
