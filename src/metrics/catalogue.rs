//! Every metric of gait, declared once: name, kind, help, labels.
//!
//! The registry takes its names, label keys and help texts from here and from nowhere else, so
//! what `/metrics` shows cannot drift from this table; a test compares the two. Rejected: a macro
//! with string keys at each call site, where name and help part company.
//!
//! Names follow design section 5 and the Prometheus rules: one prefix, base units, `_total` for
//! counters, `_info` for gauges that are always 1.

/// What a metric is, in the words of the text format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Only ever rises within one process life.
    Counter,
    /// Rises and falls.
    Gauge,
    /// Counts of samples in cumulative buckets.
    Histogram,
}

impl Kind {
    /// The word on a `# TYPE` line.
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
        }
    }
}

/// One metric family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Definition {
    /// The name on `/metrics`.
    pub name: &'static str,
    /// Its kind.
    pub kind: Kind,
    /// Label keys, in the order in which the registry takes their values.
    pub labels: &'static [&'static str],
    /// One sentence for people.
    pub help: &'static str,
}

/// Every metric, in the order of the README's table.
pub const CATALOGUE: &[Definition] = &[
    CALLS,
    PERMITS,
    UPSTREAM_REQUESTS,
    PERMITS_UNUSED,
    PERMITS_OPEN,
    BYPASS,
    UNRECORDED,
    REJECTED,
    DECISION_SECONDS,
    OVERHEAD_SECONDS,
    CALL_SECONDS,
    UPSTREAM_SECONDS,
    EVIDENCE_LAG,
    EVIDENCE_FAILURES,
    EVIDENCE_LINES,
    EVIDENCE_BYTES,
    EVIDENCE_SYNCS,
    EVIDENCE_SEGMENTS,
    EVIDENCE_SEALED,
    CONNECTIONS,
    CONNECTIONS_TOTAL,
    HANDSHAKE_FAILURES,
    CERTIFICATE_NOT_AFTER,
    TUNNELS,
    BODY_BUDGET,
    KILL_SWITCH,
    KILL_SWITCH_ENTRIES,
    RATE_COUNTERS,
    RATE_FAILURES,
    IDENTITIES,
    IDENTITY_REFUSED,
    JWKS_SUCCESS,
    JWKS_FAILURES,
    APPROVALS,
    APPROVALS_PENDING,
    APPROVALS_OLDEST,
    APPROVAL_WAIT,
    APPROVAL_REFUSALS,
    APPROVAL_HOLDS,
    APPROVALS_STORE_UP,
    WEBHOOK_DELIVERIES,
    EXPORT_RECORDS,
    EXPORT_LAG,
    EXPORT_QUEUE,
    SNAPSHOT_INFO,
    RELOAD_SUCCESSFUL,
    RELOAD_TIMESTAMP,
    RESTART_NEEDED,
    STAGE,
    STAGE_LASTING,
    ROLLOUT_DROPPED,
    STAGE_CHANGES,
    LABELS,
    POLICY_DIFF,
    CANDIDATE_ERRORS,
    SERIES_OVERFLOW,
    BUILD_INFO,
    PROCESS_CPU,
    PROCESS_RESIDENT,
    PROCESS_VIRTUAL,
    PROCESS_OPEN_FDS,
    PROCESS_MAX_FDS,
    PROCESS_START,
    PROCESS_THREADS,
];

pub(super) const CALLS: Definition = counter(
    "gait_calls_total",
    &["route", "stage", "risk", "verdict", "disposition"],
    "Calls, counted by the evidence writer when their line is written.",
);
pub(super) const PERMITS: Definition =
    counter("gait_permits_total", &["route", "risk", "permit"], "Permits minted by the gate.");
pub(super) const UPSTREAM_REQUESTS: Definition = counter(
    "gait_upstream_requests_total",
    &["route", "risk", "permit"],
    "Requests whose first byte went to a tool, counted by the upstream client on its own.",
);
pub(super) const PERMITS_UNUSED: Definition =
    counter("gait_permits_unused_total", &[], "Permits dropped before a byte left.");
pub(super) const PERMITS_OPEN: Definition =
    gauge("gait_permits_open", &[], "Permits minted and neither sent nor unused yet.");
pub(super) const BYPASS: Definition = counter(
    "gait_bypass_total",
    &["cause"],
    "Sends stopped at the send seam because permit and call did not fit. Must stay 0.",
);
pub(super) const UNRECORDED: Definition = counter(
    "gait_unrecorded_total",
    &[],
    "Calls that were served without a place in the evidence: in observe, or by evidence.unprotected_on_failure.",
);
pub(super) const REJECTED: Definition = counter(
    "gait_rejected_total",
    &["reason"],
    "Requests refused before they became a call, or for what they were made of.",
);
pub(super) const DECISION_SECONDS: Definition =
    histogram("gait_decision_seconds", &[], "Time from a complete call to its decision.");
pub(super) const OVERHEAD_SECONDS: Definition = histogram(
    "gait_overhead_seconds",
    &[],
    "Time a call spent in gait, the tool's time taken out.",
);
pub(super) const CALL_SECONDS: Definition =
    histogram("gait_call_seconds", &["route"], "Time from a call's head to the end of its answer.");
pub(super) const UPSTREAM_SECONDS: Definition = histogram(
    "gait_upstream_seconds",
    &["route"],
    "Time from the first byte sent to a tool to the head of its answer.",
);
pub(super) const EVIDENCE_LAG: Definition = gauge(
    "gait_evidence_lag_seconds",
    &[],
    "Age of the oldest evidence line that was not durable at the last commit.",
);
pub(super) const EVIDENCE_FAILURES: Definition =
    counter("gait_evidence_failures_total", &[], "Evidence writes or syncs that failed.");
pub(super) const EVIDENCE_LINES: Definition =
    counter("gait_evidence_lines_total", &[], "Evidence lines made durable.");
pub(super) const EVIDENCE_BYTES: Definition =
    counter("gait_evidence_bytes_total", &[], "Bytes of evidence made durable.");
pub(super) const EVIDENCE_SYNCS: Definition = counter(
    "gait_evidence_syncs_total",
    &[],
    "Syncs of the evidence log, each under a signature of its own.",
);
pub(super) const EVIDENCE_SEGMENTS: Definition =
    gauge("gait_evidence_segments", &[], "Files of the evidence log that are there.");
pub(super) const EVIDENCE_SEALED: Definition = gauge(
    "gait_evidence_last_seal_timestamp_seconds",
    &[],
    "Unix time at which an evidence segment was sealed last; 0 before the first.",
);
pub(super) const CONNECTIONS: Definition =
    gauge("gait_connections", &["listener"], "Connections open now.");
pub(super) const CONNECTIONS_TOTAL: Definition = counter(
    "gait_connections_total",
    &["listener", "protocol"],
    "Connections of callers by what was spoken on them: http1 or http2.",
);
pub(super) const HANDSHAKE_FAILURES: Definition = counter(
    "gait_tls_handshake_failures_total",
    &["listener"],
    "TLS handshakes with callers that failed or took too long.",
);
pub(super) const CERTIFICATE_NOT_AFTER: Definition = gauge(
    "gait_tls_certificate_not_after_timestamp_seconds",
    &["name"],
    "Unix time until which a certificate in force holds; named by listener and place in its list.",
);
pub(super) const TUNNELS: Definition =
    gauge("gait_tunnels_open", &[], "Connections that went over to another protocol, open now.");
pub(super) const BODY_BUDGET: Definition = gauge(
    "gait_body_budget_bytes",
    &[],
    "Bytes of limits.body_budget_bytes held by buffered bodies now.",
);
pub(super) const KILL_SWITCH: Definition = gauge(
    "gait_kill_switch_state",
    &["state"],
    "1 for how the kill switch stands, else 0: off, loaded, or lost while its file cannot be had.",
);
pub(super) const KILL_SWITCH_ENTRIES: Definition =
    gauge("gait_kill_switch_active_entries", &[], "Orders to stop that are active now.");
pub(super) const RATE_COUNTERS: Definition = gauge(
    "gait_rate_counters",
    &[],
    "Counters of rate limits and destructive budgets held now, bounded by limits.rate_state_bytes.",
);
pub(super) const RATE_FAILURES: Definition = counter(
    "gait_rate_state_failures_total",
    &[],
    "Writes of those counters that failed; until one succeeds a restart forgets them.",
);
pub(super) const IDENTITIES: Definition = counter(
    "gait_identities_total",
    &["source"],
    "Calls whose caller is known, by the source that knows it; anonymous where none does.",
);
pub(super) const IDENTITY_REFUSED: Definition = counter(
    "gait_identity_refused_total",
    &["reason"],
    "Calls refused for who calls, by reason code.",
);
pub(super) const JWKS_SUCCESS: Definition = gauge(
    "gait_jwks_last_success_timestamp_seconds",
    &["source"],
    "Unix time at which the keys of a source were fetched last; 0 before the first.",
);
pub(super) const JWKS_FAILURES: Definition = counter(
    "gait_jwks_failures_total",
    &["source"],
    "Fetches of the keys of a source that brought none; those that are held stay.",
);
pub(super) const APPROVALS: Definition = counter(
    "gait_approvals_total",
    &["outcome"],
    "What happened to requests for approval: requested, granted, denied, expired, executed, released, unknown.",
);
pub(super) const APPROVALS_PENDING: Definition =
    gauge("gait_approvals_pending", &[], "Requests that wait for an approval now.");
pub(super) const APPROVALS_OLDEST: Definition = gauge(
    "gait_approvals_oldest_pending_seconds",
    &[],
    "Age of the oldest request that waits now; 0 where none does.",
);
pub(super) const APPROVAL_WAIT: Definition = histogram(
    "gait_approval_wait_seconds",
    &[],
    "Time from a request to the last yes that it needed.",
);
pub(super) const APPROVAL_REFUSALS: Definition = counter(
    "gait_approval_refusals_total",
    &["reason"],
    "Words and calls that were refused where an approval was needed, by reason code.",
);
pub(super) const APPROVAL_HOLDS: Definition =
    gauge("gait_approval_holds", &[], "Calls that wait open for their approval now.");
pub(super) const APPROVALS_STORE_UP: Definition = gauge(
    "gait_approvals_store_up",
    &[],
    "1 when the store of approvals answered last, else 0: calls that need one are denied then.",
);
pub(super) const WEBHOOK_DELIVERIES: Definition = counter(
    "gait_webhook_deliveries_total",
    &["webhook", "outcome"],
    "Tries to tell a webhook: taken, failed with another to come, or the last, given_up.",
);
pub(super) const EXPORT_RECORDS: Definition = counter(
    "gait_export_records_total",
    &["exporter", "outcome"],
    "Evidence lines for an exporter: sent, dropped here, or rejected there.",
);
pub(super) const EXPORT_LAG: Definition = gauge(
    "gait_export_lag_seconds",
    &["exporter"],
    "Age of the oldest line that an exporter is telling; 0 where none waits.",
);
pub(super) const EXPORT_QUEUE: Definition =
    gauge("gait_export_queue_lines", &["exporter"], "Lines that wait for an exporter now.");
pub(super) const SNAPSHOT_INFO: Definition = gauge(
    "gait_snapshot_info",
    &["config", "policy"],
    "Always 1; names the digests of the snapshot in force.",
);
pub(super) const RELOAD_SUCCESSFUL: Definition = gauge(
    "gait_config_last_reload_successful",
    &[],
    "1 when the last attempt to load a snapshot succeeded, else 0.",
);
pub(super) const RELOAD_TIMESTAMP: Definition = gauge(
    "gait_config_last_reload_success_timestamp_seconds",
    &[],
    "Unix time of the last snapshot that loaded; 0 before the first.",
);
pub(super) const RESTART_NEEDED: Definition = gauge(
    "gait_config_restart_needed",
    &[],
    "1 when the config on disk changed a setting that only a restart takes up.",
);
pub(super) const STAGE: Definition = gauge(
    "gait_stage",
    &["route", "stage"],
    "Share of the authenticated callers of a route that stands in a stage now, 0 to 1.",
);
pub(super) const STAGE_LASTING: Definition = gauge(
    "gait_stage_lasting",
    &["route", "stage"],
    "The same share once nothing is set for a time any more: gait_stage without what has an end.",
);
pub(super) const ROLLOUT_DROPPED: Definition = counter(
    "gait_rollout_dropped_total",
    &[],
    "Stages set by command that were dropped, because the config says something else by now.",
);
pub(super) const STAGE_CHANGES: Definition = counter(
    "gait_stage_changes_total",
    &["route", "via"],
    "Stages that people set by command, counted when their line is written.",
);
pub(super) const LABELS: Definition = counter(
    "gait_labels_total",
    &["label"],
    "Judgements of people on decisions, counted when their line is written.",
);
pub(super) const POLICY_DIFF: Definition = counter(
    "gait_policy_diff_total",
    &["route", "from", "to"],
    "Calls of which the candidate policy says something else than the policy in force.",
);
pub(super) const CANDIDATE_ERRORS: Definition = counter(
    "gait_candidate_errors_total",
    &["route"],
    "Evaluations of the candidate policy that failed; their calls were not touched.",
);
pub(super) const SERIES_OVERFLOW: Definition = counter(
    "gait_metric_series_overflow_total",
    &[],
    "Route registrations counted under _other because limits.metric_series was reached.",
);
pub(super) const BUILD_INFO: Definition =
    gauge("gait_build_info", &["version"], "Always 1; names the version of gait.");
pub(super) const PROCESS_CPU: Definition =
    counter("process_cpu_seconds_total", &[], "User and system CPU time spent, in seconds.");
pub(super) const PROCESS_RESIDENT: Definition =
    gauge("process_resident_memory_bytes", &[], "Resident memory size, in bytes.");
pub(super) const PROCESS_VIRTUAL: Definition =
    gauge("process_virtual_memory_bytes", &[], "Virtual memory size, in bytes.");
pub(super) const PROCESS_OPEN_FDS: Definition =
    gauge("process_open_fds", &[], "File descriptors open now.");
pub(super) const PROCESS_MAX_FDS: Definition =
    gauge("process_max_fds", &[], "File descriptors allowed at most.");
pub(super) const PROCESS_START: Definition =
    gauge("process_start_time_seconds", &[], "Unix time at which the process started.");
pub(super) const PROCESS_THREADS: Definition =
    gauge("process_threads", &[], "Operating system threads now.");

const fn counter(
    name: &'static str,
    labels: &'static [&'static str],
    help: &'static str,
) -> Definition {
    Definition { name, kind: Kind::Counter, labels, help }
}

const fn gauge(
    name: &'static str,
    labels: &'static [&'static str],
    help: &'static str,
) -> Definition {
    Definition { name, kind: Kind::Gauge, labels, help }
}

const fn histogram(
    name: &'static str,
    labels: &'static [&'static str],
    help: &'static str,
) -> Definition {
    Definition { name, kind: Kind::Histogram, labels, help }
}
