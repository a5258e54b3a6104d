//! The order of an evaluation, and how rules meet (C6, C7, E12).

use super::constraints;
use super::matching::{fits, items};
use super::policy::{HIGH_RISK, aliased};
use super::text::{integer, is_set, list, lowlist, slug, text, word};
use jiff::Timestamp;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// What is decided of a call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) verdict: String,
    pub(crate) reason_codes: BTreeSet<String>,
    pub(crate) violations: BTreeSet<String>,
    pub(crate) matched_rule: Option<String>,
    pub(crate) min_approvals: i64,
    pub(crate) distinct: bool,
}

/// How restrictive a verdict is.
pub(crate) fn rank(verdict: &str) -> usize {
    let order = ["allow", "dry_run", "require_approval", "block"];
    order.iter().position(|word| *word == verdict).unwrap()
}

pub(crate) fn stricter(a: &str, b: &str) -> String {
    if rank(a) >= rank(b) { a.to_owned() } else { b.to_owned() }
}

/// Evaluates a checked policy on a normalised intent.
pub(crate) fn decide(policy: &Value, intent: &Value, at: Timestamp) -> Answer {
    let call = without_claims(intent);
    if let Some(closed) = fail_closed(&policy["fail_closed"], &call) {
        return closed;
    }
    match call["script"].is_null() {
        true => single(policy, &call, at),
        false => script(policy, &call, at),
    }
}

/// Without what only a context envelope could prove (E3, point 1).
fn without_claims(intent: &Value) -> Value {
    let mut call = intent.clone();
    let context = call["context"].as_object_mut().unwrap();
    for name in ["context_set_digest", "context_evidence_mode", "context_refs"] {
        context.remove(name);
    }
    if let Some(auth) = context.get_mut("auth_context").and_then(Value::as_object_mut) {
        auth.remove("context_age_seconds");
    }
    call
}

fn fail_closed(closed: &Value, call: &Value) -> Option<Answer> {
    let context = &call["context"];
    let mut risks = lowlist(&closed["risk_classes"]);
    if risks.is_empty() {
        risks = vec!["critical".to_owned(), "high".to_owned()];
    }
    if !is_set(&closed["enabled"]) || !risks.contains(&text(&context["risk_class"])) {
        return None;
    }
    // A step's target counts also where the script names targets of its own.
    let of_steps = items(&call["script"]["steps"]).iter().flat_map(|step| items(&step["targets"]));
    let mut targets = items(&call["targets"]).iter().chain(of_steps);
    let has_other = targets.any(|target| target["endpoint_class"] == "other");
    let mut found: Vec<(String, String)> = Vec::new();
    let mut missing = |name: &str| {
        found.push((format!("fail_closed_missing_{name}"), format!("missing_{name}")));
    };
    for field in lowlist(&closed["required_fields"]) {
        match field.as_str() {
            "targets" | "arg_provenance" if items(&call[&field]).is_empty() => missing(&field),
            "endpoint_class" if has_other => missing(&field),
            "delegation" if call["delegation"].is_null() => missing(&field),
            _ => {}
        }
    }
    for field in lowlist(&closed["required_high_risk_fields"]) {
        assert!(HIGH_RISK.contains(&field));
        if context[&field].is_null() {
            missing(&field);
        }
    }
    if lowlist(&closed["required_fields"]).contains(&"context_evidence".to_owned()) {
        found.push(("context_evidence_missing".to_owned(), "missing_context_evidence".to_owned()));
    }
    if has_other {
        let reason = "fail_closed_endpoint_class_unknown";
        found.push((reason.to_owned(), "endpoint_class_unknown".to_owned()));
    }
    let (reason_codes, violations) = found.into_iter().unzip();
    let answer =
        Answer { verdict: "block".to_owned(), reason_codes, violations, ..Answer::default() };
    (!answer.reason_codes.is_empty()).then_some(answer)
}

fn single(policy: &Value, call: &Value, at: Timestamp) -> Answer {
    let mut rules: Vec<&Value> = items(&policy["rules"]).iter().collect();
    rules.sort_by_key(|rule| (priority(rule), text(&rule["name"])));
    let matched: Vec<&Value> =
        rules.into_iter().filter(|rule| fits(&rule["match"], call)).collect();
    let Some(first) = matched.first().map(|rule| priority(rule)) else { return default(policy) };
    let matched: Vec<&Value> = matched.into_iter().filter(|rule| priority(rule) == first).collect();
    let alone: Vec<Answer> = matched.iter().map(|rule| evaluate(rule, call, at)).collect();
    let verdict = alone.iter().map(|one| &one.verdict).max_by_key(|word| rank(word)).unwrap();
    let names = json!(matched.iter().map(|rule| text(&rule["name"])).collect::<Vec<_>>());
    let mut answer = Answer {
        verdict: verdict.clone(),
        matched_rule: Some(list(&names).join(",")),
        ..Answer::default()
    };
    for one in alone.iter().filter(|one| one.verdict == *verdict) {
        merge(&mut answer, one);
    }
    if verdict != "require_approval" {
        (answer.min_approvals, answer.distinct) = (0, false);
    }
    answer
}

fn priority(rule: &Value) -> i64 {
    integer(&rule["priority"]).unwrap()
}

/// Everything but verdict and names: texts together, demands at their highest.
fn merge(into: &mut Answer, one: &Answer) {
    into.reason_codes.extend(one.reason_codes.iter().cloned());
    into.violations.extend(one.violations.iter().cloned());
    into.min_approvals = into.min_approvals.max(one.min_approvals);
    into.distinct |= one.distinct;
}

fn default(policy: &Value) -> Answer {
    let verdict = match aliased(policy, "default_verdict", "default_action").unwrap() {
        unsaid if unsaid.is_empty() => "require_approval".to_owned(),
        said => said,
    };
    Answer {
        reason_codes: BTreeSet::from([format!("default_{verdict}")]),
        min_approvals: i64::from(verdict == "require_approval"),
        verdict,
        ..Answer::default()
    }
}

/// One matched rule, alone (C6.4).
fn evaluate(rule: &Value, call: &Value, at: Timestamp) -> Answer {
    let mut answer = Answer {
        verdict: aliased(rule, "effect", "action").unwrap(),
        reason_codes: list(&rule["reason_codes"]).into_iter().collect(),
        violations: list(&rule["violations"]).into_iter().collect(),
        min_approvals: integer(&rule["min_approvals"]).unwrap(),
        ..Answer::default()
    };
    if answer.reason_codes.is_empty() {
        let code = format!("matched_rule_{}", slug(&text(&rule["name"])));
        answer.reason_codes.insert(code.trim().to_owned());
    }
    answer.distinct = is_set(&rule["require_distinct_approvers"]) || answer.min_approvals > 1;
    let contained = constraints::apply(rule, call, at, &mut answer);
    let targets = items(&call["targets"]);
    let is_excepted = contained == constraints::Contained::Yes
        && !targets.is_empty()
        && targets.iter().all(|target| target["endpoint_class"] == "proc.exec");
    if targets.iter().any(|target| is_set(&target["destructive"])) && !is_excepted {
        let (effect, reason) = match text(&call["context"]["phase"]).as_str() {
            "plan" => ("dry_run", "plan_phase_non_destructive"),
            _ => ("require_approval", "destructive_apply_requires_approval"),
        };
        answer.verdict = stricter(&answer.verdict, effect);
        answer.reason_codes.insert(reason.to_owned());
    }
    if answer.verdict == "require_approval" {
        answer.min_approvals = answer.min_approvals.max(1);
    }
    answer
}

fn script(policy: &Value, call: &Value, at: Timestamp) -> Answer {
    let steps = items(&call["script"]["steps"]);
    let mut answer = Answer { verdict: "allow".to_owned(), ..Answer::default() };
    let mut names = Vec::new();
    let mut risks = BTreeSet::new();
    for step in steps {
        let mut of_step = call.clone();
        for name in ["tool_name", "args", "targets", "arg_provenance"] {
            of_step[name] = step[name].clone();
        }
        let one = single(policy, &of_step, at);
        answer.verdict = stricter(&answer.verdict, &one.verdict);
        merge(&mut answer, &one);
        names.extend(one.matched_rule);
        risks.insert(step_risk(step));
    }
    let names = list(&json!(names));
    answer.matched_rule = (!names.is_empty()).then(|| names.join(","));
    limits(&policy["scripts"], steps.len(), &risks, &mut answer);
    answer
}

fn limits(scripts: &Value, steps: usize, risks: &BTreeSet<&str>, answer: &mut Answer) {
    let number = |name: &str| usize::try_from(integer(&scripts[name]).unwrap()).unwrap();
    let max_steps = if number("max_steps") == 0 { 64 } else { number("max_steps") };
    if steps > max_steps {
        answer.verdict = "block".to_owned();
        answer.reason_codes.insert("script_max_steps_exceeded".to_owned());
        answer.violations.insert("script_max_steps_exceeded".to_owned());
    }
    let above = number("require_approval_above");
    if above > 0 && steps > above {
        answer.verdict = stricter(&answer.verdict, "require_approval");
        answer.reason_codes.insert("script_step_threshold_approval".to_owned());
        answer.min_approvals = answer.min_approvals.max(1);
    }
    if is_set(&scripts["block_mixed_risk"]) && risks.len() > 1 {
        answer.verdict = "block".to_owned();
        answer.reason_codes.insert("script_mixed_risk_blocked".to_owned());
        answer.violations.insert("script_mixed_risk".to_owned());
    }
}

fn step_risk(step: &Value) -> &'static str {
    let targets = items(&step["targets"]);
    let has = |classes: &[&str]| {
        targets.iter().any(|target| classes.contains(&word(&target["endpoint_class"]).as_str()))
    };
    if has(&["fs.delete", "proc.exec"]) || targets.iter().any(|t| is_set(&t["destructive"])) {
        "high"
    } else if has(&["fs.write", "net.http", "net.dns"]) {
        "medium"
    } else {
        "low"
    }
}
