//! What a policy or a config may have lost because only half of it was there to be read.
//!
//! A file that ends at the end of some line is often a whole one to whoever reads it: of its last rule
//! or route it lacks conditions and bounds. What looks like that has to rest before it comes into
//! force, which costs whoever meant it some seconds. Rejected: to find out whether a change is
//! stricter, for all that a rule can ask; to tell it as a security event, of which there would be one
//! for most changes.

use crate::intent::rest::{Args, Mapping};
use crate::policy::{Policy, Rule, Terms, Verdict};
use crate::snapshot::{Plan, PlannedRoute};
use std::collections::BTreeMap;

/// Whether a policy might say no less often than another, or be half of one that does not.
pub(in crate::app) fn is_half_of_policy(old: &Policy, new: &Policy) -> bool {
    let (before, after) = (by_name(old), by_name(new));
    let says = |rule: &Rule| rule.effect != Verdict::Allow || rule.terms != Terms::default();
    let is_lost = |(name, rule): (&&str, &&Rule)| match after.get(name) {
        None => says(rule),
        Some(new) => may_ask_less(rule, new),
    };
    let lets = |rule: &Rule| rule.effect == Verdict::Allow || rule.effect < new.default_verdict();
    let is_added = |rule: &&Rule| !before.contains_key(rule.name.as_str()) && lets(rule);
    new.default_verdict() < old.default_verdict()
        || old.fail_closed().enabled && old.fail_closed() != new.fail_closed()
        || old.scripts() != new.scripts()
        || old.mcp_trust() != new.mcp_trust()
        || before.iter().any(is_lost)
        || new.rules().iter().any(|rule| is_added(&rule))
}

fn by_name(policy: &Policy) -> BTreeMap<&str, &Rule> {
    policy.rules().iter().map(|rule| (rule.name.as_str(), rule)).collect()
}

/// Whether a rule might ask less than it did; not so where it says a stricter word.
fn may_ask_less(old: &Rule, new: &Rule) -> bool {
    let asks = |rule: &Rule| (rule.priority, rule.min_approvals, rule.require_distinct_approvers);
    let is_other = old.matcher != new.matcher || old.terms != new.terms || asks(old) != asks(new);
    new.effect < old.effect || new.effect == old.effect && is_other
}

/// Whether a config might hold calls to less than another, or be half of one that does not, beside
/// what `lowered` names.
pub(in crate::app) fn is_half_of_plan(old: &Plan, new: &Plan) -> bool {
    let before: BTreeMap<&str, &PlannedRoute> =
        old.routes.iter().map(|route| (&*route.name, route)).collect();
    let is_half = |new: &PlannedRoute| match before.get(&*new.name) {
        Some(old) => is_half_of_route(old, new),
        // It takes calls that were denied.
        None => old.unmapped.is_none(),
    };
    old.limits != new.limits
        || old.delegation != new.delegation
        || old.side_credential != new.side_credential
        || new.routes.iter().any(is_half)
}

fn is_half_of_route(old: &PlannedRoute, new: &PlannedRoute) -> bool {
    let guards = |route: &PlannedRoute| (route.credential, route.approval.hold, route.capture);
    old.matcher != new.matcher
        || guards(old) != guards(new)
        || old.approval.masks != new.approval.masks
        || old.mapping.digests != new.mapping.digests
        || old.mapping.strict_query != new.mapping.strict_query
        || says_less(&old.mapping, &new.mapping)
}

/// Whether rules are told less of a call.
fn says_less(old: &Mapping, new: &Mapping) -> bool {
    let args = |args: &Args| match args {
        Args::None => 0,
        Args::Named(args) => args.len(),
        Args::Body => usize::MAX,
    };
    args(&new.args) < args(&old.args)
        || new.targets.len() < old.targets.len()
        || new.provenance.len() < old.provenance.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Environment, Source};
    use crate::policy::source;

    fn policy(text: &str) -> Policy {
        source::parse("p", text.as_bytes()).unwrap()
    }

    fn of(rules: &[(&str, &str)]) -> Policy {
        let rule = |(name, more): &(&str, &str)| {
            format!("  - {{ name: {name}, match: {{ tool_names: [{name}] }}, effect: {more} }}\n")
        };
        let rules: String = rules.iter().map(rule).collect();
        policy(&format!("default_verdict: allow\nrules:\n{rules}"))
    }

    #[test]
    fn a_policy_that_lost_a_word_against_something_is_half_of_one() {
        let whole = of(&[("a", "allow"), ("b", "block")]);
        assert!(is_half_of_policy(&whole, &of(&[("a", "allow")])), "as half of it would be");
        assert!(is_half_of_policy(&whole, &of(&[("b", "require_approval")])));
        assert!(!is_half_of_policy(&whole, &of(&[("b", "block"), ("c", "block")])));
        let block = policy("default_verdict: block");
        assert!(is_half_of_policy(&block, &policy("default_verdict: allow")));
        assert!(!is_half_of_policy(&policy("default_verdict: allow"), &block));
    }

    #[test]
    fn a_rule_that_asks_something_else_rests_but_for_one_that_says_a_stricter_word() {
        let asks = "require_approval, min_approvals: 2";
        let whole = of(&[("a", asks)]);
        assert!(!is_half_of_policy(&whole, &of(&[("a", &format!("{asks}, reason_codes: [x]"))])));
        for half in [
            "require_approval",
            "require_approval, min_approvals: 2, priority: 7",
            "require_approval, min_approvals: 2, rate_limit: { requests: 1, window: minute }",
        ] {
            assert!(is_half_of_policy(&whole, &of(&[("a", half)])), "{half}");
            assert!(is_half_of_policy(&of(&[("a", half)]), &whole), "{half}");
        }
        assert!(!is_half_of_policy(&whole, &of(&[("a", "block")])));
        let bounded = of(&[("a", "allow, rate_limit: { requests: 1, window: minute }")]);
        assert!(is_half_of_policy(&bounded, &of(&[("a", "allow")])));
        assert!(is_half_of_policy(&bounded, &of(&[])));
        let more = of(&[("a", asks), ("b", "allow")]);
        assert!(is_half_of_policy(&whole, &more), "its bounds may be to come");
        let any = policy("default_verdict: allow\nrules: [{ name: a, effect: require_approval }]");
        assert!(is_half_of_policy(&of(&[("a", "require_approval")]), &any));
    }

    #[test]
    fn what_must_be_said_of_a_call_is_not_cut_at_once() {
        let closed = |more: &str| policy(&format!("fail_closed: {{ enabled: {more} }}"));
        let whole = closed("true, risk_classes: [high, low], required_fields: [targets]");
        assert!(is_half_of_policy(&whole, &closed("true, risk_classes: [high, low]")));
        assert!(is_half_of_policy(&whole, &closed("false")));
        assert!(!is_half_of_policy(&closed("false"), &whole));
        assert!(!is_half_of_policy(&whole, &whole));
    }

    fn plan(settings: &str, route: &str) -> Plan {
        let dir = tempfile::tempdir().unwrap();
        let text = format!(
            "policy: policy.yaml\n{settings}\nupstreams: {{ api: {{ url: \"http://127.0.0.1:9\" }} \
             }}\nroutes: [{{ name: a, upstream: api, {route} }}]\n"
        );
        std::fs::write(dir.path().join("gait.yaml"), text).unwrap();
        std::fs::write(dir.path().join("policy.yaml"), "").unwrap();
        let source = Source::File(dir.path().join("gait.yaml"));
        source.load(&Environment::default()).unwrap().plan
    }

    #[test]
    fn a_route_that_takes_others_or_guards_less_rests() {
        let intent = "intent: { tool_name: a, risk_class: low }";
        let of = |more: &str| plan("stage: enforce", &format!("{more}, {intent}"));
        let path = "match: { path: \"/a\" }";
        let whole = of(&format!("{path}, mask: [/a], capture: masked"));
        assert!(!is_half_of_plan(&whole, &whole));
        for half in [
            "match: { methods: [GET] }, mask: [/a], capture: masked",
            path,
            &format!("{path}, mask: [/a]"),
        ] {
            assert!(is_half_of_plan(&whole, &of(half)), "{half}");
        }
        let limits =
            |of: &str| plan(&format!("stage: enforce\n{of}"), &format!("{path}, {intent}"));
        assert!(is_half_of_plan(&limits("limits: { connections: 7 }"), &limits("")));
        let other = plan("stage: enforce", &format!("{path}, {intent}"));
        let named = |name: &str| {
            let mut plan = other.clone();
            plan.routes.iter_mut().for_each(|route| route.name = name.into());
            plan
        };
        assert!(is_half_of_plan(&other, &named("b")), "it takes what was denied");
        let target = "intent: { tool_name: a, risk_class: low, targets: [ { kind: url, value: \
                      \"{url}\" } ] }";
        assert!(is_half_of_plan(
            &plan("", &format!("{path}, {target}")),
            &plan("", &format!("{path}, {intent}"))
        ));
    }
}
