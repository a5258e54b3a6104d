//! Who is calling: the sources of identity, and what routes ask of them.

use super::DOCUMENT;
use super::delegation;
use super::site::Site;
use crate::call::CallerCredential;
use crate::delegation::Keys;
use crate::identity::Sources;
use crate::intent::rest::Caller;
use crate::snapshot::Anonymous;
use crate::yaml::{self, Fault, Fields};

const IDENTITY: yaml::Keys =
    yaml::Keys { document: DOCUMENT, read: &["anonymous", "delegation"], legacy: &[] };

/// Reads `workspace` and `identity`.
pub(super) fn read(top: &mut Fields, site: &Site<'_>) -> Result<(Sources, Keys), Fault> {
    let mut identity = Fields::open(top.take("identity"), "identity".to_owned(), &IDENTITY)?;
    let delegation = delegation::read(&mut identity, site)?;
    let (said, _) = identity.text("anonymous")?;
    let (workspace, _) = top.text("workspace")?;
    let caller = Caller::named(or(&said, "anonymous"), or(&workspace, "default"));
    Ok((Sources::none(caller), delegation))
}

fn or<'a>(text: &'a str, default: &'a str) -> &'a str {
    if text.trim().is_empty() { default } else { text.trim() }
}

/// Reads `anonymous` of a route.
pub(super) fn anonymous(fields: &mut Fields) -> Result<Anonymous, Fault> {
    let (said, place) = fields.text("anonymous")?;
    match said.as_str() {
        "" | "allow" => Ok(Anonymous::Allow),
        "deny" => Ok(Anonymous::Deny),
        other => {
            let field = fields.at("anonymous");
            let what = format!("`{field}`: unknown `{other}`; write allow or deny");
            Err(Fault::validate(place, what))
        }
    }
}

/// Reads `pass_credential` of a route, or of the calls that no route takes.
pub(super) fn credential(fields: &mut Fields) -> Result<CallerCredential, Fault> {
    Ok(match fields.flag("pass_credential")? {
        true => CallerCredential::Passed,
        false => CallerCredential::Withheld,
    })
}
