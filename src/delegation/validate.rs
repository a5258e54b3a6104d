//! Whether one token proves one link of a chain, now (spec E8).
//!
//! In two steps: [`prove`] asks what depends on the token alone, so that a signature is checked
//! once however many links there are; [`Proven::covers`] asks whether the token is about a link.

use super::token::Normal;
use super::{Code, Token};
use crate::intent::time::Time;
use crate::json::Digest;
use crate::sign::PublicKey;
use crate::token::{self, Unsealed};

/// What is to be done in somebody's name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// The intent; a token that names one must name this. `None` lets no such token pass.
    pub intent_digest: Option<Digest>,
    /// The policy, likewise.
    pub policy_digest: Option<Digest>,
    /// Scopes of which a token must have one; empty where any will do. Lower-case.
    pub scope: Vec<String>,
}

/// One link to be proven; `None` is anybody.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Link<'a> {
    /// Who passed the right on.
    pub delegator: Option<&'a str>,
    /// Who got it.
    pub delegate: Option<&'a str>,
}

/// A whole token, truly signed and not expired. Only [`prove`] makes one.
#[derive(Clone, Debug, PartialEq)]
pub struct Proven(Normal);

/// Whether `key` signed `token` and it has not expired at the time `now`.
///
/// # Errors
/// The first code that applies: invalid, signature missing, signature invalid, expired.
pub fn prove(token: &Token, key: &PublicKey, now: Time) -> Result<Proven, Code> {
    let normal = token.normal().ok_or(Code::Invalid)?;
    token::check_seal(normal.unsigned(), token.signature.as_ref(), key).map_err(
        |error| match error {
            Unsealed::Missing => Code::SignatureMissing,
            Unsealed::Invalid => Code::SignatureInvalid,
        },
    )?;
    let proven = Proven(normal);
    proven.at(now)?;
    Ok(proven)
}

impl Proven {
    /// The same at another time.
    ///
    /// # Errors
    /// It has expired by then.
    pub fn at(&self, now: Time) -> Result<&Proven, Code> {
        if now >= self.0.unsigned().expires_at() { Err(Code::Expired) } else { Ok(self) }
    }

    /// Whether the token proves `link` for what is `wanted`.
    ///
    /// # Errors
    /// The first code that applies: delegator, delegate, intent, policy, scope.
    pub fn covers(&self, link: Link<'_>, wanted: &Wanted) -> Result<(), Code> {
        let token = self.0.unsigned();
        first_broken([
            (is_person(link.delegator, &token.delegator_identity), Code::DelegatorMismatch),
            (is_person(link.delegate, &token.delegate_identity), Code::DelegateMismatch),
        ])?;
        self.is_for(wanted)?;
        first_broken([(meets(token, &wanted.scope), Code::ScopeMismatch)])
    }

    /// Whether the token is for the intent and the policy, as far as it names any.
    ///
    /// # Errors
    /// The first code that applies: intent, policy.
    pub fn is_for(&self, wanted: &Wanted) -> Result<(), Code> {
        let token = self.0.unsigned();
        first_broken([
            (is_bound(&token.intent_digest, wanted.intent_digest), Code::IntentMismatch),
            (is_bound(&token.policy_digest, wanted.policy_digest), Code::PolicyMismatch),
        ])
    }
}

/// The code of the first condition that does not hold.
fn first_broken<const N: usize>(conditions: [(bool, Code); N]) -> Result<(), Code> {
    let broken = conditions.into_iter().find(|(holds, _)| !holds);
    broken.map_or(Ok(()), |(_, code)| Err(code))
}

fn is_person(wanted: Option<&str>, named: &str) -> bool {
    wanted.is_none_or(|wanted| wanted == named)
}

/// Whether a token that names a digest names the right one.
fn is_bound(named: &str, wanted: Option<Digest>) -> bool {
    named.is_empty() || Digest::parse(named).is_some_and(|named| wanted == Some(named))
}

/// Whether the token has a scope that is wanted.
fn meets(token: &Token, wanted: &[String]) -> bool {
    let class = std::slice::from_ref(&token.scope_class);
    let has = |scope: &String| token.scope.contains(scope) || class.contains(scope);
    wanted.is_empty()
        || token::is_unlimited(&token.scope)
        || token::is_unlimited(class)
        || wanted.iter().any(has)
}
