//! The recorded answers of the public tool to approval and delegation tokens, asked of the
//! library: which codes, which ids, which audit record.
//!
//! Rows tagged `security:reference_flaw` record a hole that is not copied: a copy of a token with
//! a blank before the approver's name counted as a second approver.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "test data is as recorded")]

use gait::approval::{self, Approvers, Demand, Shown, Wanted};
use gait::delegation::{self, Chain};
use gait::intent::Intent;
use gait::intent::time::{self, Time};
use gait::json::Digest;
use gait::policy::{self, Verdict};
use gait::sign::{PrivateKey, PublicKey};
use gait::trace::{self, ApprovalAudit, Asked, Delegated, DelegationAudit, Facts, Found, Record};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Seed 0x07 repeated: signs the traces of the recorded answers.
const TRACE_KEY: &str =
    "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwfqSmxj4pxSCr71UHsTLsX5lUd2rr6+e5JCHuppFEbSLA==";

fn now() -> Time {
    time::parse("2026-03-01T12:00:00Z").unwrap()
}

/// The flags of a row, each with its value.
fn flags(row: &Value) -> BTreeMap<String, String> {
    let words: Vec<&str> =
        row["gate_args"].as_array().unwrap().iter().map(|word| word.as_str().unwrap()).collect();
    words.chunks(2).map(|pair| (pair[0].to_owned(), pair[1].to_owned())).collect()
}

/// The files that two flags name, unique, in the order of their paths. `None`: one is missing.
fn shown<'a>(
    row: &'a Value,
    flags: &'a BTreeMap<String, String>,
    flag: &str,
) -> Option<Vec<Shown<'a>>> {
    let one = flags.get(flag).into_iter().map(String::as_str);
    let chain = flags.get(&format!("{flag}-chain")).into_iter().flat_map(|csv| csv.split(','));
    let names: BTreeSet<&str> = one.chain(chain).collect();
    let file = |name| Some(Shown { name, bytes: row["files"][name].as_str()?.as_bytes() });
    names.into_iter().map(file).collect()
}

/// The key that tokens are checked with; `None` where the row names no good one.
fn key(row: &Value, flags: &BTreeMap<String, String>, what: &str) -> Option<PublicKey> {
    match flags.get(&format!("--{what}-public-key")) {
        Some(name) => PublicKey::parse(row["files"][name].as_str()?).ok(),
        None => Some(PrivateKey::parse(TRACE_KEY).unwrap().public()),
    }
}

fn intent(text: &str) -> Intent {
    gait::intent::read::from_json(text.as_bytes()).unwrap().normalise().unwrap().without_claims()
}

fn texts(value: &Value) -> BTreeSet<&str> {
    let items = value.as_array().map(Vec::as_slice).unwrap_or_default();
    items.iter().map(|item| item.as_str().unwrap()).collect()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// The audit without the version of who wrote it.
fn audit<T: serde::Serialize>(audit: &T) -> Value {
    let mut value = serde_json::to_value(audit).unwrap();
    value["producer_version"] = json!("0.0.0-dev");
    value
}

fn rows(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn recorded_approvals_hold() {
    let rows = rows(include_str!("vectors/approvals.jsonl"));
    assert_eq!(rows.len(), 90);
    let looked_at = rows.iter().filter(|row| approval_holds(row)).count();
    assert!(looked_at >= 80, "{looked_at}");
}

/// Whether tokens were asked for at all; fails where the answer is another one.
fn approval_holds(row: &Value) -> bool {
    let (id, want) = (&row["id"], &row["gate_eval"]);
    let policy = policy::source::parse("policy.yaml", text(&row["policy"]).as_bytes()).unwrap();
    let intent = intent(text(&row["intent"]));
    let decision = policy.decide(&intent, time::DEFAULT);
    if decision.verdict != Verdict::RequireApproval {
        assert_eq!(want["json"]["verdict"], decision.verdict.as_str(), "{id}");
        return false;
    }
    let flags = flags(row);
    let wanted = Wanted::of(&intent, policy.digest());
    let approvers = if decision.distinct_approvers { Approvers::Distinct } else { Approvers::Any };
    let demand = Demand { min_approvals: decision.min_approvals, approvers };
    let outcome = key(row, &flags, "approval")
        .zip(shown(row, &flags, "--approval-token"))
        .and_then(|(key, shown)| approval::evaluate(&shown, &key, &wanted, &demand, now()).ok());
    let Some(outcome) = outcome else {
        assert_eq!(want["exit"], 6, "{id}");
        return true;
    };
    if row["feature"].as_array().unwrap().contains(&json!("security:reference_flaw")) {
        assert_eq!(outcome.reason_codes, ["approval_distinct_approvers_required"], "{id}");
        assert!(!outcome.is_granted(), "{id}");
        return true;
    }
    let verdict = if outcome.is_granted() { Verdict::Allow } else { decision.verdict };
    assert_eq!(want["json"]["verdict"], verdict.as_str(), "{id}");
    let codes = decision.reason_codes.iter().map(String::as_str);
    let codes: BTreeSet<&str> = codes.chain(outcome.reason_codes.iter().copied()).collect();
    assert_eq!(texts(&want["json"]["reason_codes"]), codes, "{id}");
    let violated = texts(&want["json"]["violations"]).contains("approval_not_granted");
    assert_eq!(violated, outcome.violation.is_some(), "{id}");
    assert_eq!(want["json"]["valid_approvals"].as_u64().unwrap_or(0), outcome.valid, "{id}");
    let echoed = flags.get("--approval-token-ref").filter(|_| !outcome.is_granted());
    let approval_ref = echoed.map_or(outcome.approval_ref.as_str(), |echoed| echoed.trim());
    assert_eq!(text(&want["json"]["approval_ref"]), approval_ref, "{id}");

    let trace_id = trace::trace_id(policy.digest(), intent.digest(), verdict);
    let asked = Asked {
        created_at: intent.created_at(),
        trace_id: &trace_id,
        tool_name: intent.tool_name(),
        intent_digest: intent.digest(),
        policy_digest: policy.digest(),
    };
    assert_eq!(audit(&ApprovalAudit::answered(&asked, &outcome)), want["approval_audit"], "{id}");
    true
}

#[test]
fn recorded_delegations_hold() {
    let rows = rows(include_str!("vectors/delegations.jsonl"));
    assert_eq!(rows.len(), 9);
    rows.iter().for_each(delegation_holds);
}

fn delegation_holds(row: &Value) {
    let (id, want) = (&row["id"], &row["gate_eval"]);
    let mut said: Value = serde_json::from_str(text(&row["intent"])).unwrap();
    let said_delegation = said["delegation"].take();
    let digest = |value: &Value| Digest::parse(text(value)).unwrap();
    let want_ref = &want["trace"]["delegation_ref"];
    let link =
        |link: &'_ Value| (link["delegator_identity"].clone(), link["delegate_identity"].clone());
    let links: Vec<_> = said_delegation["chain"].as_array().unwrap().iter().map(link).collect();
    let chain = Chain {
        requester: text(&said_delegation["requester_identity"]),
        links: links.iter().map(|(from, to)| (text(from), text(to))).collect(),
        digest: digest(&want_ref["chain_digest"]),
        scope_class: text(&said_delegation["scope_class"]),
        token_ref: "",
    };
    let (intent_digest, policy_digest) =
        (digest(&want["json"]["intent_digest"]), digest(&want["json"]["policy_digest"]));
    let wanted = delegation::Wanted {
        intent_digest: Some(intent_digest),
        policy_digest: Some(policy_digest),
        scope: scopes(text(&row["policy"])),
    };
    let flags = flags(row);
    let shown = shown(row, &flags, "--delegation-token").unwrap();
    let key = key(row, &flags, "delegation").unwrap();
    let outcome = delegation::evaluate(&shown, &key, &wanted, &chain, now()).unwrap();

    let codes = texts(&want["json"]["reason_codes"]);
    let codes: Vec<String> = codes
        .into_iter()
        .filter(|code| code.starts_with("delegation_"))
        .map(str::to_owned)
        .collect();
    assert_eq!(codes, outcome.reason_codes, "{id}");
    assert_eq!(want["exit"] == 3, !outcome.is_granted(), "{id}");
    assert_eq!(text(&want["json"]["delegation_ref"]), outcome.delegation_ref, "{id}");
    let intent = intent(&said.to_string());
    let asked = Asked {
        created_at: intent.created_at(),
        trace_id: text(&want["json"]["trace_id"]),
        tool_name: intent.tool_name(),
        intent_digest,
        policy_digest,
    };
    assert_eq!(audit(&DelegationAudit::of(&asked, &outcome)), want["delegation_audit"], "{id}");

    let delegated =
        Delegated { chain: &chain, resolved: &outcome.delegation_ref, reason_codes: &codes };
    let record = traced(&intent, policy_digest, delegated);
    assert_eq!(&record["delegation_ref"], want_ref, "{id}");
    for name in ["agent_chain", "edges"] {
        let want = &want["trace"]["relationship"][name];
        assert_eq!(&record["relationship"][name], want, "{id} {name}");
    }
}

fn traced(intent: &Intent, policy_digest: Digest, delegated: Delegated<'_>) -> Value {
    let record = Record::of(&Facts {
        observed_at: "2026-03-01T12:00:00Z".parse().unwrap(),
        correlation_id: "c",
        intent,
        policy_digest,
        policy_id: "gait.gate.policy",
        policy_version: "1.0.0",
        verdict: Verdict::Block,
        violations: &[],
        approval_ref: "",
        delegated: Some(delegated),
        context_source: "",
        found: Found::default(),
        latency: Duration::ZERO,
    });
    serde_json::to_value(record).unwrap()
}

/// The `delegation_scopes` of a recorded policy: these two, where it has any.
fn scopes(policy: &str) -> Vec<String> {
    let words = if policy.contains("delegation_scopes:") { vec!["admin", "write"] } else { vec![] };
    words.into_iter().map(str::to_owned).collect()
}
