//! The terms of a rule in its digest (spec C3): those that are set.

use crate::intent::{AccessType, CredentialSource};
use crate::json::Digest;
use crate::policy::Terms;
use crate::policy::agent::AgentTerms;
use crate::policy::context_evidence::ContextTerms;
use crate::policy::credential::CredentialTerms;
use crate::policy::dataflow::Dataflow;
use crate::policy::endpoint::Endpoint;
use crate::policy::freeze::FreezeWindow;
use crate::policy::limit::Limit;
use crate::policy::sandbox::SandboxTerms;
use serde::Serialize;

/// All terms of one rule; what is `None` is left out.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct TermsView<'a> {
    #[serde(flatten)]
    agent: Option<AgentView<'a>>,
    #[serde(flatten)]
    credential: Option<CredentialView<'a>>,
    #[serde(flatten)]
    context: Option<ContextView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    require_broker_credential: Option<bool>,
    #[serde(skip_serializing_if = "str::is_empty")]
    broker_reference: &'a str,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    broker_scopes: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    freeze_window: Option<&'a FreezeWindow>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sandbox: Option<&'a SandboxTerms>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rate_limit: Option<LimitView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    destructive_budget: Option<LimitView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dataflow: Option<&'a Dataflow>,
    #[serde(skip_serializing_if = "Option::is_none")]
    endpoint: Option<&'a Endpoint>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct AgentView<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    require_declared_agent: Option<bool>,
    #[serde(rename = "AllowedAgentIDs", skip_serializing_if = "<[_]>::is_empty")]
    allowed_agent_ids: &'a [String],
    #[serde(rename = "DeniedAgentIDs", skip_serializing_if = "<[_]>::is_empty")]
    denied_agent_ids: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    required_agent_manifest_digest: Option<Digest>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    allowed_agent_manifest_publishers: &'a [String],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    allowed_agent_manifest_sources: &'a [String],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    required_agent_lifecycle_states: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    require_agent_owner: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    require_unexpired_agent: Option<bool>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct CredentialView<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    block_standing_credentials: Option<bool>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    allowed_credential_sources: &'a [CredentialSource],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    allowed_credential_issuers: &'a [String],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    allowed_credential_access_types: &'a [AccessType],
    #[serde(rename = "MaxCredentialTTLSeconds", skip_serializing_if = "Option::is_none")]
    max_credential_ttl_seconds: Option<u64>,
    #[serde(rename = "RequireJITCredential", skip_serializing_if = "Option::is_none")]
    require_jit_credential: Option<bool>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ContextView {
    #[serde(skip_serializing_if = "Option::is_none")]
    require_context_evidence: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    required_context_evidence_mode: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_context_age_seconds: Option<u64>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct LimitView {
    requests: u64,
    window: &'static str,
    scope: &'static str,
}

impl<'a> TermsView<'a> {
    pub(super) fn of(terms: &'a Terms) -> TermsView<'a> {
        TermsView {
            agent: terms.agent.as_ref().map(AgentView::of),
            credential: terms.credential.as_ref().map(CredentialView::of),
            context: terms.context.as_ref().map(ContextView::of),
            require_broker_credential: given(terms.broker.required),
            broker_reference: &terms.broker.reference,
            broker_scopes: &terms.broker.scopes,
            freeze_window: terms.freeze_window.as_ref(),
            sandbox: terms.sandbox.as_ref(),
            rate_limit: terms.rate_limit.as_ref().map(LimitView::of),
            destructive_budget: terms.destructive_budget.as_ref().map(LimitView::of),
            dataflow: terms.dataflow.as_ref(),
            endpoint: terms.endpoint.as_ref(),
        }
    }
}

impl<'a> AgentView<'a> {
    fn of(terms: &'a AgentTerms) -> AgentView<'a> {
        AgentView {
            require_declared_agent: given(terms.declared),
            allowed_agent_ids: &terms.allowed_ids,
            denied_agent_ids: &terms.denied_ids,
            required_agent_manifest_digest: terms.manifest_digest,
            allowed_agent_manifest_publishers: &terms.manifest_publishers,
            allowed_agent_manifest_sources: &terms.manifest_sources,
            required_agent_lifecycle_states: &terms.lifecycle_states,
            require_agent_owner: given(terms.owned),
            require_unexpired_agent: given(terms.unexpired),
        }
    }
}

impl<'a> CredentialView<'a> {
    fn of(terms: &'a CredentialTerms) -> CredentialView<'a> {
        CredentialView {
            block_standing_credentials: given(terms.no_standing),
            allowed_credential_sources: &terms.sources,
            allowed_credential_issuers: &terms.issuers,
            allowed_credential_access_types: &terms.access_types,
            max_credential_ttl_seconds: positive(terms.max_ttl_seconds),
            require_jit_credential: given(terms.jit),
        }
    }
}

impl ContextView {
    fn of(terms: &ContextTerms) -> ContextView {
        ContextView {
            require_context_evidence: given(terms.required),
            required_context_evidence_mode: terms.mode_required.then_some("required"),
            max_context_age_seconds: positive(terms.max_age_seconds),
        }
    }
}

impl LimitView {
    fn of(limit: &Limit) -> LimitView {
        LimitView {
            requests: limit.requests,
            window: limit.window.as_str(),
            scope: limit.scope.as_str(),
        }
    }
}

/// `true`, or left out.
fn given(flag: bool) -> Option<bool> {
    flag.then_some(true)
}

fn positive(number: u64) -> Option<u64> {
    Some(number).filter(|number| *number > 0)
}
