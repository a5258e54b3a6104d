//! What one matched rule says of one subject (spec C6.4).
//!
//! Its effect goes through the terms of the rule in the order of the format. Each term may put
//! reasons on record and make the effect stricter; only `dataflow` replaces it, up or down. Last
//! comes the boundary that no rule can lift by itself: what destroys is at most planned, or
//! needs an approval.

use super::Verdict;
use super::freeze::FreezeFinding;
use super::rule::Rule;
use super::sandbox::SandboxFinding;
use super::subject::Subject;
use crate::intent::time::Time;
use crate::intent::words::words;
use crate::intent::{EndpointClass, Phase};
use std::ops::Range;

/// At most a plan: a destructive subject in phase `plan`.
const PLAN: (Verdict, &str) = (Verdict::DryRun, "plan_phase_non_destructive");

/// Not without a human: a destructive subject in phase `apply`.
const APPLY: (Verdict, &str) = (Verdict::RequireApproval, "destructive_apply_requires_approval");

words! {
    /// What can change the effect of a rule, by its key or group of keys in a policy.
    pub enum Term {
        Agent = "agent",
        ContextEvidence = "context_evidence",
        Credential = "credential",
        Dataflow = "dataflow",
        DestructiveBoundary = "destructive_boundary",
        Endpoint = "endpoint",
        FreezeWindow = "freeze_window",
        Sandbox = "sandbox",
        ScriptLimits = "script_limits",
    }
}

/// One term that had something to say: the effect before and after it, and where its reasons and
/// violations stand among all.
#[derive(Clone, Debug)]
pub(super) struct Heeded {
    pub(super) term: Term,
    pub(super) from: Verdict,
    pub(super) to: Verdict,
    pub(super) reasons: Range<usize>,
    pub(super) violations: Range<usize>,
}

/// The effect of a rule and what it rests on.
#[derive(Clone, Debug)]
pub(super) struct Say<'p> {
    /// The rule that speaks.
    pub(super) rule: &'p Rule,
    /// What it says in the end.
    pub(super) effect: Verdict,
    /// Reasons beside the rule's own.
    pub(super) reason_codes: Vec<&'p str>,
    /// Violations beside the rule's own.
    pub(super) violations: Vec<&'p str>,
    /// The terms that spoke, in order. Empty, and so no allocation, where all of them hold.
    pub(super) heeded: Vec<Heeded>,
    pub(super) freeze_window: Option<FreezeFinding>,
    pub(super) sandbox: Option<SandboxFinding>,
}

impl<'p> Say<'p> {
    /// What `rule`, which matches `subject`, says of it at that time.
    pub(super) fn of(rule: &'p Rule, subject: &Subject<'_>, at: Time) -> Say<'p> {
        let mut say = Say {
            rule,
            effect: rule.effect,
            reason_codes: Vec::new(),
            violations: Vec::new(),
            heeded: Vec::new(),
            freeze_window: None,
            sandbox: None,
        };
        say.heed_terms(subject, at);
        say.heed(Term::DestructiveBoundary, |say| say.heed_boundary(subject));
        say
    }

    /// Lets one term speak, and records it if it does.
    fn heed(&mut self, term: Term, check: impl FnOnce(&mut Say<'p>)) {
        let (from, reasons) = (self.effect, self.reason_codes.len());
        let violations = self.violations.len();
        check(self);
        if self.reason_codes.len() > reasons {
            self.heeded.push(Heeded {
                term,
                from,
                to: self.effect,
                reasons: reasons..self.reason_codes.len(),
                violations: violations..self.violations.len(),
            });
        }
    }

    fn heed_terms(&mut self, subject: &Subject<'_>, at: Time) {
        let terms = &self.rule.terms;
        if let Some(dataflow) = &terms.dataflow {
            self.heed(Term::Dataflow, |say| dataflow.check(subject, say));
        }
        if let Some(endpoint) = &terms.endpoint {
            self.heed(Term::Endpoint, |say| endpoint.check(subject, say));
        }
        if let Some(context) = &terms.context {
            self.heed(Term::ContextEvidence, |say| context.check(say));
        }
        if let Some(agent) = &terms.agent {
            self.heed(Term::Agent, |say| agent.check(subject, at, say));
        }
        if let Some(credential) = &terms.credential {
            self.heed(Term::Credential, |say| credential.check(subject, say));
        }
        if let Some(freeze_window) = &terms.freeze_window {
            self.heed(Term::FreezeWindow, |say| freeze_window.check(subject, at, say));
        }
        if let Some(sandbox) = &terms.sandbox {
            self.heed(Term::Sandbox, |say| sandbox.check(subject, say));
        }
    }

    fn heed_boundary(&mut self, subject: &Subject<'_>) {
        if !subject.is_destructive() || self.is_contained(subject) {
            return;
        }
        let (least, reason) = match subject.context.phase {
            Phase::Plan => PLAN,
            Phase::Apply => APPLY,
        };
        self.at_least(least);
        self.reason_codes.push(reason);
    }

    /// Programs that a valid sandbox holds are let run (spec E7, last paragraph).
    fn is_contained(&self, subject: &Subject<'_>) -> bool {
        let runs = || subject.targets.iter().all(|t| t.endpoint_class == EndpointClass::ProcExec);
        self.sandbox.as_ref().is_some_and(SandboxFinding::is_valid) && runs()
    }

    /// Makes the effect at least as strict.
    pub(super) fn at_least(&mut self, least: Verdict) {
        self.effect = self.effect.max(least);
    }

    /// Puts another effect in the place of this one, stricter or not.
    pub(super) fn replace(&mut self, effect: Verdict) {
        self.effect = effect;
    }

    /// Puts a reason and its violation on record.
    pub(super) fn because(&mut self, reason_code: &'p str, violation: &'p str) {
        self.reason_codes.push(reason_code);
        self.violations.push(violation);
    }

    /// A reason whose violation is the same word, for which the call is blocked.
    pub(super) fn block(&mut self, word: &'p str) {
        self.because(word, word);
        self.at_least(Verdict::Block);
    }

    /// The rule's own reasons and those of its terms.
    pub(super) fn reason_codes(&self) -> impl Iterator<Item = &str> {
        self.rule.reason_codes.iter().map(String::as_str).chain(self.reason_codes.iter().copied())
    }

    /// The rule's own violations and those of its terms.
    pub(super) fn violations(&self) -> impl Iterator<Item = &str> {
        self.rule.violations.iter().map(String::as_str).chain(self.violations.iter().copied())
    }
}
