//! From an intent to its decision (spec C6).
//!
//! Fail-closed first. Then the rules in order: the first that matches fixes the priority, all
//! that match at that priority count, and the strictest of them gives the verdict. A matched rule
//! cannot let a destructive intent through by itself; a default verdict can, which is the
//! format's own rule and worth a warning when a policy is validated.

use super::{Decision, Match, Policy, Rule, Verdict, fail_closed};
use crate::intent::{Intent, Phase, Target};

/// What a matched rule must at least say, and why.
type Boundary = (Verdict, &'static str);

/// At most a plan: a destructive intent in phase `plan`.
const PLAN: Boundary = (Verdict::DryRun, "plan_phase_non_destructive");

/// Not without a human: a destructive intent in phase `apply`.
const APPLY: Boundary = (Verdict::RequireApproval, "destructive_apply_requires_approval");

impl Policy {
    /// The decision on an intent. Pure and total.
    ///
    /// What the intent claims of context evidence does not count, whether or not it still holds
    /// the claims (see [`Intent::without_claims`]).
    pub fn decide(&self, intent: &Intent) -> Decision {
        if let Some(missing) = fail_closed::check(&self.fail_closed, intent) {
            return Decision {
                verdict: Verdict::Block,
                reason_codes: set(missing.reason_codes),
                violations: set(missing.violations),
                matched_rule: None,
                min_approvals: 0,
                distinct_approvers: false,
            };
        }
        match self.matched(intent) {
            rules if rules.is_empty() => self.default_decision(),
            rules => merge(&rules, boundary(intent)),
        }
    }

    /// The rules that give the decision, unless fail-closed gives it: all that match at the
    /// priority of the first that does.
    pub fn matched(&self, intent: &Intent) -> Vec<&Rule> {
        let mut candidates = self
            .index
            .candidates(intent.tool_name())
            .filter_map(|number| self.rules.get(number))
            .skip_while(|rule| !rule.matcher.matches(intent));
        let Some(first) = candidates.next() else { return Vec::new() };
        let peers = candidates.take_while(|rule| rule.priority == first.priority);
        let mut matched = vec![first];
        matched.extend(peers.filter(|rule| rule.matcher.matches(intent)));
        matched
    }

    fn default_decision(&self) -> Decision {
        let verdict = self.default_verdict;
        Decision {
            verdict,
            reason_codes: vec![format!("default_{}", verdict.as_str())],
            violations: Vec::new(),
            matched_rule: None,
            min_approvals: u64::from(verdict == Verdict::RequireApproval),
            distinct_approvers: false,
        }
    }
}

fn boundary(intent: &Intent) -> Option<Boundary> {
    let destructive = intent.targets().iter().any(|target| target.destructive);
    destructive.then_some(match intent.context().phase {
        Phase::Plan => PLAN,
        Phase::Apply => APPLY,
    })
}

/// The strictest of the matched rules, with the reasons of those that are as strict.
fn merge(rules: &[&Rule], boundary: Option<Boundary>) -> Decision {
    let effect = |rule: &Rule| boundary.map_or(rule.effect, |(least, _)| rule.effect.max(least));
    let verdict = rules.iter().map(|rule| effect(rule)).max().unwrap_or(Verdict::Block);
    let mut names = Vec::new();
    let (mut reason_codes, mut violations) = (Vec::new(), Vec::new());
    let (mut min_approvals, mut distinct_approvers) = (0, false);
    for rule in rules {
        names.push(rule.name.as_str());
        if effect(rule) == verdict {
            reason_codes.extend_from_slice(&rule.reason_codes);
            violations.extend_from_slice(&rule.violations);
            min_approvals = min_approvals.max(rule.min_approvals).max(1);
            distinct_approvers |= rule.require_distinct_approvers;
        }
    }
    reason_codes.extend(boundary.map(|(_, reason)| reason.to_owned()));
    // The rules are in order of their names, for their priorities are equal.
    names.dedup();
    let held = verdict == Verdict::RequireApproval;
    Decision {
        verdict,
        reason_codes: set(reason_codes),
        violations: set(violations),
        matched_rule: Some(names.join(",")),
        min_approvals: if held { min_approvals } else { 0 },
        distinct_approvers: held && distinct_approvers,
    }
}

fn set(mut items: Vec<String>) -> Vec<String> {
    items.sort_unstable();
    items.dedup();
    items
}

// === impl Match ===

impl Match {
    /// Whether every key that is given has an item that fits (spec C6.3). The target keys may be
    /// met by different targets.
    pub(super) fn matches(&self, intent: &Intent) -> bool {
        let context = intent.context();
        let sources = || intent.arg_provenance().iter().map(|entry| entry.source.as_str());
        fits(&self.tool_names, |name| name == intent.tool_name())
            && fits(&self.risk_classes, |class| *class == context.risk_class)
            && fits(&self.identities, |identity| *identity == context.identity)
            && fits(&self.workspace_prefixes, |prefix| context.workspace.starts_with(prefix))
            && fits(&self.provenance_sources, |wanted| sources().any(|source| source == wanted))
            && self.matches_targets(intent.targets())
    }

    fn matches_targets(&self, targets: &[Target]) -> bool {
        let some = |wanted: &[String], has: fn(&Target) -> &str| {
            fits(wanted, |wanted| targets.iter().any(|target| has(target) == wanted))
        };
        some(&self.target_kinds, |target| target.kind.as_str())
            && some(&self.target_values, |target| &target.value)
            && some(&self.data_classes, |target| &target.sensitivity)
            && some(&self.destination_kinds, |target| target.kind.as_str())
            && some(&self.destination_values, |target| &target.value)
            && some(&self.destination_operations, |target| &target.operation)
            && fits(&self.endpoint_classes, |wanted| {
                targets.iter().any(|target| target.endpoint_class == *wanted)
            })
    }
}

/// Whether a key is not given, or any of its items fits.
fn fits<T>(wanted: &[T], fits: impl Fn(&T) -> bool) -> bool {
    wanted.is_empty() || wanted.iter().any(fits)
}

#[cfg(test)]
mod tests {
    use crate::intent::read;
    use crate::policy::{Decision, Verdict, source};

    fn decide(policy: &str, intent: &str) -> Decision {
        let intent = read::from_json(intent.as_bytes()).unwrap().normalise().unwrap();
        source::parse("p.yaml", policy.as_bytes()).unwrap().decide(&intent)
    }

    fn call(tool: &str, targets: &str, phase: &str) -> String {
        format!(
            r#"{{"tool_name":"{tool}","targets":{targets},"context":{{"identity":"a",
               "workspace":"/w","risk_class":"high","phase":"{phase}"}}}}"#
        )
    }

    const DELETES: &str = r#"[{"kind":"path","value":"/x","operation":"delete"}]"#;

    #[test]
    fn peers_merge_to_the_strictest_and_only_its_reasons_count() {
        let policy = "rules:
          - {name: b, effect: allow, priority: 1, reason_codes: [fine], violations: [x]}
          - {name: c, effect: require_approval, priority: 1, min_approvals: 2, match: {tool_names: [t]}}
          - {name: a, effect: require_approval, priority: 1}
          - {name: later, effect: block, priority: 2}";
        let decision = decide(policy, &call("t", "[]", ""));
        assert_eq!(decision.verdict, Verdict::RequireApproval);
        assert_eq!(decision.reason_codes, ["matched_rule_a", "matched_rule_c"]);
        assert!(decision.violations.is_empty());
        assert_eq!(decision.matched_rule.as_deref(), Some("a,b,c"));
        assert_eq!((decision.min_approvals, decision.distinct_approvers), (2, true));
    }

    #[test]
    fn a_matched_rule_does_not_let_destruction_through() {
        let policy = "rules: [{name: a, effect: allow}]";
        let applied = decide(policy, &call("t", DELETES, "apply"));
        assert_eq!(applied.verdict, Verdict::RequireApproval);
        assert_eq!(applied.min_approvals, 1);
        assert_eq!(applied.reason_codes, ["destructive_apply_requires_approval", "matched_rule_a"]);
        let planned = decide(policy, &call("t", DELETES, "plan"));
        assert_eq!(planned.verdict, Verdict::DryRun);
        assert_eq!(planned.min_approvals, 0);
        let by_default = decide("default_verdict: allow", &call("t", DELETES, "apply"));
        assert_eq!(by_default.verdict, Verdict::Allow);
        assert_eq!(by_default.reason_codes, ["default_allow"]);
    }

    #[test]
    fn fail_closed_comes_before_every_rule() {
        let policy = "
          fail_closed: {enabled: true, required_fields: [targets, context_evidence, delegation],
            required_high_risk_fields: [agent_identity, run_id]}
          rules: [{name: a, effect: allow}]";
        let decision = decide(policy, &call("t", "[]", ""));
        assert_eq!(decision.verdict, Verdict::Block);
        assert_eq!(decision.matched_rule, None);
        assert_eq!(
            decision.reason_codes,
            [
                "context_evidence_missing",
                "fail_closed_missing_agent_identity",
                "fail_closed_missing_delegation",
                "fail_closed_missing_run_id",
                "fail_closed_missing_targets",
            ]
        );
        let delegated = r#"[],"delegation":{"requester_identity":"a"}"#;
        let decision = decide(policy, &call("t", delegated, ""));
        assert!(!decision.violations.contains(&"missing_delegation".to_owned()));
        let unknown = decide(
            "fail_closed: {enabled: true}",
            &call("t", r#"[{"kind":"table","value":"x"}]"#, ""),
        );
        assert_eq!(unknown.violations, ["endpoint_class_unknown"]);
    }
}
