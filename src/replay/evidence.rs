//! An evidence line as something to replay.
//!
//! A call counts once: at its `decision` line, or at its `call` line where that is its only one. It
//! can be replayed where the line holds the member `intent`, the intent in the public format, and
//! only if that gives exactly the line's `intent_digest`; what was recorded without it, or with
//! masks in it, is skipped, with the reason. Names and digests alone are not enough to rebuild an
//! intent from.
//!
//! The hash chain is not checked here. An intent that was changed does not give its digest any
//! more; that lines are missing is for `gait trace verify` to find.

use super::ruling::{Added, Recorded};
use super::tally::Skip;
use crate::intent::time::{self, Time};
use crate::intent::{self, Intent};
use crate::json::{self, Node};
use crate::policy::Verdict;
use serde_json::{Map, Value};

/// What a line is to a replay.
#[derive(Debug)]
pub(super) enum Reading {
    /// A call that can be judged again.
    Call(Box<Call>),
    /// A call that cannot.
    Skipped(Skip),
    /// A line that is about no call, or about one that another line counts.
    Passed,
}

/// A recorded call.
#[derive(Debug)]
pub(super) struct Call {
    /// What it wanted to do.
    pub(super) intent: Intent,
    /// What was decided then, if anything was.
    pub(super) recorded: Option<Recorded>,
    /// The time of the line.
    pub(super) time: Option<Time>,
    /// Its id.
    pub(super) call_id: Option<String>,
}

/// Reads one line; the error says what is wrong with it.
pub(super) fn read(line: &[u8]) -> Result<Reading, String> {
    let node = json::tree(line).map_err(|error| format!("no evidence line: {error}"))?;
    let Node::Object(mut members) = node else {
        return Err("no evidence line: it is not an object".to_owned());
    };
    let place = members.iter().position(|(name, _)| name == "intent");
    let said = place.map(|place| members.swap_remove(place).1);
    let line = members.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
    match text(&line, "kind") {
        Some("decision" | "call") => {}
        Some(_) => return Ok(Reading::Passed),
        None => return Err("no evidence line: `kind` is missing".to_owned()),
    }
    let Some(digest) = text(&line, "intent_digest").map(str::to_owned) else {
        return Ok(Reading::Skipped(Skip::NoIntent));
    };
    let said = match said {
        Some(_) if line.contains_key("masked") => return Ok(Reading::Skipped(Skip::Masked)),
        Some(said) => said,
        None if line.contains_key("intent_omitted_bytes") => {
            return Ok(Reading::Skipped(Skip::TooLong));
        }
        None => return Ok(Reading::Skipped(Skip::NotCaptured)),
    };
    let intent = intent::read::from_node(said).and_then(intent::Draft::normalise);
    let intent = intent.map_err(|error| format!("the recorded intent: {error}"))?;
    if intent.digest().to_string() != digest {
        return Err("the recorded intent does not give the line's intent_digest".to_owned());
    }
    let call_id = text(&line, "call_id").map(str::to_owned);
    let time = text(&line, "time").and_then(time::parse);
    Ok(Reading::Call(Box::new(Call { intent, recorded: recorded(&line)?, time, call_id })))
}

/// Reasons that come from beyond the policy: orders to stop, counters, what the gateway knows of
/// hosts, and what nobody could show it. A decision with one of them is no answer of the policy.
const BEYOND: [&str; 10] = [
    "broker_credential_required",
    "delegation_chain_insufficient",
    "delegation_token_intent_mismatch",
    "delegation_token_missing",
    "delegation_token_policy_mismatch",
    "destructive_budget_exceeded",
    "endpoint_domain_unknown",
    "kill_switch_active",
    "kill_switch_state_unavailable",
    "rate_limit_exceeded",
];

/// The reason that is added where tokens prove a delegation.
const DELEGATED: &str = "delegation_granted";

/// The reason that is added where people approve a call.
const APPROVED: &str = "approval_granted";

/// What the policy answered then, if the line tells.
fn recorded(line: &Map<String, Value>) -> Result<Option<Recorded>, String> {
    let Some(verdict) = text(line, "verdict") else { return Ok(None) };
    let mut reason_codes = texts(line, "reason_codes")?;
    if reason_codes.iter().any(|code| BEYOND.contains(&code.as_str())) {
        return Ok(None);
    }
    if line.contains_key("delegation_ref") {
        // Tokens that hold add this reason and nothing else.
        reason_codes.retain(|code| code != DELEGATED);
    }
    let mut verdict =
        Verdict::parse(verdict).ok_or("no evidence line: the `verdict` is none that gait knows")?;
    if text(line, "permit") == Some("approved") {
        // People made an allow of it, and that they did was added once.
        verdict = Verdict::RequireApproval;
        let at = reason_codes.iter().position(|code| code == APPROVED);
        at.map(|at| reason_codes.remove(at));
    }
    let added = if line.get("dry_run_requested") == Some(&Value::Bool(true)) {
        Added::DryRunAsked
    } else if text(line, "disposition") == Some("failed") {
        Added::AnyOne
    } else if verdict == Verdict::RequireApproval {
        Added::Unapproved
    } else {
        Added::None
    };
    Ok(Some(Recorded {
        verdict,
        reason_codes,
        violations: texts(line, "violations")?,
        matched_rule: text(line, "matched_rule").map(str::to_owned),
        added,
    }))
}

fn text<'a>(line: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    line.get(name).and_then(Value::as_str)
}

/// A list of texts; empty where it is missing.
fn texts(line: &Map<String, Value>, name: &str) -> Result<Vec<String>, String> {
    let Some(value) = line.get(name) else { return Ok(Vec::new()) };
    let items = value.as_array().and_then(|items| {
        items.iter().map(|item| item.as_str().map(str::to_owned)).collect::<Option<_>>()
    });
    items.ok_or_else(|| format!("no evidence line: `{name}` is no list of text"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const INTENT: &str = r#"{"tool_name":"t","args":{"a":1},
        "context":{"identity":"i","workspace":"/w","risk_class":"low"}}"#;

    fn line() -> Value {
        let intent = intent::read::from_json(INTENT.as_bytes()).unwrap().normalise().unwrap();
        json!({"kind": "call", "time": "2026-01-02T03:04:05.000000Z", "call_id": "c",
            "verdict": "block", "reason_codes": ["r"], "intent_digest": intent.digest(),
            "intent": serde_json::from_str::<Value>(INTENT).unwrap()})
    }

    fn with(name: &str, value: Value) -> Result<Reading, String> {
        let mut line = line();
        line[name] = value;
        read(line.to_string().as_bytes())
    }

    #[test]
    fn a_line_with_its_intent_is_a_call() {
        let Reading::Call(call) = with("v", json!(1)).unwrap() else { panic!("no call") };
        assert_eq!(call.intent.tool_name(), "t");
        assert_eq!(call.time.unwrap().to_string(), "2026-01-02T03:04:05Z");
        assert_eq!(call.call_id.as_deref(), Some("c"));
        let recorded = call.recorded.unwrap();
        assert_eq!((recorded.verdict, recorded.added), (Verdict::Block, Added::None));
        assert_eq!(recorded.reason_codes, ["r"]);
    }

    #[test]
    fn lines_without_an_intent_are_skipped_and_others_passed_over() {
        let mut bare = line();
        bare.as_object_mut().unwrap().remove("intent");
        let skipped = |line: &Value| match read(line.to_string().as_bytes()).unwrap() {
            Reading::Skipped(skip) => skip,
            other => panic!("{other:?}"),
        };
        assert_eq!(skipped(&bare), Skip::NotCaptured);
        bare["intent_omitted_bytes"] = json!(20_000);
        assert_eq!(skipped(&bare), Skip::TooLong);
        let mut masked = line();
        masked["masked"] = json!(["/args/a"]);
        masked["intent"]["args"]["a"] = json!("***");
        assert_eq!(skipped(&masked), Skip::Masked);
        bare.as_object_mut().unwrap().remove("intent_digest");
        assert_eq!(skipped(&bare), Skip::NoIntent);
        for kind in ["outcome", "start", "stop", "reload", "recover", "approval", "seal"] {
            assert!(matches!(with("kind", json!(kind)), Ok(Reading::Passed)), "{kind}");
        }
    }

    #[test]
    fn what_tokens_added_is_not_the_policy_s() {
        let recorded = |codes: Value, delegated: bool| {
            let mut line = line();
            line["reason_codes"] = codes;
            if delegated {
                line["delegation_ref"] = json!("d1");
            }
            match read(line.to_string().as_bytes()).unwrap() {
                Reading::Call(call) => call.recorded.map(|recorded| recorded.reason_codes),
                other => panic!("{other:?}"),
            }
        };
        let granted = json!(["delegation_granted", "r"]);
        assert_eq!(recorded(granted.clone(), true).unwrap(), ["r"]);
        assert_eq!(recorded(granted, false).unwrap(), ["delegation_granted", "r"]);
        for code in ["delegation_chain_insufficient", "delegation_token_intent_mismatch"] {
            assert!(recorded(json!([code, "r"]), true).is_none(), "{code}");
        }
    }

    #[test]
    fn what_people_approved_wanted_an_approval() {
        let mut line = line();
        line["verdict"] = json!("allow");
        line["permit"] = json!("approved");
        line["reason_codes"] = json!(["approval_granted", "r"]);
        let Reading::Call(call) = read(line.to_string().as_bytes()).unwrap() else {
            panic!("no call")
        };
        let recorded = call.recorded.unwrap();
        assert_eq!(
            (recorded.verdict, recorded.added),
            (Verdict::RequireApproval, Added::Unapproved)
        );
        assert_eq!(recorded.reason_codes, ["r"]);
    }

    #[test]
    fn what_was_changed_is_said() {
        for (name, value, part) in [
            ("intent_digest", json!("00"), "does not give the line's intent_digest"),
            ("intent", json!({"tool_name": "t"}), "the recorded intent: "),
            ("verdict", json!("deny"), "`verdict`"),
            ("reason_codes", json!("r"), "`reason_codes` is no list"),
            ("kind", json!(null), "`kind` is missing"),
        ] {
            let error = with(name, value).unwrap_err();
            assert!(error.contains(part), "{error}");
        }
        assert!(read(b"[]").unwrap_err().contains("not an object"));
        assert!(read(b"{").unwrap_err().starts_with("no evidence line: "));
    }
}
