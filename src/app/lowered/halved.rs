//! What a policy or a config may have lost because only half of it was there to be read.
//!
//! A file that ends at the end of some line is often a whole one to whoever reads it: of its last rule
//! or route it lacks conditions and bounds. What looks like that has to rest before it comes into
//! force, which costs whoever meant it some seconds. Of a config whole values are compared, as a value
//! that was cut in the middle is one as well.
//!
//! Rejected: to find out whether a change is stricter, for all that a rule or a source of identities can
//! ask; to tell it as a security event, of which there would be one for most changes.

use crate::policy::{Policy, Rule, Terms, Verdict};
use crate::snapshot::{Listener, Plan, PlannedRoute, UpstreamSpec};
use std::collections::BTreeMap;

/// Whether a policy might refuse less than another, or be half of one that does not.
pub(in crate::app) fn is_half_of_policy(old: &Policy, new: &Policy) -> bool {
    let (before, after) = (by_name(old), by_name(new));
    let says = |rule: &Rule| rule.effect != Verdict::Allow || rule.terms != Terms::default();
    let is_lost = |(name, rule): (&&str, &&Rule)| match after.get(name) {
        None => says(rule),
        Some(new) => may_ask_less(rule, new),
    };
    let lets = |rule: &Rule| rule.effect == Verdict::Allow || rule.effect < new.default_verdict();
    let is_added = |rule: &&Rule| !before.contains_key(rule.name.as_str()) && lets(rule);
    new.default_verdict() < old.default_verdict()
        || old.fail_closed().enabled && old.fail_closed() != new.fail_closed()
        || old.scripts() != new.scripts()
        || old.mcp_trust() != new.mcp_trust()
        || before.iter().any(is_lost)
        || new.rules().iter().any(|rule| is_added(&rule))
}

fn by_name(policy: &Policy) -> BTreeMap<&str, &Rule> {
    policy.rules().iter().map(|rule| (rule.name.as_str(), rule)).collect()
}

/// Whether a rule might ask less than it did; not so where it says a stricter word.
fn may_ask_less(old: &Rule, new: &Rule) -> bool {
    let asks = |rule: &Rule| (rule.priority, rule.min_approvals, rule.require_distinct_approvers);
    let is_other = old.matcher != new.matcher || old.terms != new.terms || asks(old) != asks(new);
    new.effect < old.effect || new.effect == old.effect && is_other
}

/// Whether a config might hold calls to less than another, or be half of one that does not, beside
/// what `lowered` names.
pub(in crate::app) fn is_half_of_plan(old: &Plan, new: &Plan) -> bool {
    let before: BTreeMap<&str, &PlannedRoute> =
        old.routes.iter().map(|route| (&*route.name, route)).collect();
    let is_half = |new: &PlannedRoute| match before.get(&*new.name) {
        Some(old) => is_half_of_route(old, new),
        // It takes calls that were denied, or went to another tool.
        None => old.unmapped.as_ref() != Some(&new.upstream),
    };
    let bounds = |plan: &Plan| (plan.limits, plan.timeouts, plan.gates);
    bounds(old) != bounds(new)
        || old.identity != new.identity
        || old.delegation != new.delegation
        || old.side_credential != new.side_credential
        || old.approvals != new.approvals
        || old.forwarding != new.forwarding
        || lanes(old) != lanes(new)
        || old.listeners.iter().any(|old| asks_others(old, &new.listeners))
        || asks_others(&old.admin, std::slice::from_ref(&new.admin))
        || new.routes.iter().any(is_half)
}

/// Where calls go that take no route; `lowered` does not ask how they are sent.
fn lanes(plan: &Plan) -> [Option<&UpstreamSpec>; 2] {
    [plan.unmapped.as_deref(), plan.refused.as_deref()]
}

/// Whether callers are asked for something else. A listener that is gone, or that is given TLS or
/// loses it, speaks as before until a restart.
fn asks_others(old: &Listener, new: &[Listener]) -> bool {
    let asks = new.iter().find(|new| new.name == old.name).and_then(|new| new.tls.as_ref());
    old.tls.as_ref().zip(asks).is_some_and(|(old, new)| !old.asks_as(new))
}

/// Whether anything is another that `lowered` does not compare: a value that was cut may be one as well.
fn is_half_of_route(old: &PlannedRoute, new: &PlannedRoute) -> bool {
    let guards = |route: &PlannedRoute| (route.credential, route.capture);
    old.matcher != new.matcher
        || old.mapping != new.mapping
        || old.upstream != new.upstream
        || old.upgrades != new.upgrades
        || old.approval != new.approval
        || guards(old) != guards(new)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Environment, Source};
    use crate::policy::source;
    use crate::snapshot::Http2;
    use crate::tls::{self, Alpn, ClientCertificates, MinVersion, Pair, Pem, ServerSpec};
    use std::sync::Arc;

    fn policy(text: &str) -> Policy {
        source::parse("p", text.as_bytes()).unwrap()
    }

    fn of(rules: &[(&str, &str)]) -> Policy {
        let rule = |(name, more): &(&str, &str)| {
            format!("  - {{ name: {name}, match: {{ tool_names: [{name}] }}, effect: {more} }}\n")
        };
        let rules: String = rules.iter().map(rule).collect();
        policy(&format!("default_verdict: allow\nrules:\n{rules}"))
    }

    #[test]
    fn a_policy_that_lost_a_word_against_something_is_half_of_one() {
        let whole = of(&[("a", "allow"), ("b", "block")]);
        assert!(is_half_of_policy(&whole, &of(&[("a", "allow")])), "as half of it would be");
        assert!(is_half_of_policy(&whole, &of(&[("b", "require_approval")])));
        assert!(!is_half_of_policy(&whole, &of(&[("b", "block"), ("c", "block")])));
        let block = policy("default_verdict: block");
        assert!(is_half_of_policy(&block, &policy("default_verdict: allow")));
        assert!(!is_half_of_policy(&policy("default_verdict: allow"), &block));
    }

    #[test]
    fn a_rule_that_asks_something_else_rests_but_for_one_that_says_a_stricter_word() {
        let asks = "require_approval, min_approvals: 2";
        let whole = of(&[("a", asks)]);
        assert!(!is_half_of_policy(&whole, &of(&[("a", &format!("{asks}, reason_codes: [x]"))])));
        for half in [
            "require_approval",
            "require_approval, min_approvals: 2, priority: 7",
            "require_approval, min_approvals: 2, rate_limit: { requests: 1, window: minute }",
        ] {
            assert!(is_half_of_policy(&whole, &of(&[("a", half)])), "{half}");
            assert!(is_half_of_policy(&of(&[("a", half)]), &whole), "{half}");
        }
        assert!(!is_half_of_policy(&whole, &of(&[("a", "block")])));
        let bounded = of(&[("a", "allow, rate_limit: { requests: 1, window: minute }")]);
        assert!(is_half_of_policy(&bounded, &of(&[("a", "allow")])));
        assert!(is_half_of_policy(&bounded, &of(&[])));
        let more = of(&[("a", asks), ("b", "allow")]);
        assert!(is_half_of_policy(&whole, &more), "its bounds may be to come");
        let any = policy("default_verdict: allow\nrules: [{ name: a, effect: require_approval }]");
        assert!(is_half_of_policy(&of(&[("a", "require_approval")]), &any));
    }

    #[test]
    fn what_must_be_said_of_a_call_is_not_cut_at_once() {
        let closed = |more: &str| policy(&format!("fail_closed: {{ enabled: {more} }}"));
        let whole = closed("true, risk_classes: [high, low], required_fields: [targets]");
        assert!(is_half_of_policy(&whole, &closed("true, risk_classes: [high, low]")));
        assert!(is_half_of_policy(&whole, &closed("false")));
        assert!(!is_half_of_policy(&closed("false"), &whole));
        assert!(!is_half_of_policy(&whole, &whole));
    }

    fn plan(settings: &str, route: &str) -> Plan {
        let dir = tempfile::tempdir().unwrap();
        let text = format!(
            "policy: policy.yaml\n{settings}\nupstreams: {{ api: {{ url: \"http://127.0.0.1:9\" }} \
             }}\nroutes: [{{ name: a, upstream: api, {route} }}]\n"
        );
        std::fs::write(dir.path().join("gait.yaml"), text).unwrap();
        std::fs::write(dir.path().join("policy.yaml"), "").unwrap();
        let source = Source::File(dir.path().join("gait.yaml"));
        source.load(&Environment::default()).unwrap().plan
    }

    #[test]
    fn a_route_that_takes_others_or_guards_less_rests() {
        let intent = "intent: { tool_name: a, risk_class: low }";
        let of = |more: &str| plan("stage: enforce", &format!("{more}, {intent}"));
        let path = "match: { path: \"/a\" }";
        let whole = of(&format!("{path}, mask: [/a], capture: masked"));
        assert!(!is_half_of_plan(&whole, &whole));
        for half in [
            "match: { methods: [GET] }, mask: [/a], capture: masked",
            path,
            &format!("{path}, mask: [/a]"),
        ] {
            assert!(is_half_of_plan(&whole, &of(half)), "{half}");
        }
        let limits =
            |of: &str| plan(&format!("stage: enforce\n{of}"), &format!("{path}, {intent}"));
        assert!(is_half_of_plan(&limits("limits: { connections: 7 }"), &limits("")));
        let other = plan("stage: enforce", &format!("{path}, {intent}"));
        let named = |name: &str| {
            let mut plan = other.clone();
            plan.routes.iter_mut().for_each(|route| route.name = name.into());
            plan
        };
        assert!(is_half_of_plan(&other, &named("b")), "it takes what was denied");
        let open = |lane: Option<&Arc<UpstreamSpec>>| {
            let lane = lane.cloned();
            (
                Plan { unmapped: lane.clone(), ..other.clone() },
                Plan { unmapped: lane, ..named("b") },
            )
        };
        let (before, after) = open(Some(&other.routes[0].upstream));
        assert!(!is_half_of_plan(&before, &after), "such calls reached that tool before");
        let elsewhere = UpstreamSpec { port: 7, ..(*other.routes[0].upstream).clone() };
        let (before, after) = open(Some(&Arc::new(elsewhere)));
        assert!(is_half_of_plan(&before, &after), "and no other");
        let target = "intent: { tool_name: a, risk_class: low, targets: [ { kind: url, value: \
                      \"{url}\" } ] }";
        assert!(is_half_of_plan(
            &plan("", &format!("{path}, {target}")),
            &plan("", &format!("{path}, {intent}"))
        ));
    }

    #[test]
    fn what_a_call_is_said_to_be_is_not_cut_at_once() {
        let of = |more: &str| plan("", &format!("match: {{ path: \"/{{p}}\" }}, {more}"));
        let intent = |tool: &str, risk: &str, more: &str| {
            of(&format!("intent: {{ tool_name: {tool}, risk_class: {risk}{more} }}"))
        };
        let args =
            |source: &str| intent("pay.delete", "high", &format!(", args: {{ a: {source} }}"));
        let targets = |operation: &str| {
            let one = format!("{{ kind: path, value: \"{{path.p}}\", operation: {operation} }}");
            intent("pay.delete", "high", &format!(", targets: [ {one} ]"))
        };
        let whole = intent("pay.delete", "high", "");
        let both = [
            (&whole, &intent("pay.del", "high", "")),
            (&whole, &intent("pay.delete", "low", "")),
            (&args("path.p"), &args("query.p")),
            (&targets("delete"), &targets("read")),
        ];
        for (whole, half) in both {
            assert!(is_half_of_plan(whole, half), "{:?}", half.routes[0].mapping);
            assert!(!is_half_of_plan(half, half));
        }
        let asks = |more: &str| of(&format!("{more}intent: {{ tool_name: a, risk_class: low }}"));
        assert!(is_half_of_plan(&asks(""), &asks("upgrade: [websocket], ")));
        assert!(is_half_of_plan(&asks("hold: 7s, "), &asks("")));
    }

    #[test]
    fn whose_word_counts_is_not_cut_at_once() {
        let intent = "intent: { tool_name: a, risk_class: low }";
        let of = |settings: &str| plan(settings, intent);
        let header = |cidr: &str, more: &str| {
            let from = format!("{{ cidrs: [\"{cidr}\"] }}");
            of(&format!(
                "identity: {{ sources: [ {{ name: edge, header: {{ name: X-User, from: {from} }} }} \
                 ]{more} }}"
            ))
        };
        let whole = header("10.0.0.0/16", "");
        assert!(is_half_of_plan(&whole, &header("10.0.0.0/8", "")));
        let agents = ", agents: { a: { lifecycle_states: [active] } }";
        assert!(is_half_of_plan(&header("10.0.0.0/16", agents), &whole));
        assert!(!is_half_of_plan(&whole, &header("10.0.0.0/16", "")));
        for cut in [
            "rollout: { gates: { min_calls: 5000 } }",
            "timeouts: { upstream_idle: 7s }",
            "approvals: { open_for: 1m }",
            "admin: { hosts: [gait.test] }",
            "forwarding: { via: edge }",
        ] {
            assert!(is_half_of_plan(&of(cut), &of("")), "{cut}");
            assert!(!is_half_of_plan(&of(cut), &of(cut)), "{cut}");
        }
    }

    #[test]
    fn what_a_listener_asks_of_callers_is_not_cut_at_once() {
        let own = rcgen::generate_simple_self_signed(["api.test".to_owned()]).unwrap();
        let (chain, key) = (own.cert.pem(), own.signing_key.serialize_pem());
        let pem = |text| Pem { file: "api.pem", bytes: str::as_bytes(text) };
        let of = |clients, min_version| {
            let pairs = vec![Pair { chain: pem(&chain), key: pem(&key) }];
            let spec = ServerSpec { pairs, min_version, clients, alpn: Alpn::Http1 };
            let tls = Some(tls::server(&spec, crate::clock::now()).unwrap());
            let listener = Listener { name: "edge".into(), http2: Http2::Off, tls };
            let mut plan = plan("", "intent: { tool_name: a, risk_class: low }");
            plan.listeners = vec![listener];
            plan
        };
        let (asks, may) = (ClientCertificates::Required, ClientCertificates::Optional);
        let whole = of(asks(pem(&chain)), MinVersion::Tls13);
        assert!(!is_half_of_plan(&whole, &of(asks(pem(&chain)), MinVersion::Tls13)));
        for half in [
            of(ClientCertificates::None, MinVersion::Tls13),
            of(may(pem(&chain)), MinVersion::Tls13),
            of(asks(pem(&chain)), MinVersion::Tls12),
        ] {
            assert!(is_half_of_plan(&whole, &half));
            let admin = |of: &Plan| {
                let mut plan = of.clone();
                plan.admin = plan.listeners.remove(0);
                plan
            };
            assert!(is_half_of_plan(&admin(&whole), &admin(&half)));
        }
    }
}
