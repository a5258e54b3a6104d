//! The JSON Schemas in `docs/schemas` against the readers whose formats they show to editors.
//!
//! A schema is for people who write: it wants the plain form where the reader takes more, such as
//! words in capitals. What it must never do is miss a key, know one that is none, or complain
//! about what is shipped.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "our own files, as JSON values")]

#[expect(dead_code, reason = "this binary needs less of it than others")]
mod command;

use command::Place;
use gait::intent::read;
use gait::policy::source;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

const NAMES: [&str; 4] = ["policy", "intent", "config", "suite"];
const APPROVER: &str = "/properties/approvals/properties/approvers/items";
const UPSTREAM: &str = "/properties/upstreams/additionalProperties";
const ROWS: [&str; 2] = [
    include_str!("vectors/decisions_core.jsonl"),
    include_str!("vectors/decisions_extended.jsonl"),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

fn schema(name: &str) -> Value {
    let path = root().join(format!("docs/schemas/{name}.schema.json"));
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

fn complaints(schema: &Value, document: &Value) -> Vec<String> {
    let validator = jsonschema::validator_for(schema).unwrap();
    let errors = validator.iter_errors(document);
    errors.map(|error| format!("{}: {error}", error.instance_path())).collect()
}

fn yaml(text: &str) -> Option<Value> {
    serde_saphyr::from_str(text).ok()
}

#[test]
fn the_schemas_are_schemas_and_describe_every_key() {
    for name in NAMES {
        let schema = schema(name);
        jsonschema::draft202012::meta::validate(&schema).unwrap();
        for (path, properties) in mappings(&schema, String::new()) {
            for (key, value) in properties.as_object().unwrap() {
                let reference = value["$ref"].as_str().map(|to| to.trim_start_matches('#'));
                let referred = reference.map_or(&Value::Null, |to| schema.pointer(to).unwrap());
                let said = [value, referred].map(|part| part["description"].is_string());
                assert!(said.contains(&true), "{name}: {path}/{key} has no description");
            }
        }
    }
}

/// Every `properties` of a schema, with where it stands.
fn mappings(value: &Value, path: String) -> Vec<(String, &Value)> {
    if let Some(items) = value.as_array() {
        let items = items.iter().enumerate();
        return items.flat_map(|(n, item)| mappings(item, format!("{path}/{n}"))).collect();
    }
    let Some(members) = value.as_object() else { return Vec::new() };
    let own = members.get("properties").map(|properties| (path.clone(), properties));
    let inner = members.iter().flat_map(|(key, value)| mappings(value, format!("{path}/{key}")));
    own.into_iter().chain(inner).collect()
}

/// The shipped files below a folder, with the schema that each names.
fn shipped(folder: &str, found: &mut Vec<(PathBuf, String, Value)>) {
    for entry in std::fs::read_dir(root().join(folder)).unwrap() {
        let path = entry.unwrap().path();
        let text = || std::fs::read_to_string(&path).unwrap();
        if path.is_dir() {
            shipped(path.to_str().unwrap(), found);
        } else if path.extension().is_some_and(|extension| extension == "json") {
            let document: Value = serde_json::from_str(&text()).unwrap();
            found.push((path, document["$schema"].as_str().unwrap().to_owned(), document));
        } else if path.extension().is_some_and(|extension| extension == "yaml") {
            let text = text();
            let first = text.lines().next().unwrap();
            let named = first.strip_prefix("# yaml-language-server: $schema=");
            found.push((path, named.unwrap_or("").to_owned(), yaml(&text).unwrap()));
        }
    }
}

#[test]
fn every_shipped_file_names_its_schema_and_fits_it() {
    let mut files = Vec::new();
    shipped("policies", &mut files);
    shipped("config", &mut files);
    assert!(files.len() > 20, "where have they gone?");
    for (path, named, document) in files {
        // A template is copied to where no schema lies.
        let named = match path.parent().unwrap().ends_with("policies/templates") {
            true => root().join("docs/schemas/policy.schema.json"),
            false => path.parent().unwrap().join(named),
        };
        let schema: Value =
            serde_json::from_slice(&std::fs::read(&named).unwrap_or_default()).unwrap_or_default();
        assert!(schema.is_object(), "{} names no schema", path.display());
        assert_eq!(complaints(&schema, &document), [""; 0], "{}", path.display());
    }
}

/// The known keys that a complaint about an unknown one names.
fn known(complaint: &str) -> BTreeSet<String> {
    let line = complaint.lines().find(|line| line.contains("known fields are ")).unwrap();
    let (_, names) = line.split_once("known fields are ").unwrap();
    names.split(", ").map(str::to_owned).collect()
}

fn keys(schema: &Value, pointer: &str) -> BTreeSet<String> {
    let mapping = schema.pointer(pointer).unwrap();
    mapping["properties"].as_object().unwrap().keys().cloned().collect()
}

/// Puts an unknown key into the mapping at `path` and compares what is known there.
fn same_keys(
    name: &str,
    base: &Value,
    levels: &[(&str, &str)],
    refusal: impl Fn(&Value) -> String,
) {
    let schema = schema(name);
    for (path, pointer) in levels {
        let mut document = base.clone();
        let mapping = document.pointer_mut(path).unwrap();
        mapping["no_such_key"] = 1.into();
        assert_eq!(known(&refusal(&document)), keys(&schema, pointer), "{name} {path}");
        assert_eq!(schema.pointer(pointer).unwrap()["additionalProperties"], false, "{path}");
    }
}

#[test]
fn the_policy_schema_has_the_keys_that_the_reader_knows() {
    let rule = json!({"name": "r", "effect": "allow", "match": {"tool_annotations": {}},
        "endpoint": {}, "dataflow": {}, "rate_limit": {}, "destructive_budget": {},
        "sandbox": {}, "freeze_window": {"timezone": "UTC", "windows": [{"start": "a", "end": "b"}]}});
    let base = json!({"fail_closed": {}, "scripts": {}, "mcp_trust": {}, "rules": [rule]});
    let levels = [
        ("", ""),
        ("/fail_closed", "/properties/fail_closed"),
        ("/scripts", "/properties/scripts"),
        ("/mcp_trust", "/properties/mcp_trust"),
        ("/rules/0", "/$defs/rule"),
        ("/rules/0/match", "/$defs/match"),
        ("/rules/0/match/tool_annotations", "/$defs/match/properties/tool_annotations"),
        ("/rules/0/endpoint", "/$defs/endpoint"),
        ("/rules/0/dataflow", "/$defs/dataflow"),
        ("/rules/0/rate_limit", "/$defs/rule/properties/rate_limit"),
        ("/rules/0/destructive_budget", "/$defs/rule/properties/destructive_budget"),
        ("/rules/0/sandbox", "/$defs/sandbox"),
        ("/rules/0/freeze_window", "/$defs/freeze_window"),
        ("/rules/0/freeze_window/windows/0", "/$defs/freeze_window/properties/windows/items"),
    ];
    assert_eq!(levels.len(), mappings(&schema("policy"), String::new()).len());
    same_keys("policy", &base, &levels, |document| {
        source::parse("p.yaml", document.to_string().as_bytes()).unwrap_err().to_string()
    });
}

/// A source of each kind.
fn sources() -> Value {
    json!([
        {"name": "sso", "jwt": {"issuer": "https://id.example", "audiences": ["gait"],
            "algorithms": ["EdDSA"], "jwks": {"file": "k.json"}, "claims": {}, "set": {}}},
        {"name": "keys", "api_key": {"keys": [{"sha256": "a".repeat(64), "identity": "ci"}]}},
        {"name": "mesh", "certificate": {"match": ["spiffe://prod.example/ns/{workspace}"]}},
        {"name": "edge", "header": {"name": "X-Remote-User", "from": {"cidrs": ["10.0.0.0/8"]}}},
        {"name": "local", "unix": {"users": {"1000": "ada"}}},
    ])
}

/// A config with every mapping that there is, in a place with the files that it names.
fn everything(place: &Place) -> Value {
    place.put("p.yaml", "rules: []");
    place.put("d.key", "Zr5+Myx6RTMyvZ0Kf32wVfXF7xoGraZtmLOftoEMRzo=");
    let pair = rcgen::generate_simple_self_signed(["a.example".to_owned()]).unwrap();
    place.put("c.pem", pair.cert.pem());
    place.put("c.key", pair.signing_key.serialize_pem());
    let tls = json!({"certificates": [{"cert": "c.pem", "key": "c.key"}]});
    let route = json!({"name": "r", "upstream": "u", "match": {"query": {"x": {"exists": true}}},
        "intent": {"tool_name": "t", "risk_class": "low", "targets": [{"kind": "path", "value": "/"}]}});
    place.put(
        "k.json",
        json!({"keys": [{"kty": "OKP", "crv": "Ed25519", "x": "A".repeat(43)}]}).to_string(),
    );
    place.put("secret", "s");
    place.put("hook", format!("whsec_{}", "A".repeat(40)));
    let over =
        json!({"route": "r", "stage": "observe", "until": "2026-12-01T00:00:00Z", "reason": "x"});
    json!({"policy": "p.yaml", "server": {"tls": tls}, "stage_overrides": [over],
        "stage": {"from": "observe", "to": "dry_run", "percent": 25},
        "listeners": [{"name": "more", "listen": "unix:s"}], "telemetry": {},
        "admin": {"tls": {"cert": "c.pem", "key": "c.key"}, "logins": [
            {"name": "ada@desk", "role": "approver", "sha256": "a".repeat(64)}]},
        "approvals": {
            "approvers": [{"name": "ada", "logins": ["ada@desk"], "may": {"tools": ["t"]}}],
            "webhooks": [{"name": "w", "url": "https://hooks.example", "secret": {"file": "hook"}}]},
        "log": {}, "evidence": {}, "rollout": {"gates": {}}, "access_log": {"to": "stdout"}, "reload": {},
        "otlp": {"endpoint": "https://otel.example", "headers": {"x-api-key": {"file": "secret"}}},
        "identity": {"sources": sources(), "agents": {"bot": {}},
            "delegation": {"keys": ["d.key"]}},
        "forwarding": {"trusted": {"cidrs": ["10.0.0.0/8"]}}, "limits": {}, "timeouts": {}, "unmapped": {"action": "deny"},
        "upstreams": {
            "u": {"url": "https://127.0.0.1:9", "tls": {"ca": "c.pem"},
                "credential": {"bearer": {"file": "secret"}}},
            "v": {"url": "http://127.0.0.1:9",
                "credential": {"basic": {"user": "u", "password": {"file": "secret"}}}},
            "w": {"url": "http://127.0.0.1:9",
                "credential": {"header": {"name": "X-Key", "value": {"file": "secret"}}}}},
        "routes": [route]})
}

#[test]
fn the_config_schema_has_the_keys_that_the_reader_knows() {
    let place = Place::new();
    let base = everything(&place);
    let credential = format!("{UPSTREAM}/properties/credential");
    let levels = [
        ("", ""),
        ("/server", "/properties/server"),
        ("/server/tls", "/$defs/tls"),
        ("/server/tls/certificates/0", "/$defs/tls/properties/certificates/items"),
        ("/listeners/0", "/properties/listeners/items"),
        ("/telemetry", "/properties/telemetry"),
        ("/admin", "/properties/admin"),
        ("/admin/tls", "/properties/admin/properties/tls"),
        ("/admin/logins/0", "/properties/admin/properties/logins/items"),
        ("/approvals", "/properties/approvals"),
        ("/approvals/approvers/0", APPROVER),
        ("/approvals/approvers/0/may", &format!("{APPROVER}/properties/may")),
        ("/approvals/webhooks/0", "/properties/approvals/properties/webhooks/items"),
        ("/log", "/properties/log"),
        ("/evidence", "/properties/evidence"),
        ("/rollout", "/properties/rollout"),
        ("/rollout/gates", "/properties/rollout/properties/gates"),
        ("/otlp", "/properties/otlp"),
        ("/access_log", "/properties/access_log"),
        ("/reload", "/properties/reload"),
        ("/identity", "/properties/identity"),
        ("/identity/delegation", "/properties/identity/properties/delegation"),
        ("/forwarding", "/properties/forwarding"),
        ("/forwarding/trusted", "/properties/forwarding/properties/trusted"),
        ("/identity/agents/bot", "/properties/identity/properties/agents/additionalProperties"),
        ("/identity/sources/0", "/$defs/source"),
        ("/identity/sources/0/jwt", "/$defs/source/properties/jwt"),
        ("/identity/sources/0/jwt/set", "/$defs/facts"),
        ("/identity/sources/0/jwt/jwks", "/$defs/source/properties/jwt/properties/jwks"),
        ("/identity/sources/0/jwt/claims", "/$defs/source/properties/jwt/properties/claims"),
        ("/identity/sources/1/api_key", "/$defs/source/properties/api_key"),
        (
            "/identity/sources/1/api_key/keys/0",
            "/$defs/source/properties/api_key/properties/keys/items",
        ),
        ("/identity/sources/2/certificate", "/$defs/source/properties/certificate"),
        ("/identity/sources/3/header", "/$defs/source/properties/header"),
        ("/identity/sources/3/header/from", "/$defs/trusted_peers"),
        ("/identity/sources/4/unix", "/$defs/source/properties/unix"),
        ("/stage", "/$defs/stage/oneOf/1"),
        ("/stage_overrides/0", "/properties/stage_overrides/items"),
        ("/limits", "/properties/limits"),
        ("/timeouts", "/properties/timeouts"),
        ("/unmapped", "/properties/unmapped"),
        ("/upstreams/u", UPSTREAM),
        ("/upstreams/u/tls", &format!("{UPSTREAM}/properties/tls")),
        ("/upstreams/u/credential", &credential),
        ("/upstreams/v/credential/basic", &format!("{credential}/properties/basic")),
        ("/upstreams/w/credential/header", &format!("{credential}/properties/header")),
        ("/upstreams/u/credential/bearer", "/$defs/secret"),
        ("/routes/0", "/$defs/route"),
        ("/routes/0/match", "/$defs/route/properties/match"),
        ("/routes/0/match/query/x", "/$defs/condition"),
        ("/routes/0/intent", "/$defs/route/properties/intent"),
        ("/routes/0/intent/targets/0", "/$defs/route/properties/intent/properties/targets/items"),
    ];
    assert_eq!(levels.len(), mappings(&schema("config"), String::new()).len());
    let check = |document: &Value| {
        place.put("c.yaml", document.to_string());
        place.gait(&["proxy", "--check", "--config", "c.yaml"], &[])
    };
    let plain = check(&base);
    assert_eq!((plain.exit, complaints(&schema("config"), &base)), (0, vec![]), "{plain:?}");
    same_keys("config", &base, &levels, |document| check(document).log);
}

#[test]
fn the_suite_schema_has_the_keys_that_the_reader_knows() {
    let place = Place::new();
    place.put("p.yaml", "rules: []");
    let case = json!({"name": "c", "intent": {}, "expect": {"verdict": "allow"}});
    let base = json!({"policy": "p.yaml", "cases": [case]});
    let of_case = "/properties/cases/items";
    let of_expect = format!("{of_case}/properties/expect/anyOf/1");
    let levels = [("", ""), ("/cases/0", of_case), ("/cases/0/expect", &of_expect)];
    assert_eq!(levels.len(), mappings(&schema("suite"), String::new()).len());
    same_keys("suite", &base, &levels, |document| {
        place.put("a_test.yaml", document.to_string());
        let run = place.gait(&["policy", "test", "a_test.yaml"], &[]);
        format!("{}\n{}", run.out, run.log)
    });
}

/// An intent with every mapping in it, and where the schema has each.
fn intent() -> (Value, Vec<(&'static str, &'static str)>) {
    let target = json!({"kind": "path", "value": "/"});
    let provenance = json!({"arg_path": "$.a", "source": "user"});
    let document = json!({
        "tool_name": "t", "targets": [target], "arg_provenance": [provenance],
        "script": {"steps": [{"tool_name": "s"}]},
        "skill_provenance": {"skill_name": "s", "source": "s", "publisher": "p"},
        "delegation": {"requester_identity": "b",
            "chain": [{"delegator_identity": "a", "delegate_identity": "b"}]},
        "context": {"identity": "a", "workspace": "/", "risk_class": "low", "sandbox": {},
            "agent_identity": {}},
    });
    let levels = vec![
        ("", ""),
        ("/targets/0", "/$defs/targets/items"),
        ("/arg_provenance/0", "/$defs/arg_provenance/items"),
        ("/script", "/properties/script"),
        ("/script/steps/0", "/properties/script/properties/steps/items"),
        ("/skill_provenance", "/properties/skill_provenance"),
        ("/delegation", "/properties/delegation"),
        ("/delegation/chain/0", "/properties/delegation/properties/chain/items"),
        ("/context", "/properties/context"),
        ("/context/sandbox", "/properties/context/properties/sandbox"),
        ("/context/agent_identity", "/properties/context/properties/agent_identity"),
    ];
    (document, levels)
}

fn is_read(document: &Value) -> bool {
    read::from_json(document.to_string().as_bytes()).and_then(|draft| draft.normalise()).is_ok()
}

/// Intents are open, so a key that is known shows in that it refuses a wrong type.
#[test]
fn the_intent_schema_knows_only_members_that_are_read() {
    let (base, levels) = intent();
    let schema = schema("intent");
    assert!(is_read(&base));
    assert_eq!(complaints(&schema, &base), [""; 0]);
    assert_eq!(levels.len(), mappings(&schema, String::new()).len());
    for (path, pointer) in levels {
        for key in keys(&schema, pointer) {
            let mut document = base.clone();
            document.pointer_mut(path).unwrap()[&key] = json!([[1]]);
            assert!(!is_read(&document), "{path}/{key} is not read");
            assert!(!complaints(&schema, &document).is_empty(), "{path}/{key} takes anything");
        }
        let mut document = base.clone();
        document.pointer_mut(path).unwrap()["no_such_member"] = json!([[1]]);
        assert!(is_read(&document) && complaints(&schema, &document).is_empty(), "{path}");
    }
}

/// The suite refuses unknown members of the intents in it, and so names those that are known.
#[test]
fn the_intent_schema_misses_no_member() {
    let place = Place::new();
    place.put("p.yaml", "rules: []");
    let (_, levels) = intent();
    let mut compared = 0;
    for (path, pointer) in levels {
        let mut intent = json!({"context": {}, "targets": [{}]});
        let Some(mapping) = intent.pointer_mut(path) else { continue };
        mapping["no_such_member"] = 1.into();
        let case = json!({"name": "c", "intent": intent, "expect": "allow"});
        place.put("a_test.yaml", json!({"policy": "p.yaml", "cases": [case]}).to_string());
        let said = place.gait(&["policy", "test", "a_test.yaml"], &[]).out;
        let (_, names) = said.split_once("known members are ").unwrap();
        let known = keys(&schema("intent"), pointer);
        for name in names.lines().next().unwrap().split(", ") {
            assert!(known.contains(name), "{path}/{name}");
        }
        compared += 1;
    }
    assert_eq!(compared, 3);
}

/// A policy in its plain form: lower case, trimmed, and nothing written that says nothing. The
/// reader takes the rest as well; a schema that did could no longer complete a word.
fn plain(value: &Value) -> Value {
    match value {
        // Times have capitals.
        Value::String(text) if text.starts_with(|c: char| c.is_ascii_digit()) => value.clone(),
        Value::String(text) => text.trim().to_lowercase().into(),
        Value::Array(items) => items.iter().map(plain).collect::<Vec<_>>().into(),
        Value::Object(members) => {
            let said = members.iter().filter(|(_, value)| !value.is_null() && *value != "");
            said.map(|(key, value)| (key.clone(), plain(value)))
                .collect::<serde_json::Map<_, _>>()
                .into()
        }
        other => other.clone(),
    }
}

/// Accepted, and the schema complains all the same: of a window that will block as invalid when
/// it is looked at, and of a name that another reader would take for a boolean.
const COMPLAINED_OF: [&str; 2] =
    ["/rules/0/freeze_window/windows/1/end", "/rules/0/name: true is not of type \"string\""];

#[test]
fn recorded_policies_fit_the_schema_where_they_are_accepted() {
    let schema = schema("policy");
    let (mut complained_of, mut fit, mut refused) = (BTreeSet::new(), 0, 0);
    for row in ROWS.iter().flat_map(|file| file.lines()) {
        let row: Value = serde_json::from_str(row).unwrap();
        let Some(text) = row["policy"].as_str() else { continue };
        let Some(document) = yaml(text).filter(|document| !document.is_null()) else { continue };
        let complaints = complaints(&schema, &plain(&document));
        match (source::parse("p.yaml", text.as_bytes()), complaints.as_slice()) {
            (Ok(_), []) => fit += 1,
            (Ok(_), [first, ..]) => {
                let known = COMPLAINED_OF.iter().find(|known| first.starts_with(**known));
                complained_of.insert(known.map_or(first.clone(), |known| (*known).to_owned()));
            }
            (Err(_), []) => {}
            (Err(_), _) => refused += 1,
        }
    }
    assert_eq!(complained_of, COMPLAINED_OF.map(str::to_owned).into());
    assert!(fit > 700 && refused > 30, "{fit} fit, {refused} are refused by both");
}
