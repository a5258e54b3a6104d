//! The recorded answers of the public tool, at library level.
//!
//! Each row is a policy, an intent and what `policy validate`, `policy test` and `gate eval` said
//! of them. Rows tagged `quirk:*` or `non_utf8` record an accident of another program's reader;
//! there a refusal is as good.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "the rows are our own files")]

use gait::intent::{self, Intent};
use gait::policy::{self, Policy};
use serde_json::{Value, json};

const ROWS: &str = include_str!("vectors/decisions_core.jsonl");

/// Both documents, or why one was refused.
fn judge(row: &Value) -> Result<(Policy, Intent), String> {
    let policy = policy::source::parse("policy.yaml", &bytes(row, "policy"))
        .map_err(|error| error.to_string())?;
    let intent = intent::read::from_json(&bytes(row, "intent"))
        .and_then(|draft| draft.normalise())
        .map_err(|error| error.to_string())?;
    Ok((policy, intent))
}

fn bytes(row: &Value, name: &str) -> Vec<u8> {
    use base64::Engine as _;
    match &row[name] {
        Value::String(text) => text.as_bytes().to_vec(),
        _ => {
            let encoded = row[format!("{name}_b64")].as_str().unwrap();
            base64::engine::general_purpose::STANDARD.decode(encoded).unwrap()
        }
    }
}

fn is_lenient(row: &Value) -> bool {
    let tags = row["feature"].as_array().unwrap().iter().filter_map(Value::as_str);
    tags.into_iter().any(|tag| tag.starts_with("quirk:") || tag == "non_utf8")
}

/// Our answer in the members of `policy test`, without those that only the CLI adds.
fn policy_test(policy: &Policy, intent: &Intent) -> Value {
    let decision = policy.decide(intent, gait::intent::time::DEFAULT);
    let mut answer = json!({
        "created_at": intent.created_at().to_string(),
        "policy_digest": policy.digest().to_string(),
        "intent_digest": intent.digest().to_string(),
        "verdict": decision.verdict.as_str(),
        "reason_codes": decision.reason_codes,
    });
    if !decision.violations.is_empty() {
        answer["violations"] = json!(decision.violations);
    }
    if let Some(rule) = decision.matched_rule {
        answer["matched_rule"] = json!(rule);
    }
    answer
}

/// The members of the recorded answer that [`policy_test`] has or should have.
fn recorded(answer: &Value) -> Value {
    let names = [
        "created_at",
        "policy_digest",
        "intent_digest",
        "verdict",
        "reason_codes",
        "violations",
        "matched_rule",
    ];
    let members = names.iter().filter_map(|name| Some(((*name).to_owned(), answer.get(name)?)));
    members.map(|(name, value)| (name, value.clone())).collect::<serde_json::Map<_, _>>().into()
}

fn check(row: &Value) -> Result<(), String> {
    let want = &row["policy_test"];
    match judge(row) {
        Err(_) if want["exit"] == 6 || is_lenient(row) => Ok(()),
        Err(refusal) => Err(format!("refused: {refusal}")),
        Ok(_) if want["exit"] == 6 => Err("should be refused".to_owned()),
        Ok((policy, intent)) => {
            same("policy_test", policy_test(&policy, &intent), recorded(&want["json"]))?;
            gate_eval(row, &policy, intent)
        }
    }
}

/// `gate eval` judges the intent without its claims, and says how many approvals are needed.
fn gate_eval(row: &Value, policy: &Policy, intent: Intent) -> Result<(), String> {
    let want = &row["gate_eval"]["json"];
    let intent = intent.without_claims();
    same("intent_digest", intent.digest().to_string().into(), want["intent_digest"].clone())?;
    same(
        "args_digest",
        intent.args_digest().to_string().into(),
        trace(row, "args_digest", &intent),
    )?;
    let decision = policy.decide(&intent, gait::intent::time::DEFAULT);
    let needed = want.get("required_approvals").and_then(Value::as_u64).unwrap_or(0);
    same("required_approvals", decision.min_approvals.into(), needed.into())
}

/// A member of the recorded trace; our own where the row has none.
fn trace(row: &Value, name: &str, intent: &Intent) -> Value {
    let recorded = row["gate_eval"]["trace"].get(name).cloned();
    recorded.unwrap_or_else(|| intent.args_digest().to_string().into())
}

fn same(what: &str, ours: Value, recorded: Value) -> Result<(), String> {
    if ours == recorded { Ok(()) } else { Err(format!("{what}: {ours}\n  recorded {recorded}")) }
}

#[test]
fn every_row_holds() {
    let rows: Vec<Value> = ROWS.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(rows.len(), 422);
    let failures: Vec<String> = rows
        .iter()
        .filter_map(|row| Some(format!("{} {}: {}", row["id"], row["feature"], check(row).err()?)))
        .collect();
    assert!(failures.is_empty(), "{} rows fail:\n{}", failures.len(), failures.join("\n"));
}

/// The accidents that are refused here; to be told when that changes.
#[test]
fn only_these_accidents_are_refused() {
    let rows = ROWS.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let refused: Vec<String> = rows
        .filter(|row| row["policy_test"]["exit"] != 6 && judge(row).is_err())
        .map(|row| row["feature"][2].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(
        refused,
        [
            "policy:name_bool",
            "policy:tagged_bad",
            "policy:prio_float",
            "policy:rule_noeffect_block",
            "policy:prio_oct",
            "policy:minappr_str",
            "policy:prio_exp",
            "intent:dup_tool",
            "intent:dup_args",
            "intent:dup_ctx",
            "intent:args_lone_surrogate",
            "intent:case_key",
            "intent:case_dup",
            "non_utf8",
            "non_utf8",
            "non_utf8",
            "non_utf8",
        ]
    );
}
