//! Every attribute name, in one place: those of the conventions, and ours under `gait.`.
//!
//! Names of the conventions: HTTP (stable), and of the generative AI group those of a tool's
//! execution. Where a fact of ours comes near one of theirs and is not the same, it has a name of
//! ours: `gait.identity` is whom the gateway found, not `user.id`, which others fill by other rules.

pub(super) const SERVICE_NAME: &str = "service.name";
pub(super) const SERVICE_VERSION: &str = "service.version";

pub(super) const METHOD: &str = "http.request.method";
pub(super) const METHOD_ORIGINAL: &str = "http.request.method_original";
/// The name of the route: its pattern stands in the config and not in the evidence.
pub(super) const ROUTE: &str = "http.route";
pub(super) const STATUS: &str = "http.response.status_code";
pub(super) const REQUEST_BYTES: &str = "http.request.body.size";
pub(super) const RESPONSE_BYTES: &str = "http.response.body.size";
pub(super) const ERROR: &str = "error.type";
/// The name of the upstream: its address stands in the config and not in the evidence.
pub(super) const SERVER: &str = "server.address";
pub(super) const OPERATION: &str = "gen_ai.operation.name";
pub(super) const EXECUTE_TOOL: &str = "execute_tool";
pub(super) const TOOL: &str = "gen_ai.tool.name";

pub(super) const SEQ: &str = "gait.evidence.seq";
pub(super) const CALL_ID: &str = "gait.call_id";
/// Whether the tool executed the call; left out where nobody knows.
pub(super) const EXECUTED: &str = "gait.executed";
pub(super) const TOOL_STATUS: &str = "gait.tool.status_code";

/// What a method is called that the conventions do not list.
pub(super) const OTHER_METHOD: &str = "_OTHER";

/// Methods that the conventions list.
pub(super) const METHODS: [&str; 9] =
    ["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"];

/// Texts of a call's line, by member.
pub(super) const CALL_TEXTS: [(&str, &str); 20] = [
    ("call_id", CALL_ID),
    ("upstream", "gait.upstream"),
    ("stage", "gait.stage"),
    ("risk_class", "gait.risk_class"),
    ("identity", "gait.identity"),
    ("identity_source", "gait.identity_source"),
    ("verdict", "gait.verdict"),
    ("disposition", "gait.disposition"),
    ("permit", "gait.permit"),
    ("matched_rule", "gait.matched_rule"),
    ("delegation_ref", "gait.delegation_ref"),
    ("approval_request", "gait.approval.request"),
    ("approval_ref", "gait.approval.tokens"),
    ("trace_id", "gait.trace_id"),
    ("policy_digest", "gait.policy_digest"),
    ("intent_digest", "gait.intent_digest"),
    ("args_digest", "gait.args_digest"),
    ("target_digest", "gait.target_digest"),
    ("snapshot", "gait.snapshot"),
    ("ending", "gait.ending"),
];

/// Lists of texts of a call's line, by member.
pub(super) const CALL_LISTS: [(&str, &str); 3] = [
    ("reason_codes", "gait.reason_codes"),
    ("violations", "gait.violations"),
    ("approvers", "gait.approval.approvers"),
];

/// What is true or false in a call's line, by member.
pub(super) const CALL_FLAGS: [(&str, &str); 3] = [
    ("protected", "gait.protected"),
    ("simulated", "gait.simulated"),
    ("dry_run_requested", "gait.dry_run_requested"),
];

/// Texts of a line about the process or the log, by kind and member. What a kind does not list
/// stays here: the words of people may quote what they were asked about.
pub(super) const EVENT_TEXTS: [(&str, &str, &str); 17] = [
    ("approval", "action", "gait.approval.action"),
    ("approval", "request", "gait.approval.request"),
    ("approval", "approver", "gait.approval.approver"),
    ("approval", "login", "gait.approval.login"),
    ("approval", "token_id", "gait.approval.token"),
    ("approval", "tool_name", TOOL),
    ("approval", "policy_digest", "gait.policy_digest"),
    ("approval", "intent_digest", "gait.intent_digest"),
    ("reload", "policy_digest", "gait.policy_digest"),
    ("reload", "snapshot", "gait.snapshot"),
    ("recover", "error", "gait.evidence.error"),
    ("key", "key_id", "gait.evidence.key_id"),
    ("key", "public_key", "gait.evidence.public_key"),
    ("key", "replaces", "gait.evidence.replaces"),
    ("expired", "last_hash", "gait.evidence.last_hash"),
    ("start", "version", SERVICE_VERSION),
    ("start", "torn_digest", "gait.evidence.torn_digest"),
];

/// Whole numbers of such lines.
pub(super) const EVENT_NUMBERS: [(&str, &str, &str); 4] = [
    ("recover", "withdrawn", "gait.evidence.withdrawn"),
    ("expired", "segment", "gait.evidence.segment"),
    ("expired", "last_seq", "gait.evidence.last_seq"),
    ("start", "torn_bytes", "gait.evidence.torn_bytes"),
];

/// The list that a reload has: routes that are held to less than before.
pub(super) const LOWERED: &str = "gait.reload.lowered";
