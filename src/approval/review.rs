//! Whether the words that were given for a petition are enough, now: tokens that the caller shows,
//! and grants that were recorded.
//!
//! Both are tokens of the public form and pass the same checks (spec C11.5). On top stands what the
//! format leaves to its user: whose key signed, whether that person may approve this, and that one
//! word counts once. Of all this nothing is kept from one look to the next: a word that stood a
//! second ago may not stand now.

pub use super::quorum::MISSING;
use super::quorum::{GRANTED, INSUFFICIENT, NOT_DISTINCT};
use super::roster::{Approver, Roster, Subject, Unfit};
use super::{Approvers, Code, Demand, Token, Wanted, validate};
use crate::intent::time::Time;
use crate::json::Digest;
use crate::sign::PublicKey;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// One word that was given.
#[derive(Clone, Debug)]
pub struct Word {
    /// The token.
    pub token: Token,
    /// Where it comes from.
    pub origin: Origin,
}

/// Where a word comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Somebody signed it with a key of their own.
    Signed,
    /// The gateway signed it for somebody who was logged in.
    Recorded {
        /// As whom.
        login: Arc<str>,
    },
    /// It has let a call run before.
    Spent,
}

/// What words are held against.
#[derive(Clone, Copy, Debug)]
pub struct Bench<'a> {
    /// Who may approve.
    pub roster: &'a Roster,
    /// The key that signs recorded grants.
    pub gateway: &'a PublicKey,
    /// What an approval must permit.
    pub wanted: &'a Wanted,
    /// What decides who may.
    pub subject: Subject<'a>,
    /// How many there must be.
    pub demand: &'a Demand,
    /// When.
    pub now: Time,
}

/// What became of the words.
#[derive(Clone, Debug)]
pub struct Review {
    /// How many were wanted; at least 1.
    pub required: u64,
    /// How many count.
    pub valid: u64,
    /// Why others do not. Sorted, unique.
    pub refused: Vec<&'static str>,
    /// What is missing: reason codes, none where they are enough.
    pub lacks: Vec<&'static str>,
    /// Proof that they are enough.
    pub sanction: Option<Sanction>,
}

/// Proof that people approved one intent under one policy, at the time of the look. Only a review
/// makes one.
///
/// Nobody else can:
/// ```compile_fail,E0451
/// # use gait::{json::Digest, approval::Sanction};
/// fn forge(intent: Digest, policy: Digest) -> Sanction {
///     Sanction { intent, policy, tokens: Vec::new(), approvers: Vec::new() }
/// }
/// ```
#[derive(Clone, Debug)]
pub struct Sanction {
    intent: Digest,
    policy: Digest,
    tokens: Vec<String>,
    approvers: Vec<Arc<str>>,
}

/// The codes of words that are not enough, beside those of tokens and approvers.
pub const CODES: [&str; 3] = [INSUFFICIENT, NOT_DISTINCT, SPENT];
/// A token that had run before.
const SPENT: &str = "approval_spent";

impl Bench<'_> {
    /// Holds every word against the petition, and all of them against the demand.
    pub fn review(&self, words: &[Word]) -> Review {
        let mut valid: BTreeMap<&str, &Arc<str>> = BTreeMap::new();
        let mut refused = BTreeSet::new();
        for word in words {
            match self.approver(word) {
                Ok(approver) => drop(valid.insert(word.token.token_id(), &approver.name)),
                Err(code) => drop(refused.insert(code)),
            }
        }
        let people: BTreeSet<&Arc<str>> = valid.values().copied().collect();
        let required = self.demand.min_approvals.max(1);
        let lacks = match words {
            [] => vec![MISSING],
            _ => self.lacks(valid.len() as u64, people.len() as u64),
        };
        let sanction = lacks.is_empty().then(|| Sanction {
            intent: self.wanted.intent_digest,
            policy: self.wanted.policy_digest,
            tokens: valid.keys().map(|id| (*id).to_owned()).collect(),
            approvers: people.iter().map(|name| Arc::clone(name)).collect(),
        });
        let refused = refused.into_iter().collect();
        Review { required, valid: valid.len() as u64, refused, lacks, sanction }
    }

    fn lacks(&self, valid: u64, people: u64) -> Vec<&'static str> {
        let required = self.demand.min_approvals.max(1);
        let distinct = required > 1 && self.demand.approvers == Approvers::Distinct;
        let mut lacks = Vec::new();
        if valid < required {
            lacks.push(INSUFFICIENT);
        }
        if distinct && people < required {
            lacks.push(NOT_DISTINCT);
        }
        lacks
    }

    /// Whose word it is, where it counts.
    fn approver(&self, word: &Word) -> Result<&Approver, &'static str> {
        let owner = match &word.origin {
            Origin::Spent => return Err(SPENT),
            Origin::Recorded { login } => {
                self.sealed(&word.token, self.gateway).map_err(Code::as_str)?;
                let name = word.token.approver_identity();
                self.roster.standing(name, login).ok_or(Unfit::NotAuthorized.as_str())?
            }
            Origin::Signed => self.signer(&word.token)?,
        };
        owner.may_approve(&self.subject).map_err(Unfit::as_str)?;
        Ok(owner)
    }

    /// The owner of the key that signed. A token that names no key may be by any, but none is the
    /// gateway's own: what it signed counts for the login that it was recorded for alone.
    fn signer(&self, token: &Token) -> Result<&Approver, &'static str> {
        let named = token.key_id().unwrap_or_default();
        let own = |key: &PublicKey| key != self.gateway;
        let keys = self.roster.keys().filter(|(key, _)| own(key));
        let keys = keys.filter(|(key, _)| named.is_empty() || key.id() == named);
        let mut refusal = match token.key_id() {
            None => Code::SignatureMissing,
            Some(_) => Code::SignatureInvalid,
        };
        for (key, owner) in keys {
            match self.sealed(token, key) {
                Ok(()) if *owner.name == *token.approver_identity() => return Ok(owner),
                Ok(()) => return Err(Unfit::NotAuthorized.as_str()),
                // Another key may be the one that a token without a name means.
                Err(Code::SignatureInvalid) => {}
                Err(code) => refusal = code,
            }
        }
        Err(refusal.as_str())
    }

    fn sealed(&self, token: &Token, key: &PublicKey) -> Result<(), Code> {
        validate(token, key, self.wanted, self.now).map(drop)
    }
}

impl Review {
    /// Reason codes to be added to those of the decision. Sorted, unique.
    pub fn reason_codes(&self) -> Vec<&'static str> {
        let conclusion = if self.sanction.is_some() { vec![GRANTED] } else { self.lacks.clone() };
        let codes: BTreeSet<&str> = self.refused.iter().copied().chain(conclusion).collect();
        codes.into_iter().collect()
    }
}

// === impl Sanction ===

impl Sanction {
    /// Whether it is for this intent under this policy.
    pub fn covers(&self, intent: Digest, policy: Digest) -> bool {
        self.intent == intent && self.policy == policy
    }

    /// Ids of the tokens that count. Sorted, unique, never empty.
    pub fn tokens(&self) -> &[String] {
        &self.tokens
    }

    /// Who gave them. Sorted, unique, never empty.
    pub fn approvers(&self) -> &[Arc<str>] {
        &self.approvers
    }
}

#[cfg(test)]
mod tests;
