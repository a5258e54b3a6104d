//! Whether the tokens that were shown are enough (spec C11.4, C11.6).

use super::token::KIND;
use super::{Code, Token, Wanted, validate};
use crate::intent::time::Time;
use crate::sign::PublicKey;
use crate::token::{self, ReadError, Shown};
use serde::Serialize;
use std::collections::BTreeSet;

/// Reason code of approvals that are enough.
pub(super) const GRANTED: &str = "approval_granted";

/// Reason code where no token was shown.
pub const MISSING: &str = "approval_token_missing";

/// Reason code of too few valid tokens.
pub(super) const INSUFFICIENT: &str = "approval_chain_insufficient";

/// Reason code of too few people behind them.
pub(super) const NOT_DISTINCT: &str = "approval_distinct_approvers_required";

/// The violation of a demand that was not met.
const NOT_GRANTED: &str = "approval_not_granted";

/// How many approvals are demanded, and from whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Demand {
    /// As many as the policy says; 0 counts as 1.
    pub min_approvals: u64,
    /// Whose.
    pub approvers: Approvers,
}

/// Whose approvals count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Approvers {
    /// One person may give several.
    Any,
    /// Each must come from somebody else.
    Distinct,
}

/// What became of a demand for approval.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// How many approvals were demanded; at least 1.
    pub required: u64,
    /// How many tokens are valid; two copies count as two.
    pub valid: u64,
    /// To be added to those of the decision. Sorted, unique.
    pub reason_codes: Vec<&'static str>,
    /// To be added to those of the decision; `None` where the demand is met.
    pub violation: Option<&'static str>,
    /// Ids of the valid tokens, sorted, unique, comma-joined; empty unless the demand is met.
    pub approval_ref: String,
    /// Who gave the valid ones. Sorted, unique.
    pub approvers: Vec<String>,
    /// What the audit says of each token; `None` where none was shown.
    pub entries: Option<Vec<Entry>>,
}

/// One token in an audit record, its members in written order. Ordered as audits are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Entry {
    #[serde(skip_serializing_if = "String::is_empty")]
    token_id: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    approver_identity: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    reason_code: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    scope: Vec<String>,
    expires_at: Time,
    valid: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_code: Option<Code>,
}

/// Holds every token against what is `wanted` at the time `now`, and all of them against the
/// `demand`. The order of `shown` does not matter; the same text twice counts twice, so the caller
/// leaves out a file that is named twice.
///
/// # Errors
/// A text is no token, or there are too many: the demand was not looked at.
pub fn evaluate(
    shown: &[Shown<'_>],
    key: &PublicKey,
    wanted: &Wanted,
    demand: &Demand,
    now: Time,
) -> Result<Outcome, ReadError> {
    let tokens = token::read_all(KIND, shown, Token::parse)?;
    if tokens.is_empty() {
        return Ok(demand.unanswered());
    }
    let judged = tokens.iter().map(|token| (token, validate(token, key, wanted, now).err()));
    Ok(demand.answered(&judged.collect::<Vec<_>>()))
}

// === impl Demand ===

impl Demand {
    fn required(&self) -> u64 {
        self.min_approvals.max(1)
    }

    /// The outcome where nobody showed a token.
    pub fn unanswered(&self) -> Outcome {
        Outcome {
            required: self.required(),
            valid: 0,
            reason_codes: vec![MISSING],
            violation: Some(NOT_GRANTED),
            approval_ref: String::new(),
            approvers: Vec::new(),
            entries: None,
        }
    }

    fn answered(&self, judged: &[(&Token, Option<Code>)]) -> Outcome {
        let valid = || judged.iter().filter(|(_, code)| code.is_none()).map(|(token, _)| token);
        let approvers: BTreeSet<&str> = valid().map(|token| token.approver_identity()).collect();
        let (count, people) = (valid().count() as u64, approvers.len() as u64);
        let lacks = self.lacks(count, people);
        let codes = judged.iter().filter_map(|(_, code)| code.map(Code::as_str));
        let conclusion = if lacks.is_empty() { vec![GRANTED] } else { lacks.clone() };
        let reason_codes: BTreeSet<&str> = codes.chain(conclusion).collect();
        let ids = valid().map(|token| token.token_id()).filter(|_| lacks.is_empty());
        Outcome {
            required: self.required(),
            valid: count,
            reason_codes: reason_codes.into_iter().collect(),
            violation: (!lacks.is_empty()).then_some(NOT_GRANTED),
            approval_ref: token::joined(ids),
            approvers: approvers.into_iter().map(str::to_owned).collect(),
            entries: Some(entries(judged)),
        }
    }

    /// What is missing with so many valid tokens of so many people.
    fn lacks(&self, valid: u64, people: u64) -> Vec<&'static str> {
        let required = self.required();
        let distinct = self.approvers == Approvers::Distinct && required > 1;
        [(valid < required, INSUFFICIENT), (distinct && people < required, NOT_DISTINCT)]
            .into_iter()
            .filter_map(|(lacks, code)| lacks.then_some(code))
            .collect()
    }
}

// === impl Outcome ===

impl Outcome {
    /// Whether the call may run.
    pub fn is_granted(&self) -> bool {
        self.violation.is_none()
    }
}

// === entries ===

fn entries(judged: &[(&Token, Option<Code>)]) -> Vec<Entry> {
    let mut entries: Vec<Entry> = judged.iter().map(|(token, code)| entry(token, *code)).collect();
    entries.sort_by(|left, right| left.order().cmp(&right.order()));
    entries
}

fn entry(token: &Token, error_code: Option<Code>) -> Entry {
    Entry {
        token_id: token.token_id().to_owned(),
        approver_identity: token.approver_identity().to_owned(),
        reason_code: token.reason_code().to_owned(),
        scope: token.scope().to_vec(),
        expires_at: token.expires_at(),
        valid: error_code.is_none(),
        error_code,
    }
}

impl Entry {
    fn order(&self) -> (&str, &str, &str, Time, &[String]) {
        (&self.token_id, &self.approver_identity, &self.reason_code, self.expires_at, &self.scope)
    }
}
