//! The tokens of a request: which source reads each, and that they agree.
//!
//! A header can be shared: by issuers of signed tokens, of which `iss` chooses one, and by API
//! keys, which do not have the shape of a signed token. The choice decides which keys and rules
//! count, nothing else; a token that lies about its issuer fails with that issuer's keys.

use super::api_key::ApiKeys;
use super::facts::{Facts, Frame};
use super::field::Field;
use super::jwt::{Jws, Jwt, is_shaped};
use super::sources::{Source, Way};
use super::{Asked, Refusal, Refused};
use crate::intent::rest::Caller;
use crate::intent::time::Time;
use serde_json::Value;
use std::sync::Arc;

/// One header with tokens, and who reads it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Slot {
    field: Field,
    /// Positions of the sources, in their order.
    sources: Vec<usize>,
}

/// A caller, and the position of the source that found it.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) source: usize,
    pub(super) caller: Arc<Caller>,
}

/// The headers in which these sources look for tokens.
pub(super) fn slots(sources: &[Source]) -> Vec<Slot> {
    let mut slots: Vec<Slot> = Vec::new();
    for (at, source) in sources.iter().enumerate() {
        let (Way::Jwt(field, _) | Way::ApiKey(field, _)) = &source.way else { continue };
        match slots.iter_mut().find(|slot| slot.field.is_like(field)) {
            Some(slot) => slot.sources.push(at),
            None => slots.push(Slot { field: field.clone(), sources: vec![at] }),
        }
    }
    slots
}

/// The caller that the tokens name, by the first source in the list that found one.
pub(super) fn find(
    sources: &[Source],
    slots: &[Slot],
    frame: &Frame,
    asked: &Asked<'_>,
) -> Result<Option<Found>, Refused> {
    let mut first = None;
    for slot in slots {
        if let Some(token) = slot.field.token(asked.headers)? {
            let scene = Scene { sources, slot, frame, asked };
            first = Some(agree(first, scene.caller(token)?)?);
        }
    }
    for (at, source) in sources.iter().enumerate() {
        let Way::Header(header) = &source.way else { continue };
        if let Some(facts) = header.facts(asked.headers, asked.peer)? {
            let caller = source.stamp.caller(facts, frame)?;
            first = Some(agree(first, Found { source: at, caller })?);
        }
    }
    Ok(first)
}

/// Two tokens that name one caller; the source that stands first says more of it.
fn agree(first: Option<Found>, next: Found) -> Result<Found, Refusal> {
    match first {
        Some(first) if first.caller.identity() != next.caller.identity() => {
            Err(Refusal::CredentialsConflict)
        }
        Some(first) if first.source < next.source => Ok(first),
        _ => Ok(next),
    }
}

/// A token before those who could read it.
struct Scene<'a> {
    sources: &'a [Source],
    slot: &'a Slot,
    frame: &'a Frame,
    asked: &'a Asked<'a>,
}

impl<'a> Scene<'a> {
    fn caller(&self, token: &[u8]) -> Result<Found, Refused> {
        let (signs, has_keys) = (self.issuers().next().is_some(), self.keys().next().is_some());
        let is_signed = is_shaped(token) && (signs || self.slot.field.has_scheme());
        match (is_signed, signs, has_keys) {
            (true, true, _) | (false, true, false) => self.of_signed(token),
            (true, false, _) => Err(Refusal::ApiKeyUnknown.into()),
            (false, ..) => self.of_key(token, self.asked.now),
        }
    }

    fn here(&self) -> impl Iterator<Item = (usize, &'a Source)> + use<'a> {
        let sources = self.sources;
        self.slot.sources.iter().filter_map(|at| Some((*at, sources.get(*at)?)))
    }

    fn issuers(&self) -> impl Iterator<Item = (usize, &'a Source, &'a Jwt)> + use<'a> {
        self.here().filter_map(|(at, source)| match &source.way {
            Way::Jwt(_, jwt) => Some((at, source, &**jwt)),
            _ => None,
        })
    }

    fn keys(&self) -> impl Iterator<Item = (usize, &'a ApiKeys)> + use<'a> {
        self.here().filter_map(|(at, source)| match &source.way {
            Way::ApiKey(_, keys) => Some((at, keys)),
            _ => None,
        })
    }

    fn of_signed(&self, token: &[u8]) -> Result<Found, Refused> {
        let jws = Jws::parse(token)?;
        let (source, stamp, jwt) = self.issuer(&jws)?;
        let facts: Facts = jwt.facts(&jws, self.asked)?;
        Ok(Found { source, caller: stamp.stamp.caller(facts, self.frame)? })
    }

    /// The source that a token claims to be of; the only one needs no claim.
    fn issuer(&self, jws: &Jws<'_>) -> Result<(usize, &'a Source, &'a Jwt), Refusal> {
        let mut all = self.issuers();
        match (all.next(), all.next()) {
            (Some(only), None) => Ok(only),
            _ => {
                let claims = jws.claims()?;
                let said = claims.get("iss").and_then(Value::as_str);
                let own = |(_, _, jwt): &(usize, &Source, &Jwt)| Some(jwt.issuer.as_str()) == said;
                self.issuers().find(own).ok_or(Refusal::JwtIssuerRefused)
            }
        }
    }

    fn of_key(&self, token: &[u8], now: Time) -> Result<Found, Refused> {
        let mut refusal = Refusal::ApiKeyUnknown;
        for (source, keys) in self.keys() {
            match keys.caller(token, now) {
                Ok(caller) => return Ok(Found { source, caller }),
                Err(Refusal::ApiKeyExpired) => refusal = Refusal::ApiKeyExpired,
                Err(_) => {}
            }
        }
        Err(refusal.into())
    }
}
