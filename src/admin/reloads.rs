//! Asking for a reload, and what came of it.
//!
//! `app` loads and swaps, one reload after the other; everybody else asks through here and is told.

use std::sync::Arc;
use tokio::sync::{mpsc, oneshot};

/// As many may wait for one.
const WAITING_MAX: usize = 16;

/// What came of a reload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Loaded {
    /// This snapshot is in force.
    InForce {
        /// Its name.
        snapshot: Arc<str>,
        /// Whether it was before.
        change: Change,
    },
    /// The old one stays, because of this.
    Refused(Arc<str>),
}

/// Whether a reload brought anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// Something is other than before. Where that is a secret alone, the name is the same: it shows
    /// nothing that a secret could be guessed by.
    Made,
    /// The files say what they said.
    None,
}

/// What is to be put in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Want {
    /// All that the files say.
    All,
    /// What was set by command, over what is in force: no other file is read.
    Stages,
}

/// Somebody who asks, and is told.
#[derive(Debug)]
pub struct Asked {
    /// What for.
    pub want: Want,
    /// Where to.
    pub told: oneshot::Sender<Loaded>,
}

/// The way to ask; cheap to clone.
#[derive(Clone, Debug)]
pub struct Reloads(mpsc::Sender<Asked>);

/// There are too many who ask, or nobody is there any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no reload can be asked for now; try again")]
pub struct Unheard;

// === impl Reloads ===

impl Reloads {
    /// The way to ask, and where it leads.
    pub fn new() -> (Reloads, mpsc::Receiver<Asked>) {
        let (sender, receiver) = mpsc::channel(WAITING_MAX);
        (Reloads(sender), receiver)
    }

    /// Has this put in force, and waits for what comes of it.
    ///
    /// # Errors
    /// Nobody hears it.
    pub async fn ask(&self, want: Want) -> Result<Loaded, Unheard> {
        let (told, answer) = oneshot::channel();
        self.0.try_send(Asked { want, told }).map_err(|_| Unheard)?;
        answer.await.map_err(|_| Unheard)
    }
}
