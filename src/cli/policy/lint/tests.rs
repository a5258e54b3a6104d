//! Each warning where it is due, and none where it is not.

use super::of;
use crate::intent::{Intent, read, time};
use crate::policy::explain::{Ground, Outcome};
use crate::policy::source::parse;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use serde_json::{Value, json};

fn warnings(text: &str) -> Vec<String> {
    let now = time::parse("2026-06-01T00:00:00Z").unwrap();
    let policy = parse("p.yaml", text.as_bytes()).unwrap();
    of(&policy, now).iter().map(|warning| warning.placed(&"p.yaml")).collect()
}

/// Exactly one warning, which starts so.
fn one(text: &str, want: &str) {
    let warnings = warnings(text);
    let is_it = matches!(warnings.as_slice(), [only] if only.starts_with(want));
    assert!(is_it, "{text}\n{want}\n{warnings:#?}");
}

/// One rule that says allow, with these keys in its match.
fn matching(keys: &str) -> String {
    format!("rules:\n  - {{name: a, effect: allow, match: {{{keys}}}}}\n")
}

/// One rule with this effect and these keys.
fn rule(effect: &str, keys: &str) -> String {
    format!("rules:\n  - {{name: a, effect: {effect}, {keys}}}\n")
}

#[test]
fn policies_that_mean_what_they_say_are_quiet() {
    let windows = "windows: [{start: '2026-07-01T00:00:00', end: '2026-07-02T00:00:00'}]";
    for text in [
        String::new(),
        "fail_closed: {enabled: true, required_fields: [targets, delegation],
           required_high_risk_fields: [agent_identity]}"
            .to_owned(),
        "fail_closed: {enabled: false}\nscripts: {max_steps: 9, require_approval_above: 3}"
            .to_owned(),
        "rules:\n  - {name: a, effect: allow, match: {tool_names: [x]}}\n  \
         - {name: b, effect: block, match: {tool_names: [y]}}\n"
            .to_owned(),
        "rules:\n  - {name: a, effect: allow, match: {tool_names: [x]}}\n  \
         - {name: b, effect: block, priority: 9}\n"
            .to_owned(),
        matching("target_kinds: [path, url], provenance_sources: [external]"),
        matching("target_values: ['select * from t', 'a?b'], workspace_prefixes: [/srv]"),
        matching("max_delegation_depth: 0, allowed_delegate_identities: [ada]"),
        matching("destination_operations: [read, delete]"),
        rule("require_approval", "match: {endpoint_classes: []}, min_approvals: 2"),
        rule("block", "dataflow: {enabled: true, action: block}"),
        rule("allow", "dataflow: {enabled: true}, rate_limit: {requests: 3}"),
        rule("allow", &format!("freeze_window: {{timezone: Europe/Berlin, {windows}}}")),
        rule(
            "allow",
            "endpoint: {path_allowlist: ['/srv/**', '/a[^b]?', '/[/]*'], \
                       path_denylist: ['/srv/private/**', '/srv/x']}",
        ),
        rule("allow", "require_jit_credential: true, allowed_credential_access_types: [jit]"),
        rule("allow", "allowed_agent_ids: [a], denied_agent_ids: [b]"),
    ] {
        assert_eq!(warnings(&text), Vec::<String>::new(), "{text}");
    }
}

#[test]
fn surprises_of_the_whole_are_named() {
    for (text, want) in [
        ("default_verdict: allow", "p.yaml: default_verdict is allow"),
        ("rules: []\n---\nrules: []\n", "p.yaml: only the first yaml document"),
        (
            "fail_closed: {enabled: true, risk_classes: [low], required_fields: [context_evidence]}",
            "p.yaml: fail_closed requires context_evidence, which is not supported: every intent \
             of risk class low is blocked",
        ),
        ("fail_closed: {required_fields: [targets]}", "p.yaml: fail_closed requires nothing"),
        ("scripts: {max_steps: 65}", "p.yaml: scripts.max_steps is 65"),
        (
            "scripts: {max_steps: 3, require_approval_above: 3}",
            "p.yaml: scripts.require_approval_above is never reached: more than 3",
        ),
        ("mcp_trust: {snapshot: s.json}", "p.yaml: mcp_trust has no effect here"),
    ] {
        one(text, want);
    }
}

#[test]
fn keys_that_never_match_are_named() {
    for (keys, want) in [
        ("target_kinds: [file]", "never matches: it lists target_kinds `file`; known are bucket,"),
        ("target_kinds: [file, path]", "lists target_kinds `file`; known"),
        ("destination_kinds: [web]", "never matches: it lists destination_kinds `web`"),
        ("provenance_sources: [web]", "never matches: it lists provenance_sources `web`"),
        ("workspace_prefixes: ['C:\\w']", "never matches: it lists workspace prefix `C:\\w`"),
        ("workspace_prefixes: ['C:\\w', /w]", "lists workspace prefix `C:\\w`"),
        (
            "max_delegation_depth: 0, allowed_delegator_identities: [boss]",
            "never matches: max_delegation_depth: 0",
        ),
        ("tool_name: 'files.*'", "lists tool_names `files.*`, in which `*` is only a star"),
        ("target_values: [/etc/**]", "lists target_values `/etc/**`, in which `*`"),
        ("tool_names: [script]", "names the tool `script`"),
        ("endpoint_classes: [fs.read]", "rests on match.endpoint_classes"),
        ("context_tool_names: [t]", "rests on context_tool_names: without an inventory"),
    ] {
        one(&matching(keys), &format!("p.yaml:2: rule `a` {want}"));
    }
}

#[test]
fn terms_that_say_something_else_are_named() {
    let over = "windows: [{name: w, start: '2026-01-01T00:00:00', end: '2026-06-01T00:00:00'}]";
    for (effect, keys, want) in [
        ("block", "dataflow: {enabled: true}", "says block, but where its dataflow triggers only"),
        ("allow", "dataflow: {tainted_sources: [web]}", "has dataflow from `web`, which is never"),
        ("allow", "dataflow: {destination_kinds: [web]}", "has dataflow to kinds `web`, which"),
        ("allow", "max_context_age_seconds: 9", "asks for context evidence, which is not"),
        ("block", "rate_limit: {requests: 1}", "blocks, so its rate_limit only counts"),
        ("block", "destructive_budget: {requests: 1}", "blocks, so its destructive_budget only"),
        ("block", "min_approvals: 1", "blocks, so its min_approvals are never"),
        ("block", "endpoint: {path_denylist: [/etc]}", "blocks whatever it matches; its endpoint"),
        ("allow", "match: {destination_operations: [rm, drop]}", "says allow, but all that it"),
        (
            "dry_run",
            "match: {tool_annotations: {destructiveHint: true}}",
            "says dry_run, but all that it matches is destructive",
        ),
        (
            "allow",
            "require_jit_credential: true, allowed_credential_access_types: [standing]",
            "blocks whatever it matches: it wants a jit credential",
        ),
        (
            "allow",
            "allowed_agent_ids: [x, y], denied_agent_ids: [y]",
            "both allows and denies agent `y`",
        ),
        ("allow", "sandbox: {required_read_only_roots: [/usr]}", "has required_read_only_roots"),
        (
            "allow",
            &format!("freeze_window: {{timezone: UTC, {over}}}"),
            "has the freeze window `w`, which is over",
        ),
        (
            "allow",
            &format!("freeze_window: {{timezone: Mars/Base, {over}}}"),
            "has a freeze_window in `Mars/Base`",
        ),
        (
            "allow",
            "freeze_window: {timezone: UTC, windows: [{start: tomorrow, end: later}]}",
            "has the freeze window `window-1`, whose start and end are no span",
        ),
    ] {
        one(&rule(effect, keys), &format!("p.yaml:2: rule `a` {want}"));
    }
}

#[test]
fn patterns_that_match_less_than_they_seem_to_are_named() {
    for (lists, want) in [
        ("path_denylist: ['/etc/[a']", "endpoint.path_denylist has `/etc/[a`: the pattern is mal"),
        ("path_denylist: ['/a[!b]']", "endpoint.path_denylist has `/a[!b]`: `[!` is no negation"),
        ("path_denylist: ['/**/key']", "endpoint.path_denylist has `/**/key`: `**` counts only"),
        (
            "path_denylist: [/etc/]",
            "endpoint.path_denylist has `/etc/`: a pattern that ends in `/`",
        ),
        ("path_allowlist: ['/{a,b}']", "endpoint.path_allowlist has `/{a,b}`: braces are taken"),
        (
            "path_allowlist: [/srv/a, /srv/b], path_denylist: ['/srv/*']",
            "allows path `/srv/a` and denies it with `/srv/*`, so that it lets none pass; a denial",
        ),
        (
            "path_allowlist: ['/a/b/**', /c], path_denylist: ['/a/**']",
            "allows path `/a/b/**` and denies it with `/a/**`; a denial always wins",
        ),
    ] {
        one(
            &rule("allow", &format!("endpoint: {{{lists}}}")),
            &format!("p.yaml:2: rule `a` {want}"),
        );
    }
    for (lists, want) in [
        ("domain_denylist: ['https://x.test']", "a domain has no scheme, port or path"),
        ("domain_denylist: ['x.test:443']", "a domain has no scheme, port or path"),
        ("domain_allowlist: [a.x.test], domain_denylist: ['*.x.test']", "allows domain `a.x.test`"),
    ] {
        let text = rule("allow", &format!("endpoint: {{{lists}}}"));
        let warnings = warnings(&text);
        assert!(warnings.iter().any(|warning| warning.contains(want)), "{want}: {warnings:?}");
    }
}

#[test]
fn rules_that_get_in_each_others_way_are_named() {
    for (first, second, want) in [
        (
            "",
            "name: a, effect: allow, match: {tool_names: [y]}",
            "p.yaml:3: rule `a` has the name of the rule on line 2",
        ),
        (
            "",
            "name: b, effect: allow, match: {tool_names: [x]}",
            "p.yaml:3: rule `b` repeats rule `a` (line 2)",
        ),
        (
            "",
            "name: b, effect: block",
            "p.yaml:2: rule `a` shares priority 0 with rule `b` (line 3): where both match, block wins",
        ),
        (
            "",
            "name: b, effect: block, priority: 1, match: {tool_names: [x], identities: [ada]}",
            "p.yaml:3: rule `b` is never looked at: whatever it matches, rule `a` (line 2, priority 0)",
        ),
        (
            ", risk_classes: [low]",
            "name: b, effect: block, priority: 1, match: {tool_names: [x]}",
            "",
        ),
        (", risk_classes: [low]", "name: b, effect: block, match: {risk_classes: [high]}", ""),
        (
            ", workspace_prefixes: [/a]",
            "name: b, effect: block, match: {workspace_prefixes: [/b]}",
            "",
        ),
    ] {
        let text = format!(
            "rules:\n  - {{name: a, effect: allow, match: {{tool_names: [x]{first}}}}}\n  - {{{second}}}\n"
        );
        match want {
            "" => assert_eq!(warnings(&text), Vec::<String>::new(), "{text}"),
            want => one(&text, want),
        }
    }
}

#[test]
fn what_comes_too_often_is_counted() {
    let rules: String =
        (0..30).map(|n| format!("\n  - {{name: r{n:02}, priority: {n}, effect: block}}")).collect();
    let warnings = warnings(&format!("rules:{rules}"));
    assert_eq!(warnings.len(), 21);
    assert!(
        warnings[0].starts_with("p.yaml: 9 more warnings of the same kind as: rule `r20` is never")
    );
    let same: String = (0..2_100)
        .map(|n| format!("\n  - {{name: r{n}, effect: block, match: {{identities: [a{n}]}}}}"))
        .collect();
    let warnings = super::tests::warnings(&format!("rules:{same}"));
    assert!(
        warnings.iter().any(|warning| warning.contains("stopped after 2000000 pairs")),
        "{warnings:?}"
    );
}

// === what is proved of a pair of rules ===

fn texts(items: &'static [&'static str]) -> impl Strategy<Value = Vec<&'static str>> {
    subsequence(items, 0..=items.len())
}

fn matcher() -> impl Strategy<Value = Value> {
    let lists = (
        texts(&["t.a", "t.b"]),
        texts(&["low", "high"]),
        texts(&["path", "url"]),
        texts(&["path", "host"]),
        texts(&["/a", "/b"]),
        texts(&["/a", "/c"]),
        texts(&["/w", "/w/x", "/v"]),
    );
    let hint = proptest::option::of(any::<bool>());
    let depth = proptest::option::of(0..2_u64);
    (lists, hint, any::<bool>(), texts(&["boss", "ada"]), depth).prop_map(
        |((tools, risks, kinds, ends, values, goals, prefixes), hint, required, bosses, depth)| {
            json!({"tool_names": tools, "risk_classes": risks, "target_kinds": kinds,
                "destination_kinds": ends, "target_values": values, "destination_values": goals,
                "workspace_prefixes": prefixes, "tool_annotations": {"readOnlyHint": hint},
                "require_delegation": required, "allowed_delegator_identities": bosses,
                "max_delegation_depth": depth})
        },
    )
}

fn intent() -> impl Strategy<Value = Intent> {
    let target =
        (select(&["path", "url", "host"][..]), select(&["/a", "/b", "/c"][..]), any::<bool>());
    let targets = proptest::collection::vec(target, 0..3);
    let links = proptest::option::of(texts(&["boss"]));
    let (tool, risk) = (select(&["t.a", "t.b"][..]), select(&["low", "high"][..]));
    (tool, risk, select(&["/w", "/w/x/y", "/v"][..]), targets, links).prop_map(
        |(tool, risk, workspace, targets, links)| {
            let targets: Vec<_> = targets
                .into_iter()
                .map(|(kind, value, hint)| json!({"kind": kind, "value": value, "read_only_hint": hint}))
                .collect();
            let delegation = links.map(|links| {
                let chain = links.iter().map(|boss| json!({"delegator_identity": boss, "delegate_identity": "ada"}));
                json!({"requester_identity": "ada", "chain": chain.collect::<Vec<_>>()})
            });
            let document = json!({"tool_name": tool, "targets": targets, "delegation": delegation,
                "context": {"identity": "ada", "workspace": workspace, "risk_class": risk}});
            read::from_json(document.to_string().as_bytes()).unwrap().normalise().unwrap()
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// The narrow match is often the wide one with more keys, so that proofs do happen.
    #[test]
    fn a_rule_that_is_said_to_be_never_looked_at_never_counts(
        wide in matcher(),
        more in matcher(),
        kept in proptest::collection::vec(any::<bool>(), 11),
        intents in proptest::collection::vec(intent(), 8),
    ) {
        let mut narrow = wide.clone();
        let members = narrow.as_object_mut().unwrap().values_mut().zip(more.as_object().unwrap().values());
        for ((wide, more), kept) in members.zip(kept) {
            if !kept || *wide == json!([]) {
                *wide = more.clone();
            }
        }
        let rules = json!({"rules": [{"name": "wide", "effect": "allow", "match": wide},
            {"name": "narrow", "effect": "block", "priority": 1, "match": narrow}]});
        let policy = parse("p.yaml", rules.to_string().as_bytes()).unwrap();
        let hidden = of(&policy, time::DEFAULT).iter().any(|warning| warning.text.contains("is never looked at"));
        for intent in &intents {
            let Ground::Rules(reports) = policy.explain(intent, time::DEFAULT).ground else {
                return Err(TestCaseError::fail("no rules"));
            };
            let spoke = matches!(reports[1].outcome, Outcome::Spoke(_));
            prop_assert!(!(hidden && spoke), "{} {:?}", rules, intent);
        }
    }
}
