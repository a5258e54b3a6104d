//! Durations within bounds, and how the bounds are said.

use super::settings::at;
use crate::yaml::{Fault, Fields};
use jiff::SignedDuration;
use std::ops::RangeInclusive;
use std::time::Duration;

/// A duration within a range; the default where it is not given.
pub(super) fn bounded(
    fields: &mut Fields,
    key: &str,
    range: RangeInclusive<Duration>,
    default: Duration,
) -> Result<Duration, Fault> {
    Ok(optional(fields, key, range)?.unwrap_or(default))
}

/// The same; `None` where it is not given.
pub(super) fn optional(
    fields: &mut Fields,
    key: &str,
    range: RangeInclusive<Duration>,
) -> Result<Option<Duration>, Fault> {
    let (said, place) = fields.text(key)?;
    if said.is_empty() {
        return Ok(None);
    }
    within(&said, &range).map(Some).map_err(|what| at(fields, key, place, &what))
}

/// The duration that is said.
///
/// # Errors
/// Says the range, and how one is written.
pub(super) fn within(said: &str, range: &RangeInclusive<Duration>) -> Result<Duration, String> {
    let parsed = said.parse::<SignedDuration>().ok().and_then(|d| Duration::try_from(d).ok());
    parsed.filter(|duration| range.contains(duration)).ok_or_else(|| {
        let (low, high) = (shown(*range.start()), shown(*range.end()));
        format!(
            "`{said}` is not a duration from {low} to {high}; write it as `250ms`, `30s`, `5m` or \
             `2h`"
        )
    })
}

/// In the largest unit that leaves nothing over, as a config has it.
fn shown(duration: Duration) -> String {
    let ms = duration.as_millis();
    if ms == 0 {
        return "0s".to_owned();
    }
    let units = [("h", 3_600_000), ("m", 60_000), ("s", 1_000)];
    match units.into_iter().find(|(_, unit)| ms.is_multiple_of(*unit)) {
        Some((name, unit)) => format!("{}{name}", ms / unit),
        None => format!("{ms}ms"),
    }
}

#[cfg(test)]
mod tests {
    use super::shown;
    use std::time::Duration;

    #[test]
    fn a_bound_is_shown_as_it_would_be_written() {
        for (ms, text) in [(0, "0s"), (100, "100ms"), (90_000, "90s"), (7_200_000, "2h")] {
            assert_eq!(shown(Duration::from_millis(ms)), text);
        }
    }
}
