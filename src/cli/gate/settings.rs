//! What the flags of `gait gate eval` and the project config mean together (spec C9, C12, E18).

use super::credential::BrokerSettings;
use super::flags::Flags;
use super::profile::Profile;
use super::ruling::Enforcement;
use super::tokens::TokenSettings;
use super::unsupported;
use crate::cli::answer::Failure;
use crate::cli::project;
use crate::cli::signing::Signing;
use crate::clock;
use crate::intent::time::{self, Time};
use std::path::{Component, Path, PathBuf};

/// Where calls are counted when nobody says so.
const RATE_LIMIT_PATH: &str = ".gait-out/gate_rate_limits.json";

/// Everything that an evaluation needs to know beside its two files.
pub(super) struct Settings {
    pub(super) policy: PathBuf,
    pub(super) intent: PathBuf,
    pub(super) enforcement: Enforcement,
    pub(super) profile: Profile,
    pub(super) signing: Signing,
    pub(super) tokens: TokenSettings,
    pub(super) inventory_path: Option<PathBuf>,
    /// As it was given.
    evaluation_time: Option<Time>,
    pub(super) kill_switch_path: Option<PathBuf>,
    pub(super) rate_limit_path: PathBuf,
    pub(super) broker: BrokerSettings,
    pub(super) trace_path: Option<PathBuf>,
}

// === impl Settings ===

impl Settings {
    pub(super) fn settle(flags: Flags) -> Result<Settings, Failure> {
        flags.unsupported.refuse()?;
        let evaluation_time = evaluation_time(flags.evaluation_time.as_deref())?;
        let config = config(&flags)?;
        let profile = Profile::parse(flags.profile.as_deref().or(config.profile.as_deref()))?;
        let enforcement = if flags.simulate { Enforcement::Simulate } else { Enforcement::Enforce };
        profile.allow(enforcement)?;
        let signing = Signing::of(flags.signing, &config);
        profile.trust(&signing)?;
        let trace_path = flags.trace_out.or(config.trace_path.clone());
        trace_path.as_deref().map_or(Ok(()), stays_below)?;
        let tokens = TokenSettings::of(flags.approval, flags.delegation, &config);
        let broker = BrokerSettings::of(flags.broker, &config)?;
        let rate_limit_path = flags.rate_limit_state.or(config.rate_limit_state);
        let (Some(policy), Some(intent)) = (flags.policy.or(config.policy), flags.intent) else {
            return Err(Failure::input("both --policy and --intent are required"));
        };
        Ok(Settings {
            policy,
            intent,
            enforcement,
            profile,
            signing,
            tokens,
            inventory_path: flags.wrkr_inventory.or(config.wrkr_inventory_path),
            evaluation_time,
            kill_switch_path: flags.kill_switch_state.or(config.kill_switch_state),
            rate_limit_path: rate_limit_path.unwrap_or_else(|| RATE_LIMIT_PATH.into()),
            broker,
            trace_path,
        })
    }

    /// The time at which to judge.
    pub(super) fn evaluation_time(&self) -> Time {
        self.evaluation_time.unwrap_or_else(|| Time::from_timestamp(clock::now()))
    }
}

/// The project config, unless flags say that there is none.
fn config(flags: &Flags) -> Result<project::Gate, Failure> {
    if flags.no_config {
        return Ok(project::Gate::default());
    }
    let config = project::Gate::load(flags.config.as_deref())?;
    for (name, value) in &config.others {
        unsupported::refuse_member(name, value)?;
    }
    Ok(config)
}

fn evaluation_time(text: Option<&str>) -> Result<Option<Time>, Failure> {
    let read = |text: &str| {
        time::parse(text.trim()).ok_or_else(|| {
            Failure::input(format!(
                "invalid --evaluation-time: `{text}`; write it like 2026-01-02T03:04:05Z"
            ))
        })
    };
    text.map(read).transpose()
}

/// A relative path must stay below the working directory (spec C13.3).
fn stays_below(path: &Path) -> Result<(), Failure> {
    let mut depth = 0_usize;
    for component in path.components() {
        match component {
            Component::RootDir | Component::Prefix(_) => return Ok(()),
            Component::CurDir => {}
            Component::Normal(_) => depth += 1,
            Component::ParentDir => {
                depth = depth.checked_sub(1).ok_or_else(|| {
                    Failure::input("relative trace path must not traverse parent directories")
                })?;
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_relative_trace_path_stays_below() {
        for good in ["t.json", "./a/t.json", "a/../t.json", "/a/../../t.json"] {
            assert!(stays_below(Path::new(good)).is_ok(), "{good}");
        }
        for bad in ["../t.json", "a/../../t.json", "./../t.json", ".."] {
            assert!(stays_below(Path::new(bad)).is_err(), "{bad}");
        }
    }
}
