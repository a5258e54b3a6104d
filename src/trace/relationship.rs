//! Who did what under which policy, as references between records (spec E23).
//!
//! A trace and an approval audit each carry one such object. It repeats what the record says in
//! other members; readers of the public format follow it from record to record.

use super::record::unset;
use crate::delegation::{self, Chain};
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

/// One link in the chain from requester to caller. In written order; see [`Agent::order`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
struct Agent {
    identity: String,
    role: String,
}

/// One relation between two things.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
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

/// Who called, in which session, in whose name.
pub(super) struct Caller<'a> {
    pub(super) identity: &'a str,
    pub(super) session: Option<&'a str>,
    pub(super) delegation: Option<&'a Chain<'a>>,
}

/// The schema of the policy that decided.
pub(super) struct PolicySchema<'a> {
    pub(super) id: &'a str,
    pub(super) version: &'a str,
    /// The rules that matched the steps of a script; none for other intents.
    pub(super) matched_rule_ids: Vec<String>,
}

impl Relationship {
    /// Of a trace: the agent calls the tool, the policy governs it.
    pub(super) fn of_trace(
        names: &Names<'_>,
        caller: &Caller<'_>,
        schema: PolicySchema<'_>,
    ) -> Self {
        let agent = Entity::new("agent", caller.identity);
        let links = caller.delegation.map(|chain| chain.links.clone()).unwrap_or_default();
        Relationship {
            parent_ref: caller.session.map(|session| Entity::new("session", session)),
            policy_ref: Some(PolicyRef {
                policy_id: schema.id.to_owned(),
                policy_version: schema.version.to_owned(),
                policy_digest: names.policy.to_string(),
                matched_rule_ids: schema.matched_rule_ids,
            }),
            agent_chain: agents(&links, caller.delegation.map_or(caller.identity, |d| d.requester)),
            edges: edges(
                &links,
                [Edge::new("calls", agent.clone(), names.tool()), names.governed_by()],
            ),
            ..Relationship::about(vec![agent, names.policy(), names.tool(), names.trace()])
        }
    }

    /// Of an approval audit: it hangs on its trace and names who approved.
    pub(super) fn of_approval(names: &Names<'_>, approvers: &[String]) -> Self {
        Relationship::of_audit(names, approvers.iter().map(String::as_str))
    }

    /// Of a delegation audit: it names all whom its entries name, proven or not.
    pub(super) fn of_delegation(names: &Names<'_>, entries: &[delegation::Entry]) -> Self {
        let link =
            |entry| (delegation::Entry::delegator_identity(entry), entry.delegate_identity());
        let links: Vec<(&str, &str)> = entries.iter().map(link).collect();
        let people = links.iter().flat_map(|(delegator, delegate)| [*delegator, *delegate]);
        Relationship {
            agent_chain: agents(&links, ""),
            edges: edges(&links, [names.governed_by()]),
            ..Relationship::of_audit(names, people)
        }
    }

    fn of_audit<'a>(names: &Names<'_>, people: impl Iterator<Item = &'a str>) -> Self {
        let people = people.filter(|id| !id.is_empty()).map(|id| Entity::new("agent", id));
        let records = [names.policy(), names.tool(), names.trace()];
        Relationship {
            parent_ref: Some(names.trace()),
            policy_ref: Some(PolicyRef {
                policy_digest: names.policy.to_string(),
                ..PolicyRef::default()
            }),
            edges: vec![names.governed_by()],
            parent_record_id: names.trace.to_owned(),
            ..Relationship::about(people.chain(records).collect())
        }
    }

    /// The things spoken of, sorted by kind and id, and their ids, sorted.
    fn about(mut entities: Vec<Entity>) -> Self {
        entities.sort();
        entities.dedup();
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
        Edge::new("governed_by", self.tool(), self.policy())
    }
}

impl Edge {
    fn new(kind: &str, from: Entity, to: Entity) -> Edge {
        Edge { kind: kind.to_owned(), from, to }
    }
}

impl Agent {
    fn order(&self) -> (&str, &str) {
        (&self.role, &self.identity)
    }
}

/// Requester, delegators and delegates: unique, by role and then identity; nobody is left out.
fn agents(links: &[(&str, &str)], requester: &str) -> Vec<Agent> {
    let roles =
        |(delegator, delegate): &(_, _)| [(*delegator, "delegator"), (*delegate, "delegate")];
    let named = links.iter().flat_map(roles).chain([(requester, "requester")]);
    let mut agents: Vec<Agent> = named
        .filter(|(identity, _)| !identity.is_empty())
        .map(|(identity, role)| Agent { identity: identity.to_owned(), role: role.to_owned() })
        .collect();
    agents.sort_by(|left, right| left.order().cmp(&right.order()));
    agents.dedup();
    agents
}

/// `delegates_to` for every link whose ends are known, and the others; unique and sorted.
fn edges<const N: usize>(links: &[(&str, &str)], others: [Edge; N]) -> Vec<Edge> {
    let known = links.iter().filter(|(from, to)| !from.is_empty() && !to.is_empty());
    let agent = |id: &str| Entity::new("agent", id);
    let delegated = known.map(|(from, to)| Edge::new("delegates_to", agent(from), agent(to)));
    let mut edges: Vec<Edge> = delegated.chain(others).collect();
    edges.sort();
    edges.dedup();
    edges
}
