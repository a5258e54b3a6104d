//! The flags of `gait gate eval`, as they were typed.

use super::credential::BrokerFlags;
use super::settings::Settings;
use super::unsupported::Unsupported;
use crate::cli::answer::Failure;
use crate::cli::signing::SigningFlags;
use clap::Args;
use std::path::PathBuf;

/// What was typed; [`Flags::settle`] says what it means.
#[derive(Args)]
pub(in crate::cli) struct Flags {
    /// Policy file
    #[arg(long, value_name = "FILE")]
    pub(super) policy: Option<PathBuf>,
    /// Intent file
    #[arg(long, value_name = "FILE")]
    pub(super) intent: Option<PathBuf>,
    /// Report the verdict without enforcing it: exit 0
    #[arg(long)]
    pub(super) simulate: bool,
    /// Where the trace goes [default: trace_<trace id>.json]
    #[arg(long, value_name = "FILE")]
    pub(super) trace_out: Option<PathBuf>,
    /// Where the approval audit goes [default: approval_audit_<trace id>.json]
    #[arg(long, value_name = "FILE")]
    pub(super) approval_audit_out: Option<PathBuf>,
    /// A reference to an approval given elsewhere, repeated in the answer and the trace
    #[arg(long, value_name = "REF")]
    pub(super) approval_token_ref: Option<String>,
    #[command(flatten)]
    pub(super) signing: SigningFlags,
    #[command(flatten)]
    pub(super) approval: ApprovalFlags,
    /// `standard`, or `oss-prod` for strict checks of keys and policy [default: standard]
    #[arg(long, value_name = "NAME")]
    pub(super) profile: Option<String>,
    /// Project config to fall back to [default: .gait/config.yaml, if it is there]
    #[arg(long, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
    /// Read no project config, whatever --config says
    #[arg(long)]
    pub(super) no_config: bool,
    /// The time at which to judge, RFC 3339; for tests and CI
    #[arg(long, value_name = "TIME")]
    pub(super) evaluation_time: Option<String>,
    /// Orders to stop, as `gait kill-switch` gives them
    #[arg(long, value_name = "FILE")]
    pub(super) kill_switch_state: Option<PathBuf>,
    /// Where calls are counted [default: .gait-out/gate_rate_limits.json]
    #[arg(long, value_name = "FILE")]
    pub(super) rate_limit_state: Option<PathBuf>,
    #[command(flatten)]
    pub(super) broker: BrokerFlags,
    /// Accepted for compatibility; this version reads no delegation tokens
    #[arg(long, value_name = "FILE", hide = true)]
    pub(super) delegation_audit_out: Option<PathBuf>,
    #[command(flatten)]
    pub(super) unsupported: Unsupported,
}

/// What approvals are checked with.
#[derive(Args)]
pub(super) struct ApprovalFlags {
    /// Public key file that approvals are checked with
    #[arg(long, value_name = "FILE")]
    pub(super) approval_public_key: Option<PathBuf>,
    /// Environment variable that holds that key
    #[arg(long, value_name = "NAME")]
    pub(super) approval_public_key_env: Option<String>,
    /// Private key file whose public half approvals are checked with
    #[arg(long, value_name = "FILE")]
    pub(super) approval_private_key: Option<PathBuf>,
    /// Environment variable that holds that key
    #[arg(long, value_name = "NAME")]
    pub(super) approval_private_key_env: Option<String>,
}

impl Flags {
    /// What the flags and the project config mean together.
    ///
    /// # Errors
    /// Exit 6: something is missing, contradictory, or not there in this version.
    pub(super) fn settle(self) -> Result<Settings, Failure> {
        Settings::settle(self)
    }
}
