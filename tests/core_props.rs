//! Properties of normalising and deciding.

#![expect(clippy::unwrap_used, reason = "the generators make valid documents")]

use gait::intent::{Intent, read};
use gait::policy::{Policy, Rule, Verdict, source};
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use serde_json::{Value, json};

const TOOLS: [&str; 4] = ["repo.read", "files.rm", "exec/run", "mail"];
const KINDS: [&str; 4] = ["path", "url", "other", "table"];
const RISKS: [&str; 3] = ["low", "high", "Critical "];
const EFFECTS: [&str; 4] = ["allow", "dry_run", "require_approval", "block"];
const OPERATIONS: [&str; 4] = ["", "read", " DELETE", "exec"];

fn target() -> impl Strategy<Value = Value> {
    let value = select(&["/a", " https://U@H.test:1/x ", "t", "rm -rf"][..]);
    (select(&KINDS[..]), value, select(&OPERATIONS[..]), any::<bool>()).prop_map(
        |(kind, value, operation, hint)| {
            json!({"kind": kind, "value": value, "operation": operation, "open_world_hint": hint})
        },
    )
}

fn document() -> impl Strategy<Value = Value> {
    let provenance = select(&["user", "External ", "tool_output"][..])
        .prop_map(|source| json!({"arg_path": "$.a", "source": source}));
    (
        select(&TOOLS[..]),
        "[ a-zA-ZİΣ\u{a0}]{0,4}",
        proptest::collection::vec(target(), 0..3),
        proptest::collection::vec(provenance, 0..3),
        (select(&RISKS[..]), select(&["plan", "apply"][..]), any::<i64>()),
    )
        .prop_map(|(tool, text, targets, provenance, (risk, phase, number))| {
            json!({
                "tool_name": tool, "args": {"t": text, "n": number, "l": [{" k ": text}]},
                "targets": targets, "arg_provenance": provenance,
                "context": {"identity": "ada", "workspace": "C:\\srv", "risk_class": risk,
                    "phase": phase, "context_refs": [text], "run_id": text},
            })
        })
}

fn intent(document: &Value) -> Intent {
    read::from_json(document.to_string().as_bytes()).unwrap().normalise().unwrap()
}

/// A policy document; its rules are few enough in their words to meet each other.
fn rules() -> impl Strategy<Value = Value> {
    let rule = (
        select(&["a", "b", "c"][..]),
        0..3,
        select(&EFFECTS[..]),
        subsequence(&TOOLS[..], 0..3),
        subsequence(&RISKS[..], 0..2),
        subsequence(&KINDS[..], 0..2),
        0..3,
    );
    let rule = rule.prop_map(|(name, priority, effect, tools, risks, kinds, approvals)| {
        json!({"name": name, "priority": priority, "effect": effect, "min_approvals": approvals,
            "match": {"tool_names": tools, "risk_classes": risks, "target_kinds": kinds}})
    });
    proptest::collection::vec(rule, 0..12)
        .prop_map(|rules| json!({"default_verdict": "block", "rules": rules}))
}

fn policy(document: &Value) -> Policy {
    source::parse("p.yaml", document.to_string().as_bytes()).unwrap()
}

/// The definition of spec C6.2, point 1, without an index.
fn plain_walk<'a>(policy: &'a Policy, intent: &Intent) -> Vec<&'a Rule> {
    let matches = |rule: &&Rule| {
        let context = intent.context();
        let kinds = &rule.matcher.target_kinds;
        let given =
            |list: &[String], word: &str| list.is_empty() || list.iter().any(|item| item == word);
        given(&rule.matcher.tool_names, intent.tool_name())
            && given(&rule.matcher.risk_classes, &context.risk_class)
            && (kinds.is_empty()
                || intent.targets().iter().any(|target| given(kinds, target.kind.as_str())))
    };
    let all: Vec<&Rule> = policy.rules().iter().filter(matches).collect();
    let first = all.first().map(|rule| rule.priority);
    all.into_iter().filter(|rule| Some(rule.priority) == first).collect()
}

proptest! {
    #[test]
    fn normalising_twice_is_normalising_once(document in document()) {
        let once = intent(&document);
        let again = intent(&json!({
            "tool_name": once.tool_name(), "args": once.args(), "targets": once.targets(),
            "arg_provenance": once.arg_provenance(), "context": once.context(),
        }));
        prop_assert_eq!(again.digest(), once.digest());
        prop_assert_eq!(again.args_digest(), once.args_digest());
        let whole = json!({
            "tool_name": once.tool_name(), "args": once.args(), "targets": once.targets(),
            "context": once.context(), "arg_provenance": once.arg_provenance(),
        });
        if !once.arg_provenance().is_empty() {
            prop_assert_eq!(gait::json::digest(&whole).unwrap(), once.digest());
        }
    }

    #[test]
    fn the_index_finds_what_a_plain_walk_finds(rules in rules(), document in document()) {
        let (policy, intent) = (policy(&rules), intent(&document));
        let found: Vec<*const Rule> = policy.matched(&intent).into_iter().map(std::ptr::from_ref).collect();
        let walked: Vec<*const Rule> = plain_walk(&policy, &intent).into_iter().map(std::ptr::from_ref).collect();
        prop_assert_eq!(found, walked);
    }

    #[test]
    fn a_decision_is_never_milder_than_a_matched_rule(rules in rules(), document in document()) {
        let (policy, intent) = (policy(&rules), intent(&document));
        let decision = policy.decide(&intent, gait::intent::time::DEFAULT);
        let strictest = policy.matched(&intent).iter().map(|rule| rule.effect).max();
        prop_assert!(decision.verdict >= strictest.unwrap_or(Verdict::Block));
        let approvals = decision.verdict == Verdict::RequireApproval;
        prop_assert_eq!(decision.min_approvals > 0, approvals);
        prop_assert!(!decision.reason_codes.is_empty());
        prop_assert!(decision.reason_codes.is_sorted() && decision.violations.is_sorted());
    }

    #[test]
    fn the_order_of_rules_in_the_file_does_not_matter(rules in rules()) {
        let mut turned = rules.clone();
        if let Some(list) = turned.get_mut("rules").and_then(Value::as_array_mut) {
            list.reverse();
        }
        let names: Vec<_> = policy(&rules).rules().iter().map(|rule| (rule.priority, rule.name.clone())).collect();
        let mut unique = names.clone();
        unique.dedup();
        if unique.len() == names.len() {
            prop_assert_eq!(policy(&turned).digest(), policy(&rules).digest());
        }
    }

    #[test]
    fn reading_a_policy_never_panics(text in "[ a-z:\\n\\-{}\\[\\]&*<\"'#?|>,0-9]{0,80}") {
        let _ = source::parse("p.yaml", text.as_bytes());
    }

    #[test]
    fn reading_an_intent_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
        let _ = read::from_json(&bytes).and_then(|draft| draft.normalise());
    }
}
