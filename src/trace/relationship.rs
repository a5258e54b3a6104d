//! Who did what under which policy, as references between records (spec E23).
//!
//! A trace and an approval audit each carry one such object. It repeats what the record says in
//! other members; readers of the public format follow it from record to record.

use super::record::unset;
use crate::json::Digest;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The `relationship` member; absent parts are left out.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Relationship {
    #[serde(skip_serializing_if = "unset")]
    parent_ref: Option<Entity>,
    #[serde(skip_serializing_if = "unset")]
    entity_refs: Vec<Entity>,
    #[serde(skip_serializing_if = "unset")]
    policy_ref: Option<PolicyRef>,
    #[serde(skip_serializing_if = "unset")]
    agent_chain: Vec<Agent>,
    #[serde(skip_serializing_if = "unset")]
    edges: Vec<Edge>,
    #[serde(skip_serializing_if = "unset")]
    parent_record_id: String,
    #[serde(skip_serializing_if = "unset")]
    related_record_ids: Vec<String>,
    #[serde(skip_serializing_if = "unset")]
    related_entity_ids: Vec<String>,
    #[serde(skip_serializing_if = "unset")]
    agent_lineage: Value,
}

/// One thing that a record speaks of.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(default)]
struct Entity {
    kind: String,
    id: String,
}

/// The policy that decided.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
struct PolicyRef {
    #[serde(skip_serializing_if = "unset")]
    policy_id: String,
    #[serde(skip_serializing_if = "unset")]
    policy_version: String,
    #[serde(skip_serializing_if = "unset")]
    policy_digest: String,
    #[serde(skip_serializing_if = "unset")]
    matched_rule_ids: Vec<String>,
}

/// One link in the chain from requester to caller.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
struct Agent {
    identity: String,
    role: String,
}

/// One relation between two things.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
struct Edge {
    kind: String,
    from: Entity,
    to: Entity,
}

/// The names that every relation is made of.
pub(super) struct Names<'a> {
    pub(super) tool: &'a str,
    pub(super) trace: &'a str,
    pub(super) policy: Digest,
}

/// Who called, in which session.
pub(super) struct Caller<'a> {
    pub(super) identity: &'a str,
    pub(super) session: Option<&'a str>,
}

/// The schema of the policy that decided.
pub(super) struct PolicySchema<'a> {
    pub(super) id: &'a str,
    pub(super) version: &'a str,
}

impl Relationship {
    /// Of a trace: the agent calls the tool, the policy governs it.
    pub(super) fn of_trace(
        names: &Names<'_>,
        caller: &Caller<'_>,
        schema: &PolicySchema<'_>,
    ) -> Self {
        let agent = Entity::new("agent", caller.identity);
        Relationship {
            parent_ref: caller.session.map(|session| Entity::new("session", session)),
            policy_ref: Some(PolicyRef {
                policy_id: schema.id.to_owned(),
                policy_version: schema.version.to_owned(),
                policy_digest: names.policy.to_string(),
                matched_rule_ids: Vec::new(),
            }),
            agent_chain: vec![Agent {
                identity: caller.identity.to_owned(),
                role: "requester".to_owned(),
            }],
            edges: vec![
                Edge { kind: "calls".to_owned(), from: agent.clone(), to: names.tool() },
                names.governed_by(),
            ],
            ..Relationship::about(vec![agent, names.policy(), names.tool(), names.trace()])
        }
    }

    /// Of an approval audit in which nobody approved: it hangs on its trace.
    pub(super) fn of_audit(names: &Names<'_>) -> Self {
        Relationship {
            parent_ref: Some(names.trace()),
            policy_ref: Some(PolicyRef {
                policy_digest: names.policy.to_string(),
                ..PolicyRef::default()
            }),
            edges: vec![names.governed_by()],
            parent_record_id: names.trace.to_owned(),
            ..Relationship::about(vec![names.policy(), names.tool(), names.trace()])
        }
    }

    /// The things spoken of, sorted by kind and id, and their ids, sorted.
    fn about(mut entities: Vec<Entity>) -> Self {
        entities.sort();
        let mut ids: Vec<String> = entities.iter().map(|entity| entity.id.clone()).collect();
        ids.sort();
        ids.dedup();
        Relationship { entity_refs: entities, related_entity_ids: ids, ..Relationship::default() }
    }
}

impl Entity {
    fn new(kind: &str, id: &str) -> Entity {
        Entity { kind: kind.to_owned(), id: id.to_owned() }
    }
}

impl Names<'_> {
    fn tool(&self) -> Entity {
        Entity::new("tool", self.tool)
    }

    fn trace(&self) -> Entity {
        Entity::new("trace", self.trace)
    }

    fn policy(&self) -> Entity {
        Entity::new("policy", &self.policy.to_string())
    }

    fn governed_by(&self) -> Edge {
        Edge { kind: "governed_by".to_owned(), from: self.tool(), to: self.policy() }
    }
}
