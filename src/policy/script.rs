//! Several calls as one intent (spec E12).
//!
//! Every step is judged alone, with the context that all share; the script is as strict as its
//! strictest step. Then come the limits that only a whole script can break: too many steps, and
//! steps of different risk.

use super::decision::{BrokerDemand, Decision, DelegationDemand, Demands, Details};
use super::freeze::FreezeFinding;
use super::limit::Limit;
use super::merge::{first_text, set};
use super::sandbox::SandboxFinding;
use super::subject::Subject;
use super::{Policy, Verdict};
use crate::intent::time::Time;
use crate::intent::words::words;
use crate::intent::{EndpointClass, Intent, Script, Step, Target};
use serde::Serialize;

/// How many steps a script may have where the policy does not say.
const STEPS_MAX: u64 = 64;

/// What a policy says of scripts as such; all zero or false means nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ScriptTerms {
    /// More steps are blocked; 0 for [`STEPS_MAX`].
    pub max_steps: u64,
    /// More steps need an approval; 0 for never.
    pub require_approval_above: u64,
    /// Whether steps of different risk are blocked.
    pub block_mixed_risk: bool,
}

words! {
    /// What a step can do to the world, from what it acts on.
    pub enum StepRisk {
        High = "high",
        Low = "low",
        Medium = "medium",
    }
}

/// How a script was judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScriptFinding {
    /// The highest of its steps.
    pub composite_risk: StepRisk,
    /// One for each step, in order.
    pub steps: Vec<StepVerdict>,
}

/// How one step was judged, in the form of the answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StepVerdict {
    /// From 0.
    pub index: usize,
    /// The step's tool.
    pub tool_name: String,
    /// Its verdict.
    pub verdict: Verdict,
    /// Sorted, unique.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub reason_codes: Vec<String>,
    /// Sorted, unique.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub violations: Vec<String>,
    /// The rules that matched it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub matched_rule: Option<String>,
}

impl ScriptTerms {
    /// Whether they say nothing, and are no part of the digest.
    pub(super) fn is_unset(&self) -> bool {
        *self == ScriptTerms::default()
    }
}

impl StepRisk {
    fn rank(self) -> u8 {
        match self {
            StepRisk::Low => 0,
            StepRisk::Medium => 1,
            StepRisk::High => 2,
        }
    }

    fn of(step: &Step) -> StepRisk {
        let risks = step.targets.iter().map(StepRisk::of_target);
        risks.max_by_key(|risk| risk.rank()).unwrap_or(StepRisk::Low)
    }

    fn of_target(target: &Target) -> StepRisk {
        match target.endpoint_class {
            EndpointClass::FsDelete | EndpointClass::ProcExec => StepRisk::High,
            _ if target.destructive => StepRisk::High,
            EndpointClass::FsWrite | EndpointClass::NetHttp | EndpointClass::NetDns => {
                StepRisk::Medium
            }
            _ => StepRisk::Low,
        }
    }
}

/// The decision on a whole script.
pub(super) fn decide(policy: &Policy, intent: &Intent, script: &Script, at: Time) -> Decision {
    let subjects = script.steps.iter().map(|step| Subject::step(intent, step));
    let steps = subjects.map(|subject| policy.judge(&subject, at)).collect();
    decision_of(policy, intent, script, steps)
}

/// The decision that follows from those on the steps.
pub(super) fn decision_of(
    policy: &Policy,
    intent: &Intent,
    script: &Script,
    steps: Vec<Decision>,
) -> Decision {
    let mut decision = combine(&steps);
    if let Some(broker) = &mut decision.demands.broker {
        // A receipt is held against every rule that matched, also for steps that ask for none.
        let rules = policy.matched(intent).into_iter();
        broker.terms = rules.filter_map(|rule| rule.terms.credential.clone()).collect();
    }
    let risks: Vec<_> = script.steps.iter().map(StepRisk::of).collect();
    limit(&mut decision, &policy.scripts, &risks);
    decision.details.script = Some(Box::new(finding(script, steps, &risks)));
    decision
}

/// The strictest verdict; reasons and violations of all steps, not only of the strictest.
fn combine(steps: &[Decision]) -> Decision {
    let matched = set(steps.iter().filter_map(|step| step.matched_rule.as_deref()));
    Decision {
        verdict: steps.iter().map(|step| step.verdict).max().unwrap_or(Verdict::Block),
        reason_codes: set(steps.iter().flat_map(|step| &step.reason_codes).map(String::as_str)),
        violations: set(steps.iter().flat_map(|step| &step.violations).map(String::as_str)),
        matched_rule: (!matched.is_empty()).then(|| matched.join(",")),
        min_approvals: steps.iter().map(|step| step.min_approvals).max().unwrap_or(0),
        distinct_approvers: steps.iter().any(|step| step.distinct_approvers),
        demands: demands(steps),
        details: Details {
            freeze_window: FreezeFinding::worst(
                steps.iter().filter_map(|step| step.details.freeze_window.clone()),
            ),
            sandbox: SandboxFinding::worst(
                steps.iter().filter_map(|step| step.details.sandbox.clone()),
            ),
            script: None,
        },
    }
}

fn demands(steps: &[Decision]) -> Demands {
    let tightest = |limit: fn(&Demands) -> Option<Limit>| {
        steps.iter().filter_map(|step| limit(&step.demands)).reduce(Limit::tightest)
    };
    let delegations = || steps.iter().filter_map(|step| step.demands.delegation.as_ref());
    Demands {
        delegation: delegations().next().map(|_| DelegationDemand {
            scopes: set(delegations().flat_map(|d| &d.scopes).map(String::as_str)),
        }),
        broker: broker(steps),
        rate_limit: tightest(|demands| demands.rate_limit),
        destructive_budget: tightest(|demands| demands.destructive_budget),
    }
}

fn broker(steps: &[Decision]) -> Option<BrokerDemand> {
    let demands = || steps.iter().filter_map(|step| step.demands.broker.as_ref());
    demands().next()?;
    Some(BrokerDemand {
        reference: first_text(demands().map(|demand| demand.reference.as_str())),
        scopes: set(demands().flat_map(|demand| &demand.scopes).map(String::as_str)),
        terms: Vec::new(),
    })
}

/// What only the whole can break.
fn limit(decision: &mut Decision, terms: &ScriptTerms, risks: &[StepRisk]) {
    let count = u64::try_from(risks.len()).unwrap_or(u64::MAX);
    let max = if terms.max_steps == 0 { STEPS_MAX } else { terms.max_steps };
    let mut add = |least: Verdict, reason: &str, violation: Option<&str>| {
        decision.verdict = decision.verdict.max(least);
        let reasons = decision.reason_codes.iter().map(String::as_str).chain([reason]);
        decision.reason_codes = set(reasons);
        let violations = decision.violations.iter().map(String::as_str).chain(violation);
        decision.violations = set(violations);
        if least == Verdict::RequireApproval {
            decision.min_approvals = decision.min_approvals.max(1);
        }
    };
    if count > max {
        let word = "script_max_steps_exceeded";
        add(Verdict::Block, word, Some(word));
    }
    if terms.require_approval_above > 0 && count > terms.require_approval_above {
        add(Verdict::RequireApproval, "script_step_threshold_approval", None);
    }
    let mixed = risks.windows(2).any(|pair| pair.first() != pair.last());
    if terms.block_mixed_risk && mixed {
        add(Verdict::Block, "script_mixed_risk_blocked", Some("script_mixed_risk"));
    }
}

fn finding(script: &Script, decisions: Vec<Decision>, risks: &[StepRisk]) -> ScriptFinding {
    let steps = script.steps.iter().zip(decisions).enumerate();
    let steps = steps.map(|(index, (step, decision))| StepVerdict {
        index,
        tool_name: step.tool_name.clone(),
        verdict: decision.verdict,
        reason_codes: decision.reason_codes,
        violations: decision.violations,
        matched_rule: decision.matched_rule,
    });
    let highest = risks.iter().copied().max_by_key(|risk| risk.rank());
    ScriptFinding { composite_risk: highest.unwrap_or(StepRisk::Low), steps: steps.collect() }
}

#[cfg(test)]
mod tests {
    use crate::intent::read;
    use crate::intent::time::DEFAULT;
    use crate::policy::{Decision, source};

    fn decide(policy: &str, script: &str) -> Decision {
        let intent = format!(
            r#"{{"script":{{"steps":[{script}]}},"targets":[{{"kind":"path","value":"/x",
               "operation":"read"}}],"context":{{"identity":"a","workspace":"/w",
               "risk_class":"high"}}}}"#
        );
        let intent = read::from_json(intent.as_bytes()).unwrap().normalise().unwrap();
        source::parse("p.yaml", policy.as_bytes()).unwrap().decide(&intent, DEFAULT)
    }

    #[test]
    fn a_receipt_is_held_against_the_rules_of_all_steps() {
        let policy = "rules:
          - {name: a, effect: allow, require_broker_credential: true, match: {tool_names: [a]}}
          - {name: b, effect: allow, max_credential_ttl_seconds: 60, match: {tool_names: [b]}}";
        let decision = decide(policy, r#"{"tool_name":"a"},{"tool_name":"b"}"#);
        let terms = decision.demands.broker.unwrap().terms;
        assert_eq!(terms.iter().map(|terms| terms.max_ttl_seconds).collect::<Vec<_>>(), [60]);
        assert_eq!(decide(policy, r#"{"tool_name":"b"}"#).demands.broker, None);
    }
}
