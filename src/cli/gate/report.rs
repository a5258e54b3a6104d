//! How `gait gate eval` says what it decided: the answer, or with `--explain` why (spec C9, E19).

use super::ruling::Simulated;
use super::{Evaluation, Written, limits};
use crate::cli::answer::Answer;
use crate::cli::signing::EPHEMERAL;
use crate::cli::style::Line;
use crate::cli::verdict_exit;
use crate::policy::{Rule, Verdict};
use serde_json::{Value, json};
use std::path::PathBuf;

/// Everything there is to say.
pub(super) struct Report<'a> {
    pub(super) eval: Evaluation<'a>,
    pub(super) written: &'a Written,
}

impl Report<'_> {
    /// The normal object, and its text.
    pub(super) fn answer(&self) -> Answer {
        let (judged, ruling) = (self.eval.judged, self.eval.ruling);
        let answer = self
            .lines()
            .with("profile", self.eval.settings.profile.as_str())
            .with("verdict", ruling.verdict.as_str())
            .with("reason_codes", ruling.reason_codes.clone())
            .with("violations", ruling.violations.clone())
            .with("approval_ref", self.eval.approval_ref())
            .with("required_approvals", ruling.required_approvals)
            .with("approval_audit_path", text(self.written.approval_audit.as_ref()))
            .with("trace_id", self.written.trace_id.as_str())
            .with("trace_path", self.trace_path())
            .with("policy_digest", judged.policy.digest().to_string())
            .with("intent_digest", judged.intent.digest().to_string())
            .with("matched_rule", judged.decision.matched_rule.clone())
            .with("phase", judged.intent.context().phase.as_str());
        let answer = self.found(answer);
        self.warned(simulation(answer, ruling.simulated.as_ref()))
    }

    /// What was found out and spent on the way.
    fn found(&self, answer: Answer) -> Answer {
        let Evaluation { judged, spending, .. } = self.eval;
        let details = &judged.decision.details;
        let answer = limits::told(answer, &spending.spent)
            .with("freeze_window", json!(details.freeze_window))
            .with("sandbox", json!(details.sandbox))
            .with("kill_switch", json!(judged.switched))
            .with("context_source", judged.context_source.as_str())
            .with("credential_evidence_path", text(self.written.credential_evidence.as_ref()));
        let answer = self.shown(answer);
        let answer = match &spending.credential {
            Some(issued) => issued.told(answer),
            None => answer,
        };
        match (judged.intent.script(), &details.script) {
            (Some(script), Some(finding)) => answer
                .with("script", true)
                .with("step_count", script.steps.len())
                .with("script_hash", script.hash.to_string())
                .with("composite_risk_class", finding.composite_risk.as_str())
                .with("step_verdicts", json!(finding.steps)),
            _ => answer,
        }
    }

    /// What became of the tokens.
    fn shown(&self, answer: Answer) -> Answer {
        let answered = &self.eval.spending.answered;
        let answer = match &answered.approval {
            Some(outcome) => answer.with("valid_approvals", outcome.valid),
            None => answer,
        };
        match &answered.delegation {
            Some(outcome) => answer
                .with("delegation_required", true)
                .with("valid_delegations", outcome.valid)
                .with("delegation_ref", outcome.delegation_ref.as_str())
                .with("delegation_audit_path", text(self.written.delegation_audit.as_ref())),
            None => answer,
        }
    }

    /// Why the rules decided as they did, before approvals and simulation.
    pub(super) fn explained(&self) -> Answer {
        let (judged, decision) = (self.eval.judged, &self.eval.judged.decision);
        let missing_fields = self.missing_fields();
        let broker = decision.demands.broker.as_ref();
        let delegation = decision.demands.delegation.as_ref();
        let valid_approvals = self.eval.spending.answered.approval.as_ref().map(|a| a.valid);
        let answer = self
            .lines()
            .with("schema_id", "gait.gate.policy_explain")
            .with("schema_version", "1.0.0")
            .with("created_at", judged.intent.created_at().to_string())
            .with("producer_version", env!("CARGO_PKG_VERSION"))
            .with("verdict", decision.verdict.as_str())
            .with("matched_rule", decision.matched_rule.clone())
            .with("matched_rules", self.matched_rules())
            .with("reason_codes", decision.reason_codes.clone())
            .with("violations", decision.violations.clone())
            .with("missing_fields", missing_fields)
            .with("fail_closed_reason_codes", self.failed_closed().to_vec())
            .with("approval_required", decision.verdict == Verdict::RequireApproval)
            .with("required_approvals", self.eval.ruling.required_approvals)
            .with("valid_approvals", valid_approvals)
            .with("require_delegation", delegation.is_some())
            .with("required_delegation_scopes", delegation.map(|demand| demand.scopes.clone()))
            .with("context_evidence_status", context_evidence(&decision.reason_codes))
            .with("freeze_window", json!(decision.details.freeze_window))
            .with("sandbox", json!(decision.details.sandbox))
            .with("require_broker_credential", broker.is_some())
            .with("broker_reference", broker.map(|demand| demand.reference.as_str()))
            .with("broker_scopes", broker.map(|demand| demand.scopes.clone()))
            .with("kill_switch", json!(judged.switched))
            .with("proof_refs", self.proofs());
        self.warned(answer)
    }

    /// The text form.
    fn lines(&self) -> Answer {
        let ruling = self.eval.ruling;
        let mut answer = Answer::new(verdict_exit(ruling.verdict))
            .line(Line::from("gate eval: verdict=").verdict(ruling.verdict))
            .line(format!("trace: {}", self.trace_path()));
        if let Some(simulated) = &ruling.simulated {
            let (blocked, verdict) = (simulated.would_have_blocked, simulated.verdict.as_str());
            answer = answer.line(format!(
                "simulate: would_have_blocked={blocked} simulated_verdict={verdict}"
            ));
        }
        for (name, codes) in [("reasons", &ruling.reason_codes), ("violations", &ruling.violations)]
        {
            if !codes.is_empty() {
                answer = answer.line(format!("{name}: {}", codes.join(",")));
            }
        }
        let answered = &self.eval.spending.answered;
        if let Some(path) = &self.written.approval_audit {
            let valid = answered.approval.as_ref().map_or(0, |outcome| outcome.valid);
            answer = answer
                .line(format!("approvals: {valid}/{}", ruling.required_approvals))
                .line(format!("approval audit: {}", path.display()));
        }
        match (&self.written.delegation_audit, &answered.delegation) {
            (Some(path), Some(outcome)) => answer
                .line(format!("delegations: {}", outcome.valid))
                .line(format!("delegation audit: {}", path.display())),
            _ => answer,
        }
    }

    fn warned(&self, answer: Answer) -> Answer {
        let warnings = self.eval.judged.warnings.iter().chain(&self.written.warning);
        let answer = warnings.fold(answer, |answer, warning| answer.warn(warning));
        let about_keys = self.eval.spending.answered.warning;
        let answer = about_keys.into_iter().fold(answer, |answer, warning| answer.warn(warning));
        if self.eval.settings.signing.is_prod() { answer } else { answer.warn(EPHEMERAL) }
    }

    /// The rules behind the decision; none where it failed closed.
    fn matched_rules(&self) -> Vec<Value> {
        match self.eval.judged.decision.matched_rule {
            None => Vec::new(),
            Some(_) => self
                .eval
                .judged
                .policy
                .matched(&self.eval.judged.intent)
                .into_iter()
                .map(rule)
                .collect(),
        }
    }

    /// The reasons, where they come from `fail_closed`.
    fn failed_closed(&self) -> &[String] {
        let judged = self.eval.judged;
        let failed = judged.policy.fails_closed(&judged.intent);
        if failed { &judged.decision.reason_codes } else { &[] }
    }

    /// The fields that `fail_closed` missed, by their names in a policy.
    fn missing_fields(&self) -> Vec<&str> {
        let judged = self.eval.judged;
        let failed = judged.policy.fails_closed(&judged.intent);
        let missing = judged.decision.violations.iter().filter(|_| failed);
        missing.filter_map(|violation| violation.strip_prefix("missing_")).collect()
    }

    fn proofs(&self) -> Vec<String> {
        let others = [
            &self.written.approval_audit,
            &self.written.delegation_audit,
            &self.written.credential_evidence,
        ];
        let others = others.into_iter().filter_map(|path| text(path.as_ref()));
        std::iter::once(self.trace_path()).chain(others).collect()
    }

    fn trace_path(&self) -> String {
        self.written.trace.display().to_string()
    }
}

// === details ===

fn text(path: Option<&PathBuf>) -> Option<String> {
    path.map(|path| path.display().to_string())
}

fn simulation(answer: Answer, simulated: Option<&Simulated>) -> Answer {
    match simulated {
        None => answer,
        Some(simulated) => answer
            .with("simulate_mode", true)
            .with("would_have_blocked", simulated.would_have_blocked)
            .with("simulated_verdict", simulated.verdict.as_str())
            .with("simulated_reason_codes", simulated.reason_codes.clone()),
    }
}

fn rule(rule: &Rule) -> Value {
    json!({"name": rule.name, "priority": rule.priority, "effect": rule.effect.as_str()})
}

/// No envelope is read, so that evidence that a rule or `fail_closed` asks for is missing.
fn context_evidence(reason_codes: &[String]) -> &'static str {
    let missing = reason_codes.iter().any(|code| code == "context_evidence_missing");
    if missing { "missing" } else { "not_required" }
}
