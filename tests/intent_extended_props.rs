//! Properties of normalising scripts, skills, agents, sandboxes and delegations (spec E4, E7, E8,
//! E9, E12).

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "the generators make valid documents"
)]

use gait::intent::{Intent, read};
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use serde_json::{Value, json};

fn intent(document: &Value) -> Intent {
    read::from_json(document.to_string().as_bytes()).unwrap().normalise().unwrap()
}

fn time() -> impl Strategy<Value = Value> {
    let early = json!("2026-01-01T00:00:00.50+01:00");
    select(vec![json!(null), early, json!("0001-01-01T00:00:00Z")])
}

/// Names that need trimming, lowering or neither.
fn name() -> impl Strategy<Value = &'static str> {
    select(&["a", " Ada", "SVC-1 ", "İx"][..])
}

fn delegation() -> impl Strategy<Value = Value> {
    let people = proptest::collection::vec(name(), 1..5);
    (people, time(), time(), name()).prop_map(|(people, from, until, scope)| {
        let chain: Vec<Value> = people
            .windows(2)
            .map(|pair| {
                json!({"delegator_identity": pair[0], "delegate_identity": pair[1],
                    "scope_class": scope, "token_ref": scope, "issued_at": from})
            })
            .collect();
        json!({"requester_identity": people.last(), "chain": chain, "expires_at": until,
            "token_refs": people, "scope_class": scope})
    })
}

fn sandbox() -> impl Strategy<Value = Value> {
    let paths = &["/a/../b", " ./c//d ", "", "..", "/", "/b"][..];
    (subsequence(paths, 0..6), subsequence(paths, 0..6), 0..3, name()).prop_map(
        |(writable, roots, seconds, evidence)| {
            json!({"writable_paths": writable, "read_only_roots": roots, "user_mode": " Root",
                "network_mode": "FULL", "timeout_seconds": seconds, "evidence_ref": evidence})
        },
    )
}

fn script() -> impl Strategy<Value = Value> {
    let step = (name(), select(&["path", "URL", "other"][..]), name()).prop_map(
        |(tool, kind, value)| {
            json!({"tool_name": tool, "args": {" k ": value}, "targets": [{"kind": kind, "value": value}],
                "arg_provenance": [{"arg_path": value, "source": " User"}]})
        },
    );
    proptest::collection::vec(step, 1..4).prop_map(|steps| json!({"steps": steps}))
}

fn document() -> impl Strategy<Value = Value> {
    let agent = (name(), time(), time()).prop_map(|(owner, issued, approved)| {
        json!({"owner": owner, "source": owner, "lifecycle_states": [owner, "b"],
            "issued_at": issued, "approved_at": approved, "revoked": owner == "a"})
    });
    let optional = proptest::option::of::<BoxedStrategy<Value>>;
    (
        optional(script().boxed()),
        optional(delegation().boxed()),
        optional(sandbox().boxed()),
        optional(agent.boxed()),
        name(),
    )
        .prop_map(|(script, delegation, sandbox, agent, name)| {
            json!({
                "tool_name": name, "script": script, "delegation": delegation,
                "skill_provenance": {"skill_name": name, "source": name, "publisher": name,
                    "skill_version": name, "digest": "AB".repeat(32)},
                "context": {"identity": name, "workspace": "w", "risk_class": "low",
                    "sandbox": sandbox, "agent_identity": agent, "context_refs": ["r"]},
            })
        })
}

proptest! {
    #[test]
    fn normalising_twice_is_normalising_once(document in document()) {
        let once = intent(&document);
        let again = intent(&json!({
            "tool_name": once.tool_name(), "args": once.args(), "script": once.script(),
            "targets": once.targets(), "arg_provenance": once.arg_provenance(),
            "skill_provenance": once.skill_provenance(), "context": once.context(),
            "delegation": once.delegation(),
        }));
        prop_assert_eq!(again.digest(), once.digest());
        prop_assert_eq!(again.script(), once.script());
        prop_assert_eq!(again.delegation(), once.delegation());
        prop_assert_eq!(again.context(), once.context());
        prop_assert_eq!(again.without_claims().digest(), once.without_claims().digest());
    }
}
