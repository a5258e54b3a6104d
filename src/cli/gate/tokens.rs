//! The tokens that `gait gate eval` is shown: who let somebody act for another, and who approved
//! (spec C11.4, E8).
//!
//! Token files are opened only where their kind is asked for. What cannot be read, or is no
//! token, ends the command; what is a token and not good enough becomes a reason code.

use super::ruling::Ruling;
use super::{Judged, Profile, Settings};
use crate::cli::answer::Failure;
use crate::cli::project;
use crate::cli::verify_key::{Given, VerifyKey};
use crate::clock;
use crate::intent::time::Time;
use crate::policy::Verdict;
use crate::sign::{PrivateKey, PublicKey};
use crate::token::{Shown, TOKEN_BYTES_MAX};
use crate::{approval, delegation};
use approval::{Approvers, Demand};
use clap::Args;
use std::collections::BTreeSet;
use std::fs::File;
use std::io::Read as _;
use std::path::PathBuf;

/// What approvals are, and are checked with.
#[derive(Args)]
pub(in crate::cli) struct ApprovalFlags {
    /// Approval token file; may be given several times
    #[arg(long, value_name = "FILE")]
    approval_token: Vec<String>,
    /// More approval token files, separated by commas
    #[arg(long, value_name = "FILES")]
    approval_token_chain: Option<String>,
    /// A reference to an approval given elsewhere, repeated in the answer and the trace
    #[arg(long, value_name = "REF")]
    approval_token_ref: Option<String>,
    /// Where the approval audit goes [default: approval_audit_<trace id>.json]
    #[arg(long, value_name = "FILE")]
    approval_audit_out: Option<PathBuf>,
    /// Public key file that approvals are checked with
    #[arg(long, value_name = "FILE")]
    approval_public_key: Option<PathBuf>,
    /// Environment variable that holds that key
    #[arg(long, value_name = "NAME")]
    approval_public_key_env: Option<String>,
    /// Private key file whose public half approvals are checked with
    #[arg(long, value_name = "FILE")]
    approval_private_key: Option<PathBuf>,
    /// Environment variable that holds that key
    #[arg(long, value_name = "NAME")]
    approval_private_key_env: Option<String>,
}

/// What proves a delegation, and what that is checked with.
#[derive(Args)]
pub(in crate::cli) struct DelegationFlags {
    /// Delegation token file; may be given several times
    #[arg(long, value_name = "FILE")]
    delegation_token: Vec<String>,
    /// More delegation token files, separated by commas
    #[arg(long, value_name = "FILES")]
    delegation_token_chain: Option<String>,
    /// Where the delegation audit goes [default: delegation_audit_<trace id>.json]
    #[arg(long, value_name = "FILE")]
    delegation_audit_out: Option<PathBuf>,
    /// Public key file that delegations are checked with [default: the key of approvals]
    #[arg(long, value_name = "FILE")]
    delegation_public_key: Option<PathBuf>,
    /// Environment variable that holds that key
    #[arg(long, value_name = "NAME")]
    delegation_public_key_env: Option<String>,
    /// Private key file whose public half delegations are checked with
    #[arg(long, value_name = "FILE")]
    delegation_private_key: Option<PathBuf>,
    /// Environment variable that holds that key
    #[arg(long, value_name = "NAME")]
    delegation_private_key_env: Option<String>,
}

/// What flags and config say of tokens together.
#[derive(Debug)]
pub(super) struct TokenSettings {
    approvals: Vec<String>,
    approval_key: VerifyKey,
    /// Trimmed; may be empty.
    pub(super) approval_ref: String,
    pub(super) approval_audit: Option<PathBuf>,
    delegations: Vec<String>,
    delegation_key: VerifyKey,
    pub(super) delegation_audit: Option<PathBuf>,
}

/// What became of the demands for tokens; `None` where there was none.
#[derive(Debug, Default)]
pub(super) struct Answered {
    pub(super) approval: Option<approval::Outcome>,
    pub(super) delegation: Option<delegation::Outcome>,
    pub(super) warnings: Vec<&'static str>,
}

/// Said where the key that signs traces is the one that approvals are checked with.
const ONE_KEY: &str = "no approval verify key was given, so the trace key's public half checks \
    approvals: whoever may sign traces may approve; give --approval-public-key";

/// The same of delegations.
const ONE_KEY_DELEGATES: &str = "no delegation verify key was given, so the trace key's public \
    half checks delegations: whoever may sign traces may delegate; give --delegation-public-key";

// === impl TokenSettings ===

impl TokenSettings {
    /// Flags win over config; a key that they name leaves the config's out of account.
    pub(super) fn of(
        approval: ApprovalFlags,
        delegation: DelegationFlags,
        config: &project::Gate,
    ) -> TokenSettings {
        let given = |path, env| Given { path, env };
        let flagged = VerifyKey {
            public: given(approval.approval_public_key, approval.approval_public_key_env),
            private: given(approval.approval_private_key, approval.approval_private_key_env),
        };
        let (public, private) = (&config.approval_public_key, &config.approval_private_key);
        let configured = VerifyKey {
            public: given(public.clone(), config.approval_public_key_env.clone()),
            private: given(private.clone(), config.approval_private_key_env.clone()),
        };
        TokenSettings {
            approvals: paths(approval.approval_token, approval.approval_token_chain),
            approval_key: flagged.or(configured),
            approval_ref: approval.approval_token_ref.unwrap_or_default().trim().to_owned(),
            approval_audit: approval.approval_audit_out,
            delegations: paths(delegation.delegation_token, delegation.delegation_token_chain),
            delegation_key: VerifyKey {
                public: given(
                    delegation.delegation_public_key,
                    delegation.delegation_public_key_env,
                ),
                private: given(
                    delegation.delegation_private_key,
                    delegation.delegation_private_key_env,
                ),
            },
            delegation_audit: delegation.delegation_audit_out,
        }
    }

    /// Whether delegation tokens were shown and no key to check them with.
    fn delegates_by_trace_key(&self) -> bool {
        let named = self.delegation_key.is_given() || self.approval_key.is_given();
        !named && !self.delegations.is_empty()
    }
}

/// Unique, sorted by their text.
fn paths(single: Vec<String>, chain: Option<String>) -> Vec<String> {
    let chain = chain.unwrap_or_default();
    let all = single.iter().map(String::as_str).chain(chain.split(','));
    let unique: BTreeSet<&str> = all.map(str::trim).filter(|path| !path.is_empty()).collect();
    unique.into_iter().map(str::to_owned).collect()
}

/// Asks for every token that the ruling needs, delegations first; `own` is the key that signs
/// the trace.
///
/// # Errors
/// Exit 6: a key or a token that is asked for cannot be had.
pub(super) fn ask(
    settings: &Settings,
    judged: &Judged,
    ruling: &mut Ruling,
    own: &PrivateKey,
) -> Result<Answered, Failure> {
    let delegation = ask_delegation(settings, judged, own)?;
    let mut warnings = Vec::new();
    if delegation.is_some() && settings.tokens.delegates_by_trace_key() {
        warnings.push(ONE_KEY_DELEGATES);
    }
    if let Some(outcome) = &delegation {
        ruling.heed_delegation(outcome);
    }
    if ruling.verdict != Verdict::RequireApproval {
        return Ok(Answered { approval: None, delegation, warnings });
    }
    let explicit = settings.tokens.approval_key.clone().load()?;
    if explicit.is_none() && !settings.tokens.approvals.is_empty() {
        warnings.push(ONE_KEY);
    }
    let key = key(explicit, settings.profile, "approval", own)?;
    let approval = ask_approval(&settings.tokens, judged, ruling, &key)?;
    ruling.heed_approval(&approval);
    Ok(Answered { approval: Some(approval), delegation, warnings })
}

fn ask_approval(
    settings: &TokenSettings,
    judged: &Judged,
    ruling: &Ruling,
    key: &PublicKey,
) -> Result<approval::Outcome, Failure> {
    let files = read("approval", &settings.approvals)?;
    let wanted = approval::Wanted::of(&judged.intent, judged.policy.digest());
    let approvers =
        if judged.decision.distinct_approvers { Approvers::Distinct } else { Approvers::Any };
    let demand = Demand { min_approvals: ruling.required_approvals, approvers };
    let outcome = approval::evaluate(&shown(&files), key, &wanted, &demand, now());
    outcome.map_err(Failure::input)
}

/// `None` where no rule asks.
fn ask_delegation(
    settings: &Settings,
    judged: &Judged,
    own: &PrivateKey,
) -> Result<Option<delegation::Outcome>, Failure> {
    let Some(demand) = &judged.decision.demands.delegation else { return Ok(None) };
    // A rule that asks for tokens matches only an intent that claims a delegation.
    let Some(chain) = judged.intent.delegation().map(delegation::Chain::of) else {
        return Ok(Some(delegation::Outcome::unanswered()));
    };
    let tokens = &settings.tokens;
    let explicit = match tokens.delegation_key.clone().load()? {
        Some(key) => Some(key),
        None => tokens.approval_key.clone().load()?,
    };
    let key = key(explicit, settings.profile, "delegation", own)?;
    let files = read("delegation", &tokens.delegations)?;
    let wanted = delegation::Wanted {
        intent_digest: Some(judged.intent.digest()),
        policy_digest: Some(judged.policy.digest()),
        scope: demand.scopes.clone(),
    };
    let outcome = delegation::evaluate(&shown(&files), &key, &wanted, &chain, now());
    outcome.map(Some).map_err(Failure::input)
}

/// The key that was given, or the trace's own where the profile lets it.
fn key(
    explicit: Option<PublicKey>,
    profile: Profile,
    kind: &str,
    own: &PrivateKey,
) -> Result<PublicKey, Failure> {
    match (explicit, profile) {
        (Some(key), _) => Ok(key),
        (None, Profile::Standard) => Ok(own.public()),
        (None, Profile::OssProd) => Err(Failure::input(format!(
            "oss-prod profile requires explicit {kind} verify key \
             (--{kind}-public-key/--{kind}-public-key-env or {kind} private key source)"
        ))),
    }
}

/// Expiry is held against the clock, whatever time the policy is judged at.
fn now() -> Time {
    Time::from_timestamp(clock::now())
}

/// Path and content of each file.
fn read(kind: &str, paths: &[String]) -> Result<Vec<(String, Vec<u8>)>, Failure> {
    let read = |path: &String| {
        let mut bytes = Vec::new();
        File::open(path)
            .and_then(|file| file.take(TOKEN_BYTES_MAX as u64 + 1).read_to_end(&mut bytes))
            .map_err(|error| Failure::input(format!("read {kind} token: {path}: {error}")))?;
        Ok((path.clone(), bytes))
    };
    paths.iter().map(read).collect()
}

fn shown(files: &[(String, Vec<u8>)]) -> Vec<Shown<'_>> {
    files.iter().map(|(name, bytes)| Shown { name, bytes }).collect()
}
