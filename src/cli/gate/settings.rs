//! What the flags of `gait gate eval` and the project config mean together (spec C9, C12, E18).

use super::flags::{ApprovalFlags, Flags, SigningFlags};
use super::ruling::Enforcement;
use super::unsupported;
use crate::cli::answer::Failure;
use crate::cli::project;
use crate::cli::verify_key::{Given, VerifyKey};
use crate::intent::time;
use crate::policy::{Policy, Rule, Verdict};
use crate::sign::{Half, PrivateKey, Source};
use std::path::{Component, Path, PathBuf};

/// Risk classes that profile `oss-prod` guards.
const GUARDED_RISK_CLASSES: [&str; 2] = ["high", "critical"];

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
    pub(super) trace_path: Option<PathBuf>,
    pub(super) audit_path: Option<PathBuf>,
}

/// How strict the set-up is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Profile {
    Standard,
    OssProd,
}

/// What signs the trace.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Signing {
    /// A key that is made for this trace and thrown away.
    Ephemeral,
    /// The caller's key.
    With(Source),
}

// === impl Settings ===

impl Settings {
    pub(super) fn settle(flags: Flags) -> Result<Settings, Failure> {
        flags.unsupported.refuse()?;
        check_evaluation_time(flags.evaluation_time.as_deref())?;
        let config = config(&flags)?;
        let profile = Profile::parse(flags.profile.as_deref().or(config.profile.as_deref()))?;
        let enforcement = if flags.simulate { Enforcement::Simulate } else { Enforcement::Enforce };
        profile.allow(enforcement)?;
        let signing = Signing::settle(flags.signing, &config)?;
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
            trace_path,
            audit_path: flags.approval_audit_out,
        })
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

/// The time itself is not used: no rule that this version evaluates looks at the clock.
fn check_evaluation_time(text: Option<&str>) -> Result<(), Failure> {
    match text {
        Some(text) if time::parse(text.trim()).is_none() => Err(Failure::input(format!(
            "invalid --evaluation-time: `{text}`; write it like 2026-01-02T03:04:05Z"
        ))),
        _ => Ok(()),
    }
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

// === impl Profile ===

impl Profile {
    fn parse(word: Option<&str>) -> Result<Profile, Failure> {
        match word.unwrap_or_default().trim().to_lowercase().as_str() {
            "" | "standard" => Ok(Profile::Standard),
            "oss-prod" => Ok(Profile::OssProd),
            other => Err(Failure::input(format!(
                "unsupported --profile value \"{other}\" (expected standard or oss-prod)"
            ))),
        }
    }

    /// The word in answers.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Profile::Standard => "standard",
            Profile::OssProd => "oss-prod",
        }
    }

    fn allow(self, enforcement: Enforcement) -> Result<(), Failure> {
        match (self, enforcement) {
            (Profile::OssProd, Enforcement::Simulate) => {
                Err(Failure::input("oss-prod profile does not allow --simulate"))
            }
            _ => Ok(()),
        }
    }

    fn trust(self, signing: &Signing) -> Result<(), Failure> {
        match (self, signing) {
            (Profile::OssProd, Signing::Ephemeral) => Err(Failure::input(
                "oss-prod profile requires --key-mode prod and --private-key or --private-key-env",
            )),
            _ => Ok(()),
        }
    }

    /// Whether the policy is strict enough.
    ///
    /// # Errors
    /// Exit 6: the profile asks for more.
    pub(super) fn accept(self, policy: &Policy) -> Result<(), Failure> {
        if self == Profile::Standard {
            return Ok(());
        }
        if policy.default_verdict() == Verdict::Allow {
            return Err(Failure::input(
                "oss-prod profile rejects policy default_verdict=allow; \
                 use default_verdict: block or require_approval",
            ));
        }
        match policy.rules().iter().find(|rule| lets_high_risk_go(rule)) {
            Some(rule) => Err(Failure::input(format!(
                "oss-prod profile requires high-risk allow/approval rules to set \
                 require_broker_credential: true; rule `{}` does not",
                rule.name
            ))),
            None => Ok(()),
        }
    }
}

/// Whether the rule names a guarded risk class and does not block it.
fn lets_high_risk_go(rule: &Rule) -> bool {
    let guarded = |class: &String| GUARDED_RISK_CLASSES.contains(&class.as_str());
    rule.effect != Verdict::Block && rule.matcher.risk_classes.iter().any(guarded)
}

// === impl Signing ===

impl Signing {
    fn settle(flags: SigningFlags, config: &project::Gate) -> Result<Signing, Failure> {
        let given = Given { path: flags.private_key, env: flags.private_key_env }
            .or(Given { path: config.private_key.clone(), env: config.private_key_env.clone() });
        let source = given.source(Half::Private)?;
        let mode = flags.key_mode.as_deref().or(config.key_mode.as_deref());
        match (mode.unwrap_or_default().trim(), source) {
            ("" | "dev", None) => Ok(Signing::Ephemeral),
            ("" | "dev", Some(_)) => Err(Failure::input(
                "dev mode does not accept explicit key sources; add --key-mode prod",
            )),
            ("prod", Some(source)) => Ok(Signing::With(source)),
            ("prod", None) => Err(Failure::input(
                "prod mode requires a private key source: --private-key or --private-key-env",
            )),
            (other, _) => Err(Failure::input(format!(
                "unsupported key mode: \"{other}\" (expected dev or prod)"
            ))),
        }
    }

    /// The key that signs.
    ///
    /// # Errors
    /// Exit 6: the caller's key cannot be loaded. Exit 1: none can be made.
    pub(super) fn key(&self) -> Result<PrivateKey, Failure> {
        match self {
            Signing::Ephemeral => PrivateKey::generate()
                .map_err(|error| Failure::internal(format!("make private key: {error}"))),
            Signing::With(source) => source.private().map_err(Failure::input),
        }
    }
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
