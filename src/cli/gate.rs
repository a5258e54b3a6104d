//! `gait gate eval`: judge one intent, sign the decision, say it (spec C9).
//!
//! [`Eval::run`] is the whole evaluation in order. It ends in a trace file in every case in which
//! it prints a verdict: if the trace cannot be written, the command fails.

mod flags;
mod settings;
mod profile;
mod ruling;
mod report;
mod unsupported;

use super::answer::{Failure, Outcome};
use super::files;
use super::{Invocation, load};
use crate::clock;
use crate::intent::Intent;
use crate::policy::{Decision, Policy};
use crate::sign::PrivateKey;
use crate::trace::{ApprovalAudit, Asked, Facts, Record};
use clap::Subcommand;
use flags::Flags;
use report::Report;
use ruling::Ruling;
use settings::Settings;
use std::path::PathBuf;
use std::time::Duration;

/// The subcommands of `gait gate`.
#[derive(Subcommand)]
pub(super) enum Command {
    /// Judge one intent, sign the decision and write it to a trace file
    #[command(override_usage = "gait gate eval --policy <FILE> --intent <FILE> [OPTIONS]")]
    Eval(Box<Flags>),
}

/// What was judged, by what, and what came out.
struct Judged {
    policy: Policy,
    /// Without unverified context claims (spec E3, step 1).
    intent: Intent,
    decision: Decision,
    latency: Duration,
}

/// The files that a decision leaves behind.
struct Written {
    trace_id: String,
    trace: PathBuf,
    audit: Option<PathBuf>,
}

impl Command {
    /// Runs the subcommand.
    pub(super) fn run(self, invocation: &Invocation) -> Outcome {
        match self {
            Command::Eval(flags) => eval(*flags, invocation),
        }
    }
}

fn eval(flags: Flags, invocation: &Invocation) -> Outcome {
    let settings = flags.settle()?;
    let judged = judge(&settings)?;
    let key = settings.signing.key()?;
    let asked = Ruling::of(&judged.decision);
    if asked.required_approvals > 0 {
        settings.check_approval_key()?;
    }
    let ruling = asked.under(settings.enforcement);
    let written = write(&settings, &judged, &ruling, &key, invocation)?;
    let report =
        Report { settings: &settings, judged: &judged, ruling: &ruling, written: &written };
    Ok(if invocation.explain { report.explained() } else { report.answer() })
}

fn judge(settings: &Settings) -> Result<Judged, Failure> {
    let policy = load::policy(&settings.policy)?;
    settings.profile.accept(&policy)?;
    let intent = load::intent(&settings.intent)?.without_claims();
    let started = clock::instant();
    let decision = policy.decide(&intent, settings.evaluation_time());
    let latency = started.elapsed();
    Ok(Judged { policy, intent, decision, latency })
}

fn write(
    settings: &Settings,
    judged: &Judged,
    ruling: &Ruling,
    key: &PrivateKey,
    invocation: &Invocation,
) -> Result<Written, Failure> {
    let record = record(settings, judged, ruling, invocation).signed(key);
    let record = record.map_err(Failure::internal)?;
    let trace_id = record.trace_id().to_owned();
    let trace = settings.trace_path.clone();
    let trace = trace.unwrap_or_else(|| format!("trace_{trace_id}.json").into());
    files::write_record("trace", &trace, &record)?;
    let audit = (ruling.required_approvals > 0)
        .then(|| write_audit(settings, judged, ruling, &trace_id))
        .transpose()?;
    Ok(Written { trace_id, trace, audit })
}

fn record(
    settings: &Settings,
    judged: &Judged,
    ruling: &Ruling,
    invocation: &Invocation,
) -> Record {
    Record::of(&Facts {
        observed_at: clock::now(),
        correlation_id: &invocation.correlation_id,
        intent: &judged.intent,
        policy_digest: judged.policy.digest(),
        policy_id: judged.policy.schema_id(),
        policy_version: judged.policy.schema_version(),
        verdict: ruling.verdict,
        violations: &ruling.violations,
        approval_ref: &settings.approval_ref,
        delegated: None,
        latency: judged.latency,
    })
}

fn write_audit(
    settings: &Settings,
    judged: &Judged,
    ruling: &Ruling,
    trace_id: &str,
) -> Result<PathBuf, Failure> {
    let asked = Asked {
        created_at: judged.intent.created_at(),
        trace_id,
        tool_name: judged.intent.tool_name(),
        intent_digest: judged.intent.digest(),
        policy_digest: judged.policy.digest(),
    };
    let audit = ApprovalAudit::unanswered(&asked, ruling.required_approvals);
    let path = settings.audit_path.clone();
    let path = path.unwrap_or_else(|| format!("approval_audit_{trace_id}.json").into());
    files::write_record("approval audit", &path, &audit)?;
    Ok(path)
}
