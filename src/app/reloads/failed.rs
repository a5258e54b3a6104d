//! Why a load brought nothing: what is told to whoever asked, with the mend.
//!
//! Rejected: the errors of the config alone, which say nothing of mounts that hang and of what has to
//! wait.

use super::held::{HELD_MAX, REST};
use super::work::{Disk, WORK_MAX};
use crate::config::ConfigError;
use std::fmt;
use tokio::task::JoinError;

/// Why a load brought nothing.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failed {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error("{0} were not read within {max} s; look at the mount that they are on", max = WORK_MAX.as_secs())]
    Late(Disk),
    #[error("{max} loads hang on {0}; look at the mount that they are on", max = .0.stuck_max())]
    Stuck(Disk),
    #[error(
        "what was set by command is there no more, which would let through more than before: it goes \
         once the files have not changed for some seconds, or at a reload"
    )]
    Restless,
    #[error(
        "`{file}` had other bytes {times} times within {max} s, and what would let more through than before \
         comes into force once nothing has changed for {rest} s; stop what writes it, or reload",
        max = HELD_MAX.as_secs(), rest = REST.as_secs()
    )]
    Overdue { file: String, times: u32 },
    #[error("the load broke off: {0}; look at gait's log")]
    BrokeOff(#[from] JoinError),
    #[error(
        "a stage that was dropped would hold again, as `rollout.json` could not be written; see to \
         the disk, and it is loaded then"
    )]
    Revived,
}

// === impl Disk ===

impl fmt::Display for Disk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Disk::Config => "the files of the config",
            Disk::State => "the files of the state directory",
        })
    }
}
