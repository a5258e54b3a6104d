//! `gait trace verify`: check what a decision left behind (spec C13.4).

use crate::cli::answer::{Answer, Exit, Failure, Outcome};
use crate::cli::files;
use crate::cli::verify_key::{Given, VerifyKey};
use crate::sign::Refusal;
use crate::trace::{Record, Unverified};
use clap::Args;
use std::path::{Path, PathBuf};

/// One record and the key that should have signed it.
#[derive(Args)]
pub(in crate::cli) struct Verify {
    /// Trace record file
    path: PathBuf,
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
}

// === impl Verify ===

impl Verify {
    /// Checks the record.
    pub(super) fn run(self) -> Outcome {
        let record = Record::read(&files::read("trace record", &self.path)?)
            .map_err(|error| Failure::input(format!("{}: {error}", self.path.display())))?;
        let sources = VerifyKey {
            public: Given { path: self.public_key, env: self.public_key_env },
            private: Given { path: self.private_key, env: self.private_key_env },
        };
        let key = sources
            .load()?
            .ok_or_else(|| Failure::input("public key not configured: give --public-key"))?;
        verdict(&self.path, &record, record.verify(&key))
    }
}

/// Exit 0 or 2. Ed25519 saying no is an answer without an error text, as in the public tool.
fn verdict(path: &Path, record: &Record, verified: Result<(), Unverified>) -> Outcome {
    let path = path.display().to_string();
    let answer = |exit, status: &str| {
        Answer::new(exit)
            .line(format!("trace verify: {status} trace_id={}", record.trace_id()))
            .with("path", path.as_str())
            .with("trace_id", record.trace_id())
            .with("verdict", record.verdict())
            .with("signature_status", status)
            .with("key_id", record.key_id())
    };
    match verified {
        Ok(()) => Ok(answer(Exit::Success, "verified")),
        Err(Unverified::Refused(Refusal::Untrue)) => Ok(answer(Exit::VerificationFailed, "failed")),
        Err(error) => Err(Failure::new(Exit::VerificationFailed, error)
            .with("path", path.as_str())
            .with("trace_id", record.trace_id())
            .with("verdict", record.verdict())
            .with("signature_status", "failed")),
    }
}
