//! The credential that a broker issues for a call that is allowed (spec E14).

use super::ruling::Ruling;
use super::{Judged, Settings};
use crate::broker::{Broker, BrokerError, Receipt, Record, Request, Terms, Wanted};
use crate::cli::answer::{Answer, Failure};
use crate::cli::{files, project};
use crate::policy::Verdict;
use crate::policy::credential::CredentialTerms;
use clap::Args;
use serde_json::Value;
use std::path::PathBuf;

/// The flags of the broker.
#[derive(Args)]
pub(in crate::cli) struct BrokerFlags {
    /// Who issues credentials: `stub`, or `off` [default: off]
    #[arg(long, value_name = "NAME")]
    credential_broker: Option<String>,
    /// Which credential to ask for, instead of the rule's
    #[arg(long, value_name = "REF")]
    credential_ref: Option<String>,
    /// Scopes to ask for beside the rule's, separated by commas
    #[arg(long, value_name = "LIST")]
    credential_scopes: Option<String>,
    /// Where the evidence goes [default: credential_evidence_<trace id>.json]
    #[arg(long, value_name = "FILE")]
    credential_evidence_out: Option<PathBuf>,
}

/// What the flags and the project config say of the broker together.
#[derive(Debug)]
pub(super) struct BrokerSettings {
    pub(super) broker: Option<Broker>,
    reference: String,
    scopes: Vec<String>,
    evidence_path: Option<PathBuf>,
}

/// What was issued.
#[derive(Debug)]
pub(super) struct Issued {
    broker: Broker,
    request: Request,
    pub(super) receipt: Receipt,
}

// === impl BrokerSettings ===

impl BrokerSettings {
    /// Flags win.
    ///
    /// # Errors
    /// Exit 6: there is no such broker.
    pub(super) fn of(
        flags: BrokerFlags,
        config: &project::Gate,
    ) -> Result<BrokerSettings, Failure> {
        let scopes = flags.credential_scopes.or(config.credential_scopes.clone());
        let scopes = scopes.unwrap_or_default();
        Ok(BrokerSettings {
            broker: match flags.credential_broker {
                Some(name) => Broker::parse(&name),
                None => configured(config.credential_broker.as_ref()),
            }
            .map_err(Failure::input)?,
            reference: flags.credential_ref.or(config.credential_ref.clone()).unwrap_or_default(),
            scopes: scopes.split(',').map(str::to_owned).collect(),
            evidence_path: flags
                .credential_evidence_out
                .or(config.credential_evidence_path.clone()),
        })
    }
}

/// `off` is false to some YAML readers.
fn configured(name: Option<&Value>) -> Result<Option<Broker>, BrokerError> {
    match name {
        None | Some(Value::Null | Value::Bool(false)) => Ok(None),
        Some(Value::String(name)) => Broker::parse(name),
        Some(other) => Broker::parse(&other.to_string()),
    }
}

/// Asks for a credential where the call is allowed and its rules want one, and blocks it where
/// none can be had or it is another than was asked for.
pub(super) fn issue(settings: &Settings, judged: &Judged, ruling: &mut Ruling) -> Option<Issued> {
    let demand = judged.decision.demands.broker.as_ref()?;
    if ruling.verdict != Verdict::Allow {
        return None;
    }
    let own = &settings.broker;
    let Some(broker) = own.broker else {
        ruling.block("broker_credential_required", "broker_credential_missing");
        return None;
    };
    let wanted = Wanted {
        reference: &demand.reference,
        scopes: &demand.scopes,
        own_reference: &own.reference,
        own_scopes: &own.scopes,
    };
    let request = Request::of(&judged.intent, &wanted);
    let issued = request.and_then(|request| Ok((broker.issue(&request)?, request)));
    let Ok((receipt, request)) = issued else {
        ruling.block("broker_credential_missing", "broker_credential_missing");
        return None;
    };
    let terms: Vec<Terms<'_>> = demand.terms.iter().map(terms).collect();
    let faults = receipt.faults(&request, &terms);
    if faults.is_empty() {
        ruling.add_reason("broker_credential_present");
    }
    faults.iter().for_each(|fault| ruling.block(fault, fault));
    Some(Issued { broker, request, receipt })
}

fn terms(terms: &CredentialTerms) -> Terms<'_> {
    Terms {
        jit: terms.jit,
        no_standing: terms.no_standing,
        max_ttl_seconds: terms.max_ttl_seconds,
        sources: &terms.sources,
        issuers: &terms.issuers,
        access_types: &terms.access_types,
    }
}

// === impl Issued ===

impl Issued {
    /// Writes the evidence, also where the receipt was refused: it was issued all the same.
    ///
    /// # Errors
    /// Exit 1: the file cannot be written.
    pub(super) fn write(
        &self,
        settings: &Settings,
        judged: &Judged,
        trace_id: &str,
    ) -> Result<PathBuf, Failure> {
        let Issued { broker, request, receipt } = self;
        let (intent, policy) = (&judged.intent, judged.policy.digest());
        let record = Record::of(*broker, request, receipt, intent, policy, trace_id);
        let path = settings.broker.evidence_path.clone();
        let path = path.unwrap_or_else(|| format!("credential_evidence_{trace_id}.json").into());
        files::write_record("credential evidence", &path, &record)?;
        Ok(path)
    }

    /// The members of the answer.
    pub(super) fn told(&self, answer: Answer) -> Answer {
        let receipt = &self.receipt;
        answer
            .line(format!("credential: {}", receipt.credential_ref))
            .with("credential_issuer", receipt.issuer.as_str())
            .with("credential_source", receipt.source.as_str())
            .with("credential_access_type", receipt.access_type.as_str())
            .with("credential_ref", receipt.credential_ref.as_str())
            .with("credential_ttl_seconds", receipt.ttl_seconds)
    }
}
