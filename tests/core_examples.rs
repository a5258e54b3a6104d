//! The worked examples of the format (spec C15): bytes in, digests out.

use gait::intent::{Intent, IntentError, read};

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
