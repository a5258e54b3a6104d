//! Whether the tokens that were shown prove the chain that an intent claims (spec E8).

use super::token::KIND;
use super::{Code, Link, Proven, Token, Wanted, prove};
use crate::intent::time::{Time, ZERO};
use crate::intent::{self, Delegation};
use crate::json::Digest;
use crate::sign::PublicKey;
use crate::token::{self, ReadError, Shown};
use serde::Serialize;
use std::collections::BTreeSet;

/// Reason code of a chain that is proven.
const GRANTED: &str = "delegation_granted";

/// Reason code of a chain of which a link is not.
const INSUFFICIENT: &str = "delegation_chain_insufficient";

/// The violation of a delegation that is not proven.
pub const NOT_GRANTED: &str = "delegation_not_granted";

/// The delegation that an intent claims.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chain<'a> {
    /// Who asks.
    pub requester: &'a str,
    /// Delegator and delegate of each link, in order; may be empty.
    pub links: Vec<(&'a str, &'a str)>,
    /// Over the normalised delegation.
    pub digest: Digest,
    /// A free word; may be empty.
    pub scope_class: &'a str,
    /// The first reference to a token that the intent names; may be empty.
    pub token_ref: &'a str,
}

/// What became of a demand for a proven delegation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// How many links are proven.
    pub valid: u64,
    /// To be added to those of the decision. Sorted, unique.
    pub reason_codes: Vec<&'static str>,
    /// To be added to those of the decision, whose verdict it turns into `block`; `None` where
    /// the chain is proven and the verdict stays.
    pub violation: Option<&'static str>,
    /// Ids of the tokens used, sorted, unique, comma-joined; empty unless the chain is proven.
    pub delegation_ref: String,
    /// What the audit says of each link and token; empty where no token was shown.
    pub entries: Vec<Entry>,
}

/// One link or token in an audit record, its members in written order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Entry {
    #[serde(skip_serializing_if = "String::is_empty")]
    token_id: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    delegator_identity: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    delegate_identity: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    scope: Vec<String>,
    expires_at: Time,
    valid: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_code: Option<Code>,
}

/// A token, what it is worth, and whether a link has used it.
pub(super) struct Candidate {
    token: Token,
    proven: Result<Proven, Code>,
    used: bool,
}

/// Matches every link of `chain` with the first unused token that proves it at the time `now`.
/// An empty chain is one link from anybody to the requester. Tokens are tried in the order in
/// which they are shown, which for files is that of their paths.
///
/// # Errors
/// A text is no token, or there are too many: the chain was not looked at.
pub fn evaluate(
    shown: &[Shown<'_>],
    key: &PublicKey,
    wanted: &Wanted,
    chain: &Chain<'_>,
    now: Time,
) -> Result<Outcome, ReadError> {
    let tokens = token::read_all(KIND, shown, Token::parse)?;
    if tokens.is_empty() {
        return Ok(Outcome::unanswered());
    }
    let candidates = tokens.into_iter().map(|token| {
        let proven = prove(&token, key, now);
        Candidate::new(token, proven)
    });
    Ok(weigh(candidates.collect(), wanted, chain))
}

/// The same, of tokens that were read before.
pub(super) fn weigh(mut candidates: Vec<Candidate>, wanted: &Wanted, chain: &Chain<'_>) -> Outcome {
    let unproven: Vec<Link<'_>> = chain
        .required()
        .into_iter()
        .filter(|link| !claim(&mut candidates, *link, wanted))
        .collect();
    Outcome::of(&candidates, &unproven, wanted)
}

/// Takes the first unused token that proves the link; false if there is none.
fn claim(candidates: &mut [Candidate], link: Link<'_>, wanted: &Wanted) -> bool {
    let proves =
        |candidate: &&mut Candidate| !candidate.used && candidate.against(link, wanted).is_ok();
    match candidates.iter_mut().find(proves) {
        None => false,
        Some(candidate) => {
            candidate.used = true;
            true
        }
    }
}

// === impl Chain ===

impl<'a> Chain<'a> {
    /// What the delegation of an intent asks tokens to prove.
    pub fn of(said: &'a Delegation) -> Chain<'a> {
        let ends = |link: &'a intent::Link| (&*link.delegator_identity, &*link.delegate_identity);
        Chain {
            requester: &said.requester_identity,
            links: said.chain.iter().map(ends).collect(),
            digest: said.digest(),
            scope_class: &said.scope_class,
            token_ref: said.token_refs.first().map_or("", String::as_str),
        }
    }

    fn required(&self) -> Vec<Link<'a>> {
        if self.links.is_empty() {
            return vec![Link { delegator: None, delegate: Some(self.requester) }];
        }
        let link = |(delegator, delegate): &(&'a str, &'a str)| Link {
            delegator: Some(*delegator),
            delegate: Some(*delegate),
        };
        self.links.iter().map(link).collect()
    }
}

// === impl Candidate ===

impl Candidate {
    /// A token that no link has used yet.
    pub(super) fn new(token: Token, proven: Result<Proven, Code>) -> Candidate {
        Candidate { token, proven, used: false }
    }

    fn against(&self, link: Link<'_>, wanted: &Wanted) -> Result<(), Code> {
        match &self.proven {
            Ok(proven) => proven.covers(link, wanted),
            Err(code) => Err(*code),
        }
    }

    /// Why a token that no link used was of no use.
    fn code(&self, unproven: Option<&Link<'_>>, wanted: &Wanted) -> Option<Code> {
        if self.used {
            return None;
        }
        let against = unproven.map(|link| self.against(*link, wanted).err());
        Some(against.flatten().unwrap_or(Code::ChainMismatch))
    }
}

// === impl Outcome ===

impl Outcome {
    /// The outcome where nobody showed a token.
    pub fn unanswered() -> Outcome {
        Outcome {
            valid: 0,
            reason_codes: vec![Code::Missing.as_str()],
            violation: Some(NOT_GRANTED),
            delegation_ref: String::new(),
            entries: Vec::new(),
        }
    }

    /// Whether the verdict stays.
    pub fn is_granted(&self) -> bool {
        self.violation.is_none()
    }

    fn of(candidates: &[Candidate], unproven: &[Link<'_>], wanted: &Wanted) -> Outcome {
        let used = || candidates.iter().filter(|candidate| candidate.used);
        let first = unproven.first();
        let tokens = candidates.iter().map(|c| Entry::token(&c.token, c.code(first, wanted)));
        let mut entries: Vec<Entry> =
            tokens.chain(unproven.iter().map(|link| Entry::missing(*link))).collect();
        entries.sort_by(|left, right| left.order().cmp(&right.order()));
        let granted = unproven.is_empty();
        let ids = used().map(|candidate| candidate.token.token_id()).filter(|_| granted);
        Outcome {
            valid: used().count() as u64,
            reason_codes: if granted { vec![GRANTED] } else { refusals(&entries) },
            violation: (!granted).then_some(NOT_GRANTED),
            delegation_ref: token::joined(ids),
            entries,
        }
    }
}

fn refusals(entries: &[Entry]) -> Vec<&'static str> {
    let codes = entries.iter().filter_map(|entry| entry.error_code.map(Code::as_str));
    let codes: BTreeSet<&str> = codes.chain([INSUFFICIENT]).collect();
    codes.into_iter().collect()
}

// === impl Entry ===

impl Entry {
    /// Who passes the right on; may be empty.
    pub fn delegator_identity(&self) -> &str {
        &self.delegator_identity
    }

    /// Who gets it; may be empty.
    pub fn delegate_identity(&self) -> &str {
        &self.delegate_identity
    }

    fn token(token: &Token, error_code: Option<Code>) -> Entry {
        Entry {
            token_id: token.token_id().to_owned(),
            delegator_identity: token.delegator_identity().to_owned(),
            delegate_identity: token.delegate_identity().to_owned(),
            scope: token.scope().to_vec(),
            expires_at: token.expires_at(),
            valid: error_code.is_none(),
            error_code,
        }
    }

    fn missing(link: Link<'_>) -> Entry {
        Entry {
            token_id: String::new(),
            delegator_identity: link.delegator.unwrap_or_default().to_owned(),
            delegate_identity: link.delegate.unwrap_or_default().to_owned(),
            scope: Vec::new(),
            expires_at: ZERO,
            valid: false,
            error_code: Some(Code::Missing),
        }
    }

    fn order(&self) -> (&str, &str, &str) {
        (&self.delegator_identity, &self.delegate_identity, &self.token_id)
    }
}
