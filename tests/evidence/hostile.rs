//! What callers and approvers write becomes neither a line nor a terminal's orders.

use crate::{Log, answered, block_on, judgement, lines, opening, segment};
use gait::approval::{RequestId, State};
use gait::evidence::{Approval, Judgement, Kept, OnApproval, Reload, Settings};
use gait::store::approvals::Word;
use serde_json::value::RawValue;
use std::sync::Arc;

/// Everything that could end a line, a string, or a terminal's patience.
const HOSTILE: &str = "\"}\n{\"v\":1,\"seq\":2,\"kind\":\"call\"}\r\n\0\t\u{b}\u{c}\u{1b}[2J\u{1b}]0;x\u{7}\
                       \u{7f}\u{85}\u{9b}31m\u{2028}\u{2029}\u{202e}\u{2066}\\\"\\u0000,\"prev\":\"";

fn hostile_judgement() -> Judgement {
    let text = || Some(Arc::from(HOSTILE));
    let list = || vec![HOSTILE.to_owned()];
    let document = gait::json::guarded::to_text(&serde_json::json!({ HOSTILE: HOSTILE })).unwrap();
    Judgement {
        upstream: text(),
        route: text(),
        tool_name: text(),
        risk_class: text(),
        identity: text(),
        identity_source: text(),
        reason_codes: list(),
        violations: list(),
        matched_rule: Some(HOSTILE.to_owned()),
        delegation_ref: Some(HOSTILE.to_owned()),
        approval: Some(Box::new(OnApproval {
            request: HOSTILE.to_owned(),
            expires_at: None,
            tokens: HOSTILE.to_owned(),
            approvers: list(),
        })),
        trace_id: Some(HOSTILE.to_owned()),
        kept: Some(Kept::Intent {
            text: RawValue::from_string(document).unwrap().into(),
            masked: [HOSTILE.to_owned()].into(),
        }),
        snapshot: text(),
        asked_under: text(),
        ..judgement()
    }
}

#[test]
fn hostile_text_stays_within_its_line() {
    let state = tempfile::tempdir().unwrap();
    let log = Log::open(state.path(), Settings::default());
    let mut record = log.ledger.open(opening()).unwrap();
    record.judged(hostile_judgement());
    let _committed = block_on(record.commit()).unwrap();
    record.close(answered());
    log.ledger.room().unwrap().approval(Approval {
        action: Word::Deny,
        request: RequestId::of([7; _]),
        state: State::Denied,
        approver: HOSTILE.into(),
        login: HOSTILE.into(),
        reason: HOSTILE.into(),
        tool_name: HOSTILE.into(),
        intent_digest: HOSTILE.to_owned(),
        policy_digest: HOSTILE.to_owned(),
        token_id: Some(HOSTILE.to_owned()),
    });
    let reload = Reload {
        snapshot: Some(HOSTILE.into()),
        lowered: vec![HOSTILE.to_owned()],
        ..Reload::default()
    };
    log.ledger.reloaded(reload).unwrap();
    log.stop();

    let text = std::fs::read_to_string(segment(state.path(), 1)).unwrap();
    let breaks =
        |c: char| c.is_control() || ('\u{2028}'..='\u{202e}').contains(&c) || c == '\u{2066}';
    for line in text.trim_end_matches('\n').split('\n') {
        assert!(!line.contains(breaks), "{line}");
    }
    let lines = lines(state.path());
    let of_kind = |kind: &str| lines.iter().filter(|line| line["kind"] == kind).collect::<Vec<_>>();
    // No line was made of what stands in another.
    assert_eq!(
        (of_kind("decision").len(), of_kind("outcome").len(), of_kind("call").len()),
        (1, 1, 0)
    );
    let decision = of_kind("decision")[0];
    for member in ["upstream", "route", "tool_name", "identity", "matched_rule", "snapshot"] {
        assert_eq!(decision[member], HOSTILE, "{member}");
    }
    assert_eq!(
        (&decision["intent"][HOSTILE], &decision["masked"][0]),
        (&HOSTILE.into(), &HOSTILE.into())
    );
    let approval = of_kind("approval")[0];
    for member in ["approver", "login", "reason", "tool_name"] {
        assert_eq!(approval[member], HOSTILE, "{member}");
    }
    assert_eq!(of_kind("reload")[0]["lowered"][0], HOSTILE);
}
