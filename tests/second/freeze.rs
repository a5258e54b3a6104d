//! Freeze windows (E6).

use super::constraints::block;
use super::decide::{Answer, stricter};
use super::matching::items;
use super::policy::freeze_is_on;
use super::text::{local_time, lower, lowlist, text, word};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::Value;

pub(crate) fn apply(freeze: &Value, context: &Value, at: Timestamp, answer: &mut Answer) {
    if !freeze_is_on(freeze) || !concerns(freeze, context) {
        return;
    }
    let Some(zone) = zone(&text(&freeze["timezone"])) else {
        let code = "freeze_window_invalid_timezone";
        return block(answer, &[(code, code)]);
    };
    for window in items(&freeze["windows"]) {
        let instant = |name: &str| instant(&text(&window[name]), &zone);
        let (start, end) = match (instant("start"), instant("end")) {
            (Some(start), Some(end)) if start < end => (start, end),
            _ => {
                let code = "freeze_window_invalid_window";
                return block(answer, &[(code, code)]);
            }
        };
        if start <= at && at < end {
            let effect = match word(&freeze["effect"]) {
                unsaid if unsaid.is_empty() => "block".to_owned(),
                said => said,
            };
            let code = format!("freeze_window_active_{effect}");
            answer.reason_codes.insert(code.clone());
            answer.violations.insert(code);
            answer.verdict = stricter(&answer.verdict, &effect);
            return;
        }
    }
}

fn concerns(freeze: &Value, context: &Value) -> bool {
    let (environments, risks) =
        (lowlist(&freeze["environments"]), lowlist(&freeze["risk_classes"]));
    let environment = lower(&text(&context["environment"]));
    (environments.is_empty() || environments.contains(&environment))
        && (risks.is_empty() || risks.contains(&text(&context["risk_class"])))
}

fn zone(name: &str) -> Option<TimeZone> {
    let zone = TimeZone::get(name).ok()?;
    (zone.iana_name() == Some(name)).then_some(zone)
}

/// The instant of a local time: the offset at the instant that reads it as UTC, corrected once.
fn instant(said: &str, zone: &TimeZone) -> Option<Timestamp> {
    let (local, rest) = local_time(said)?;
    if !rest.is_empty() {
        return None;
    }
    let as_utc = local.to_zoned(TimeZone::UTC).ok()?.timestamp();
    let shifted = |by: Timestamp| {
        let offset = zone.to_offset(by).seconds();
        as_utc.checked_sub(jiff::SignedDuration::from_secs(offset.into())).ok()
    };
    shifted(shifted(as_utc)?)
}
