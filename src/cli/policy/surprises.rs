//! What is legal in a policy and surprises people; `policy validate` warns of it.

use crate::policy::{HighRiskField, IgnoredDocuments, Match, Policy, RequiredField, Rule, Verdict};

/// Required fields that no intent of this version can have.
const NEVER_GIVEN: [RequiredField; 2] = [RequiredField::Delegation, RequiredField::ContextEvidence];

/// Every surprise in the policy, as sentences.
pub(super) fn of(policy: &Policy) -> Vec<String> {
    let rules = policy.rules();
    let mut warnings = Vec::new();
    if policy.ignored_documents() == IgnoredDocuments::Some {
        warnings.push("only the first yaml document counts; the file goes on after it".to_owned());
    }
    if policy.default_verdict() == Verdict::Allow {
        warnings.push(
            "default_verdict is allow: what no rule matches runs, also on destructive targets; \
             use require_approval or block"
                .to_owned(),
        );
    }
    warnings.extend(never_given(policy));
    warnings.extend(rules.iter().filter_map(taken_on_trust));
    warnings.extend(merged(rules));
    warnings.extend(unreachable(rules));
    warnings
}

/// `fail_closed` fields that block every intent that is covered.
fn never_given(policy: &Policy) -> Option<String> {
    let fail_closed = policy.fail_closed();
    let fields = fail_closed.required_fields.iter().filter(|field| NEVER_GIVEN.contains(field));
    let mut words: Vec<_> = fields.map(|field| field.as_str()).collect();
    if fail_closed.required_high_risk_fields.contains(&HighRiskField::AgentIdentity) {
        words.push(HighRiskField::AgentIdentity.as_str());
    }
    (fail_closed.enabled && !words.is_empty()).then(|| {
        format!(
            "fail_closed requires {}, which this version never has: every intent of risk class \
             {} is blocked",
            words.join(", "),
            fail_closed.risk_classes.join(", "),
        )
    })
}

/// A rule that believes what the intent says about itself.
fn taken_on_trust(rule: &Rule) -> Option<String> {
    (!rule.matcher.endpoint_classes.is_empty()).then(|| {
        format!(
            "rule `{}` matches endpoint_classes, which an intent file may state freely; the \
             proxy works them out itself",
            rule.name
        )
    })
}

/// Pairs at one priority that can match the same intent and disagree.
fn merged(rules: &[Rule]) -> Vec<String> {
    let mut warnings = Vec::new();
    for (place, first) in rules.iter().enumerate() {
        let same = rules.iter().skip(place + 1).take_while(|rule| rule.priority == first.priority);
        for second in same.filter(|second| disagree(first, second)) {
            warnings.push(format!(
                "rules `{}` and `{}` share priority {}: where both match, {} wins",
                first.name,
                second.name,
                first.priority,
                first.effect.max(second.effect).as_str(),
            ));
        }
    }
    warnings
}

fn disagree(first: &Rule, second: &Rule) -> bool {
    first.effect != second.effect && meet(&first.matcher, &second.matcher)
}

/// Whether one intent could match both, as far as the keys with a single value tell.
fn meet(first: &Match, second: &Match) -> bool {
    let shares = |a: &[String], b: &[String]| {
        a.is_empty() || b.is_empty() || a.iter().any(|item| b.contains(item))
    };
    shares(&first.tool_names, &second.tool_names)
        && shares(&first.risk_classes, &second.risk_classes)
        && shares(&first.identities, &second.identities)
}

/// The first rule that matches everything, where others come after it.
fn unreachable(rules: &[Rule]) -> Option<String> {
    let all = rules.iter().find(|rule| matches_all(&rule.matcher))?;
    let later = rules.iter().find(|rule| rule.priority > all.priority)?;
    Some(format!(
        "rule `{}` matches everything, so `{}` and whatever else has a higher priority number is \
         never looked at",
        all.name, later.name
    ))
}

fn matches_all(matcher: &Match) -> bool {
    let lists = [
        &matcher.tool_names,
        &matcher.risk_classes,
        &matcher.target_kinds,
        &matcher.target_values,
        &matcher.data_classes,
        &matcher.destination_kinds,
        &matcher.destination_values,
        &matcher.destination_operations,
        &matcher.provenance_sources,
        &matcher.identities,
        &matcher.workspace_prefixes,
    ];
    lists.iter().all(|list| list.is_empty()) && matcher.endpoint_classes.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::source::parse;

    fn warnings(text: &str) -> Vec<String> {
        of(&parse("p.yaml", text.as_bytes()).unwrap())
    }

    #[test]
    fn a_quiet_policy_has_no_surprise() {
        let text = "rules:\n  - {name: a, effect: allow, match: {tool_names: [x]}}\n  \
                    - {name: b, effect: block, match: {tool_names: [y]}}\n";
        assert_eq!(warnings(text), Vec::<String>::new());
    }

    #[test]
    fn each_surprise_is_named() {
        for (text, want) in [
            ("default_verdict: allow", "default_verdict is allow"),
            ("rules: []\n---\nrules: []\n", "only the first yaml document"),
            (
                "fail_closed: {enabled: true, required_fields: [delegation]}",
                "fail_closed requires delegation",
            ),
            (
                "rules: [{name: a, effect: allow, match: {endpoint_classes: [fs.read]}}]",
                "rule `a` matches endpoint_classes",
            ),
            (
                "rules: [{name: a, effect: allow}, {name: b, effect: block}]",
                "rules `a` and `b` share priority 0: where both match, block wins",
            ),
            (
                "rules: [{name: a, effect: block}, {name: b, effect: allow, priority: 1}]",
                "rule `a` matches everything, so `b`",
            ),
        ] {
            let warnings = warnings(text);
            assert!(warnings.iter().any(|line| line.starts_with(want)), "{text}: {warnings:?}");
        }
    }
}
