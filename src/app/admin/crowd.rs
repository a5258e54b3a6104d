//! The connections of the admin listener, and who makes room when there are too many.
//!
//! Whoever reaches the listener can open them without a token. Were a newcomer just to wait, a few
//! hundred that say nothing would keep approvers from saying no. So the oldest that is not being
//! answered is closed; those that wait for a change are being answered. Rejected: a bound for each
//! address, since from behind a tunnel everybody has the same.

use crate::clock;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokio::task::AbortHandle;

/// Enough for a handshake and a head from the other end of the world.
const GRACE: Duration = Duration::from_millis(400);

/// All that are open, oldest first.
#[derive(Default)]
pub(super) struct Crowd(VecDeque<Member>);

struct Member {
    since: Instant,
    busy: Busy,
    task: AbortHandle,
}

/// Whether a connection is being answered.
#[derive(Clone, Default)]
pub(super) struct Busy(Arc<AtomicBool>);

/// For as long as it is.
pub(super) struct Answering(Busy);

/// Whether one more may come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Room {
    Now,
    /// Once the oldest has had its time.
    In(Duration),
    /// Once one has ended, or been answered.
    None,
}

impl Busy {
    pub(super) fn answering(&self) -> Answering {
        self.0.store(true, Ordering::Relaxed);
        Answering(self.clone())
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        self.0.0.store(false, Ordering::Relaxed);
    }
}

impl Crowd {
    /// Whether one more may come where there may be `most`.
    pub(super) fn room(&mut self, most: usize) -> Room {
        self.0.retain(|member| !member.task.is_finished());
        if self.0.len() < most {
            return Room::Now;
        }
        let idle = |member: &&Member| !member.busy.0.load(Ordering::Relaxed);
        match self.0.iter().find(idle) {
            None => Room::None,
            Some(oldest) => {
                let age = clock::instant().saturating_duration_since(oldest.since);
                GRACE.checked_sub(age).filter(|left| !left.is_zero()).map_or(Room::Now, Room::In)
            }
        }
    }

    /// Takes one more; the oldest that is not being answered leaves where there are `most`.
    pub(super) fn join(&mut self, most: usize, busy: Busy, task: AbortHandle) {
        let idle = |member: &Member| !member.busy.0.load(Ordering::Relaxed);
        if self.0.len() >= most
            && let Some(oldest) = self.0.iter().position(idle)
            && let Some(oldest) = self.0.remove(oldest)
        {
            tracing::debug!("a connection to the admin listener makes room for another");
            oldest.task.abort();
        }
        self.0.push_back(Member { since: clock::instant(), busy, task });
    }
}
