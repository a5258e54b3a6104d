//! What config and policy say together of approvals that nobody can give, or wait for.

use crate::approval::{Approver, Proof, Requester, Subject};
use crate::policy::{Policy, Rule, Verdict};
use crate::snapshot::{Plan, PlannedRoute};
use crate::stage::{Cell, cell};
use std::collections::HashMap;

/// What is right but surprising.
pub(in crate::config) fn warnings(plan: &Plan, policy: &Policy) -> Vec<String> {
    let idle = plan.routes.iter().filter_map(idle_hold);
    let stuck = plan.routes.iter().filter_map(|route| stuck(plan, policy, route));
    shared(plan.approvals.roster.approvers()).into_iter().chain(idle).chain(stuck).collect()
}

/// Says which caller is several approvers. It can be a machine that works for both; if it is one
/// person, two approvals are one.
fn shared(approvers: &[Approver]) -> Vec<String> {
    let mut of: HashMap<&str, &str> = HashMap::new();
    let mut said = Vec::new();
    for approver in approvers {
        let own = std::iter::once(&approver.name).chain(&approver.identities);
        for caller in own {
            let other = *of.entry(caller).or_insert(&approver.name);
            if other != &*approver.name {
                said.push(format!(
                    "approvers `{other}` and `{}` are both the caller `{caller}`: if they are one \
                     person, that person can give two approvals; make one approver of them",
                    approver.name
                ));
            }
        }
    }
    said
}

/// Whether a call of the route can come to be refused until it is approved.
fn waits(route: &PlannedRoute) -> bool {
    let waits = |stage| cell(stage, Some(Verdict::RequireApproval), route.protection) == Cell::Deny;
    route.course.stages().any(waits)
}

fn idle_hold(route: &PlannedRoute) -> Option<String> {
    (!route.approval.hold.is_zero() && !waits(route)).then(|| {
        format!(
            "`hold` of route `{}` has no effect: in stage {} its calls never wait for an approval; \
             remove it, or raise the stage",
            route.name, route.course
        )
    })
}

/// Says so where the policy wants more approvals than there are approvers who may give one.
fn stuck(plan: &Plan, policy: &Policy, route: &PlannedRoute) -> Option<String> {
    let (wanted, who) = wanted(policy, route).filter(|_| waits(route))?;
    let able = able(plan, route) as u64;
    (able < wanted).then(|| {
        format!(
            "{who} wants {wanted} {} for calls of route `{}`, and {}; name more under \
             `approvals.approvers`, or widen what they `may`",
            if wanted == 1 { "approval" } else { "approvals from different approvers" },
            route.name,
            match able {
                0 => "no approver may give one".to_owned(),
                able => format!("only {able} may give one"),
            }
        )
    })
}

/// How many approvals a call of the route can need, and who says so. Rules are held against tool
/// and risk alone; the default counts where none of them can match.
fn wanted(policy: &Policy, route: &PlannedRoute) -> Option<(u64, String)> {
    let (tool, risk) = (route.tool_text(), &route.mapping.risk_class);
    let fits = |rule: &&Rule| {
        let (tools, risks) = (&rule.matcher.tool_names, &rule.matcher.risk_classes);
        // A tool that the call names can be any.
        (tool.is_empty() || tools.is_empty() || tools.contains(&tool))
            && (risks.is_empty() || risks.contains(risk))
    };
    let rules: Vec<&Rule> = policy.rules().iter().filter(fits).collect();
    if rules.is_empty() && policy.default_verdict() == Verdict::RequireApproval {
        return Some((1, "the policy's default".to_owned()));
    }
    let asking = rules.into_iter().filter(|rule| rule.effect == Verdict::RequireApproval);
    let rule = asking.max_by_key(|rule| rule.min_approvals)?;
    Some((rule.min_approvals.max(1), format!("rule `{}`", rule.name)))
}

/// How many may approve a call of the route that is of none of them.
fn able(plan: &Plan, route: &PlannedRoute) -> usize {
    let tool = route.tool_text();
    let requester = Requester { identity: "".into(), proof: Proof::Unproven, behalf: Vec::new() };
    let subject = Subject {
        tool_name: &tool,
        risk_class: &route.mapping.risk_class,
        route: &route.name,
        requester: &requester,
    };
    let approvers = plan.approvals.roster.approvers().iter();
    approvers.filter(|approver| approver.may_approve(&subject).is_ok()).count()
}
