//! Everything that is not counted away: one JSON line for each difference and each line of input
//! that was not judged.
//!
//! The members have the names that `gait policy simulate` gives them.

use super::ruling::Before;
use super::tally::{Spot, Tally};
use super::{Details, Named, Plan};
use crate::policy::Decision;
use serde_json::{Map, Value, json};

/// What one batch found.
pub(super) struct Found<'a> {
    plan: &'a Plan,
    /// Counted.
    pub(super) tally: Tally,
    /// One by one, as JSON lines; empty where they are not wanted.
    pub(super) lines: Vec<u8>,
}

/// Where a judged intent stands, and what it calls.
pub(super) struct Subject<'a> {
    pub(super) spot: &'a Spot,
    pub(super) tool_name: &'a str,
}

impl<'a> Found<'a> {
    pub(super) fn new(plan: &'a Plan) -> Found<'a> {
        Found { plan, tally: Tally::new(plan.policies.len()), lines: Vec::new() }
    }

    /// Something that is no intent.
    pub(super) fn invalid(&mut self, spot: Spot, error: String) {
        self.line(&spot, "invalid", || json!({"error": error.as_str()}));
        self.tally.fault(spot, error);
    }

    /// A recorded call that cannot be replayed.
    pub(super) fn skipped(&mut self, spot: Spot, why: super::Skip) {
        self.line(&spot, "skipped", || json!({"reason": why.as_str()}));
        self.tally.skip(why, spot, self.plan.examples_max);
    }

    /// A difference, already counted.
    pub(super) fn difference(
        &mut self,
        subject: &Subject<'_>,
        policy: &Named,
        before: &Before,
        after: &Decision,
    ) {
        self.line(subject.spot, "difference", || {
            json!({
                "tool_name": subject.tool_name,
                "policy": policy.path.display().to_string(),
                "policy_digest": policy.policy.digest(),
                "baseline_verdict": before.verdict().as_str(),
                "baseline_reason_codes": before.reason_codes(),
                "baseline_violations": before.violations(),
                "baseline_matched_rule": before.matched_rule(),
                "baseline_min_approvals": before.min_approvals(),
                "candidate_verdict": after.verdict.as_str(),
                "candidate_reason_codes": after.reason_codes,
                "candidate_violations": after.violations,
                "candidate_matched_rule": after.matched_rule,
                "candidate_min_approvals": after.min_approvals,
            })
        });
    }

    fn line(&mut self, spot: &Spot, kind: &str, rest: impl FnOnce() -> Value) {
        if self.plan.details == Details::Counted {
            return;
        }
        let mut members = spot.members(self.plan);
        members.insert("kind".to_owned(), kind.into());
        if let Value::Object(rest) = rest() {
            members.extend(rest.into_iter().filter(|(_, value)| !value.is_null()));
        }
        self.lines.extend_from_slice(Value::Object(members).to_string().as_bytes());
        self.lines.push(b'\n');
    }
}

// === impl Spot ===

impl Spot {
    /// The members by which JSON output says where something stands.
    pub fn members(&self, plan: &Plan) -> Map<String, Value> {
        let path = plan.sources.get(self.source).map(|source| source.path.display().to_string());
        let members = [
            ("path", path.map(Value::from)),
            ("line", (self.line > 0).then(|| self.line.into())),
            ("intent_digest", self.intent_digest.map(|digest| digest.to_string().into())),
            ("call_id", self.call_id.as_deref().map(Value::from)),
        ];
        let given = members.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
        given.collect()
    }
}
