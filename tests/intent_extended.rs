//! Scripts, skills, agents, sandboxes, delegations and the inventory in intents (spec E4, E7, E8,
//! E9, E11, E12): recorded digests, and what is refused with which words.

#![expect(clippy::unwrap_used, reason = "the rows are our own files")]

use gait::intent::{Intent, IntentError, Inventory, read};
use serde_json::{Value, json};

/// `intent`, and either `refused` or: `digest`; `prepared`, the digest without claims and with
/// the `inventory`; the digest of the `delegation`; `script_hash`.
const ROWS: &str = include_str!("vectors/intents_extended.jsonl");

fn intent(text: &str) -> Result<Intent, IntentError> {
    read::from_json(text.as_bytes())?.normalise()
}

/// What a gate judges: without claims, with what the inventory knows.
fn prepared(intent: Intent, inventory: &Value) -> Intent {
    let intent = intent.without_claims();
    let Some(text) = inventory.as_str() else { return intent };
    // A row whose inventory cannot be read has no prepared digest, or one without the inventory.
    let inventory = Inventory::read(text.as_bytes()).unwrap_or_default();
    match inventory.entry(intent.tool_name()) {
        Some(entry) => intent.with_inventory(entry).unwrap(),
        None => intent,
    }
}

fn check(row: &Value) -> Result<(), String> {
    let intent = match (intent(row["intent"].as_str().unwrap()), row["refused"].as_str()) {
        (Err(error), Some(refused)) => return same("refused", &error.to_string(), refused),
        (Err(error), None) => return Err(format!("refused: {error}")),
        (Ok(_), Some(refused)) => return Err(format!("not refused: {refused}")),
        (Ok(intent), None) => intent,
    };
    let script = intent.script().map(|script| script.hash.to_string());
    let delegation = intent.delegation().map(|delegation| delegation.digest().to_string());
    recorded(row, "digest", Some(intent.digest().to_string()))?;
    recorded(row, "script_hash", script)?;
    recorded(row, "delegation", delegation)?;
    let prepared = prepared(intent, &row["inventory"]);
    recorded(row, "prepared", Some(prepared.digest().to_string()))
}

/// Ours equals what is recorded, if anything is.
fn recorded(row: &Value, name: &str, ours: Option<String>) -> Result<(), String> {
    match row[name].as_str() {
        Some(want) => same(name, &ours.unwrap_or_default(), want),
        None => Ok(()),
    }
}

/// Our refusals may say more, never something else.
fn same(what: &str, ours: &str, want: &str) -> Result<(), String> {
    let is_same = ours == want || what == "refused" && ours.starts_with(want);
    if is_same { Ok(()) } else { Err(format!("{what}: {ours}\n  recorded {want}")) }
}

#[test]
fn every_row_holds() {
    let rows: Vec<Value> = ROWS.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(rows.len(), 242);
    let failures: Vec<String> = rows
        .iter()
        .filter_map(|row| Some(format!("{}: {}", row["id"], check(row).err()?)))
        .collect();
    assert!(failures.is_empty(), "{} rows fail:\n{}", failures.len(), failures.join("\n"));
}

fn whole() -> Value {
    json!({
        "tool_name": "t",
        "script": {"steps": [{
            "tool_name": "s",
            "targets": [{"kind": "path", "value": "/x"}],
            "arg_provenance": [{"arg_path": "a", "source": "user"}],
        }]},
        "skill_provenance": {"skill_name": "n", "source": "s", "publisher": "p"},
        "delegation": {"requester_identity": "a", "chain": [
            {"delegator_identity": "x", "delegate_identity": "y"},
            {"delegator_identity": "y", "delegate_identity": "a"},
        ]},
        "context": {
            "identity": "a", "workspace": "w", "risk_class": "low",
            "agent_identity": {"owner": "o"}, "sandbox": {"user_mode": "root"},
        },
    })
}

/// The whole intent, with another value at a pointer whose parent is there.
fn with(at: &str, value: Value) -> Result<Intent, IntentError> {
    let mut document = whole();
    let (parent, name) = at.rsplit_once('/').unwrap();
    document.pointer_mut(parent).unwrap()[name] = value;
    intent(&document.to_string())
}

/// Where an object stands, and its members, by the type that they must have.
const MEMBERS: [(&str, &str, &str); 17] = [
    ("", "object", "script skill_provenance delegation"),
    ("/context", "object", "agent_identity sandbox"),
    ("/script", "list", "steps"),
    ("/script/steps/0", "text", "tool_name"),
    ("/script/steps/0", "object", "args"),
    ("/script/steps/0", "list", "targets arg_provenance"),
    (
        "/skill_provenance",
        "text",
        "skill_name source publisher skill_version signature_key_id digest",
    ),
    ("/delegation", "text", "requester_identity scope_class issued_at expires_at"),
    ("/delegation", "list", "token_refs chain"),
    ("/delegation/chain/0", "text", "delegator_identity delegate_identity scope_class token_ref"),
    ("/delegation/chain/0", "text", "issued_at expires_at"),
    ("/context/agent_identity", "text", "owner publisher manifest_digest source issued_at"),
    ("/context/agent_identity", "text", "approved_at expires_at"),
    ("/context/agent_identity", "list", "lifecycle_states"),
    ("/context/agent_identity", "flag", "revoked"),
    ("/context/sandbox", "text", "network_mode env_exposure_mode evidence_ref evidence_digest"),
    ("/context/sandbox", "list", "writable_paths read_only_roots"),
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
fn every_member_has_one_type_and_one_spelling() {
    let values = [json!(true), json!(1), json!("x"), json!([]), json!([1]), json!({})];
    for (at, wanted, names) in MEMBERS {
        for name in names.split(' ') {
            for value in values.iter().filter(|value| type_of(value) != wanted) {
                let error = with(&format!("{at}/{name}"), value.clone()).unwrap_err();
                assert!(matches!(error, IntentError::Parse(_)), "{at} {name} {value}: {error}");
            }
            let other = format!("{at}/{}", name.to_uppercase());
            let error = with(&other, Value::Null).unwrap_err().to_string();
            assert!(error.contains(&format!("must be written `{name}`")), "{other}: {error}");
        }
    }
}

#[test]
fn null_is_absent_and_unknown_members_do_not_count() {
    let plain = with("/x", Value::Null).unwrap().digest();
    for (at, _, names) in MEMBERS {
        for name in names.split(' ').filter(|name| whole().pointer(at).unwrap()[name].is_null()) {
            assert_eq!(
                with(&format!("{at}/{name}"), Value::Null).unwrap().digest(),
                plain,
                "{name}"
            );
        }
        assert_eq!(with(&format!("{at}/unheard_of"), json!([1])).unwrap().digest(), plain, "{at}");
    }
    for (at, name) in [("", "script"), ("", "skill_provenance"), ("", "delegation")] {
        assert_ne!(with(&format!("{at}/{name}"), Value::Null).unwrap().digest(), plain, "{name}");
    }
}

#[test]
fn a_sandbox_of_which_nothing_is_said_is_none() {
    let none = with("/context/sandbox", Value::Null).unwrap();
    let empty = json!({"network_mode": " ", "timeout_seconds": 0, "writable_paths": ["", " ./ "]});
    for sandbox in [json!({}), empty] {
        let intent = with("/context/sandbox", sandbox).unwrap();
        assert_eq!((intent.context(), intent.digest()), (none.context(), none.digest()));
    }
}

#[test]
fn an_agent_of_which_nothing_is_said_is_still_declared() {
    let intent = with("/context/agent_identity", json!({"owner": " "})).unwrap();
    let written = serde_json::to_value(intent.context().agent_identity.as_ref()).unwrap();
    let zero = "0001-01-01T00:00:00Z";
    assert_eq!(written, json!({"approved_at": zero, "expires_at": zero, "issued_at": zero}));
}

/// A pointer, what stands there, and how the refusal begins.
const REFUSALS: [(&str, &str, &str); 29] = [
    ("/script", r#"{}"#, "script.steps must not be empty"),
    ("/script/steps/0/tool_name", r#"" ""#, "script.steps[0].tool_name is required"),
    (
        "/script/steps/0/args",
        r#"{" ": 1}"#,
        "normalize script.steps[0].args: args contains empty key",
    ),
    (
        "/script/steps/0/targets",
        r#"[{}]"#,
        "normalize script.steps[0].targets: targets require kind and value",
    ),
    (
        "/script/steps/0/arg_provenance",
        r#"[{}]"#,
        "normalize script.steps[0].arg_provenance: arg provenance requires arg_path and source",
    ),
    (
        "/script/steps/0/args",
        r#"{"a": [{"token": "sk-1"}]}"#,
        "script.steps[0].args.a[0].token must not contain raw credential material",
    ),
    (
        "/skill_provenance/publisher",
        r#"" ""#,
        "skill provenance requires skill_name, source, and publisher",
    ),
    ("/skill_provenance/digest", r#""Ab""#, "invalid skill provenance digest: ab"),
    ("/delegation", r#"{}"#, "delegation.requester_identity is required"),
    (
        "/delegation/chain",
        r#"[{"delegator_identity": "x"}]"#,
        "delegation.chain[0] requires delegator_identity and delegate_identity",
    ),
    (
        "/delegation/requester_identity",
        r#""b""#,
        "delegation.chain last delegate_identity must match delegation.requester_identity",
    ),
    (
        "/delegation/chain",
        r#"[{"delegator_identity": "x", "delegate_identity": "y"}, {"delegator_identity": "Y", "delegate_identity": "a"}]"#,
        "delegation.chain[1] delegator_identity must match delegation.chain[0].delegate_identity",
    ),
    (
        "/delegation/chain",
        r#"[{"delegator_identity": "x", "delegate_identity": "a", "issued_at": "2026-01-01T00:00:00Z", "expires_at": "2026-01-01T01:00:00+01:00"}]"#,
        "delegation.chain[0] expires_at must be after issued_at",
    ),
    (
        "/delegation",
        r#"{"requester_identity": "a", "issued_at": "2026-01-02T00:00:00Z", "expires_at": "2026-01-01T00:00:00Z"}"#,
        "delegation.expires_at must be after issued_at",
    ),
    (
        "/context/agent_identity/manifest_digest",
        r#""x""#,
        "context.agent_identity.manifest_digest must be sha256 hex",
    ),
    (
        "/context/agent_identity",
        r#"{"issued_at": "2026-01-02T00:00:00Z", "approved_at": "2026-01-01T00:00:00Z"}"#,
        "context.agent_identity.approved_at must be on or after issued_at",
    ),
    (
        "/context/agent_identity",
        r#"{"issued_at": "2026-01-02T00:00:00Z", "expires_at": "2026-01-02T00:00:00Z"}"#,
        "context.agent_identity.expires_at must be after issued_at",
    ),
    (
        "/context/agent_identity",
        r#"{"approved_at": "2026-01-02T00:00:00Z", "expires_at": "2026-01-02T00:00:00Z"}"#,
        "context.agent_identity.expires_at must be after approved_at",
    ),
    (
        "/context/sandbox/network_mode",
        r#""Open""#,
        "context.sandbox.network_mode is unsupported: open; known are disabled",
    ),
    (
        "/context/sandbox/env_exposure_mode",
        r#""some""#,
        "context.sandbox.env_exposure_mode is unsupported: some",
    ),
    (
        "/context/sandbox/filesystem_isolation",
        r#""full""#,
        "context.sandbox.filesystem_isolation is unsupported: full",
    ),
    ("/context/sandbox/user_mode", r#""me""#, "context.sandbox.user_mode is unsupported: me"),
    ("/context/sandbox/timeout_seconds", r#"-1"#, "context.sandbox.timeout_seconds must be >= 0"),
    (
        "/context/sandbox/writable_paths",
        r#"["/a=b", " HOME=/x"]"#,
        "context.sandbox.writable_paths[1] must not contain raw environment variable assignments",
    ),
    (
        "/context/sandbox/read_only_roots",
        r#"["./_x1="]"#,
        "context.sandbox.read_only_roots[0] must not contain raw environment variable assignments",
    ),
    (
        "/context/sandbox/writable_paths",
        r#"["HOME=/.."]"#,
        "context.sandbox.writable_paths[0] must not contain raw environment variable assignments",
    ),
    (
        "/context/sandbox/evidence_ref",
        r#""TOKEN=x""#,
        "context.sandbox.evidence_ref must not contain raw environment variable assignments",
    ),
    (
        "/context/sandbox/evidence_ref",
        r#""abcd1234efgh5678""#,
        "context.sandbox.evidence_ref must not contain secret-like sandbox material",
    ),
    (
        "/context/sandbox/evidence_digest",
        r#""x""#,
        "context.sandbox.evidence_digest must be sha256 hex",
    ),
];

#[test]
fn every_refusal_says_what_and_where() {
    for (at, value, refusal) in REFUSALS {
        let error = with(at, serde_json::from_str(value).unwrap()).unwrap_err().to_string();
        let said = error.strip_prefix("normalize intent: ").unwrap_or_default();
        assert!(said.starts_with(refusal), "{at} {value}: {error}\n  wanted {refusal}");
    }
    let steps = json!(vec![json!({"tool_name": "s"}); 65]);
    let error = with("/script/steps", steps).unwrap_err().to_string();
    assert!(error.ends_with("script.steps exceeds max supported steps (64)"), "{error}");
    let error = with("/delegation/issued_at", json!("2026-01-01")).unwrap_err().to_string();
    assert!(error.contains("`delegation.issued_at` is `2026-01-01`; write it like"), "{error}");
}

#[test]
fn at_the_edges_nothing_is_refused() {
    let early = "2026-01-01T00:00:00Z";
    for (at, value) in [
        ("/script/steps", json!(vec![json!({"tool_name": "s"}); 64])),
        ("/tool_name", json!("")),
        ("/context/agent_identity", json!({"issued_at": early, "approved_at": early})),
        ("/context/agent_identity/expires_at", json!(early)),
        ("/delegation/issued_at", json!(early)),
        ("/context/sandbox/evidence_ref", json!("receipt:abcd1234efgh5678")),
        ("/context/sandbox/writable_paths", json!(["/HOME=x", "a-b=c", "1=2", "=x"])),
    ] {
        assert!(with(at, value.clone()).is_ok(), "{at} {value}");
    }
}

#[test]
fn a_script_lends_what_the_intent_does_not_say_itself() {
    let steps = json!({"steps": [
        {"tool_name": "files.rm", "targets": [{"kind": "path", "value": "/b"}]},
        {"tool_name": "a", "targets": [{"kind": "path", "value": "/a"}, {"kind": "url", "value": "x"}],
            "arg_provenance": [{"arg_path": "p", "source": "external"}]},
        {"tool_name": "files.rm", "targets": [{"kind": "path", "value": "/b"}]},
    ]});
    let lent = with("/script", steps.clone()).unwrap();
    let values: Vec<_> = lent.targets().iter().map(|target| target.value.as_str()).collect();
    assert_eq!((lent.tool_name(), values), ("script", vec!["/a", "/b", "x"]));
    assert!(lent.targets()[1].destructive);
    assert_eq!(lent.arg_provenance().len(), 1);

    let mut document = whole();
    document["script"] = steps;
    document["targets"] = json!([{"kind": "path", "value": "/own"}]);
    document["arg_provenance"] = json!([{"arg_path": "own", "source": "user"}]);
    let own = intent(&document.to_string()).unwrap();
    assert_eq!((own.targets().len(), own.arg_provenance()[0].arg_path.as_str()), (1, "own"));
    assert_eq!(own.script().unwrap().hash, lent.script().unwrap().hash);
}

#[test]
fn the_inventory_overrides_what_the_caller_claims() {
    let inventory = Inventory::read(br#"[{"tool_name":"t","data_class":"PII"}]"#).unwrap();
    let mut document = whole();
    document["script"] = Value::Null;
    document["context"]["context_refs"] = json!(["claimed"]);
    document["context"]["auth_context"] =
        json!({"wrkr.data_class": "public", "wrkr.autonomy_level": "none", "k": "v"});
    let said = intent(&document.to_string()).unwrap();
    let known = said.clone().with_inventory(inventory.entry("t").unwrap()).unwrap();
    document["context"]["auth_context"] = json!({"k": "v", "wrkr.tool_name": "t",
        "wrkr.data_class": "pii", "wrkr.endpoint_class": "", "wrkr.autonomy_level": ""});
    let written = intent(&document.to_string()).unwrap();
    assert_eq!((known.digest(), known.context()), (written.digest(), written.context()));
    assert_ne!(said.digest(), written.digest());
    assert_ne!(known.clone().without_claims().digest(), known.digest());
    assert_eq!(known.without_claims().digest(), written.without_claims().digest());
}
