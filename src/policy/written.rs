//! A policy as text in its normal form (spec E21, our shorter form).
//!
//! Keys stand in one order, rules in that of their evaluation, lists as they are digested; what
//! is empty, or the format's default, is left out. So two files that mean the same are the same
//! text, and what is left says something.

mod matcher;
mod terms;

use super::mcp_trust::{GUARDED, McpTrust};
use super::script::ScriptTerms;
use super::{FailClosed, Policy, Rule, Verdict};
use crate::yaml::Mapping;

impl Policy {
    /// The normal form, as YAML that ends with a line break. Reading it gives a policy of the same
    /// digest and, written again, the same text.
    pub fn to_yaml(&self) -> String {
        Mapping::default()
            .text("schema_id", self.schema_id())
            .text("schema_version", self.schema_version())
            .text("default_verdict", self.default_verdict.as_str())
            .mapping("fail_closed", fail_closed(&self.fail_closed))
            .mapping("scripts", scripts(&self.scripts))
            .mapping("mcp_trust", self.mcp_trust.as_ref().map(mcp_trust).unwrap_or_default())
            .mappings("rules", self.rules.iter().map(rule).collect())
            .to_yaml()
    }
}

fn fail_closed(fail_closed: &FailClosed) -> Mapping {
    let default: &[&str] = if fail_closed.enabled { &FailClosed::RISK_CLASSES } else { &[] };
    Mapping::default()
        .flag("enabled", fail_closed.enabled)
        .texts("risk_classes", unless(&fail_closed.risk_classes, default))
        .texts("required_fields", fail_closed.required_fields.iter().map(|field| field.as_str()))
        .texts(
            "required_high_risk_fields",
            fail_closed.required_high_risk_fields.iter().map(|field| field.as_str()),
        )
}

fn scripts(scripts: &ScriptTerms) -> Mapping {
    Mapping::default()
        .number("max_steps", scripts.max_steps)
        .number("require_approval_above", scripts.require_approval_above)
        .flag("block_mixed_risk", scripts.block_mixed_risk)
}

fn mcp_trust(trust: &McpTrust) -> Mapping {
    Mapping::default()
        .text("snapshot", &trust.snapshot_path)
        .text("action", unless_verdict(trust.action, Verdict::Block))
        .texts("required_risk_classes", unless(&trust.required_risk_classes, &GUARDED))
        .given("min_score", Some(trust.min_score).filter(|score| *score > 0.0))
        .text("max_age", &trust.max_age)
        .texts("publisher_allowlist", &trust.publisher_allowlist)
        .flag("require_registry", trust.require_registry)
}

fn rule(rule: &Rule) -> Mapping {
    // Several approvers are different people, whatever the policy says.
    let distinct = rule.require_distinct_approvers && rule.min_approvals <= 1;
    let mapping = Mapping::default()
        .text("name", &rule.name)
        .number("priority", rule.priority)
        .text("effect", rule.effect.as_str())
        .mapping("match", matcher::mapping(&rule.matcher))
        .texts("reason_codes", &rule.digested_reason_codes)
        .texts("violations", &rule.violations)
        .number("min_approvals", rule.min_approvals)
        .flag("require_distinct_approvers", distinct);
    terms::add(mapping, &rule.terms)
}

/// A list, or nothing where it is the default.
fn unless<'a>(list: &'a [String], default: &[&str]) -> &'a [String] {
    if list.iter().map(String::as_str).eq(default.iter().copied()) { &[] } else { list }
}

/// A word, or nothing where it is the default.
fn unless_word<'a>(word: &'a str, default: &str) -> &'a str {
    if word == default { "" } else { word }
}

fn unless_verdict(verdict: Verdict, default: Verdict) -> &'static str {
    unless_word(verdict.as_str(), default.as_str())
}
