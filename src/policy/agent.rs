//! What must be known of the agent that calls (spec E4).

use super::say::Say;
use super::subject::Subject;
use crate::intent::text::lower;
use crate::intent::time::{self, Time};
use crate::intent::{AgentIdentity, Label};
use crate::json::Digest;

/// The constraint, in force: at least one key is set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AgentTerms {
    /// `require_declared_agent`.
    pub declared: bool,
    /// Ids of which the agent's must be one, in exact case; empty for any.
    pub allowed_ids: Vec<String>,
    /// Ids that may not call.
    pub denied_ids: Vec<String>,
    /// The digest that the agent's manifest must have.
    pub manifest_digest: Option<Digest>,
    /// Publishers of which the manifest's must be one, lower-case; empty for any.
    pub manifest_publishers: Vec<String>,
    /// Sources of which the manifest's must be one, lower-case; empty for any.
    pub manifest_sources: Vec<String>,
    /// States that the agent must be in, lower-case, all of them.
    pub lifecycle_states: Vec<String>,
    /// `require_agent_owner`.
    pub owned: bool,
    /// `require_unexpired_agent`.
    pub unexpired: bool,
}

impl AgentTerms {
    /// Blocks where something is not as it must be.
    pub(super) fn check(&self, subject: &Subject<'_>, at: Time, say: &mut Say<'_>) {
        let id = subject.context.labels.get(&Label::AgentId);
        let identity = subject.context.agent_identity.as_ref();
        self.check_id(id, identity, say);
        if identity.is_some_and(|identity| identity.revoked) {
            say.block("agent_revoked");
        }
        if self.owned && identity.is_none_or(|identity| identity.owner.is_empty()) {
            say.block("agent_owner_missing");
        }
        let states = identity.map(|identity| identity.lifecycle_states.as_slice());
        let has = |wanted: &String| states.unwrap_or_default().contains(wanted);
        if !self.lifecycle_states.iter().all(has) {
            say.block("agent_lifecycle_state_invalid");
        }
        if self.unexpired && identity.is_none_or(|identity| has_expired(identity, at)) {
            say.block("agent_expired");
        }
        if !self.accepts_manifest(identity) {
            say.block("agent_manifest_mismatch");
        }
    }

    fn check_id(&self, id: Option<&String>, identity: Option<&AgentIdentity>, say: &mut Say<'_>) {
        if self.declared && (id.is_none() || identity.is_none()) {
            say.because("agent_unknown", "agent_identity_missing");
            say.at_least(super::Verdict::Block);
        }
        if id.is_some_and(|id| self.denied_ids.contains(id)) {
            say.block("agent_revoked");
        }
        if !self.allowed_ids.is_empty() && id.is_none_or(|id| !self.allowed_ids.contains(id)) {
            say.because("agent_unknown", "agent_not_declared");
            say.at_least(super::Verdict::Block);
        }
    }

    fn accepts_manifest(&self, identity: Option<&AgentIdentity>) -> bool {
        let listed = |wanted: &[String], has: &dyn Fn(&AgentIdentity) -> String| {
            wanted.is_empty() || identity.is_some_and(|identity| wanted.contains(&has(identity)))
        };
        let digest = identity.and_then(|identity| identity.manifest_digest);
        (self.manifest_digest.is_none() || digest == self.manifest_digest)
            && listed(&self.manifest_publishers, &|identity| lower(&identity.publisher))
            && listed(&self.manifest_sources, &|identity| identity.source.clone())
    }
}

/// An agent without an end of life has none left.
fn has_expired(identity: &AgentIdentity, at: Time) -> bool {
    identity.expires_at == time::ZERO || identity.expires_at <= at
}
