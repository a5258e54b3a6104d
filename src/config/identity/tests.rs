//! Sources that look right and would let strangers in, and what they are refused for.

use crate::config::site::Site;
use crate::config::{Environment, read};
use crate::identity::Sources;
use crate::yaml::Fault;
use std::fs;

const SET: &str =
    r#"{"keys":[{"kty":"OKP","crv":"Ed25519","x":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}]}"#;

fn load(identity: &str) -> Result<Sources, Fault> {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("k.json"), SET).unwrap();
    fs::write(folder.path().join("private.json"), SET.replace("\"x\"", "\"d\":\"AA\",\"x\""))
        .unwrap();
    let text = format!(
        "policy: p.yaml\nupstreams:\n  a: {{ url: \"http://127.0.0.1:9000\" }}\nidentity:\n{identity}"
    );
    let environment = Environment::default();
    read(&text, &Site::new(folder.path(), &environment)).map(|read| read.plan.identity)
}

fn sources(lines: &[&str]) -> Result<Sources, Fault> {
    let list: String = lines.iter().map(|line| format!("    - {{ {line} }}\n")).collect();
    load(&format!("  sources:\n{list}"))
}

fn jwt(over: &[(&str, &str)]) -> String {
    let mut fields = vec![
        ("issuer", "https://id.example"),
        ("audiences", "[gait]"),
        ("algorithms", "[ES256]"),
        ("jwks", "{ file: k.json }"),
    ];
    for (key, value) in over {
        fields.retain(|(known, _)| known != key);
        fields.push((key, value));
    }
    let said = fields.iter().filter(|(_, value)| !value.is_empty());
    let text: Vec<String> = said.map(|(key, value)| format!("{key}: {value}")).collect();
    format!("name: sso, jwt: {{ {} }}", text.join(", "))
}

#[test]
fn one_of_each_kind_loads() {
    let key = format!("{{ sha256: {}, identity: ci, workspace: w }}", "a".repeat(64));
    let loaded = sources(&[
        &jwt(&[("claims", "{ identity: sub, workspace: /org/id }"), ("prefix", "\"sso:\"")]),
        &format!("name: keys, api_key: {{ keys: [{key}] }}"),
        "name: mesh, certificate: { match: [\"spiffe://x/ns/{workspace}/sa/{agent_id}\"] }",
        "name: edge, header: { name: X-User, from: { certificates: [edge.example] } }",
        "name: local, unix: { users: { \"1000\": ada }, set: { workspace: prod } }",
    ])
    .unwrap();
    let names: Vec<_> = loaded.names().map(|name| name.to_string()).collect();
    assert_eq!(names, ["sso", "keys", "mesh", "edge", "local"]);
    let fields: Vec<_> = loaded.credentials().iter().map(|field| field.name.as_str()).collect();
    assert_eq!(fields, ["authorization", "x-api-key", "x-user"]);
}

#[test]
fn tokens_that_would_be_taken_too_easily_are_refused() {
    for (key, value, mend) in [
        ("audiences", "", "`identity.sources[0].jwt.audiences`: is missing; name the audiences"),
        ("audiences", "[]", "is empty"),
        ("audiences", "[\"\"]", "an audience is empty"),
        ("algorithms", "", "is missing; name those that the issuer uses"),
        ("algorithms", "[HS256]", "`HS256` is symmetric"),
        ("algorithms", "[none]", "unknown `none`; write one of RS256"),
        ("issuer", "", "is missing; write what `iss` says"),
        ("leeway", "6m", "`6m` is not a duration from 0s to 5m"),
        ("max_age", "0s", "is not a duration from 1s"),
        ("claims", "{ name: sub }", "unknown field `name`"),
        ("claims", "{ identity: }", "is empty"),
        ("header", "Cookie", "means something else to every server"),
        ("header", "Gait-Token", "is one of gait's own"),
        ("jwks", "", "needs either `file` or `url`"),
        ("jwks", "{ file: k.json, url: \"https://a\" }", "needs either `file` or `url`"),
        ("jwks", "{ file: k.json, keep: 1h }", "goes with `url`"),
        ("jwks", "{ file: gone.json }", "cannot read"),
        ("jwks", "{ file: private.json }", "holds the private member `d`"),
        ("jwks", "{ url: \"http://id.example/k\" }", "keys that come without TLS"),
        ("jwks", "{ url: \"ftp://id.example/k\" }", "is not a URL of https"),
        ("jwks", "{ url: \"https://me:pw@id.example/k\" }", "holds a user or password"),
        ("jwks", "{ url: \"https://id.example\", keep: 1m }", "must not be shorter than `refresh`"),
        ("jwks", "{ url: \"https://id.example\", ca: k.json }", "holds no certificate"),
        ("jwks", "{ url: \"http://127.0.0.1:9000/k\" }", "is the upstream `a`"),
    ] {
        let fault = sources(&[&jwt(&[(key, value)])]).unwrap_err();
        assert!(fault.what.contains(mend), "{key}: {value}: {}", fault.what);
        assert_eq!(fault.place.line, 6, "{key}: {value}");
        assert!(!fault.what.contains("me:pw"));
    }
}

#[test]
fn keys_may_come_without_tls_where_nobody_is_between() {
    for jwks in [
        "{ url: \"http://127.0.0.1:9001/k\" }",
        "{ url: \"http://[::1]:9000/k\" }",
        "{ url: \"http://id.example/k\", allow_http: true }",
        "{ url: \"https://id.example/k\" }",
    ] {
        let loaded = sources(&[&jwt(&[("jwks", jwks)])]).unwrap();
        assert!(loaded.rings().next().unwrap().remote().is_some(), "{jwks}");
    }
}

#[test]
fn other_sources_that_would_let_strangers_in_are_refused() {
    let digest = "a".repeat(64);
    for (line, mend) in [
        ("name: a".to_owned(), "exactly one kind"),
        ("name: a, unix: { users: { \"1\": a } }, certificate: {}".to_owned(), "exactly one kind"),
        ("unix: { users: { \"1\": a } }".to_owned(), "name` is missing"),
        ("name: anonymous, unix: { users: { \"1\": a } }".to_owned(), "use another name"),
        ("name: a, unix: {}".to_owned(), "must name users"),
        ("name: a, unix: { users: { root: a } }".to_owned(), "is not a user id"),
        ("name: a, unix: { users: { \"1\": anonymous } }".to_owned(), "without credentials"),
        ("name: a, unix: { users: { \"1\": a, \"01\": b } }".to_owned(), "stands twice"),
        ("name: a, api_key: {}".to_owned(), "lists no key"),
        ("name: a, api_key: { keys: [{ sha256: secret, identity: a }] }".to_owned(), "must be the SHA-256"),
        (format!("name: a, api_key: {{ keys: [{{ sha256: {digest} }}] }}"), "say whose key it is"),
        (format!("name: a, api_key: {{ keys: [{{ sha256: {digest}, identity: a, expires_at: soon }}] }}"), "is not a time"),
        (format!("name: a, api_key: {{ keys: [{{ sha256: {digest}, identity: a }}, {{ sha256: {digest}, identity: b }}] }}"), "the key stands twice"),
        ("name: a, certificate: {}".to_owned(), "write what the names look like"),
        ("name: a, certificate: { match: [\"{identity}\"] }".to_owned(), "takes everybody"),
        ("name: a, certificate: { match: [\"spiffe://x/{who}\"] }".to_owned(), "unknown `{who}`"),
        ("name: a, certificate: { san: cn, match: [a] }".to_owned(), "write uri, dns or email"),
        ("name: a, header: { from: { cidrs: [10.0.0.0/8] } }".to_owned(), "name the header"),
        ("name: a, header: { name: X-User }".to_owned(), "names nobody"),
        ("name: a, header: { name: X-User, from: { cidrs: [10.0.0.1/8] } }".to_owned(), "write `10.0.0.0/8`"),
        ("name: a, header: { name: X-User, from: { cidrs: [edge] } }".to_owned(), "is not a network"),
        ("name: a, header: { name: X-User, from: { certificates: [\"spiffe://x/{workspace}\"] } }".to_owned(), "has names in braces"),
        ("name: a, header: { name: Authorization, from: { cidrs: [10.0.0.0/8] } }".to_owned(), "carries tokens"),
        ("name: a, header: { name: X-User, from: { cidrs: [10.0.0.0/8] }, fields: { workspace: X_User } }".to_owned(), "read the same header"),
    ] {
        let fault = sources(&[&line]).unwrap_err();
        assert!(fault.what.contains(mend), "{line}: {}", fault.what);
        assert_eq!(fault.place.line, 6, "{line}");
    }
}

#[test]
fn two_sources_read_a_header_only_where_each_token_is_of_one() {
    let other = jwt(&[("issuer", "https://other.example")]).replace("sso", "other");
    let key = format!("keys: [{{ sha256: {}, identity: ci }}]", "a".repeat(64));
    let keys = |header: &str| format!("name: keys, api_key: {{ header: {header}, {key} }}");
    assert!(sources(&[&jwt(&[]), &other, &keys("Authorization")]).is_ok());
    for (second, mend) in [
        (jwt(&[]), "two sources are named `sso`"),
        (jwt(&[]).replace("sso", "twin"), "tokens of the same issuer"),
    ] {
        let fault = sources(&[&jwt(&[]), &second]).unwrap_err();
        assert!(fault.what.contains(mend), "{}", fault.what);
        assert_eq!(fault.place.line, 7);
    }
    let edge = "name: edge, header: { name: X-Api-Key, from: { cidrs: [10.0.0.0/8] } }";
    let spelt = keys("X_Api_Key").replace("name: keys", "name: more");
    for second in [edge, &spelt] {
        assert!(sources(&[&keys("X-Api-Key"), second]).is_err(), "{second}");
    }
}

#[test]
fn an_agent_that_no_intent_could_name_is_refused() {
    assert!(
        load("  agents: { bot: { owner: a, expires_at: \"2027-01-01T00:00:00Z\" } }\n").is_ok()
    );
    for (agent, mend) in [
        ("{ manifest_digest: x }", "`identity.agents.bot`: manifest_digest must be sha256"),
        ("{ issued_at: soon }", "is not a time"),
        (
            "{ issued_at: \"2027-01-01T00:00:00Z\", expires_at: \"2026-01-01T00:00:00Z\" }",
            "expires_at must be after issued_at",
        ),
    ] {
        let fault = load(&format!("  agents: {{ bot: {agent} }}\n")).unwrap_err();
        assert!(fault.what.contains(mend), "{}", fault.what);
    }
}
