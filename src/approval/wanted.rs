//! What a token must permit for one call to run (spec C11.5).

use crate::intent::text::lowlist;
use crate::intent::{Intent, Phase};
use crate::json::Digest;

/// What is to be approved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// The intent.
    pub intent_digest: Digest,
    /// The policy that judged it.
    pub policy_digest: Digest,
    /// The delegation that the intent rests on, if any; a token must name the same.
    pub delegation_digest: Option<Digest>,
    /// What must be permitted, all of it. Lower-case, unique, sorted.
    pub scope: Vec<String>,
    /// How many things are acted on.
    pub targets: u64,
    /// How many acts there are; at least 1.
    pub operations: u64,
}

impl Wanted {
    /// What `intent` needs under the policy of that digest.
    pub fn of(intent: &Intent, policy_digest: Digest) -> Wanted {
        let targets = intent.targets().len() as u64;
        Wanted {
            intent_digest: intent.digest(),
            policy_digest,
            delegation_digest: None,
            scope: scope(intent),
            targets,
            operations: targets.max(1),
        }
    }

    /// The same for an intent that rests on a delegation.
    pub fn bound_to(self, delegation: Digest) -> Wanted {
        Wanted { delegation_digest: Some(delegation), ..self }
    }

    /// The same for a script: `step_targets` says how many targets each step has.
    pub fn with_steps(self, step_targets: impl ExactSizeIterator<Item = usize>) -> Wanted {
        let operations = step_targets.len() as u64;
        let targets = step_targets.map(|count| count as u64).sum();
        Wanted { operations, targets: if targets > 0 { targets } else { self.targets }, ..self }
    }
}

fn scope(intent: &Intent) -> Vec<String> {
    let mut scope = vec![format!("tool:{}", intent.tool_name())];
    let applies = intent.context().phase == Phase::Apply;
    if applies && intent.targets().iter().any(|target| target.destructive) {
        scope.extend(["phase:apply".to_owned(), "destructive:apply".to_owned()]);
    }
    lowlist(scope)
}
