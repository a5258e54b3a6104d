//! How the caller's credential must be held (spec E5). Of the credential itself nothing is known,
//! only what the context says of it.

use super::say::Say;
use super::subject::Subject;
use crate::intent::{AccessType, Context, CredentialSource, Label, Target};
use crate::json;

/// The constraint, in force: at least one key is set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CredentialTerms {
    /// `block_standing_credentials`.
    pub no_standing: bool,
    /// Sources of which its must be one; empty for any.
    pub sources: Vec<CredentialSource>,
    /// Issuers of which its must be one, in exact case; empty for any.
    pub issuers: Vec<String>,
    /// Access types of which its must be one; empty for any.
    pub access_types: Vec<AccessType>,
    /// How long it may live, seconds; 0 for any time.
    pub max_ttl_seconds: u64,
    /// `require_jit_credential`.
    pub jit: bool,
}

impl CredentialTerms {
    /// Blocks where something is not as it must be.
    pub(super) fn check(&self, subject: &Subject<'_>, say: &mut Say<'_>) {
        let context = subject.context;
        let label = |label| context.labels.get(&label);
        if label(Label::CredentialRef).is_none() {
            say.block("credential_evidence_missing");
        }
        self.check_source(context, say);
        self.check_access(context.credential_access_type, say);
        self.check_ttl(context.credential_ttl_seconds, say);
        let binding = label(Label::CredentialTargetBinding);
        if binding.is_some_and(|binding| !binds(binding, subject.targets)) {
            say.block("credential_target_binding_mismatch");
        }
        let differ = |a: Option<&String>, b: Option<&String>| a.zip(b).is_some_and(|(a, b)| a != b);
        if differ(label(Label::RunId), label(Label::CredentialRunBinding)) {
            say.block("credential_run_binding_mismatch");
        }
        if differ(label(Label::JobId), label(Label::CredentialJobBinding)) {
            say.block("credential_job_binding_mismatch");
        }
    }

    fn check_source(&self, context: &Context, say: &mut Say<'_>) {
        let source = context.credential_source;
        if source.is_none() {
            say.block("credential_source_unknown");
        }
        if !self.sources.is_empty() && source.is_none_or(|source| !self.sources.contains(&source)) {
            say.block("credential_source_disallowed");
        }
        let issuer = context.labels.get(&Label::CredentialIssuer);
        if !self.issuers.is_empty() && issuer.is_none_or(|issuer| !self.issuers.contains(issuer)) {
            say.block("credential_issuer_disallowed");
        }
    }

    fn check_access(&self, access: Option<AccessType>, say: &mut Say<'_>) {
        if access.is_none() {
            say.block("credential_access_type_unknown");
        }
        match access {
            None if self.jit => say.block("credential_evidence_missing"),
            Some(access) if self.jit && access != AccessType::Jit => {
                say.block("credential_not_jit")
            }
            _ => {}
        }
        // Of the known types, only `jit` is not standing.
        if self.no_standing && access != Some(AccessType::Jit) {
            say.block("standing_credential_disallowed");
        }
        let listed = |access: AccessType| self.access_types.contains(&access);
        if !self.access_types.is_empty() && !access.is_some_and(listed) {
            say.block("credential_access_type_disallowed");
        }
    }

    fn check_ttl(&self, ttl_seconds: u64, say: &mut Say<'_>) {
        if self.max_ttl_seconds == 0 {
            return;
        }
        if ttl_seconds == 0 {
            say.block("credential_evidence_missing");
        } else if ttl_seconds > self.max_ttl_seconds {
            say.block("credential_ttl_exceeded");
        }
    }
}

/// Whether a credential that is bound to targets is bound to these.
fn binds(binding: &str, targets: &[Target]) -> bool {
    json::digest(&targets).is_ok_and(|digest| digest.to_string() == binding)
}
