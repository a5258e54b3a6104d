//! `rollout.gates`: what a route has to show before it goes on to the next stage.
//!
//! Every threshold has a default, so that a config without this section has gates. None can be set
//! to what could never be met, and none is switched off by being left empty.

use super::DOCUMENT;
use super::durations::bounded;
use super::settings::at as wrong;
use crate::snapshot::Gates;
use crate::yaml::{Fault, Fields, Keys};
use jiff::SignedDuration;
use std::fmt::Display;
use std::ops::RangeInclusive;
use std::time::Duration;

const ROLLOUT: Keys = Keys { document: DOCUMENT, read: &["gates"], legacy: &[] };

const GATES: Keys = Keys {
    document: DOCUMENT,
    read: &[
        "window",
        "min_calls",
        "min_time",
        "min_labels",
        "false_positive_rate",
        "confidence",
        "evaluation_errors",
        "unmapped_calls",
        "min_approvals",
        "approval_p95",
        "approvals_decided",
    ],
    legacy: &[],
};

const WINDOW: RangeInclusive<Duration> = hours(1)..=hours(366 * 24);
const MIN_TIME: RangeInclusive<Duration> = Duration::ZERO..=hours(366 * 24);
const APPROVAL_P95: RangeInclusive<Duration> = Duration::from_millis(1)..=hours(30 * 24);
/// Less says little, and at one nothing is ever sure.
const CONFIDENCE: RangeInclusive<f64> = 0.5..=0.9999;
const SHARE: RangeInclusive<f64> = 0.0..=1.0;
/// Beyond it nobody labels, and no window holds as many.
const COUNT_MAX: u64 = 1_000_000_000;

const fn hours(count: u64) -> Duration {
    Duration::from_secs(count * 3_600)
}

/// Reads `rollout`.
pub(super) fn read(top: &mut Fields) -> Result<Gates, Fault> {
    let mut rollout = Fields::open(top.take("rollout"), "rollout".to_owned(), &ROLLOUT)?;
    let node = rollout.take("gates");
    let fields = &mut Fields::open(node, "rollout.gates".to_owned(), &GATES)?;
    fields.refuse_empty(GATES.read)?;
    let d = Gates::default();
    Ok(Gates {
        window: bounded(fields, "window", WINDOW, d.window)?,
        min_calls: count(fields, "min_calls", d.min_calls)?,
        min_time: bounded(fields, "min_time", MIN_TIME, d.min_time)?,
        min_labels: count(fields, "min_labels", d.min_labels)?,
        false_positive_rate: share(fields, "false_positive_rate", SHARE, d.false_positive_rate)?,
        confidence: share(fields, "confidence", CONFIDENCE, d.confidence)?,
        evaluation_errors: count(fields, "evaluation_errors", d.evaluation_errors)?,
        unmapped_calls: count(fields, "unmapped_calls", d.unmapped_calls)?,
        min_approvals: count(fields, "min_approvals", d.min_approvals)?,
        approval_p95: bounded(fields, "approval_p95", APPROVAL_P95, d.approval_p95)?,
        approvals_decided: share(fields, "approvals_decided", SHARE, d.approvals_decided)?,
    })
}

/// What is asked for less than by default: who copies the thresholds of a demo should know.
pub(super) fn lax(gates: &Gates) -> Option<String> {
    let d = Gates::default();
    let time = |time: Duration| format!("{:#}", SignedDuration::try_from(time).unwrap_or_default());
    let laxer: Vec<String> = [
        less("window", gates.window, d.window, time),
        less("min_calls", gates.min_calls, d.min_calls, plain),
        less("min_time", gates.min_time, d.min_time, time),
        less("min_labels", gates.min_labels, d.min_labels, plain),
        more("false_positive_rate", gates.false_positive_rate, d.false_positive_rate, plain),
        less("confidence", gates.confidence, d.confidence, plain),
        more("evaluation_errors", gates.evaluation_errors, d.evaluation_errors, plain),
        more("unmapped_calls", gates.unmapped_calls, d.unmapped_calls, plain),
        less("min_approvals", gates.min_approvals, d.min_approvals, plain),
        more("approval_p95", gates.approval_p95, d.approval_p95, time),
        less("approvals_decided", gates.approvals_decided, d.approvals_decided, plain),
    ]
    .into_iter()
    .flatten()
    .collect();
    (!laxer.is_empty()).then(|| {
        format!(
            "`rollout.gates` lets routes go on with less than the defaults want: {}; take out what \
             is not meant so",
            laxer.join(", ")
        )
    })
}

fn less<T: PartialOrd + Copy>(
    key: &str,
    said: T,
    usual: T,
    show: impl Fn(T) -> String,
) -> Option<String> {
    (said < usual).then(|| format!("`{key}` {} instead of {}", show(said), show(usual)))
}

fn more<T: PartialOrd + Copy>(
    key: &str,
    said: T,
    usual: T,
    show: impl Fn(T) -> String,
) -> Option<String> {
    (said > usual).then(|| format!("`{key}` {} instead of {}", show(said), show(usual)))
}

fn plain(number: impl Display) -> String {
    number.to_string()
}

fn count(fields: &mut Fields, key: &str, default: u64) -> Result<u64, Fault> {
    let (Some(said), place) = fields.optional_integer(key)? else { return Ok(default) };
    let read = u64::try_from(said).ok().filter(|count| *count <= COUNT_MAX);
    read.ok_or_else(|| {
        let what = format!("`{said}` is no count; write a whole number from 0 to {COUNT_MAX}");
        wrong(fields, key, place, &what)
    })
}

fn share(
    fields: &mut Fields,
    key: &str,
    range: RangeInclusive<f64>,
    default: f64,
) -> Result<f64, Fault> {
    if !fields.has(key) {
        return Ok(default);
    }
    let (said, place) = fields.number(key)?;
    match range.contains(&said) {
        true => Ok(said),
        false => {
            let (least, most) = (range.start(), range.end());
            let what = format!(
                "`{said}` is not from {least} to {most}; write a part of one, as 0.05 for 5 %"
            );
            Err(wrong(fields, key, place, &what))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::yaml;

    fn gates(text: &str) -> Result<Gates, String> {
        const TOP: Keys = Keys { document: DOCUMENT, read: &["rollout"], legacy: &[] };
        let root = yaml::document(text).unwrap().root.unwrap();
        let mut top = Fields::open(root, String::new(), &TOP).unwrap();
        read(&mut top).map_err(|fault| fault.what)
    }

    #[test]
    fn every_threshold_is_read_and_has_a_default() {
        assert_eq!(gates("rollout: {}").unwrap(), Gates::default());
        let said = "rollout:\n  gates: { window: 48h, min_calls: 5, min_time: 0s, min_labels: 2, \
                    false_positive_rate: 0.05, confidence: 0.9, evaluation_errors: 1, \
                    unmapped_calls: 2, min_approvals: 3, approval_p95: 5m, approvals_decided: 1 }";
        let expected = Gates {
            window: hours(48),
            min_calls: 5,
            min_time: Duration::ZERO,
            min_labels: 2,
            false_positive_rate: 0.05,
            confidence: 0.9,
            evaluation_errors: 1,
            unmapped_calls: 2,
            min_approvals: 3,
            approval_p95: Duration::from_secs(300),
            approvals_decided: 1.0,
        };
        assert_eq!(gates(said).unwrap(), expected);
    }

    #[test]
    fn whatever_is_laxer_than_the_default_is_named() {
        let said = |text: &str| lax(&gates(&format!("rollout:\n  gates: {{ {text} }}")).unwrap());
        assert_eq!(said(""), None);
        let strict = "window: 721h, min_calls: 101, min_time: 25h, min_labels: 21, \
                      false_positive_rate: 0, confidence: 0.99, min_approvals: 11, \
                      approval_p95: 14m, approvals_decided: 1";
        assert_eq!(said(strict), None);
        let all = "window: 719h, min_calls: 99, min_time: 0s, min_labels: 19, \
                   false_positive_rate: 0.02, confidence: 0.9, evaluation_errors: 1, \
                   unmapped_calls: 2, min_approvals: 9, approval_p95: 16m, approvals_decided: 0.9";
        assert_eq!(
            said(all).unwrap(),
            "`rollout.gates` lets routes go on with less than the defaults want: `window` 719h \
             instead of 720h, `min_calls` 99 instead of 100, `min_time` 0s instead of 24h, \
             `min_labels` 19 instead of 20, `false_positive_rate` 0.02 instead of 0.01, \
             `confidence` 0.9 instead of 0.95, `evaluation_errors` 1 instead of 0, \
             `unmapped_calls` 2 instead of 0, `min_approvals` 9 instead of 10, `approval_p95` 16m \
             instead of 15m, `approvals_decided` 0.9 instead of 0.95; take out what is not meant so"
        );
    }

    #[test]
    fn what_means_nothing_is_refused_with_the_mend() {
        for (said, part) in [
            ("min_calls: -1", "`rollout.gates.min_calls`: `-1` is no count"),
            ("false_positive_rate: 1.5", "write a part of one, as 0.05 for 5 %"),
            ("confidence: 1", "is not from 0.5 to 0.9999"),
            ("window: 1m", "is not a duration from 1h to"),
            ("min_labels:", "rollout.gates.min_labels"),
            ("min_call: 1", "min_call"),
        ] {
            let refused = gates(&format!("rollout:\n  gates:\n    {said}")).unwrap_err();
            assert!(refused.contains(part), "{said}: {refused}");
        }
    }
}
