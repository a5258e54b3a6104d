//! What a load would let through that was not let through before.
//!
//! It is named in the log, and the watch waits longer before it takes such a load up. Told is what
//! names and words tell: stages, protection, order of routes, side lanes, hosts, sources of
//! identities, approvers. Not told is what hangs on what calls look like: a pattern or a condition of
//! a route that takes others than before, a key or an address range that a source trusts besides, what
//! a listener asks of callers, a threshold of the gates, a rule that fits less. Rejected: to name those
//! too, which would name most changes, and so none; the watch waits for them all the same (`halved`).

mod halved;

pub(super) use halved::{is_half_of_plan, is_half_of_policy};

use crate::call::host::HostRule;
use crate::snapshot::{Anonymous, Plan, PlannedRoute, REFUSED, UNMAPPED, UpstreamSpec};
use crate::stage::{DryRunScope, Protection};
use jiff::Timestamp;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// What evidence calls approvers who may approve more than before; no route has such a name.
const APPROVERS: &str = "_approvers";
/// Hosts that were not served.
const HOSTS: &str = "_hosts";
/// Callers who were not known, or who need not be any more.
const IDENTITY: &str = "_identity";

/// The routes of a plan by name, each with its place in their order.
type Places<'a> = HashMap<&'a str, (usize, &'a PlannedRoute)>;

/// A route that is in both plans.
struct Kept<'a> {
    was: usize,
    is: usize,
    old: &'a PlannedRoute,
}

/// Routes that are held to less than they were, now or later, or gone, so that their calls take
/// another route; routes that come before stricter ones of the same tool and take their calls; and
/// what is let through besides.
pub(super) fn lowered(old: &Plan, new: &Plan, now: Timestamp) -> Vec<String> {
    let after = places(new);
    let is_lower =
        |old: &&PlannedRoute| after.get(&*old.name).is_none_or(|(_, new)| is_below(new, old, now));
    let routes = old.routes.iter().filter(is_lower);
    let mut named = HashSet::new();
    let routes = routes.chain(taken_over(old, new, &after, now));
    let routes = routes.map(|route| &*route.name).filter(|name| named.insert(*name));
    let mut lowered: Vec<String> = routes.map(str::to_owned).collect();
    let beside = [
        (is_opened(old.unmapped.as_ref(), new.unmapped.as_ref()), UNMAPPED),
        (is_opened(old.refused.as_ref(), new.refused.as_ref()), REFUSED),
        (new.approvals.are_wider_than(&old.approvals), APPROVERS),
        (serves_more(&old.hosts, &new.hosts), HOSTS),
        (knows_more(old, new), IDENTITY),
    ];
    lowered.extend(beside.into_iter().filter(|(is, _)| *is).map(|(_, name)| name.to_owned()));
    lowered
}

fn places(plan: &Plan) -> Places<'_> {
    let places = plan.routes.iter().enumerate();
    places.map(|(at, route)| (&*route.name, (at, route))).collect()
}

/// Whether a call is held to less on a route than on another.
fn is_below(new: &PlannedRoute, old: &PlannedRoute, now: Timestamp) -> bool {
    let less = (old.protection, new.protection) == (Protection::Protected, Protection::Open);
    let anybody = (old.anonymous, new.anonymous) == (Anonymous::Deny, Anonymous::Allow);
    let executes = (old.dry_run, new.dry_run) == (DryRunScope::All, DryRunScope::Table);
    less || anybody || executes || new.course.is_below(&old.course, now)
}

/// Routes that come before a stricter one of the same tool, and did not before.
fn taken_over<'a>(
    old: &Plan,
    new: &'a Plan,
    after: &Places<'_>,
    now: Timestamp,
) -> Vec<&'a PlannedRoute> {
    let names = |plan: &'a [PlannedRoute]| plan.iter().map(|route| &*route.name);
    if old.routes.iter().map(|route| &*route.name).eq(names(&new.routes)) {
        // Most loads; all else looks at each pair.
        return Vec::new();
    }
    let before = places(old);
    let kept =
        old.routes.iter().enumerate().filter_map(|(was, old)| {
            after.get(&*old.name).map(|(is, _)| Kept { was, is: *is, old })
        });
    let kept: Vec<Kept<'_>> = kept.collect();
    let takes = |(is, route): &(usize, &PlannedRoute)| {
        let was = before.get(&*route.name).map(|(was, _)| *was);
        kept.iter().any(|other| other.is_overtaken(was, *is) && other.yields_to(route, now))
    };
    new.routes.iter().enumerate().filter(takes).map(|(_, route)| route).collect()
}

// === impl Kept ===

impl Kept<'_> {
    /// Whether another route, which stood there, or nowhere, is before it now, and was not.
    fn is_overtaken(&self, was: Option<usize>, is: usize) -> bool {
        is < self.is && was.is_none_or(|was| was > self.was)
    }

    /// Whether the other takes calls of it, and holds them to less.
    fn yields_to(&self, route: &PlannedRoute, now: Timestamp) -> bool {
        let is_same_tool = route.upstream.is_same_tool(&self.old.upstream);
        is_same_tool && route.meets(self.old) && is_below(route, self.old, now)
    }
}

/// Whether a side lane leads somewhere where it did not.
fn is_opened(old: Option<&Arc<UpstreamSpec>>, new: Option<&Arc<UpstreamSpec>>) -> bool {
    new.is_some_and(|new| !old.is_some_and(|old| old.is_same_tool(new)))
}

fn serves_more(old: &HostRule, new: &HostRule) -> bool {
    match (old, new) {
        (HostRule::Any, _) => false,
        (HostRule::Only(_), HostRule::Any) => true,
        (HostRule::Only(old), HostRule::Only(new)) => new.iter().any(|host| !old.contains(host)),
    }
}

/// Whether there is a source of identities that was not there, or none any more.
fn knows_more(old: &Plan, new: &Plan) -> bool {
    let (mut old, mut new) = (old.identity.names(), new.identity.names().peekable());
    match new.peek() {
        None => old.next().is_some(),
        Some(_) => {
            let old: Vec<_> = old.collect();
            new.any(|name| !old.contains(&name))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Environment, Source};

    fn plan(settings: &str, routes: &str) -> Plan {
        let dir = tempfile::tempdir().unwrap();
        let text = format!(
            "policy: policy.yaml\n{settings}\n\
             upstreams: {{ api: {{ url: \"http://127.0.0.1:9\" }} }}\nroutes: [{routes}]\n"
        );
        std::fs::write(dir.path().join("gait.yaml"), text).unwrap();
        std::fs::write(dir.path().join("policy.yaml"), "").unwrap();
        let source = Source::File(dir.path().join("gait.yaml"));
        source.load(&Environment::default()).unwrap().plan
    }

    fn route(name: &str, stage: &str, risk: &str) -> String {
        let intent = format!("intent: {{ tool_name: a, risk_class: {risk} }}");
        let path = format!("match: {{ path: \"/{name}\" }}");
        format!("{{ name: {name}, upstream: api, {path}, stage: {stage}, {intent} }},")
    }

    fn below(old: &Plan, new: &Plan) -> Vec<String> {
        lowered(old, new, "2026-11-01T00:00:00Z".parse().unwrap())
    }

    #[test]
    fn whatever_holds_a_route_to_less_is_named() {
        let before = plan(
            "stage: enforce",
            &(route("a", "enforce", "high") + &route("b", "dry_run", "low")),
        );
        let same = plan(
            "stage: enforce",
            &(route("b", "enforce", "low") + &route("a", "enforce", "high")),
        );
        assert!(below(&before, &same).is_empty());
        let staged = plan(
            "stage: enforce",
            &(route("a", "observe", "high") + &route("b", "dry_run", "low")),
        );
        assert_eq!(below(&before, &staged), ["a"]);
        let open =
            plan("stage: enforce", &(route("a", "enforce", "low") + &route("b", "dry_run", "low")));
        assert_eq!(below(&before, &open), ["a"]);
        let gone = plan("stage: enforce", &route("a", "enforce", "high"));
        assert_eq!(below(&before, &gone), ["b"]);
        let shared = "{ from: observe, to: enforce, percent: 99 }";
        let most =
            plan("stage: enforce", &(route("a", shared, "high") + &route("b", "dry_run", "low")));
        assert_eq!(below(&before, &most), ["a"]);
        assert!(below(&most, &before).is_empty());
        let overrides = |stage: &str, until: &str| {
            let one = format!("{{ route: b, stage: {stage}, until: \"{until}\", reason: x }}");
            plan(
                &format!("stage: enforce\nstage_overrides: [{one}]"),
                &(route("a", "enforce", "high") + &route("b", "dry_run", "low")),
            )
        };
        assert_eq!(below(&before, &overrides("observe", "2026-12-01T00:00:00Z")), ["b"]);
        assert!(below(&before, &overrides("observe", "2026-10-01T00:00:00Z")).is_empty());
        assert!(below(&before, &overrides("enforce", "2026-12-01T00:00:00Z")).is_empty());
        let observed = plan("", &(route("a", "observe", "high") + &route("b", "observe", "low")));
        assert_eq!(below(&before, &observed), ["a", "b", "_unmapped", "_refused"]);
    }

    #[test]
    fn approvers_who_may_approve_more_are_named() {
        let logins = "admin: { logins: [{ name: ada@desk, role: approver, sha256: \
                      aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa }] }";
        let approvers = |of_ada: &str| {
            plan(
                &format!(
                    "stage: enforce\n{logins}\n\
                     approvals: {{ approvers: [{{ name: ada, logins: [ada@desk]{of_ada} }}] }}"
                ),
                "",
            )
        };
        let (bound, free) = (approvers(", may: { tools: [files.read] }"), approvers(""));
        assert_eq!(below(&bound, &free), ["_approvers"]);
        assert!(below(&free, &bound).is_empty());
        assert_eq!(below(&free, &plan("stage: enforce", "")), ["_approvers"]);
    }

    fn named(name: &str, more: &str) -> String {
        let intent = "intent: { tool_name: a, risk_class: low }";
        format!("{{ name: {name}, upstream: api, {intent}, {more} }},")
    }

    #[test]
    fn a_route_that_takes_calls_of_a_stricter_one_is_named() {
        let get = "match: { methods: [GET], path: \"/a\" }";
        let all = "match: { path: \"/{rest*}\" }";
        let strict = named("strict", &format!("stage: enforce, {get}"));
        let lax = named("lax", &format!("stage: observe, {all}"));
        let (alone, first, last) = (
            plan("stage: enforce", &strict),
            plan("stage: enforce", &format!("{lax}{strict}")),
            plan("stage: enforce", &format!("{strict}{lax}")),
        );
        assert_eq!(below(&alone, &first), ["lax"]);
        assert_eq!(below(&last, &first), ["lax"], "it was behind");
        assert!(below(&alone, &last).is_empty() && below(&first, &last).is_empty());
        assert!(below(&first, &first).is_empty());
        let aside = named("lax", "stage: observe, match: { path: \"/b\" }");
        assert!(below(&alone, &plan("stage: enforce", &format!("{aside}{strict}"))).is_empty());
    }

    #[test]
    fn a_config_of_many_routes_that_stay_in_their_order_takes_no_time() {
        let one = plan("stage: enforce", &named("a", "match: { path: \"/a\" }"));
        let mut many = one.clone();
        many.routes = (0..5_000)
            .flat_map(|at| one.routes.iter().map(move |route| (at, route.clone())))
            .map(|(at, route)| PlannedRoute { name: format!("r{at}").into(), ..route })
            .collect();
        let begun = crate::clock::instant();
        assert!(below(&many, &many).is_empty());
        assert!(begun.elapsed() < std::time::Duration::from_secs(2), "{:?}", begun.elapsed());
    }

    #[test]
    fn what_is_opened_beside_the_routes_is_named() {
        let source = "identity: { sources: [ { name: edge, header: { name: X-User, from: { \
                      cidrs: [\"127.0.0.0/8\"] } } } ] }";
        let of = |settings: &str, more: &str| plan(settings, &named("a", more));
        let enforce = |settings: &str| of(&format!("stage: enforce\n{settings}"), "");
        let server = |hosts: &str| {
            enforce(&format!("server: {{ listen: \"127.0.0.1:0\", hosts: [{hosts}] }}"))
        };
        assert_eq!(below(&server("a.test"), &server("a.test, b.test")), ["_hosts"]);
        assert_eq!(below(&server("a.test"), &enforce("")), ["_hosts"]);
        assert!(below(&server("a.test, b.test"), &server("b.test")).is_empty());
        let (known, unknown) = (enforce(source), enforce(""));
        assert_eq!(below(&known, &unknown), ["_identity"]);
        assert_eq!(below(&unknown, &known), ["_identity"]);
        let with = |more: &str| of(&format!("stage: enforce\n{source}"), more);
        assert_eq!(below(&with("anonymous: deny"), &with("")), ["a"]);
        assert_eq!(below(&with("dry_run: all"), &with("")), ["a"]);
        assert!(below(&with(""), &with("anonymous: deny, dry_run: all")).is_empty());
    }
}
