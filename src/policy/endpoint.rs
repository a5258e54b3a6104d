//! Which paths, domains and classes of endpoint are in bounds (spec E2).

use super::Verdict;
use super::dataflow::True;
use super::glob::{domain_matches, path_matches};
use super::say::Say;
use super::subject::Subject;
use crate::intent::{EndpointClass, Kind, Target};
use serde::{Serialize, Serializer};

/// The reason, and the violation, where a rule names none.
pub(super) const VIOLATION: &str = "endpoint_constraint_violation";

/// The constraint, in force. Serialises as the policy digest has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Endpoint {
    pub(super) enabled: True,
    /// Patterns of which a path must match one; empty for any.
    pub path_allowlist: Vec<String>,
    /// Patterns that no path may match.
    pub path_denylist: Vec<String>,
    /// Patterns of which a domain must match one; empty for any.
    pub domain_allowlist: Vec<String>,
    /// Patterns that no domain may match.
    pub domain_denylist: Vec<String>,
    /// Classes of network endpoint that may be reached; empty for any.
    pub egress_classes: Vec<EndpointClass>,
    /// What a violation means at least.
    pub action: Verdict,
    /// What a destructive target means at least; `None` where it means nothing here.
    #[serde(serialize_with = "word_or_blank")]
    pub destructive_action: Option<Verdict>,
    /// Why.
    pub reason_code: String,
    /// What it violates.
    pub violation: String,
}

impl Endpoint {
    /// Makes the effect stricter where a target is out of bounds, or destroys.
    pub(super) fn check<'p>(&'p self, subject: &Subject<'_>, say: &mut Say<'p>) {
        let mut least = None;
        for word in subject.targets.iter().flat_map(|target| self.broken_by(target)).flatten() {
            say.because(word, word);
            least = Some(self.action);
        }
        if let Some(action) = self.destructive_action.filter(|_| subject.is_destructive()) {
            say.because("endpoint_destructive_operation", "destructive_operation");
            least = Some(self.action.max(action));
        }
        if let Some(least) = least {
            say.because(&self.reason_code, &self.violation);
            say.at_least(least);
        }
    }

    /// The bounds that one target breaks.
    fn broken_by(&self, target: &Target) -> [Option<&'static str>; 5] {
        let path = Some(target.value.as_str()).filter(|_| target.kind == Kind::Path);
        let domain = Some(target.endpoint_domain.as_str()).filter(|domain| !domain.is_empty());
        let any = |patterns: &[String], matches: fn(&str, &str) -> bool, value: &str| {
            patterns.iter().any(|pattern| matches(pattern, value))
        };
        let denied = |value: Option<&str>, list: &[String], matches| {
            value.is_some_and(|value| any(list, matches, value))
        };
        let missed = |value: Option<&str>, list: &[String], matches| {
            !list.is_empty() && value.is_some_and(|value| !any(list, matches, value))
        };
        [
            denied(path, &self.path_denylist, path_matches).then_some("endpoint_path_denied"),
            missed(path, &self.path_allowlist, path_matches)
                .then_some("endpoint_path_not_allowlisted"),
            denied(domain, &self.domain_denylist, domain_matches)
                .then_some("endpoint_domain_denied"),
            missed(domain, &self.domain_allowlist, domain_matches)
                .then_some("endpoint_domain_not_allowlisted"),
            self.leaves(target).then_some("endpoint_egress_class_not_allowed"),
        ]
    }

    fn leaves(&self, target: &Target) -> bool {
        let network =
            matches!(target.endpoint_class, EndpointClass::NetDns | EndpointClass::NetHttp);
        network
            && !self.egress_classes.is_empty()
            && !self.egress_classes.contains(&target.endpoint_class)
    }
}

fn word_or_blank<S: Serializer>(action: &Option<Verdict>, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(action.map_or("", Verdict::as_str))
}
