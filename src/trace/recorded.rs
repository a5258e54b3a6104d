//! The trace record of a decision that was recorded elsewhere, long after it was made.
//!
//! What was not kept is left empty: nothing is made up, and a reader of the public format knows
//! what an empty member means.

use super::record::Record;
use super::relationship::{Caller, Names, PolicySchema, Relationship};
use super::{Delegated, Facts, Found, PRODUCER, SCHEMA_VERSION, id};
use crate::delegation::Chain;
use crate::intent::Intent;
use crate::intent::time::ZERO;
use crate::json::Digest;
use crate::policy::Verdict;
use jiff::Timestamp;
use std::time::Duration;

/// A decision as it was recorded.
#[derive(Clone, Copy, Debug)]
pub struct Recorded<'a> {
    /// When the decision was written down.
    pub observed_at: Timestamp,
    /// The id of the call.
    pub call_id: &'a str,
    /// The id of the decision, as recorded.
    pub trace_id: &'a str,
    /// The tool.
    pub tool_name: &'a str,
    /// Who called; may be empty.
    pub identity: &'a str,
    /// Digest of the args; may be empty.
    pub args_digest: &'a str,
    /// What was judged.
    pub intent_digest: Digest,
    /// What judged it.
    pub policy_digest: Digest,
    /// The policy's answer.
    pub verdict: Verdict,
    /// Sorted, unique.
    pub violations: &'a [String],
    /// Sorted, unique.
    pub reason_codes: &'a [String],
    /// Ids of the approvals that were used; may be empty.
    pub approval_ref: &'a str,
    /// Ids of the tokens that proved a delegation; may be empty.
    pub delegation_ref: &'a str,
}

impl Record {
    /// The unsigned record of a decision whose intent was kept, and is the one that was judged.
    pub fn of_kept(recorded: &Recorded<'_>, intent: &Intent) -> Record {
        let chain = intent.delegation().map(Chain::of);
        Record::of(&Facts {
            observed_at: recorded.observed_at,
            correlation_id: recorded.call_id,
            intent,
            policy_digest: recorded.policy_digest,
            policy_id: "",
            policy_version: "",
            verdict: recorded.verdict,
            violations: recorded.violations,
            approval_ref: recorded.approval_ref,
            delegated: chain.as_ref().map(|chain| Delegated {
                chain,
                resolved: recorded.delegation_ref,
                reason_codes: recorded.reason_codes,
            }),
            context_source: "",
            found: Found::default(),
            latency: Duration::ZERO,
        })
    }

    /// The unsigned record of a decision of whose intent only digests were kept: without what the
    /// intent alone says, such as its time, its context and its delegation.
    pub fn of_digests(recorded: &Recorded<'_>) -> Record {
        let observed_at = recorded.observed_at.to_string();
        let names = Names {
            tool: recorded.tool_name,
            trace: recorded.trace_id,
            policy: recorded.policy_digest,
        };
        let caller = Caller { identity: recorded.identity, session: None, delegation: None };
        let schema = PolicySchema { id: "", version: "", matched_rule_ids: Vec::new() };
        Record {
            schema_id: "gait.gate.trace".to_owned(),
            schema_version: SCHEMA_VERSION.to_owned(),
            created_at: ZERO.to_string(),
            producer_version: PRODUCER.to_owned(),
            trace_id: recorded.trace_id.to_owned(),
            event_id: id(&format!("{}:{observed_at}", recorded.trace_id)),
            observed_at,
            correlation_id: recorded.call_id.to_owned(),
            tool_name: recorded.tool_name.to_owned(),
            args_digest: recorded.args_digest.to_owned(),
            intent_digest: recorded.intent_digest.to_string(),
            policy_digest: recorded.policy_digest.to_string(),
            verdict: recorded.verdict.as_str().to_owned(),
            violations: recorded.violations.to_vec(),
            approval_token_ref: recorded.approval_ref.to_owned(),
            relationship: Some(Relationship::of_trace(&names, &caller, schema)),
            ..Record::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::intent::read::from_json;
    use crate::sign::PrivateKey;
    use crate::trace::{to_file, trace_id};

    #[test]
    fn both_forms_verify_and_name_the_same_decision() {
        let text = r#"{"created_at":"2026-01-02T03:04:05Z","tool_name":"t","args":{"a":1},
            "context":{"identity":"ada","workspace":"/w","risk_class":"low"}}"#;
        let intent = from_json(text.as_bytes()).unwrap().normalise().unwrap();
        let policy = Digest::of(b"policy");
        let (trace, args) =
            (trace_id(policy, intent.digest(), Verdict::Block), intent.args_digest().to_string());
        let recorded = Recorded {
            observed_at: "2026-01-02T03:04:06Z".parse().unwrap(),
            call_id: "c",
            trace_id: &trace,
            tool_name: "t",
            identity: "ada",
            args_digest: &args,
            intent_digest: intent.digest(),
            policy_digest: policy,
            verdict: Verdict::Block,
            violations: &[],
            reason_codes: &[],
            approval_ref: "a1",
            delegation_ref: "",
        };
        let key = PrivateKey::generate().unwrap();
        let (kept, bare) = (Record::of_kept(&recorded, &intent), Record::of_digests(&recorded));
        for record in [&kept, &bare] {
            let bytes = to_file(&record.clone().signed(&key).unwrap()).unwrap();
            let read = Record::read(&bytes).unwrap();
            assert_eq!(read.verify(&key.public()), Ok(()));
            assert_eq!((read.trace_id(), read.verdict()), (trace.as_str(), "block"));
        }
        // What differs is what the intent alone says.
        let created_at = kept.created_at.clone();
        assert_eq!(Record { created_at, ..bare }, kept);
    }
}
