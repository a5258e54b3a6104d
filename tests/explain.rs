//! Explaining is deciding: over policies with every kind of term, the explained decision is the
//! decision, and what the rules are said to have said adds up to it.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "the generators make valid documents"
)]

use gait::intent::{Intent, read, time};
use gait::policy::explain::{Ground, Outcome, RuleReport, Standing};
use gait::policy::{Decision, Policy, source};
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};

const POLICIES: [&str; 4] = [
    "rules:
      - {name: a, effect: allow, match: {tool_names: [t.a], target_kinds: [path]}}
      - {name: b, effect: block, match: {tool_names: [t.b]}, dataflow: {enabled: true}}
      - {name: c, effect: dry_run, match: {risk_classes: [low]}, endpoint: {path_denylist: [/etc/**]}}
      - {name: d, effect: allow, priority: 1}",
    "default_verdict: allow
fail_closed: {enabled: true, required_fields: [targets], required_high_risk_fields: [run_id]}
rules:
      - {name: frozen, effect: allow, match: {target_kinds: [url]}, freeze_window: {timezone: UTC,
         windows: [{start: '2026-01-01T00:00:00', end: '2026-01-02T00:00:00'}]}}
      - {name: zone, effect: allow, match: {tool_names: [t.b]}, freeze_window: {timezone: No/Where,
         windows: [{start: '2026-01-01T00:00:00', end: '2026-01-02T00:00:00'}]}}",
    "scripts: {max_steps: 2, require_approval_above: 1, block_mixed_risk: true}
rules:
      - {name: a, effect: allow, match: {tool_names: [t.a]}, sandbox: {enabled: true}}
      - {name: b, effect: allow, require_declared_agent: true, match: {target_values: [/etc/x]}}
      - {name: c, effect: allow, require_jit_credential: true, min_approvals: 2}",
    "default_verdict: block
rules: [{name: e, effect: allow, require_context_evidence: true, match: {tool_names: [t.b]}}]",
];

fn target() -> impl Strategy<Value = Value> {
    let kinds = select(&[("path", "/etc/x"), ("path", "/srv/y"), ("url", "https://h.test/x")][..]);
    let operations = select(&["", "read", "delete"][..]);
    (kinds, operations).prop_map(
        |((kind, value), operation)| json!({"kind": kind, "value": value, "operation": operation}),
    )
}

fn call() -> impl Strategy<Value = Value> {
    let targets = proptest::collection::vec(target(), 0..3);
    let sources = proptest::collection::vec(select(&["user", "external"][..]), 0..2);
    (select(&["t.a", "t.b", "t.c"][..]), targets, sources).prop_map(|(tool, targets, sources)| {
        let sources = sources.iter().map(|source| json!({"arg_path": "$", "source": source}));
        let sources: Vec<_> = sources.collect();
        json!({"tool_name": tool, "targets": targets, "arg_provenance": sources})
    })
}

fn intent() -> impl Strategy<Value = Intent> {
    let risks = select(&["low", "high"][..]);
    let phases = select(&["plan", "apply"][..]);
    let steps = proptest::option::of(proptest::collection::vec(call(), 1..4));
    (call(), steps, risks, phases).prop_map(|(mut document, steps, risk, phase)| {
        document["context"] =
            json!({"identity": "ada", "workspace": "/w", "risk_class": risk, "phase": phase});
        if let Some(steps) = steps {
            document["script"] = json!({ "steps": steps });
        }
        read::from_json(document.to_string().as_bytes()).unwrap().normalise().unwrap()
    })
}

/// What the reports come to, held against the decision that they explain.
fn adds_up(policy: &Policy, reports: &[RuleReport<'_>], decision: &Decision) {
    let spoke: Vec<_> = reports
        .iter()
        .filter_map(|report| match &report.outcome {
            Outcome::Spoke(spoken) => Some((report.rule, spoken)),
            _ => None,
        })
        .collect();
    let verdict = spoke.iter().map(|(_, spoken)| spoken.effect).max();
    assert_eq!(decision.verdict, verdict.unwrap_or(policy.default_verdict()));
    let giving = spoke.iter().filter(|(_, spoken)| spoken.standing == Standing::GivesVerdict);
    let mut reasons: Vec<_> = giving.flat_map(|(_, spoken)| spoken.reason_codes.clone()).collect();
    reasons.sort();
    reasons.dedup();
    if spoke.is_empty() {
        reasons = vec![format!("default_{}", decision.verdict.as_str())];
    }
    assert_eq!(decision.reason_codes, reasons);
    for (rule, spoken) in spoke {
        // The terms lead from the rule's own effect to what it said, and bring all other reasons.
        let mut effect = rule.effect;
        let mut reasons = rule.reason_codes.clone();
        for term in &spoken.terms {
            assert_eq!(term.from, effect);
            effect = term.to;
            reasons.extend(term.reason_codes.iter().cloned());
        }
        assert_eq!((effect, reasons), (spoken.effect, spoken.reason_codes.clone()));
    }
}

proptest! {
    #[test]
    fn the_explained_decision_is_the_decision(text in select(&POLICIES[..]), intent in intent()) {
        let policy = source::parse("p.yaml", text.as_bytes()).unwrap();
        let at = time::parse("2026-01-01T12:00:00Z").unwrap();
        let explanation = policy.explain(&intent, at);
        prop_assert_eq!(&explanation.decision, &policy.decide(&intent, at));
        match &explanation.ground {
            Ground::FailedClosed(lacks) => {
                let codes = &explanation.decision.reason_codes;
                prop_assert!(lacks.iter().all(|lack| codes.contains(&lack.reason_code)));
            }
            Ground::Rules(reports) => adds_up(&policy, reports, &explanation.decision),
            Ground::Steps { steps, limits } => {
                steps.iter().for_each(|step| adds_up(&policy, &step.rules, &step.decision));
                let strictest = steps.iter().map(|step| step.decision.verdict).max().unwrap();
                let whole = limits.as_ref().map_or(strictest, |limits| limits.to);
                prop_assert_eq!(whole, explanation.decision.verdict);
            }
        }
    }
}
