//! `hold` and `mask` of a route: how its calls are approved.

use super::super::durations::optional;
use super::super::predicates::pointer;
use super::super::settings::at as wrong;
use crate::snapshot::Approvable;
use crate::yaml::{Fault, Fields, Place};
use std::ops::RangeInclusive;
use std::time::Duration;

/// Longer than callers and what is between would keep a connection open.
const HOLD: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(600);

/// Reads both; without them no call waits, and approvers see everything.
pub(in crate::config) fn read(route: &mut Fields) -> Result<Approvable, Fault> {
    // Left empty, it would show what was meant to be hidden.
    route.refuse_empty(&["mask"])?;
    let hold = optional(route, "hold", HOLD)?.unwrap_or_default();
    let said = route.texts("mask")?;
    let mask = |(text, place): (String, Place)| {
        masked(&text).map_err(|what| wrong(route, "mask", place, &what))
    };
    let masks = said.into_iter().map(mask).collect::<Result<_, _>>()?;
    Ok(Approvable { hold, masks, ..Approvable::default() })
}

/// A pointer that nobody could take for another: what is not found is not masked.
fn masked(text: &str) -> Result<String, String> {
    let mut escapes = text.split('~').skip(1);
    match escapes.all(|rest| rest.starts_with(['0', '1'])) {
        true => pointer(text),
        false => {
            Err(format!("`{text}`: in a JSON Pointer `~` is written `~0`, and `/` in a name `~1`"))
        }
    }
}
