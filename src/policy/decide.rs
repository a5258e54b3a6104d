//! From an intent to its decision (spec C6).
//!
//! Fail-closed first. Then the rules in order: the first that matches fixes the priority, all
//! that match at that priority count, and the strictest of them gives the verdict. A matched rule
//! cannot let a destructive intent through by itself; a default verdict can, which is the
//! format's own rule and worth a warning when a policy is validated.
//!
//! The time is an argument, because freeze windows and expired agents depend on it and this is
//! pure.

use super::decision::Decision;
use super::merge::merge;
use super::rule::Rule;
use super::say::Say;
use super::subject::Subject;
use super::{Policy, Verdict, fail_closed, script};
use crate::intent::Intent;
use crate::intent::time::Time;

impl Policy {
    /// The decision on an intent, `at` a time. Pure and total.
    ///
    /// What the intent claims of context evidence does not count, whether or not it still holds
    /// the claims (see [`Intent::without_claims`]).
    pub fn decide(&self, intent: &Intent, at: Time) -> Decision {
        if let Some(missing) = fail_closed::check(&self.fail_closed, intent) {
            return missing.decision();
        }
        match intent.script() {
            Some(steps) => script::decide(self, intent, steps, at),
            None => self.judge(&Subject::of(intent), at),
        }
    }

    /// Whether the intent lacks what `fail_closed` requires, so that no rule is looked at.
    pub fn fails_closed(&self, intent: &Intent) -> bool {
        fail_closed::check(&self.fail_closed, intent).is_some()
    }

    /// The rules that give the decision, unless fail-closed gives it: all that match at the
    /// priority of the first that does. Of a script, those of all its steps.
    pub fn matched(&self, intent: &Intent) -> Vec<&Rule> {
        match intent.script() {
            None => self.matching(&Subject::of(intent)),
            Some(script) => {
                let steps = script.steps.iter().map(|step| Subject::step(intent, step));
                let mut rules: Vec<_> = steps.flat_map(|step| self.matching(&step)).collect();
                rules.sort_by_key(|rule| (rule.priority, &rule.name));
                rules.dedup_by(|a, b| std::ptr::eq(*a, *b));
                rules
            }
        }
    }

    /// The decision of the rules alone.
    pub(super) fn judge(&self, subject: &Subject<'_>, at: Time) -> Decision {
        self.decision_of(&self.says(subject, at))
    }

    /// What each matching rule says.
    pub(super) fn says(&self, subject: &Subject<'_>, at: Time) -> Vec<Say<'_>> {
        let rules = self.matching(subject).into_iter();
        rules.map(|rule| Say::of(rule, subject, at)).collect()
    }

    /// The decision that follows from what the matching rules say; the default where none does.
    pub(super) fn decision_of(&self, says: &[Say<'_>]) -> Decision {
        if says.is_empty() { self.default_decision() } else { merge(says) }
    }

    fn matching(&self, subject: &Subject<'_>) -> Vec<&Rule> {
        let mut candidates = self
            .index
            .candidates(subject.tool_name)
            .filter_map(|number| self.rules.get(number))
            .skip_while(|rule| rule.matcher.miss(subject).is_some());
        let Some(first) = candidates.next() else { return Vec::new() };
        let peers = candidates.take_while(|rule| rule.priority == first.priority);
        let mut matched = vec![first];
        matched.extend(peers.filter(|rule| rule.matcher.miss(subject).is_none()));
        matched
    }

    fn default_decision(&self) -> Decision {
        let verdict = self.default_verdict;
        Decision {
            reason_codes: vec![format!("default_{}", verdict.as_str())],
            min_approvals: u64::from(verdict == Verdict::RequireApproval),
            ..Decision::of(verdict)
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::intent::read;
    use crate::intent::time::DEFAULT;
    use crate::policy::{Decision, Verdict, source};

    fn decide(policy: &str, intent: &str) -> Decision {
        let intent = read::from_json(intent.as_bytes()).unwrap().normalise().unwrap();
        source::parse("p.yaml", policy.as_bytes()).unwrap().decide(&intent, DEFAULT)
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
