//! What the readers of all sources share: plain text, header names, durations, fixed fields.

use crate::call::headers::fold;
use crate::config::DOCUMENT;
pub(super) use crate::config::durations::{bounded as duration, optional as optional_duration};
use crate::identity::facts::Field as Fact;
use crate::identity::field::Field;
use crate::identity::text::is_plain;
use crate::yaml::{Fault, Fields, Keys, Place};
use http::HeaderName;
use std::collections::BTreeMap;

/// The fields that a source can set.
const SET: Keys = Keys {
    document: DOCUMENT,
    read: &["agent_id", "environment", "job_id", "run_id", "session_id", "workspace"],
    legacy: &[],
};

/// Headers that mean something else to every server, and so cannot carry a credential for gait.
const TAKEN: [&str; 16] = [
    "host",
    "content-length",
    "content-type",
    "content-encoding",
    "content-range",
    "transfer-encoding",
    "cookie",
    "connection",
    "expect",
    "upgrade",
    "te",
    "trailer",
    "forwarded",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
];

/// A fault at a key.
pub(super) fn fault(fields: &Fields, key: &str, place: Place, what: &str) -> Fault {
    Fault::validate(place, format!("`{}`: {what}", fields.at(key)))
}

/// Text that becomes a fact about a caller; `None` where it is not given.
pub(super) fn plain(fields: &mut Fields, key: &str) -> Result<Option<String>, Fault> {
    let (text, place) = fields.text(key)?;
    match text.as_str() {
        "" => Ok(None),
        said if is_plain(said) => Ok(Some(text)),
        _ => Err(fault(
            fields,
            key,
            place,
            "must be plain text of up to 512 bytes, without space around it",
        )),
    }
}

/// The same, where it must be given.
pub(super) fn required(fields: &mut Fields, key: &str, mend: &str) -> Result<String, Fault> {
    let place = fields.place();
    plain(fields, key)?.ok_or_else(|| fault(fields, key, place, &format!("is missing; {mend}")))
}

/// The fixed fields of `fields` itself.
pub(super) fn facts(fields: &mut Fields) -> Result<BTreeMap<Fact, String>, Fault> {
    let mut facts = BTreeMap::new();
    for fact in Fact::ALL {
        if let Some(text) = plain(fields, fact.as_str())? {
            facts.insert(fact, text);
        }
    }
    Ok(facts)
}

/// Reads `set`.
pub(super) fn set(fields: &mut Fields) -> Result<BTreeMap<Fact, String>, Fault> {
    let path = fields.at("set");
    facts(&mut Fields::open(fields.take("set"), path, &SET)?)
}

/// A header that callers put a credential into; the default where it is not given.
pub(super) fn header(fields: &mut Fields, key: &str, default: &str) -> Result<Field, Fault> {
    let (said, place) = fields.text(key)?;
    let said = if said.is_empty() { default } else { &said };
    header_named(said).map_err(|what| fault(fields, key, place, &what))
}

/// A header of this name.
///
/// # Errors
/// Says why no credential can stand in it.
pub(super) fn header_named(said: &str) -> Result<Field, String> {
    let name = HeaderName::from_bytes(said.as_bytes())
        .map_err(|_| format!("`{said}` is not a header name"))?;
    let folded = fold(name.as_str());
    if TAKEN.contains(&folded.as_str()) {
        return Err(format!("`{said}` means something else to every server; use another header"));
    }
    if folded.starts_with("gait-") {
        return Err(format!("`{said}` is one of gait's own; use another header"));
    }
    Ok(Field::new(name))
}
