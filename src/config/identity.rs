//! Who is calling: the sources of identity, and what routes ask of them.

mod agents;
mod api_key;
mod jwks;
mod jwt;
mod peers;
mod common;
mod sources;

#[cfg(test)]
mod tests;

use super::DOCUMENT;
use super::delegation;
use super::outside::Outside;
use super::site::Site;
use crate::call::CallerCredential;
use crate::delegation::Keys;
use crate::identity::Sources;
use crate::identity::facts::Frame;
use crate::intent::rest::Caller;
use crate::snapshot::{Anonymous, UpstreamSpec};
use crate::yaml::{self, Fault, Fields};

use std::sync::Arc;

const IDENTITY: yaml::Keys = yaml::Keys {
    document: DOCUMENT,
    read: &["anonymous", "sources", "agents", "delegation"],
    legacy: &[],
};

/// Who calls, and where the keys of issuers are fetched.
pub(super) struct Identity {
    pub(super) sources: Sources,
    pub(super) delegation: Keys,
    fetched: Vec<Outside>,
}

impl Identity {
    /// Refuses an upstream as the place that keys come from.
    pub(super) fn check_apart(&self, upstreams: &[Arc<UpstreamSpec>]) -> Result<(), Fault> {
        let check = |upstream| self.fetched.iter().try_for_each(|one| one.check_apart(upstream));
        upstreams.iter().map(|upstream| &**upstream).try_for_each(check)
    }
}

/// Reads `workspace` and `identity`.
pub(super) fn read(top: &mut Fields, site: &Site<'_>) -> Result<Identity, Fault> {
    let mut identity = Fields::open(top.take("identity"), "identity".to_owned(), &IDENTITY)?;
    let delegation = delegation::read(&mut identity, site)?;
    let (said, _) = identity.text("anonymous")?;
    let (workspace, _) = top.text("workspace")?;
    let caller = Caller::named(or(&said, "anonymous"), or(&workspace, "default"));
    let frame = Frame {
        anonymous: caller.context.identity.clone(),
        workspace: caller.context.workspace.clone(),
        agents: agents::read(identity.take("agents"))?,
    };
    let (sources, fetched) = sources::read(&mut identity, &frame, site)?;
    Ok(Identity { sources: Sources::new(caller, frame, sources), delegation, fetched })
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
