//! `gait delegate`: sign that somebody may act for another, and check such a token (spec E8).

use super::Invocation;
use super::answer::{Answer, Exit, Failure, Outcome};
use super::files;
use super::minting::Minting;
use super::verify_key::{Given, VerifyKey};
use crate::clock;
use crate::delegation::{Code, Grant, Link, Token, Wanted, prove};
use crate::intent::text::{lowlist, word};
use crate::intent::time::Time;
use crate::json::Digest;
use clap::{Args, Subcommand};
use std::path::PathBuf;

/// The subcommands of `gait delegate`.
#[derive(Subcommand)]
pub(super) enum Command {
    /// Sign that one identity may act for another
    Mint(Mint),
    /// Check a delegation token: exit 2 if its signature does not hold
    Verify(Verify),
}

/// Who may act for whom.
#[derive(Args)]
#[command(
    override_usage = "gait delegate mint --delegator <ID> --delegate <ID> --scope <CSV> --ttl <DURATION> [OPTIONS]"
)]
pub(super) struct Mint {
    /// Who passes a right on; required
    #[arg(long, value_name = "ID")]
    delegator: Option<String>,
    /// Who gets it; required
    #[arg(long, value_name = "ID")]
    delegate: Option<String>,
    /// A further scope, one word, as intents name it
    #[arg(long, value_name = "WORD")]
    scope_class: Option<String>,
    /// Digest of the one intent that it is for [default: any]
    #[arg(long, value_name = "HEX")]
    intent_digest: Option<String>,
    /// Digest of the one policy that it is for [default: any]
    #[arg(long, value_name = "HEX")]
    policy_digest: Option<String>,
    #[command(flatten)]
    minting: Minting,
}

/// A token, who should have signed it, and what it should say.
#[derive(Args)]
pub(super) struct Verify {
    /// Delegation token file
    #[arg(long, value_name = "FILE")]
    token: PathBuf,
    /// Public key file
    #[arg(long, value_name = "FILE")]
    public_key: Option<PathBuf>,
    /// Environment variable that holds the public key
    #[arg(long, value_name = "NAME")]
    public_key_env: Option<String>,
    /// Private key file; its public half is used
    #[arg(long, value_name = "FILE")]
    private_key: Option<PathBuf>,
    /// Environment variable that holds the private key
    #[arg(long, value_name = "NAME")]
    private_key_env: Option<String>,
    /// Who must have passed the right on [default: anybody]
    #[arg(long, value_name = "ID")]
    delegator: Option<String>,
    /// Who must have got it [default: anybody]
    #[arg(long, value_name = "ID")]
    delegate: Option<String>,
    /// Digest of the intent that it must be good for [default: not checked]
    #[arg(long, value_name = "HEX")]
    intent_digest: Option<String>,
    /// Digest of the policy that it must be good for [default: not checked]
    #[arg(long, value_name = "HEX")]
    policy_digest: Option<String>,
    /// Scopes of which it must have one, comma-separated [default: any will do]
    #[arg(long, value_name = "CSV")]
    scope: Option<String>,
}

impl Command {
    /// Runs the subcommand.
    pub(super) fn run(self, _: &Invocation) -> Outcome {
        match self {
            Command::Mint(mint) => mint.run(),
            Command::Verify(verify) => verify.run(),
        }
    }
}

// === impl Mint ===

impl Mint {
    fn run(self) -> Outcome {
        let mint = self.minting.settle()?;
        let grant = Grant {
            delegator_identity: self.delegator.unwrap_or_default(),
            delegate_identity: self.delegate.unwrap_or_default(),
            scope: mint.scope.clone(),
            scope_class: self.scope_class.unwrap_or_default(),
            intent_digest: self.intent_digest.unwrap_or_default(),
            policy_digest: self.policy_digest.unwrap_or_default(),
            created_at: mint.created_at,
            expires_at: mint.expires_at,
        };
        let token = grant.mint(&mint.key).map_err(Failure::input)?;
        let answer = mint.write("delegate mint", "delegation", token.token_id(), &token)?;
        Ok(answer
            .with("delegator_identity", token.delegator_identity())
            .with("delegate_identity", token.delegate_identity())
            .with("scope_class", token.scope_class()))
    }
}

// === impl Verify ===

impl Verify {
    fn run(self) -> Outcome {
        let path = self.token.display().to_string();
        let token = Token::read(&files::read("delegation token", &self.token)?)
            .map_err(|error| Failure::input(format!("{path}: {error}")))?;
        let wanted = self.wanted(&token)?;
        let link = Link {
            delegator: self.delegator.as_deref().map(str::trim),
            delegate: self.delegate.as_deref().map(str::trim),
        };
        let sources = VerifyKey {
            public: Given { path: self.public_key, env: self.public_key_env },
            private: Given { path: self.private_key, env: self.private_key_env },
        };
        let key = sources.required()?;
        let now = Time::from_timestamp(clock::now());
        match prove(&token, &key, now).and_then(|proven| proven.covers(link, &wanted)) {
            Ok(()) => Ok(valid(&token)),
            Err(code) => Err(refused(code, &token)),
        }
    }

    /// What was asked for; what was not is taken from the token, so that it cannot be missed.
    fn wanted(&self, token: &Token) -> Result<Wanted, Failure> {
        let intent = digest("intent_digest", self.intent_digest.as_deref())?;
        let policy = digest("policy_digest", self.policy_digest.as_deref())?;
        let scope = self.scope.as_deref().unwrap_or_default();
        Ok(Wanted {
            intent_digest: intent.or(token.intent_digest()),
            policy_digest: policy.or(token.policy_digest()),
            scope: lowlist(scope.split(',').map(str::to_owned).collect()),
        })
    }
}

fn digest(name: &str, said: Option<&str>) -> Result<Option<Digest>, Failure> {
    let Some(said) = said else { return Ok(None) };
    let digest = Digest::parse(&word(said.to_owned()));
    digest.map(Some).ok_or_else(|| Failure::input(format!("{name} must be sha256 hex when set")))
}

fn valid(token: &Token) -> Answer {
    let (delegator, delegate) = (token.delegator_identity(), token.delegate_identity());
    Answer::new(Exit::Success)
        .line(format!("delegate verify: valid token_id={}", token.token_id()))
        .line(format!("{delegate} acts for {delegator} until {}", token.expires_at()))
        .line(format!("scope: {}", token.scope().join(",")))
        .with("token_id", token.token_id())
        .with("valid", true)
        .with("delegator_identity", delegator)
        .with("delegate_identity", delegate)
        .with("scope", token.scope().to_vec())
        .with("scope_class", token.scope_class())
        .with("expires_at", token.expires_at().to_string())
        .with("key_id", token.key_id())
}

fn refused(code: Code, token: &Token) -> Failure {
    let exit = match code {
        Code::SignatureMissing | Code::SignatureInvalid => Exit::VerificationFailed,
        _ => Exit::InvalidInput,
    };
    Failure::new(exit, format!("{}: {}", code.as_str(), meaning(code)))
        .with("token_id", token.token_id())
        .with("reason_codes", vec![code.as_str()])
}

fn meaning(code: Code) -> &'static str {
    match code {
        Code::ChainMismatch | Code::Missing => "no link of the chain needs it",
        Code::Invalid => "a member is missing or not in the form of a delegation token",
        Code::SignatureMissing => "it is not signed",
        Code::SignatureInvalid => "this key did not sign it as it is",
        Code::Expired => "its time is over; mint a new one",
        Code::DelegatorMismatch => "somebody else delegates",
        Code::DelegateMismatch => "it is for somebody else",
        Code::IntentMismatch => "it is for another intent",
        Code::PolicyMismatch => "it is for another policy",
        Code::ScopeMismatch => "it has none of the scopes",
    }
}
