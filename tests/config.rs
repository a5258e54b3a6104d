//! Configs as people write and mistype them.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use gait::config::{Builtin, Config, ConfigError, Environment, Source};
use gait::evidence::{KeyFile, Settings};
use gait::snapshot::{Durability, Http2, OnFailure};
use gait::stage::{Protection, Stage};
use std::fs;
use std::time::Duration;

const POLICY: &str = "default_verdict: block\nrules:\n  - {name: look, effect: dry_run, \
                      match: {tool_names: [low.tool]}}\n";

/// A config with `routes`, after the settings in `head`.
fn text(head: &str, routes: &str) -> String {
    format!(
        "policy: policy.yaml\n{head}\nupstreams:\n  api: {{ url: \"http://127.0.0.1:9\" }}\n  \
         other: {{ url: \"http://127.0.0.1:10\" }}\nroutes:\n{routes}\n"
    )
}

fn route(name: &str, rest: &str) -> String {
    format!("  - {{ name: {name}, upstream: api, {rest} }}\n")
}

fn load_with(text: &str, variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("gait.yaml"), text).unwrap();
    fs::write(dir.path().join("policy.yaml"), POLICY).unwrap();
    let variables = variables.iter().map(|(name, value)| (name.to_string(), value.to_string()));
    Source::File(dir.path().join("gait.yaml")).load(&Environment::new(variables)?)
}

fn load(head: &str, routes: &str) -> Result<Config, ConfigError> {
    load_with(&text(head, routes), &[])
}

/// The message of a refusal, without the folder.
fn refusal(head: &str, routes: &str) -> String {
    let message = load(head, routes).unwrap_err().to_string();
    message.split_once("gait.yaml:").unwrap().1.to_owned()
}

#[test]
fn the_most_specific_stage_wins() {
    let intent = |tool: &str| format!("intent: {{ tool_name: {tool}, risk_class: low }}");
    let head = "stage: observe\ntool_stages: { \"a.*\": dry_run, \"a.b.*\": require_approval, \
                a.b.c: enforce }";
    let routes = [
        route("global", &intent("z")),
        route("prefix", &intent("a.x")),
        route("longer", &intent("A.B.x")),
        route("exact", &intent("a.b.c")),
        route("own", &format!("stage: observe, {}", intent("a.b.c"))),
    ];
    let plan = load(head, &routes.concat()).unwrap().plan;
    let stages: Vec<Stage> = plan.routes.iter().map(|route| route.stage).collect();
    let want =
        [Stage::Observe, Stage::DryRun, Stage::RequireApproval, Stage::Enforce, Stage::Observe];
    assert_eq!(stages, want);
}

#[test]
fn risk_or_route_protects() {
    let routes = [
        route("low", "intent: { tool_name: a, risk_class: low }"),
        route("said", "protected: true, intent: { tool_name: a, risk_class: low }"),
        route("high", "intent: { tool_name: a, risk_class: high }"),
        route("own", "intent: { tool_name: a, risk_class: nuclear }"),
    ];
    let head = "risk_classes: [nuclear]\nprotected_risk_classes: [high, nuclear]";
    let plan = load(head, &routes.concat()).unwrap().plan;
    let protections: Vec<Protection> = plan.routes.iter().map(|route| route.protection).collect();
    let (open, protected) = (Protection::Open, Protection::Protected);
    assert_eq!(protections, [open, protected, protected, protected]);
}

#[test]
fn mistakes_name_line_field_and_mend() {
    let low = "intent: { tool_name: a, risk_class: low }";
    let rows = [
        (
            "stage: enforced",
            route("a", low),
            "2:8: `stage`: unknown stage `enforced`; write one of",
        ),
        ("colour: red", route("a", low), "2:1: unknown field `colour` in the config; known"),
        (
            "",
            route("a", &format!("capture: all, {low}")),
            "unknown `all`; write digest, masked or full",
        ),
        (
            "",
            route("a", &format!("capture: masked, {low}")),
            "nothing is masked; list JSON Pointers",
        ),
        ("limits: { calls: many }", route("a", low), "`limits.calls`: must be a whole number"),
        ("timeouts: { head: soon }", route("a", low), "`timeouts.head`: `soon` is not a duration"),
        ("", route("_a", low), "`routes[0].name`: `_a` is not a name"),
        ("", route("a", "intent: { tool_name: a, risk_class: hihg }"), "unknown risk class `hihg`"),
        (
            "",
            route("a", "match: { path: \"x\" }, intent: { tool_name: a, risk_class: low }"),
            "`routes[0].match.path`: a path pattern starts with `/`",
        ),
        (
            "",
            route("a", "protected: false, intent: { tool_name: a, risk_class: high }"),
            "`routes[0].protected` can only be `true`",
        ),
        (
            "",
            route("a", "intent: { tool_name: a, risk_class: low, args: { x: path.y } }"),
            "`routes[0].intent.args.x`: the path captures no `y`",
        ),
        (
            "unmapped: { action: observe }\nstage: enforce",
            route("a", low),
            "with several upstreams, name one",
        ),
        (
            "unmapped: { action: observe, upstream: api }\nstage: enforce",
            route("a", low),
            "`unmapped.action: observe` is refused",
        ),
        ("server: { hosts: [\"*.example.com\"] }", route("a", low), "no wildcards"),
    ];
    for (head, routes, want) in rows {
        let message = refusal(head, &routes);
        assert!(message.contains(want), "{want}\n  is not in\n{message}");
    }
}

#[test]
fn a_lower_catch_all_is_refused() {
    let predicated = |name: &str, path: &str, risk: &str| {
        route(
            name,
            &format!(
                "match: {{ methods: [POST], path: \"{path}\", body: {{ \"/amount\": {{ min: 1 }} \
                 }} }}, intent: {{ tool_name: a, risk_class: {risk} }}"
            ),
        )
    };
    let plain = |name: &str, path: &str, risk: &str, more: &str| {
        route(
            name,
            &format!(
                "match: {{ path: \"{path}\" }}, {more} intent: {{ tool_name: a, risk_class: \
                 {risk} }}"
            ),
        )
    };
    let refused = [
        [predicated("p", "/v1/t", "high"), plain("c", "/v1/t", "low", "")],
        [predicated("p", "/v1/{a}", "high"), plain("c", "/v1/{b}", "medium", "")],
        [predicated("p", "/v1/t", "critical"), plain("c", "/v1/{rest*}", "high", "")],
    ];
    for routes in refused {
        assert!(refusal("", &routes.concat()).contains("catches with a lower risk"));
    }
    let fine = [
        vec![predicated("p", "/v1/t", "low"), plain("c", "/v1/t", "high", "")],
        vec![predicated("p", "/v1/t", "high"), plain("c", "/v1/t", "low", "allow_lower: true,")],
        vec![predicated("p", "/v1/t", "high"), plain("c", "/v1/other", "low", "")],
        vec![
            predicated("p", "/v1/t", "high"),
            plain("all", "/v1/t", "critical", ""),
            plain("c", "/v1/{rest*}", "low", ""),
        ],
    ];
    for routes in fine {
        assert!(load("", &routes.concat()).is_ok(), "{routes:?}");
    }
}

#[test]
fn calls_without_a_route_go_on_only_where_everything_observes() {
    let low = "intent: { tool_name: a, risk_class: low }";
    let one = "policy: policy.yaml\nupstreams: { api: { url: \"http://127.0.0.1:9\" } }\n";
    let lanes = |text: &str| {
        let plan = load_with(text, &[]).unwrap().plan;
        (plan.unmapped.is_some(), plan.refused.is_some())
    };
    let observing = format!("{one}routes:\n{}", route("a", low));
    assert_eq!(lanes(&observing), (true, true));
    assert_eq!(lanes(&format!("unmapped: {{ action: deny }}\n{observing}")), (false, true));
    assert_eq!(lanes(&format!("stage: dry_run\n{observing}")), (false, false));
    let mixed = format!("{observing}{}", route("b", &format!("stage: enforce, {low}")));
    assert_eq!(lanes(&mixed), (false, false));
    assert_eq!(lanes(&text("", &route("a", low))), (false, false));
    let named = text("unmapped: { action: observe, upstream: other }", &route("a", low));
    assert_eq!(lanes(&named), (true, true));
}

#[test]
fn the_environment_serves_addresses_alone() {
    let text = text(
        "server: { listen: \"127.0.0.1:${PORT}\" }",
        &route("a", "intent: { tool_name: a, risk_class: low }"),
    );
    let fixed = load_with(&text, &[("PORT", "81"), ("GAIT__TELEMETRY__LISTEN", "127.0.0.1:82")]);
    let fixed = fixed.unwrap().fixed;
    let server = fixed.listeners.first().unwrap().at.to_string();
    assert_eq!((server.as_str(), fixed.telemetry.port()), ("127.0.0.1:81", 82));
    for (name, value) in [
        ("GAIT__STAGE", "observe"),
        ("GAIT__UPSTREAMS__TYPO__URL", "http://127.0.0.1:1"),
        ("GAIT__SERVER__LISTEN", "everywhere"),
    ] {
        let said = load_with(&text, &[("PORT", "81"), (name, value)]).unwrap_err().to_string();
        assert!(said.contains(name), "the variable is not named: {said}");
    }
    let said = load_with(&text, &[("OTHER", "81")]).unwrap_err().to_string();
    assert!(said.contains("`${PORT}` is not set"), "{said}");
}

#[test]
fn warnings_name_what_surprises() {
    let head = "stage: dry_run\nprotected_risk_classes: []";
    let routes = [
        route("low", "intent: { tool_name: low.tool, risk_class: low }"),
        route("high", "intent: { tool_name: other, risk_class: high }"),
    ];
    let warnings = load(head, &routes.concat()).unwrap().warnings.join("\n");
    assert!(
        warnings.contains("rule `look` says dry_run for the tool of route `low`"),
        "{warnings}"
    );
    assert!(warnings.contains("route `high` has risk class high and is not protected"));
    let masks = |capture: &str| {
        let terms =
            format!("{capture}mask: [\"/pin\"], intent: {{ tool_name: a, risk_class: low }}");
        load("", &route("a", &terms)).unwrap().warnings.join("\n")
    };
    let said = masks("capture: full, ");
    assert!(said.starts_with("`mask` of route `a` hides nothing from the evidence"), "{said}");
    assert_eq!((masks(""), masks("capture: masked, ")), (String::new(), String::new()));
}

#[test]
fn what_no_call_over_http_can_have_is_warned_of() {
    let dir = tempfile::tempdir().unwrap();
    let config = text("", &route("a", "intent: { tool_name: a, risk_class: low }"));
    fs::write(dir.path().join("gait.yaml"), config).unwrap();
    let warnings = |policy: &str| {
        fs::write(dir.path().join("policy.yaml"), policy).unwrap();
        let source = Source::File(dir.path().join("gait.yaml"));
        source.load(&Environment::default()).unwrap().warnings
    };
    let window = "timezone: UTC, windows: [{start: 2026-01-01T00:00:00, end: 2026-01-02T00:00:00}]";
    for (policy, words) in [
        ("mcp_trust: {snapshot: s}".to_owned(), "`mcp_trust` has no effect"),
        (rule("match: {delegation_scopes: [x]}"), "rule `r` never matches"),
        (rule("require_broker_credential: true"), "rule `r` allows nothing"),
        (
            rule(&format!("freeze_window: {{environments: [prod], {window}}}")),
            "the freeze window of rule `r` never opens",
        ),
    ] {
        let warnings = warnings(&policy);
        assert!(warnings.len() == 1 && warnings[0].contains(words), "{policy}: {warnings:?}");
    }
    for policy in
        [rule("match: {require_delegation: false}"), rule(&format!("freeze_window: {{{window}}}"))]
    {
        assert!(warnings(&policy).is_empty(), "{policy}");
    }
}

/// A policy of one rule.
fn rule(terms: &str) -> String {
    format!("rules: [{{name: r, effect: allow, {terms}}}]")
}

#[test]
fn a_policy_that_cannot_be_used_names_its_own_line() {
    let dir = tempfile::tempdir().unwrap();
    let config = text("", &route("a", "intent: { tool_name: a, risk_class: low }"));
    fs::write(dir.path().join("gait.yaml"), config).unwrap();
    let load = |policy: Option<&str>| {
        let path = dir.path().join("policy.yaml");
        match policy {
            Some(text) => fs::write(&path, text).unwrap(),
            None => drop(fs::remove_file(&path)),
        }
        let source = Source::File(dir.path().join("gait.yaml"));
        source.load(&Environment::default()).unwrap_err().to_string()
    };
    assert!(load(Some("rules:\n  - {name: a, colour: red}\n")).contains("policy.yaml:2:15"));
    assert!(load(None).contains("`policy` in the config names it"));
}

#[test]
fn the_built_in_map_covers_every_method() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("policy.yaml"), POLICY).unwrap();
    let builtin = |upstream: &str, stage| {
        let (upstream, policy) = (upstream.to_owned(), dir.path().join("policy.yaml"));
        Source::Builtin(Builtin { upstream, policy, stage }).load(&Environment::default())
    };
    let plan = builtin("http://127.0.0.1:9", Stage::Observe).unwrap().plan;
    assert!(plan.routes.last().unwrap().matcher.methods.is_empty());
    assert!(plan.refused.is_some());
    assert!(builtin("http://127.0.0.1:9", Stage::Enforce).unwrap().plan.refused.is_none());
    let secret = builtin("http://user:hunter2@a", Stage::Observe).unwrap_err().to_string();
    assert!(!secret.contains("hunter2"), "{secret}");
    for bad in ["127.0.0.1:9", "ftp://a", "http://a/base", "http://u@a"] {
        assert!(builtin(bad, Stage::Observe).is_err(), "{bad}");
    }
}

#[test]
fn a_mistyped_log_level_does_not_silence_the_log() {
    let routes = route("a", "intent: { tool_name: a, risk_class: low }");
    for level in ["debug", "INFO", "gait=debug", "warn,gait::app=trace,hyper=off"] {
        let log = load(&format!("log: {{ level: \"{level}\" }}"), &routes).unwrap().fixed.log;
        assert_eq!(log.level, level);
    }
    for level in ["inof", "gait", "gait=loud", "=info", "info,", "gait=", "info gait=debug"] {
        let said = refusal(&format!("log: {{ level: \"{level}\" }}"), &routes);
        assert!(said.starts_with("2:") && said.contains("`log.level`"), "{said}");
        assert!(said.contains("off, error, warn, info, debug, trace"), "{said}");
        let from_outside = load_with(&text("", &routes), &[("GAIT__LOG__LEVEL", level)]);
        assert!(from_outside.is_err(), "{level}");
    }
}

/// A config whose one upstream says `rest` besides its URL.
fn upstream(url: &str, rest: &str) -> String {
    let low = route(
        "a",
        "intent: { tool_name: a, risk_class: low, targets: [{ kind: url, value: \
                     \"{url}\" }] }",
    );
    format!(
        "policy: policy.yaml\nupstreams:\n  api: {{ url: \"{url}\", {rest} }}\nroutes:\n{low}\n"
    )
}

#[test]
fn an_upstream_is_spoken_to_as_its_scheme_says() {
    let authority = rcgen::generate_simple_self_signed(["ca".to_owned()]).unwrap().cert.pem();
    let load = |url: &str, rest: &str| {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("ca.pem"), &authority).unwrap();
        fs::write(dir.path().join("gait.yaml"), upstream(url, rest)).unwrap();
        fs::write(dir.path().join("policy.yaml"), POLICY).unwrap();
        let loaded = Source::File(dir.path().join("gait.yaml")).load(&Environment::default());
        loaded.unwrap().plan
    };
    let tls = "tls: { ca: ca.pem }";
    for (url, rest, want) in [
        ("http://h", "", "http://h"),
        ("http://h:443", "http2: off", "http://h:443"),
        ("http://[::1]:8080/", "http2: prior_knowledge", "http://[::1]:8080"),
        ("https://h", tls, "https://h"),
        ("https://h:80", tls, "https://h:80"),
        ("https://[::1]", "tls: { ca: ca.pem }, http2: alpn", "https://[::1]"),
    ] {
        let plan = load(url, rest);
        assert_eq!(plan.upstreams.first().unwrap().base_url(), want, "{url}");
        assert_eq!(plan.routes.first().unwrap().mapping.base_url, want, "{url}");
    }
    let digest = |rest: &str| load("https://h", rest).digest;
    assert_eq!(digest(tls), digest(tls));
    assert_ne!(digest(tls), digest("tls: { ca: ca.pem, server_name: h }"));
}

#[test]
fn mistakes_about_a_tool_name_the_mend_and_no_secret() {
    let secret = "s3cr3t\nsecond";
    let variables = [("TWO_LINES", secret), ("TOKEN", "t0ken")];
    for (url, rest, want) in [
        ("ftp://h", "", "neither http nor https; write it as"),
        ("https://h/p", "", "holds more than host and port"),
        ("http://h", "tls: { ca: a }", "`upstreams.api.tls`: the URL is not https"),
        ("http://h", "http2: alpn", "write an https URL, or prior_knowledge"),
        ("https://h", "http2: prior_knowledge", "over TLS write alpn"),
        ("http://h", "http2: on", "unknown `on`; write off, alpn or prior_knowledge"),
        ("https://h", "tls: { ca: gone.pem }", "`upstreams.api.tls.ca`: cannot read"),
        ("https://h", "tls: { ca: policy.yaml }", "without a usable certificate"),
        ("https://h", "tls: { ca: \"\" }", "`upstreams.api.tls.ca` is empty"),
        ("https://h", "tls: { client_key: policy.yaml }", "name both"),
        ("http://h", "credential: {}", "name one of bearer, basic and header"),
        ("http://h", "credential: { bearer: t0ken }", "write `{ env: NAME }` or"),
        ("http://h", "credential: { bearer: { env: TOKEN, file: t } }", "write `{ env: NAME }` or"),
        ("http://h", "credential: { bearer: { env: GONE } }", "variable `GONE` is not set"),
        ("http://h", "credential: { bearer: { file: gone } }", "credential.bearer.file`: cannot"),
        ("http://h", "credential: { bearer: { env: TWO_LINES } }", "cannot carry"),
        (
            "http://h",
            "credential: { header: { name: Host, value: { env: TOKEN } } }",
            "`Host` is no header field that a secret can go into",
        ),
        (
            "http://h",
            "credential: { basic: { user: \"a:b\", password: { env: TOKEN } } }",
            "`user` cannot hold",
        ),
    ] {
        let message = load_with(&upstream(url, rest), &variables).unwrap_err().to_string();
        assert!(message.contains(want), "{want}\n  is not in\n{message}");
        assert!(!message.contains("s3cr3t") && !message.contains("t0ken"), "{message}");
    }
}

/// A folder with two pairs, and a config with this `server`.
fn load_server(server: &str) -> Result<Config, String> {
    let dir = tempfile::tempdir().unwrap();
    for name in ["a", "b"] {
        let pair = rcgen::generate_simple_self_signed([format!("{name}.test")]).unwrap();
        fs::write(dir.path().join(format!("{name}.pem")), pair.cert.pem()).unwrap();
        fs::write(dir.path().join(format!("{name}.key")), pair.signing_key.serialize_pem())
            .unwrap();
    }
    let low = route("a", "intent: { tool_name: a, risk_class: low }");
    fs::write(dir.path().join("gait.yaml"), text(server, &low)).unwrap();
    fs::write(dir.path().join("policy.yaml"), POLICY).unwrap();
    let loaded = Source::File(dir.path().join("gait.yaml")).load(&Environment::default());
    loaded.map_err(|error| error.to_string())
}

const PAIR: &str = "certificates: [ { cert: a.pem, key: a.key } ]";

#[test]
fn a_listener_that_says_two_things_is_refused() {
    for (server, said) in [
        ("server: { tls: }", "`server.tls` is empty"),
        ("server: { tls: {} }", "`server.tls` is empty"),
        ("server: { tls: { min_version: \"1.3\" } }", "`server.tls.certificates`"),
        ("server: { http2: alpn }", "alpn is a part of TLS"),
        (&format!("server: {{ http2: prior_knowledge, tls: {{ {PAIR} }} }}"), "write alpn or off"),
        ("server: { http2: always }", "unknown `always`"),
        (&format!("server: {{ tls: {{ {PAIR}, min_version: 1.3 }} }}"), "in quotes"),
        (&format!("server: {{ tls: {{ {PAIR}, min_version: \"1.1\" }} }}"), "unknown `1.1`"),
        (&format!("server: {{ tls: {{ {PAIR}, client_ca: a.pem }} }}"), "no certificate is asked"),
        (
            &format!("server: {{ tls: {{ {PAIR}, client_certificates: required }} }}"),
            "`server.tls.client_ca` is missing",
        ),
        (
            &format!("server: {{ tls: {{ {PAIR}, client_certificates: maybe }} }}"),
            "unknown `maybe`",
        ),
        (
            "server: { tls: { certificates: [ { cert: a.pem, key: b.key } ] } }",
            "b.key: the private key does not belong to a.pem",
        ),
        ("server: { tls: { certificates: [ { cert: a.pem } ] } }", "key` is missing"),
        ("server: { tls: { certificates: [ { cert: no.pem, key: a.key } ] } }", "no.pem"),
        ("server: { unix_mode: \"0660\" }", "only a Unix socket has a mode"),
        ("server: { listen: \"unix:s\", unix_mode: \"0999\" }", "`0999` is no mode"),
        ("server: { listen: \"unix:\" }", "names no path"),
        ("listeners: [ { listen: \"127.0.0.1:1\" } ]", "is not a name"),
        ("listeners: [ { name: telemetry, listen: \"127.0.0.1:1\" } ]", "is called `telemetry`"),
        ("listeners: [ { name: more } ]", "`listeners[0].listen`"),
    ] {
        let refusal = load_server(server).unwrap_err();
        assert!(refusal.contains(said), "{server}: {refusal}");
    }
}

#[test]
fn a_listener_speaks_http_2_where_tls_agrees_on_it() {
    let spoken = |server: &str| load_server(server).unwrap().plan.listeners.pop().unwrap().http2;
    assert_eq!(spoken(""), Http2::Off);
    assert_eq!(spoken("server: { http2: prior_knowledge }"), Http2::PriorKnowledge);
    assert_eq!(spoken(&format!("server: {{ tls: {{ {PAIR} }} }}")), Http2::Alpn);
    assert_eq!(spoken(&format!("server: {{ http2: off, tls: {{ {PAIR} }} }}")), Http2::Off);
}

#[test]
fn another_certificate_is_another_config() {
    let digest = || load_server(&format!("server: {{ tls: {{ {PAIR} }} }}")).unwrap().plan.digest;
    assert_ne!(digest(), digest(), "the pairs are made anew");
}

#[test]
fn files_count_into_the_digest_and_an_expired_pair_is_a_warning() {
    let made = |year: i32| {
        let mut params = rcgen::CertificateParams::new(["a".to_owned()]).unwrap();
        params.not_after = rcgen::date_time_ymd(year, 1, 1);
        let key = rcgen::KeyPair::generate().unwrap();
        (params.self_signed(&key).unwrap().pem(), key.serialize_pem())
    };
    let load = |pair: &(String, String), secret: &str| {
        let dir = tempfile::tempdir().unwrap();
        let rest = "tls: { ca: own.pem, client_cert: own.pem, client_key: own.key }, credential: { \
                    bearer: { file: secret } }";
        for (name, text) in [
            ("gait.yaml", upstream("https://h", rest).as_str()),
            ("policy.yaml", POLICY),
            ("own.pem", &pair.0),
            ("own.key", &pair.1),
            ("secret", secret),
        ] {
            fs::write(dir.path().join(name), text).unwrap();
        }
        Source::File(dir.path().join("gait.yaml")).load(&Environment::default()).unwrap()
    };
    let (valid, expired) = (made(4000), made(2001));
    let base = load(&valid, "s");
    let again = load(&valid, "s");
    assert_eq!(
        (&base.plan.upstreams, base.plan.digest),
        (&again.plan.upstreams, again.plan.digest)
    );
    assert!(!base.warnings.concat().contains("expired"));
    // The secret makes another upstream, but nothing that is shown hangs on it.
    let other = load(&valid, "t");
    assert_ne!(base.plan.upstreams, other.plan.upstreams);
    assert_eq!(base.plan.digest, other.plan.digest);
    assert!(!format!("{:?}", base.plan).contains("PRIVATE"));
    let expired = load(&expired, "s");
    assert_ne!(base.plan.digest, expired.plan.digest);
    let told = "the client certificate of upstream `api` has expired; renew it";
    assert!(expired.warnings.iter().any(|warning| warning == told), "{:?}", expired.warnings);
}

#[test]
fn the_evidence_is_kept_as_the_config_says() {
    let fixed = |settings: &str| {
        let low = "intent: { tool_name: a, risk_class: low }";
        load(&format!("evidence: {{ {settings} }}"), &route("a", low)).unwrap().fixed
    };
    let ms = Duration::from_millis;
    let all = fixed(
        "durability: batched, unprotected_on_failure: forward, signing_key: keys/e.key, \
         seal_after: 90m, retention: 2160h, retention_bytes: 134217728",
    );
    let said = (all.assurance.durability, all.assurance.on_failure);
    assert_eq!(said, (Durability::Batched, OnFailure::Forward));
    let Settings { gather, signing_key, seal_after, retention, retention_bytes, .. } = all.evidence;
    assert_eq!((gather, seal_after), (ms(5), ms(90 * 60_000)));
    assert_eq!((retention, retention_bytes), (Some(ms(2160 * 3_600_000)), Some(128 << 20)));
    assert!(
        matches!(signing_key, KeyFile::At(path) if path.ends_with("keys/e.key") && path.is_absolute())
    );
    assert_eq!(fixed("durability: batched, batch_interval: 20ms").evidence.gather, ms(20));
    assert_eq!(fixed("durability: all").assurance.durability, Durability::All);
    assert_eq!(fixed("durability: all").evidence, Settings::default());
    let none = fixed("");
    assert_eq!((none.assurance, none.evidence), Default::default());
}

#[test]
fn mistakes_about_the_evidence_name_line_field_and_mend() {
    for (said, want) in [
        (
            "durability: none",
            "`evidence.durability`: unknown durability `none`; write one of protected, all, batched",
        ),
        ("durability: \"\"", "`evidence.durability` is empty; fill it or remove it"),
        ("batch_interval: 5ms", "`evidence.batch_interval`: only `durability: batched` gathers"),
        ("durability: batched, batch_interval: 0s", "`0s` is not a duration from 1ms to 1s"),
        ("durability: batched, batch_interval: 5m", "`5m` is not a duration from 1ms to 1s"),
        ("unprotected_on_failure: allow", "unknown `allow`; write deny or forward"),
        ("signing_key:", "`evidence.signing_key` is empty"),
        ("seal_after: 9000h", "`9000h` is not a duration from 1s to 720h"),
        ("retention: 90s", "`90s` is not a duration from 1h to 87840h"),
        ("retention:", "`evidence.retention` is empty"),
        ("retention_bytes: 1000000", "`1000000` must be from 134217728, two segments"),
        ("retention_bytes: -1", "`-1` must be from 134217728"),
        ("keep: 5d", "unknown field `keep` in evidence"),
    ] {
        let low = "intent: { tool_name: a, risk_class: low }";
        let message =
            refusal(&format!("evidence:\n  {}", said.replace(", ", "\n  ")), &route("a", low));
        let line = 3 + said.matches(", ").count();
        assert!(message.contains(want), "{want}\n  is not in\n{message}");
        assert!(message.starts_with(&format!("{line}:")), "{line} is not where it is: {message}");
    }
}
