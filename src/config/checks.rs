//! What routes, stages and policy say together: refusals and warnings.

use super::DOCUMENT;
use super::approvals;
use super::gates;
use super::identity;
use super::routes::{Lower, RoutePlace};
use super::upstreams::find;
use crate::call::CallerCredential;
use crate::clock;
use crate::policy::{DelegationMatch, Policy, Rule, Verdict};
use crate::snapshot::{Capture, Plan, PlannedRoute, UpstreamSpec};
use crate::stage::{Protection, Stage, Standing};
use crate::yaml::{Fault, Fields, Keys, Node, Place};
use std::sync::Arc;

const UNMAPPED: Keys =
    Keys { document: DOCUMENT, read: &["action", "upstream", "pass_credential"], legacy: &[] };

/// What a config says of calls that no route takes.
pub(super) struct Unmapped {
    place: Place,
    action: Action,
    pub(super) credential: CallerCredential,
}

enum Action {
    /// Observe where everything observes, else deny.
    Default,
    Deny,
    Observe(Option<Arc<UpstreamSpec>>),
}

impl Unmapped {
    /// Reads `unmapped`.
    pub(super) fn read(node: Node, upstreams: &[Arc<UpstreamSpec>]) -> Result<Unmapped, Fault> {
        let place = node.place;
        let mut fields = Fields::open(node, "unmapped".to_owned(), &UNMAPPED)?;
        let (said, said_place) = fields.text("action")?;
        let (upstream, at) = fields.text("upstream")?;
        let upstream = match upstream.is_empty() {
            true => None,
            false => Some(find(upstreams, &upstream, at, "unmapped.upstream")?),
        };
        let action = match said.as_str() {
            "" => Action::Default,
            "deny" => Action::Deny,
            "observe" => Action::Observe(upstream),
            other => {
                let what = format!("`unmapped.action`: unknown `{other}`; write deny or observe");
                return Err(Fault::validate(said_place, what));
            }
        };
        let credential = identity::credential(&mut fields)?;
        Ok(Unmapped { place, action, credential })
    }
}

/// Decides where calls without a route may go (design section 3).
pub(super) fn settle_lanes(
    plan: &mut Plan,
    unmapped: Unmapped,
    global: Standing,
) -> Result<(), Fault> {
    let global_observes = global.strictest() == Stage::Observe;
    let all_observe = global_observes && plan.routes.iter().all(PlannedRoute::wholly_observes);
    let only = match plan.upstreams.as_slice() {
        [only] => Some(only.clone()),
        _ => None,
    };
    let fault = |what: String| Fault::validate(unmapped.place, what);
    plan.unmapped = match unmapped.action {
        Action::Deny => None,
        Action::Default => only.clone().filter(|_| all_observe),
        Action::Observe(named) => {
            let upstream = named.or_else(|| only.clone()).ok_or_else(|| {
                fault("`unmapped`: with several upstreams, name one under `upstream`".to_owned())
            })?;
            if !plan.wholly_observes(&upstream) || !global_observes {
                return Err(fault(format!(
                    "`unmapped.action: observe` is refused, because the global stage or a route \
                     of upstream `{}` is beyond observe, if only for some or for a time; write \
                     `deny`",
                    upstream.name
                )));
            }
            Some(upstream)
        }
    };
    let lenient = plan.unmapped.clone().or_else(|| only.filter(|_| all_observe));
    plan.refused = lenient;
    Ok(())
}

/// The same for the built-in map, whose routes take every call.
pub(super) fn settle_builtin(plan: &mut Plan) {
    let only = plan.upstreams.first().cloned();
    plan.refused = only.filter(|only| plan.wholly_observes(only));
}

/// Closes the side lanes to a tool that only the overlay takes beyond observe. It is no mistake of
/// the config, so nothing is refused for it: a promotion must not keep a gait from starting.
pub(super) fn close_lanes(plan: &mut Plan) -> Option<String> {
    let observes = |upstream: &Arc<UpstreamSpec>| plan.wholly_observes(upstream);
    let open = |upstream: &Option<Arc<UpstreamSpec>>| upstream.clone().filter(observes);
    let (unmapped, refused) = (open(&plan.unmapped), open(&plan.refused));
    let closed = plan.unmapped.as_ref().filter(|_| unmapped.is_none()).map(|upstream| {
        format!(
            "calls that no route takes are denied now: a stage that was set by command takes a \
             route of upstream `{}` beyond observe",
            upstream.name
        )
    });
    (plan.unmapped, plan.refused) = (unmapped, refused);
    closed
}

/// Refuses a lower-risk catch-all behind a higher-risk route with conditions: whatever made the
/// conditions fail would lower the risk (design section 4, point 3).
pub(super) fn lower_catch_alls(plan: &Plan, places: &[RoutePlace]) -> Result<(), Fault> {
    let routes: Vec<(&PlannedRoute, &RoutePlace)> = plan.routes.iter().zip(places).collect();
    for (index, (earlier, _)) in routes.iter().enumerate() {
        if earlier.matcher.predicates.is_empty() {
            continue;
        }
        let behind = routes.iter().skip(index + 1);
        for (later, later_at) in behind.filter(|(later, _)| later.matcher.predicates.is_empty()) {
            if covers(later, earlier) && rank(later) >= rank(earlier) {
                break;
            }
            let catches = earlier.meets(later);
            if catches && rank(later) < rank(earlier) && later_at.lower == Lower::Refused {
                return Err(Fault::validate(
                    later_at.place,
                    format!(
                        "route `{}` catches with a lower risk what the conditions of `{}` let \
                         through; put the lower risk behind conditions and let the higher one \
                         catch the rest, or say `allow_lower: true`",
                        later.name, earlier.name
                    ),
                ));
            }
        }
    }
    Ok(())
}

/// Whether every call with method and path of `b` has those of `a`.
fn covers(a: &PlannedRoute, b: &PlannedRoute) -> bool {
    let (a, b) = (&a.matcher, &b.matcher);
    let methods = a.methods.is_empty()
        || !b.methods.is_empty() && b.methods.iter().all(|method| a.methods.contains(method));
    let paths = match (&a.path, &b.path) {
        (None, _) => true,
        (Some(a), Some(b)) => a.equals(b),
        (Some(_), None) => false,
    };
    methods && paths
}

/// How high a risk is; a word of the config's own counts by its protection.
fn rank(route: &PlannedRoute) -> u8 {
    match route.mapping.risk_class.as_str() {
        "low" => 0,
        "medium" => 1,
        "high" => 2,
        "critical" => 3,
        _ if route.protection == Protection::Protected => 2,
        _ => 1,
    }
}

/// What is right but surprising.
pub fn warnings(plan: &Plan, policy: &Policy) -> Vec<String> {
    let exposed = plan.routes.iter().filter(|route| {
        route.protection == Protection::Open
            && ["high", "critical"].contains(&route.mapping.risk_class.as_str())
    });
    let exposed = exposed.map(|route| {
        format!(
            "route `{}` has risk class {} and is not protected: stages before enforce forward it \
             whatever the verdict; add the class to `protected_risk_classes`",
            route.name, route.mapping.risk_class
        )
    });
    let beyond = policy.rules().iter().flat_map(|rule| beyond_http(plan, rule));
    let exposed = exposed.chain(expired(plan));
    let exposed = exposed.chain(over(plan));
    let approvals = approvals::warnings(plan, policy);
    let same = plan.candidate.as_ref().filter(|candidate| candidate.digest() == policy.digest());
    let idle = same.map(|_| {
        "`candidate_policy` says the same as `policy`, so there is nothing to compare; take the \
         key out, or change the candidate"
            .to_owned()
    });
    exposed
        .chain(idle_dry_runs(plan, policy))
        .chain(trust(policy))
        .chain(beyond)
        .chain(approvals)
        .chain(kept_masks(plan))
        .chain(idle)
        .chain(gates::lax(&plan.gates))
        .collect()
}

/// Routes whose evidence holds what they hide from approvers. No reason to refuse the config: only
/// calls that are kept whole can be replayed.
fn kept_masks(plan: &Plan) -> impl Iterator<Item = String> {
    let keeps =
        |route: &&PlannedRoute| route.capture == Capture::Full && !route.approval.masks.is_empty();
    plan.routes.iter().filter(keeps).map(|route| {
        format!(
            "`mask` of route `{}` hides nothing from the evidence, only from approvers, since \
             `capture: full` keeps all; write `capture: masked` to leave it out there, too",
            route.name
        )
    })
}

/// Certificates that their tools will refuse. No reason to refuse the config: a reload may be
/// what stops something else.
fn expired(plan: &Plan) -> impl Iterator<Item = String> {
    let ends = |upstream: &Arc<UpstreamSpec>| upstream.tls.as_ref()?.client_not_after();
    let ended =
        move |upstream: &&Arc<UpstreamSpec>| ends(upstream).is_some_and(|end| end <= clock::now());
    plan.upstreams.iter().filter(ended).map(|upstream| {
        format!("the client certificate of upstream `{}` has expired; renew it", upstream.name)
    })
}

/// Overrides that have ended. Their stages still keep side lanes closed: what is open must not hang
/// on when it was looked at.
fn over(plan: &Plan) -> impl Iterator<Item = String> {
    let now = clock::now();
    plan.routes.iter().flat_map(move |route| {
        let over = route.said.overrides.iter().filter(move |one| one.until <= now);
        over.map(|one| {
            format!(
                "the override of route `{}` to {} is over since {}; remove it from \
                 `stage_overrides`",
                route.name, one.standing, one.until
            )
        })
    })
}

/// MCP servers are trusted or not; a REST call names none.
fn trust(policy: &Policy) -> Option<String> {
    policy.mcp_trust().map(|_| {
        "`mcp_trust` has no effect here: calls over plain HTTP name no MCP server".to_owned()
    })
}

/// Why no call can be made in somebody's name.
fn undelegated(plan: &Plan) -> Option<&'static str> {
    if plan.delegation.is_empty() {
        return Some(
            "nobody's word on delegations counts; list public keys under \
             `identity.delegation.keys`",
        );
    }
    let anonymous = plan.identity.names().next().is_none();
    anonymous.then_some("every caller is anonymous, and nobody's delegate; name `identity.sources`")
}

/// What a rule asks for that a call through the proxy never has.
fn beyond_http(plan: &Plan, rule: &Rule) -> Vec<String> {
    let name = &rule.name;
    let freezes = rule.terms.freeze_window.as_ref();
    let anonymous = plan.identity.names().next().is_none();
    let found = [
        undelegated(plan)
            .filter(|_| rule.matcher.delegation != DelegationMatch::default())
            .map(|why| format!("rule `{name}` never matches here: {why}")),
        (rule.terms.broker.required && rule.effect == Verdict::Allow).then(|| {
            format!(
                "rule `{name}` allows nothing here: it requires a brokered credential, and the \
                 proxy has no broker"
            )
        }),
        freezes.filter(|window| !window.environments.is_empty() && anonymous).map(|_| {
            format!(
                "the freeze window of rule `{name}` never opens here: it names environments, and \
                 callers without `identity.sources` have none"
            )
        }),
    ];
    found.into_iter().flatten().collect()
}

/// A `dry_run` rule for a tool that is not protected executes the tool before enforce.
fn idle_dry_runs<'a>(plan: &'a Plan, policy: &'a Policy) -> impl Iterator<Item = String> + 'a {
    let shown = |route: &PlannedRoute| {
        let between = |stage: &Stage| matches!(stage, Stage::DryRun | Stage::RequireApproval);
        route.course.stages().find(between).filter(|_| route.protection == Protection::Open)
    };
    let open = plan.routes.iter().filter_map(move |route| Some((route, shown(route)?)));
    open.flat_map(move |(route, stage)| {
        let tool = route.tool_text();
        let rules = policy.rules().iter().filter(move |rule| {
            rule.effect == Verdict::DryRun && rule.matcher.tool_names.contains(&tool)
        });
        rules.map(move |rule| {
            format!(
                "rule `{}` says dry_run for the tool of route `{}`, which is not protected: in \
                 stage {} it is executed; protect the route or set it to enforce",
                rule.name,
                route.name,
                stage.as_str()
            )
        })
    })
}
