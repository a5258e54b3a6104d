//! Terms that make a rule say something else than its effect, or nothing at all.

use super::Findings;
use crate::intent::time::Time;
use crate::intent::{AccessType, EndpointClass, Kind, ProvenanceSource};
use crate::policy::dataflow::Dataflow;
use crate::policy::{Rule, Verdict};

/// Operations that make a target destructive (spec C4.3).
const DESTRUCTIVE: [&str; 9] =
    ["delete", "remove", "rm", "unlink", "rmdir", "drop", "truncate", "exec", "spawn"];

/// Warns of terms that contradict the effect, or each other.
pub(super) fn check(rule: &Rule, _: Time, findings: &mut Findings) {
    let terms = &rule.terms;
    if let Some(flow) = &terms.dataflow {
        dataflow(rule, flow, findings);
    }
    if terms.context.is_some() {
        findings.rule(
            rule,
            "asks for context evidence, which is not supported: it blocks whatever it matches",
        );
    }
    blocked(rule, findings);
    boundary(rule, findings);
    credential(rule, findings);
    agent(rule, findings);
    if terms.sandbox.as_ref().is_some_and(|sandbox| !sandbox.required_read_only_roots.is_empty()) {
        findings.rule(
            rule,
            "has required_read_only_roots, which require none: an intent may declare no root, \
             only no other",
        );
    }
}

fn dataflow(rule: &Rule, dataflow: &Dataflow, findings: &mut Findings) {
    let (action, effect) = (dataflow.action.as_str(), rule.effect.as_str());
    if dataflow.action < rule.effect {
        findings.rule(
            rule,
            format!("says {effect}, but where its dataflow triggers only {action}; set its action"),
        );
    }
    let known = |source: &String| ProvenanceSource::parse(source).is_some();
    if !dataflow.tainted_sources.iter().any(known) {
        let sources = dataflow.tainted_sources.join("`, `");
        let known = ProvenanceSource::known();
        let text = format!("has dataflow from `{sources}`, which is never; known are {known}");
        findings.rule(rule, text);
    }
    let kinds = &dataflow.destination_kinds;
    if !kinds.is_empty() && kinds.iter().all(|kind| Kind::parse(kind).is_none()) {
        let (kinds, known) = (kinds.join("`, `"), Kind::known());
        let text = format!("has dataflow to kinds `{kinds}`, which is never; known are {known}");
        findings.rule(rule, text);
    }
}

/// What a rule that blocks has beside that.
fn blocked(rule: &Rule, findings: &mut Findings) {
    let terms = &rule.terms;
    let lowered = terms.dataflow.as_ref().is_some_and(|flow| flow.action < Verdict::Block);
    if rule.effect != Verdict::Block || lowered {
        return;
    }
    for (key, given) in [
        ("rate_limit", terms.rate_limit.is_some()),
        ("destructive_budget", terms.destructive_budget.is_some()),
    ] {
        if given {
            findings.rule(rule, format!("blocks, so its {key} only counts calls that never run"));
        }
    }
    if rule.min_approvals > 0 {
        findings.rule(rule, "blocks, so its min_approvals are never asked for");
    }
    if terms.endpoint.is_some() {
        findings.rule(
            rule,
            "blocks whatever it matches; its endpoint adds reasons and changes nothing",
        );
    }
}

/// A milder effect on what is always destructive.
fn boundary(rule: &Rule, findings: &mut Findings) {
    let matcher = &rule.matcher;
    let classes = &matcher.endpoint_classes;
    let deletes = |class: &EndpointClass| *class == EndpointClass::FsDelete;
    let runs = |class: &EndpointClass| *class == EndpointClass::ProcExec;
    let by_class = !classes.is_empty() && classes.iter().all(|class| deletes(class) || runs(class));
    let operations = &matcher.destination_operations;
    let destroys = |operation: &String| DESTRUCTIVE.contains(&operation.as_str());
    let by_operation = !operations.is_empty() && operations.iter().all(destroys);
    let by_hint = matcher.tool_annotations.destructive_hint == Some(true);
    // A valid sandbox lets programs run.
    let contained = rule.terms.sandbox.is_some();
    let mild = matches!(rule.effect, Verdict::Allow | Verdict::DryRun);
    if mild && !contained && (by_class || by_operation || by_hint) {
        let effect = rule.effect.as_str();
        findings.rule(
            rule,
            format!(
                "says {effect}, but all that it matches is destructive: applied, it needs an \
                 approval all the same"
            ),
        );
    }
}

fn agent(rule: &Rule, findings: &mut Findings) {
    let Some(terms) = &rule.terms.agent else { return };
    if let Some(id) = terms.allowed_ids.iter().find(|id| terms.denied_ids.contains(id)) {
        findings.rule(rule, format!("both allows and denies agent `{id}`; a denial wins"));
    }
}

fn credential(rule: &Rule, findings: &mut Findings) {
    let Some(terms) = &rule.terms.credential else { return };
    let types = &terms.access_types;
    if (terms.jit || terms.no_standing) && !types.is_empty() && !types.contains(&AccessType::Jit) {
        findings.rule(
            rule,
            "blocks whatever it matches: it wants a jit credential, and \
             allowed_credential_access_types has no jit",
        );
    }
}

/// Warns of freeze windows that always block, or are over.
pub(super) fn freeze_window(rule: &Rule, at: Time, findings: &mut Findings) {
    let Some(freeze) = &rule.terms.freeze_window else { return };
    if !freeze.has_zone() {
        let zone = &freeze.timezone;
        let text = format!("has a freeze_window in `{zone}`, which is no known timezone");
        findings.rule(rule, format!("{text}: it always blocks; write it like Europe/Berlin"));
        return;
    }
    for window in &freeze.windows {
        let name = &window.name;
        match window.span() {
            None => findings.rule(
                rule,
                format!(
                    "has the freeze window `{name}`, whose start and end are no span of time: it \
                     always blocks; write them like 2026-01-02T03:04:05"
                ),
            ),
            Some((_, end)) if end <= at => {
                findings.rule(rule, format!("has the freeze window `{name}`, which is over"));
            }
            Some(_) => {}
        }
    }
}
