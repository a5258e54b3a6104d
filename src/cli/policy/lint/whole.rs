//! What surprises in a policy as a whole.

use super::Findings;
use crate::policy::{FailClosed, IgnoredDocuments, Policy, RequiredField, Verdict};

/// No script has more steps.
const STEPS_MAX: u64 = 64;

/// Warns of everything that is about no single rule.
pub(super) fn check(policy: &Policy, findings: &mut Findings) {
    if policy.ignored_documents() == IgnoredDocuments::Some {
        findings.policy("only the first yaml document counts; the file goes on after it");
    }
    if policy.default_verdict() == Verdict::Allow {
        findings.policy(
            "default_verdict is allow: what no rule matches runs, also on destructive targets; \
             use require_approval or block",
        );
    }
    fail_closed(policy.fail_closed(), findings);
    scripts(policy, findings);
    if policy.mcp_trust().is_some() {
        findings.policy(
            "mcp_trust has no effect here: it is about calls that name an mcp server, and neither \
             the proxy nor gate eval sees any",
        );
    }
}

fn fail_closed(fail_closed: &FailClosed, findings: &mut Findings) {
    let FailClosed { enabled, risk_classes, required_fields, required_high_risk_fields } =
        fail_closed;
    let says = !risk_classes.is_empty()
        || !required_fields.is_empty()
        || !required_high_risk_fields.is_empty();
    if !enabled && says {
        findings.policy("fail_closed requires nothing: write `enabled: true`, or remove it");
    }
    if *enabled && required_fields.contains(&RequiredField::ContextEvidence) {
        findings.policy(format!(
            "fail_closed requires context_evidence, which is not supported: every intent of risk \
             class {} is blocked",
            risk_classes.join(", "),
        ));
    }
}

fn scripts(policy: &Policy, findings: &mut Findings) {
    let scripts = policy.scripts();
    if scripts.max_steps > STEPS_MAX {
        let steps = scripts.max_steps;
        findings.policy(format!(
            "scripts.max_steps is {steps}, and no script has more than {STEPS_MAX} steps anyway"
        ));
    }
    let max = if scripts.max_steps == 0 { STEPS_MAX } else { scripts.max_steps };
    if scripts.require_approval_above >= max {
        findings.policy(format!(
            "scripts.require_approval_above is never reached: more than {max} steps are blocked"
        ));
    }
}
