//! What a broker says it issued, held against what was asked for and what the rules allow.

use super::Request;
use crate::intent::{AccessType, CredentialSource};
use crate::json::{self, Digest};

/// What a broker says it issued.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// The credential's name; never the credential.
    pub credential_ref: String,
    /// Who issued it.
    pub issuer: String,
    /// Where it came from.
    pub source: CredentialSource,
    /// How it is held.
    pub access_type: AccessType,
    /// How long it lives.
    pub ttl_seconds: u64,
    /// What it may do.
    pub scope: Vec<String>,
    /// Which request it answers.
    pub request_digest: Option<Digest>,
    /// Which targets it is for.
    pub target_binding: Digest,
    /// Which run it is for; may be empty.
    pub run_binding: String,
    /// Which job it is for; may be empty.
    pub job_binding: String,
}

/// What a rule asks of a credential (spec E5), as far as a receipt can answer.
#[derive(Clone, Copy, Debug, Default)]
pub struct Terms<'a> {
    /// Only one that was made for this call.
    pub jit: bool,
    /// None that is held for longer than a call.
    pub no_standing: bool,
    /// How long it may live; 0 for any time.
    pub max_ttl_seconds: u64,
    /// Sources of which its must be one; empty for any.
    pub sources: &'a [CredentialSource],
    /// Issuers of which its must be one, in exact case; empty for any.
    pub issuers: &'a [String],
    /// Access types of which its must be one; empty for any.
    pub access_types: &'a [AccessType],
}

impl Receipt {
    /// The codes of everything that is wrong with it, sorted and unique; each is a reason and a
    /// violation. `rules` are all rules that matched.
    pub fn faults(&self, request: &Request, rules: &[Terms<'_>]) -> Vec<&'static str> {
        let mut faults: Vec<_> = rules.iter().flat_map(|terms| self.breaks(terms)).collect();
        faults.extend(self.departs_from(request));
        faults.sort_unstable();
        faults.dedup();
        faults
    }

    /// Where it answers another request.
    fn departs_from(&self, request: &Request) -> impl Iterator<Item = &'static str> {
        let digest = json::digest(request).ok();
        let claims = !request.claimed_ref.is_empty();
        let scoped = request.wanted_scope.iter().all(|scope| self.scope.contains(scope));
        chosen([
            (self.request_digest.is_none(), "broker_request_digest_missing"),
            (
                self.request_digest.is_some() && self.request_digest != digest,
                "broker_request_digest_mismatch",
            ),
            (!scoped, "broker_scope_mismatch"),
            (
                claims && self.credential_ref != request.claimed_ref,
                "broker_credential_ref_mismatch",
            ),
            (self.target_binding != request.target_binding, "broker_target_binding_mismatch"),
            (self.run_binding != request.run_id, "broker_run_binding_mismatch"),
            (self.job_binding != request.job_id, "broker_job_binding_mismatch"),
        ])
    }

    /// Where it is not what a rule allows.
    fn breaks(&self, terms: &Terms<'_>) -> impl Iterator<Item = &'static str> {
        let is_jit = self.access_type == AccessType::Jit;
        let max = terms.max_ttl_seconds;
        chosen([
            (max > 0 && self.ttl_seconds > max, "broker_ttl_exceeded"),
            (terms.jit && !is_jit, "credential_not_jit"),
            // Of the known types, only `jit` is not standing.
            (terms.no_standing && !is_jit, "standing_credential_disallowed"),
            (misses(terms.sources, &self.source), "credential_source_disallowed"),
            (misses(terms.issuers, &self.issuer), "credential_issuer_disallowed"),
            (misses(terms.access_types, &self.access_type), "credential_access_type_disallowed"),
        ])
    }
}

/// Whether there is a list, and the item is not in it.
fn misses<T: PartialEq>(listed: &[T], item: &T) -> bool {
    !listed.is_empty() && !listed.contains(item)
}

fn chosen<const N: usize>(codes: [(bool, &'static str); N]) -> impl Iterator<Item = &'static str> {
    codes.into_iter().filter_map(|(applies, code)| applies.then_some(code))
}
