//! What must hold for any bytes. A target ends in a panic where it does not.
//!
//! The fuzzer (`fuzz_targets`) and the test of the corpus (`tests/fuzz_corpus.rs`) run these same
//! functions, so an input that was once found stays found.

use gait::intent::time::Time;
use gait::intent::{Intent, read};
use gait::json;
use gait::policy::{Policy, Verdict, source};
use std::fmt::Write as _;

/// Between the policy and the intent of one input.
pub(crate) const SEPARATOR: &[u8] = b"\n%%%%\n";

/// Reading a policy never panics, and what is accepted is accepted the same way again.
pub(crate) fn policy(bytes: &[u8]) {
    match (source::parse("p.yaml", bytes), source::parse("p.yaml", bytes)) {
        (Ok(one), Ok(other)) => {
            assert_eq!(one.digest(), other.digest());
            assert_eq!(one.rules().len(), other.rules().len());
        }
        (Err(one), Err(other)) => assert!(said(&one) == said(&other) && !said(&one).is_empty()),
        _ => panic!("accepted once and refused once"),
    }
}

/// Reading an intent never panics; a normalised one has one digest and no claims to lose twice.
pub(crate) fn intent(bytes: &[u8]) {
    let Some(intent) = normalised(bytes) else { return };
    assert_eq!(normalised(bytes).map(|again| again.digest()), Some(intent.digest()));
    assert_eq!(json::digest(intent.args()).ok(), Some(intent.args_digest()));
    let bare = intent.without_claims();
    assert_eq!(bare.clone().without_claims().digest(), bare.digest());
}

/// Canonical text is its own canonical form, has one meaning, and digests as such.
pub(crate) fn canonical(bytes: &[u8]) {
    let Ok(value) = json::parse(bytes) else { return };
    let first = json::canonical(&value).expect("what was read can be written");
    let again = json::parse(&first).expect("canonical text is strict JSON");
    assert_eq!(json::canonical(&again).ok().as_deref(), Some(&*first));
    assert_eq!(json::digest(&value).ok(), json::digest(&again).ok());
}

/// A decision is the same twice and hangs together.
pub(crate) fn decision(bytes: &[u8]) {
    let at = bytes.windows(SEPARATOR.len()).position(|window| window == SEPARATOR);
    let Some((policy, rest)) = at.and_then(|at| bytes.split_at_checked(at)) else { return };
    let Some(intent) = rest.get(SEPARATOR.len()..).and_then(normalised) else { return };
    let Ok(policy) = source::parse("p.yaml", policy) else { return };
    decided(&policy, &intent);
}

fn normalised(bytes: &[u8]) -> Option<Intent> {
    read::from_json(bytes).and_then(|draft| draft.normalise()).ok()
}

fn decided(policy: &Policy, intent: &Intent) {
    let at = Time::from_timestamp(jiff::Timestamp::UNIX_EPOCH);
    let (one, other) = (policy.decide(intent, at), policy.decide(intent, at));
    assert_eq!((one.verdict, &one.reason_codes), (other.verdict, &other.reason_codes));
    assert_eq!((&one.violations, &one.matched_rule), (&other.violations, &other.matched_rule));
    assert_eq!(one.min_approvals, other.min_approvals);
    assert!(!one.reason_codes.is_empty(), "a decision without a reason");
    assert!(one.reason_codes.is_sorted() && one.violations.is_sorted());
    if one.verdict == Verdict::RequireApproval {
        assert!(one.min_approvals > 0, "an approval by nobody");
    }
    if one.matched_rule.is_none() {
        let fails_closed = one.verdict == Verdict::Block && !one.violations.is_empty();
        assert!(
            fails_closed || one.verdict == policy.default_verdict(),
            "a verdict out of nothing"
        );
    }
}

fn said(error: &impl std::fmt::Display) -> String {
    let mut text = String::new();
    write!(text, "{error}").expect("a string takes any text");
    text
}
