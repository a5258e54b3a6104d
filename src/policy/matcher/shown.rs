//! Both sides of a key of `match`, as text for people.

use super::{INVENTORY, MatchKey};
use crate::intent::Target;
use crate::policy::rule::{Annotations, Match};
use crate::policy::subject::Subject;
use std::collections::HashSet;

/// What is shown where there is nothing.
const NOTHING: &str = "none";

/// Of a longer list, only the first are shown.
const SHOWN_MAX: usize = 12;

impl Match {
    /// What the rule wants of a key.
    pub(in crate::policy) fn wanted(&self, key: MatchKey) -> String {
        let delegation = &self.delegation;
        match key {
            MatchKey::ToolNames => one_of(self.tool_names.iter()),
            MatchKey::RiskClasses => one_of(self.risk_classes.iter()),
            MatchKey::Identities => one_of(self.identities.iter()),
            MatchKey::WorkspacePrefixes => one_of(self.workspace_prefixes.iter()),
            MatchKey::ProvenanceSources => one_of(self.provenance_sources.iter()),
            MatchKey::TargetKinds => one_of(self.target_kinds.iter()),
            MatchKey::TargetValues => one_of(self.target_values.iter()),
            MatchKey::DataClasses => one_of(self.data_classes.iter()),
            MatchKey::DestinationKinds => one_of(self.destination_kinds.iter()),
            MatchKey::DestinationValues => one_of(self.destination_values.iter()),
            MatchKey::DestinationOperations => one_of(self.destination_operations.iter()),
            MatchKey::EndpointClasses => one_of(self.endpoint_classes.iter().map(|c| c.as_str())),
            MatchKey::DiscoveryMethod => one_of(self.discovery_methods.iter().map(|m| m.as_str())),
            MatchKey::ToolAnnotations => hints(self.tool_annotations),
            MatchKey::SkillPublishers => one_of(self.skill_publishers.iter()),
            MatchKey::SkillSources => one_of(self.skill_sources.iter()),
            MatchKey::ContextToolNames
            | MatchKey::ContextDataClasses
            | MatchKey::ContextEndpointClasses
            | MatchKey::ContextAutonomyLevels => one_of(self.inventory.wanted(key).iter()),
            MatchKey::RequireDelegation => "a delegation".to_owned(),
            MatchKey::MaxDelegationDepth => {
                format!("at most {} links", delegation.max_depth.unwrap_or_default())
            }
            MatchKey::AllowedDelegatorIdentities => one_of(delegation.delegators.iter()),
            MatchKey::AllowedDelegateIdentities => one_of(delegation.delegates.iter()),
            MatchKey::DelegationScopes => one_of(delegation.scopes.iter()),
        }
    }
}

impl MatchKey {
    /// Whether some target must have it.
    fn is_of_targets(self) -> bool {
        matches!(
            self,
            MatchKey::TargetKinds
                | MatchKey::TargetValues
                | MatchKey::DataClasses
                | MatchKey::DestinationKinds
                | MatchKey::DestinationValues
                | MatchKey::DestinationOperations
                | MatchKey::EndpointClasses
                | MatchKey::DiscoveryMethod
                | MatchKey::ToolAnnotations
        )
    }
}

impl Subject<'_> {
    /// What the intent has for a key.
    pub(in crate::policy) fn shown(&self, key: MatchKey) -> String {
        let context = self.context;
        if self.targets.is_empty() && key.is_of_targets() {
            return "no targets".to_owned();
        }
        match key {
            MatchKey::ToolNames => self.tool_name.to_owned(),
            MatchKey::RiskClasses => context.risk_class.clone(),
            MatchKey::Identities => context.identity.clone(),
            MatchKey::WorkspacePrefixes => context.workspace.clone(),
            MatchKey::ProvenanceSources => {
                all_of(self.arg_provenance.iter().map(|entry| entry.source.as_str()))
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
            MatchKey::SkillPublishers => all_of(self.skill.iter().map(|skill| &skill.publisher)),
            MatchKey::SkillSources => all_of(self.skill.iter().map(|skill| &skill.source)),
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
        all_of(self.targets.iter().map(has).filter(|text| !text.is_empty()))
    }

    fn inventory(&self, key: MatchKey) -> String {
        let member = INVENTORY.into_iter().find(|(known, _)| *known == key);
        let value = member.and_then(|(_, member)| self.context.auth_context.get(member));
        value.and_then(|value| value.as_str()).unwrap_or(NOTHING).to_owned()
    }

    fn delegated(&self, key: MatchKey) -> String {
        let Some(delegation) = self.delegation else { return "no delegation".to_owned() };
        let chain = delegation.chain.iter();
        match key {
            MatchKey::AllowedDelegatorIdentities => all_of(chain.map(|l| &l.delegator_identity)),
            MatchKey::AllowedDelegateIdentities => all_of(
                [&delegation.requester_identity]
                    .into_iter()
                    .chain(chain.map(|l| &l.delegate_identity)),
            ),
            MatchKey::DelegationScopes => {
                all_of([&delegation.scope_class].into_iter().chain(chain.map(|l| &l.scope_class)))
            }
            _ => format!("{} links", delegation.chain.len()),
        }
    }
}

/// What a rule wants, of which one is enough.
fn one_of<T: AsRef<str>>(texts: impl Iterator<Item = T>) -> String {
    let texts = unique(texts);
    let listed = listed(&texts);
    if texts.len() > 1 { format!("one of {listed}") } else { listed }
}

/// What an intent has.
fn all_of<T: AsRef<str>>(texts: impl Iterator<Item = T>) -> String {
    listed(&unique(texts))
}

/// Each once, in the order in which they come.
fn unique<T: AsRef<str>>(texts: impl Iterator<Item = T>) -> Vec<String> {
    let mut seen = HashSet::new();
    texts.map(|text| text.as_ref().to_owned()).filter(|text| seen.insert(text.clone())).collect()
}

fn listed(texts: &[String]) -> String {
    let shown = texts.get(..SHOWN_MAX).unwrap_or(texts).join(", ");
    match texts.len() {
        0 => NOTHING.to_owned(),
        count if count > SHOWN_MAX => format!("{shown} and {} more", count - SHOWN_MAX),
        _ => shown,
    }
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
    all_of(given)
}
