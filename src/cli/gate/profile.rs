//! How strict `gait gate eval` is about its own set-up (spec E18).

use super::ruling::Enforcement;
use crate::broker::Broker;
use crate::cli::answer::Failure;
use crate::cli::signing::Signing;
use crate::policy::{Policy, Rule, Verdict};

/// Risk classes that profile `oss-prod` guards.
const GUARDED_RISK_CLASSES: [&str; 2] = ["high", "critical"];

/// How strict the set-up is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Profile {
    Standard,
    OssProd,
}

// === impl Profile ===

impl Profile {
    /// # Errors
    /// Exit 6: no such profile.
    pub(super) fn parse(word: Option<&str>) -> Result<Profile, Failure> {
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

    /// # Errors
    /// Exit 6: simulating is not for production.
    pub(super) fn allow(self, enforcement: Enforcement) -> Result<(), Failure> {
        match (self, enforcement) {
            (Profile::OssProd, Enforcement::Simulate) => {
                Err(Failure::input("oss-prod profile does not allow --simulate"))
            }
            _ => Ok(()),
        }
    }

    /// # Errors
    /// Exit 6: a trace that nobody else can verify is not for production.
    pub(super) fn trust(self, signing: &Signing) -> Result<(), Failure> {
        if self == Profile::Standard {
            return Ok(());
        }
        if !signing.is_prod() {
            return Err(Failure::input("oss-prod profile requires --key-mode prod"));
        }
        if !signing.names_a_key() {
            return Err(Failure::input(
                "oss-prod profile requires --private-key or --private-key-env",
            ));
        }
        Ok(())
    }

    /// Whether the policy is strict enough.
    ///
    /// # Errors
    /// Exit 6: the profile asks for more.
    pub(super) fn accept(self, policy: &Policy, broker: Option<Broker>) -> Result<(), Failure> {
        if self == Profile::Standard {
            return Ok(());
        }
        if policy.default_verdict() == Verdict::Allow {
            return Err(Failure::input(
                "oss-prod profile rejects policy default_verdict=allow; \
                 use default_verdict: block or require_approval",
            ));
        }
        let mut guarded = policy.rules().iter().filter(|rule| lets_high_risk_go(rule)).peekable();
        if guarded.peek().is_none() {
            return Ok(());
        }
        match guarded.find(|rule| !rule.terms.broker.required) {
            Some(rule) => Err(Failure::input(format!(
                "oss-prod profile requires high-risk allow/approval rules to set \
                 require_broker_credential: true; rule `{}` does not",
                rule.name
            ))),
            None if broker.is_none() => Err(Failure::input(
                "oss-prod profile requires --credential-broker for high-risk policies",
            )),
            None => Ok(()),
        }
    }
}

/// Whether the rule names a guarded risk class and does not block it.
fn lets_high_risk_go(rule: &Rule) -> bool {
    let guarded = |class: &String| GUARDED_RISK_CLASSES.contains(&class.as_str());
    rule.effect != Verdict::Block && rule.matcher.risk_classes.iter().any(guarded)
}
