//! `gait gate eval`: judge one intent, sign the decision, say it (spec C9).
//!
//! [`Eval::run`] is the whole evaluation in order. It ends in a trace file in every case in which
//! it prints a verdict: if the trace cannot be written, the command fails.

mod flags;
mod settings;
mod profile;
mod ruling;
mod switch;
mod limits;
mod credential;
mod report;
mod unsupported;

use super::answer::{Failure, Outcome};
use super::files;
use super::{Invocation, load};
use crate::clock;
use crate::intent::Intent;
use crate::kill_switch;
use crate::policy::{Decision, Policy};
use crate::sign::PrivateKey;
use crate::store::rate_limits::Spent;
use crate::trace::{ApprovalAudit, Asked, Facts, Found, Record};
use clap::Subcommand;
use credential::Issued;
use flags::Flags;
use report::Report;
use ruling::Ruling;
use settings::Settings;
use std::path::PathBuf;
use std::time::Duration;
use switch::Switch;

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
    /// With the kill switch over it.
    decision: Decision,
    /// What the kill switch says; `None` where there is none.
    switched: Option<kill_switch::Outcome>,
    warnings: Vec<String>,
    latency: Duration,
}

/// What the ruling took beside the decision.
struct Spending {
    spent: Vec<Spent>,
    credential: Option<Issued>,
}

/// The files that a decision leaves behind.
struct Written {
    trace_id: String,
    trace: PathBuf,
    audit: Option<PathBuf>,
    credential_evidence: Option<PathBuf>,
    warning: Option<String>,
}

/// Everything that an evaluation came to, before anything is written.
#[derive(Clone, Copy)]
struct Evaluation<'a> {
    settings: &'a Settings,
    judged: &'a Judged,
    ruling: &'a Ruling,
    spending: &'a Spending,
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
    let mut ruling = Ruling::of(&judged.decision);
    let spent = limits::spend(&settings, &judged, &mut ruling)?;
    let key = settings.signing.key()?;
    ruling.ask_delegation(&judged.decision);
    ruling.ask_approval();
    if ruling.required_approvals > 0 {
        settings.check_approval_key()?;
    }
    let credential = credential::issue(&settings, &judged, &mut ruling);
    let ruling = ruling.under(settings.enforcement);
    let eval = Evaluation {
        settings: &settings,
        judged: &judged,
        ruling: &ruling,
        spending: &Spending { spent, credential },
    };
    let written = eval.write(&key, invocation)?;
    let report = Report { eval, written: &written };
    Ok(if invocation.explain { report.explained() } else { report.answer() })
}

fn judge(settings: &Settings) -> Result<Judged, Failure> {
    let policy = load::policy(&settings.policy)?;
    settings.profile.accept(&policy, settings.broker.broker)?;
    let intent = load::intent(&settings.intent)?.without_claims();
    let switch = Switch::load(settings, &intent)?;
    let started = clock::instant();
    let (decision, switched) = switch.decide(&policy, &intent, settings.evaluation_time());
    let latency = started.elapsed();
    let warnings = switch.warning().map(str::to_owned).into_iter().collect();
    Ok(Judged { policy, intent, decision, switched, warnings, latency })
}

impl Evaluation<'_> {
    /// Writes everything that the evaluation leaves behind, the trace first.
    fn write(&self, key: &PrivateKey, invocation: &Invocation) -> Result<Written, Failure> {
        let Evaluation { settings, judged, .. } = *self;
        let record = self.record(invocation).signed(key).map_err(Failure::internal)?;
        let trace_id = record.trace_id().to_owned();
        let trace = settings.trace_path.clone();
        let trace = trace.unwrap_or_else(|| format!("trace_{trace_id}.json").into());
        files::write_record("trace", &trace, &record)?;
        let asked = self.ruling.required_approvals > 0;
        let audit = asked.then(|| self.write_audit(&trace_id)).transpose()?;
        let credential = self.spending.credential.as_ref();
        let credential_evidence =
            credential.map(|issued| issued.write(settings, judged, &trace_id)).transpose()?;
        let state = settings.kill_switch_path.as_deref();
        let warning = state.and_then(|state| switch::note(state, judged, &trace_id));
        Ok(Written { trace_id, trace, audit, credential_evidence, warning })
    }

    fn record(&self, invocation: &Invocation) -> Record {
        let Evaluation { settings, judged, ruling, spending } = *self;
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
            found: Found {
                details: Some(&judged.decision.details),
                kill_switch: judged.switched.as_ref(),
                credential: spending.credential.as_ref().map(|issued| &issued.receipt),
            },
            latency: judged.latency,
        })
    }

    fn write_audit(&self, trace_id: &str) -> Result<PathBuf, Failure> {
        let Evaluation { settings, judged, ruling, .. } = *self;
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
}
