//! Taking over another config without dropping a call.
//!
//! The new snapshot is read, compiled and built aside; then one pointer is swapped. Whatever is
//! wrong with it, the old one stays in force, and a metric says so.

use super::{Running, spawn};
use crate::clock;
use crate::config::{Config, Listen};
use crate::evidence::Reload;
use crate::metrics::{Metrics, Restart, SnapshotFace};
use crate::snapshot::{Listener, Plan, PlannedRoute, Snapshot, UNMAPPED};
use crate::stage::Protection;
use crate::store::approvals::Rules;
use std::sync::Arc;
use std::time::Duration;

/// What evidence calls the kill switch where it is followed no more; no route has such a name.
const KILL_SWITCH: &str = "_kill_switch";

/// What evidence calls approvers who may approve more than before; no route has such a name.
const APPROVERS: &str = "_approvers";

/// How long a snapshot waits for room for its line in the evidence log.
const LINE_MAX: Duration = Duration::from_secs(1);

/// Puts a config in force, and gives the name of its snapshot.
pub(super) async fn take_over(running: &Arc<Running>, config: Config) -> Arc<str> {
    let Config { fixed, mut plan, policy, kill_switch, warnings, .. } = config;
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
    let mut lowered = lowered(&old.plan, &plan);
    if !lowered.is_empty() {
        tracing::warn!(routes = ?lowered, "security event: these routes are held to less than before, or more may be approved");
    }
    if kill_switch.is_none() && proxy.switch.is_followed() {
        tracing::warn!("security event: the config names no kill switch any more");
        lowered.push(KILL_SWITCH.to_owned());
    }
    let stages = moved(&old.plan, &plan);
    proxy.tools.configure(&plan);
    proxy.desk.configure(rules(&plan));
    running.exports.configure(&plan);
    let snapshot = Arc::new(Snapshot::build(plan, policy, &proxy.metrics));
    let line = Reload {
        snapshot: Some(snapshot.id.clone()),
        policy_digest: Some(snapshot.policy.digest()),
        lowered,
        stages,
        ..Reload::default()
    };
    // First, so that no call's line names a snapshot of which the log does not know.
    record(running, line).await;
    tracing::info!(snapshot = %snapshot.id, "reloaded");
    proxy.switch.follow(kill_switch);
    proxy.snapshot.store(snapshot.clone());
    running.readiness.in_force_since(clock::now());
    // Shown once it is in force: whoever waits for the metric meets nothing older.
    show(&snapshot, &proxy.metrics);
    snapshot.id.clone()
}

/// Records that a snapshot comes into force. A log that has no room for long keeps it from nothing:
/// what comes may stop more calls than what is. Its line is written then as soon as there is room.
async fn record(running: &Running, line: Reload) {
    let ledger = running.proxy.ledger.clone();
    let mut recording = Box::pin(async move {
        if let Err(refusal) = ledger.reloaded(line).await {
            tracing::error!(%refusal, "the reload could not be recorded");
        }
    });
    if tokio::time::timeout(LINE_MAX, &mut recording).await.is_err() {
        drop(spawn(recording));
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
    let stages: Vec<(&str, &str)> =
        snapshot.plan.routes.iter().map(|route| (&*route.name, route.stage.as_str())).collect();
    let (config, policy) = (snapshot.plan.digest.to_string(), snapshot.policy.digest().to_string());
    let certificates = &certificates(&snapshot.plan);
    metrics.snapshot(&SnapshotFace {
        config: &config,
        policy: &policy,
        stages: &stages,
        certificates,
    });
    metrics.reload_succeeded(clock::now());
}

/// Routes that are held to less than they were: a lower stage, no protection any more, or gone,
/// so that their calls take another route; unmapped calls that are let through from now on; and
/// approvers who may approve more.
fn lowered(old: &Plan, new: &Plan) -> Vec<String> {
    let is_lower = |before: &&PlannedRoute| {
        let after = new.routes.iter().find(|route| route.name == before.name);
        after.is_none_or(|after| {
            after.stage < before.stage
                || before.protection == Protection::Protected
                    && after.protection == Protection::Open
        })
    };
    let routes = old.routes.iter().filter(is_lower).map(|route| route.name.to_string());
    let opened = old.unmapped.is_none() && new.unmapped.is_some();
    let wider = new.approvals.are_wider_than(&old.approvals);
    routes
        .chain(opened.then(|| UNMAPPED.to_owned()))
        .chain(wider.then(|| APPROVERS.to_owned()))
        .collect()
}

/// Routes whose stage is another than before, or that were not there, and where they stand.
fn moved(old: &Plan, new: &Plan) -> Vec<(String, String)> {
    let stood = |route: &&PlannedRoute| {
        let before = old.routes.iter().find(|before| before.name == route.name);
        before.is_none_or(|before| before.stage != route.stage)
    };
    let said = |route: &PlannedRoute| (route.name.to_string(), route.stage.as_str().to_owned());
    new.routes.iter().filter(stood).map(said).collect()
}

#[cfg(test)]
mod tests {
    use super::lowered;
    use crate::config::{Environment, Source};
    use crate::snapshot::Plan;

    fn plan(settings: &str, routes: &str) -> Plan {
        let dir = tempfile::tempdir().unwrap();
        let text = format!(
            "policy: policy.yaml\n{settings}\n\
             upstreams: {{ api: {{ url: \"http://127.0.0.1:9\" }} }}\nroutes: [{routes}]\n"
        );
        std::fs::write(dir.path().join("gait.yaml"), text).unwrap();
        std::fs::write(dir.path().join("policy.yaml"), "").unwrap();
        let source = Source::File(dir.path().join("gait.yaml"));
        source.load(&Environment::default()).unwrap().plan
    }

    fn route(name: &str, stage: &str, risk: &str) -> String {
        let intent = format!("intent: {{ tool_name: a, risk_class: {risk} }}");
        format!("{{ name: {name}, upstream: api, stage: {stage}, {intent} }},")
    }

    #[test]
    fn whatever_holds_a_route_to_less_is_named() {
        let before = plan(
            "stage: enforce",
            &(route("a", "enforce", "high") + &route("b", "dry_run", "low")),
        );
        let same = plan(
            "stage: enforce",
            &(route("b", "enforce", "low") + &route("a", "enforce", "high")),
        );
        assert!(lowered(&before, &same).is_empty());
        let staged = plan(
            "stage: enforce",
            &(route("a", "observe", "high") + &route("b", "dry_run", "low")),
        );
        assert_eq!(lowered(&before, &staged), ["a"]);
        let open =
            plan("stage: enforce", &(route("a", "enforce", "low") + &route("b", "dry_run", "low")));
        assert_eq!(lowered(&before, &open), ["a"]);
        let gone = plan("stage: enforce", &route("a", "enforce", "high"));
        assert_eq!(lowered(&before, &gone), ["b"]);
        let observed = plan("", &(route("a", "observe", "high") + &route("b", "observe", "low")));
        assert_eq!(lowered(&before, &observed), ["a", "b", "_unmapped"]);
    }

    #[test]
    fn approvers_who_may_approve_more_are_named() {
        let logins = "admin: { logins: [{ name: ada@desk, role: approver, sha256: \
                      aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa }] }";
        let approvers = |of_ada: &str| {
            plan(
                &format!(
                    "stage: enforce\n{logins}\n\
                     approvals: {{ approvers: [{{ name: ada, logins: [ada@desk]{of_ada} }}] }}"
                ),
                "",
            )
        };
        let (bound, free) = (approvers(", may: { tools: [files.read] }"), approvers(""));
        assert_eq!(lowered(&bound, &free), ["_approvers"]);
        assert!(lowered(&free, &bound).is_empty());
        assert_eq!(lowered(&free, &plan("stage: enforce", "")), ["_approvers"]);
    }
}
