//! What the flags of `gait gate eval` and the project config mean together (spec C9, C12, E18).

use super::flags::{ApprovalFlags, Flags};
use super::profile::Profile;
use super::ruling::Enforcement;
use super::unsupported;
use crate::cli::answer::Failure;
use crate::cli::signing::Signing;
use crate::cli::verify_key::{Given, VerifyKey};
use crate::cli::{load, project};
use crate::clock;
use crate::intent::time::Time;
use std::path::{Component, Path, PathBuf};

/// Everything that an evaluation needs to know beside its two files.
pub(super) struct Settings {
    pub(super) policy: PathBuf,
    pub(super) intent: PathBuf,
    pub(super) enforcement: Enforcement,
    pub(super) profile: Profile,
    pub(super) signing: Signing,
    approval_key: VerifyKey,
    /// Trimmed; may be empty.
    pub(super) approval_ref: String,
    /// As it was given.
    evaluation_time: Option<Time>,
    pub(super) trace_path: Option<PathBuf>,
    pub(super) audit_path: Option<PathBuf>,
}

// === impl Settings ===

impl Settings {
    pub(super) fn settle(flags: Flags) -> Result<Settings, Failure> {
        flags.unsupported.refuse()?;
        let evaluation_time = load::time("--evaluation-time", flags.evaluation_time.as_deref())?;
        let config = config(&flags)?;
        let profile = Profile::parse(flags.profile.as_deref().or(config.profile.as_deref()))?;
        let enforcement = if flags.simulate { Enforcement::Simulate } else { Enforcement::Enforce };
        profile.allow(enforcement)?;
        let signing = Signing::of(flags.signing, &config);
        profile.trust(&signing)?;
        let trace_path = flags.trace_out.or(config.trace_path.clone());
        trace_path.as_deref().map_or(Ok(()), stays_below)?;
        let approval_key = approval_key(flags.approval, &config);
        let (Some(policy), Some(intent)) = (flags.policy.or(config.policy), flags.intent) else {
            return Err(Failure::input("both --policy and --intent are required"));
        };
        Ok(Settings {
            policy,
            intent,
            enforcement,
            profile,
            signing,
            approval_key,
            approval_ref: flags.approval_token_ref.unwrap_or_default().trim().to_owned(),
            evaluation_time,
            trace_path,
            audit_path: flags.approval_audit_out,
        })
    }

    /// The time at which to judge.
    pub(super) fn evaluation_time(&self) -> Time {
        self.evaluation_time.unwrap_or_else(|| Time::from_timestamp(clock::now()))
    }

    /// Whether the key that approvals would be checked with can be had.
    ///
    /// # Errors
    /// Exit 6: it cannot, or the profile wants one and there is none.
    pub(super) fn check_approval_key(&self) -> Result<(), Failure> {
        match (self.approval_key.clone().load()?, self.profile) {
            (None, Profile::OssProd) => Err(Failure::input(
                "oss-prod profile requires explicit approval verify key \
                 (--approval-public-key/--approval-public-key-env or approval private key source)",
            )),
            _ => Ok(()),
        }
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

/// Flags win, half by half.
fn approval_key(flags: ApprovalFlags, config: &project::Gate) -> VerifyKey {
    let public =
        Given { path: flags.approval_public_key, env: flags.approval_public_key_env }.or(Given {
            path: config.approval_public_key.clone(),
            env: config.approval_public_key_env.clone(),
        });
    let private = Given { path: flags.approval_private_key, env: flags.approval_private_key_env }
        .or(Given {
            path: config.approval_private_key.clone(),
            env: config.approval_private_key_env.clone(),
        });
    VerifyKey { public, private }
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
