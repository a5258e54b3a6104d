//! How good the evidence for the context must be (spec E3).
//!
//! Only a verified envelope can be evidence, and the format of envelopes is not fixed, so there
//! is none: a rule that asks for evidence blocks whatever it matches. What an intent claims about
//! its context never counts.

use super::Verdict;
use super::say::Say;

/// The constraint, in force.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ContextTerms {
    /// `require_context_evidence`.
    pub required: bool,
    /// `required_context_evidence_mode: required`, also implied by the above.
    pub mode_required: bool,
    /// How old the context may be, seconds; 0 for any age.
    pub max_age_seconds: u64,
}

impl ContextTerms {
    /// Blocks, with everything that is missing.
    pub(super) fn check(&self, say: &mut Say<'_>) {
        say.because("context_evidence_missing", "missing_context_evidence");
        say.because("context_set_digest_missing", "missing_context_evidence");
        if self.mode_required {
            say.because("context_evidence_mode_mismatch", "context_evidence_mode_violation");
        }
        if self.max_age_seconds > 0 {
            say.because("context_freshness_exceeded", "context_freshness_violation");
        }
        say.at_least(Verdict::Block);
    }
}
