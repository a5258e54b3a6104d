//! The few lines whose members matter to a verification, read. All others stay bytes.

use crate::evidence::chain::Head;
use crate::evidence::event::{Expired, Seal};
use crate::json::Digest;
use crate::sign::PublicKey;
use jiff::Timestamp;
use serde_json::Value;

/// A torn tail as a start line reports it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Reported {
    /// How many bytes.
    pub(super) bytes: u64,
    /// Of all of them; logs from before there were signatures have none.
    pub(super) digest: Option<Digest>,
}

/// What a start line reports, if anything.
pub(super) fn reported(line: &[u8]) -> Option<Reported> {
    let members = members(line)?;
    let bytes = members.get("torn_bytes")?.as_u64()?;
    Some(Reported { bytes, digest: digest(&members, "torn_digest") })
}

/// The key that a key line brings in.
pub(super) fn public_key(line: &[u8]) -> Option<PublicKey> {
    PublicKey::parse(members(line)?.get("public_key")?.as_str()?).ok()
}

/// What a seal is made for.
pub(super) fn seal(line: &[u8]) -> Option<Seal> {
    let members = members(line)?;
    let first_seq = members.get("first_seq")?.as_u64()?;
    Some(Seal { segment: number(&members, "segment")?, first_seq })
}

/// The segment that is removed.
pub(super) fn expired(line: &[u8]) -> Option<Expired> {
    let members = members(line)?;
    let last =
        Head { seq: members.get("last_seq")?.as_u64()?, hash: digest(&members, "last_hash")? };
    Some(Expired { segment: number(&members, "segment")?, last })
}

/// When a line was made.
pub(super) fn time(line: &[u8]) -> Option<Timestamp> {
    members(line)?.get("time")?.as_str()?.parse().ok()
}

fn members(line: &[u8]) -> Option<Value> {
    serde_json::from_slice(line).ok()
}

fn number(members: &Value, name: &str) -> Option<u32> {
    members.get(name)?.as_u64()?.try_into().ok()
}

fn digest(members: &Value, name: &str) -> Option<Digest> {
    Digest::parse(members.get(name)?.as_str()?)
}
