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
mod tokens;
mod inventory;
mod credential;
mod report;
mod unsupported;

use super::answer::{Failure, Outcome};
use super::files;
use super::{Invocation, load};
use crate::clock;
use crate::delegation;
use crate::intent::Intent;
use crate::kill_switch;
use crate::policy::{Decision, Policy};
use crate::sign::PrivateKey;
use crate::store::rate_limits::Spent;
use crate::trace::{ApprovalAudit, Asked, Delegated, DelegationAudit, Facts, Found, Record};
use clap::Subcommand;
use credential::Issued;
use flags::Flags;
use inventory::Prepared;
use profile::Profile;
use report::Report;
use ruling::Ruling;
use settings::Settings;
use std::path::PathBuf;
use std::time::Duration;
use switch::Switch;
use tokens::Answered;

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
    /// Where the intent's context was looked up; may be empty.
    context_source: String,
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
    answered: Answered,
    credential: Option<Issued>,
}

/// The files that a decision leaves behind.
struct Written {
    trace_id: String,
    trace: PathBuf,
    approval_audit: Option<PathBuf>,
    delegation_audit: Option<PathBuf>,
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
    let answered = tokens::ask(&settings, &judged, &mut ruling, &key)?;
    let credential = credential::issue(&settings, &judged, &mut ruling);
    let ruling = ruling.under(settings.enforcement);
    let eval = Evaluation {
        settings: &settings,
        judged: &judged,
        ruling: &ruling,
        spending: &Spending { spent, answered, credential },
    };
    let written = eval.write(&key, invocation)?;
    let report = Report { eval, written: &written };
    Ok(if invocation.explain { report.explained() } else { report.answer() })
}

fn judge(settings: &Settings) -> Result<Judged, Failure> {
    let policy = load::policy(&settings.policy)?;
    settings.profile.accept(&policy, settings.broker.broker)?;
    let intent = load::intent(&settings.intent)?.without_claims();
    let Prepared { intent, source, warning } = inventory::prepare(settings, intent)?;
    let switch = Switch::load(settings, &intent)?;
    let started = clock::instant();
    let (decision, switched) = switch.decide(&policy, &intent, settings.evaluation_time());
    let latency = started.elapsed();
    let warnings = warning.into_iter().chain(switch.warning().map(str::to_owned)).collect();
    Ok(Judged { policy, intent, context_source: source, decision, switched, warnings, latency })
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
        let approval_audit = self.write_approval_audit(&trace_id)?;
        let delegation_audit = self.write_delegation_audit(&trace_id)?;
        let credential = self.spending.credential.as_ref();
        let credential_evidence =
            credential.map(|issued| issued.write(settings, judged, &trace_id)).transpose()?;
        let state = settings.kill_switch_path.as_deref();
        let warning = state.and_then(|state| switch::note(state, judged, &trace_id));
        Ok(Written {
            trace_id,
            trace,
            approval_audit,
            delegation_audit,
            credential_evidence,
            warning,
        })
    }

    fn record(&self, invocation: &Invocation) -> Record {
        let Evaluation { judged, ruling, spending, .. } = *self;
        let chain = judged.intent.delegation().map(delegation::Chain::of);
        Record::of(&Facts {
            observed_at: clock::now(),
            correlation_id: &invocation.correlation_id,
            intent: &judged.intent,
            policy_digest: judged.policy.digest(),
            policy_id: judged.policy.schema_id(),
            policy_version: judged.policy.schema_version(),
            verdict: ruling.verdict,
            violations: &ruling.violations,
            approval_ref: self.approval_ref(),
            delegated: chain.as_ref().map(|chain| Delegated {
                chain,
                resolved: self.delegation_ref(),
                reason_codes: &ruling.reason_codes,
            }),
            context_source: &judged.context_source,
            found: Found {
                details: Some(&judged.decision.details),
                kill_switch: judged.switched.as_ref(),
                credential: spending.credential.as_ref().map(|issued| &issued.receipt),
            },
            latency: judged.latency,
        })
    }

    /// The ids of the approvals that were granted, or the reference that was given.
    fn approval_ref(&self) -> &str {
        let resolved = self.spending.answered.approval.as_ref().map(|a| a.approval_ref.as_str());
        let given = &self.settings.tokens.approval_ref;
        resolved.filter(|resolved| !resolved.is_empty()).unwrap_or(given)
    }

    /// The ids of the tokens that proved the delegation; may be empty.
    fn delegation_ref(&self) -> &str {
        self.spending.answered.delegation.as_ref().map_or("", |outcome| &outcome.delegation_ref)
    }

    /// Written where approvals were asked for, also if something else then blocked.
    fn write_approval_audit(&self, trace_id: &str) -> Result<Option<PathBuf>, Failure> {
        let Evaluation { settings, ruling, spending, .. } = *self;
        let asked = self.asked(trace_id);
        let audit = match &spending.answered.approval {
            Some(outcome) => ApprovalAudit::answered(&asked, outcome),
            None if ruling.required_approvals > 0 => {
                ApprovalAudit::unanswered(&asked, ruling.required_approvals)
            }
            None => return Ok(None),
        };
        let path = settings.tokens.approval_audit.clone();
        let path = path.unwrap_or_else(|| format!("approval_audit_{trace_id}.json").into());
        files::write_record("approval audit", &path, &audit)?;
        Ok(Some(path))
    }

    /// Written where a delegation had to be proved.
    fn write_delegation_audit(&self, trace_id: &str) -> Result<Option<PathBuf>, Failure> {
        let Some(outcome) = &self.spending.answered.delegation else { return Ok(None) };
        let audit = DelegationAudit::of(&self.asked(trace_id), outcome);
        let path = self.settings.tokens.delegation_audit.clone();
        let path = path.unwrap_or_else(|| format!("delegation_audit_{trace_id}.json").into());
        files::write_record("delegation audit", &path, &audit)?;
        Ok(Some(path))
    }

    fn asked<'a>(&'a self, trace_id: &'a str) -> Asked<'a> {
        let judged = self.judged;
        Asked {
            created_at: judged.intent.created_at(),
            trace_id,
            tool_name: judged.intent.tool_name(),
            intent_digest: judged.intent.digest(),
            policy_digest: judged.policy.digest(),
        }
    }
}
