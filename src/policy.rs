//! Rules, and the decision that they give an intent.

/// The four verdicts, in rising restrictiveness (spec C6.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verdict {
    /// Execute.
    Allow,
    /// Answer with the decision, do not execute.
    DryRun,
    /// Execute only with an approval.
    RequireApproval,
    /// Never execute.
    Block,
}

impl Verdict {
    /// All verdicts, least restrictive first.
    pub const ALL: [Verdict; 4] =
        [Verdict::Allow, Verdict::DryRun, Verdict::RequireApproval, Verdict::Block];

    /// The word used in policies, answers, evidence and metric labels.
    pub fn as_str(self) -> &'static str {
        match self {
            Verdict::Allow => "allow",
            Verdict::DryRun => "dry_run",
            Verdict::RequireApproval => "require_approval",
            Verdict::Block => "block",
        }
    }

    /// Reads the exact word; `None` for any other.
    pub fn parse(word: &str) -> Option<Verdict> {
        Verdict::ALL.into_iter().find(|verdict| verdict.as_str() == word)
    }
}

/// What a policy says of one intent (spec C6).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// The strictest effect of the rules that matched, or the default.
    pub verdict: Verdict,
    /// Sorted, unique.
    pub reason_codes: Vec<String>,
    /// Sorted, unique.
    pub violations: Vec<String>,
    /// Names of all rules that matched, comma-joined; `None` when none did.
    pub matched_rule: Option<String>,
    /// How many approvals a `require_approval` needs; 0 for other verdicts.
    pub min_approvals: u32,
    /// Whether those approvals must come from different people.
    pub distinct_approvers: bool,
}
