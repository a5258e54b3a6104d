//! `evidence`: what is durable before a call goes, what goes without it, who signs, and how long
//! segments are kept. Taken once, at start: what was promised of calls holds for the whole life of
//! a process.

use super::DOCUMENT;
use super::durations::{bounded, optional};
use super::settings::at as wrong;
use super::site::Site;
use crate::evidence::{KeyFile, Settings};
use crate::limits::Limits;
use crate::snapshot::{Assurance, Durability, OnFailure};
use crate::yaml::{Fault, Fields, Keys};
use std::ops::RangeInclusive;
use std::time::Duration;

const EVIDENCE: Keys = Keys {
    document: DOCUMENT,
    read: &[
        "durability",
        "batch_interval",
        "unprotected_on_failure",
        "signing_key",
        "seal_after",
        "retention",
        "retention_bytes",
    ],
    legacy: &[],
};

/// Every protected call waits for it.
const BATCH_INTERVAL: RangeInclusive<Duration> = Duration::from_millis(1)..=Duration::from_secs(1);
const BATCH_INTERVAL_DEFAULT: Duration = Duration::from_millis(5);
const SEAL_AFTER: RangeInclusive<Duration> = Duration::from_secs(1)..=hours(30 * 24);
/// What is removed is gone: a mistyped unit must not empty the log.
const RETENTION: RangeInclusive<Duration> = hours(1)..=hours(10 * 366 * 24);
const RETENTION_BYTES_MAX: u64 = 1 << 50;

const fn hours(count: u64) -> Duration {
    Duration::from_secs(count * 3_600)
}

/// What is said of the evidence.
#[derive(Default)]
pub(super) struct Evidence {
    pub(super) assurance: Assurance,
    /// As the writer takes it, but for what follows from `limits`.
    pub(super) settings: Settings,
}

/// Reads `evidence`.
pub(super) fn read(top: &mut Fields, limits: &Limits, site: &Site<'_>) -> Result<Evidence, Fault> {
    let node = top.take("evidence");
    let fields = &mut Fields::open(node, "evidence".to_owned(), &EVIDENCE)?;
    // Left empty, each would look as if it were set.
    fields.refuse_empty(EVIDENCE.read)?;
    let d = Settings::default();
    let assurance = Assurance { durability: durability(fields)?, on_failure: on_failure(fields)? };
    let settings = Settings {
        gather: gather(fields, assurance.durability)?,
        signing_key: signing_key(fields, site)?,
        seal_after: bounded(fields, "seal_after", SEAL_AFTER, d.seal_after)?,
        retention: optional(fields, "retention", RETENTION)?,
        retention_bytes: retention_bytes(fields, limits)?,
        ..d
    };
    Ok(Evidence { assurance, settings })
}

fn durability(fields: &mut Fields) -> Result<Durability, Fault> {
    let (said, place) = fields.text("durability")?;
    if said.is_empty() {
        return Ok(Durability::default());
    }
    let known = Durability::ALL.into_iter().find(|durability| durability.as_str() == said);
    known.ok_or_else(|| {
        let words = Durability::ALL.map(Durability::as_str).join(", ");
        let what = format!("unknown durability `{said}`; write one of {words}");
        wrong(fields, "durability", place, &what)
    })
}

fn on_failure(fields: &mut Fields) -> Result<OnFailure, Fault> {
    let (said, place) = fields.text("unprotected_on_failure")?;
    match said.as_str() {
        "" | "deny" => Ok(OnFailure::Deny),
        "forward" => Ok(OnFailure::Forward),
        other => {
            let what = format!("unknown `{other}`; write deny or forward");
            Err(wrong(fields, "unprotected_on_failure", place, &what))
        }
    }
}

fn gather(fields: &mut Fields, durability: Durability) -> Result<Duration, Fault> {
    if durability == Durability::Batched {
        return bounded(fields, "batch_interval", BATCH_INTERVAL, BATCH_INTERVAL_DEFAULT);
    }
    match fields.text("batch_interval")? {
        (said, _) if said.is_empty() => Ok(Duration::ZERO),
        (_, place) => {
            let what = "only `durability: batched` gathers; set that, or remove this";
            Err(wrong(fields, "batch_interval", place, what))
        }
    }
}

fn signing_key(fields: &mut Fields, site: &Site<'_>) -> Result<KeyFile, Fault> {
    let (said, _) = fields.text("signing_key")?;
    Ok(if said.is_empty() { KeyFile::Own } else { KeyFile::At(site.path(&said)) })
}

/// At least two segments: with less room each would go as soon as it is sealed.
fn retention_bytes(fields: &mut Fields, limits: &Limits) -> Result<Option<u64>, Fault> {
    let range = limits.segment_bytes.saturating_mul(2)..=RETENTION_BYTES_MAX;
    let (Some(said), place) = fields.optional_integer("retention_bytes")? else { return Ok(None) };
    match u64::try_from(said).ok().filter(|bytes| range.contains(bytes)) {
        Some(bytes) => Ok(Some(bytes)),
        None => {
            let (least, most) = (range.start(), range.end());
            let what = format!(
                "`{said}` must be from {least}, two segments of `limits.segment_bytes`, to {most}"
            );
            Err(wrong(fields, "retention_bytes", place, &what))
        }
    }
}
