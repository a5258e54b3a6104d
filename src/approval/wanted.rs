//! What a token must permit for one call to run (spec C11.5).

use crate::intent::text::lowlist;
use crate::intent::{Delegation, Intent, Phase, Script};
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
        let own = intent.targets().len() as u64;
        let (targets, operations) = match intent.script() {
            Some(script) => (targets_of(script).unwrap_or(own), script.steps.len() as u64),
            None => (own, own.max(1)),
        };
        Wanted {
            intent_digest: intent.digest(),
            policy_digest,
            delegation_digest: intent.delegation().map(Delegation::digest),
            scope: scope(intent),
            targets,
            operations,
        }
    }
}

/// How many targets all steps have; `None` for none.
fn targets_of(script: &Script) -> Option<u64> {
    let sum: usize = script.steps.iter().map(|step| step.targets.len()).sum();
    Some(sum as u64).filter(|sum| *sum > 0)
}

fn scope(intent: &Intent) -> Vec<String> {
    let mut scope = vec![format!("tool:{}", intent.tool_name())];
    let applies = intent.context().phase == Phase::Apply;
    if applies && intent.targets().iter().any(|target| target.destructive) {
        scope.extend(["phase:apply".to_owned(), "destructive:apply".to_owned()]);
    }
    lowlist(scope)
}
