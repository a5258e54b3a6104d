//! The terms of a rule in the normal form, in the order in which they are heeded.
//!
//! `enabled: true` is written only where nothing else puts a block in force.

use super::{unless, unless_verdict, unless_word};
use crate::policy::agent::AgentTerms;
use crate::policy::broker::BrokerTerms;
use crate::policy::context_evidence::ContextTerms;
use crate::policy::credential::CredentialTerms;
use crate::policy::dataflow::{self, Dataflow};
use crate::policy::endpoint::{self, Endpoint};
use crate::policy::freeze::FreezeWindow;
use crate::policy::limit::{Limit, Scope, Window};
use crate::policy::sandbox::SandboxTerms;
use crate::policy::{Terms, Verdict};
use crate::yaml::Mapping;

/// Adds the terms that are in force.
pub(super) fn add(mapping: Mapping, terms: &Terms) -> Mapping {
    let mapping = mapping
        .mapping("dataflow", terms.dataflow.as_ref().map(dataflow).unwrap_or_default())
        .mapping("endpoint", terms.endpoint.as_ref().map(endpoint).unwrap_or_default());
    let mapping = add_to(mapping, terms.context.as_ref(), add_context);
    let mapping = add_to(mapping, terms.agent.as_ref(), add_agent);
    let mapping = add_to(mapping, terms.credential.as_ref(), add_credential);
    let mapping = mapping
        .mapping("freeze_window", terms.freeze_window.as_ref().map(freeze).unwrap_or_default())
        .mapping("sandbox", terms.sandbox.as_ref().map(sandbox).unwrap_or_default())
        .mapping("rate_limit", terms.rate_limit.as_ref().map(limit).unwrap_or_default())
        .mapping(
            "destructive_budget",
            terms.destructive_budget.as_ref().map(limit).unwrap_or_default(),
        );
    add_broker(mapping, &terms.broker)
}

fn add_to<T>(mapping: Mapping, terms: Option<&T>, add: fn(Mapping, &T) -> Mapping) -> Mapping {
    match terms {
        Some(terms) => add(mapping, terms),
        None => mapping,
    }
}

fn dataflow(terms: &Dataflow) -> Mapping {
    let lists = Mapping::default()
        .texts("tainted_sources", unless(&terms.tainted_sources, &dataflow::TAINTED))
        .texts("destination_kinds", &terms.destination_kinds)
        .texts("destination_values", &terms.destination_values)
        .texts("destination_operations", &terms.destination_operations);
    in_force(lists)
        .text("action", unless_verdict(terms.action, Verdict::RequireApproval))
        .text("reason_code", unless_word(&terms.reason_code, dataflow::REASON_CODE))
        .text("violation", unless_word(&terms.violation, dataflow::VIOLATION))
}

fn endpoint(terms: &Endpoint) -> Mapping {
    let lists = Mapping::default()
        .texts("path_allowlist", &terms.path_allowlist)
        .texts("path_denylist", &terms.path_denylist)
        .texts("domain_allowlist", &terms.domain_allowlist)
        .texts("domain_denylist", &terms.domain_denylist)
        .texts("egress_classes", terms.egress_classes.iter().map(|class| class.as_str()))
        .text("destructive_action", terms.destructive_action.map_or("", Verdict::as_str));
    in_force(lists)
        .text("action", unless_verdict(terms.action, Verdict::Block))
        .text("reason_code", unless_word(&terms.reason_code, endpoint::VIOLATION))
        .text("violation", unless_word(&terms.violation, endpoint::VIOLATION))
}

/// What is said; `enabled` where nothing is.
fn in_force(said: Mapping) -> Mapping {
    let silent = said.is_empty();
    said.flag("enabled", silent)
}

fn add_context(mapping: Mapping, terms: &ContextTerms) -> Mapping {
    // Evidence that is required is required in that mode.
    let mode = if terms.mode_required && !terms.required { "required" } else { "" };
    mapping
        .flag("require_context_evidence", terms.required)
        .text("required_context_evidence_mode", mode)
        .number("max_context_age_seconds", terms.max_age_seconds)
}

fn add_agent(mapping: Mapping, terms: &AgentTerms) -> Mapping {
    let digest = terms.manifest_digest.map(|digest| digest.to_string()).unwrap_or_default();
    mapping
        .flag("require_declared_agent", terms.declared)
        .texts("allowed_agent_ids", &terms.allowed_ids)
        .texts("denied_agent_ids", &terms.denied_ids)
        .text("required_agent_manifest_digest", &digest)
        .texts("allowed_agent_manifest_publishers", &terms.manifest_publishers)
        .texts("allowed_agent_manifest_sources", &terms.manifest_sources)
        .texts("required_agent_lifecycle_states", &terms.lifecycle_states)
        .flag("require_agent_owner", terms.owned)
        .flag("require_unexpired_agent", terms.unexpired)
}

fn add_credential(mapping: Mapping, terms: &CredentialTerms) -> Mapping {
    mapping
        .flag("block_standing_credentials", terms.no_standing)
        .texts("allowed_credential_sources", terms.sources.iter().map(|source| source.as_str()))
        .texts("allowed_credential_issuers", &terms.issuers)
        .texts("allowed_credential_access_types", terms.access_types.iter().map(|t| t.as_str()))
        .number("max_credential_ttl_seconds", terms.max_ttl_seconds)
        .flag("require_jit_credential", terms.jit)
}

fn freeze(terms: &FreezeWindow) -> Mapping {
    let windows = terms.windows.iter().enumerate().map(|(at, window)| {
        Mapping::default()
            .text("name", unless_word(&window.name, &format!("window-{}", at + 1)))
            .text("start", &window.start)
            .text("end", &window.end)
    });
    Mapping::default()
        .text("timezone", &terms.timezone)
        .text("effect", unless_verdict(terms.effect, Verdict::Block))
        .text("reason", &terms.reason)
        .texts("environments", &terms.environments)
        .texts("risk_classes", &terms.risk_classes)
        .mappings("windows", windows.collect())
}

fn sandbox(terms: &SandboxTerms) -> Mapping {
    let said = Mapping::default()
        .texts("allowed_network_modes", terms.allowed_network_modes.iter().map(|m| m.as_str()))
        .texts("allowed_writable_path_prefixes", &terms.allowed_writable_path_prefixes)
        .texts("required_read_only_roots", &terms.required_read_only_roots)
        .texts(
            "allowed_env_exposure_modes",
            terms.allowed_env_exposure_modes.iter().map(|mode| mode.as_str()),
        )
        .number("max_timeout_seconds", terms.max_timeout_seconds)
        .texts(
            "allowed_filesystem_isolations",
            terms.allowed_filesystem_isolations.iter().map(|isolation| isolation.as_str()),
        )
        .texts("allowed_user_modes", terms.allowed_user_modes.iter().map(|mode| mode.as_str()));
    in_force(said)
}

fn limit(limit: &Limit) -> Mapping {
    Mapping::default()
        .number("requests", limit.requests)
        .text("window", unless_word(limit.window.as_str(), Window::Minute.as_str()))
        .text("scope", unless_word(limit.scope.as_str(), Scope::ToolIdentity.as_str()))
}

fn add_broker(mapping: Mapping, terms: &BrokerTerms) -> Mapping {
    mapping
        .flag("require_broker_credential", terms.required)
        .text("broker_reference", &terms.reference)
        .texts("broker_scopes", &terms.scopes)
}
