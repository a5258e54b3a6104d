//! Both sides of a key of `match`, as text for people.

use super::{INVENTORY, MatchKey};
use crate::intent::Target;
use crate::policy::rule::{Annotations, Match};
use crate::policy::subject::Subject;

/// What is shown where there is nothing.
const NOTHING: &str = "none";

impl Match {
    /// What the rule wants of a key.
    pub(in crate::policy) fn wanted(&self, key: MatchKey) -> String {
        let delegation = &self.delegation;
        match key {
            MatchKey::ToolNames => any_of(self.tool_names.iter()),
            MatchKey::RiskClasses => any_of(self.risk_classes.iter()),
            MatchKey::Identities => any_of(self.identities.iter()),
            MatchKey::WorkspacePrefixes => any_of(self.workspace_prefixes.iter()),
            MatchKey::ProvenanceSources => any_of(self.provenance_sources.iter()),
            MatchKey::TargetKinds => any_of(self.target_kinds.iter()),
            MatchKey::TargetValues => any_of(self.target_values.iter()),
            MatchKey::DataClasses => any_of(self.data_classes.iter()),
            MatchKey::DestinationKinds => any_of(self.destination_kinds.iter()),
            MatchKey::DestinationValues => any_of(self.destination_values.iter()),
            MatchKey::DestinationOperations => any_of(self.destination_operations.iter()),
            MatchKey::EndpointClasses => any_of(self.endpoint_classes.iter().map(|c| c.as_str())),
            MatchKey::DiscoveryMethod => any_of(self.discovery_methods.iter().map(|m| m.as_str())),
            MatchKey::ToolAnnotations => hints(self.tool_annotations),
            MatchKey::SkillPublishers => any_of(self.skill_publishers.iter()),
            MatchKey::SkillSources => any_of(self.skill_sources.iter()),
            MatchKey::ContextToolNames
            | MatchKey::ContextDataClasses
            | MatchKey::ContextEndpointClasses
            | MatchKey::ContextAutonomyLevels => any_of(self.inventory.wanted(key).iter()),
            MatchKey::RequireDelegation => "a delegation".to_owned(),
            MatchKey::MaxDelegationDepth => {
                format!("at most {} links", delegation.max_depth.unwrap_or_default())
            }
            MatchKey::AllowedDelegatorIdentities => any_of(delegation.delegators.iter()),
            MatchKey::AllowedDelegateIdentities => any_of(delegation.delegates.iter()),
            MatchKey::DelegationScopes => any_of(delegation.scopes.iter()),
        }
    }
}

impl Subject<'_> {
    /// What the intent has for a key.
    pub(in crate::policy) fn shown(&self, key: MatchKey) -> String {
        let context = self.context;
        match key {
            MatchKey::ToolNames => self.tool_name.to_owned(),
            MatchKey::RiskClasses => context.risk_class.clone(),
            MatchKey::Identities => context.identity.clone(),
            MatchKey::WorkspacePrefixes => context.workspace.clone(),
            MatchKey::ProvenanceSources => {
                any_of(self.arg_provenance.iter().map(|entry| entry.source.as_str()))
            }
            MatchKey::TargetKinds | MatchKey::DestinationKinds => {
                self.each(|target| target.kind.as_str())
            }
            MatchKey::TargetValues | MatchKey::DestinationValues => self.each(|t| &t.value),
            MatchKey::DataClasses => self.each(|target| &target.sensitivity),
            MatchKey::DestinationOperations => self.each(|target| &target.operation),
            MatchKey::EndpointClasses => self.each(|target| target.endpoint_class.as_str()),
            MatchKey::DiscoveryMethod => self.each(|target| target.discovery_method.as_str()),
            MatchKey::ToolAnnotations => {
                let shown = self.targets.iter().map(|target| hints(annotations_of(target)));
                shown.collect::<Vec<_>>().join("; ")
            }
            MatchKey::SkillPublishers => any_of(self.skill.iter().map(|skill| &skill.publisher)),
            MatchKey::SkillSources => any_of(self.skill.iter().map(|skill| &skill.source)),
            MatchKey::ContextToolNames
            | MatchKey::ContextDataClasses
            | MatchKey::ContextEndpointClasses
            | MatchKey::ContextAutonomyLevels => self.inventory(key),
            MatchKey::RequireDelegation
            | MatchKey::MaxDelegationDepth
            | MatchKey::AllowedDelegatorIdentities
            | MatchKey::AllowedDelegateIdentities
            | MatchKey::DelegationScopes => self.delegated(key),
        }
    }

    fn each<'s>(&'s self, has: fn(&'s Target) -> &'s str) -> String {
        any_of(self.targets.iter().map(has).filter(|text| !text.is_empty()))
    }

    fn inventory(&self, key: MatchKey) -> String {
        let member = INVENTORY.into_iter().find(|(known, _)| *known == key);
        let value = member.and_then(|(_, member)| self.context.auth_context.get(member));
        value.and_then(|value| value.as_str()).unwrap_or(NOTHING).to_owned()
    }

    fn delegated(&self, key: MatchKey) -> String {
        let Some(delegation) = self.delegation else { return NOTHING.to_owned() };
        let chain = delegation.chain.iter();
        match key {
            MatchKey::AllowedDelegatorIdentities => any_of(chain.map(|l| &l.delegator_identity)),
            MatchKey::AllowedDelegateIdentities => any_of(
                [&delegation.requester_identity]
                    .into_iter()
                    .chain(chain.map(|l| &l.delegate_identity)),
            ),
            MatchKey::DelegationScopes => {
                any_of([&delegation.scope_class].into_iter().chain(chain.map(|l| &l.scope_class)))
            }
            _ => format!("{} links", delegation.chain.len()),
        }
    }
}

/// Unique texts, comma-joined, in the order in which they come.
fn any_of<T: AsRef<str>>(texts: impl Iterator<Item = T>) -> String {
    let mut seen: Vec<String> = Vec::new();
    for text in texts {
        if !seen.iter().any(|known| known == text.as_ref()) {
            seen.push(text.as_ref().to_owned());
        }
    }
    if seen.is_empty() { NOTHING.to_owned() } else { seen.join(", ") }
}

fn annotations_of(target: &Target) -> Annotations {
    Annotations {
        read_only_hint: Some(target.read_only_hint),
        destructive_hint: Some(target.destructive_hint),
        idempotent_hint: Some(target.idempotent_hint),
        open_world_hint: Some(target.open_world_hint),
    }
}

fn hints(annotations: Annotations) -> String {
    let hints = [
        ("readOnlyHint", annotations.read_only_hint),
        ("destructiveHint", annotations.destructive_hint),
        ("idempotentHint", annotations.idempotent_hint),
        ("openWorldHint", annotations.open_world_hint),
    ];
    let given = hints.iter().filter_map(|(name, hint)| hint.map(|hint| format!("{name} {hint}")));
    any_of(given)
}
