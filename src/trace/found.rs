//! What was found out beside the verdict, as a trace tells it (spec C13.1).

use super::record::{BrokerMembers, EvaluationMembers, ProofMembers, value};
use crate::broker::Receipt;
use crate::intent::Script;
use crate::kill_switch;
use crate::policy::decision::Details;
use crate::policy::script::ScriptFinding;

/// What was found out beside the verdict, each where there is something to say.
#[derive(Clone, Copy, Debug, Default)]
pub struct Found<'a> {
    /// By the rules.
    pub details: Option<&'a Details>,
    /// By the kill switch.
    pub kill_switch: Option<&'a kill_switch::Outcome>,
    /// What a broker issued.
    pub credential: Option<&'a Receipt>,
}

impl ProofMembers {
    pub(super) fn of(found: &Found<'_>) -> ProofMembers {
        let details = found.details;
        ProofMembers {
            freeze_window: value(&details.and_then(|details| details.freeze_window.as_ref())),
            sandbox: value(&details.and_then(|details| details.sandbox.as_ref())),
            kill_switch: value(&found.kill_switch),
            ..ProofMembers::default()
        }
    }
}

impl BrokerMembers {
    pub(super) fn of(receipt: &Receipt) -> BrokerMembers {
        let digest = receipt.request_digest;
        BrokerMembers {
            broker_credential_ref: receipt.credential_ref.clone(),
            broker_credential_source: receipt.source.as_str().to_owned(),
            broker_credential_access_type: receipt.access_type.as_str().to_owned(),
            broker_credential_issuer: receipt.issuer.clone(),
            broker_request_digest: digest.map(|digest| digest.to_string()).unwrap_or_default(),
            broker_target_binding: receipt.target_binding.to_string(),
            broker_run_binding: receipt.run_binding.clone(),
            broker_job_binding: receipt.job_binding.clone(),
        }
    }
}

impl EvaluationMembers {
    pub(super) fn with_script(self, script: &Script, finding: &ScriptFinding) -> EvaluationMembers {
        EvaluationMembers {
            script: true,
            step_count: i64::try_from(script.steps.len()).unwrap_or(i64::MAX),
            script_hash: script.hash.to_string(),
            composite_risk_class: finding.composite_risk.as_str().to_owned(),
            step_verdicts: finding.steps.iter().map(value).collect(),
            ..self
        }
    }
}
