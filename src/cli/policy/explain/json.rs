//! An explanation as one JSON object.

use super::{Explained, demands};
use crate::cli::answer::Answer;
use crate::policy::Decision;
use crate::policy::explain::{Ground, Lack, Outcome, RuleReport, Standing, StepReport, TermReport};
use serde_json::{Value, json};

impl Explained<'_> {
    /// Adds the members.
    pub(super) fn members(&self, answer: Answer) -> Answer {
        let decision = &self.explanation.decision;
        let answer = answer
            .with("schema_id", "gait.policyexplain.result")
            .with("schema_version", "1.0.0")
            .with("created_at", self.intent.created_at().to_string())
            .with("evaluated_at", self.at.to_string())
            .with("policy_digest", self.policy.digest().to_string())
            .with("intent_digest", self.intent.digest().to_string())
            .with("default_verdict", self.policy.default_verdict().as_str())
            .with("verdict", decision.verdict.as_str())
            .with("reason_codes", decision.reason_codes.clone())
            .with("violations", decision.violations.clone())
            .with("matched_rule", decision.matched_rule.clone())
            .with("min_approvals", decision.min_approvals)
            .with("distinct_approvers", decision.distinct_approvers)
            .with("freeze_window", json!(decision.details.freeze_window))
            .with("sandbox", json!(decision.details.sandbox))
            .with("demands", demands(decision))
            .with("ground", ground(&self.explanation.ground, decision));
        match &self.explanation.ground {
            Ground::FailedClosed(lacks) => answer.with("lacks", values(lacks, lack)),
            Ground::Rules(rules) => answer.with("rules", values(rules, rule)),
            Ground::Steps { steps, limits } => answer
                .with("steps", values(steps, step))
                .with("script_limits", limits.as_ref().map(term)),
        }
    }
}

/// Where the decision comes from, in a word.
fn ground(ground: &Ground<'_>, decision: &Decision) -> &'static str {
    match ground {
        Ground::FailedClosed(_) => "fail_closed",
        Ground::Steps { .. } => "script",
        Ground::Rules(_) if decision.matched_rule.is_none() => "default_verdict",
        Ground::Rules(_) => "rules",
    }
}

fn values<T>(items: &[T], value: fn(&T) -> Value) -> Vec<Value> {
    items.iter().map(value).collect()
}

fn lack(lack: &Lack) -> Value {
    json!({"reason_code": lack.reason_code, "violation": lack.violation})
}

fn step(step: &StepReport<'_>) -> Value {
    let decision = &step.decision;
    json!({
        "tool_name": step.tool_name,
        "verdict": decision.verdict,
        "reason_codes": decision.reason_codes,
        "violations": decision.violations,
        "matched_rule": decision.matched_rule,
        "rules": values(&step.rules, rule),
    })
}

fn rule(report: &RuleReport<'_>) -> Value {
    let rule = report.rule;
    let mut value = json!({
        "name": rule.name,
        "line": rule.line,
        "priority": rule.priority,
        "effect": rule.effect,
    });
    let (outcome, name, details) = match &report.outcome {
        Outcome::Missed(miss) => {
            let miss = json!({"key": miss.key, "wanted": miss.wanted, "got": miss.got});
            ("missed", "missed", miss)
        }
        Outcome::TooLate => ("too_late", "", Value::Null),
        Outcome::Spoke(spoken) => {
            let said = json!({
                "effect": spoken.effect,
                "gives_verdict": spoken.standing == Standing::GivesVerdict,
                "reason_codes": spoken.reason_codes,
                "violations": spoken.violations,
                "terms": values(&spoken.terms, term),
            });
            ("spoke", "said", said)
        }
    };
    if let Value::Object(members) = &mut value {
        members.insert("outcome".to_owned(), outcome.into());
        if !details.is_null() {
            members.insert(name.to_owned(), details);
        }
    }
    value
}

fn term(report: &TermReport) -> Value {
    json!({
        "term": report.term,
        "from": report.from,
        "to": report.to,
        "reason_codes": report.reason_codes,
        "violations": report.violations,
    })
}
