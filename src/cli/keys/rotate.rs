//! `gait keys rotate`: the next key pair beside the old ones, or the next key that signs a
//! gateway's evidence.
//!
//! The second is taken up by the gateway itself, at its next reload or start, so that the log can
//! say in its own lines that the old key vouches for the new one.

use super::Files;
use crate::cli::answer::{Answer, Exit, Failure, Outcome};
use crate::evidence::{self, RotateFailed};
use clap::Args;
use std::path::{Path, PathBuf};

/// What to rotate.
#[derive(Args)]
pub(in crate::cli) struct Rotate {
    /// State directory of the gateway whose evidence is to be signed with another key
    #[arg(long, value_name = "STATE_DIR", conflicts_with_all = ["out_dir", "prefix", "force"])]
    evidence: Option<PathBuf>,
    #[command(flatten)]
    files: Files,
}

impl Rotate {
    pub(super) fn run(self) -> Outcome {
        match self.evidence {
            Some(state) => evidence_key(&state),
            None => self.files.dated().make("keys rotate"),
        }
    }
}

fn evidence_key(state: &Path) -> Outcome {
    let rotated = evidence::rotate_key(state).map_err(|failed| match failed {
        RotateFailed::Machine(_) => Failure::internal(failed),
        RotateFailed::NoKey(_) | RotateFailed::Pending { .. } => Failure::input(failed),
    })?;
    let (path, previous) = (rotated.path.display(), rotated.previous_path.display());
    Ok(Answer::new(Exit::Success)
        .line(format!("keys rotate: key_id={}", rotated.key_id))
        .line(format!("private key: {path}"))
        .line(format!("the key before: {previous}"))
        .line("send SIGHUP to the gateway, or restart it: the old key then vouches for the new one")
        .with("private_key_path", path.to_string())
        .with("previous_key_path", previous.to_string())
        .with("previous_key_id", rotated.previous_id)
        .with("key_id", rotated.key_id))
}
