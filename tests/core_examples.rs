//! The worked examples of the format (spec C15): bytes in, digests out.

use gait::intent::{Intent, IntentError, read};
use gait::policy::source;

/// Name, document, `args_digest`, `intent_digest`.
const INTENTS: [(&str, &str, &str, &str); 8] = [
    (
        "I1",
        r##"{"schema_id": "gait.gate.intent_request", "schema_version": "1.0.0", "created_at": "2026-01-02T03:04:05Z", "producer_version": "x", "tool_name": "repo.read", "args": {}, "targets": [], "context": {"identity": "ada", "workspace": "/srv/app", "risk_class": "low"}}"##,
        "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a",
        "137586963c64f34951f082e9bea684a43a2edf08aed59a84103dc8947a14cf2d",
    ),
    (
        "I2",
        r##"{"schema_id": "gait.gate.intent_request", "schema_version": "1.0.0", "created_at": "2026-01-02T03:04:05Z", "producer_version": "x", "tool_name": " Repo.READ ", "args": {" k ": "  v  ", "n": 1.0}, "targets": [], "context": {"identity": " ada ", "workspace": "C:\\w", "risk_class": " LOW "}}"##,
        "e18b0bd83a6696db623e23b627cb0ec836690d3317856e2c131750c1b2391993",
        "933cb4575752c5e7a009fa60010a09beb879d234b67128a2e4da2d3ef3d6f889",
    ),
    (
        "I3",
        r##"{"schema_id": "gait.gate.intent_request", "schema_version": "1.0.0", "created_at": "2026-01-02T03:04:05Z", "producer_version": "x", "tool_name": "repo.read", "args": {"a": 1, "b": -0.0, "c": 1e+21, "d": 1e-07, "e": 1e-06, "f": 9007199254740993, "g": 123456789012345680000, "h": 0.30000000000000004, "i": null, "j": [true, false]}, "targets": [], "context": {"identity": "ada", "workspace": "/srv/app", "risk_class": "low"}}"##,
        "f074b94439ed1dd6759466382868b306c2d5045645dfcd2b55e2bdbf6fb45ff1",
        "d9f41422812233a24719e947a11a8c4de67d046a44bbb32d2bb18adc2fbc46b6",
    ),
    (
        "I4",
        r##"{"schema_id": "gait.gate.intent_request", "schema_version": "1.0.0", "created_at": "2026-01-02T03:04:05Z", "producer_version": "x", "tool_name": "repo.read", "args": {"\u20ac": "Euro", "\ufb33": "dalet", "1": "one", "\ud83d\ude00": "smile", "\u0080": "ctl", "\u00f6": "o", "s": "<b>&\u2028\u0001"}, "targets": [], "context": {"identity": "ada", "workspace": "/srv/app", "risk_class": "low"}}"##,
        "d74774d3be161f19000ee42aab82bf25123be44a753a2baffc6024c0d01c007e",
        "4fd36eb39b9dcfd7763f54cdc786c46a6cd7e5a25455b81808c81e711ada2904",
    ),
    (
        "I5",
        r##"{"schema_id": "gait.gate.intent_request", "schema_version": "1.0.0", "created_at": "2026-01-02T03:04:05Z", "producer_version": "x", "tool_name": "repo.read", "args": {}, "targets": [{"kind": "url", "value": "https://API.Example.test:8443/x?q=1"}, {"kind": "path", "value": "/srv/app/a.txt", "operation": "Read"}, {"kind": "path", "value": "/srv/app/a.txt", "operation": "read"}], "context": {"identity": "ada", "workspace": "/srv/app", "risk_class": "low"}}"##,
        "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a",
        "ba11b35e11c8fd0b4af70b93e1a9ad5649809bc62ba375895587c0acfcce0322",
    ),
    (
        "I6",
        r##"{"schema_id": "gait.gate.intent_request", "schema_version": "1.0.0", "created_at": "2026-01-02T03:04:05Z", "producer_version": "x", "tool_name": "files.remove", "args": {}, "targets": [{"kind": "path", "value": "/srv/app/a.txt"}], "context": {"identity": "ada", "workspace": "/srv/app", "risk_class": "low", "phase": "plan"}}"##,
        "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a",
        "d767b06e610c4c0bbb81d5348e5c4bc8d129f2f31c21a5c2f90d5c4e65180366",
    ),
    (
        "I7",
        r##"{"schema_id": "gait.gate.intent_request", "schema_version": "1.0.0", "created_at": "2026-01-02T03:04:05Z", "producer_version": "x", "tool_name": "repo.read", "args": {}, "targets": [], "context": {"identity": "ada", "workspace": "/srv/app", "risk_class": "low"}, "arg_provenance": [{"arg_path": "$.b", "source": "External", "source_ref": " m1 "}, {"arg_path": "$.a", "source": "user", "integrity_digest": "ABABABABABABABABABABABABABABABABABABABABABABABABABABABABABABABAB"}]}"##,
        "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a",
        "f287654456692cf257e195898828679b03785ff4198db5aef8f541606e2ce69c",
    ),
    (
        "I11",
        r##"{"schema_id": "gait.gate.intent_request", "schema_version": "1.0.0", "created_at": "2026-01-02T03:04:05Z", "producer_version": "x", "tool_name": "repo.read", "args": {}, "targets": [], "context": {"identity": "ada", "workspace": "/srv/app", "risk_class": "low", "context_set_digest": "abababababababababababababababababababababababababababababababab", "context_evidence_mode": "required", "context_refs": ["b", "a"], "auth_context": {"context_age_seconds": 5, "k": " v "}, "credential_scopes": ["b", "a", "b"], "session_id": " s1 "}}"##,
        "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a",
        "74a63ee7bfd000fee4f58b0a906b572f6cfc5c7865b439c7ddc55e68342330d3",
    ),
];

/// Name, document, `policy_digest`.
const POLICIES: [(&str, &str, &str); 7] = [
    (
        "P1",
        r##"# (empty file)
"##,
        "07a528a879e4f0e0cd5a0e2ca801924746b47dac624862207ef21d4ec266f8f9",
    ),
    (
        "P2",
        r##"default_verdict: block
"##,
        "3592f5ae672a396845ca29c14ade912f99cb1fca99cecb8edd9cfec74eae8a35",
    ),
    (
        "P3",
        r##"schema_id: gait.gate.policy
schema_version: 1.0.0
default_action: ' Allow '
"##,
        "65819d9cf07c7619aa8aaf2bd4e8d6f8e3f86b139b49a68c535fd14d77a5009f",
    ),
    (
        "P4",
        r##"default_verdict: block
rules:
  - name: allow-reads
    effect: allow
    priority: 10
    match:
      tool_name: Repo.Read
      tool_names: [search.web, ' repo.read ']
      risk_classes: [LOW]
"##,
        "a5f265a890cc2aa750e26692318aea20fbebc10954b2444de496f853bb333236",
    ),
    (
        "P5",
        r##"rules:
  - {name: z, effect: block, priority: 5}
  - {name: a, action: require_approval, priority: 5, min_approvals: 2, reason_codes: [b, a, ' b '], violations: [v]}
  - {name: m, effect: dry_run, priority: -1, match: {endpoint_class: [fs.write], endpoint_classes: [fs.read], workspace_prefixes: [/srv]}}
"##,
        "0c640104551947874d870c9e5142ab229da24b3270939b28c505166c15340d1a",
    ),
    (
        "P6",
        r##"default_verdict: allow
fail_closed:
  enabled: true
"##,
        "bd0c7d6633d6bf3abbe212462ac00cadcd1ee7f560f950e29f80d055637fd36a",
    ),
    (
        "P7",
        r##"fail_closed: {enabled: true, risk_classes: [High], required_fields: [Targets, arg_provenance], required_high_risk_fields: [run_id]}
"##,
        "50408e704045f686a5ebaea6fcd76f158138a3552ff52be9342cf29543174459",
    ),
];

fn intent(text: &str) -> Result<Intent, IntentError> {
    read::from_json(text.as_bytes())?.normalise()
}

#[test]
fn intents_have_the_digests_of_the_format() {
    for (name, text, args_digest, digest) in INTENTS {
        let intent = intent(text).unwrap();
        assert_eq!(intent.args_digest().to_string(), args_digest, "{name}");
        assert_eq!(intent.digest().to_string(), digest, "{name}");
    }
}

#[test]
fn policies_have_the_digests_of_the_format() {
    for (name, text, digest) in POLICIES {
        let policy = source::parse("policy.yaml", text.as_bytes()).unwrap();
        assert_eq!(policy.digest().to_string(), digest, "{name}");
    }
}

#[test]
fn claims_are_taken_away_with_their_digest() {
    let claiming = INTENTS.iter().find(|(name, ..)| *name == "I11").unwrap();
    let bare = claiming
        .1
        .replace("\"context_age_seconds\": 5, ", "")
        .replace("\"context_set_digest\"", "\"x\"")
        .replace("\"context_evidence_mode\"", "\"y\"")
        .replace("\"context_refs\"", "\"z\"");
    let stripped = intent(claiming.1).unwrap().without_claims();
    assert_ne!(stripped.digest(), intent(claiming.1).unwrap().digest());
    assert_eq!(stripped.digest(), intent(&bare).unwrap().digest());
    assert_eq!(stripped.context(), intent(&bare).unwrap().context());
    assert_eq!(stripped.clone().without_claims().digest(), stripped.digest());
}

/// Every member in every object that is read, in another case.
#[test]
fn near_names_are_refused() {
    for text in [
        r#"{"Tool_Name":"x"}"#,
        r#"{"tool_name":"x","TOOL_NAME":"y"}"#,
        r#"{"\u017fcript":{}}"#,
        r#"{"context":{"Agent_Identity":{}}}"#,
        r#"{"context":{"to\u212aen_x":1,"wor\u212aspace":"x"}}"#,
        r#"{"targets":[{"Kind":"path"}]}"#,
        r#"{"arg_provenance":[{"argPath":1,"Source":"user"}]}"#,
    ] {
        let error = intent(text).unwrap_err();
        assert!(error.to_string().contains("must be written"), "{text}: {error}");
        assert_eq!(error.code(), "intent_invalid");
    }
}

#[test]
fn refusals_say_where_and_how_to_mend() {
    for (text, error) in [
        (
            "fail_closed:\n  enabled: true\n  risk: high\n",
            "parse policy yaml: p.yaml:3:3: unknown field `risk` in fail_closed; known fields are \
             enabled, risk_classes, required_fields, required_high_risk_fields",
        ),
        (
            "rules:\n  - {name: a, effect: allow, dataflow: {enabled: true, action: deny}}\n",
            "p.yaml:2:64: unsupported dataflow.action `deny` for `a`; write block or \
             require_approval",
        ),
        (
            "default_verdict: deny\n",
            "p.yaml:1:18: invalid default_verdict: `deny`; write one of allow, dry_run, \
             require_approval, block",
        ),
        (
            "boundaries: []\n",
            "parse policy yaml: p.yaml:1:1: legacy policy proposal fields are not supported \
             [boundaries]; write `rules`",
        ),
    ] {
        assert_eq!(source::parse("p.yaml", text.as_bytes()).unwrap_err().to_string(), error);
    }
}

#[test]
fn merges_are_spread_and_never_override() {
    let merged = "rules:\n  - &base {name: a, effect: allow}\n  - {<<: *base, priority: 3}\n";
    let policy = source::parse("p.yaml", merged.as_bytes()).unwrap();
    assert_eq!(policy.rules().iter().map(|rule| rule.priority).collect::<Vec<_>>(), [0, 3]);
    let overriding = merged.replace("priority: 3", "name: b");
    let error = source::parse("p.yaml", overriding.as_bytes()).unwrap_err().to_string();
    assert!(error.contains("`name` is set twice, once by a merge"), "{error}");
}

#[test]
fn loading_is_bounded_and_names_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("p.yaml");
    let missing = source::load(&path).unwrap_err().to_string();
    assert!(missing.starts_with("read policy ") && missing.contains("p.yaml"), "{missing}");
    std::fs::write(&path, "default_verdict: block\n").unwrap();
    assert_eq!(source::load(&path).unwrap().rule_count(), 0);
    let over = usize::try_from(source::POLICY_BYTES_MAX).unwrap() + 1;
    std::fs::write(&path, "#".repeat(over)).unwrap();
    assert!(source::load(&path).unwrap_err().to_string().contains("larger than 4194304 bytes"));
}
