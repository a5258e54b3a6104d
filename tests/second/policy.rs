//! Whether a policy document holds (C2, and the errors of the E sections).
//!
//! Nothing is built from it: the evaluation reads the document itself.

use super::context::{known_access_type, known_source};
use super::targets::{CLASSES, METHODS, is_one_of};
use super::text::{Refused, integer, is_hex_digest, is_set, list, lowlist, text, word};
use serde_json::Value;

/// The keys of a mapping: `name:type`, where s is text, b boolean, i integer, f number,
/// l list of text, m list of mappings, and o a mapping.
type Keys = &'static str;

const TOP: Keys = "schema_id:s schema_version:s default_verdict:s default_action:s fail_closed:o \
    rules:m scripts:o mcp_trust:o";
const FAIL_CLOSED: Keys = "enabled:b risk_classes:l required_fields:l required_high_risk_fields:l";
const SCRIPTS: Keys = "max_steps:i require_approval_above:i block_mixed_risk:b";
const MCP_TRUST: Keys = "enabled:b snapshot:s action:s required_risk_classes:l min_score:f \
    max_age:s publisher_allowlist:l require_registry:b";
const RULE: Keys = "name:s priority:i effect:s action:s match:o reason_codes:l violations:l \
    min_approvals:i require_distinct_approvers:b endpoint:o dataflow:o rate_limit:o \
    destructive_budget:o freeze_window:o sandbox:o require_context_evidence:b \
    required_context_evidence_mode:s max_context_age_seconds:i require_broker_credential:b \
    broker_reference:s broker_scopes:l require_declared_agent:b allowed_agent_ids:l \
    denied_agent_ids:l required_agent_manifest_digest:s allowed_agent_manifest_publishers:l \
    allowed_agent_manifest_sources:l required_agent_lifecycle_states:l require_agent_owner:b \
    require_unexpired_agent:b block_standing_credentials:b allowed_credential_sources:l \
    allowed_credential_issuers:l allowed_credential_access_types:l max_credential_ttl_seconds:i \
    require_jit_credential:b";
const MATCH: Keys = "tool_name:s tool_names:l risk_classes:l target_kinds:l destination_kinds:l \
    target_values:l destination_values:l endpoint_class:l endpoint_classes:l data_classes:l \
    destination_operations:l provenance_sources:l identities:l workspace_prefixes:l \
    discovery_method:l tool_annotations:o skill_publishers:l skill_sources:l \
    context_tool_names:l context_data_classes:l context_endpoint_classes:l \
    context_autonomy_levels:l require_delegation:b allowed_delegator_identities:l \
    allowed_delegate_identities:l delegation_scopes:l max_delegation_depth:i";
const ANNOTATIONS: Keys = "readOnlyHint:b destructiveHint:b idempotentHint:b openWorldHint:b";
const DATAFLOW: Keys = "enabled:b tainted_sources:l destination_kinds:l destination_values:l \
    destination_operations:l action:s reason_code:s violation:s";
const ENDPOINT: Keys = "enabled:b path_allowlist:l path_denylist:l domain_allowlist:l \
    domain_denylist:l egress_classes:l action:s destructive_action:s reason_code:s violation:s";
const LIMIT: Keys = "requests:i window:s scope:s";
const FREEZE: Keys =
    "enabled:b timezone:s effect:s reason:s environments:l risk_classes:l windows:m";
const WINDOW: Keys = "name:s start:s end:s";
const SANDBOX: Keys = "enabled:b allowed_network_modes:l allowed_writable_path_prefixes:l \
    required_read_only_roots:l allowed_env_exposure_modes:l max_timeout_seconds:i \
    allowed_filesystem_isolations:l allowed_user_modes:l";

pub(crate) const VERDICTS: &str = "allow dry_run require_approval block";
const WEAKER: &str = "block require_approval";
const REQUIRED: &str = "targets arg_provenance endpoint_class delegation context_evidence";
pub(crate) const HIGH_RISK: &str = "agent_id agent_identity run_id workflow_id repo environment \
    credential_ref credential_source credential_access_type credential_issuer \
    credential_ttl_seconds approval_ref wrkr_inventory_ref agent_action_bom_ref";

pub(crate) fn check(policy: &Value) -> Result<(), Refused> {
    if policy.is_null() {
        return Err("null is no policy".to_owned());
    }
    open(policy, TOP)?;
    for (name, only) in [("schema_id", "gait.gate.policy"), ("schema_version", "1.0.0")] {
        let said = &policy[name];
        if !said.is_null() && said != "" && said != only {
            return Err(format!("unsupported policy {name}: {said}"));
        }
    }
    let verdict = aliased(policy, "default_verdict", "default_action")?;
    one_of(&verdict, VERDICTS, "default_verdict")?;
    let closed = &policy["fail_closed"];
    open(closed, FAIL_CLOSED)?;
    all_of(&closed["required_fields"], REQUIRED)?;
    all_of(&closed["required_high_risk_fields"], HIGH_RISK)?;
    mcp_trust(&policy["mcp_trust"])?;
    open(&policy["scripts"], SCRIPTS)?;
    for name in ["max_steps", "require_approval_above"] {
        positive(&policy["scripts"], name)?;
    }
    let rules = policy["rules"].as_array().map(Vec::as_slice).unwrap_or_default();
    rules.iter().try_for_each(rule)
}

/// Whether a mapping has known keys alone, each of its type.
fn open(value: &Value, keys: Keys) -> Result<(), Refused> {
    let members = match value {
        Value::Null => return Ok(()),
        Value::Object(members) => members,
        other => return Err(format!("a mapping is wanted, not {other}")),
    };
    let kind = |key: &str| {
        let mut known = keys.split_whitespace().filter_map(|known| known.split_once(':'));
        known.find(|(name, _)| *name == key).map(|(_, kind)| kind)
    };
    for (key, value) in members {
        let kind = kind(key).ok_or_else(|| format!("unknown field {key}"))?;
        let is_scalar = |value: &Value| !value.is_array() && !value.is_object();
        let items = value.as_array().map(Vec::as_slice);
        let fits = match kind {
            "s" => is_scalar(value),
            "b" => value.is_boolean(),
            "i" => integer(value).is_some(),
            "f" => value.is_number(),
            "l" => items.is_some_and(|items| items.iter().all(is_scalar)),
            "m" => items.is_some_and(|items| items.iter().all(|i| i.is_object() || i.is_null())),
            _ => value.is_object(),
        };
        if !fits && !value.is_null() {
            return Err(format!("{key} has the wrong type"));
        }
    }
    Ok(())
}

/// A word that may be given under two names, if both say the same.
pub(crate) fn aliased(value: &Value, name: &str, alias: &str) -> Result<String, Refused> {
    let (first, second) = (word(&value[name]), word(&value[alias]));
    match (first.is_empty(), second.is_empty()) {
        (false, false) if first != second => Err(format!("{alias} must match {name}")),
        (true, _) => Ok(second),
        _ => Ok(first),
    }
}

fn one_of(said: &str, words: &str, name: &str) -> Result<(), Refused> {
    match said.is_empty() || is_one_of(said, words) {
        true => Ok(()),
        false => Err(format!("unsupported {name} {said}")),
    }
}

fn all_of(items: &Value, words: &str) -> Result<(), Refused> {
    lowlist(items).iter().try_for_each(|item| one_of(item, words, "item"))
}

fn positive(value: &Value, name: &str) -> Result<(), Refused> {
    match integer(&value[name]) {
        Some(0..) => Ok(()),
        _ => Err(format!("{name} must be >= 0")),
    }
}

fn mcp_trust(trust: &Value) -> Result<(), Refused> {
    open(trust, MCP_TRUST)?;
    let score = trust["min_score"].as_f64().unwrap_or(0.0);
    let has = |name: &str| !text(&trust[name]).is_empty() && !is_false(&trust[name]);
    let lists = ["required_risk_classes", "publisher_allowlist"];
    let is_on = score > 0.0
        || ["enabled", "snapshot", "action", "max_age", "require_registry"].iter().any(|n| has(n))
        || lists.iter().any(|name| !list(&trust[name]).is_empty());
    if !is_on {
        return Ok(());
    }
    one_of(&word(&trust["action"]), WEAKER, "mcp_trust.action")?;
    if text(&trust["snapshot"]).is_empty() || !(0.0..=1.0).contains(&score) {
        return Err("mcp_trust.snapshot is required, min_score between 0 and 1".to_owned());
    }
    let age = text(&trust["max_age"]);
    let parsed: Result<jiff::SignedDuration, _> = age.parse();
    match age.is_empty() || parsed.is_ok_and(|age| age.is_positive()) {
        true => Ok(()),
        false => Err(format!("mcp_trust.max_age: {age}")),
    }
}

fn is_false(value: &Value) -> bool {
    value.as_bool() == Some(false)
}

fn rule(rule: &Value) -> Result<(), Refused> {
    open(rule, RULE)?;
    if text(&rule["name"]).is_empty() {
        return Err("rule name is required".to_owned());
    }
    let effect = aliased(rule, "effect", "action")?;
    if !is_one_of(&effect, VERDICTS) {
        return Err(format!("invalid rule effect {effect}"));
    }
    matcher(&rule["match"])?;
    for name in ["min_approvals", "max_context_age_seconds", "max_credential_ttl_seconds"] {
        positive(rule, name)?;
    }
    let manifest = word(&rule["required_agent_manifest_digest"]);
    if !manifest.is_empty() && !is_hex_digest(&manifest) {
        return Err("required_agent_manifest_digest must be sha256 hex".to_owned());
    }
    one_of(&word(&rule["required_context_evidence_mode"]), "required", "evidence mode")?;
    if lowlist(&rule["allowed_credential_sources"]).iter().any(|word| !known_source(word))
        || lowlist(&rule["allowed_credential_access_types"])
            .iter()
            .any(|word| !known_access_type(word))
    {
        return Err("unsupported allowed_credential_…".to_owned());
    }
    dataflow(&rule["dataflow"])?;
    endpoint(&rule["endpoint"])?;
    limits(rule)?;
    freeze(&rule["freeze_window"])?;
    sandbox(&rule["sandbox"])
}

fn matcher(keys: &Value) -> Result<(), Refused> {
    open(keys, MATCH)?;
    open(&keys["tool_annotations"], ANNOTATIONS)?;
    all_of(&keys["endpoint_class"], CLASSES)?;
    all_of(&keys["endpoint_classes"], CLASSES)?;
    all_of(&keys["discovery_method"], METHODS)?;
    positive(keys, "max_delegation_depth")
}

/// Whether one of these keys of a mapping holds something.
pub(crate) fn any_set(value: &Value, names: &str) -> bool {
    names.split_whitespace().any(|name| match &value[name] {
        Value::Array(items) => items.iter().any(|item| !text(item).is_empty() || item.is_object()),
        Value::Number(number) => number.as_f64().is_some_and(|number| number > 0.0),
        Value::String(said) => !said.trim().is_empty(),
        other => is_set(other),
    })
}

pub(crate) fn dataflow_is_on(flow: &Value) -> bool {
    any_set(
        flow,
        "enabled tainted_sources destination_kinds destination_values destination_operations",
    )
}

fn dataflow(flow: &Value) -> Result<(), Refused> {
    open(flow, DATAFLOW)?;
    match dataflow_is_on(flow) {
        true => one_of(&word(&flow["action"]), WEAKER, "dataflow.action"),
        false => Ok(()),
    }
}

pub(crate) fn endpoint_is_on(endpoint: &Value) -> bool {
    any_set(
        endpoint,
        "enabled path_allowlist path_denylist domain_allowlist domain_denylist egress_classes \
         destructive_action",
    )
}

fn endpoint(endpoint: &Value) -> Result<(), Refused> {
    open(endpoint, ENDPOINT)?;
    if !endpoint_is_on(endpoint) {
        return Ok(());
    }
    all_of(&endpoint["egress_classes"], CLASSES)?;
    if lowlist(&endpoint["egress_classes"]).iter().any(|class| !class.starts_with("net.")) {
        return Err("endpoint.egress_class must be network class".to_owned());
    }
    one_of(&word(&endpoint["action"]), WEAKER, "endpoint.action")?;
    one_of(&word(&endpoint["destructive_action"]), WEAKER, "endpoint.destructive_action")
}

fn limits(rule: &Value) -> Result<(), Refused> {
    for name in ["rate_limit", "destructive_budget"] {
        let limit = &rule[name];
        open(limit, LIMIT)?;
        positive(limit, "requests")?;
        let requests = integer(&limit["requests"]).unwrap_or(0);
        if requests == 0 && name == "destructive_budget" && any_set(limit, "window scope") {
            return Err("destructive_budget.requests must be >= 1".to_owned());
        }
        if requests > 0 {
            one_of(&word(&limit["window"]), "minute hour", "window")?;
            one_of(&word(&limit["scope"]), "tool identity tool_identity", "scope")?;
        }
    }
    Ok(())
}

pub(crate) fn freeze_is_on(freeze: &Value) -> bool {
    any_set(freeze, "enabled timezone effect reason environments risk_classes")
        || freeze["windows"].as_array().is_some_and(|windows| !windows.is_empty())
}

fn freeze(freeze: &Value) -> Result<(), Refused> {
    open(freeze, FREEZE)?;
    if !freeze_is_on(freeze) {
        return Ok(());
    }
    if text(&freeze["timezone"]).is_empty() {
        return Err("freeze_window.timezone is required".to_owned());
    }
    one_of(&word(&freeze["effect"]), WEAKER, "freeze_window.effect")?;
    let windows = freeze["windows"].as_array().map(Vec::as_slice).unwrap_or_default();
    if windows.is_empty() {
        return Err("freeze_window.windows is required".to_owned());
    }
    windows.iter().try_for_each(|window| {
        open(window, WINDOW)?;
        match text(&window["start"]).is_empty() || text(&window["end"]).is_empty() {
            true => Err("freeze_window window start and end are required".to_owned()),
            false => Ok(()),
        }
    })
}

pub(crate) fn sandbox_is_on(sandbox: &Value) -> bool {
    any_set(
        sandbox,
        "enabled allowed_network_modes allowed_writable_path_prefixes required_read_only_roots \
         allowed_env_exposure_modes max_timeout_seconds allowed_filesystem_isolations \
         allowed_user_modes",
    )
}

fn sandbox(sandbox: &Value) -> Result<(), Refused> {
    open(sandbox, SANDBOX)?;
    all_of(&sandbox["allowed_network_modes"], "disabled egress_allowlist full")?;
    all_of(&sandbox["allowed_env_exposure_modes"], "allowlist full none")?;
    all_of(&sandbox["allowed_filesystem_isolations"], "container none workspace")?;
    all_of(&sandbox["allowed_user_modes"], "default root unprivileged")?;
    positive(sandbox, "max_timeout_seconds")
}
