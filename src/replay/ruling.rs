//! When two rulings on one intent are the same.
//!
//! A decision is compared with all that it asks for. A recorded one knows no approvals or demands,
//! and may hold more reasons than the policy gave: the proxy adds why it did something else
//! than the verdict says. Only reasons that can be such an addition are let pass.

use crate::approval::review::MISSING;
use crate::policy::{Decision, Verdict};
use crate::proxy::approval_reasons;

/// What an intent was given before.
#[derive(Debug)]
pub(super) enum Before {
    /// By a baseline policy.
    Decided(Box<Decision>),
    /// As its evidence line tells.
    Recorded(Recorded),
}

/// What an evidence line tells of a decision.
#[derive(Debug)]
pub(super) struct Recorded {
    pub(super) verdict: Verdict,
    pub(super) reason_codes: Vec<String>,
    pub(super) violations: Vec<String>,
    pub(super) matched_rule: Option<String>,
    pub(super) added: Added,
}

/// Which reasons the proxy can have added to those of the policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Added {
    /// None.
    None,
    /// That the caller asked for a dry run.
    DryRunAsked,
    /// Why there was no approval.
    Unapproved,
    /// One that tells of a failure.
    AnyOne,
}

// === impl Before ===

impl Before {
    pub(super) fn verdict(&self) -> Verdict {
        match self {
            Before::Decided(decision) => decision.verdict,
            Before::Recorded(recorded) => recorded.verdict,
        }
    }

    pub(super) fn matched_rule(&self) -> Option<&str> {
        match self {
            Before::Decided(decision) => decision.matched_rule.as_deref(),
            Before::Recorded(recorded) => recorded.matched_rule.as_deref(),
        }
    }

    pub(super) fn reason_codes(&self) -> &[String] {
        match self {
            Before::Decided(decision) => &decision.reason_codes,
            Before::Recorded(recorded) => &recorded.reason_codes,
        }
    }

    pub(super) fn violations(&self) -> &[String] {
        match self {
            Before::Decided(decision) => &decision.violations,
            Before::Recorded(recorded) => &recorded.violations,
        }
    }

    /// How many approvals it asked for; a record does not tell.
    pub(super) fn min_approvals(&self) -> Option<u64> {
        match self {
            Before::Decided(decision) => Some(decision.min_approvals),
            Before::Recorded(_) => None,
        }
    }

    /// Whether `after` says the same.
    pub(super) fn is(&self, after: &Decision) -> bool {
        match self {
            Before::Decided(before) => same(before, after),
            Before::Recorded(before) => before.is(after),
        }
    }
}

/// All that is done about an intent is the same; how it was found out can differ.
fn same(before: &Decision, after: &Decision) -> bool {
    let approvals = |decision: &Decision| (decision.min_approvals, decision.distinct_approvers);
    before.verdict == after.verdict
        && before.matched_rule == after.matched_rule
        && before.reason_codes == after.reason_codes
        && before.violations == after.violations
        && approvals(before) == approvals(after)
        && before.demands == after.demands
}

// === impl Recorded ===

impl Recorded {
    fn is(&self, after: &Decision) -> bool {
        self.verdict == after.verdict
            && self.matched_rule == after.matched_rule
            && self.violations == after.violations
            && (self.reason_codes == after.reason_codes || self.reasons_are_more_than(after))
    }

    /// Whether the recorded reasons are those of `after` and such as may have been added.
    fn reasons_are_more_than(&self, after: &Decision) -> bool {
        let now = &after.reason_codes;
        let more: Vec<_> = self.reason_codes.iter().filter(|code| !now.contains(code)).collect();
        let may_be_added = match (self.added, more.as_slice()) {
            (Added::DryRunAsked, [code]) => *code == "dry_run_requested",
            (Added::Unapproved, codes) => {
                let known = approval_reasons();
                codes.iter().all(|code| *code == MISSING || known.contains(&code.as_str()))
            }
            (Added::AnyOne, [_]) => true,
            _ => false,
        };
        may_be_added && now.iter().all(|code| self.reason_codes.contains(code))
    }
}

#[cfg(test)]
mod tests {
    use super::super::judge;
    use super::*;
    use crate::intent::{read, time};
    use crate::policy::source;

    fn codes(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    fn decision(reasons: &str) -> Decision {
        let intent = r#"{"tool_name":"t","args":{},
            "context":{"identity":"i","workspace":"/w","risk_class":"low"}}"#;
        let intent = read::from_json(intent.as_bytes()).unwrap().normalise().unwrap();
        let policy = source::parse("p.yaml", b"default_verdict: block").unwrap();
        let decision = judge::decide(&policy, &intent, time::DEFAULT);
        Decision { reason_codes: codes(reasons), ..decision }
    }

    fn same(recorded: &str, added: Added, after: &str) -> bool {
        let before = Recorded {
            verdict: Verdict::Block,
            reason_codes: codes(recorded),
            violations: Vec::new(),
            matched_rule: None,
            added,
        };
        Before::Recorded(before).is(&decision(after))
    }

    #[test]
    fn a_recorded_decision_may_hold_the_reasons_that_were_added() {
        assert!(same("a b", Added::None, "a b"));
        assert!(!same("a b", Added::None, "a"));
        assert!(!same("a", Added::AnyOne, "a b"));
        assert!(same("a dry_run_requested", Added::DryRunAsked, "a"));
        assert!(!same("a b", Added::DryRunAsked, "a"));
        assert!(same("a evidence_mismatch", Added::AnyOne, "a"));
        assert!(!same("a b c", Added::AnyOne, "a"));
        assert!(same("a approval_denied approval_token_missing", Added::Unapproved, "a"));
        assert!(!same("a b approval_token_missing", Added::Unapproved, "a"));
        assert!(!same("approval_token_missing", Added::Unapproved, "a"));
    }

    #[test]
    fn a_decision_is_compared_with_what_it_asks_for() {
        let before = Before::Decided(Box::new(decision("a")));
        assert!(before.is(&decision("a")));
        let approvals = Decision { min_approvals: 2, ..decision("a") };
        assert!(!before.is(&approvals));
        let mut limited = decision("a");
        limited.demands.broker = Some(Default::default());
        assert!(!before.is(&limited));
    }
}
