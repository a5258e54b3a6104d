//! The product against the plain evaluator, on documents that nobody wrote.
//!
//! `GAIT_DECISIONS` sets the number of decisions; a failure names its seed and shows the smallest
//! documents that still differ.

use super::decide::{Answer, decide};
use super::dice::Dice;
use super::{intent, intents, policies, policy};
use gait::intent::read;
use gait::policy::{Policy, source};
use jiff::Timestamp;
use serde_json::Value;
use std::collections::BTreeMap;

const DECISIONS_DEFAULT: u64 = 8_000;
/// Intents put to one policy.
const INTENTS: usize = 8;

/// The evaluation times, about the windows' ends and the changes of the clock.
const TIMES: [&str; 7] = [
    "2026-03-01T12:00:00Z",
    "2026-03-01T12:00:00.5Z",
    "2026-03-08T07:00:00Z",
    "2026-03-29T00:59:59Z",
    "2026-03-29T01:30:00Z",
    "2026-10-25T01:00:00Z",
    "2027-06-01T00:00:00Z",
];

type Judged<T> = Result<T, String>;

fn plain(policy: &Value, given: &Value, at: Timestamp) -> Judged<Answer> {
    policy::check(policy)?;
    Ok(decide(policy, &intent::normalise(given)?, at))
}

fn parse(policy: &Value) -> Judged<Policy> {
    source::parse("p.yaml", policy.to_string().as_bytes()).map_err(|error| error.to_string())
}

fn product(policy: &Judged<Policy>, given: &Value, _at: Timestamp) -> Judged<Answer> {
    let policy = policy.as_ref().map_err(Clone::clone)?;
    let intent = read::from_json(given.to_string().as_bytes())
        .and_then(|draft| draft.normalise())
        .map_err(|error| error.to_string())?;
    let decision = policy.decide(&intent);
    Ok(Answer {
        verdict: decision.verdict.as_str().to_owned(),
        reason_codes: decision.reason_codes.into_iter().collect(),
        violations: decision.violations.into_iter().collect(),
        matched_rule: decision.matched_rule,
        min_approvals: i64::try_from(decision.min_approvals).unwrap(),
        distinct: decision.distinct_approvers,
    })
}

/// Whether the two differ. Why a document is refused is each one's own to say.
fn differ(policy: &Value, given: &Value, at: Timestamp) -> bool {
    plain(policy, given, at).ok() != product(&parse(policy), given, at).ok()
}

/// The documents without everything that the difference does not need.
fn shrink(mut documents: Value, differs: impl Fn(&Value) -> bool) -> Value {
    while let Some(smaller) = cuts(&documents).into_iter().find(|cut| differs(cut)) {
        documents = smaller;
    }
    documents
}

/// The value with one member or item less, anywhere in it.
fn cuts(value: &Value) -> Vec<Value> {
    let mut out = Vec::new();
    match value {
        Value::Object(members) => {
            for (key, member) in members {
                let mut less = members.clone();
                less.remove(key);
                out.push(less.into());
                for cut in cuts(member) {
                    let mut changed = members.clone();
                    changed.insert(key.clone(), cut);
                    out.push(changed.into());
                }
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                let mut less = items.clone();
                less.remove(index);
                out.push(less.into());
                for cut in cuts(item) {
                    let mut changed = items.clone();
                    changed[index] = cut;
                    out.push(changed.into());
                }
            }
        }
        _ => {}
    }
    out
}

/// The smallest documents that differ, and both answers.
fn report(seed: u64, policy: &Value, given: &Value, at: Timestamp) -> String {
    let documents = serde_json::json!({"policy": policy, "intent": given});
    let least = shrink(documents, |both| differ(&both["policy"], &both["intent"], at));
    let (policy, given) = (&least["policy"], &least["intent"]);
    format!(
        "seed {seed} at {at}\npolicy {policy}\nintent {given}\nplain   {:?}\nproduct {:?}",
        plain(policy, given, at),
        product(&parse(policy), given, at)
    )
}

/// What has been hit, and how often.
#[derive(Default)]
struct Tally(BTreeMap<String, u64>);

impl Tally {
    fn count(&mut self, judged: &Judged<Answer>) {
        let words = match judged {
            Err(_) => vec!["refused".to_owned()],
            Ok(answer) => {
                let mut words = vec![format!("verdict_{}", answer.verdict)];
                words.extend(answer.reason_codes.iter().cloned());
                words.extend(answer.violations.iter().cloned());
                words.extend((answer.min_approvals > 1).then(|| "several_approvals".to_owned()));
                let joined = answer.matched_rule.as_ref().is_some_and(|names| names.contains(','));
                words.extend(joined.then(|| "several_rules".to_owned()));
                words
            }
        };
        for word in words {
            *self.0.entry(word).or_default() += 1;
        }
    }
}

/// The part of the documents that the product evaluates today.
fn keep(value: &mut Value, keys: &str) {
    if let Some(members) = value.as_object_mut() {
        members.retain(|key, _| keys.split_whitespace().any(|known| known == key));
    }
}

fn core_policy(policy: &mut Value) {
    keep(policy, "default_verdict rules surprise schema_version");
    for rule in policy["rules"].as_array_mut().unwrap() {
        keep(
            rule,
            "name priority effect action match reason_codes violations min_approvals \
            require_distinct_approvers",
        );
        keep(
            &mut rule["match"],
            "tool_name tool_names risk_classes target_kinds target_values \
            destination_kinds destination_values endpoint_class endpoint_classes data_classes \
            destination_operations provenance_sources identities workspace_prefixes",
        );
    }
}

fn core_intent(given: &mut Value) {
    keep(given, "tool_name args targets arg_provenance context");
    keep(&mut given["context"], "identity workspace risk_class phase run_id environment");
}

#[test]
fn the_product_decides_what_the_plain_evaluator_decides() {
    let decisions = std::env::var("GAIT_DECISIONS")
        .map_or(DECISIONS_DEFAULT, |said| said.parse().expect("GAIT_DECISIONS is a number"));
    let times = TIMES.map(|time| time.parse::<Timestamp>().unwrap());
    let mut tally = Tally::default();
    for seed in 0..decisions.div_ceil(INTENTS as u64) {
        let mut dice = Dice::new(seed);
        let mut policy = policies::policy(&mut dice);
        core_policy(&mut policy);
        let ours = parse(&policy);
        for _ in 0..INTENTS {
            let mut given = intents::intent(&mut dice);
            core_intent(&mut given);
            let at = times[dice.below(times.len())];
            let judged = plain(&policy, &given, at);
            let same = judged.as_ref().ok() == product(&ours, &given, at).ok().as_ref();
            assert!(same, "{}", report(seed, &policy, &given, at));
            tally.count(&judged);
        }
    }
    for (word, count) in &tally.0 {
        println!("{count:>9}  {word}");
    }
    let missed: Vec<&str> =
        MUST_HIT.split_whitespace().filter(|word| !tally.0.contains_key(*word)).collect();
    assert!(missed.is_empty(), "never hit: {missed:?}");
}

/// What the documents must lead to, or they prove nothing of it.
const MUST_HIT: &str = "default_allow default_block default_dry_run default_require_approval \
    destructive_apply_requires_approval plan_phase_non_destructive refused verdict_allow \
    verdict_dry_run verdict_require_approval verdict_block several_approvals several_rules";
