//! `jwt`: which tokens are taken, and what they say.

use super::common;
use super::jwks;
use crate::config::outside::Outside;
use crate::config::{DOCUMENT, Site};
use crate::identity::algorithm::Algorithm;
use crate::identity::facts::Field as Fact;
use crate::identity::field::Field;
use crate::identity::jwt::{ClaimMap, ClaimPath, Jwt};
use crate::yaml::{Fault, Fields, Keys, Place};
use std::sync::Arc;
use std::time::Duration;

pub(super) const KEYS: Keys = Keys {
    document: DOCUMENT,
    read: &[
        "header",
        "issuer",
        "audiences",
        "algorithms",
        "jwks",
        "leeway",
        "max_age",
        "types",
        "claims",
        "prefix",
        "set",
    ],
    legacy: &[],
};

const CLAIMS: Keys = Keys {
    document: DOCUMENT,
    read: &[
        "identity",
        "agent_id",
        "environment",
        "job_id",
        "run_id",
        "session_id",
        "workspace",
        "scopes",
    ],
    legacy: &[],
};

const LEEWAY_MAX: Duration = Duration::from_secs(300);
const LEEWAY_DEFAULT: Duration = Duration::from_secs(30);
const AGE_MAX: Duration = Duration::from_secs(366 * 86_400);

/// Kinds of token that are taken where nothing is said (RFC 7519, section 5.1; RFC 9068).
const TYPES: [&str; 2] = ["JWT", "at+jwt"];

/// Reads a `jwt` mapping.
pub(super) fn read(
    fields: &mut Fields,
    source: &Arc<str>,
    site: &Site<'_>,
) -> Result<(Field, Jwt, Option<Outside>), Fault> {
    fields.refuse_empty(&["audiences", "algorithms", "types", "leeway", "max_age"])?;
    let header = common::header(fields, "header", "Authorization")?;
    let (keys, fetched) = jwks::read(fields, source, site)?;
    let jwt = Jwt {
        issuer: common::required(fields, "issuer", "write what `iss` says, exactly")?,
        audiences: audiences(fields)?,
        algorithms: algorithms(fields)?,
        keys,
        leeway: common::duration(fields, "leeway", Duration::ZERO..=LEEWAY_MAX, LEEWAY_DEFAULT)?,
        max_age: common::optional_duration(fields, "max_age", Duration::from_secs(1)..=AGE_MAX)?,
        types: types(fields)?,
        claims: claims(fields)?,
    };
    Ok((header, jwt, fetched))
}

fn audiences(fields: &mut Fields) -> Result<Vec<String>, Fault> {
    let place = fields.place();
    let said = fields.texts("audiences")?;
    if said.is_empty() {
        let what = "is missing; name the audiences of which a token must be for one, or tokens \
                    for other services would be taken";
        return Err(common::fault(fields, "audiences", place, what));
    }
    match said.iter().find(|(text, _)| text.trim().is_empty()) {
        Some((_, place)) => {
            Err(common::fault(fields, "audiences", *place, "an audience is empty; remove it"))
        }
        None => Ok(said.into_iter().map(|(text, _)| text).collect()),
    }
}

fn algorithms(fields: &mut Fields) -> Result<Vec<Algorithm>, Fault> {
    let place = fields.place();
    let known = Algorithm::ALL.map(Algorithm::as_str).join(", ");
    let said = fields.texts("algorithms")?;
    if said.is_empty() {
        let what = format!("is missing; name those that the issuer uses, of {known}");
        return Err(common::fault(fields, "algorithms", place, &what));
    }
    let one = |(text, place): (String, Place)| {
        Algorithm::parse(&text).ok_or_else(|| {
            let what = match text.starts_with("HS") {
                true => {
                    format!("`{text}` is symmetric: who checks could sign; write one of {known}")
                }
                false => format!("unknown `{text}`; write one of {known}"),
            };
            common::fault(fields, "algorithms", place, &what)
        })
    };
    said.into_iter().map(one).collect()
}

fn types(fields: &mut Fields) -> Result<Vec<String>, Fault> {
    let said = fields.texts("types")?;
    match said.is_empty() {
        true => Ok(TYPES.map(str::to_owned).to_vec()),
        false => Ok(said.into_iter().map(|(text, _)| text).collect()),
    }
}

fn claims(fields: &mut Fields) -> Result<ClaimMap, Fault> {
    let path = fields.at("claims");
    let mut claims = Fields::open(fields.take("claims"), path, &CLAIMS)?;
    claims.refuse_empty(CLAIMS.read)?;
    let identity = claim(&mut claims, "identity")?;
    let mut mapped = Vec::new();
    for fact in Fact::ALL {
        if let Some(path) = claim(&mut claims, fact.as_str())? {
            mapped.push((fact, path));
        }
    }
    Ok(ClaimMap {
        identity: identity.unwrap_or_else(|| ClaimPath::of("sub")),
        fields: mapped,
        scopes: claim(&mut claims, "scopes")?,
    })
}

fn claim(fields: &mut Fields, key: &str) -> Result<Option<ClaimPath>, Fault> {
    Ok(common::plain(fields, key)?.as_deref().map(ClaimPath::of))
}
