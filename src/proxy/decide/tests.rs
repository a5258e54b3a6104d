//! What stands over the rules, and which of it counts most.

use super::*;
use crate::config::{Environment, Source};
use crate::delegation::{Grant, Keys};
use crate::intent::read;
use crate::kill_switch::State;
use crate::metrics::{Limits, Metrics};
use crate::sign::PrivateKey;
use crate::store::switch::Given;
use serde_json::{Value, json};

/// One route of risk low, with a policy.
fn snapshot(dir: &std::path::Path, policy: &str, metrics: &Metrics) -> Snapshot {
    let config = "policy: p.yaml\nstage: enforce\nupstreams: { a: { url: \"http://127.0.0.1:9\" } \
                  }\nroutes: [ { name: r, upstream: a, intent: { tool_name: t, risk_class: low } \
                  } ]\n";
    std::fs::write(dir.join("gait.yaml"), config).unwrap();
    std::fs::write(dir.join("p.yaml"), policy).unwrap();
    let loaded = Source::File(dir.join("gait.yaml")).load(&Environment::default()).unwrap();
    Snapshot::build(loaded.plan, loaded.policy, metrics)
}

pub(super) fn intent(risk: &str, more: &Value) -> Intent {
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

pub(super) fn everything() -> Value {
    json!([{"entry_id": "all", "enabled": true, "created_at": "2026-01-01T00:00:00Z"}])
}

pub(super) struct Scene {
    dir: tempfile::TempDir,
    pub(super) metrics: Metrics,
    pub(super) snapshot: Snapshot,
    switch: Switch,
}

impl Scene {
    pub(super) fn of(policy: &str) -> Scene {
        let dir = tempfile::tempdir().unwrap();
        let metrics = Metrics::new(Limits { series_max: 1_000 }, &[]);
        let snapshot = snapshot(dir.path(), policy, &metrics);
        Scene { snapshot, metrics, switch: Switch::new(None), dir }
    }

    /// The same with a policy that is tried out.
    pub(super) fn beside(policy: &str, candidate: &str) -> Scene {
        Scene::of(policy).trying(candidate)
    }

    pub(super) fn trying(self, candidate: &str) -> Scene {
        let Snapshot { mut plan, policy, .. } = self.snapshot;
        let candidate = crate::policy::source::parse("next.yaml", candidate.as_bytes()).unwrap();
        plan.candidate = Some(candidate.into());
        Scene { snapshot: Snapshot::build(plan, policy, &self.metrics), ..self }
    }

    pub(super) fn switched(policy: &str, entries: &Value) -> Scene {
        let scene = Scene::of(policy);
        Scene { switch: switch(scene.dir.path(), entries), ..scene }
    }

    pub(super) fn judge(&self, intent: Intent) -> Judged {
        self.judge_for(intent, None)
    }

    fn judge_for(&self, intent: Intent, mandate: Option<&Mandate>) -> Judged {
        let limits = Live::open(self.dir.path().join("limits.json")).unwrap();
        self.judge_under(&limits, intent, mandate)
    }

    pub(super) fn judge_under(
        &self,
        limits: &Live,
        intent: Intent,
        mandate: Option<&Mandate>,
    ) -> Judged {
        let lane = self.snapshot.table[0].common();
        let (snapshot, switch, wish) = (&self.snapshot, &self.switch, Wish::None);
        let bench = Bench { snapshot, lane, wish, switch, limits, claim: None };
        bench.judge(intent, mandate, crate::clock::now()).unwrap()
    }
}

pub(super) fn why(judged: &Judged) -> Option<Why> {
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

/// Tokens from `lead` to `ada`, with the scope `write`, and what an intent says of them.
fn mandate(intent_digest: &str) -> (Mandate, Value) {
    let key = PrivateKey::generate().unwrap();
    let now = crate::clock::now();
    let grant = Grant {
        delegator_identity: "lead".into(),
        delegate_identity: "ada".into(),
        scope: vec!["write".into()],
        scope_class: "ops".into(),
        intent_digest: intent_digest.into(),
        policy_digest: String::new(),
        created_at: Time::from_timestamp(now),
        expires_at: Time::from_timestamp(now + jiff::SignedDuration::from_mins(5)),
    };
    let token = serde_json::to_vec(&grant.mint(&key).unwrap()).unwrap();
    let keys = Keys::new([key.public()]);
    let mandate = Mandate::read(&[token], &keys, Some("ada"), Time::from_timestamp(now)).unwrap();
    let link = json!({
        "delegator_identity": "lead", "delegate_identity": "ada", "scope_class": "ops",
    });
    let said = json!({"requester_identity": "ada", "scope_class": "ops", "chain": [link]});
    (mandate, json!({"delegation": said}))
}

#[test]
fn tokens_that_prove_it_meet_the_demand_and_leave_the_verdict() {
    for effect in ["allow", "dry_run", "require_approval", "block"] {
        let policy = format!(
            "rules: [{{name: r, effect: {effect}, match: {{require_delegation: true, \
             delegation_scopes: [ops]}}}}]"
        );
        let scene = Scene::of(&policy);
        let (mandate, said) = mandate("");
        let mut judged = scene.judge_for(intent("low", &said), Some(&mandate));
        assert_eq!((judged.decision.verdict.as_str(), why(&judged)), (effect, None));
        assert!(judged.decision.reason_codes.contains(&"delegation_granted".to_owned()));
        assert_eq!(judged.delegation_ref, Some(mandate.token_ids()));
        assert!(judged.is_met());
        judged.delegated = None;
        assert!(!judged.is_met(), "without the proof nothing is permitted");
    }
}

#[test]
fn tokens_that_do_not_prove_the_chain_block() {
    let scene = Scene::of("rules: [{name: r, effect: allow, match: {require_delegation: true}}]");
    let (mandate, _) = mandate("");
    let link = json!({"delegator_identity": "eve", "delegate_identity": "ada"});
    let said = json!({"delegation": {"requester_identity": "ada", "chain": [link]}});
    let judged = scene.judge_for(intent("low", &said), Some(&mandate));
    assert_eq!((judged.decision.verdict, why(&judged)), (Verdict::Block, Some(Why::Delegation)));
    let codes = [
        "delegation_chain_insufficient",
        "delegation_token_delegator_mismatch",
        "delegation_token_missing",
        "matched_rule_r",
    ];
    assert_eq!(judged.decision.reason_codes, codes);
    assert_eq!(judged.decision.violations, ["delegation_not_granted"]);
}

#[test]
fn a_token_for_another_intent_lends_nobody_its_delegator() {
    let policy = "rules: [{name: r, effect: allow, match: {allowed_delegator_identities: [lead]}}]";
    let scene = Scene::of(policy);
    let (unbound, said) = mandate("");
    let free = scene.judge_for(intent("low", &said), Some(&unbound));
    assert_eq!((free.decision.verdict, why(&free)), (Verdict::Allow, None));
    let (bound, said) = mandate(&Digest::of(b"another").to_string());
    let judged = scene.judge_for(intent("low", &said), Some(&bound));
    assert_eq!((judged.decision.verdict, why(&judged)), (Verdict::Block, Some(Why::Delegation)));
    let codes = ["delegation_token_intent_mismatch", "matched_rule_r"];
    assert_eq!(judged.decision.reason_codes, codes);
    let (right, said) = mandate(&free.intent.digest().to_string());
    let judged = scene.judge_for(intent("low", &said), Some(&right));
    assert_eq!(judged.decision.verdict, Verdict::Allow);
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
