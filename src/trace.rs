//! The public trace record: one decision, signed (spec C13).
//!
//! This is the file that `gait gate eval` writes and `gait trace verify` checks, in the form of
//! the public 1.x tool, so that either can verify the other's. It is pure: the caller says what
//! time it is and where the bytes go. Reading derives `Deserialize`, because a record comes from
//! a file and proves nothing before [`Record::verify`] has said so.
//!
//! Rejected: a table of member names over a JSON map. It would be shorter, but the types of the
//! members would be checked nowhere.

mod record;
mod relationship;
mod audit;
mod delegated;
mod found;
mod recorded;
mod read;

use crate::intent::text::list;
use crate::intent::{Intent, Label};
use crate::json::{self, CanonicalError, Digest};
use crate::policy::Verdict;
use crate::sign::PrivateKey;
use delegated::DelegationRef;
use jiff::Timestamp;
use record::{
    BrokerMembers, ContextMembers, EvaluationMembers, ProofMembers, ReferenceMembers, value,
};
use relationship::{Caller, Names, PolicySchema, Relationship};
use serde::Serialize;
use std::time::Duration;

pub use audit::{ApprovalAudit, Asked, DelegationAudit};
pub use delegated::Delegated;
pub use found::Found;
pub use read::{ReadError, Unverified};
pub use record::Record;
pub use recorded::Recorded;

/// The version of both record forms.
const SCHEMA_VERSION: &str = "1.0.0";

/// Who wrote the record.
const PRODUCER: &str = env!("CARGO_PKG_VERSION");

/// One decision, as far as a trace speaks of it.
#[derive(Debug)]
pub struct Facts<'a> {
    /// When the decision was written down.
    pub observed_at: Timestamp,
    /// The id of the command or call that asked.
    pub correlation_id: &'a str,
    /// What was judged, with its own time.
    pub intent: &'a Intent,
    /// What judged it.
    pub policy_digest: Digest,
    /// The policy's `schema_id`.
    pub policy_id: &'a str,
    /// The policy's `schema_version`.
    pub policy_version: &'a str,
    /// The verdict that is enforced; under simulation the changed one.
    pub verdict: Verdict,
    /// Sorted, unique.
    pub violations: &'a [String],
    /// The approvals that were used or named; may be empty.
    pub approval_ref: &'a str,
    /// The delegation that the intent claims, if any.
    pub delegated: Option<Delegated<'a>>,
    /// Where the intent's context was looked up; may be empty.
    pub context_source: &'a str,
    /// What was found out beside the verdict.
    pub found: Found<'a>,
    /// How long deciding took.
    pub latency: Duration,
}

/// The id of a decision: the same decision has the same id (spec C13.2). 24 hex characters.
pub fn trace_id(policy: Digest, intent: Digest, verdict: Verdict) -> String {
    id(&format!("{policy}:{intent}:{}", verdict.as_str()))
}

/// The first 12 bytes, hex, of SHA-256 over `text`.
pub fn id(text: &str) -> String {
    Digest::of(text.as_bytes()).short()
}

/// A record as a file holds it: two spaces of indent, members in written order, line end.
///
/// # Errors
/// None for the records of this module.
pub fn to_file<T: Serialize>(record: &T) -> Result<Vec<u8>, serde_json::Error> {
    let mut bytes = serde_json::to_vec_pretty(record)?;
    bytes.push(b'\n');
    Ok(bytes)
}

impl Record {
    /// The unsigned record of a decision.
    pub fn of(facts: &Facts<'_>) -> Record {
        let intent = facts.intent;
        let trace_id = trace_id(facts.policy_digest, intent.digest(), facts.verdict);
        let observed_at = facts.observed_at.to_string();
        Record {
            schema_id: "gait.gate.trace".to_owned(),
            schema_version: SCHEMA_VERSION.to_owned(),
            created_at: intent.created_at().to_string(),
            producer_version: PRODUCER.to_owned(),
            event_id: id(&format!("{trace_id}:{observed_at}")),
            relationship: Some(relationship(facts, &trace_id)),
            observed_at,
            trace_id,
            correlation_id: facts.correlation_id.to_owned(),
            tool_name: intent.tool_name().to_owned(),
            args_digest: intent.args_digest().to_string(),
            intent_digest: intent.digest().to_string(),
            policy_digest: facts.policy_digest.to_string(),
            context: ContextMembers::of(intent.context()),
            references: ReferenceMembers::of(intent.context()),
            policy_id: facts.policy_id.to_owned(),
            policy_version: facts.policy_version.to_owned(),
            verdict: facts.verdict.as_str().to_owned(),
            violations: facts.violations.to_vec(),
            latency_ms: facts.latency.as_secs_f64() * 1e3,
            approval_token_ref: facts.approval_ref.to_owned(),
            broker: facts.found.credential.map(BrokerMembers::of).unwrap_or_default(),
            proofs: ProofMembers {
                delegation_ref: facts.delegated.as_ref().map(DelegationRef::of),
                ..ProofMembers::of(&facts.found)
            },
            skill_provenance: value(&intent.skill_provenance()),
            ..Record::with_evaluation(facts)
        }
    }

    /// How the verdict came about, where it was not from the rules and the intent alone.
    fn with_evaluation(facts: &Facts<'_>) -> Record {
        let context_source = facts.context_source.to_owned();
        let plain = EvaluationMembers { context_source, ..EvaluationMembers::default() };
        let finding = facts.found.details.and_then(|details| details.script.as_deref());
        let (Some(script), Some(finding)) = (facts.intent.script(), finding) else {
            return Record { evaluation: plain, ..Record::default() };
        };
        Record {
            matched_rule_ids: step_rules(facts),
            evaluation: plain.with_script(script, finding),
            ..Record::default()
        }
    }

    /// The record with `key`'s signature over it.
    ///
    /// # Errors
    /// The record has no canonical form; none made by [`Record::of`] lacks one.
    pub fn signed(mut self, key: &PrivateKey) -> Result<Record, CanonicalError> {
        self.signature = Some(key.sign(self.signed_digest()?.as_bytes()));
        Ok(self)
    }

    /// The digest that is signed: over the record without its signature (spec C11.2).
    fn signed_digest(&self) -> Result<Digest, CanonicalError> {
        json::digest(&Record { signature: None, ..self.clone() })
    }
}

/// The rules that matched the steps of a script, each step's as one text; none for other intents.
fn step_rules(facts: &Facts<'_>) -> Vec<String> {
    let script = facts.found.details.and_then(|details| details.script.as_deref());
    let steps = script.into_iter().flat_map(|script| &script.steps);
    list(steps.filter_map(|step| step.matched_rule.clone()).collect())
}

fn relationship(facts: &Facts<'_>, trace_id: &str) -> Relationship {
    let context = facts.intent.context();
    let names =
        Names { tool: facts.intent.tool_name(), trace: trace_id, policy: facts.policy_digest };
    let caller = Caller {
        identity: &context.identity,
        session: context.labels.get(&Label::SessionId).map(String::as_str),
        delegation: facts.delegated.as_ref().map(|delegated| delegated.chain),
    };
    let schema = PolicySchema {
        id: facts.policy_id,
        version: facts.policy_version,
        matched_rule_ids: step_rules(facts),
    };
    Relationship::of_trace(&names, &caller, schema)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::intent::read::from_json;
    use serde_json::Value;

    /// The public tool's own id for this policy, intent and verdict (spec C9, examples).
    const POLICY: &str = "2f95c1631279f2c169d1c89bc78b86c03745fed2bce2b6f0f40138a692d99c50";

    fn intent() -> Intent {
        let text = r#"{"created_at":"2026-01-02T03:04:05Z","tool_name":"repo.read",
            "context":{"identity":"ada","workspace":"/srv/app","risk_class":"low",
            "session_id":"s1","run_id":"r1","credential_ttl_seconds":60,"approval_ref":"a1"}}"#;
        from_json(text.as_bytes()).unwrap().normalise().unwrap()
    }

    fn record() -> Record {
        Record::of(&Facts {
            observed_at: "2026-01-02T03:04:06.5Z".parse().unwrap(),
            correlation_id: "c1",
            intent: &intent(),
            policy_digest: Digest::parse(POLICY).unwrap(),
            policy_id: "gait.gate.policy",
            policy_version: "1.0.0",
            verdict: Verdict::Block,
            violations: &["v".to_owned()],
            approval_ref: "t1",
            delegated: None,
            context_source: "",
            found: Found::default(),
            latency: Duration::from_micros(1500),
        })
    }

    #[test]
    fn the_trace_id_names_the_decision() {
        let policy = Digest::parse(POLICY).unwrap();
        let intent = "137586963c64f34951f082e9bea684a43a2edf08aed59a84103dc8947a14cf2d";
        let intent = Digest::parse(intent).unwrap();
        assert_eq!(trace_id(policy, intent, Verdict::Allow), "3fda509e7e3086c0d7243db0");
    }

    #[test]
    fn a_record_says_what_was_decided_and_verifies() {
        let key = PrivateKey::generate().unwrap();
        let bytes = to_file(&record().signed(&key).unwrap()).unwrap();
        let read = Record::read(&bytes).unwrap();
        assert_eq!(read.verify(&key.public()), Ok(()));
        let value: Value = serde_json::from_slice(&bytes).unwrap();
        for (name, want) in [
            ("run_id", "r1".into()),
            ("approval_ref", "a1".into()),
            ("approval_token_ref", "t1".into()),
            ("credential_ttl_seconds", 60.into()),
            ("latency_ms", 1.5.into()),
            ("observed_at", "2026-01-02T03:04:06.5Z".into()),
            ("verdict", Value::from("block")),
        ] {
            assert_eq!(value[name], want, "{name}");
        }
        assert_eq!(value["relationship"]["parent_ref"]["id"], "s1");
        assert_eq!(value.get("sandbox"), None);
    }

    #[test]
    fn an_unanswered_demand_is_audited_as_not_approved() {
        let asked = Asked {
            created_at: intent().created_at(),
            trace_id: "t",
            tool_name: "repo.read",
            intent_digest: intent().digest(),
            policy_digest: Digest::parse(POLICY).unwrap(),
        };
        let audit = ApprovalAudit::unanswered(&asked, 2);
        let text = String::from_utf8(to_file(&audit).unwrap()).unwrap();
        assert!(text.ends_with("},\n  \"entries\": null\n}\n"), "{text}");
        assert!(text.contains("\"parent_record_id\": \"t\""), "{text}");
    }
}
