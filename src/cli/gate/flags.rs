//! The flags of `gait gate eval`, as they were typed.

use super::credential::BrokerFlags;
use super::settings::Settings;
use super::tokens::{ApprovalFlags, DelegationFlags};
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
    /// Report the verdict without enforcing it: exit 0; limits count it all the same
    #[arg(long)]
    pub(super) simulate: bool,
    /// Where the trace goes [default: trace_<trace id>.json]
    #[arg(long, value_name = "FILE")]
    pub(super) trace_out: Option<PathBuf>,
    #[command(flatten)]
    pub(super) signing: SigningFlags,
    #[command(flatten)]
    pub(super) approval: ApprovalFlags,
    #[command(flatten)]
    pub(super) delegation: DelegationFlags,
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
    /// Inventory of tools that tells more of the intent's tool
    #[arg(long, value_name = "FILE")]
    pub(super) wrkr_inventory: Option<PathBuf>,
    #[command(flatten)]
    pub(super) unsupported: Unsupported,
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
