//! Whether a rule matches (spec C6.3, E8 to E11), and if not, the first key that says no.
//!
//! Deciding and explaining ask the same question here; an explanation only keeps the answer.

mod shown;

use super::rule::{Annotations, DelegationMatch, InventoryMatch, Match};
use super::subject::Subject;
use crate::intent::text::lower;
use crate::intent::words::words;
use crate::intent::{Context, Delegation, Target};

words! {
    /// The keys of `match`, by their names in a policy.
    pub enum MatchKey {
        AllowedDelegateIdentities = "allowed_delegate_identities",
        AllowedDelegatorIdentities = "allowed_delegator_identities",
        ContextAutonomyLevels = "context_autonomy_levels",
        ContextDataClasses = "context_data_classes",
        ContextEndpointClasses = "context_endpoint_classes",
        ContextToolNames = "context_tool_names",
        DataClasses = "data_classes",
        DelegationScopes = "delegation_scopes",
        DestinationKinds = "destination_kinds",
        DestinationOperations = "destination_operations",
        DestinationValues = "destination_values",
        DiscoveryMethod = "discovery_method",
        EndpointClasses = "endpoint_classes",
        Identities = "identities",
        MaxDelegationDepth = "max_delegation_depth",
        ProvenanceSources = "provenance_sources",
        RequireDelegation = "require_delegation",
        RiskClasses = "risk_classes",
        SkillPublishers = "skill_publishers",
        SkillSources = "skill_sources",
        TargetKinds = "target_kinds",
        TargetValues = "target_values",
        ToolAnnotations = "tool_annotations",
        ToolNames = "tool_names",
        WorkspacePrefixes = "workspace_prefixes",
    }
}

/// Members of `auth_context` that an inventory fills (spec E11).
pub(super) const INVENTORY: [(MatchKey, &str); 4] = [
    (MatchKey::ContextToolNames, "wrkr.tool_name"),
    (MatchKey::ContextDataClasses, "wrkr.data_class"),
    (MatchKey::ContextEndpointClasses, "wrkr.endpoint_class"),
    (MatchKey::ContextAutonomyLevels, "wrkr.autonomy_level"),
];

impl Match {
    /// The first key that does not fit; `None` where the rule matches.
    pub(super) fn miss(&self, subject: &Subject<'_>) -> Option<MatchKey> {
        self.call_miss(subject)
            .or_else(|| self.target_miss(subject.targets))
            .or_else(|| self.hint_miss(subject.targets))
            .or_else(|| self.skill_miss(subject))
            .or_else(|| self.inventory.miss(subject.context))
            .or_else(|| self.delegation.miss(subject.delegation))
    }

    fn call_miss(&self, subject: &Subject<'_>) -> Option<MatchKey> {
        let context = subject.context;
        let sources = || subject.arg_provenance.iter().map(|entry| entry.source.as_str());
        if !fits(&self.tool_names, |name| name == subject.tool_name) {
            return Some(MatchKey::ToolNames);
        }
        if !fits(&self.risk_classes, |class| *class == context.risk_class) {
            return Some(MatchKey::RiskClasses);
        }
        if !fits(&self.identities, |identity| *identity == context.identity) {
            return Some(MatchKey::Identities);
        }
        if !fits(&self.workspace_prefixes, |prefix| context.workspace.starts_with(prefix)) {
            return Some(MatchKey::WorkspacePrefixes);
        }
        let from = |wanted: &String| sources().any(|source| source == wanted);
        (!fits(&self.provenance_sources, from)).then_some(MatchKey::ProvenanceSources)
    }

    /// Each list may be satisfied by a different target.
    fn target_miss(&self, targets: &[Target]) -> Option<MatchKey> {
        let kind: fn(&Target) -> &str = |target| target.kind.as_str();
        let value: fn(&Target) -> &str = |target| &target.value;
        let lists = [
            (&self.target_kinds, kind, MatchKey::TargetKinds),
            (&self.target_values, value, MatchKey::TargetValues),
            (&self.data_classes, |target| &target.sensitivity, MatchKey::DataClasses),
            (&self.destination_kinds, kind, MatchKey::DestinationKinds),
            (&self.destination_values, value, MatchKey::DestinationValues),
            (
                &self.destination_operations,
                |target| &target.operation,
                MatchKey::DestinationOperations,
            ),
        ];
        lists
            .into_iter()
            .find(|(wanted, has, _)| {
                !fits(wanted, |wanted| targets.iter().any(|target| has(target) == wanted))
            })
            .map(|(_, _, key)| key)
    }

    fn hint_miss(&self, targets: &[Target]) -> Option<MatchKey> {
        let some = |has: &dyn Fn(&Target) -> bool| targets.iter().any(has);
        if !fits(&self.endpoint_classes, |class| some(&|target| target.endpoint_class == *class)) {
            return Some(MatchKey::EndpointClasses);
        }
        if !fits(&self.discovery_methods, |way| some(&|target| target.discovery_method == *way)) {
            return Some(MatchKey::DiscoveryMethod);
        }
        (!self.tool_annotations.fit(targets)).then_some(MatchKey::ToolAnnotations)
    }

    fn skill_miss(&self, subject: &Subject<'_>) -> Option<MatchKey> {
        let published =
            |wanted: &String| subject.skill.is_some_and(|skill| lower(&skill.publisher) == *wanted);
        if !fits(&self.skill_publishers, published) {
            return Some(MatchKey::SkillPublishers);
        }
        let from = |wanted: &String| subject.skill.is_some_and(|skill| skill.source == *wanted);
        (!fits(&self.skill_sources, from)).then_some(MatchKey::SkillSources)
    }
}

impl Annotations {
    /// Whether each hint that is given is met by some target.
    fn fit(&self, targets: &[Target]) -> bool {
        let met = |wanted: Option<bool>, has: fn(&Target) -> bool| {
            wanted.is_none_or(|wanted| targets.iter().any(|target| has(target) == wanted))
        };
        met(self.read_only_hint, |target| target.read_only_hint)
            && met(self.destructive_hint, |target| target.destructive_hint)
            && met(self.idempotent_hint, |target| target.idempotent_hint)
            && met(self.open_world_hint, |target| target.open_world_hint)
    }
}

impl InventoryMatch {
    /// The values wanted of one member.
    pub(super) fn wanted(&self, key: MatchKey) -> &[String] {
        match key {
            MatchKey::ContextToolNames => &self.tool_names,
            MatchKey::ContextDataClasses => &self.data_classes,
            MatchKey::ContextEndpointClasses => &self.endpoint_classes,
            MatchKey::ContextAutonomyLevels => &self.autonomy_levels,
            _ => &[],
        }
    }

    fn miss(&self, context: &Context) -> Option<MatchKey> {
        let missed = INVENTORY.into_iter().find(|(key, member)| {
            let has = || context.auth_context.get(*member).and_then(|value| value.as_str());
            !fits(self.wanted(*key), |wanted| {
                has().is_some_and(|text| lower(text.trim()) == *wanted)
            })
        });
        missed.map(|(key, _)| key)
    }
}

impl DelegationMatch {
    fn miss(&self, delegation: Option<&Delegation>) -> Option<MatchKey> {
        match delegation {
            Some(delegation) => self.delegation_miss(delegation),
            None => self.first_key(),
        }
    }

    /// The key that an intent without delegation fails first.
    fn first_key(&self) -> Option<MatchKey> {
        let keys = [
            (self.required, MatchKey::RequireDelegation),
            (self.max_depth.is_some(), MatchKey::MaxDelegationDepth),
            (!self.delegators.is_empty(), MatchKey::AllowedDelegatorIdentities),
            (!self.delegates.is_empty(), MatchKey::AllowedDelegateIdentities),
            (!self.scopes.is_empty(), MatchKey::DelegationScopes),
        ];
        keys.into_iter().find(|(given, _)| *given).map(|(_, key)| key)
    }

    fn delegation_miss(&self, delegation: &Delegation) -> Option<MatchKey> {
        let chain = &delegation.chain;
        let depth = u64::try_from(chain.len()).unwrap_or(u64::MAX);
        if self.max_depth.is_some_and(|max| depth > max) {
            return Some(MatchKey::MaxDelegationDepth);
        }
        let delegator = |wanted: &String| chain.iter().any(|l| l.delegator_identity == *wanted);
        if !fits(&self.delegators, delegator) {
            return Some(MatchKey::AllowedDelegatorIdentities);
        }
        let delegate = |wanted: &String| {
            delegation.requester_identity == *wanted
                || chain.iter().any(|link| link.delegate_identity == *wanted)
        };
        if !fits(&self.delegates, delegate) {
            return Some(MatchKey::AllowedDelegateIdentities);
        }
        let scope = |wanted: &String| {
            delegation.scope_class == *wanted || chain.iter().any(|l| l.scope_class == *wanted)
        };
        (!fits(&self.scopes, scope)).then_some(MatchKey::DelegationScopes)
    }
}

/// Whether a key is not given, or any of its items fits.
fn fits<T>(wanted: &[T], fits: impl Fn(&T) -> bool) -> bool {
    wanted.is_empty() || wanted.iter().any(fits)
}
