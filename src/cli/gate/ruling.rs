//! What a decision becomes once approvals are asked for and simulation is taken into account.

use crate::policy::{Decision, Verdict};
use crate::{approval, delegation};

/// Reason code of everything that is simulated (spec C8.5).
const NON_ENFORCING: &str = "simulate_mode_non_enforcing";

/// Whether the verdict counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Enforcement {
    /// It does.
    Enforce,
    /// It is reported, and the answer is `allow` where it would have stopped the call.
    Simulate,
}

/// The verdict that is printed, traced and turned into an exit code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Ruling {
    pub(super) verdict: Verdict,
    /// Sorted, unique.
    pub(super) reason_codes: Vec<String>,
    /// Sorted, unique.
    pub(super) violations: Vec<String>,
    /// 0 where no approval was asked for.
    pub(super) required_approvals: u64,
    /// What the ruling would have been, where it is simulated.
    pub(super) simulated: Option<Simulated>,
}

/// A ruling that does not count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Simulated {
    pub(super) verdict: Verdict,
    pub(super) reason_codes: Vec<String>,
    pub(super) would_have_blocked: bool,
}

impl Ruling {
    /// What the policy decided, before anything is shown or spent.
    pub(super) fn of(decision: &Decision) -> Ruling {
        Ruling {
            verdict: decision.verdict,
            reason_codes: decision.reason_codes.clone(),
            violations: decision.violations.clone(),
            required_approvals: decision.min_approvals,
            simulated: None,
        }
    }

    /// Blocks, whatever it was.
    pub(super) fn block(&mut self, reason_code: &str, violation: &str) {
        self.verdict = Verdict::Block;
        self.add_reason(reason_code);
        insert(&mut self.violations, violation);
    }

    /// Adds a reason.
    pub(super) fn add_reason(&mut self, reason_code: &str) {
        insert(&mut self.reason_codes, reason_code);
    }

    /// What became of the demand for a proven delegation: one that is not blocks.
    pub(super) fn heed_delegation(&mut self, outcome: &delegation::Outcome) {
        outcome.reason_codes.iter().for_each(|code| self.add_reason(code));
        if let Some(violation) = outcome.violation {
            self.verdict = Verdict::Block;
            insert(&mut self.violations, violation);
        }
    }

    /// What became of the demand for approval: one that is met allows.
    pub(super) fn heed_approval(&mut self, outcome: &approval::Outcome) {
        self.required_approvals = outcome.required;
        outcome.reason_codes.iter().for_each(|code| self.add_reason(code));
        match outcome.violation {
            Some(violation) => insert(&mut self.violations, violation),
            None => self.verdict = Verdict::Allow,
        }
    }

    /// The ruling as it counts.
    pub(super) fn under(self, enforcement: Enforcement) -> Ruling {
        match enforcement {
            Enforcement::Enforce => self,
            Enforcement::Simulate => self.simulated(),
        }
    }

    fn simulated(mut self) -> Ruling {
        let real = self.verdict;
        let would_have_blocked = matches!(real, Verdict::Block | Verdict::RequireApproval);
        self.simulated = Some(Simulated {
            verdict: real,
            reason_codes: self.reason_codes.clone(),
            would_have_blocked,
        });
        insert(&mut self.reason_codes, NON_ENFORCING);
        if would_have_blocked {
            self.verdict = Verdict::Allow;
            self.violations.clear();
            insert(&mut self.reason_codes, &format!("simulated_{}", real.as_str()));
        }
        self
    }
}

/// Keeps the list sorted and unique.
fn insert(codes: &mut Vec<String>, code: &str) {
    if let Err(place) = codes.binary_search_by(|known| known.as_str().cmp(code)) {
        codes.insert(place, code.to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use approval::{Approvers, Demand};

    fn ruling(verdict: Verdict, enforcement: Enforcement) -> Ruling {
        let decision = Decision {
            reason_codes: vec!["m".to_owned()],
            violations: vec!["v".to_owned()],
            ..Decision::of(verdict)
        };
        let mut ruling = Ruling::of(&decision);
        if verdict == Verdict::RequireApproval {
            let demand = Demand { min_approvals: 0, approvers: Approvers::Any };
            ruling.heed_approval(&demand.unanswered());
        }
        ruling.under(enforcement)
    }

    #[test]
    fn only_a_demand_for_approval_changes_when_enforced() {
        let asked = ruling(Verdict::RequireApproval, Enforcement::Enforce);
        assert_eq!(asked.reason_codes, ["approval_token_missing", "m"]);
        assert_eq!(asked.violations, ["approval_not_granted", "v"]);
        assert_eq!(asked.required_approvals, 1);
        for verdict in [Verdict::Allow, Verdict::DryRun, Verdict::Block] {
            let ruling = ruling(verdict, Enforcement::Enforce);
            assert_eq!((ruling.verdict, ruling.required_approvals), (verdict, 0));
            assert_eq!(ruling.reason_codes, ["m"]);
        }
    }

    #[test]
    fn simulation_lets_go_what_would_have_stopped_and_keeps_a_rehearsal() {
        let block = ruling(Verdict::Block, Enforcement::Simulate);
        assert_eq!(block.verdict, Verdict::Allow);
        assert!(block.violations.is_empty());
        assert_eq!(block.reason_codes, ["m", "simulate_mode_non_enforcing", "simulated_block"]);
        let simulated = block.simulated.unwrap();
        assert_eq!((simulated.verdict, simulated.would_have_blocked), (Verdict::Block, true));

        let rehearsed = ruling(Verdict::DryRun, Enforcement::Simulate);
        assert_eq!(rehearsed.verdict, Verdict::DryRun);
        assert_eq!(rehearsed.violations, ["v"]);
    }
}
