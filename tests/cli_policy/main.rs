//! `gait policy` as people use it: suites, coverage, colours, comparing, starting.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a helper may stop the test"
)]

#[path = "../command/mod.rs"]
mod command;
mod coverage;
mod explain;
mod fmt;
#[path = "../command/shell.rs"]
mod shell;
mod simulate;
mod suite;
mod text;
mod validate;
mod watch;

use command::Place;
use serde_json::Value;
use shell::INTENT;

pub(crate) const POLICY: &str = "\
default_verdict: block
rules:
  - name: reads
    effect: allow
    match: {tool_names: [files.read]}
  - name: writes
    priority: 1
    effect: require_approval
    min_approvals: 2
    match: {tool_names: [files.write]}
    reason_codes: [ask, first]
";

pub(crate) const DEFAULTS: &str =
    "defaults: {context: {identity: a, workspace: /w, risk_class: low}}\n";

/// A place with `policy.yaml` and `t/a_test.yaml` with these cases.
pub(crate) fn suite(cases: &str) -> Place {
    let place = Place::new();
    place.put("policy.yaml", POLICY);
    place.put("intent.json", INTENT);
    place.put("t/a_test.yaml", format!("policy: ../policy.yaml\n{DEFAULTS}cases:\n{cases}"));
    place
}

/// One case of a suite's JSON answer.
pub(crate) fn case<'a>(answer: &'a Value, name: &str) -> &'a Value {
    let cases = answer["cases"].as_array().unwrap();
    cases.iter().find(|case| case["name"] == name).unwrap_or_else(|| panic!("{name}: {answer}"))
}
