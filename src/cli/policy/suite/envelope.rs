//! A suite's report as members of the one JSON object.

use super::report::{CaseReport, Coverage, End, FileReport, Report};
use crate::cli::answer::Answer;
use serde_json::{Value, json};

/// Adds everything there is to say.
pub(super) fn members(report: &Report, answer: Answer) -> Answer {
    let (totals, covered) = (report.totals(), report.covered());
    let summary = format!(
        "policy test cases={} passed={} failed={} broken={} rules={} matched={} coverage={}",
        totals.cases,
        totals.passed(),
        totals.failed,
        totals.broken,
        covered.rules,
        covered.matched,
        covered.percent(),
    );
    answer
        .with("schema_id", "gait.policytest.suite")
        .with("schema_version", "1.0.0")
        .with("cases_total", totals.cases)
        .with("cases_passed", totals.passed())
        .with("cases_failed", totals.failed)
        .with("cases_broken", totals.broken)
        .with("rules_total", covered.rules)
        .with("rules_matched", covered.matched)
        .with("coverage_percent", covered.percent())
        .with("min_coverage_percent", report.min_coverage.unwrap_or_default())
        .with("cases", report.files.iter().flat_map(cases).collect::<Vec<_>>())
        .with("coverage", report.coverage.iter().map(coverage).collect::<Vec<_>>())
        .with("summary", summary)
}

fn cases(file: &FileReport) -> impl Iterator<Item = Value> {
    let path = file.path.to_string_lossy();
    file.cases.iter().map(move |case| {
        let mut members = json!({
            "file": path,
            "line": case.place.line,
            "column": case.place.column,
            "name": case.name,
            "status": case.status().as_str(),
        });
        if let (Some(members), Value::Object(end)) = (members.as_object_mut(), end(case)) {
            members.extend(end);
        }
        members
    })
}

fn end(case: &CaseReport) -> Value {
    let judged = match &case.end {
        End::Broken(error) => return json!({"error": error}),
        End::Judged(judged) => judged,
    };
    let differences = judged.differences.iter().map(|difference| {
        let (expected, got) = (&difference.expected, &difference.got);
        json!({"member": difference.member, "expected": expected, "got": got})
    });
    json!({
        "policy_digest": judged.policy_digest,
        "intent_digest": judged.intent_digest,
        "expected_verdict": judged.expected.as_str(),
        "verdict": judged.decision.verdict.as_str(),
        "reason_codes": judged.decision.reason_codes,
        "violations": judged.decision.violations,
        "matched_rule": judged.decision.matched_rule,
        "min_approvals": judged.decision.min_approvals,
        "differences": differences.collect::<Vec<_>>(),
    })
}

fn coverage(coverage: &Coverage) -> Value {
    let unmatched = coverage.unmatched.iter();
    let unmatched = unmatched.map(|rule| json!({"rule": rule.name, "line": rule.line}));
    json!({
        "policy": coverage.policy.to_string_lossy(),
        "policy_digest": coverage.digest,
        "rules_total": coverage.rules,
        "rules_matched": coverage.rules - coverage.unmatched.len(),
        "unmatched": unmatched.collect::<Vec<_>>(),
    })
}
