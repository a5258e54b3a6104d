//! Why a load brought nothing: what is told to whoever asked, with the mend.
//!
//! Rejected: the errors of the config alone, which say nothing of mounts that hang and of what has to
//! wait.

use super::{LOAD_MAX, STUCK_MAX};
use crate::config::ConfigError;
use tokio::task::JoinError;

/// Why a load brought nothing.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failed {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(
        "the files of the config were not read within {} s; look at the mount that they are on",
        LOAD_MAX.as_secs()
    )]
    Late,
    #[error("{STUCK_MAX} loads hang; look at the mount that the files of the config are on")]
    Stuck,
    #[error(
        "what was set by command is there no more, which would let through more than before: it goes \
         once the files have not changed for some seconds, or at a reload"
    )]
    Restless,
    #[error("the load broke off: {0}; look at gait's log")]
    BrokeOff(#[from] JoinError),
    #[error(
        "a stage that was dropped would hold again, as `rollout.json` could not be written; see to \
         the disk"
    )]
    Revived,
}
