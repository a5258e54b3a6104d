//! Whether one token approves one call, now (spec C11.5).

use super::token::Normal;
use super::{Code, Token, Wanted};
use crate::intent::time::Time;
use crate::json::Digest;
use crate::sign::PublicKey;
use crate::token::{self, Unsealed};

/// A token that approves. Only [`validate`] makes one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Valid<'t>(&'t Token);

impl<'t> Valid<'t> {
    /// The token's id; what a user that allows one use marks as used.
    pub fn token_id(self) -> &'t str {
        self.0.token_id()
    }

    /// Who approves, trimmed; compare case-sensitively.
    pub fn approver_identity(self) -> &'t str {
        self.0.approver_identity()
    }

    /// From when on it approves no more.
    pub fn expires_at(self) -> Time {
        self.0.expires_at()
    }
}

/// Whether `token`, signed by `key`, approves what is `wanted` at the time `now`.
///
/// Whether the approver may use that key is not asked here: who holds several keys chooses the
/// one that belongs to the approver.
///
/// # Errors
/// The first code that applies, in the order of spec C11.5.
pub fn validate<'t>(
    token: &'t Token,
    key: &PublicKey,
    wanted: &Wanted,
    now: Time,
) -> Result<Valid<'t>, Code> {
    let normal = token.normal().ok_or(Code::Invalid)?;
    token::check_seal(normal.unsigned(), token.signature.as_ref(), key).map_err(
        |error| match error {
            Unsealed::Missing => Code::SignatureMissing,
            Unsealed::Invalid => Code::SignatureInvalid,
        },
    )?;
    normal.binds(wanted)?;
    if now >= token.expires_at() {
        return Err(Code::Expired);
    }
    normal.permits(wanted)?;
    Ok(Valid(token))
}

impl Normal {
    /// Whether it speaks of this call.
    fn binds(&self, wanted: &Wanted) -> Result<(), Code> {
        let token = self.unsigned();
        if Digest::parse(&token.intent_digest) != Some(wanted.intent_digest) {
            return Err(Code::IntentMismatch);
        }
        if Digest::parse(&token.policy_digest) != Some(wanted.policy_digest) {
            return Err(Code::PolicyMismatch);
        }
        let bound = Digest::parse(&token.delegation_binding_digest);
        if wanted.delegation_digest.is_some() && bound != wanted.delegation_digest {
            return Err(Code::DelegationBindingMismatch);
        }
        Ok(())
    }

    /// Whether it permits as much.
    fn permits(&self, wanted: &Wanted) -> Result<(), Code> {
        let token = self.unsigned();
        let permits = |scope: &String| token.scope.contains(scope);
        if !token::is_unlimited(&token.scope) && !wanted.scope.iter().all(permits) {
            return Err(Code::ScopeMismatch);
        }
        if exceeds(wanted.targets, token.max_targets) {
            return Err(Code::MaxTargetsExceeded);
        }
        if exceeds(wanted.operations, token.max_ops) {
            return Err(Code::MaxOpsExceeded);
        }
        Ok(())
    }
}

/// Whether `count` is over a bound; 0 is none. A normal token has no bound below 0.
fn exceeds(count: u64, bound: i64) -> bool {
    bound != 0 && u64::try_from(bound).is_ok_and(|bound| count > bound)
}
