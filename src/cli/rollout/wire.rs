//! The rollout as the admin API writes it.
//!
//! Read leniently: a member that is missing is empty, and one that is new is passed over, so that an
//! older command line can show what a newer gait says.

use crate::cli::answer::Failure;
use jiff::Timestamp;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::collections::BTreeMap;

/// How the rollout stands.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Status {
    pub(super) at: Option<Timestamp>,
    pub(super) window_seconds: u64,
    pub(super) gates: Thresholds,
    pub(super) evidence: Evidence,
    pub(super) bypasses: Option<u64>,
    pub(super) unmapped: String,
    pub(super) unmapped_calls: u64,
    pub(super) routes: Vec<Route>,
}

/// What the gates want.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Thresholds {
    pub(super) min_calls: u64,
    pub(super) min_time_seconds: f64,
    pub(super) min_labels: u64,
    pub(super) false_positive_rate: f64,
    pub(super) confidence: f64,
    pub(super) evaluation_errors: u64,
    pub(super) unmapped_calls: u64,
    pub(super) min_approvals: u64,
    pub(super) approval_p95_seconds: f64,
    pub(super) approvals_decided: f64,
}

/// How complete the log is.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Evidence {
    pub(super) last_seq: u64,
    pub(super) missing_lines: u64,
    pub(super) dropped: u64,
    pub(super) unrecorded: Option<u64>,
}

/// One route.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Route {
    pub(super) route: String,
    pub(super) standing: String,
    pub(super) stages: Vec<Stage>,
    pub(super) next: Option<Check>,
}

/// One route in one stage.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Stage {
    pub(super) stage: String,
    pub(super) share: f64,
    pub(super) since: Option<String>,
    pub(super) proof: Option<String>,
    pub(super) days: f64,
    pub(super) calls: u64,
    pub(super) policy_calls: Option<u64>,
    pub(super) verdicts: BTreeMap<String, u64>,
    pub(super) would_blocks: u64,
    pub(super) dry_runs: u64,
    pub(super) evaluation_errors: u64,
    pub(super) undecided_sends: u64,
    pub(super) lost_outcomes: u64,
    pub(super) labels: Labels,
    pub(super) approvals: Approvals,
}

/// What people said of decisions.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Labels {
    pub(super) against: u64,
    pub(super) labelled: u64,
    pub(super) false_positives: u64,
    pub(super) missed: u64,
    pub(super) dismissed: u64,
    pub(super) rate_low: f64,
    pub(super) rate_high: f64,
}

/// Requests for approval.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Approvals {
    pub(super) demanded: u64,
    pub(super) granted: u64,
    pub(super) denied: u64,
    pub(super) expired: u64,
    pub(super) pending: u64,
    pub(super) p50_seconds: Option<f64>,
    pub(super) p95_seconds: Option<f64>,
}

/// Whether a route may go on.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Check {
    pub(super) route: String,
    pub(super) from: String,
    pub(super) to: String,
    pub(super) verdict: String,
    pub(super) gates: Vec<Gate>,
}

/// A stage that was set, or would be.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Change {
    pub(super) route: String,
    pub(super) from: String,
    pub(super) to: String,
    pub(super) until: Option<String>,
    pub(super) after: Option<String>,
    pub(super) via: String,
    pub(super) gates: Vec<Gate>,
    pub(super) seq: Option<u64>,
}

/// What became of a wish for another stage.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Changed {
    pub(super) change: Change,
    pub(super) diff: String,
}

/// A label that was given.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Given {
    pub(super) label: Label,
}

/// What was said of a call.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Label {
    pub(super) call_id: String,
    pub(super) label: String,
    pub(super) by: String,
    pub(super) seq: u64,
    pub(super) route: String,
    pub(super) stage: String,
    pub(super) verdict: Option<String>,
    pub(super) tool_name: Option<String>,
}

/// What a candidate would have changed.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Found {
    pub(super) candidate_policy_digest: String,
    pub(super) compared: u64,
    pub(super) unjudged: u64,
    pub(super) differing: u64,
    pub(super) stricter: u64,
    pub(super) laxer: u64,
    pub(super) first: Option<String>,
    pub(super) last: Option<String>,
    pub(super) groups: Vec<Difference>,
    pub(super) other: u64,
}

/// Equal differences.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Difference {
    pub(super) from: String,
    pub(super) to: String,
    pub(super) rule: Option<String>,
    pub(super) candidate_rule: Option<String>,
    pub(super) tool: String,
    pub(super) caller: Option<String>,
    pub(super) count: u64,
    pub(super) examples: Vec<String>,
}

/// One gate.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Gate {
    pub(super) name: String,
    pub(super) verdict: String,
    pub(super) say: String,
}

/// Reads a document.
pub(super) fn read<T: DeserializeOwned>(value: &Value) -> Result<T, Failure> {
    T::deserialize(value)
        .map_err(|error| Failure::internal(format!("the answer of gait cannot be read: {error}")))
}
