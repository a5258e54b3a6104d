//! The product against the plain evaluator, on documents that nobody wrote.
//!
//! `GAIT_DECISIONS` sets the number of decisions; a failure names its seed and shows the smallest
//! documents that still differ.

use super::decide::{Answer, decide};
use super::dice::Dice;
use super::text::digest;
use super::{intent, intents, policies, policy};
use gait::intent::read;
use gait::intent::time::Time;
use gait::policy::{Policy, source};
use jiff::Timestamp;
use serde_json::Value;
use std::collections::BTreeMap;

const DECISIONS_DEFAULT: u64 = 5_000;
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

/// The answer and the digest of the intent, which holds everything that was normalised.
type Outcome = (Answer, String);

fn plain(policy: &Judged<&Value>, given: &Value, at: Timestamp) -> Judged<Outcome> {
    let policy = policy.as_ref().map_err(Clone::clone)?;
    let intent = intent::normalise(given)?;
    Ok((decide(policy, &intent, at), digest(&intent)))
}

fn check(policy: &Value) -> Judged<&Value> {
    policy::check(policy).map(|()| policy)
}

fn parse(policy: &Value) -> Judged<Policy> {
    source::parse("p.yaml", policy.to_string().as_bytes()).map_err(|error| error.to_string())
}

fn product(policy: &Judged<Policy>, given: &Value, at: Timestamp) -> Judged<Outcome> {
    let policy = policy.as_ref().map_err(Clone::clone)?;
    let intent = read::from_json(given.to_string().as_bytes())
        .and_then(|draft| draft.normalise())
        .map_err(|error| error.to_string())?;
    let decision = policy.decide(&intent, Time::from_timestamp(at));
    let answer = Answer {
        verdict: decision.verdict.as_str().to_owned(),
        reason_codes: decision.reason_codes.into_iter().collect(),
        violations: decision.violations.into_iter().collect(),
        matched_rule: decision.matched_rule,
        min_approvals: i64::try_from(decision.min_approvals).unwrap(),
        distinct: decision.distinct_approvers,
    };
    Ok((answer, intent.digest().to_string()))
}

/// Whether the two differ. Why a document is refused is each one's own to say.
fn differ(policy: &Value, given: &Value, at: Timestamp) -> bool {
    plain(&check(policy), given, at).ok() != product(&parse(policy), given, at).ok()
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
        plain(&check(policy), given, at),
        product(&parse(policy), given, at)
    )
}

/// What has been hit, and how often.
#[derive(Default)]
struct Tally(BTreeMap<String, u64>);

impl Tally {
    fn count(&mut self, judged: &Judged<Outcome>) {
        let words = match judged {
            Err(_) => vec!["refused".to_owned()],
            Ok((answer, _)) => {
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

#[test]
fn the_product_decides_what_the_plain_evaluator_decides() {
    let decisions = std::env::var("GAIT_DECISIONS")
        .map_or(DECISIONS_DEFAULT, |said| said.parse().expect("GAIT_DECISIONS is a number"));
    let times = TIMES.map(|time| time.parse::<Timestamp>().unwrap());
    let mut tally = Tally::default();
    for seed in 0..decisions.div_ceil(INTENTS as u64) {
        let mut dice = Dice::new(seed);
        let policy = policies::policy(&mut dice);
        let (checked, ours) = (check(&policy), parse(&policy));
        for _ in 0..INTENTS {
            let given = intents::intent(&mut dice);
            let at = times[dice.below(times.len())];
            let judged = plain(&checked, &given, at);
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
const MUST_HIT: &str = "agent_expired agent_lifecycle_state_invalid agent_manifest_mismatch agent_owner_missing \
    agent_revoked agent_unknown context_evidence_missing context_evidence_mode_mismatch \
    context_freshness_exceeded context_set_digest_missing credential_access_type_disallowed \
    credential_access_type_unknown credential_evidence_missing credential_issuer_disallowed \
    credential_job_binding_mismatch credential_not_jit credential_run_binding_mismatch \
    credential_source_disallowed credential_source_unknown credential_target_binding_mismatch \
    credential_ttl_exceeded dataflow_tainted_destination default_allow default_block \
    default_dry_run default_require_approval destructive_apply_requires_approval \
    endpoint_constraint_violation endpoint_destructive_operation endpoint_domain_denied \
    endpoint_domain_not_allowlisted endpoint_egress_class_not_allowed endpoint_path_denied \
    endpoint_path_not_allowlisted fail_closed_endpoint_class_unknown \
    fail_closed_missing_agent_id fail_closed_missing_arg_provenance \
    fail_closed_missing_delegation fail_closed_missing_endpoint_class \
    fail_closed_missing_targets freeze_window_active_block freeze_window_active_require_approval \
    freeze_window_invalid_timezone freeze_window_invalid_window plan_phase_non_destructive \
    sandbox_env_exposure_mode_disallowed sandbox_env_exposure_mode_missing \
    sandbox_evidence_missing sandbox_filesystem_isolation_disallowed \
    sandbox_filesystem_isolation_missing sandbox_metadata_missing \
    sandbox_network_mode_disallowed sandbox_network_mode_missing sandbox_read_only_root_missing \
    sandbox_timeout_exceeded sandbox_timeout_missing sandbox_user_mode_disallowed \
    sandbox_user_mode_missing sandbox_writable_path_disallowed script_max_steps_exceeded \
    script_mixed_risk_blocked script_step_threshold_approval standing_credential_disallowed \
    agent_identity_missing agent_not_declared tainted_dataflow refused verdict_allow \
    verdict_dry_run verdict_require_approval verdict_block several_approvals several_rules";
