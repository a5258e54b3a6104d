//! The evidence that a broker issued a credential, as a file of its own.

use super::{Broker, Receipt, Request};
use crate::intent::Intent;
use crate::json::Digest;
use serde::Serialize;

/// One credential that was issued. It holds names and digests, never the credential.
#[derive(Clone, Debug, Serialize)]
pub struct Record {
    schema_id: &'static str,
    schema_version: &'static str,
    created_at: String,
    producer_version: &'static str,
    trace_id: String,
    tool_name: String,
    identity: String,
    intent_digest: Digest,
    policy_digest: Digest,
    broker: &'static str,
    #[serde(skip_serializing_if = "String::is_empty")]
    reference: String,
    scope: Vec<String>,
    credential_ref: String,
    issuer: String,
    source: &'static str,
    access_type: &'static str,
    ttl_seconds: u64,
    request_digest: Option<Digest>,
    target_binding: Digest,
    #[serde(skip_serializing_if = "String::is_empty")]
    run_binding: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    job_binding: String,
}

impl Record {
    /// What is known once the decision has its id.
    pub fn of(
        broker: Broker,
        request: &Request,
        receipt: &Receipt,
        intent: &Intent,
        policy_digest: Digest,
        trace_id: &str,
    ) -> Record {
        Record {
            schema_id: "gait.gate.broker_credential_record",
            schema_version: "1.0.0",
            created_at: intent.created_at().to_string(),
            producer_version: env!("CARGO_PKG_VERSION"),
            trace_id: trace_id.to_owned(),
            tool_name: request.tool_name.clone(),
            identity: request.identity.clone(),
            intent_digest: intent.digest(),
            policy_digest,
            broker: broker.as_str(),
            reference: request.reference.clone(),
            scope: receipt.scope.clone(),
            credential_ref: receipt.credential_ref.clone(),
            issuer: receipt.issuer.clone(),
            source: receipt.source.as_str(),
            access_type: receipt.access_type.as_str(),
            ttl_seconds: receipt.ttl_seconds,
            request_digest: receipt.request_digest,
            target_binding: receipt.target_binding,
            run_binding: receipt.run_binding.clone(),
            job_binding: receipt.job_binding.clone(),
        }
    }
}
