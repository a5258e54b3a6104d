//! Callers that are known by a signed token (RFC 7519, read as RFC 8725 advises).
//!
//! The library checks the signature and nothing else: what a token says is read here, with the
//! strict parser, against what the config pins. Rejected: the library's own validation, which
//! takes the last of two equal members and the time from the system.

mod claims;
mod jws;

pub use claims::{ClaimMap, ClaimPath};
pub(super) use jws::{Jws, is_shaped};

use super::algorithm::Algorithm;
use super::facts::Facts;
use super::keys::{Held, Key, KeyRing, KeySet, Stale};
use super::{Asked, Refusal, Refused};
use std::sync::Arc;
use std::time::Duration;

/// Which tokens are taken, and what they say.
#[derive(Clone, Debug, PartialEq)]
pub struct Jwt {
    /// `iss`, exactly.
    pub issuer: String,
    /// One of them must be in `aud`.
    pub audiences: Vec<String>,
    /// How tokens may be signed.
    pub algorithms: Vec<Algorithm>,
    /// What they are checked with.
    pub keys: Arc<KeyRing>,
    /// How far the clocks may differ.
    pub leeway: Duration,
    /// How old a token may be, by `iat`.
    pub max_age: Option<Duration>,
    /// The values of `typ` that are taken; an absent one is as well.
    pub types: Vec<String>,
    /// Which claim is what.
    pub claims: ClaimMap,
}

/// How a token names its key.
enum Wanted<'t> {
    Id(&'t str),
    Fitting,
}

impl Jwt {
    /// What the token says of its caller.
    ///
    /// # Errors
    /// It is not one that this source takes.
    pub(super) fn facts(&self, jws: &Jws<'_>, asked: &Asked<'_>) -> Result<Facts, Refused> {
        let algorithm = self.algorithm(jws)?;
        let wanted = jws.key_id()?.map_or(Wanted::Fitting, Wanted::Id);
        let seen = self.keys.held();
        let stale = |refusal| self.stale(refusal, seen.clone());
        let usable = seen.as_ref().filter(|held| self.keys.is_usable(held, asked.now));
        let held = usable.ok_or_else(|| stale(Refusal::JwtKeysUnavailable))?;
        let key = self.key(&held.keys, &wanted, algorithm).map_err(|refusal| match refusal {
            Refusal::JwtKeyUnknown => stale(refusal),
            other => other.into(),
        })?;
        if !jws.is_signed_by(key, algorithm) {
            return Err(match wanted {
                Wanted::Id(_) => Refusal::JwtSignatureInvalid.into(),
                // Without a name a changed key looks like a bad signature.
                Wanted::Fitting => stale(Refusal::JwtSignatureInvalid),
            });
        }
        let claims = jws.claims()?;
        claims::check(self, &claims, asked)?;
        Ok(self.claims.facts(&claims, &self.issuer)?)
    }

    /// The algorithm of a token whose header says nothing that is not understood.
    fn algorithm(&self, jws: &Jws<'_>) -> Result<Algorithm, Refusal> {
        if jws.has_extensions() {
            return Err(Refusal::JwtHeaderRefused);
        }
        if !jws.is_of_type(&self.types) {
            return Err(Refusal::JwtTypeRefused);
        }
        let pinned = |said: &Algorithm| self.algorithms.contains(said);
        jws.algorithm().filter(pinned).ok_or(Refusal::JwtAlgorithmRefused)
    }

    fn key<'k>(
        &self,
        keys: &'k KeySet,
        wanted: &Wanted<'_>,
        algorithm: Algorithm,
    ) -> Result<&'k Key, Refusal> {
        let named = |key: &&Key| match wanted {
            Wanted::Id(id) => key.id() == Some(id),
            Wanted::Fitting => true,
        };
        let fits = |key: &&Key| key.fits(algorithm);
        let all = || keys.keys().iter().filter(named);
        let mut fitting = all().filter(fits);
        match (fitting.next(), fitting.next()) {
            (Some(key), None) => Ok(key),
            (Some(_), Some(_)) => Err(Refusal::JwtKeyAmbiguous),
            (None, _) if all().next().is_some() && matches!(wanted, Wanted::Id(_)) => {
                Err(Refusal::JwtAlgorithmRefused)
            }
            (None, _) => Err(Refusal::JwtKeyUnknown),
        }
    }

    /// A refusal that other keys could lift.
    fn stale(&self, refusal: Refusal, seen: Option<Arc<Held>>) -> Refused {
        let ring = self.keys.clone();
        let fetched = ring.remote().is_some();
        Refused { refusal, stale: fetched.then_some(Stale { ring, seen }) }
    }
}
