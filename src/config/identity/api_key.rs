//! `api_key`: callers by the SHA-256 of a secret that they share with gait.

use super::common;
use crate::config::DOCUMENT;
use crate::identity::api_key::{ApiKeys, Holder};
use crate::identity::facts::{Facts, Frame, Stamp};
use crate::identity::field::Field;
use crate::intent::time::{self, Time};
use crate::json::Digest;
use crate::yaml::{Fault, Fields, Keys, Node};

pub(super) const KEYS: Keys = Keys { document: DOCUMENT, read: &["header", "keys"], legacy: &[] };

const KEY: Keys = Keys {
    document: DOCUMENT,
    read: &[
        "sha256",
        "identity",
        "agent_id",
        "environment",
        "job_id",
        "run_id",
        "session_id",
        "workspace",
        "expires_at",
    ],
    legacy: &[],
};

/// Reads an `api_key` mapping.
pub(super) fn read(
    fields: &mut Fields,
    stamp: &Stamp,
    frame: &Frame,
) -> Result<(Field, ApiKeys), Fault> {
    let header = common::header(fields, "header", "X-Api-Key")?;
    let (path, place) = (fields.at("keys"), fields.place());
    let mut keys = ApiKeys::default();
    for (at, node) in fields.list("keys")?.into_iter().enumerate() {
        key(node, format!("{path}[{at}]"), &mut keys, stamp, frame)?;
    }
    match keys.is_empty() {
        true => Err(Fault::validate(place, format!("`{path}` lists no key; add one"))),
        false => Ok((header, keys)),
    }
}

fn key(
    node: Node,
    path: String,
    keys: &mut ApiKeys,
    stamp: &Stamp,
    frame: &Frame,
) -> Result<(), Fault> {
    let mut fields = Fields::open(node, path, &KEY)?;
    let (said, place) = fields.text("sha256")?;
    let digest = Digest::parse(&said).ok_or_else(|| {
        // Not shown: it may be the key itself.
        let what = "must be the SHA-256 of the key, 64 lower-case hex characters, as \
                    `printf %s KEY | sha256sum` prints";
        common::fault(&fields, "sha256", place, what)
    })?;
    let identity = common::required(&mut fields, "identity", "say whose key it is")?;
    let facts = Facts { identity, fields: common::facts(&mut fields)?, ..Facts::default() };
    let caller = stamp
        .caller(facts, frame)
        .map_err(|refusal| common::fault(&fields, "identity", fields.place(), refusal.advice()))?;
    let holder = Holder { caller, expires_at: expiry(&mut fields)? };
    keys.add(digest, holder)
        .ok_or_else(|| common::fault(&fields, "sha256", place, "the key stands twice; remove one"))
}

fn expiry(fields: &mut Fields) -> Result<Option<Time>, Fault> {
    let (said, place) = fields.text("expires_at")?;
    instant(&said).map_err(|what| common::fault(fields, "expires_at", place, &what))
}

/// A point in time; `None` where nothing is said.
///
/// # Errors
/// Says how one is written.
pub(super) fn instant(said: &str) -> Result<Option<Time>, String> {
    match (said, time::parse(said)) {
        ("", _) => Ok(None),
        (_, Some(time)) => Ok(Some(time)),
        _ => Err(format!("`{said}` is not a time; write it as `2027-01-31T00:00:00Z`")),
    }
}
