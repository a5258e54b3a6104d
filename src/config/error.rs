//! Why a config cannot be used: each text names the place and the mend.

use crate::policy::source as policy_source;
use crate::rollout::ShelfError;
use crate::store::StoreError;
use std::io;
use std::path::PathBuf;

/// Why a config cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file could not be read.
    #[error("read config {file}: {source}")]
    Read {
        /// The file as it was named.
        file: String,
        /// What the system said.
        source: io::Error,
    },
    /// It says something that cannot be meant.
    #[error("config {file}:{line}:{column}: {what}")]
    Invalid {
        /// The file as it was named.
        file: String,
        /// Counted from 1.
        line: u64,
        /// Counted from 1.
        column: u64,
        /// The field, what is wrong, and the mend.
        what: String,
    },
    /// The command line or the environment does.
    #[error("{0}")]
    Flags(String),
    /// No two looks at its files agreed.
    #[error(
        "{file} changes while it is read; write another file beside it, and rename that into its \
         place"
    )]
    Unsettled {
        /// The one that changed last.
        file: String,
    },
    /// The policy cannot be used.
    #[error("{source}{}", whence(source))]
    Policy {
        /// What is wrong with it.
        #[from]
        source: policy_source::PolicyError,
    },
    /// What was set by command cannot be used.
    #[error("{}: {source}", file.display())]
    Overlay {
        /// Where it lies.
        file: PathBuf,
        /// What is wrong with it.
        source: ShelfError,
    },
    /// The policy that is tried out cannot be used.
    #[error(
        "candidate policy: {source}; `candidate_policy` in the config names it, relative to the \
         config; mend it, or take the key out"
    )]
    Candidate {
        /// What is wrong with it.
        source: policy_source::PolicyError,
    },
    /// The kill switch cannot be used.
    #[error(
        "{source}; `kill_switch` in the config names it, relative to the config, and `gait \
         kill-switch add` makes one"
    )]
    KillSwitch {
        /// What is wrong with it.
        #[from]
        source: StoreError,
    },
}

/// Who named the file that cannot be read.
fn whence(error: &policy_source::PolicyError) -> &'static str {
    match error {
        policy_source::PolicyError::Read { .. } => {
            "; `policy` in the config names it, relative to the config, or --policy does"
        }
        _ => "",
    }
}
