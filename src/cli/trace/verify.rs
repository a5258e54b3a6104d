//! `gait trace verify`: check what was left behind, one trace record (spec C13.4) or a whole log.

mod log;
mod text;

pub(in crate::cli) use log::checked;

use crate::cli::answer::{Answer, Exit, Failure, Outcome};
use crate::cli::files;
use crate::cli::verify_key::{Given, VerifyKey};
use crate::evidence::KeptHead;
use crate::sign::Refusal;
use crate::trace::{Record, Unverified};
use clap::Args;
use std::path::{Path, PathBuf};

const HELP: &str = "\
A file is one trace record, signed by the key that is given. A directory is an evidence log, checked
line by line, offline: the chain, every signature, the keys, the seals, what a crash left, and what
retention took away.

Trust:
  With --public-key these keys are trusted, and every key that a trusted one hands over to. Without
  it the first key of the log is: that proves that one key wrote the log, but not whose it is.
  A signature speaks for all lines before it. Lines behind the last one are only chained, and the
  answer says how many they are. That the end is not cut off is shown by a head kept elsewhere
  (/evidence/head on the telemetry listener, the log's own messages): --expect-head.

Exit: 0 sound; 2 not as it was written, and the line is named; 6 no log or record there, or unreadable.

Examples:
  gait trace verify state --public-key evidence_signing.pub
  gait trace verify state --expect-head 120034:9f2c…
  gait trace verify trace_3fda.json --public-key keys/gait_public.key";

/// A record or a log, and the keys that should have signed it.
#[derive(Args)]
#[command(after_help = HELP)]
pub(in crate::cli) struct Verify {
    /// Trace record file; or a state directory, or the folder `evidence` in it
    path: PathBuf,
    /// Public key file; may be repeated for a log
    #[arg(long, value_name = "FILE")]
    public_key: Vec<PathBuf>,
    /// Environment variable that holds the public key of a record
    #[arg(long, value_name = "NAME")]
    public_key_env: Option<String>,
    /// Private key file; its public half is used for a record
    #[arg(long, value_name = "FILE")]
    private_key: Option<PathBuf>,
    /// Environment variable that holds the private key of a record
    #[arg(long, value_name = "NAME")]
    private_key_env: Option<String>,
    /// A head that the log had, now or before: HASH or SEQ:HASH
    #[arg(long, value_name = "HEAD")]
    expect_head: Option<KeptHead>,
}

// === impl Verify ===

impl Verify {
    /// Checks the record or the log.
    pub(super) fn run(self) -> Outcome {
        if self.path.is_dir() { self.log() } else { self.record() }
    }

    fn log(self) -> Outcome {
        let of_records = [
            (self.public_key_env.is_some(), "--public-key-env"),
            (self.private_key.is_some(), "--private-key"),
            (self.private_key_env.is_some(), "--private-key-env"),
        ];
        if let Some((_, flag)) = of_records.into_iter().find(|(is_given, _)| *is_given) {
            return Err(Failure::input(format!(
                "`{flag}` is for a trace record, and `{}` is a directory: give --public-key",
                self.path.display()
            )));
        }
        log::verify(&self.path, &self.public_key, self.expect_head)
    }

    fn record(self) -> Outcome {
        if self.expect_head.is_some() {
            return Err(Failure::input(format!(
                "`--expect-head` is for an evidence log, and `{}` is no directory",
                self.path.display()
            )));
        }
        if self.public_key.len() > 1 {
            return Err(Failure::input("a trace record has one key: give one --public-key"));
        }
        let record = Record::read(&files::read("trace record", &self.path)?)
            .map_err(|error| Failure::input(format!("{}: {error}", self.path.display())))?;
        let sources = VerifyKey {
            public: Given { path: self.public_key.into_iter().next(), env: self.public_key_env },
            private: Given { path: self.private_key, env: self.private_key_env },
        };
        let key = sources.required()?;
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
