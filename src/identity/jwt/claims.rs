//! What a token says: whether it holds here and now (RFC 7519, section 4.1), and of whom.

use super::Jwt;
use crate::call::peer::Peer;
use crate::identity::facts::{Facts, Field};
use crate::identity::text::is_plain;
use crate::identity::{Asked, Refusal};
use crate::intent::time::Time;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::civil;
use serde_json::Value;
use std::time::Duration;

/// The confirmation that can be checked (RFC 8705, section 3.1).
const THUMBPRINT: &str = "x5t#S256";

/// Where a claim stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClaimPath {
    /// A member of the claims.
    Member(String),
    /// Something inside (RFC 6901).
    Pointer(String),
}

/// Which claim is what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimMap {
    /// Who calls; required in every token.
    pub identity: ClaimPath,
    /// Context fields; a token can leave them out.
    pub fields: Vec<(Field, ClaimPath)>,
    /// What the token may be used for: text with spaces between, or a list of text.
    pub scopes: Option<ClaimPath>,
}

/// Whether the token is meant for this place and time.
///
/// # Errors
/// Which claim says that it is not.
pub(super) fn check(jwt: &Jwt, claims: &Value, asked: &Asked<'_>) -> Result<(), Refusal> {
    if claims.get("iss").and_then(Value::as_str) != Some(jwt.issuer.as_str()) {
        return Err(Refusal::JwtIssuerRefused);
    }
    if !audiences(claims)?.iter().any(|said| jwt.audiences.iter().any(|own| own == said)) {
        return Err(Refusal::JwtAudienceRefused);
    }
    times(jwt, claims, asked.now)?;
    confirmation(claims, asked.peer)
}

fn audiences(claims: &Value) -> Result<Vec<&str>, Refusal> {
    match claims.get("aud") {
        None => Ok(Vec::new()),
        Some(Value::String(one)) => Ok(vec![one]),
        Some(said) => texts(said).ok_or(Refusal::JwtClaimsMalformed),
    }
}

fn texts(value: &Value) -> Option<Vec<&str>> {
    value.as_array()?.iter().map(Value::as_str).collect()
}

fn times(jwt: &Jwt, claims: &Value, now: Time) -> Result<(), Refusal> {
    let now = seconds(now);
    let leeway = jwt.leeway.as_secs_f64();
    let expires = date(claims, "exp")?.ok_or(Refusal::JwtClaimMissing)?;
    let (starts, issued) = (date(claims, "nbf")?, date(claims, "iat")?);
    if now >= expires + leeway {
        return Err(Refusal::JwtExpired);
    }
    if starts.is_some_and(|starts| now + leeway < starts) {
        return Err(Refusal::JwtNotYetValid);
    }
    if issued.is_some_and(|issued| now + leeway < issued) {
        return Err(Refusal::JwtIssuedInFuture);
    }
    match jwt.max_age.as_ref().map(Duration::as_secs_f64) {
        None => Ok(()),
        Some(max_age) => {
            let issued = issued.ok_or(Refusal::JwtClaimMissing)?;
            if now > issued + max_age + leeway { Err(Refusal::JwtTooOld) } else { Ok(()) }
        }
    }
}

/// Seconds since 1970; a double holds them to the microsecond.
fn date(claims: &Value, name: &str) -> Result<Option<f64>, Refusal> {
    let finite = |said: &Value| said.as_f64().filter(|seconds| seconds.is_finite());
    claims.get(name).map(|said| finite(said).ok_or(Refusal::JwtClaimsMalformed)).transpose()
}

fn seconds(now: Time) -> f64 {
    now.civil().duration_since(civil::date(1970, 1, 1).at(0, 0, 0, 0)).as_secs_f64()
}

/// A token that is bound to a certificate holds only on connections with that certificate. One
/// that is bound to anything else is refused: the proof cannot be asked for.
fn confirmation(claims: &Value, peer: &Peer) -> Result<(), Refusal> {
    let Some(said) = claims.get("cnf") else { return Ok(()) };
    let members = said.as_object().ok_or(Refusal::JwtClaimsMalformed)?;
    let Some(thumbprint) = members.get(THUMBPRINT).filter(|_| members.len() == 1) else {
        return Err(Refusal::JwtBindingUnsupported);
    };
    let thumbprint = thumbprint.as_str().and_then(|text| URL_SAFE_NO_PAD.decode(text).ok());
    match &peer.certificate {
        Some(own) if thumbprint.as_deref() == Some(own.thumbprint.as_slice()) => Ok(()),
        _ => Err(Refusal::JwtBindingRefused),
    }
}

impl ClaimPath {
    /// A JSON Pointer where it starts with `/`, else the name of a member.
    pub fn of(text: &str) -> ClaimPath {
        match text.starts_with('/') {
            true => ClaimPath::Pointer(text.to_owned()),
            false => ClaimPath::Member(text.to_owned()),
        }
    }

    fn find<'c>(&self, claims: &'c Value) -> Option<&'c Value> {
        match self {
            ClaimPath::Member(name) => claims.get(name),
            ClaimPath::Pointer(pointer) => claims.pointer(pointer),
        }
    }
}

impl ClaimMap {
    /// What the claims say of the caller.
    ///
    /// # Errors
    /// Nothing of who it is, or something that is no plain text.
    pub(super) fn facts(&self, claims: &Value, issuer: &str) -> Result<Facts, Refusal> {
        let identity = self.identity.find(claims).ok_or(Refusal::JwtClaimMissing)?;
        let mut facts = Facts {
            identity: plain(identity)?,
            issuer: issuer.to_owned(),
            subject: claims.get("sub").map(plain).transpose()?.unwrap_or_default(),
            ..Facts::default()
        };
        for (field, path) in &self.fields {
            if let Some(said) = path.find(claims) {
                facts.fields.insert(*field, plain(said)?);
            }
        }
        if let Some(said) = self.scopes.as_ref().and_then(|path| path.find(claims)) {
            facts.scopes = scopes(said)?;
        }
        Ok(facts)
    }
}

fn plain(said: &Value) -> Result<String, Refusal> {
    let text = said.as_str().filter(|text| is_plain(text));
    text.map(str::to_owned).ok_or(Refusal::JwtClaimRefused)
}

fn scopes(said: &Value) -> Result<Vec<String>, Refusal> {
    let texts = match said {
        Value::String(one) => one.split(' ').filter(|scope| !scope.is_empty()).collect(),
        list => texts(list).ok_or(Refusal::JwtClaimRefused)?,
    };
    let plain = |text: &str| is_plain(text).then(|| text.to_owned());
    texts.into_iter().map(plain).collect::<Option<_>>().ok_or(Refusal::JwtClaimRefused)
}
