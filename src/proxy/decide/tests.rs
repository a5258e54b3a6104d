//! What stands over the rules, and which of it counts most.

use super::*;
use crate::config::{Environment, Source};
use crate::intent::read;
use crate::kill_switch::State;
use crate::metrics::{Limits, Metrics};
use crate::store::switch::Given;
use serde_json::{Value, json};

/// One route of risk low, with a policy.
fn snapshot(dir: &std::path::Path, policy: &str) -> Snapshot {
    let config = "policy: p.yaml\nstage: enforce\nupstreams: { a: { url: \"http://127.0.0.1:9\" } \
                  }\nroutes: [ { name: r, upstream: a, intent: { tool_name: t, risk_class: low } \
                  } ]\n";
    std::fs::write(dir.join("gait.yaml"), config).unwrap();
    std::fs::write(dir.join("p.yaml"), policy).unwrap();
    let loaded = Source::File(dir.join("gait.yaml")).load(&Environment::default()).unwrap();
    let metrics = Metrics::new(Limits { series_max: 1_000 }, &[]);
    Snapshot::build(loaded.plan, loaded.policy, &metrics)
}

fn intent(risk: &str, more: &Value) -> Intent {
    let context = json!({"identity": "ada", "workspace": "/w", "risk_class": risk});
    let mut intent = json!({"tool_name": "t", "context": context});
    intent.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    read::from_json(intent.to_string().as_bytes()).unwrap().normalise().unwrap()
}

/// A switch whose one order stops everything, or whose file is gone.
fn switch(dir: &std::path::Path, entries: &Value) -> Switch {
    let state = json!({
        "created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-01T00:00:00Z",
        "entries": entries,
    });
    let state = State::from_json(state.to_string().as_bytes()).unwrap();
    Switch::new(Some(Given { path: dir.join("gone.json"), state }))
}

fn everything() -> Value {
    json!([{"entry_id": "all", "enabled": true, "created_at": "2026-01-01T00:00:00Z"}])
}

struct Scene {
    dir: tempfile::TempDir,
    snapshot: Snapshot,
    switch: Switch,
}

impl Scene {
    fn of(policy: &str) -> Scene {
        let dir = tempfile::tempdir().unwrap();
        Scene { snapshot: snapshot(dir.path(), policy), switch: Switch::new(None), dir }
    }

    fn switched(policy: &str, entries: &Value) -> Scene {
        let scene = Scene::of(policy);
        Scene { switch: switch(scene.dir.path(), entries), ..scene }
    }

    fn judge(&self, intent: Intent) -> Judged {
        let limits = Live::open(self.dir.path().join("limits.json")).unwrap();
        let lane = &self.snapshot.table[0].lane;
        let (snapshot, switch, wish) = (&self.snapshot, &self.switch, Wish::None);
        let bench = Bench { snapshot, lane, wish, switch, limits: &limits };
        bench.judge(intent, crate::clock::now()).unwrap()
    }
}

fn why(judged: &Judged) -> Option<Why> {
    judged.bar.map(|bar| bar.why)
}

#[test]
fn a_delegation_that_must_be_proved_is_blocked() {
    for effect in ["allow", "dry_run", "require_approval", "block"] {
        let policy =
            format!("rules: [{{name: r, effect: {effect}, match: {{require_delegation: true}}}}]");
        let scene = Scene::of(&policy);
        let delegated = json!({"delegation": {"requester_identity": "ada"}});
        let judged = scene.judge(intent("low", &delegated));
        assert_eq!(judged.decision.verdict, Verdict::Block, "{effect}");
        assert_eq!(why(&judged), Some(Why::Delegation));
        assert_eq!(judged.decision.reason_codes, ["delegation_token_missing", "matched_rule_r"]);
        assert_eq!(judged.decision.violations, ["delegation_not_granted"]);
        assert!(!judged.is_met());
        let digest = scene.snapshot.policy.digest();
        let trace_id = trace::trace_id(digest, judged.intent.digest(), Verdict::Block);
        assert_eq!(judged.trace_id, trace_id, "it names the verdict that counts");
    }
}

#[test]
fn a_credential_is_wanted_only_of_what_would_run() {
    for (effect, wanted) in [("allow", Some(Why::Broker)), ("require_approval", None)] {
        let policy =
            format!("rules: [{{name: r, effect: {effect}, require_broker_credential: true}}]");
        let judged = Scene::of(&policy).judge(intent("low", &json!({})));
        assert_eq!(why(&judged), wanted, "{effect}");
        assert!(!judged.is_met(), "and nothing of it is permitted");
    }
}

#[test]
fn without_terms_the_decision_is_the_policy_s() {
    let scene = Scene::of("rules: [{name: r, effect: allow}]");
    let judged = scene.judge(intent("low", &json!({})));
    assert_eq!((judged.decision.verdict, why(&judged)), (Verdict::Allow, None));
    assert!(judged.is_met() && judged.charged.is_none());
}

#[test]
fn an_order_blocks_over_every_verdict_and_keeps_what_the_rules_said() {
    for effect in ["allow", "block"] {
        let policy = format!(
            "rules: [{{name: r, effect: {effect}, rate_limit: {{requests: 5}}, violations: [v]}}]"
        );
        let judged = Scene::switched(&policy, &everything()).judge(intent("low", &json!({})));
        assert_eq!((judged.decision.verdict, why(&judged)), (Verdict::Block, Some(Why::Stopped)));
        assert_eq!(judged.decision.reason_codes, ["kill_switch_active", "matched_rule_r"]);
        assert_eq!(judged.decision.violations, ["kill_switch_active", "v"]);
        assert!(judged.charged.is_some(), "what is blocked is counted");
    }
}

#[test]
fn what_lacks_required_facts_is_blocked_for_that() {
    let policy = "fail_closed: {enabled: true, risk_classes: [low], required_fields: [targets]}";
    let judged = Scene::switched(policy, &everything()).judge(intent("low", &json!({})));
    assert_eq!(judged.decision.reason_codes, ["fail_closed_missing_targets"]);
    assert_eq!(why(&judged), None);
}

#[test]
fn without_orders_to_read_the_riskiest_are_blocked_and_no_rule_is_asked() {
    let scene = Scene::switched("rules: [{name: r, effect: allow}]", &json!([]));
    assert!(scene.judge(intent("high", &json!({}))).is_met());
    scene.switch.refresh();
    for risk in ["high", "critical"] {
        let judged = scene.judge(intent(risk, &json!({})));
        assert_eq!(judged.decision.reason_codes, ["kill_switch_state_unavailable"], "{risk}");
        assert_eq!(judged.decision.violations, ["kill_switch_state_unavailable"]);
        assert_eq!(
            (judged.decision.matched_rule.as_deref(), why(&judged)),
            (None, Some(Why::SwitchLost))
        );
    }
    let low = scene.judge(intent("low", &json!({})));
    assert_eq!(low.decision.verdict, Verdict::Allow);
}

#[test]
fn of_several_bars_the_first_row_of_the_answers_is_told() {
    let policy = "rules: [{name: r, effect: allow, require_broker_credential: true,
        rate_limit: {requests: 1}, freeze_window: {timezone: UTC,
        windows: [{start: 2020-01-01T00:00:00, end: 2999-01-01T00:00:00}]}}]";
    let scene = Scene::of(policy);
    let judged = scene.judge(intent("low", &json!({})));
    // Frozen, so that no credential is wanted any more.
    assert_eq!(why(&judged), Some(Why::Freeze));
    assert_eq!(judged.bar.unwrap().until.unwrap().to_string(), "2999-01-01T00:00:00Z");
    let stopped = Scene::switched(policy, &everything()).judge(intent("low", &json!({})));
    assert_eq!((why(&stopped), stopped.bar.unwrap().until), (Some(Why::Stopped), None));
}
