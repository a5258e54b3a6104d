//! Tokens that a caller shows with a call: proven before there is an intent, put into the intent,
//! and held against it once it is there.
//!
//! What goes into the intent is who passed the right on, to whom, and under which scope class.
//! Ids and times of the tokens do not: the digest of an intent must stay the same when a token is
//! renewed, else no approval of it would fit any more; and a token may name the very digest of the
//! intent that it is for, which could not be computed if it held the token.

use super::chain::{Candidate, weigh};
use super::{Chain, Code, Keys, Outcome, Proven, Token, Wanted};
use crate::intent::time::Time;
use crate::intent::{DelegationDraft, Intent, LinkDraft};
use crate::json::Digest;
use crate::token;

/// Whole, signed tokens in the order of their chain, which ends at the caller. Never empty.
#[derive(Clone, Debug)]
pub struct Mandate {
    links: Vec<(Token, Proven)>,
}

/// What a mandate is held against.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    /// What the caller wants to do.
    pub intent: &'a Intent,
    /// The policy that judges it.
    pub policy: Digest,
    /// Scopes of which a token must have one; empty where any will do. Lower-case.
    pub scopes: &'a [String],
    /// When.
    pub now: Time,
}

/// Proof that tokens bear out the delegation of an intent. Only a [`Mandate`] makes one.
///
/// Nobody else can:
/// ```compile_fail,E0451
/// # use gait::{json::Digest, delegation::Delegated};
/// fn forge(intent: Digest, policy: Digest) -> Delegated {
///     Delegated { intent, policy, scopes: Vec::new() }
/// }
/// ```
#[derive(Debug)]
pub struct Delegated {
    intent: Digest,
    policy: Digest,
    scopes: Vec<String>,
}

// === impl Mandate ===

impl Mandate {
    /// Reads tokens, each of which must be proven, and orders them into one chain whose last
    /// delegate is `caller`. `None` is a caller of whom nothing is known, who can be nobody's
    /// delegate.
    ///
    /// # Errors
    /// The first code that applies; `ChainMismatch` where the tokens give more than one chain, or
    /// none.
    pub fn read(
        texts: &[Vec<u8>],
        keys: &Keys,
        caller: Option<&str>,
        now: Time,
    ) -> Result<Mandate, Code> {
        let one = |text: &Vec<u8>| {
            let token = Token::read(text).map_err(|_| Code::Invalid)?;
            keys.prove(&token, now).map(|proven| (token, proven))
        };
        let tokens = texts.iter().map(one).collect::<Result<Vec<_>, Code>>()?;
        let caller = caller.map(str::trim).ok_or(Code::DelegateMismatch)?;
        Ok(Mandate { links: ordered(tokens, caller)? })
    }

    /// What intents say of it: nothing that changes when a token is renewed.
    pub fn draft(&self) -> DelegationDraft {
        let last = self.links.last().map(|(token, _)| token);
        DelegationDraft {
            requester_identity: last.map_or("", Token::delegate_identity).to_owned(),
            scope_class: last.map_or("", Token::scope_class).to_owned(),
            chain: self.links.iter().map(|(token, _)| link(token)).collect(),
            ..DelegationDraft::default()
        }
    }

    /// Ids of the tokens, sorted, unique, comma-joined.
    pub fn token_ids(&self) -> String {
        token::joined(self.links.iter().map(|(token, _)| token.token_id()))
    }

    /// Why the tokens are for another intent or policy than this, or hold no more; also asked where
    /// no rule wants a proof, because rules match on who delegated.
    pub fn misfit(&self, question: &Question<'_>) -> Option<Code> {
        let wanted = question.wanted();
        let fits = |proven: &Proven| proven.at(question.now)?.is_for(&wanted);
        self.links.iter().find_map(|(_, proven)| fits(proven).err())
    }

    /// Whether the tokens prove the delegation that the intent claims; the proof only where they
    /// do.
    pub fn answer(&self, question: &Question<'_>) -> (Outcome, Option<Delegated>) {
        let wanted = question.wanted();
        let Some(chain) = question.intent.delegation().map(Chain::of) else {
            return (Outcome::unanswered(), None);
        };
        let candidates = self.links.iter().map(|(token, proven)| {
            // A caller who was slow to send its body can have outlived its token.
            let proven = proven.at(question.now).cloned();
            Candidate::new(token.clone(), proven)
        });
        let outcome = weigh(candidates.collect(), &wanted, &chain);
        let delegated = outcome.is_granted().then(|| Delegated::of(question));
        (outcome, delegated)
    }
}

fn link(token: &Token) -> LinkDraft {
    LinkDraft {
        delegator_identity: token.delegator_identity().to_owned(),
        delegate_identity: token.delegate_identity().to_owned(),
        scope_class: token.scope_class().to_owned(),
        ..LinkDraft::default()
    }
}

/// The tokens from the first delegator to `caller`. Nobody may be a delegate twice: there could
/// be two orders, and the rules ask who stands in the chain.
fn ordered(mut tokens: Vec<(Token, Proven)>, caller: &str) -> Result<Vec<(Token, Proven)>, Code> {
    let mut chain = Vec::with_capacity(tokens.len());
    let mut next = caller.to_owned();
    while let Some(place) = only(&tokens, &next)? {
        let link = tokens.swap_remove(place);
        link.0.delegator_identity().clone_into(&mut next);
        chain.push(link);
    }
    match (chain.is_empty(), tokens.is_empty()) {
        (true, _) => Err(Code::DelegateMismatch),
        (false, false) => Err(Code::ChainMismatch),
        (false, true) => {
            chain.reverse();
            Ok(chain)
        }
    }
}

/// The place of the one token with this delegate; `None` where there is none.
fn only(tokens: &[(Token, Proven)], delegate: &str) -> Result<Option<usize>, Code> {
    let named = |(_, (token, _)): &(usize, &(Token, Proven))| token.delegate_identity() == delegate;
    let mut places = tokens.iter().enumerate().filter(named).map(|(place, _)| place);
    match (places.next(), places.next()) {
        (place, None) => Ok(place),
        (_, Some(_)) => Err(Code::ChainMismatch),
    }
}

// === impl Question ===

impl Question<'_> {
    fn wanted(&self) -> Wanted {
        Wanted {
            intent_digest: Some(self.intent.digest()),
            policy_digest: Some(self.policy),
            scope: self.scopes.to_vec(),
        }
    }
}

// === impl Delegated ===

impl Delegated {
    fn of(question: &Question<'_>) -> Delegated {
        Delegated {
            intent: question.intent.digest(),
            policy: question.policy,
            scopes: question.scopes.to_vec(),
        }
    }

    /// Whether it proves the delegation of this intent, under this policy, for these scopes.
    pub fn covers(&self, intent: &Intent, policy: Digest, scopes: &[String]) -> bool {
        self.intent == intent.digest() && self.policy == policy && self.scopes == scopes
    }
}

#[cfg(test)]
mod tests;
