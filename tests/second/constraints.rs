//! The constraints of one rule, E1 to E7, in this order.

use super::decide::{Answer, stricter};
use super::glob::{domain_hit, path_hit};
use super::matching::items;
use super::policy::{any_set, dataflow_is_on, endpoint_is_on};
use super::text::{digest, integer, is_set, list, lower, lowlist, text, time, word, zero_time};
use super::{freeze, sandbox};
use jiff::Timestamp;
use serde_json::Value;

/// Whether a valid sandbox was shown (the exception of E7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Contained {
    Yes,
    No,
}

pub(crate) fn apply(rule: &Value, call: &Value, at: Timestamp, answer: &mut Answer) -> Contained {
    dataflow(&rule["dataflow"], call, answer);
    endpoint(&rule["endpoint"], call, answer);
    block(answer, &context_evidence(rule));
    block(answer, &agent(rule, &call["context"], at));
    block(answer, &credential(rule, call));
    freeze::apply(&rule["freeze_window"], &call["context"], at, answer);
    sandbox::apply(&rule["sandbox"], &call["context"]["sandbox"], answer)
}

/// Any of these pairs of reason and violation blocks.
pub(crate) fn block(answer: &mut Answer, found: &[(&str, &str)]) {
    for (reason, violation) in found {
        answer.verdict = "block".to_owned();
        answer.reason_codes.insert((*reason).to_owned());
        answer.violations.insert((*violation).to_owned());
    }
}

/// A text, or what stands for it where it is blank.
fn or(said: &Value, default: &str) -> String {
    match text(said) {
        blank if blank.is_empty() => default.to_owned(),
        said => said,
    }
}

fn dataflow(flow: &Value, call: &Value, answer: &mut Answer) {
    let mut tainted = lowlist(&flow["tainted_sources"]);
    if tainted.is_empty() {
        tainted = vec!["external".to_owned(), "tool_output".to_owned()];
    }
    let is_tainted = items(&call["arg_provenance"])
        .iter()
        .any(|entry| tainted.contains(&text(&entry["source"])));
    let wanted = [
        ("kind", lowlist(&flow["destination_kinds"])),
        ("value", list(&flow["destination_values"])),
        ("operation", lowlist(&flow["destination_operations"])),
    ];
    let outward = ["host", "url", "bucket", "queue", "topic"];
    let is_unsaid = wanted.iter().all(|(_, words)| words.is_empty());
    let leads_there = items(&call["targets"]).iter().any(|target| match is_unsaid {
        true => outward.contains(&text(&target["kind"]).as_str()),
        false => wanted
            .iter()
            .all(|(name, words)| words.is_empty() || words.contains(&text(&target[name]))),
    });
    if dataflow_is_on(flow) && is_tainted && leads_there {
        answer.verdict = lower(&or(&flow["action"], "require_approval"));
        answer.reason_codes.insert(or(&flow["reason_code"], "dataflow_tainted_destination"));
        answer.violations.insert(or(&flow["violation"], "tainted_dataflow"));
    }
}

fn endpoint(endpoint: &Value, call: &Value, answer: &mut Answer) {
    if !endpoint_is_on(endpoint) {
        return;
    }
    let mut found: Vec<(&str, &str)> = Vec::new();
    let mut same = |code| found.push((code, code));
    let lists = |name: &str| (list(&endpoint[name]), lowlist(&endpoint[name]));
    let ((path_allow, _), (path_deny, _)) = (lists("path_allowlist"), lists("path_denylist"));
    let ((_, allow), (_, deny)) = (lists("domain_allowlist"), lists("domain_denylist"));
    let egress = lowlist(&endpoint["egress_classes"]);
    for target in items(&call["targets"]) {
        let (value, domain) = (text(&target["value"]), text(&target["endpoint_domain"]));
        let class = text(&target["endpoint_class"]);
        if target["kind"] == "path" {
            if path_deny.iter().any(|pattern| path_hit(pattern, &value)) {
                same("endpoint_path_denied");
            }
            if !path_allow.is_empty() && !path_allow.iter().any(|p| path_hit(p, &value)) {
                same("endpoint_path_not_allowlisted");
            }
        }
        if !domain.is_empty() {
            if deny.iter().any(|pattern| domain_hit(pattern, &domain)) {
                same("endpoint_domain_denied");
            }
            if !allow.is_empty() && !allow.iter().any(|p| domain_hit(p, &domain)) {
                same("endpoint_domain_not_allowlisted");
            }
        }
        if class.starts_with("net.") && !egress.is_empty() && !egress.contains(&class) {
            same("endpoint_egress_class_not_allowed");
        }
    }
    let mut action = lower(&or(&endpoint["action"], "block"));
    let destructive = word(&endpoint["destructive_action"]);
    let breaks = items(&call["targets"]).iter().any(|target| is_set(&target["destructive"]));
    if !destructive.is_empty() && breaks {
        action = stricter(&action, &destructive);
        found.push(("endpoint_destructive_operation", "destructive_operation"));
    }
    if found.is_empty() {
        return;
    }
    for (reason, violation) in found {
        answer.reason_codes.insert(reason.to_owned());
        answer.violations.insert(violation.to_owned());
    }
    let default = "endpoint_constraint_violation";
    answer.reason_codes.insert(or(&endpoint["reason_code"], default));
    answer.violations.insert(or(&endpoint["violation"], default));
    answer.verdict = stricter(&answer.verdict, &action);
}

/// No claim has survived to here, so any demand fails (E3).
fn context_evidence(rule: &Value) -> Vec<(&'static str, &'static str)> {
    let wants_mode = any_set(rule, "require_context_evidence required_context_evidence_mode");
    let wants_age = any_set(rule, "max_context_age_seconds");
    let mut found = Vec::new();
    if wants_mode || wants_age {
        found.push(("context_evidence_missing", "missing_context_evidence"));
        found.push(("context_set_digest_missing", "missing_context_evidence"));
    }
    if wants_mode {
        found.push(("context_evidence_mode_mismatch", "context_evidence_mode_violation"));
    }
    if wants_age {
        found.push(("context_freshness_exceeded", "context_freshness_violation"));
    }
    found
}

fn agent(rule: &Value, context: &Value, at: Timestamp) -> Vec<(&'static str, &'static str)> {
    let keys = "require_declared_agent allowed_agent_ids denied_agent_ids \
        required_agent_manifest_digest allowed_agent_manifest_publishers \
        allowed_agent_manifest_sources required_agent_lifecycle_states require_agent_owner \
        require_unexpired_agent";
    let mut found = Vec::new();
    if !any_set(rule, keys) {
        return found;
    }
    let mut check = |fails: bool, reason, violation| {
        if fails {
            found.push((reason, violation));
        }
    };
    let id = text(&context["agent_id"]);
    let identity = &context["agent_identity"];
    let undeclared = id.is_empty() || identity.is_null();
    let wants = |name: &str| is_set(&rule[name]);
    check(wants("require_declared_agent") && undeclared, "agent_unknown", "agent_identity_missing");
    check(
        list(&rule["denied_agent_ids"]).contains(&id) || is_set(&identity["revoked"]),
        "agent_revoked",
        "agent_revoked",
    );
    let allowed = list(&rule["allowed_agent_ids"]);
    check(!allowed.is_empty() && !allowed.contains(&id), "agent_unknown", "agent_not_declared");
    check(
        wants("require_agent_owner") && text(&identity["owner"]).is_empty(),
        "agent_owner_missing",
        "agent_owner_missing",
    );
    let states = list(&identity["lifecycle_states"]);
    let wanted = lowlist(&rule["required_agent_lifecycle_states"]);
    check(
        !wanted.iter().all(|state| states.contains(state)),
        "agent_lifecycle_state_invalid",
        "agent_lifecycle_state_invalid",
    );
    let expires = time(&identity["expires_at"]).unwrap();
    check(
        wants("require_unexpired_agent") && (expires == zero_time() || expires <= at),
        "agent_expired",
        "agent_expired",
    );
    let differs = |wanted: Vec<String>, has: String| !wanted.is_empty() && !wanted.contains(&has);
    let manifest = word(&rule["required_agent_manifest_digest"]);
    check(
        !manifest.is_empty() && manifest != text(&identity["manifest_digest"])
            || differs(
                lowlist(&rule["allowed_agent_manifest_publishers"]),
                word(&identity["publisher"]),
            )
            || differs(lowlist(&rule["allowed_agent_manifest_sources"]), text(&identity["source"])),
        "agent_manifest_mismatch",
        "agent_manifest_mismatch",
    );
    found
}

fn credential(rule: &Value, call: &Value) -> Vec<(&'static str, &'static str)> {
    let keys = "block_standing_credentials allowed_credential_sources allowed_credential_issuers \
        allowed_credential_access_types max_credential_ttl_seconds require_jit_credential";
    let mut found = Vec::new();
    if !any_set(rule, keys) {
        return found;
    }
    let mut check = |fails: bool, code| {
        if fails {
            found.push((code, code));
        }
    };
    let context = &call["context"];
    let said = |name: &str| text(&context[name]);
    let kind = said("credential_access_type");
    let source = said("credential_source");
    check(said("credential_ref").is_empty(), "credential_evidence_missing");
    check(source.is_empty(), "credential_source_unknown");
    check(kind.is_empty(), "credential_access_type_unknown");
    let wants_jit = is_set(&rule["require_jit_credential"]);
    check(wants_jit && kind.is_empty(), "credential_evidence_missing");
    check(wants_jit && !kind.is_empty() && kind != "jit", "credential_not_jit");
    let standing = ["", "cloud_admin", "inherited", "standing", "static", "unknown"];
    check(
        is_set(&rule["block_standing_credentials"]) && standing.contains(&kind.as_str()),
        "standing_credential_disallowed",
    );
    let outside = |allowed: Vec<String>, has: &str| {
        !allowed.is_empty() && !allowed.iter().any(|word| word == has)
    };
    check(
        outside(lowlist(&rule["allowed_credential_sources"]), &source),
        "credential_source_disallowed",
    );
    check(
        outside(list(&rule["allowed_credential_issuers"]), &said("credential_issuer")),
        "credential_issuer_disallowed",
    );
    check(
        outside(lowlist(&rule["allowed_credential_access_types"]), &kind),
        "credential_access_type_disallowed",
    );
    let ttl = integer(&context["credential_ttl_seconds"]).unwrap();
    let longest = integer(&rule["max_credential_ttl_seconds"]).unwrap();
    check(longest > 0 && ttl <= 0, "credential_evidence_missing");
    check(longest > 0 && ttl > longest, "credential_ttl_exceeded");
    let differs =
        |binding: String, has: String| !binding.is_empty() && !has.is_empty() && binding != has;
    let targets = Value::from(items(&call["targets"]));
    check(
        differs(said("credential_target_binding"), digest(&targets)),
        "credential_target_binding_mismatch",
    );
    check(
        differs(said("credential_run_binding"), said("run_id")),
        "credential_run_binding_mismatch",
    );
    check(
        differs(said("credential_job_binding"), said("job_id")),
        "credential_job_binding_mismatch",
    );
    found
}
