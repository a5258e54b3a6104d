//! Terms of a rule that are keys of the rule itself: context evidence, agent, credential, broker
//! (spec E3, E4, E5, E14). A group is in force where one of its keys is set.

use super::matcher::{exact, lowered};
use super::{count, vocabulary};
use crate::intent::text::{shown, trimmed, word};
use crate::intent::{AccessType, CredentialSource};
use crate::json::Digest;
use crate::policy::agent::AgentTerms;
use crate::policy::broker::BrokerTerms;
use crate::policy::context_evidence::ContextTerms;
use crate::policy::credential::CredentialTerms;
use crate::yaml::{Fault, Fields};

/// What the rule asks of the context's evidence.
pub(super) fn context(fields: &mut Fields, rule: &str) -> Result<Option<ContextTerms>, Fault> {
    let required = fields.flag("require_context_evidence")?;
    let (mode, place) = fields.text("required_context_evidence_mode")?;
    let mode = word(mode);
    if !mode.is_empty() && mode != "required" {
        let what = format!(
            "required_context_evidence_mode must be required for `{}`, not `{}`",
            shown(rule),
            shown(&mode)
        );
        return Err(Fault::validate(place, what));
    }
    let terms = ContextTerms {
        required,
        mode_required: required || !mode.is_empty(),
        max_age_seconds: count(fields, "max_context_age_seconds", rule)?,
    };
    Ok(in_force(terms))
}

/// What the rule asks of the agent.
pub(super) fn agent(fields: &mut Fields, rule: &str) -> Result<Option<AgentTerms>, Fault> {
    let terms = AgentTerms {
        declared: fields.flag("require_declared_agent")?,
        allowed_ids: exact(fields, "allowed_agent_ids")?,
        denied_ids: exact(fields, "denied_agent_ids")?,
        manifest_digest: manifest_digest(fields, rule)?,
        manifest_publishers: lowered(fields, "allowed_agent_manifest_publishers")?,
        manifest_sources: lowered(fields, "allowed_agent_manifest_sources")?,
        lifecycle_states: lowered(fields, "required_agent_lifecycle_states")?,
        owned: fields.flag("require_agent_owner")?,
        unexpired: fields.flag("require_unexpired_agent")?,
    };
    Ok(in_force(terms))
}

fn manifest_digest(fields: &mut Fields, rule: &str) -> Result<Option<Digest>, Fault> {
    let (said, place) = fields.text("required_agent_manifest_digest")?;
    let said = word(said);
    if said.is_empty() {
        return Ok(None);
    }
    Digest::parse(&said).map(Some).ok_or_else(|| {
        let rule = shown(rule);
        let what = format!("required_agent_manifest_digest must be sha256 hex for `{rule}`");
        Fault::validate(place, what)
    })
}

/// What the rule asks of the caller's credential.
pub(super) fn credential(
    fields: &mut Fields,
    rule: &str,
) -> Result<Option<CredentialTerms>, Fault> {
    let rule_name = shown(rule);
    let terms = CredentialTerms {
        no_standing: fields.flag("block_standing_credentials")?,
        sources: vocabulary(
            fields.texts("allowed_credential_sources")?,
            CredentialSource::parse,
            |word| format!("unsupported allowed_credential_source {word} for `{rule_name}`"),
            CredentialSource::known,
        )?,
        issuers: exact(fields, "allowed_credential_issuers")?,
        access_types: vocabulary(
            fields.texts("allowed_credential_access_types")?,
            AccessType::parse,
            |word| format!("unsupported allowed_credential_access_type {word} for `{rule_name}`"),
            AccessType::known,
        )?,
        max_ttl_seconds: count(fields, "max_credential_ttl_seconds", rule)?,
        jit: fields.flag("require_jit_credential")?,
    };
    Ok(in_force(terms))
}

/// What the rule asks a broker for.
pub(super) fn broker(fields: &mut Fields) -> Result<BrokerTerms, Fault> {
    Ok(BrokerTerms {
        required: fields.flag("require_broker_credential")?,
        reference: trimmed(fields.text("broker_reference")?.0),
        scopes: lowered(fields, "broker_scopes")?,
    })
}

/// Terms that say nothing are no terms.
fn in_force<T: Default + PartialEq>(terms: T) -> Option<T> {
    (terms != T::default()).then_some(terms)
}
