//! From a batch to what it found: the work of one thread. Nothing here waits for another.

use super::details::{Found, Subject};
use super::evidence::{self, Reading};
use super::feed::{Batch, Line, Lines};
use super::ruling::Before;
use super::tally::{Group, Skip, Spot, Tool};
use super::{At, Form, INTENT_BYTES_MAX, Plan};
use crate::intent::time::Time;
use crate::intent::{self, Intent};
use crate::policy::{Decision, Policy};
use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

/// What a batch found, and how many bytes of input it was.
pub(super) struct Judged<'a> {
    pub(super) found: Found<'a>,
    pub(super) bytes: u64,
}

/// One intent with all that is known of it.
struct Case {
    spot: Spot,
    intent: Intent,
    before: Option<Before>,
    at: Time,
}

/// Judges one batch.
pub(super) fn judge<'a>(plan: &'a Plan, batch: &Batch) -> Judged<'a> {
    let mut found = Found::new(plan);
    let bytes = match batch {
        Batch::Documents(range) => {
            range.clone().map(|place| document(&mut found, plan, place)).sum()
        }
        Batch::Lines(batch) => {
            lines(&mut found, plan, batch);
            batch.bytes
        }
    };
    Judged { found, bytes }
}

/// The one place that asks a policy.
pub(super) fn decide(policy: &Policy, intent: &Intent, at: Time) -> Decision {
    policy.decide(intent, at)
}

// === reading ===

fn document(found: &mut Found<'_>, plan: &Plan, place: usize) -> u64 {
    let Some(source) = plan.sources.get(place) else { return 0 };
    let spot = Spot { source: place, line: 0, intent_digest: None, call_id: None };
    match read(&source.path) {
        Ok(bytes) => intent(found, plan, spot, &bytes),
        Err(error) => found.invalid(spot, error.to_string()),
    }
    source.bytes
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(INTENT_BYTES_MAX + 1).read_to_end(&mut bytes)?;
    match bytes.len() as u64 > INTENT_BYTES_MAX {
        true => Err(io::Error::other(too_long("document"))),
        false => Ok(bytes),
    }
}

fn too_long(what: &str) -> String {
    format!("the {what} is longer than {INTENT_BYTES_MAX} bytes")
}

fn lines(found: &mut Found<'_>, plan: &Plan, batch: &Lines) {
    let form = plan.sources.get(batch.source).map(|source| source.form);
    for (line, text) in batch.iter() {
        let spot = Spot { source: batch.source, line, intent_digest: None, call_id: None };
        match text {
            Line::TooLong => found.invalid(spot, too_long("line")),
            Line::Unread(error) => found.invalid(spot, format!("cannot be read: {error}")),
            Line::Open(_) if form == Some(Form::Evidence) => found.skipped(spot, Skip::Torn),
            Line::Whole(text) | Line::Open(text) if form == Some(Form::Evidence) => {
                recorded(found, plan, spot, text);
            }
            Line::Whole(text) | Line::Open(text) if !text.trim_ascii().is_empty() => {
                intent(found, plan, spot, text);
            }
            Line::Whole(_) | Line::Open(_) => {}
        }
    }
}

fn intent(found: &mut Found<'_>, plan: &Plan, spot: Spot, bytes: &[u8]) {
    match intent::read::from_json(bytes).and_then(intent::Draft::normalise) {
        Ok(intent) => {
            let (At::Fixed(at) | At::Recorded(at)) = plan.at;
            compare(found, plan, Case { spot, intent, before: None, at });
        }
        Err(error) => found.invalid(spot, error.to_string()),
    }
}

fn recorded(found: &mut Found<'_>, plan: &Plan, mut spot: Spot, line: &[u8]) {
    match evidence::read(line) {
        Ok(Reading::Call(call)) => {
            spot.call_id = call.call_id;
            let at = match plan.at {
                At::Fixed(at) => at,
                At::Recorded(now) => call.time.unwrap_or(now),
            };
            let before = call.recorded.map(Before::Recorded);
            compare(found, plan, Case { spot, intent: call.intent, before, at });
        }
        Ok(Reading::Skipped(why)) => found.skipped(spot, why),
        Ok(Reading::Passed) => found.tally.passed += 1,
        Err(error) => found.invalid(spot, error),
    }
}

// === judging ===

fn compare(found: &mut Found<'_>, plan: &Plan, mut case: Case) {
    case.spot.intent_digest = Some(case.intent.digest());
    if let Some(baseline) = &plan.baseline {
        case.before = Some(Before::Decided(Box::new(decide(baseline, &case.intent, case.at))));
    }
    found.tally.intents += 1;
    for place in 0..plan.policies.len() {
        compare_under(found, plan, &case, place);
    }
}

fn compare_under(found: &mut Found<'_>, plan: &Plan, case: &Case, place: usize) {
    let (Some(policy), Some(counts)) =
        (plan.policies.get(place), found.tally.policies.get_mut(place))
    else {
        return;
    };
    let after = decide(&policy.policy, &case.intent, case.at);
    *counts.verdicts.entry(after.verdict).or_default() += 1;
    let Some(before) = &case.before else { return };
    counts.compared += 1;
    if before.is(&after) {
        return;
    }
    *counts.changed.entry((before.verdict(), after.verdict)).or_default() += 1;
    let tool_name = case.intent.tool_name();
    let group = Group {
        policy: place,
        from: before.verdict(),
        to: after.verdict,
        rule_before: before.matched_rule().map(str::to_owned),
        rule: after.matched_rule.clone(),
        tool: Tool::Named(tool_name.to_owned()),
    };
    found.tally.group(group).add(case.spot.clone(), plan.examples_max);
    let subject = Subject { spot: &case.spot, tool_name };
    found.difference(&subject, policy, before, &after);
}
