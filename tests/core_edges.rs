//! The edges of reading policies and intents (spec C1.3, C1.4, C2.1): what is the same, what is
//! absent, and what is refused.

use gait::intent::{Intent, IntentError, read};
use gait::policy::Policy;
use gait::policy::source::{self, PolicyError};
use serde_json::{Value, json};

fn intent(text: &str) -> Result<Intent, IntentError> {
    read::from_json(text.as_bytes())?.normalise()
}

fn policy(text: &str) -> Result<Policy, PolicyError> {
    source::parse("p.yaml", text.as_bytes())
}

/// An intent with everything that can be wrong somewhere in it.
fn whole() -> Value {
    json!({
        "tool_name": "t",
        "targets": [{"kind": "path", "value": "/x"}],
        "arg_provenance": [{"arg_path": "a", "source": "user"}],
        "context": {"identity": "a", "workspace": "w", "risk_class": "low"},
    })
}

/// Where an object stands, and its members, by the type that they must have.
const MEMBERS: [(&str, &str, &str); 11] = [
    ("", "text", "schema_id schema_version created_at producer_version tool_name args_digest"),
    ("", "text", "intent_digest script_hash"),
    ("", "list", "targets arg_provenance"),
    ("", "object", "args context relationship"),
    ("/targets/0", "text", "kind value operation sensitivity endpoint_class endpoint_domain"),
    ("/targets/0", "text", "discovery_method"),
    ("/targets/0", "flag", "destructive read_only_hint destructive_hint idempotent_hint"),
    ("/arg_provenance/0", "text", "arg_path source source_ref integrity_digest"),
    ("/context", "text", "identity workspace risk_class phase context_set_digest run_id"),
    ("/context", "list", "context_refs credential_scopes"),
    ("/context", "object", "auth_context"),
];

fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "flag",
        Value::Number(_) => "number",
        Value::String(_) => "text",
        Value::Array(_) => "list",
        Value::Object(_) => "object",
    }
}

#[test]
fn every_member_has_one_type() {
    let values = [json!(true), json!(1), json!("x"), json!([]), json!([1]), json!({})];
    for (at, wanted, names) in MEMBERS {
        for name in names.split(' ') {
            for value in values.iter().filter(|value| type_of(value) != wanted) {
                let mut document = whole();
                document.pointer_mut(at).unwrap()[name] = value.clone();
                let error = intent(&document.to_string()).unwrap_err();
                assert!(matches!(error, IntentError::Parse(_)), "{at} {name} {value}: {error}");
            }
        }
    }
}

#[test]
fn null_is_absent_and_unknown_members_do_not_count() {
    let plain = intent(&whole().to_string()).unwrap().digest();
    for (at, _, names) in MEMBERS {
        for name in names.split(' ').filter(|name| whole().pointer(at).unwrap()[name].is_null()) {
            let mut document = whole();
            document.pointer_mut(at).unwrap()[name] = Value::Null;
            document.pointer_mut(at).unwrap()["unheard_of"] = json!({"a": [1]});
            let digest = intent(&document.to_string()).unwrap().digest();
            assert_eq!(digest, plain, "{at} {name}");
        }
    }
}

#[test]
fn integers_are_integer_literals_of_64_bits() {
    let with = |literal: &str| {
        let text = whole().to_string();
        intent(&text.replace("\"low\"", &format!("\"low\",\"credential_ttl_seconds\":{literal}")))
    };
    for literal in ["0", "60", "9223372036854775807", "null"] {
        assert!(with(literal).is_ok(), "{literal}");
    }
    for literal in ["60.0", "1e2", "1.5", "9223372036854775808", "\"60\"", "true", "[]"] {
        assert!(matches!(with(literal), Err(IntentError::Parse(_))), "{literal}");
    }
    assert!(matches!(with("-1"), Err(IntentError::Normalise(_))));
}

#[test]
fn a_time_is_a_time_or_null() {
    let created = |value: Value| {
        let mut document = whole();
        document["created_at"] = value;
        intent(&document.to_string()).map(|intent| intent.created_at().to_string())
    };
    for (value, time) in [
        (json!(null), "1980-01-01T00:00:00Z"),
        (json!("0001-01-01T00:00:00Z"), "1980-01-01T00:00:00Z"),
        (json!("0001-01-01T01:00:00+01:00"), "1980-01-01T00:00:00Z"),
        (json!("9999-12-31T23:59:59Z"), "9999-12-31T23:59:59Z"),
        (json!("2026-01-02T23:30:00.5000-01:00"), "2026-01-03T00:30:00.5Z"),
    ] {
        assert_eq!(created(value).unwrap(), time);
    }
    for value in [json!(""), json!(" "), json!("2026-01-02"), json!(0)] {
        assert!(matches!(created(value.clone()), Err(IntentError::Parse(_))), "{value}");
    }
}

#[test]
fn a_document_is_one_object_and_nothing_else() {
    let text = whole().to_string();
    assert!(intent(&format!("\n{text}\r\n\t ")).is_ok());
    for text in ["", " ", "[]", "1", "\"x\"", "true", &format!("{text}{{}}"), &format!("{text}\0")]
    {
        assert!(matches!(intent(text), Err(IntentError::Parse(_))), "{text}");
    }
    for text in ["null", "{}"] {
        assert!(intent(text).unwrap_err().to_string().ends_with("tool_name is required"), "{text}");
    }
}

#[test]
fn spelling_does_not_change_a_policy() {
    let rule = "rules:\n  - {name: a, effect: allow}\n";
    let plain = policy(rule).unwrap().digest();
    for text in [
        rule.replace('\n', "\r\n"),
        format!("%YAML 1.2\n---\n{rule}...\n"),
        format!("{rule}---\nunknown: key\n"),
        "{\"rules\":[{\"name\":\"a\",\"effect\":\"allow\"}]}".to_owned(),
        "? rules\n: - {'name': a, \"effect\": ' Allow '}\n".to_owned(),
        "rules:\n- name: >-\n    a\n  action: |\n    ALLOW\n".to_owned(),
        "rules: &r\n  - {name: !!str a, effect: allow, action: ~, priority: , match: }\n"
            .to_owned(),
        format!("schema_id: ''\nschema_version:\ndefault_verdict: ' '\nfail_closed:\n{rule}"),
        format!("default_verdict: require_approval\ndefault_action: ' Require_Approval '\n{rule}"),
        "rules: [{name: a, effect: allow, violations: [null, '', ' '], reason_codes: }]".to_owned(),
        "rules: [{name: a, effect: allow, endpoint: {}, broker_scopes: [], dataflow: }]".to_owned(),
    ] {
        let policy = policy(&text).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(policy.digest(), plain, "{text}");
    }
}

#[test]
fn other_shapes_are_no_policy() {
    for text in [
        "null",
        "--- ~\n",
        "[]",
        "x",
        "\u{feff}rules: []",
        "rules:\n\t- {name: a, effect: allow}\n",
        "rules: []\nrules: []",
        "rules: {}",
        "rules: [null]",
        "rules: [x]",
        "rules: *x",
        "Rules: []",
        "fail_closed: true",
        "fail_closed: {enabled: yes}",
        "fail_closed: {risk_classes: high}",
        "schema_version: 1.0",
        "schema_id: ' gait.gate.policy'",
        "rules: [{name: a, name: b, effect: allow}]",
        "rules: [{name: \"\\u00a0\", effect: allow}]",
        "rules: [{name: [a], effect: allow}]",
        "rules: [{name: a}]",
        "rules: [{name: a, effect: allow, action: block}]",
        "rules: [{name: a, effect: allow, priority: true}]",
        "rules: [{name: a, effect: allow, priority: 9223372036854775808}]",
        "rules: [{name: a, effect: allow, min_approvals: -1}]",
        "rules: [{name: a, effect: allow, require_distinct_approvers: 1}]",
        "rules: [{name: a, effect: allow, match: []}]",
        "rules: [{name: a, effect: allow, match: {tool_name: [a]}}]",
        "rules: [{name: a, effect: allow, match: {endpoint_class: fs.read}}]",
        "rules: [{name: a, effect: allow, match: {endpoint_classes: [net.ftp]}}]",
    ] {
        assert!(policy(text).is_err(), "{text}");
    }
}

/// The public tool reads `010` as 8 and `1_000` as 1000, also where text belongs.
#[test]
fn what_is_a_number_to_some_must_be_quoted() {
    let named = |name: &str| policy(&format!("rules: [{{name: {name}, effect: allow}}]"));
    for number in [
        "010",
        "-08",
        "1_000",
        "+1_0.5",
        "0x1_F",
        "0o1_7",
        "0b1_1",
        "1e1_0",
        "1_",
        "7",
        "1.50",
        "0x1F",
        ".5",
        "1e3",
        "true",
        "!!str 010",
        "&a 010",
    ] {
        let error = named(number).unwrap_err().to_string();
        assert!(error.contains("put the value in quotes"), "{number}: {error}");
        assert!(named(&format!("'{number}'")).is_ok(), "{number}");
    }
    for text in
        ["!!str 123", "1.0.0", "2026-01-02", "12:30", "_1", "1_a", "0x", "0o8", "yes", "a_1", "e1"]
    {
        let quoted = named(&format!("'{}'", text.trim_start_matches("!!str "))).unwrap();
        assert_eq!(named(text).unwrap().digest(), quoted.digest(), "{text}");
    }
    assert!(policy("rules: [{name: &a '010', effect: allow}, {name: *a, effect: block}]").is_ok());
    assert!(policy("rules: [{name: &a a, effect: allow, priority: 010}]").is_err());
}

#[test]
fn numbers_of_a_rule_have_64_bits() {
    let text = "rules: [{name: a, effect: require_approval, priority: -9223372036854775808,
        min_approvals: 9223372036854775807}]";
    let policy = policy(text).unwrap();
    let decision =
        policy.decide(&intent(&whole().to_string()).unwrap(), gait::intent::time::DEFAULT);
    assert_eq!(policy.rules()[0].priority, i64::MIN);
    assert_eq!(decision.min_approvals, 9_223_372_036_854_775_807);
}
