//! A call in the public trace format: one record, signed, that needs no log beside it.
//!
//! Where the log kept the intent, and it is the very one that was judged, the record says all that
//! `gait gate eval` would have written. Else it is made of the line alone, and what only the intent
//! says is left empty: its time, workspace and labels, targets, provenance and delegation. The
//! policy's schema is in no line, so `policy_id` and `policy_version` are always empty.

use super::calls::Call;
use super::entry::Entry;
use crate::intent::{self, Intent};
use crate::json::{self, Digest, Node};
use crate::policy::Verdict;
use crate::trace::{Record, Recorded};
use jiff::tz::TimeZone;

/// A record, and how much it says.
#[derive(Clone, Debug)]
pub struct Exported {
    /// Not signed yet.
    pub record: Record,
    /// Where it comes from.
    pub source: Source,
}

/// What a record was made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The intent that was judged.
    Intent,
    /// The line; the intent was not kept, or with masks.
    Line,
}

/// Why a call has no record.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoRecord {
    /// It was answered before a policy judged it.
    #[error(
        "call {0} was never judged, so there is no decision to export; `gait trace show` says all that is known of it"
    )]
    NotJudged(String),
    /// A fact that every decision has is missing or spoilt.
    #[error(
        "the evidence of call {call} has no usable `{name}`; see what `gait trace verify` says"
    )]
    Spoilt {
        /// The call.
        call: String,
        /// The member.
        name: &'static str,
    },
}

/// Makes the record of a call.
///
/// # Errors
/// It was never judged, or its lines are spoilt.
pub fn record(call: &Call) -> Result<Exported, NoRecord> {
    let nobody = || NoRecord::NotJudged(String::new());
    let facts = call.facts().ok_or_else(nobody)?;
    let id = facts.text("call_id").unwrap_or_default();
    let verdict = facts.text("verdict").ok_or_else(|| NoRecord::NotJudged(id.to_owned()))?;
    let spoilt = |name| NoRecord::Spoilt { call: id.to_owned(), name };
    let digest = |name| facts.text(name).and_then(Digest::parse).ok_or_else(|| spoilt(name));
    let time = call.time().and_then(|time| TimeZone::UTC.to_timestamp(time.civil()).ok());
    let lists = ["violations", "reason_codes"]
        .map(|name| facts.texts(name).map(str::to_owned).collect::<Vec<_>>());
    let [violations, reason_codes] = &lists;
    let text = |name| facts.text(name).unwrap_or_default();
    let recorded = Recorded {
        observed_at: time.ok_or_else(|| spoilt("time"))?,
        call_id: id,
        trace_id: facts.text("trace_id").ok_or_else(|| spoilt("trace_id"))?,
        tool_name: facts.text("tool_name").ok_or_else(|| spoilt("tool_name"))?,
        identity: text("identity"),
        args_digest: text("args_digest"),
        intent_digest: digest("intent_digest")?,
        policy_digest: digest("policy_digest")?,
        verdict: Verdict::parse(verdict).ok_or_else(|| spoilt("verdict"))?,
        violations,
        reason_codes,
        approval_ref: text("approval_ref"),
        delegation_ref: text("delegation_ref"),
    };
    Ok(match call.lines().find_map(kept).filter(|kept| kept.digest() == recorded.intent_digest) {
        Some(intent) => {
            Exported { record: Record::of_kept(&recorded, &intent), source: Source::Intent }
        }
        None => Exported { record: Record::of_digests(&recorded), source: Source::Line },
    })
}

/// The intent that a line keeps, if it is one.
fn kept(line: &Entry) -> Option<Intent> {
    let text = line.members().get("intent")?.to_string();
    let node: Node<'_> = json::tree(text.as_bytes()).ok()?;
    intent::read::from_node(node).and_then(intent::Draft::normalise).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::trace_id;
    use serde_json::{Value, json};

    const INTENT: &str = r#"{"created_at":"2026-01-02T03:04:05Z","tool_name":"t",
        "args":{"a":1},"context":{"identity":"ada","workspace":"/w","risk_class":"low",
        "session_id":"s1"}}"#;

    fn call(change: impl FnOnce(&mut Value)) -> Call {
        let intent = intent::read::from_json(INTENT.as_bytes()).unwrap().normalise().unwrap();
        let policy = Digest::of(b"p");
        let mut line = json!({"v": 1, "seq": 7, "kind": "call",
            "time": "2026-01-02T03:04:05.000000Z", "call_id": "c", "tool_name": "t",
            "identity": "ada", "verdict": "block", "reason_codes": ["r"],
            "trace_id": trace_id(policy, intent.digest(), Verdict::Block),
            "policy_digest": policy.to_string(), "intent_digest": intent.digest().to_string(),
            "args_digest": intent.args_digest().to_string(),
            "intent": serde_json::from_str::<Value>(INTENT).unwrap()});
        change(&mut line);
        let entry = Entry::read(line.to_string().as_bytes()).unwrap();
        Call { decision: None, closing: Some(entry) }
    }

    fn exported(call: &Call) -> (Value, Source) {
        let Exported { record, source } = record(call).unwrap();
        (serde_json::to_value(record).unwrap(), source)
    }

    #[test]
    fn a_kept_intent_gives_the_whole_record() {
        let (record, source) = exported(&call(|_| {}));
        assert_eq!(source, Source::Intent);
        assert_eq!(record["relationship"]["parent_ref"]["id"], "s1");
        assert_eq!((&record["tool_name"], &record["correlation_id"]), (&json!("t"), &json!("c")));
        assert_eq!(record["created_at"], "2026-01-02T03:04:05Z");
    }

    #[test]
    fn what_was_masked_or_not_kept_gives_what_the_line_says() {
        let (masked, source) = exported(&call(|line| line["intent"]["args"]["a"] = json!("***")));
        assert_eq!(source, Source::Line);
        let (bare, _) =
            exported(&call(|line| drop(line.as_object_mut().unwrap().remove("intent"))));
        assert_eq!(masked, bare);
        let (whole, _) = exported(&call(|_| {}));
        for name in ["trace_id", "event_id", "intent_digest", "args_digest", "policy_digest"] {
            assert_eq!(bare[name], whole[name], "{name}");
        }
        assert_eq!(bare["created_at"], "0001-01-01T00:00:00Z");
    }

    #[test]
    fn what_is_missing_is_said() {
        let refused = |name: &str| {
            let call = call(|line| drop(line.as_object_mut().unwrap().remove(name)));
            record(&call).unwrap_err().to_string()
        };
        assert!(refused("verdict").starts_with("call c was never judged"));
        for name in ["policy_digest", "intent_digest", "trace_id", "tool_name"] {
            assert!(refused(name).contains(&format!("no usable `{name}`")), "{name}");
        }
    }
}
