//! `certificate`, `header` and `unix`: callers that the connection proves, or a trusted peer names.

use super::common;
use crate::config::DOCUMENT;
use crate::config::trusted::network;
use crate::identity::certificate::Certificates;
use crate::identity::facts::{Facts, Field as Fact, Frame, Stamp};
use crate::identity::field::Field;
use crate::identity::header::Header;
use crate::identity::pattern::{Pattern, San};
use crate::identity::trust::Trust;
use crate::intent::rest::Caller;
use crate::yaml::{Entry, Fault, Fields, Keys, Place, Scalar};
use ipnet::IpNet;
use std::collections::BTreeMap;
use std::sync::Arc;

pub(super) const CERTIFICATE: Keys =
    Keys { document: DOCUMENT, read: &["san", "match", "prefix", "set"], legacy: &[] };
pub(super) const HEADER: Keys =
    Keys { document: DOCUMENT, read: &["name", "from", "fields", "prefix", "set"], legacy: &[] };
pub(super) const UNIX: Keys = Keys { document: DOCUMENT, read: &["users", "set"], legacy: &[] };

const FROM: Keys = Keys { document: DOCUMENT, read: &["cidrs", "certificates"], legacy: &[] };
const FIELDS: Keys = Keys {
    document: DOCUMENT,
    read: &["agent_id", "environment", "job_id", "run_id", "session_id", "workspace"],
    legacy: &[],
};

/// Reads a `certificate` mapping.
pub(super) fn certificates(fields: &mut Fields) -> Result<Certificates, Fault> {
    let (said, place) = fields.text("san")?;
    let said = if said.is_empty() { "uri" } else { &said };
    let san = San::parse(said).ok_or_else(|| {
        common::fault(fields, "san", place, &format!("unknown `{said}`; write uri, dns or email"))
    })?;
    let place = fields.place();
    let said = fields.texts("match")?;
    if said.is_empty() {
        let what = "is missing; write what the names look like, such as \
                    `spiffe://prod.example/ns/{workspace}/sa/{agent_id}`";
        return Err(common::fault(fields, "match", place, what));
    }
    let pattern = |(text, place): (String, Place)| {
        Pattern::parse(&text, san).map_err(|what| common::fault(fields, "match", place, &what))
    };
    Ok(Certificates { san, patterns: said.into_iter().map(pattern).collect::<Result<_, _>>()? })
}

/// Reads a `header` mapping.
pub(super) fn header(fields: &mut Fields) -> Result<Header, Fault> {
    let what = "name the header, such as `X-Auth-Request-User`";
    let said = crate::config::required_text(fields, "name", what)?;
    let name = common::header_named(&said)
        .map_err(|what| common::fault(fields, "name", fields.place(), &what))?;
    if name.has_scheme() {
        let what = "Authorization carries tokens, not names; use another header";
        return Err(common::fault(fields, "name", fields.place(), what));
    }
    Ok(Header { name, from: trust(fields, "from")?, fields: further(fields)? })
}

fn further(header: &mut Fields) -> Result<Vec<(Fact, Field)>, Fault> {
    let path = header.at("fields");
    let mut fields = Fields::open(header.take("fields"), path, &FIELDS)?;
    fields.refuse_empty(FIELDS.read)?;
    let mut all = Vec::new();
    for fact in Fact::ALL {
        let (said, place) = fields.text(fact.as_str())?;
        if !said.is_empty() {
            let field = common::header_named(&said);
            let field =
                field.map_err(|what| common::fault(&fields, fact.as_str(), place, &what))?;
            all.push((fact, field));
        }
    }
    Ok(all)
}

/// Reads which direct peers are trusted: `cidrs` and `certificates`, at least one of them.
pub(in crate::config) fn trust(fields: &mut Fields, key: &str) -> Result<Trust, Fault> {
    let path = fields.at(key);
    let mut fields = Fields::open(fields.take(key), path, &FROM)?;
    let cidr = |(text, place): (String, Place)| (network(&text), place);
    let said: Vec<_> = fields.texts("cidrs")?.into_iter().map(cidr).collect();
    let fault = |key, place, what: String| common::fault(&fields, key, place, &what);
    let networks = said
        .into_iter()
        .map(|(network, place)| network.map_err(|what| fault("cidrs", place, what)))
        .collect::<Result<Vec<IpNet>, Fault>>()?;
    let said = fields.texts("certificates")?;
    let fault = |place, what: String| common::fault(&fields, "certificates", place, &what);
    let certificates = said
        .into_iter()
        .map(|(text, place)| trusted_name(&text).map_err(|what| fault(place, what)))
        .collect::<Result<Vec<Pattern>, Fault>>()?;
    if networks.is_empty() && certificates.is_empty() {
        let what = "names nobody; list `cidrs` or `certificates` of the peers that may";
        return Err(Fault::validate(fields.place(), format!("`{}` {what}", fields.at("cidrs"))));
    }
    Ok(Trust { networks, certificates })
}

/// A pattern of a URI where it has a scheme, else of a DNS name.
fn trusted_name(text: &str) -> Result<Pattern, String> {
    let san = if text.contains(':') { San::Uri } else { San::Dns };
    let pattern = Pattern::parse(text, san)?;
    match pattern.has_captures() {
        true => Err(format!("`{text}` has names in braces; write `*` for any segment")),
        false => Ok(pattern),
    }
}

/// Reads a `unix` mapping.
pub(super) fn users(
    fields: &mut Fields,
    stamp: &Stamp,
    frame: &Frame,
) -> Result<BTreeMap<u32, Arc<Caller>>, Fault> {
    let node = fields.take("users");
    let place = node.place;
    let entries = match node.value {
        Scalar::Map(entries) if !entries.is_empty() => entries,
        _ => {
            let what = "must name users by their id, such as `\"1000\": ada`";
            return Err(common::fault(fields, "users", place, what));
        }
    };
    let mut users = BTreeMap::new();
    for entry in entries {
        let at = entry.place;
        let fault = |what: &str| common::fault(fields, "users", at, what);
        let (uid, identity) = user(entry).map_err(|what| fault(&what))?;
        let facts = Facts { identity, ..Facts::default() };
        let caller = stamp.caller(facts, frame).map_err(|refusal| fault(refusal.advice()))?;
        if users.insert(uid, caller).is_some() {
            return Err(fault(&format!("the user {uid} stands twice; remove one")));
        }
    }
    Ok(users)
}

fn user(entry: Entry) -> Result<(u32, String), String> {
    let key = &entry.key;
    let uid = key.parse().map_err(|_| format!("`{key}` is not a user id; write its number"))?;
    match entry.node.value {
        Scalar::Text(text) if crate::identity::text::is_plain(&text) => Ok((uid, text)),
        _ => Err(format!("the identity of {uid} must be plain text of up to 512 bytes")),
    }
}
